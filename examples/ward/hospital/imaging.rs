//! Examinations: worklist, performed steps, images.

use std::io::Write;

use super::cast::{Kind, Modality, Power, Reports};
use super::clock::{DAY, HOUR, MINUTE, SECOND, before, is_open, of_day};
use super::mirror::Talk;
use super::play::{Kept, Play};
use super::rng::Rng;
use super::say::dicom::{self, Association, Dated, Made, Study};

/// One examination.
#[derive(Clone)]
pub(crate) struct Exam {
    pub(crate) device: usize,
    pub(crate) study: Study,
    /// As it was.
    pub(crate) begin: u64,
    pub(crate) end: u64,
    /// When each image was made.
    pub(crate) images: Vec<u64>,
    /// What of it passed where the sensor saw it.
    pub(crate) seen: Seen,
}

/// Evidence that was seen.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) begun: bool,
    pub(crate) ended: bool,
    /// First and last image of those that were seen on their way.
    pub(crate) images: Option<(u64, u64)>,
}

impl<W: Write> Play<W> {
    /// A modality's day; the examinations done.
    pub(crate) fn image(
        &mut self,
        day: u64,
        who: usize,
        it: &Modality,
        (on, off): (u64, u64),
        rng: &mut Rng,
    ) -> Vec<Exam> {
        let mut all = Vec::new();
        if it.reports == Reports::Nightly {
            self.send_waiting(day, who, it);
        }
        let (shortest, longest, pause) = it.pace;
        let open = is_open(day);
        let (first, last) = (of_day(day, 8, 25), of_day(day, 17, 10));
        let (mut at, until) = match (open, it.emergencies) {
            (true, _) => (on.max(first) + rng.between(0, 1200) * SECOND, off.min(last)),
            (false, true) => (on.max(of_day(day, 7, 0)), off),
            (false, false) => return all,
        };
        // In the morning it asks whether the archive is there: no work either.
        if it.reports != Reports::Nothing {
            let archive = self.cast.find(|kind| matches!(kind, Kind::Archive));
            let when = at - 15 * MINUTE;
            self.exchange(who, archive, when, it, dicom::VERIFICATION, &dicom::echo());
        }
        while at < until {
            let length = rng.between(shortest * 60, longest * 60) * SECOND;
            let rare = !open;
            let end = at + length;
            if end > off || end > until + HOUR {
                break;
            }
            if it.reports == Reports::Nothing {
                self.traces[who].exams.push(exam(who, self.number, it, (at, end), Vec::new()));
            } else {
                let done = self.examine(who, it, (at, end), rng);
                at = done.end;
                all.push(done);
            }
            let wait = if rare { rng.between(60, 400) } else { rng.between(2, pause + 1) };
            at = at.max(end) + wait * MINUTE + rng.between(0, 60) * SECOND;
        }
        // An emergency over midnight, and one at four.
        if it.emergencies && self.cast.devices[who].power == Power::Always {
            for begin in [of_day(day, 20, 40), of_day(day, 23, 50)] {
                let begin = begin + rng.between(0, 900) * SECOND;
                let last = self.mirror.blind.span.1;
                let free = all.last().is_none_or(|done: &Exam| done.end + 5 * MINUTE < begin);
                if begin + 2 * HOUR < last && free {
                    let length = rng.between(shortest * 60, longest * 60) * SECOND;
                    all.push(self.examine(who, it, (begin, begin + length), rng));
                }
            }
        }
        if it.machine.ae == "CT-ONE" {
            self.send_again(day, who, it);
        }
        all
    }

    /// One examination with everything that passes for it.
    fn examine(&mut self, who: usize, it: &Modality, span: (u64, u64), rng: &mut Rng) -> Exam {
        let (mut begin, mut end) = span;
        let list = rng.between(40, 170) * SECOND;
        let (created, set) = (rng.between(2, 20) * SECOND, rng.between(2, 15) * SECOND);
        let sent = rng.between(20, 80) * SECOND;
        // No message is cut in two by the end of sight.
        while self.is_near_edge(&[begin - list, begin + created, end + set, end + sent]) {
            begin += 2 * MINUTE;
            end += 2 * MINUTE;
        }
        let images = images(it, begin, end, self.plan.thin, rng);
        let number = self.next();
        let mut done = exam(who, number, it, (begin, end), images);
        let ris = self.cast.find(|kind| matches!(kind, Kind::Information));
        if rng.percent(80) {
            let asked = dicom::worklist(&it.machine, begin);
            self.exchange(who, ris, begin - list, it, dicom::WORKLIST, &asked);
        }
        if it.reports == Reports::Steps {
            let told = dicom::begin_step(&it.machine, done.study);
            done.seen.begun = self.exchange(who, ris, begin + created, it, dicom::STEP, &told);
            let told = dicom::end_step(done.study, end + it.skew * SECOND, rng.percent(96));
            done.seen.ended = self.exchange(who, ris, end + set, it, dicom::STEP, &told);
        }
        match it.reports {
            Reports::Nightly => {
                self.waiting.entry(who).or_default().push(done.clone());
                return done;
            }
            Reports::Parts => {
                let third = done.images.len().div_ceil(3).max(1);
                for n in 0..done.images.len().div_ceil(third) {
                    let range = n * third..((n + 1) * third).min(done.images.len());
                    let at = done.images[range.end - 1] + 10 * SECOND;
                    self.send(&mut done, it, at, range);
                }
            }
            _ => {
                let all = 0..done.images.len();
                self.send(&mut done, it, end + sent, all);
            }
        }
        if it.twice {
            let second = self.cast.find(|kind| matches!(kind, Kind::SecondArchive));
            let at = end + sent + 40 * SECOND;
            self.store((who, second, at), it, &done, 0..done.images.len(), None);
        }
        self.traces[who].exams.push(done.clone());
        done
    }

    /// Images to where the modality sends them; they count when they are seen.
    fn send(&mut self, exam: &mut Exam, it: &Modality, at: u64, range: std::ops::Range<usize>) {
        let kind = |kind: &Kind| match it.through_gateway {
            true => matches!(kind, Kind::DicomGateway),
            false => matches!(kind, Kind::Archive),
        };
        let to = self.cast.find(kind);
        let part = &exam.images[range.clone()];
        let (Some(first), Some(last)) = (part.first().copied(), part.last().copied()) else {
            return;
        };
        if self.store((exam.device, to, at), it, exam, range, None) {
            let (from, until) = exam.seen.images.unwrap_or((first, last));
            exam.seen.images = Some((from.min(first), until.max(last)));
        }
        self.kept.push(Kept { device: exam.device, study: exam.study, since: at });
    }

    /// Images of one study in one association, from whomever; whether they were seen.
    pub(crate) fn store(
        &mut self,
        (from, to, at): (usize, usize, u64),
        it: &Modality,
        exam: &Exam,
        range: std::ops::Range<usize>,
        moved: Option<&str>,
    ) -> bool {
        let classes = [dicom::storage(it.machine.modality)];
        let own = from == exam.device;
        let calling = if own { it.machine.ae.clone() } else { self.cast.devices[from].ae() };
        let implementation =
            if own { it.machine.implementation } else { ("1.2.40.0.13.1.3", "dcm4che-5.23") };
        let called = self.cast.devices[to].ae();
        let association =
            Association { calling: &calling, called: &called, classes: &classes, implementation };
        let ends = self.ends(at, from, to);
        let mut rng = self.rng(at, from);
        let mut talk = Talk::open(&mut self.mirror, &mut rng, at, ends, 104);
        talk.say(&mut self.mirror, 0, &association.request());
        talk.say(&mut self.mirror, 1, &association.accept());
        for number in range {
            let made = exam.images[number] + it.skew * SECOND;
            // Some machines leave out of which step an image is.
            let of_step = it.reports == Reports::Steps && it.dated != Dated::Content;
            let image = Made { number, at: made, dated: it.dated, of_step };
            let image = dicom::store(&it.machine, exam.study, image, moved);
            talk.say(&mut self.mirror, 0, &image);
            let answer = dicom::stored(&it.machine, exam.study, number);
            talk.say(&mut self.mirror, 1, &answer);
            talk.now += 20_000;
        }
        talk.say(&mut self.mirror, 0, &dicom::release(5));
        talk.say(&mut self.mirror, 1, &dicom::release(6));
        let end = talk.now;
        talk.close(&mut self.mirror);
        self.sees(at, from, to) && self.sees(end, from, to)
    }

    /// A question and its answer in an association of their own; whether it was seen.
    pub(crate) fn exchange(
        &mut self,
        from: usize,
        to: usize,
        at: u64,
        it: &Modality,
        class: &str,
        said: &[Vec<u8>; 2],
    ) -> bool {
        let called = self.cast.devices[to].ae();
        let implementation = it.machine.implementation;
        let calling = it.machine.ae.as_str();
        let association =
            Association { calling, called: &called, classes: &[class], implementation };
        self.associate(from, to, at, &association, said)
    }

    /// An association with one question and its answer; whether it was seen.
    pub(crate) fn associate(
        &mut self,
        from: usize,
        to: usize,
        at: u64,
        association: &Association<'_>,
        said: &[Vec<u8>; 2],
    ) -> bool {
        let ends = self.ends(at, from, to);
        let mut rng = self.rng(at, from);
        let mut talk = Talk::open(&mut self.mirror, &mut rng, at, ends, 104);
        talk.say(&mut self.mirror, 0, &association.request());
        talk.say(&mut self.mirror, 1, &association.accept());
        talk.say(&mut self.mirror, 0, &said[0]);
        talk.now += 15_000;
        talk.say(&mut self.mirror, 1, &said[1]);
        talk.say(&mut self.mirror, 0, &dicom::release(5));
        talk.say(&mut self.mirror, 1, &dicom::release(6));
        let end = talk.now;
        talk.close(&mut self.mirror);
        self.sees(at, from, to) && self.sees(end, from, to)
    }

    /// The images of the day before, at two in the night.
    fn send_waiting(&mut self, day: u64, who: usize, it: &Modality) {
        let mut at = of_day(day, 2, 5);
        for mut exam in self.waiting.remove(&who).unwrap_or_default() {
            while self.is_near_edge(&[at]) {
                at += MINUTE;
            }
            let all = 0..exam.images.len();
            self.send(&mut exam, it, at, all);
            self.traces[who].exams.push(exam);
            at += 3 * SECOND;
        }
    }

    /// Sent again by hand: a study of two days ago, and one of three months ago. Neither is
    /// work.
    fn send_again(&mut self, day: u64, who: usize, it: &Modality) {
        let at = of_day(day, 11, 3) + 30 * SECOND;
        let old = before(at, 90);
        let images = (0..4).map(|n| old + n * MINUTE).collect();
        let old = exam(who, 500 + day, it, (old, old + 5 * MINUTE), images);
        let exams = &self.traces[who].exams;
        let known = exams.iter().rev().find(|it| it.end + 2 * DAY < at).cloned();
        let to = self.cast.find(|kind| matches!(kind, Kind::Archive));
        for (it_was, n) in [Some(old), known].into_iter().flatten().zip(0..) {
            let range = 0..it_was.images.len();
            self.store((who, to, at + n * MINUTE), it, &it_was, range, None);
        }
    }
}

pub(crate) fn exam(
    device: usize,
    number: u64,
    it: &Modality,
    span: (u64, u64),
    images: Vec<u64>,
) -> Exam {
    let (begin, end) = span;
    let study = Study { number, begun: begin + it.skew * SECOND };
    Exam { device, study, begin, end, images, seen: Seen::default() }
}

/// When the images of an examination are made: never more than six minutes apart.
fn images(it: &Modality, begin: u64, end: u64, thin: bool, rng: &mut Rng) -> Vec<u64> {
    let length = end - begin;
    let least = (length / (5 * MINUTE) + 2) as usize;
    let count = match it.machine.modality {
        "CR" | "DX" => 1 + rng.below(3),
        "CT" | "MR" => least + if thin { 2 } else { 8 + rng.below(12) },
        _ => least + if thin { 1 } else { 3 + rng.below(6) },
    };
    // Positioning comes first, and a little is left to do at the end.
    let (from, to) = (begin + length / 8, end - length / 20);
    let step = (to - from) / (count as u64);
    (0..count as u64).map(|n| from + n * step + rng.between(0, step.min(20 * SECOND))).collect()
}
