//! Days of assets, made of what their speakers did: anew for each day of which something
//! changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use foldhash::fast::RandomState;
use rusqlite::{Transaction, params};

use super::basis::{Basis, basis};
use super::detail::{self, Detail, detail};
use super::made::{Written, made};
use super::sheet::{self, Before, DAYS, Sums, TOTALS, Table};
use super::through;
use super::turn::{Turn, changed, united};
use super::{Diary, Fresh, Kept, Speaker, exam, seen, segment_name, utc_days};
use super::{begun, behind};
use crate::census::Census;
use crate::census::activity::method::{FARTHEST, SEGMENT_GAP};
use crate::census::asset::Asset;
use crate::net::Segment;
use crate::store::record;
use crate::store::writer::Failure;
use crate::time::calendar::{Calendar, Day};
use crate::time::minutes::{DAY, Minutes};

/// What a roll-up has changed, valid once it is committed.
#[derive(Default)]
pub(in crate::store) struct Rolled {
    known: Vec<(i64, Option<Basis>)>,
    stale: usize,
    rows: BTreeSet<Day>,
    kept: Kept,
}

/// Days that are made again in one roll-up because the calendar changed: a second's work,
/// so that a sensor goes on meanwhile.
const ANEW: usize = 20_000;

/// Minutes of segments, by who asks for which day.
type Observed = HashMap<(Vec<Segment>, Day), Rc<Minutes>, RandomState>;

/// One roll-up.
pub(in crate::store) struct Roll<'t> {
    pub(super) transaction: &'t Transaction<'t>,
    diary: &'t Diary,
    /// Days that are not settled and of whose segments more is known now, by asset.
    unsettled: HashMap<i64, BTreeSet<Day>, RandomState>,
    observed: Observed,
    /// What is new in the sheets, by day, sheet and place.
    patches: BTreeMap<(Day, i64), BTreeMap<u8, Sums>>,
    /// What the sheets were, of days and of all days together.
    before: Before,
    totals: Table,
    rolled: Rolled,
    /// Days that may still be made again.
    anew: usize,
    /// When the last asset was on line, in its days that were made.
    online: Minutes,
    /// From which minute on days are believed.
    begun: Option<i64>,
    /// Since which minute the asset that was brought up to date last is known, as is believed.
    pub(in crate::store) since: i64,
}

impl<'t> Roll<'t> {
    pub(in crate::store) fn new(
        transaction: &'t Transaction<'t>,
        diary: &'t Diary,
    ) -> Result<Self, Failure> {
        if diary.stored != Some(diary.mark) {
            let mut blob = Vec::new();
            record::begin(&mut blob);
            record::add(&mut blob, &diary.calendar)?;
            transaction.execute("INSERT OR REPLACE INTO calendar VALUES (0, ?1)", [blob])?;
        }
        let mut unsettled: HashMap<i64, BTreeSet<Day>, RandomState> = HashMap::default();
        for day in &diary.lit {
            // An examination counts on the next day where nobody watched on this one.
            let sql = "SELECT asset, day FROM asset_day
                       WHERE day IN (?1, ?1 + 1) AND settled = 0";
            let mut rows = transaction.prepare_cached(sql)?;
            for row in rows.query_map([day], |row| Ok((row.get(0)?, row.get(1)?)))? {
                let (asset, day): (_, Day) = row?;
                unsettled.entry(asset).or_default().insert(day);
            }
        }
        let (rolled, anew, before) = (Rolled::default(), ANEW, Before::default());
        let mut totals = Table::default();
        TOTALS.sum(transaction, (0, 1), &mut totals)?;
        let (observed, patches) = (Observed::default(), BTreeMap::new());
        let (online, begun) = (Minutes::default(), begun::begun(transaction)?);
        Ok(Self {
            transaction,
            diary,
            unsettled,
            observed,
            patches,
            before,
            totals,
            rolled,
            anew,
            online,
            begun,
            since: i64::MIN,
        })
    }

    /// Brings the days of an asset up to date; gives the sums of all of them.
    pub(in crate::store) fn asset(
        &mut self,
        number: i64,
        asset: &Asset<'_>,
        census: &Census,
    ) -> Result<Sums, Failure> {
        let mut totals = self.totals.get(number);
        self.online = Minutes::default();
        self.since = asset.span.first.minute();
        if asset.external {
            return Ok(totals);
        }
        let spoke = asset.speakers.iter().filter(|(_, host)| host.spoke);
        let all = united(spoke.map(|(id, host)| Turn::of(id, host, census)).collect());
        let before = self.diary.known.get(&number);
        let mut basis = basis(asset, &all);
        let named = asset.speakers.iter().filter(|(_, host)| !host.spoke);
        let named = united(named.map(|(id, host)| Turn::of(id, host, census)).collect());
        basis.named = named.into_iter().map(|(turn, _)| turn).collect();
        let times = (basis.since, asset.span.last.minute());
        basis.since = self.diary.since(self.transaction, times, self.begun, &basis.turns)?;
        self.since = basis.since;
        let told = through::turns(asset, census);
        basis.told = told.iter().map(|(turn, _)| *turn).collect();
        let all = [all, told].concat();
        if all.is_empty() {
            // Only others speak of it: it has no days, but a place.
            basis.calendar = self.diary.mark;
            if before.is_none_or(|it| it.all().is_empty() && it.days.is_none()) {
                self.know(number, before, basis)?;
            }
            return Ok(totals);
        }
        basis.days = before.and_then(|it| it.days);
        basis.calendar = before.map_or(self.diary.mark, |it| it.calendar);
        if basis.calendar != self.diary.mark {
            if self.anew > 0 {
                basis.calendar = self.diary.mark;
            } else {
                self.rolled.stale += 1;
            }
        }
        let days = self.days(number, &basis, before, &all);
        if before.is_some_and(|it| it.calendar != basis.calendar) {
            self.anew = self.anew.saturating_sub(days.len());
        }
        for day in &days {
            if !self.diary.kept.has(&self.diary.calendar.zone, *day) {
                self.reopen(number, &basis, *day)?;
                continue;
            }
            let old = self.before.of(self.transaction, *day, number)?;
            let made = self.day(number, &basis, *day)?;
            if made.is_none() {
                detail::spoil(self.transaction, number, *day)?;
            }
            let (is_any, new) = made.unwrap_or((true, old));
            totals.take_away(&old);
            totals.add(&new);
            if is_any {
                let (first, last) = basis.days.unwrap_or((*day, *day));
                basis.days = Some((first.min(*day), last.max(*day)));
            }
        }
        self.know(number, before, basis)?;
        Ok(totals)
    }

    /// When the asset that was brought up to date last was on line, in those of its days of
    /// which something is new.
    pub(in crate::store) const fn online(&self) -> &Minutes {
        &self.online
    }

    /// The last minute in which an asset was on line on a day, where that is within this hour
    /// since 1970.
    pub(in crate::store) fn last_online(
        &self,
        number: i64,
        hour: i64,
    ) -> Result<Option<i64>, Failure> {
        let zone = &self.diary.calendar.zone;
        let day = zone.day(hour.saturating_mul(60));
        let Some(Ok(it)) = detail(self.transaction, day, number)? else { return Ok(None) };
        let last = it.online.map(|(_, last)| zone.bounds(day).0.saturating_add(last));
        Ok(last.filter(|minute| minute.div_euclid(60) == hour))
    }

    /// Writes of what the days of an asset are made, where it is otherwise than before.
    fn know(&mut self, number: i64, before: Option<&Basis>, basis: Basis) -> Result<(), Failure> {
        if before != Some(&basis) {
            let mut blob = Vec::new();
            record::begin(&mut blob);
            record::add(&mut blob, &basis)?;
            let sql = "INSERT OR REPLACE INTO asset_use VALUES (?1, ?2)";
            self.transaction.prepare_cached(sql)?.execute(params![number, blob])?;
            self.rolled.known.push((number, Some(basis)));
        }
        Ok(())
    }

    /// Which days are to be made anew. `all` are its turns, each with the first and the last
    /// minute in which it was heard.
    fn days(
        &self,
        number: i64,
        basis: &Basis,
        before: Option<&Basis>,
        all: &[(Turn, (i64, i64))],
    ) -> BTreeSet<Day> {
        let mut days = self.unsettled.get(&number).cloned().unwrap_or_default();
        let touched = all.iter().filter_map(|(turn, _)| self.diary.touched.get(&turn.speaker));
        days.extend(touched.flatten());
        // What was told of the time before it was first seen counts, once that was earlier.
        if let Some(since) = before.map(|it| it.since).filter(|since| *since != basis.since) {
            days.extend(super::around(
                &self.diary.calendar.zone,
                since.saturating_sub(DAY),
                since.saturating_add(1),
            ));
        }
        let turned = before.is_some_and(|it| it.calendar != basis.calendar);
        let otherwise = before.is_none_or(|it| {
            (&it.segments, it.ways, &it.class) != (&basis.segments, basis.ways, &basis.class)
        });
        let known = before.map(Basis::all).unwrap_or_default();
        let now = basis.all();
        let zone = &self.diary.calendar.zone;
        for (turn, heard) in all {
            let new = if turned || otherwise { &[][..] } else { &known };
            for (from, to) in changed(*turn, new).runs() {
                let (from, to) = (heard.0.max(*from), heard.1.min(*to));
                if from > to {
                    continue;
                }
                let utc = |minute: i64| i32::try_from(minute.div_euclid(DAY)).unwrap_or(0);
                // Work may be told of the day before, and of the next one by a clock that is
                // ahead.
                let (from, to) = (utc(from).saturating_sub(1), utc(to).saturating_add(1));
                for (day, _) in self.diary.days.range(from..=to.max(from)) {
                    let base = i64::from(*day).saturating_mul(DAY);
                    days.extend(super::around(zone, base, base + DAY));
                }
            }
        }
        let Some((first, last)) = before.and_then(|it| it.days) else { return days };
        let mut gone = Minutes::default();
        for turn in &known {
            gone.unite(&changed(*turn, &now));
        }
        let rows = || self.diary.rows.range(first..=last.max(first));
        if !gone.is_empty() {
            days.extend(rows().filter(|day| {
                let (from, to) = zone.bounds(**day);
                let near = (from.saturating_sub(DAY), to.saturating_add(DAY));
                gone.count_within(near.0, near.1) > 0
            }));
        }
        // What was another day by the other calendar.
        if turned {
            days.extend(rows());
        }
        days
    }

    /// Makes one day; whether there is a row of it, and its sums. None where minutes of it
    /// are not as they were written: then it stays as it is.
    fn day(
        &mut self,
        number: i64,
        basis: &Basis,
        day: Day,
    ) -> Result<Option<(bool, Sums)>, Failure> {
        let (from, to) = self.diary.calendar.zone.bounds(day);
        let observed = self.observed(&basis.segments, day, (from, to))?;
        let made = made(self.transaction, basis, (from, to), &observed, self)?;
        let Some(made) = made else { return Ok(None) };
        let (online, visible, work) = (&made.online, &made.visible, made.work());
        let beyond = online.without(&observed);
        let in_use = work.minutes();
        let seen = in_use.common(visible);
        let settled = beyond.is_empty() && seen == in_use && !made.is_carried;
        let mut sums = Sums {
            methods: made.methods,
            online: online.count(),
            beyond: beyond.count(),
            in_use: work.within(visible),
            ..Sums::default()
        };
        for (_, took, _) in &made.exams {
            sums.examinations += 1;
            sums.duration += took.unsigned_abs();
        }
        if let Some(hours) = self.diary.calendar.hours_of(basis.class.as_deref()) {
            let open = hours.on(&self.diary.calendar.zone, day);
            sums.open_in_use = work.within(&visible.common(&open));
        }
        self.online.unite(online);
        let is_any = sums != Sums::default() || !in_use.is_empty();
        let first = online.first().zip(online.last());
        let first = first.map(|(a, b)| (a.saturating_sub(from), b.saturating_sub(from)));
        let detail = Detail { online: first, in_use: seen.encode(from), exams: made.exams };
        detail::write(self.transaction, (number, day), settled, is_any.then_some(&detail))?;
        let (block, slot) = sheet::place(number);
        self.patches.entry((day, block)).or_default().insert(slot, sums);
        Ok(Some((is_any, sums)))
    }

    /// In which minutes of a day somebody watched and saw one of these segments.
    fn observed(
        &mut self,
        segments: &[Segment],
        day: Day,
        (from, to): (i64, i64),
    ) -> Result<Rc<Minutes>, Failure> {
        let key = (segments.to_vec(), day);
        if let Some(known) = self.observed.get(&key) {
            return Ok(Rc::clone(known));
        }
        let (begin, end) = (from.saturating_sub(FARTHEST), to.saturating_add(FARTHEST));
        let stretch = |name: &[u8]| -> Result<Minutes, Failure> {
            let mut all = Minutes::default();
            for day in utc_days(begin, end) {
                if let Some(Ok(minutes)) = seen(self.transaction, day, name)? {
                    all.unite(&minutes);
                }
            }
            Ok(all)
        };
        let mut alive = Minutes::default();
        for segment in segments {
            let name = segment_name(Some(*segment))?;
            alive.unite(&stretch(&name)?.bridged(SEGMENT_GAP));
        }
        let watched = stretch(&[])?;
        let observed = Rc::new(alive.common(&watched).within(from, to));
        self.observed.insert(key, Rc::clone(&observed));
        Ok(observed)
    }

    /// A day whose minutes are gone stays as it is; but its opening hours are those of the
    /// calendar, as they are for what was observed.
    fn reopen(&mut self, number: i64, basis: &Basis, day: Day) -> Result<(), Failure> {
        let (block, slot) = sheet::place(number);
        let Some(sheet) = DAYS.load(self.transaction, day, block)? else { return Ok(()) };
        let known = sheet.iter().find(|(it, _)| *it == slot);
        let (Some((_, sums)), Some(Ok(detail))) = (known, detail(self.transaction, day, number)?)
        else {
            return Ok(());
        };
        let Calendar { zone, .. } = &self.diary.calendar;
        let in_use = Minutes::decode(zone.bounds(day).0, &detail.in_use);
        let hours = self.diary.calendar.hours_of(basis.class.as_deref());
        let open = hours.map_or(0, |hours| in_use.common(&hours.on(zone, day)).count());
        let sums = Sums { open_in_use: open.min(sums.in_use), ..*sums };
        self.patches.entry((day, block)).or_default().insert(slot, sums);
        Ok(())
    }

    /// An asset is no more.
    pub(in crate::store) fn gone(&mut self, number: i64) -> Result<(), Failure> {
        let Some(basis) = self.diary.known.get(&number) else { return Ok(()) };
        let (block, slot) = sheet::place(number);
        if let Some((first, last)) = basis.days {
            for day in self.diary.rows.range(first..=last.max(first)) {
                let sql = "DELETE FROM asset_day WHERE day = ?1 AND asset = ?2";
                if self.transaction.prepare_cached(sql)?.execute(params![day, number])? > 0 {
                    let sheet = self.patches.entry((*day, block)).or_default();
                    sheet.insert(slot, Sums::default());
                }
            }
        }
        let sql = "DELETE FROM asset_use WHERE asset = ?1";
        self.transaction.prepare_cached(sql)?.execute([number])?;
        self.rolled.known.push((number, None));
        Ok(())
    }

    /// Writes the sums; the result is for [`Diary::settle`] once it is committed.
    pub(in crate::store) fn close(self) -> Result<Rolled, Failure> {
        let Self { transaction, patches, mut rolled, diary, mut before, .. } = self;
        rolled.rows = patches.keys().map(|(day, _)| *day).collect();
        let mut totals: BTreeMap<i64, BTreeMap<u8, (Sums, Sums)>> = BTreeMap::new();
        for ((day, block), patch) in patches {
            let Some(known) = before.take(transaction, day, block)? else {
                // What all days together gain by these cannot be told.
                for slot in patch.into_keys() {
                    detail::spoil(transaction, sheet::number(block, slot), day)?;
                }
                continue;
            };
            let mut sheet: BTreeMap<u8, Sums> = known.into_iter().collect();
            let mut is_new = false;
            for (slot, sums) in patch {
                let old = sheet.insert(slot, sums).unwrap_or_default();
                if old != sums {
                    is_new = true;
                    let of = totals.entry(block).or_default().entry(slot).or_default();
                    of.0.add(&old);
                    of.1.add(&sums);
                }
            }
            if is_new {
                let sheet: Vec<_> = sheet.into_iter().collect();
                DAYS.store(transaction, day, block, &sheet)?;
            }
        }
        for (block, patch) in totals {
            let Some(before) = TOTALS.load(transaction, 0, block)? else { continue };
            let mut sheet: BTreeMap<u8, Sums> = before.into_iter().collect();
            for (slot, (old, new)) in patch {
                let sums = sheet.entry(slot).or_default();
                sums.take_away(&old);
                sums.add(&new);
            }
            let sheet: Vec<_> = sheet.into_iter().collect();
            TOTALS.store(transaction, 0, block, &sheet)?;
        }
        if !diary.touched.is_empty() || !diary.lit.is_empty() {
            transaction.execute("DELETE FROM unrolled", [])?;
        }
        behind::note(transaction, rolled.stale)?;
        rolled.kept = diary.kept;
        // What is rolled up may go.
        if diary.is_longer {
            rolled.kept = Kept::load(transaction)?;
            rolled.kept.drop_older(transaction, &diary.calendar.zone)?;
        }
        Ok(rolled)
    }
}

impl Written for Roll<'_> {
    type Error = Failure;

    fn minutes(
        &mut self,
        turns: &[Turn],
        what: u8,
        (from, to): (i64, i64),
    ) -> Result<Option<Minutes>, Failure> {
        let mut all = Minutes::default();
        for day in utc_days(from, to) {
            for turn in turns {
                let minutes = self.diary.minutes_of(self.transaction, day, turn.speaker, what)?;
                let Some(minutes) = minutes else { continue };
                let Ok(minutes) = minutes else { return Ok(None) };
                match turn.minutes() {
                    None => all.unite(&minutes),
                    Some((from, to)) => all.unite(&minutes.within(from, to)),
                }
            }
        }
        Ok(Some(all.within(from, to)))
    }

    fn exams(
        &mut self,
        speaker: Speaker,
        (begin, end): (i64, i64),
    ) -> Result<Vec<exam::Stored>, Failure> {
        Ok(exam::between(self.transaction, speaker, begin, end)?)
    }
}

impl Diary {
    /// The roll-up is committed.
    pub(in crate::store) fn settle(&mut self, rolled: Rolled) {
        for (number, basis) in rolled.known {
            match basis {
                Some(basis) => self.known.insert(number, basis),
                None => self.known.remove(&number),
            };
        }
        self.rows.extend(rolled.rows);
        if let Some(oldest) = rolled.kept.minutes {
            self.days = self.days.split_off(&oldest);
        }
        if let Some(first) = rolled.kept.first(&self.calendar.zone) {
            self.rows = self.rows.split_off(&first);
        }
        (self.kept, self.is_longer) = (rolled.kept, false);
        self.touched.clear();
        self.lit.clear();
        self.fresh = Fresh::default();
        (self.stored, self.stale) = (Some(self.mark), rolled.stale);
    }
}
