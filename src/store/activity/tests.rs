//! From what speakers say to what is known of their devices.

mod cut;
mod damage;
mod kept;
mod long;
mod through;
mod told;

use std::sync::Arc;

use super::*;
use crate::census::signature::Book;
use crate::net::Mac;
use crate::observe::{Equipment, Key, Observation, Observed, Origin, Study, Use, When, Work};
use crate::store::{Counters, Inventory, Writer};
use crate::time::calendar::{Hours, parse_date, parse_hours};

/// 2026-01-05T00:00:00Z, a Monday.
const MONDAY: i64 = 1_767_571_200;
const VLAN: u16 = 7;

struct Ward {
    dir: tempfile::TempDir,
    census: Census,
    writer: Writer,
}

fn open(dir: &tempfile::TempDir) -> (Writer, Census) {
    let mut writer = Writer::open(&dir.path().join("a.db")).unwrap();
    let mut census = writer.restore(Arc::clone(Book::builtin())).unwrap();
    census.capture("port");
    (writer, census)
}

fn host(n: u8, vlan: u16) -> HostId {
    let segment = Segment { vlan, ..Segment::default() };
    HostId { segment, mac: Some(Mac([0, 9, 0xfb, 0, 0, n])), ip: Some([10, 0, 0, n].into()) }
}

impl Ward {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (writer, census) = open(&dir);
        Self { dir, census, writer }
    }

    fn say(&mut self, n: u8, minute: i64, what: Observed<'static>) {
        let at = Timestamp::new(MONDAY + 60 * minute, 0);
        self.census.apply(0, Observation { at, frame: 1, host: host(n, VLAN), what });
    }

    /// On line from one minute to before another, and somebody watches.
    fn online(&mut self, n: u8, from: i64, to: i64) {
        for minute in from..to {
            self.say(n, minute, Observed::Present(Some(64)));
        }
    }

    fn watch(&mut self, from: i64, to: i64) {
        self.census.watched(MONDAY / 60 + from, MONDAY / 60 + to);
    }

    /// A modality, by what it says of itself.
    fn modality(&mut self, n: u8, minute: i64) {
        let facts = [
            ("dicom.manufacturer", "SIEMENS"),
            ("dicom.model", "MAGNETOM Skyra"),
            ("dicom.modality", "MR"),
            ("dicom.serial", "41587"),
        ];
        let facts = facts.iter().map(|(k, v)| (Key::new(k), (*v).into())).collect();
        self.say(n, minute, Observed::Equipment(Equipment { origin: Origin::Creator, facts }));
        let worklist = "1.2.840.10008.5.1.4.31";
        self.say(n, minute, Observed::Fact(Key::new("dicom.scu"), worklist.into()));
    }

    fn used(&mut self, n: u8, minute: i64, work: Work, study: u64, when: When) {
        let (study, step) = match work {
            Work::StepEnded => (Study::UNTOLD, Study(study)),
            _ => (Study(study), Study(study)),
        };
        self.say(n, minute, Observed::Use(Use { work, study, step, when }));
    }

    /// An image with header times, told at `minute`.
    fn image(&mut self, n: u8, minute: i64, study: u64, from: i64, to: i64) {
        let wall = |minute: i64| MONDAY + 60 * minute;
        let when = When::Told { from: wall(from), to: wall(to), offset: Some(0) };
        let it = Use { work: Work::Image, study: Study(study), step: Study::UNTOLD, when };
        self.say(n, minute, Observed::Use(it));
    }

    fn write(&mut self) {
        self.writer.write(&mut self.census, &Counters::new()).unwrap();
    }

    fn inventory(&self) -> Inventory {
        Inventory::open(&self.dir.path().join("a.db")).unwrap()
    }

    fn activity(&self, n: u8, period: Period) -> Activity {
        let inventory = self.inventory();
        let mac = host(n, 0).mac.unwrap().to_string();
        let assets = inventory.assets().unwrap();
        let is_it = |it: &&crate::store::Known| it.identity.ends_with(&mac);
        let asset = assets.iter().find(is_it).unwrap();
        let all = inventory.activity(period).unwrap();
        if period.is_none() {
            assert_eq!(asset.activity.as_ref(), all.get(&*asset.id));
        }
        assert_eq!(inventory.activity_of(&asset.id, period).unwrap().as_ref(), all.get(&*asset.id));
        all.get(&*asset.id).cloned().unwrap_or_default()
    }

    fn id(&self, n: u8) -> String {
        let mac = host(n, 0).mac.unwrap().to_string();
        let assets = self.inventory().assets().unwrap();
        assets.into_iter().find(|it| it.identity.ends_with(&mac)).unwrap().id.into_owned()
    }

    /// The process ends and another begins.
    fn restart(self) -> Self {
        let Self { dir, writer, .. } = self;
        drop(writer);
        let (writer, census) = open(&dir);
        Self { dir, census, writer }
    }
}

/// Minutes in use and examinations.
fn used(it: &Activity) -> Option<(u64, Option<u64>, String)> {
    it.used.as_ref().map(|it| (it.minutes, it.examinations, it.methods.join("+")))
}

#[test]
fn off_and_unseen_are_not_the_same() {
    let mut ward = Ward::new();
    ward.watch(0, 300);
    // Its neighbour shows that the VLAN is there, but for the hour from 100 on.
    ward.online(1, 0, 100);
    ward.online(1, 160, 300);
    ward.online(2, 0, 50);
    ward.write();
    let it = ward.activity(2, None);
    assert_eq!((it.online, it.observed, it.used), (50, 240, None));
    // Nobody watches, though frames are buffered somewhere.
    ward.online(1, 400, 420);
    ward.write();
    assert_eq!(ward.activity(2, None).observed, 240);
    ward.watch(400, 420);
    ward.write();
    assert_eq!(ward.activity(2, None).observed, 260);
    assert_eq!(ward.activity(1, None).online, 260);
}

#[test]
fn a_short_silence_of_a_vlan_is_no_blindness() {
    let mut ward = Ward::new();
    ward.watch(0, 100);
    for minute in [0, 15, 30, 61, 99] {
        ward.online(1, minute, minute + 1);
    }
    ward.write();
    let it = ward.activity(1, None);
    assert_eq!((it.online, it.observed), (5, 33), "0 to 30, 61 and 99");
}

#[test]
fn steps_count_from_begin_to_end_and_images_by_their_headers() {
    let mut ward = Ward::new();
    ward.watch(0, 1440);
    ward.online(1, 0, 1440);
    ward.modality(1, 0);
    ward.used(1, 540, Work::StepBegun, 1, When::Now);
    ward.image(1, 560, 1, 545, 558);
    ward.used(1, 570, Work::StepEnded, 1, When::Now);
    ward.image(1, 640, 2, 600, 620);
    ward.image(1, 641, 2, 632, 640);
    // The same again, and what an archive would send.
    ward.image(1, 900, 2, 600, 620);
    ward.image(1, 900, 3, 900 - 1441, 900 - 1440);
    ward.write();
    let it = ward.activity(1, None);
    assert_eq!(used(&it), Some((30 + 40, Some(2), "mpps+images".to_owned())));
    assert_eq!(it.used.as_ref().unwrap().duration, 70 * 60);
    let days = ward.inventory().days(&ward.id(1), None).unwrap().unwrap();
    let exams: Vec<_> = days[0].examinations.iter().map(|it| (it.begin, it.duration)).collect();
    assert_eq!(exams, [(MONDAY + 540 * 60, 1800), (MONDAY + 600 * 60, 2400)]);
    assert_eq!(days[0].in_use.count(), 70);
}

#[test]
fn who_sends_the_images_of_many_is_in_nobodys_use() {
    let mut ward = Ward::new();
    ward.watch(0, 1440);
    ward.online(1, 0, 1440);
    ward.image(1, 600, 1, 590, 600);
    for serial in ["41587", "41588", "41589"] {
        let facts =
            [("dicom.manufacturer", "SIEMENS"), ("dicom.model", "Skyra"), ("dicom.serial", serial)];
        let facts = facts.iter().map(|(k, v)| (Key::new(k), (*v).into())).collect();
        ward.say(1, 600, Observed::Equipment(Equipment { origin: Origin::Creator, facts }));
    }
    ward.write();
    assert_eq!(ward.activity(1, None).used, None);
}

#[test]
fn what_turns_out_to_be_a_modality_has_been_one() {
    let mut ward = Ward::new();
    ward.watch(0, 1440);
    ward.online(1, 0, 1440);
    ward.image(1, 600, 1, 590, 600);
    ward.write();
    assert_eq!(ward.activity(1, None).used, None);
    ward.modality(1, 1439);
    ward.write();
    assert_eq!(used(&ward.activity(1, None)), Some((10, Some(1), "images".to_owned())));
}

#[test]
fn a_modality_that_did_nothing_is_unused_but_not_where_nobody_saw() {
    let mut ward = Ward::new();
    ward.watch(0, 100);
    ward.online(1, 0, 100);
    let worklist = "1.2.840.10008.5.1.4.31";
    ward.say(1, 1, Observed::Fact(Key::new("dicom.scu"), worklist.into()));
    ward.write();
    let it = ward.activity(1, None);
    assert_eq!(it.used.as_ref().map(|it| (it.minutes, it.examinations)), Some((0, Some(0))));
    // Images come whose clock is of another zone: then nothing can be told.
    ward.image(1, 50, 1, 50 + 540, 50 + 541);
    ward.write();
    assert_eq!(ward.activity(1, None).used, None);
}

#[test]
fn in_use_counts_only_while_it_could_be_seen() {
    let mut ward = Ward::new();
    ward.watch(0, 1440);
    ward.online(1, 0, 600);
    ward.online(1, 700, 1440);
    ward.modality(1, 0);
    // From 600 to 700 the VLAN is not on the mirror.
    ward.image(1, 720, 1, 590, 604);
    ward.image(1, 720, 1, 604, 618);
    ward.image(1, 720, 1, 618, 640);
    ward.write();
    assert_eq!(used(&ward.activity(1, None)), Some((10, Some(1), "images".to_owned())));
    // Another one shows afterwards that it was.
    ward.online(2, 590, 710);
    ward.write();
    assert_eq!(used(&ward.activity(1, None)), Some((50, Some(1), "images".to_owned())));
}

#[test]
fn a_restart_amid_an_examination_makes_no_second_one() {
    let mut ward = Ward::new();
    ward.watch(0, 1440);
    ward.online(1, 0, 1440);
    ward.modality(1, 0);
    ward.used(1, 540, Work::StepBegun, 1, When::Now);
    ward.image(1, 610, 2, 600, 610);
    ward.write();
    let mut ward = ward.restart();
    // The keys are others now.
    ward.used(1, 570, Work::StepEnded, 91, When::Now);
    ward.image(1, 615, 92, 611, 614);
    ward.image(1, 640, 93, 620, 640);
    ward.write();
    let wanted = (30 + 14 + 20, Some(3), "mpps+images".to_owned());
    assert_eq!(used(&ward.activity(1, None)), Some(wanted.clone()));
    let mut ward = ward.restart();
    for study in [1, 91] {
        ward.used(1, 540, Work::StepBegun, study, When::Now);
        ward.used(1, 570, Work::StepEnded, study, When::Now);
        ward.image(1, 610, study + 1, 600, 614);
        ward.image(1, 640, study + 2, 620, 640);
        ward.write();
        ward = ward.restart();
    }
    assert_eq!(used(&ward.activity(1, None)), Some(wanted), "the same captures, read again");
}

/// All that views see of activity.
fn all(ward: &Ward) -> String {
    let inventory = ward.inventory();
    let mut known: Vec<_> = inventory.activity(None).unwrap().into_iter().collect();
    known.sort_by(|a, b| a.0.cmp(&b.0));
    let days: Vec<_> =
        known.iter().map(|(id, _)| inventory.days(id, None).unwrap().unwrap()).collect();
    format!("{known:#?}{days:#?}")
}

#[test]
fn when_it_is_written_changes_nothing() {
    let made = |often: bool| {
        let mut ward = Ward::new();
        ward.modality(1, 0);
        for minute in 0..5 * 1440 {
            ward.watch(minute, minute + 1);
            if minute % 1440 > 300 {
                ward.online(2, minute, minute + 1);
            }
            if minute % 97 < 60 {
                ward.online(1, minute, minute + 1);
            }
            if minute % 1440 % 97 == 96 {
                // A begin that is later than what comes after it, and a study in parts.
                let study = u64::try_from(minute).unwrap();
                ward.image(1, minute, study, minute - 5, minute - 1);
                ward.image(1, minute, study, minute - 40, minute - 37);
                ward.image(1, minute, study, minute - 25, minute - 19);
                ward.used(1, minute, Work::StepBegun, study + 1, When::Now);
            }
            if minute % 1440 % 97 == 20 && minute > 97 {
                let study = u64::try_from(minute / 97 * 97).unwrap();
                ward.used(1, minute, Work::StepEnded, study, When::Now);
            }
            if often && minute % 61 == 0 {
                ward.write();
            }
        }
        ward.write();
        all(&ward)
    };
    let (often, once) = (made(true), made(false));
    assert!(once.contains("duration"));
    assert!(often == once, "{often}\n\n{once}");
}

#[test]
fn opening_hours_and_zones_are_taken_up_when_they_change() {
    let mut ward = Ward::new();
    ward.watch(0, 2880);
    ward.online(1, 0, 2880);
    ward.modality(1, 0);
    ward.image(1, 600, 1, 590, 600);
    ward.image(1, 1500, 2, 1490, 1499);
    ward.write();
    let monday = parse_date("2026-01-05").unwrap();
    let day = |ward: &Ward, day| ward.activity(1, Some((day, day)));
    assert_eq!(used(&day(&ward, monday)), Some((10, Some(1), "images".to_owned())));
    assert_eq!(ward.activity(1, None).available, None);
    let mut hours = Hours::default();
    hours.week[0] = vec![parse_hours("09:00-10:00").unwrap()];
    let zone = Zone::named("Asia/Tokyo").unwrap();
    let calendar = Calendar { zone, hours: Some(hours), ..Calendar::default() };
    ward.writer.keep_time(calendar.clone());
    ward.write();
    // 18:50 in Tokyo, and Tuesday 09:50.
    let it = day(&ward, monday);
    assert_eq!((it.online, it.observed, it.available, it.open), (900, 900, Some(60), Some(60)));
    assert_eq!(used(&it), Some((10, Some(1), "images".to_owned())));
    assert_eq!(it.used.unwrap().open, 0);
    assert_eq!(used(&day(&ward, monday + 1)).unwrap().1, Some(1));
    let mut ward = ward.restart();
    let mut other = calendar;
    other.hours.as_mut().unwrap().week[1] = vec![parse_hours("09:55-24:00").unwrap()];
    ward.writer.keep_time(other);
    ward.write();
    let it = ward.activity(1, None);
    assert_eq!((it.used.unwrap().open, it.available), (4, Some(60 + 845)));
    assert_eq!((it.online, it.observed), (2880, 2880));
}

#[test]
fn what_was_kept_and_not_rolled_up_before_a_kill_is_rolled_up_after_it() {
    let mut ward = Ward::new();
    ward.watch(0, 100);
    ward.online(1, 0, 100);
    ward.write();
    ward.watch(100, 160);
    ward.online(1, 100, 160);
    assert!(ward.writer.keep(&mut ward.census, usize::MAX).unwrap());
    assert_eq!(ward.activity(1, None).online, 100);
    let mut ward = ward.restart();
    ward.write();
    let it = ward.activity(1, None);
    assert_eq!((it.online, it.observed), (160, 160));
}

#[test]
fn no_study_reaches_the_database() {
    let mut ward = Ward::new();
    ward.watch(0, 1440);
    ward.online(1, 0, 1440);
    ward.modality(1, 0);
    let canary = u64::from_le_bytes(*b"CANARYst");
    let mut journal = Vec::new();
    for work in [Work::StepBegun, Work::Image, Work::StepEnded, Work::Result] {
        let at = Timestamp::new(MONDAY + 36_000, 0);
        let it = Use { work, study: Study(canary), step: Study(canary), when: When::Now };
        journal.push(Observation { at, frame: 1, host: host(1, VLAN), what: Observed::Use(it) });
    }
    journal.iter().for_each(|it| ward.census.apply(0, it.clone()));
    ward.writer.append(&ward.census, 0, &journal).unwrap();
    let hash = [canary.to_le_bytes(), canary.to_be_bytes()];
    let search = |ward: &Ward| {
        for entry in std::fs::read_dir(ward.dir.path()).unwrap().flatten() {
            let bytes = std::fs::read(entry.path()).unwrap();
            for needle in hash {
                assert!(!bytes.windows(8).any(|at| at == needle), "{:?}", entry.path());
            }
            let varint = postcard::to_stdvec(&canary).unwrap();
            assert!(!bytes.windows(varint.len()).any(|at| at == varint), "{:?}", entry.path());
        }
    };
    search(&ward);
    ward.writer.keep(&mut ward.census, usize::MAX).unwrap();
    ward.write();
    search(&ward);
    assert!(used(&ward.activity(1, None)).is_some());
    ward.writer.connection().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    search(&ward);
}

#[test]
fn that_somebody_watched_before_a_kill_is_known_after_it() {
    let mut ward = Ward::new();
    let mut journal = Vec::new();
    for minute in 0..30 {
        let at = Timestamp::new(MONDAY + 60 * minute, 0);
        let what = Observed::Present(Some(64));
        journal.push(Observation { at, frame: 1, host: host(1, VLAN), what });
        let health = crate::store::Health { observed: 60, ..Default::default() };
        ward.writer.note(0, MONDAY + 60 * minute, &health);
    }
    journal.iter().for_each(|it| ward.census.apply(0, it.clone()));
    ward.writer.append(&ward.census, 0, &journal).unwrap();
    let mut ward = ward.restart();
    ward.write();
    let it = ward.activity(1, None);
    assert_eq!((it.online, it.observed), (30, 30));
}
