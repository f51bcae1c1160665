//! What others do with images that they did not make: none of it is work.

use std::io::Write;

use super::cast::{Kind, Modality, Reports};
use super::clock::{DAY, MINUTE, SECOND, before, is_open, of_day};
use super::imaging::{Exam, exam};
use super::play::Play;
use super::say::dicom::{self, Association};

impl<W: Write> Play<W> {
    fn modality_of(&self, device: usize) -> Option<Modality> {
        match &self.cast.devices[device].kind {
            Kind::Modality(it) => Some((**it).clone()),
            _ => None,
        }
    }

    /// At five the archive sends earlier studies of those who come today to the viewer's
    /// cache in the second archive.
    pub(crate) fn archive_night(&mut self, day: u64) {
        let archive = self.cast.find(|kind| matches!(kind, Kind::Archive));
        let second = self.cast.find(|kind| matches!(kind, Kind::SecondArchive));
        let sources = self.cast.all(|kind| match kind {
            Kind::Modality(it) => it.reports != Reports::Nothing,
            _ => false,
        });
        let mut rng = self.rng(day, archive);
        let mut at = of_day(day, 5, 2);
        for n in 0..if self.plan.thin { 6 } else { 30 } {
            let source = *rng.one(&sources);
            let Some(it) = self.modality_of(source) else { continue };
            let old = before(at, rng.between(30, 900));
            let images = (0..4).map(|n| old + n * MINUTE).collect();
            let prior = exam(source, 100_000 * (day + 1) + n, &it, (old, old), images);
            let range = 0..prior.images.len();
            self.store((archive, second, at), &it, &prior, range, None);
            at += rng.between(4, 40) * SECOND;
        }
    }

    /// The archive hands on what came today, twice a day, and what the viewer asks for; the
    /// gateway hands on at once.
    pub(crate) fn archive_day(&mut self, day: u64, exams: &[Exam]) {
        let archive = self.cast.find(|kind| matches!(kind, Kind::Archive));
        let second = self.cast.find(|kind| matches!(kind, Kind::SecondArchive));
        let gateway = self.cast.find(|kind| matches!(kind, Kind::DicomGateway));
        let kept = std::mem::take(&mut self.kept);
        for it in &kept {
            let Some(machine) = self.modality_of(it.device).filter(|it| it.through_gateway) else {
                continue;
            };
            if let Some(exam) = exams.iter().find(|exam| exam.study.number == it.study.number) {
                let all = 0..exam.images.len();
                self.store((gateway, archive, it.since + 25 * SECOND), &machine, exam, all, None);
            }
        }
        // Studies of the last hours in one burst: their times are of today.
        for (hour, minute) in [(12, 41), (19, 17)] {
            let mut at = of_day(day, hour, minute);
            let burst: Vec<&Exam> = exams
                .iter()
                .filter(|it| it.end + 10 * MINUTE < at && it.end + 8 * 60 * MINUTE > at)
                .filter(|it| kept.iter().any(|kept| kept.study.number == it.study.number))
                .collect();
            for exam in burst {
                let Some(machine) = self.modality_of(exam.device) else { continue };
                let all = 0..exam.images.len();
                self.store((archive, second, at), &machine, exam, all, None);
                at += 2 * SECOND;
            }
        }
        if is_open(day) {
            self.read(day, archive, exams);
        }
        self.kept = kept.into_iter().filter(|it| it.since + DAY > day * DAY).collect();
    }

    /// The viewer has studies of the day sent to it.
    fn read(&mut self, day: u64, archive: usize, exams: &[Exam]) {
        let Some(viewer) = self.cast.all(|kind| matches!(kind, Kind::Viewer)).pop() else {
            return;
        };
        let name = self.cast.devices[viewer].ae();
        let called = self.cast.devices[archive].ae();
        let mut at = of_day(day, 10, 2);
        for exam in exams.iter().filter(|it| it.end < of_day(day, 16, 0)).step_by(4) {
            at = at.max(exam.end + 10 * MINUTE) + 90 * SECOND;
            if at > of_day(day, 17, 30) {
                break;
            }
            let Some(machine) = self.modality_of(exam.device) else { continue };
            let association = Association {
                calling: &name,
                called: &called,
                classes: &[dicom::STUDY_FIND, dicom::STUDY_MOVE],
                implementation: ("1.2.276.0.7230010.3.0.3.6.4", "VIEWER_45"),
            };
            let found = dicom::query(exam.study, None);
            self.associate(viewer, archive, at, &association, &found);
            let asked = dicom::query(exam.study, Some(&name));
            self.associate(viewer, archive, at + SECOND, &association, &asked);
            let all = 0..exam.images.len();
            self.store((archive, viewer, at + 2 * SECOND), &machine, exam, all, Some(&name));
        }
    }
}
