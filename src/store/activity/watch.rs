//! How long somebody has watched: what a judgement of an asset may rest on.

use rusqlite::Connection;

use super::kept::next_watched;
use super::sheet::Sums;
use crate::census::Span;
use crate::census::activity::UtcDay;
use crate::census::risk::Watched;
use crate::time::Timestamp;
use crate::time::minutes::{DAY, Minutes};

/// Minutes from which on a day counts: a capture of two minutes is no day of watching.
const OF_A_DAY: u64 = 60;

/// The minutes in which somebody watched, as far as they are kept.
pub(in crate::store) struct Watch {
    all: Minutes,
    /// UTC days that count, in order.
    days: Vec<i64>,
}

impl Watch {
    /// As the inventory says.
    pub(in crate::store) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut it = Self { all: Minutes::default(), days: Vec::new() };
        let mut after = UtcDay::MIN;
        while let Some((day, minutes)) = next_watched(connection, after)? {
            after = day;
            if minutes.count() >= OF_A_DAY {
                it.days.push(i64::from(day));
            }
            it.all.unite(&minutes);
        }
        Ok(it)
    }

    /// What it means for an asset that was heard within a span, is believed to be known since a
    /// minute, and did so much.
    pub(in crate::store) fn of(&self, span: Span, since: i64, sums: &Sums) -> Watched {
        let from = span.first.minute().max(since);
        let to = span.last.minute().saturating_add(1);
        let (first, last) = (from.div_euclid(DAY), to.saturating_sub(1).div_euclid(DAY));
        let before = |day: i64| self.days.partition_point(|it| *it < day);
        let mut days = before(last).saturating_sub(before(first.saturating_add(1)));
        // Of the first and the last day only what lies within.
        days += usize::from(self.counts(first, (from, to)));
        if last > first {
            days += usize::from(self.counts(last, (from, to)));
        }
        // What was watched so long ago that it is no longer kept counts as watched: rather
        // too small a share in use than too large.
        let forgotten = self.all.first().map_or(0, |oldest| oldest.saturating_sub(from).max(0));
        Watched {
            days: u32::try_from(days).unwrap_or(u32::MAX),
            minutes: self.all.count_within(from, i64::MAX).saturating_add(forgotten.unsigned_abs()),
            in_use: sums.in_use,
            since: Timestamp::new(from.saturating_mul(60), 0),
        }
    }

    fn counts(&self, day: i64, (from, to): (i64, i64)) -> bool {
        let begin = day.saturating_mul(DAY);
        let end = begin.saturating_add(DAY);
        self.all.count_within(begin.max(from), end.min(to)) >= OF_A_DAY
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::census::signature::Book;
    use crate::net::{HostId, Mac, Segment};
    use crate::observe::{Equipment, Key, Observation, Observed, Origin, Study, Use, When, Work};
    use crate::store::{Counters, Inventory, Writer};

    /// 2026-01-05T00:00:00Z.
    const MONDAY: i64 = 1_767_571_200 / 60;

    #[test]
    fn days_are_those_of_an_hour_or_more_while_it_was_heard() {
        let mut watch = Watch { all: Minutes::default(), days: Vec::new() };
        for (day, minutes) in [(0, 2), (1, 59), (2, 60), (3, 1440), (4, 1440), (9, 300)] {
            watch.all.add(day * DAY, day * DAY + minutes);
            watch.days.extend((minutes >= 60).then_some(day));
        }
        let of = |from: i64, to: i64| {
            let at = |minute: i64| Timestamp::new(minute * 60, 0);
            let mut span = Span::at(at(from));
            span.extend(at(to));
            let it = watch.of(span, from, &Sums { in_use: 7, ..Sums::default() });
            let late = watch.of(span, 3 * DAY, &Sums::default());
            assert_eq!(late.since, at(from.max(3 * DAY)), "as it is believed");
            (it.days, it.minutes, it.in_use)
        };
        assert_eq!(of(0, 8 * DAY), (3, 2 + 59 + 60 + 1440 + 1440 + 300, 7), "gaps count nothing");
        assert_eq!(of(3 * DAY + 60, 4 * DAY + 58), (1, 1380 + 1440 + 300, 7));
        assert_eq!(of(3 * DAY + 60, 4 * DAY + 59).0, 2);
        assert_eq!(of(3 * DAY, 3 * DAY + 58).0, 0, "within one day");
        assert_eq!(of(-100, 0).1, 100 + 3301, "what is no longer kept was watched");
    }

    /// An MRI of which an hour a day is watched, in use for most of it.
    fn mri(days: i64, written_each_day: bool) -> (Vec<String>, Vec<String>, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let mut writer = Writer::open(&path).unwrap();
        let mut census = writer.restore(Arc::clone(Book::builtin())).unwrap();
        census.capture("port");
        let segment = Segment { vlan: 7, ..Segment::default() };
        let ip = Some([10, 0, 0, 1].into());
        let host = HostId { segment, mac: Some(Mac([0, 9, 0xfb, 0, 0, 1])), ip };
        let facts = [
            ("dicom.manufacturer", "SIEMENS"),
            ("dicom.model", "MAGNETOM Skyra"),
            ("dicom.modality", "MR"),
        ];
        for day in 0..days {
            let begin = MONDAY + day * DAY;
            let mut say = |minute: i64, what: Observed<'static>| {
                let at = Timestamp::new((begin + minute) * 60, 0);
                census.apply(0, Observation { at, frame: 1, host, what });
            };
            for minute in 0..90 {
                say(minute, Observed::Present(Some(64)));
            }
            let facts = facts.map(|(key, value)| (Key::new(key), value.into()));
            let own = Equipment { origin: Origin::Creator, facts: facts.to_vec().into() };
            say(1, Observed::Equipment(own));
            say(1, Observed::Fact(Key::new("dicom.scu"), "1.2.840.10008.5.1.4.31".into()));
            let (from, to) =
                (Timestamp::new((begin + 5) * 60, 0), Timestamp::new((begin + 80) * 60, 0));
            let study = Study(u64::try_from(day).unwrap() + 1);
            let when = When::Between(from, to);
            say(80, Observed::Use(Use { work: Work::Image, study, step: Study::UNTOLD, when }));
            census.watched(begin, begin + 90);
            if written_each_day {
                writer.write(&mut census, &Counters::new()).unwrap();
            }
        }
        writer.write(&mut census, &Counters::new()).unwrap();
        let inventory = Inventory::open(&path).unwrap();
        let risks = inventory.risks().unwrap();
        let [it] = risks.values().collect::<Vec<_>>()[..] else { panic!("one device") };
        let impact = it.impact.iter().map(|it| format!("{}: {}", it.what, it.text)).collect();
        let controls = it.controls.iter().map(|it| it.what.clone()).collect();
        (impact, controls, format!("{it:?}"))
    }

    #[test]
    fn what_is_judged_by_watching_takes_seven_days_of_it_whenever_it_is_written() {
        let (impact, controls, _) = mri(6, false);
        assert!(
            !impact.iter().any(|it| it.starts_with("busy")) && controls.is_empty(),
            "{impact:?}"
        );
        let (impact, controls, once) = mri(7, false);
        assert!(
            impact.iter().any(|it| it == "busy: in use 83 % of the time watched"),
            "{impact:?}"
        );
        assert_eq!(controls, ["medical-segment"]);
        assert_eq!(mri(7, true).2, once);
    }
}
