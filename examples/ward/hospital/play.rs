//! The days of the hospital, one after the other.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::Plan;
use super::cast::{Cast, Device, Kind, Power, THEATRES};
use super::clock::{DAY, HOUR, MINUTE, SECOND, is_open, of_day};
use super::coming::{PULLED, plugged};
use super::imaging::Exam;
use super::mirror::{Blind, End, Mirror, Talk};
use super::people;
use super::rng::Rng;
use super::say::dicom::Study;

/// Traces that one device left in what the mirror showed.
#[derive(Clone, Default)]
pub(crate) struct Traces {
    pub(crate) exams: Vec<Exam>,
    /// Times of results that were seen.
    pub(crate) results: Vec<u64>,
    /// Times at which values of a patient were seen.
    pub(crate) values: Vec<u64>,
    /// Times at which a person showed itself.
    pub(crate) sessions: Vec<u64>,
    /// When it began to run while the recording ran, and what shows it.
    pub(crate) starts: Vec<(u64, Shows)>,
    /// When it had power, in the order of time.
    pub(crate) powered: Vec<(u64, u64)>,
}

/// What of a start passed where the sensor saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// The device counts since when it runs, and says so.
    Counter,
    /// Its firmware asked on its link.
    Firmware,
    /// A relay handed on what its firmware asked.
    Relay,
    /// Its network came up, and it had been off where it could have been seen.
    Network,
    /// The same, for about ten minutes.
    Perhaps,
    Nothing,
}

impl Shows {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Firmware => "firmware",
            Self::Relay => "relay",
            Self::Network => "network",
            Self::Perhaps => "perhaps",
            Self::Nothing => "nothing",
        }
    }
}

/// A study that the archive has.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) device: usize,
    pub(crate) study: Study,
    /// When it came.
    pub(crate) since: u64,
}

/// The hospital while it runs.
pub(crate) struct Play<W> {
    pub(crate) plan: Plan,
    pub(crate) cast: Cast,
    pub(crate) mirror: Mirror<W>,
    pub(crate) traces: Vec<Traces>,
    /// Conversations that stay open: from whom to whom about whom.
    pub(crate) talks: BTreeMap<(usize, usize, usize), Talk>,
    /// Examinations whose images wait for the night.
    pub(crate) waiting: BTreeMap<usize, Vec<Exam>>,
    pub(crate) kept: Vec<Kept>,
    /// Stays of patients at bedside devices.
    pub(crate) stays: BTreeMap<usize, Vec<(u64, u64)>>,
    /// Studies and messages so far.
    pub(crate) number: u64,
}

/// The first hour of the capture.
const START: u64 = 6 * HOUR;

impl<W: Write> Play<W> {
    pub(crate) fn new(plan: Plan, out: W) -> io::Result<Self> {
        let cast = people::cast(plan.small, plan.days);
        let blind = blind(plan.days);
        let mirror = Mirror::new(out, blind, cast.devices.len())?;
        let traces = vec![Traces::default(); cast.devices.len()];
        let mut play = Self {
            plan,
            cast,
            mirror,
            traces,
            talks: BTreeMap::new(),
            waiting: BTreeMap::new(),
            kept: Vec::new(),
            stays: BTreeMap::new(),
            number: 1000,
        };
        play.admit();
        Ok(play)
    }

    pub(crate) fn run(&mut self) -> io::Result<()> {
        for day in 0..=self.plan.days {
            self.day(day);
            self.mirror.flush((day + 1) * DAY)?;
        }
        Ok(())
    }

    /// Everything that happens on one day.
    fn day(&mut self, day: u64) {
        self.links(day);
        self.archive_night(day);
        self.admissions(day);
        let mut exams = Vec::new();
        for who in 0..self.cast.devices.len() {
            let mut rng = self.rng(day, who);
            let powered = powered(&self.cast.devices[who], day, &mut rng);
            self.traces[who].powered.extend(&powered);
            for span in powered {
                self.begin(day, who, span, &mut rng);
                exams.extend(self.work(day, who, span, &mut rng));
                self.idle(who, span, &mut rng);
            }
        }
        self.archive_day(day, &exams);
        self.proxies(day);
        self.moves(day);
        self.no_starts(day);
        self.polls(day);
    }

    /// A device gets power: nothing for those that never lost it.
    fn begin(&mut self, day: u64, who: usize, (from, _): (u64, u64), rng: &mut Rng) {
        let comes = from % DAY > 0 || day == 0;
        if comes && self.cast.devices[who].leased {
            let at = from.max(if day == 0 { START + rng.between(5, 240) * SECOND } else { 0 });
            self.comes(who, from, at, day == 0);
        } else if comes {
            self.comes(who, from, from.max(if day == 0 { START } else { 0 }), false);
        }
        if comes {
            let at = from.max(if day == 0 { START } else { 0 });
            self.announce(who, at + rng.between(1, 30) * SECOND);
        }
    }

    /// What it is there for.
    fn work(&mut self, day: u64, who: usize, span: (u64, u64), rng: &mut Rng) -> Vec<Exam> {
        match self.cast.devices[who].kind.clone() {
            Kind::Modality(it) => return self.image(day, who, &it, span, rng),
            Kind::Analyzer(how, model, serial) => {
                self.analyse(day, who, (how, model, &serial), span, rng);
            }
            Kind::Bedside(values, pump) => self.watch(who, values, pump, span, rng),
            Kind::Workstation { .. } | Kind::Viewer => self.sit(day, who, span, rng),
            _ => {}
        }
        Vec::new()
    }

    /// Chance for one device on one day.
    pub(crate) fn rng(&self, day: u64, who: usize) -> Rng {
        let mut rng = Rng::new(self.plan.seed ^ day << 40 ^ (who as u64) << 20);
        rng.bits();
        rng
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    pub(crate) fn ends(&self, at: u64, client: usize, server: usize) -> [End; 2] {
        self.cast.ends(at, client, server)
    }

    /// Whether what one sends to the other at a time is seen anywhere.
    pub(crate) fn sees(&self, at: u64, from: usize, to: usize) -> bool {
        let [from, _] = self.ends(at, from, to);
        from.legs.iter().any(|leg| self.mirror.blind.sees(leg.vlan, at))
    }

    /// Whether sight begins or ends near one of these times.
    pub(crate) fn is_near_edge(&self, times: &[u64]) -> bool {
        let edges = self.mirror.blind.edges();
        times.iter().any(|at| edges.iter().any(|edge| at.abs_diff(*edge) < 3 * MINUTE))
    }
}

/// What is recorded, and when nothing is seen: the sensor stands still for two hours, one
/// VLAN is not mirrored for three; in a quarter also for a day, and again.
fn blind(days: u64) -> Blind {
    let mut it = Blind {
        span: (START, days * DAY + START),
        outages: vec![(of_day(0, 13, 7), of_day(0, 15, 7))],
        vanished: vec![(THEATRES, of_day(0, 9, 20), of_day(0, 12, 20))],
    };
    if days > 30 {
        it.outages.extend([
            (of_day(9, 22, 30), of_day(10, 23, 30)),
            (of_day(37, 10, 0), of_day(37, 10, 42)),
            (of_day(64, 2, 0), of_day(64, 9, 15)),
        ]);
        it.vanished.extend([
            (super::cast::WARDS, of_day(22, 7, 0), of_day(22, 11, 30)),
            (super::cast::IMAGING, of_day(50, 14, 0), of_day(51, 8, 0)),
        ]);
    }
    it
}

/// When a device has power on a day.
fn powered(it: &Device, day: u64, rng: &mut Rng) -> Vec<(u64, u64)> {
    let whole = vec![(day * DAY, (day + 1) * DAY)];
    let on = of_day(day, 7, 15) + rng.between(0, 40 * 60) * SECOND;
    let off = of_day(day, 17, 50) + rng.between(0, 70 * 60) * SECOND;
    match it.power {
        // Started again at half past twelve, every other week.
        _ if it.name == "ct-two" && day.is_multiple_of(14) => {
            let (down, up) = (of_day(day, 12, 28), of_day(day, 12, 34));
            vec![(day * DAY, down), (up, (day + 1) * DAY)]
        }
        Power::Always | Power::Standby => whole,
        Power::Day if is_open(day) && it.name == PULLED => {
            let (pulled, again) = plugged(day);
            vec![(on, pulled), (again, off)]
        }
        Power::Day if is_open(day) => vec![(on, off)],
        Power::Day => Vec::new(),
    }
}
