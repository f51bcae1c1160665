//! What is true of the capture: for each device the minutes in which it could be observed,
//! was on line, was worked with, and its examinations. Times are seconds since 1970 in UTC.
//!
//! * on line: minutes in which a frame of its own passed where the sensor saw it;
//! * observed: since it was first heard, minutes in which the sensor ran and the device's
//!   VLAN was mirrored, and those in which it was on line;
//! * in use: the time of examinations of which the evidence passed where the sensor saw it,
//!   to the second; of results, values and sessions the minutes that they were in, and
//!   those between two that are no further apart than their gap. Only what lies in observed
//!   minutes counts.

use std::io::Write;

use serde::{Deserialize, Serialize};

use super::cast::{Kind, OFFICES, Reports, TRANSIT};
use super::clock::{DAY, EPOCH, MINUTE, SECOND, ZONE, day_text};
use super::imaging::Exam;
use super::mirror::Minutes;
use super::play::Play;
use super::say::CANARIES;

/// Minutes between two results, values, traces of a session that are work as well.
const GAPS: [u64; 3] = [5, 2, 30];
/// What a single image stands for, in seconds.
const LEAST: u64 = 60;

/// The truth of one capture.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Truth {
    /// File name.
    pub(crate) capture: String,
    pub(crate) seed: u64,
    /// Of the capture, whole.
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// Of the site's clocks.
    pub(crate) zone: String,
    /// What was recorded.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Marks of patients and users: these must be nowhere.
    pub(crate) canaries: Vec<String>,
    pub(crate) devices: Vec<Device>,
}

/// The truth of one device.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) mac: String,
    pub(crate) ips: Vec<String>,
    pub(crate) vlan: u16,
    /// Nothing that it sends is work done at it.
    pub(crate) infrastructure: bool,
    /// Minutes; those of the network's own gear are not told, which is in all VLANs.
    pub(crate) observed: Option<u64>,
    pub(crate) online: Option<u64>,
    /// Minutes in which it had power while the sensor ran, which no traffic shows.
    pub(crate) powered: u64,
    /// How its use can be told, and for how many minutes; none where nothing shows it.
    pub(crate) in_use: Option<(String, f64)>,
    /// Examinations of which something was seen.
    pub(crate) examinations: Option<u64>,
    /// Minutes of those of which too little was seen to know how long they took.
    pub(crate) doubtful: f64,
    /// Examinations that were done, seen or not: begin and end.
    pub(crate) exams: Vec<(u64, u64)>,
    /// When it began to run while the recording ran, and what shows it.
    pub(crate) starts: Vec<Start>,
    pub(crate) days: Vec<Day>,
}

/// A start of a device.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Start {
    /// When it got power, or said that it began to run.
    pub(crate) at: u64,
    /// What of it passed where the sensor saw it; `nothing`, or `perhaps` enough.
    pub(crate) shows: String,
}

/// One local day of a device.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Day {
    pub(crate) date: String,
    /// The same, counted from 1970-01-01.
    pub(crate) number: i32,
    pub(crate) observed: u64,
    pub(crate) online: u64,
    pub(crate) in_use: f64,
    pub(crate) examinations: u64,
    /// First and last second of work.
    pub(crate) first: Option<u64>,
    pub(crate) last: Option<u64>,
}

const fn unix(at: u64) -> u64 {
    EPOCH + at / SECOND
}

/// What of an examination can be known: its time, if anything of it was seen; of a step of
/// which only the begin or the end was seen it is not known how long it took.
fn known(exam: &Exam) -> Option<(u64, u64)> {
    let seen = exam.seen;
    match (seen.begun, seen.ended, seen.images) {
        (true, true, _) => Some((exam.begin, exam.end)),
        (true, false, Some((_, last))) => Some((exam.begin, last)),
        (false, true, Some((first, _))) => Some((first, exam.end)),
        (false, false, Some((first, last))) => Some((first, last.max(first + LEAST * SECOND))),
        (true, false, None) => Some((exam.begin, exam.begin)),
        (false, true, None) => Some((exam.end, exam.end)),
        (false, false, None) => None,
    }
}

/// Minutes of traces, and those between two that are near each other, as stretches.
fn bridged(times: &[u64], gap: u64) -> Vec<(u64, u64)> {
    let mut minutes: Vec<u64> = times.iter().map(|at| at / MINUTE).collect();
    minutes.sort_unstable();
    let mut all: Vec<(u64, u64)> = Vec::new();
    for minute in minutes {
        match all.last_mut() {
            Some((_, to)) if minute <= *to + gap => *to = (*to).max(minute + 1),
            _ => all.push((minute, minute + 1)),
        }
    }
    all.into_iter().map(|(from, to)| (from * MINUTE, to * MINUTE)).collect()
}

/// Stretches that do not overlap, in order.
fn united(mut all: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    all.sort_unstable();
    let mut one: Vec<(u64, u64)> = Vec::new();
    for (from, to) in all {
        match one.last_mut() {
            Some((_, end)) if from <= *end => *end = (*end).max(to),
            _ => one.push((from, to)),
        }
    }
    one
}

/// Microseconds of the stretches in minutes that were observed, between two times.
fn within(stretches: &[(u64, u64)], observed: &Minutes, from: u64, to: u64) -> u64 {
    let mut sum = 0;
    for (begin, end) in stretches {
        let (mut at, end) = ((*begin).max(from), (*end).min(to));
        while at < end {
            let next = (at / MINUTE + 1) * MINUTE;
            if observed.has(at / MINUTE) {
                sum += next.min(end) - at;
            }
            at = next;
        }
    }
    sum
}

fn minutes(micros: u64) -> f64 {
    (micros / SECOND) as f64 / 60.0
}

impl Truth {
    pub(crate) fn of<W: Write>(play: &Play<W>, capture: &str) -> Self {
        let (from, to) = play.mirror.blind.span;
        Self {
            capture: capture.to_owned(),
            seed: play.plan.seed,
            frames: play.mirror.frames,
            bytes: play.mirror.bytes,
            zone: ZONE.to_owned(),
            from: unix(from),
            to: unix(to),
            canaries: CANARIES.iter().map(|it| (*it).to_owned()).collect(),
            devices: (0..play.cast.devices.len()).map(|who| Device::of(play, who)).collect(),
        }
    }
}

impl Device {
    fn of<W: Write>(play: &Play<W>, who: usize) -> Self {
        let it = &play.cast.devices[who];
        let blind = &play.mirror.blind;
        let traces = &play.traces[who];
        let vlan = if it.vlan == OFFICES { TRANSIT } else { it.vlan };
        let (first, last) = (blind.span.0 / MINUTE, blind.span.1 / MINUTE);
        let online = &play.mirror.online[who];
        let mut observed = Minutes::default();
        let watched = |minute: &u64| blind.sees(vlan, minute * MINUTE) || online.has(*minute);
        // Nothing is known of it before it is first heard.
        let since = (first..last).find(|minute| online.has(*minute)).unwrap_or(last);
        (since..last).filter(watched).for_each(|minute| observed.set(minute));

        let seen = || traces.exams.iter().filter_map(|exam| Some((exam, known(exam)?)));
        let times: Vec<(u64, u64)> = seen().map(|(_, time)| time).collect();
        let short = seen().filter(|(_, (from, to))| from == to);
        let doubtful = united(short.map(|(exam, _)| (exam.begin, exam.end)).collect());
        let (method, stretches) = match &it.kind {
            Kind::Modality(it) => {
                let method = match it.reports {
                    Reports::Steps => Some("mpps"),
                    Reports::Nothing => None,
                    _ => Some("images"),
                };
                (method, united(times.clone()))
            }
            Kind::Analyzer(..) => (Some("results"), bridged(&traces.results, GAPS[0])),
            Kind::Bedside(..) => {
                let shown = !traces.values.is_empty();
                (shown.then_some("vitals"), bridged(&traces.values, GAPS[1]))
            }
            Kind::Workstation { .. } | Kind::Viewer => {
                (Some("sessions"), bridged(&traces.sessions, GAPS[2]))
            }
            _ => (None, Vec::new()),
        };
        let in_use = method
            .map(|method| (method.to_owned(), minutes(within(&stretches, &observed, 0, u64::MAX))));
        let imaging = matches!(&it.kind, Kind::Modality(it) if it.reports != Reports::Nothing);
        let network = matches!(it.kind, Kind::Network);
        let powered = traces.powered.iter().map(|(from, to)| {
            let all = from.div_ceil(MINUTE)..*to / MINUTE;
            all.filter(|minute| blind.sees(vlan, minute * MINUTE)).count() as u64
        });
        let days = (first * MINUTE / DAY..(last * MINUTE).div_ceil(DAY)).map(|day| {
            let (from, to) = (day * DAY, (day + 1) * DAY);
            let own = |(begin, _): &&(u64, u64)| from <= *begin && *begin < to;
            let mut work: Vec<(u64, u64)> = stretches
                .iter()
                .map(|(a, b)| ((*a).max(from), (*b).min(to)))
                .filter(|(a, b)| a < b)
                .collect();
            work.retain(|span| within(&[*span], &observed, 0, u64::MAX) > 0);
            Day {
                date: day_text(day),
                number: (EPOCH / 86_400 + 1 + day) as i32,
                observed: observed.count(from / MINUTE, to / MINUTE),
                online: online.count(from / MINUTE, to / MINUTE),
                in_use: minutes(within(&stretches, &observed, from, to)),
                examinations: times.iter().filter(own).count() as u64,
                first: work.first().map(|(begin, _)| unix(*begin)),
                last: work.last().map(|(_, end)| unix(*end)),
            }
        });
        Self {
            name: it.name.clone(),
            kind: it.kind.name().to_owned(),
            mac: it.mac.to_string(),
            ips: it.addresses.iter().map(|(_, ip)| ip.to_string()).collect(),
            vlan,
            infrastructure: it.kind.is_infrastructure(),
            observed: (!network).then(|| observed.count(first, last)),
            online: (!network).then(|| online.count(first, last)),
            powered: powered.sum(),
            in_use,
            examinations: imaging.then_some(times.len() as u64),
            doubtful: minutes(within(&doubtful, &observed, 0, u64::MAX)),
            exams: traces
                .exams
                .iter()
                .filter(|it| it.end > blind.span.0 && it.begin < blind.span.1)
                .map(|it| (unix(it.begin), unix(it.end)))
                .collect(),
            starts: traces
                .starts
                .iter()
                .filter(|(at, _)| (blind.span.0..blind.span.1).contains(at))
                .map(|(at, shows)| Start { at: unix(*at), shows: shows.name().to_owned() })
                .collect(),
            days: days.collect(),
        }
    }
}
