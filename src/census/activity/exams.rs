//! Examinations of one speaker, from the traces that they leave: the steps it reports and
//! the times in the headers of its images.
//!
//! Traces of one study are one examination, of which the first stretch counts; a stretch
//! that lies further off (the patient comes again) is work all the same. Where a step
//! tells of a study, its times win over those of the images.

use super::method::{IMAGES_GAP, LONGEST_STEP, Method};
use crate::census::room::Room;
use crate::observe::{Study, Use, Work};

/// Stretches looked at for one that a trace belongs to, the newest first: two days of the
/// busiest device.
const LOOKED_AT: usize = 2048;

/// One stretch of work at an examination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exam {
    study: Study,
    step: Study,
    /// How it is told.
    pub method: Method,
    /// From second to second, since 1970 in UTC.
    pub begin: i64,
    /// Its last second; of an open step the last sign of it.
    pub end: i64,
    /// When its first trace was seen: whose it is is known by that.
    pub said: i64,
    /// A step that was begun and is not ended.
    pub open: bool,
    /// Its begin was not seen.
    pub orphan: bool,
    /// It is its examination's first stretch.
    pub counts: bool,
    /// Number of its row, where it is stored.
    pub row: Option<i64>,
    dirty: bool,
}

const EXAM_BYTES: usize = size_of::<Exam>();

impl Exam {
    fn new(
        it: &Use,
        method: Method,
        (begin, end): (i64, i64),
        (said, counts): (i64, bool),
    ) -> Self {
        let Use { study, step, .. } = *it;
        let (open, orphan, row, dirty) = (false, false, None, true);
        Self { study, step, method, begin, end, said, open, orphan, counts, row, dirty }
    }

    /// Reaches to these seconds as well.
    fn stretch(&mut self, begin: i64, end: i64) {
        if begin < self.begin || end > self.end {
            (self.begin, self.end) = (self.begin.min(begin), self.end.max(end));
            self.dirty = true;
        }
    }

    const fn is_near(&self, begin: i64, end: i64) -> bool {
        begin <= self.end.saturating_add(IMAGES_GAP) && self.begin.saturating_sub(IMAGES_GAP) <= end
    }
}

/// All that are remembered of one speaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exams {
    all: Vec<Exam>,
    /// Rows of what became a part of another.
    gone: Vec<i64>,
}

impl Exams {
    /// A trace of a step or an image, of these seconds, seen at another; false when there is
    /// no room.
    pub(super) fn take(&mut self, it: &Use, at: (i64, i64), said: i64, room: &mut Room) -> bool {
        match it.work {
            Work::StepBegun => self.begun(it, at.0, said, room),
            Work::StepEnded => self.ended(it, at.1, said, room),
            _ => self.image(it, at, said, room),
        }
    }

    /// Whether anything tells of this study.
    pub(super) fn knows(&self, study: Study) -> bool {
        let newest = self.all.iter().rev().take(LOOKED_AT);
        study != Study::UNTOLD && newest.into_iter().any(|exam| exam.study == study)
    }

    /// The first stretch of this study is another's.
    pub(super) fn began_before(&mut self, study: Study) {
        for exam in self.newest().filter(|exam| exam.study == study && exam.counts) {
            (exam.counts, exam.dirty) = (false, true);
        }
    }

    fn newest(&mut self) -> impl Iterator<Item = &mut Exam> {
        self.all.iter_mut().rev().take(LOOKED_AT)
    }

    fn add(&mut self, exam: Exam, room: &mut Room) -> bool {
        let fits = room.take(EXAM_BYTES);
        if fits {
            self.all.push(exam);
        }
        fits
    }

    fn begun(&mut self, it: &Use, at: i64, said: i64, room: &mut Room) -> bool {
        let told = it.step != Study::UNTOLD;
        let same = |exam: &&mut Exam| {
            let step = told && exam.step == it.step;
            exam.method == Method::Mpps && (step || (!told && exam.begin == at))
        };
        if let Some(exam) = self.newest().find(same) {
            exam.stretch(at, at);
            // An end that came first, from another worker.
            if exam.orphan {
                (exam.orphan, exam.dirty) = (false, true);
                exam.study = it.study;
            }
            return true;
        }
        let counts = it.study == Study::UNTOLD || {
            // Its images came first: the step's times win.
            self.remove(|exam| exam.method == Method::Images && exam.study == it.study, room);
            !self.newest().any(|exam| exam.study == it.study)
        };
        self.add(Exam { open: true, ..Exam::new(it, Method::Mpps, (at, at), (said, counts)) }, room)
    }

    fn ended(&mut self, it: &Use, at: i64, said: i64, room: &mut Room) -> bool {
        let told = it.step != Study::UNTOLD;
        let fits = |exam: &Exam, at: i64| {
            exam.begin <= at && at.saturating_sub(exam.begin) <= LONGEST_STEP
        };
        let same = |exam: &&mut Exam| {
            let untold = exam.open && (!told || exam.step == Study::UNTOLD) && fits(exam, at);
            exam.method == Method::Mpps && ((told && exam.step == it.step) || untold)
        };
        if let Some(exam) = self.newest().find(same) {
            // By a clock that was put right meanwhile it ended before it began: it ended when
            // that was said.
            let at = if at < exam.begin { said } else { at };
            if std::mem::take(&mut exam.open) {
                exam.dirty = true;
                // Else it was forgotten: the last sign of it stands.
                exam.end = if fits(exam, at) { at } else { exam.end };
            }
            return true;
        }
        if !told && self.newest().any(|exam| exam.method == Method::Mpps && exam.end == at) {
            return true;
        }
        self.add(Exam { orphan: true, ..Exam::new(it, Method::Mpps, (at, at), (said, true)) }, room)
    }

    fn image(&mut self, it: &Use, (begin, end): (i64, i64), said: i64, room: &mut Room) -> bool {
        let told = it.study != Study::UNTOLD;
        let step = |exam: &Exam| {
            let same = it.step != Study::UNTOLD && exam.step == it.step;
            let untold = exam.begin <= end && begin <= exam.end;
            exam.method == Method::Mpps
                && (same || if told { exam.study == it.study } else { untold })
        };
        let mut has_step = false;
        for exam in self.newest().filter(|exam| step(exam)) {
            has_step = true;
            if exam.open && end.saturating_sub(exam.begin) <= LONGEST_STEP {
                exam.stretch(exam.begin, end);
            }
            // Its begin was not seen; it was before that of its images.
            if exam.orphan && exam.end.saturating_sub(begin) <= LONGEST_STEP {
                exam.stretch(begin, exam.end);
            }
        }
        if has_step {
            return true;
        }
        let is_same = |exam: &Exam| {
            let same = exam.method == Method::Images && exam.is_near(begin, end);
            same && (exam.study == it.study || !told)
        };
        let Some(first) = self.all.iter().rev().take(LOOKED_AT).position(is_same) else {
            let again = told && self.newest().any(|exam| exam.study == it.study);
            return self.add(Exam::new(it, Method::Images, (begin, end), (said, !again)), room);
        };
        let first = self.all.len().saturating_sub(first + 1);
        let Some(exam) = self.all.get_mut(first) else { return true };
        exam.stretch(begin, end);
        // The gap to another stretch may be closed by now.
        let (study, mut whole) = (exam.study, (exam.begin, exam.end));
        let mut counts = exam.counts;
        loop {
            let joins = |(at, exam): &(usize, &mut Exam)| {
                let same = exam.method == Method::Images && exam.study == study;
                same && *at != first && exam.is_near(whole.0, whole.1)
            };
            let mut newest = self.all.iter_mut().enumerate().rev().take(LOOKED_AT);
            let Some((_, part)) = newest.find(joins).filter(|_| told) else { break };
            counts |= part.counts;
            whole = (whole.0.min(part.begin), whole.1.max(part.end));
            // Marked, and taken out below.
            part.study = Study::UNTOLD;
            part.counts = false;
            (part.begin, part.end) = (i64::MAX, i64::MIN);
        }
        if let Some(exam) = self.all.get_mut(first) {
            exam.stretch(whole.0, whole.1);
            exam.dirty |= exam.counts != counts;
            exam.counts = counts;
        }
        self.remove(|exam| exam.begin > exam.end, room);
        true
    }

    fn remove(&mut self, which: impl Fn(&Exam) -> bool, room: &mut Room) {
        let Self { all, gone } = self;
        all.retain(|exam| {
            let goes = which(exam);
            if goes {
                gone.extend(exam.row);
                room.free(EXAM_BYTES);
            }
            !goes
        });
    }

    /// Those that are not stored as they are, with their places.
    pub fn unsaved(&self) -> impl Iterator<Item = (usize, &Exam)> {
        self.all.iter().enumerate().filter(|(_, exam)| exam.dirty)
    }

    /// The first stretch of the examination that the one at a place is a further one of, with
    /// its row where it has one.
    #[must_use]
    pub fn first_of(&self, at: usize) -> Option<(usize, Option<i64>)> {
        let exam = self.all.get(at).filter(|it| !it.counts && it.study != Study::UNTOLD)?;
        let is_first = |(_, it): &(usize, &Exam)| it.counts && it.study == exam.study;
        let (at, first) = self.all.iter().enumerate().rev().take(LOOKED_AT).find(is_first)?;
        Some((at, first.row))
    }

    /// Rows that are to be deleted.
    #[must_use]
    pub fn gone(&self) -> &[i64] {
        &self.gone
    }

    /// Rows that belong to one that is remembered.
    pub fn rows(&self) -> impl Iterator<Item = i64> {
        self.all.iter().filter_map(|exam| exam.row)
    }

    /// All is stored, at these places under these numbers; what ended before a second is
    /// forgotten.
    pub(super) fn saved(&mut self, rows: &[(usize, i64)], before: i64, room: &mut Room) {
        self.gone.clear();
        for (at, row) in rows {
            if let Some(exam) = self.all.get_mut(*at) {
                exam.row = Some(*row);
                exam.dirty = false;
            }
        }
        self.all.retain(|exam| {
            let keep = exam.dirty || exam.end >= before;
            if !keep {
                room.free(EXAM_BYTES);
            }
            keep
        });
    }

    /// Nothing is to be stored.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.gone.is_empty() && self.all.iter().all(|exam| !exam.dirty)
    }

    pub(super) fn bytes(&self) -> usize {
        self.all.len() * EXAM_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::When;

    fn trace(work: Work, study: u64, step: u64) -> Use {
        Use { work, study: Study(study), step: Study(step), when: When::Now }
    }

    /// Begin, end, whether it counts and is open, of each.
    fn told(traces: &[(Use, i64, i64)]) -> Vec<(i64, i64, bool, bool)> {
        let (mut exams, mut room) = (Exams::default(), Room::default());
        for _ in 0..2 {
            for (it, from, to) in traces {
                assert!(exams.take(it, (60 * from, 60 * to), 60 * to, &mut room));
            }
        }
        let of = |it: &Exam| (it.begin / 60, it.end / 60, it.counts, it.open);
        let mut all: Vec<_> = exams.all.iter().map(of).collect();
        assert_eq!(Room::default().taken_since(&room), exams.bytes());
        all.sort_unstable();
        all
    }

    #[test]
    fn a_step_lasts_from_its_begin_to_its_end_whatever_its_images_say() {
        let begun = (trace(Work::StepBegun, 7, 1), 100, 100);
        let ended = (trace(Work::StepEnded, 0, 1), 130, 130);
        let image = (trace(Work::Image, 7, 0), 105, 140);
        let one = [(100, 130, true, false)];
        assert_eq!(told(&[begun, image]), [(100, 140, true, true)], "the last sign of it");
        assert_eq!(told(&[begun, image, ended]), one);
        assert_eq!(told(&[begun, ended, image]), one);
        assert_eq!(told(&[image, begun, ended]).len(), 1, "images first");
        assert_eq!(told(&[ended, begun]), one, "the end first");
        assert_eq!(told(&[begun]), [(100, 100, true, true)]);
        let named = (trace(Work::Image, 7, 1), 105, 140);
        assert_eq!(told(&[ended, named]), [(105, 130, true, false)], "its begin was not seen");
    }

    #[test]
    fn a_step_that_ends_before_it_began_ends_when_that_is_said() {
        let (mut exams, mut room) = (Exams::default(), Room::default());
        let mut say = |work, at: i64, said: i64| {
            let study = if work == Work::StepBegun { 7 } else { 0 };
            assert!(exams.take(&trace(work, study, 1), (60 * at, 60 * at), 60 * said, &mut room));
        };
        say(Work::StepBegun, 100, 100);
        say(Work::StepEnded, 90, 120);
        let [it] = &exams.all[..] else { panic!("one") };
        assert_eq!((it.begin, it.end, it.open), (6000, 7200, false));
    }

    #[test]
    fn a_step_that_was_forgotten_ends_with_its_last_image() {
        let begun = (trace(Work::StepBegun, 7, 1), 100, 100);
        let image = (trace(Work::Image, 7, 0), 105, 110);
        let ended = (trace(Work::StepEnded, 0, 1), 100 + 13 * 60, 100 + 13 * 60);
        assert_eq!(told(&[begun, image, ended]), [(100, 110, true, false)]);
    }

    #[test]
    fn steps_of_one_study_are_one_examination() {
        let of = |step, at| (trace(Work::StepBegun, 7, step), at, at);
        let end = |step, at| (trace(Work::StepEnded, 0, step), at, at);
        assert_eq!(
            told(&[of(1, 100), end(1, 110), of(2, 112), end(2, 120)]),
            [(100, 110, true, false), (112, 120, false, false)]
        );
        let (mut exams, mut room) = (Exams::default(), Room::default());
        for (it, at, _) in [of(1, 100), end(1, 110), of(2, 112), end(2, 120)] {
            assert!(exams.take(&it, (at, at), at, &mut room));
        }
        assert_eq!([0, 1].map(|at| exams.first_of(at)), [None, Some((0, None))]);
        exams.saved(&[(0, 9)], 0, &mut room);
        assert_eq!(exams.first_of(1), Some((0, Some(9))));
        let other = (trace(Work::StepBegun, 8, 3), 105, 105);
        let all = told(&[of(1, 100), other, end(1, 110), end(3, 115)]);
        assert_eq!(all, [(100, 110, true, false), (105, 115, true, false)], "two at once");
    }

    #[test]
    fn images_of_a_study_within_the_gap_are_one_stretch() {
        let image = |study, from, to| (trace(Work::Image, study, 0), from, to);
        assert_eq!(told(&[image(7, 100, 104), image(7, 119, 120)]), [(100, 120, true, false)]);
        let apart = [image(7, 100, 104), image(8, 106, 110), image(7, 130, 131)];
        assert_eq!(
            told(&apart),
            [(100, 104, true, false), (106, 110, true, false), (130, 131, false, false)]
        );
        let closed = [&apart[..], &[image(7, 115, 120)]].concat();
        assert_eq!(told(&closed), [(100, 131, true, false), (106, 110, true, false)]);
    }

    #[test]
    fn traces_of_which_nothing_is_told_are_told_apart_by_time() {
        // As a journal says them again, in which no study stands.
        let traces = [
            (trace(Work::StepBegun, 0, 0), 100, 100),
            (trace(Work::Image, 0, 0), 100, 100),
            (trace(Work::StepEnded, 0, 0), 110, 110),
            (trace(Work::Image, 0, 0), 140, 145),
            (trace(Work::Image, 0, 0), 144, 149),
        ];
        assert_eq!(told(&traces), [(100, 110, true, false), (140, 149, true, false)]);
    }

    #[test]
    fn what_is_stored_and_old_is_forgotten() {
        let (mut exams, mut room) = (Exams::default(), Room::default());
        exams.take(&trace(Work::Image, 7, 0), (100, 200), 200, &mut room);
        exams.take(&trace(Work::Image, 8, 0), (9100, 9200), 9200, &mut room);
        exams.saved(&[(0, 1), (1, 2)], 1000, &mut room);
        assert!(exams.is_saved() && exams.rows().eq([2]));
        exams.take(&trace(Work::StepBegun, 8, 1), (9100, 9100), 9100, &mut room);
        assert_eq!((exams.gone(), exams.unsaved().count()), (&[2][..], 1), "the step's times win");
    }
}
