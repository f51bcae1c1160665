//! Who is silent. Off and not seen are two things: silence is counted in hours in which
//! others in the same segment were heard, so that neither a sensor that stood still nor a
//! VLAN that fell off the mirror makes anybody silent.
//!
//! A publication may be of a minute or of a week that was read at once. Hours are judged one
//! after the other, of the minutes in which each was on line, so both tell the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;
use rusqlite::{Connection, Transaction, params};

use super::heard::{Heard, Hours, KEPT};
use super::news::{Device, News};
use super::roll::Roll;
use super::{Kind, Policy, Severity};
use crate::census::asset::Asset;
use crate::net::Segment;
use crate::store::writer::Failure;
use crate::time::minutes::Minutes;
use crate::time::{SECOND, Timestamp};

const HOUR: i64 = 3600 * SECOND;
/// Who was heard in so many hours is expected to be heard again.
const REGULAR: u32 = 12;
/// Devices watched, and segments.
const MAX_DEVICES: usize = 65_536;
const MAX_SEGMENTS: usize = 4096;
/// Segments of one device that count.
const MAX_PLACES: usize = 8;

/// A device whose silence is told.
#[derive(Clone, Debug, Default)]
struct Watch {
    hour: i64,
    hours: u32,
    gap: u32,
    /// The alert; 0 when the site did not want to know.
    told: Option<i64>,
    /// Where it is, and when it was last heard, as far as this publication has said.
    places: Vec<Segment>,
    heard: Option<Timestamp>,
    /// The hours of it from `hour` on that this publication has told anew, in order.
    anew: Vec<Heard>,
    is_new: bool,
}

/// Everybody who is watched.
#[derive(Default)]
pub(super) struct Watches {
    devices: HashMap<i64, Watch, RandomState>,
    segments: BTreeMap<Segment, Hours>,
    /// When everybody in a segment was last heard, as far as this publication has said.
    last: BTreeMap<Segment, Vec<i64>>,
    /// Hours in which somebody in a segment was on line that were not known to be.
    anew: BTreeMap<Segment, BTreeSet<i64>>,
    /// Up to where segments had been judged before this publication.
    judged: BTreeMap<Segment, i64>,
    fresh: Vec<Segment>,
}

/// The segments of one device.
struct Around<'a> {
    hours: Vec<&'a Hours>,
    judged: i64,
}

impl Around<'_> {
    /// How many hours after one and before another somebody was heard in every place of it:
    /// else it may only have moved to one that is not seen.
    fn silence(&self, after: i64, before: i64) -> u32 {
        self.hours.iter().map(|hours| hours.between(after, before)).min().unwrap_or(0)
    }

    /// The first hour, of those not judged yet and up to one, before which a silence has lasted
    /// for so long; whole hours count.
    fn silent_at(
        &self,
        (after, until): (i64, i64),
        patience: u32,
        is_learned: impl Fn(Timestamp) -> bool,
    ) -> Option<i64> {
        if self.silence(after, until) < patience {
            return None;
        }
        let all: BTreeSet<i64> = self
            .hours
            .iter()
            .flat_map(|hours| hours.all_between(after, until))
            .chain([until])
            .filter(|hour| *hour >= self.judged)
            .collect();
        let is_told =
            |hour: &i64| self.silence(after, *hour) >= patience && is_learned(at_hour(*hour));
        all.into_iter().find(is_told)
    }
}

const fn at_hour(hour: i64) -> Timestamp {
    Timestamp(hour.saturating_mul(HOUR))
}

const fn at_minute(minute: i64) -> Timestamp {
    Timestamp(minute.saturating_mul(60 * SECOND))
}

impl Watches {
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut all = Self::default();
        let mut rows =
            connection.prepare("SELECT asset, hour, hours, gap, told FROM alert_watch")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let count = |at| row.get::<_, i64>(at).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
            let (hour, hours, gap, told) = (row.get(1)?, count(2)?, count(3)?, row.get(4)?);
            let watch = Watch { hour, hours, gap, told, ..Watch::default() };
            all.devices.insert(row.get(0)?, watch);
        }
        let mut rows = connection.prepare("SELECT segment, newest, heard FROM alert_segment")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let Some(segment) = segment(row.get_ref(0)?.as_str().unwrap_or_default()) else {
                continue;
            };
            let heard = row.get_ref(2)?.as_blob().unwrap_or_default();
            all.segments.insert(segment, Hours::from_bytes(row.get(1)?, heard));
        }
        Ok(all)
    }

    /// An asset, as every publication looks at it; `online` are its minutes on line in days
    /// of which something is new.
    pub(super) fn seen(
        &mut self,
        asset: &Asset<'_>,
        number: i64,
        category: &str,
        online: &Minutes,
    ) {
        let hour = asset.span.last.0.div_euclid(HOUR);
        // Of who is in several, as routers are, it is not known in which it was last heard.
        if let [segment] = asset.segments[..] {
            let has_room = self.last.len() < MAX_SEGMENTS || self.last.contains_key(&segment);
            if has_room {
                self.last.entry(segment).or_default().push(hour);
                let known = self.segments.get(&segment);
                let is_new = |it: &Heard| known.is_none_or(|known| !known.has(it.hour));
                let mut new = Heard::all(online).filter(is_new).map(|it| it.hour).peekable();
                if new.peek().is_some() {
                    self.anew.entry(segment).or_default().extend(new);
                }
            }
        }
        let is_wanted = matches!(category, "medical" | "network") && !asset.external;
        let has_room = self.devices.len() < MAX_DEVICES;
        let watch = match self.devices.get_mut(&number) {
            Some(watch) => watch,
            None if is_wanted && has_room => {
                let hour = Heard::all(online).next().map_or(hour, |it| it.hour.min(hour));
                let watch = Watch { hour, hours: 1, is_new: true, ..Watch::default() };
                self.devices.entry(number).or_insert(watch)
            }
            None => return,
        };
        watch.heard = Some(asset.span.last);
        watch.anew.clear();
        watch.anew.extend(Heard::all(online).filter(|it| it.hour >= watch.hour));
        watch.places.clear();
        watch.places.extend(asset.segments.iter().take(MAX_PLACES));
    }

    /// Takes in when everybody was last heard.
    fn hear(&mut self) {
        let mut anew = std::mem::take(&mut self.anew);
        self.judged.clear();
        for (segment, mut hours) in std::mem::take(&mut self.last) {
            // What was so before has a voice: all others may have left long ago.
            let before = self.segments.get(&segment).cloned();
            hours.extend(before.as_ref().map(|it| it.newest));
            hours.sort_unstable();
            if let [.., before, last] = hours[..]
                && last.saturating_sub(before) >= KEPT
            {
                // One alone is a month ahead of all others: the times of its frames are wrong.
                hours.pop();
            }
            let Some(newest) = hours.last().copied() else { continue };
            let anew = anew.remove(&segment).unwrap_or_default();
            hours.extend(anew.into_iter().filter(|hour| *hour <= newest));
            self.judged.insert(segment, before.as_ref().map_or(i64::MIN, |it| it.newest));
            let has_room = self.segments.len() < MAX_SEGMENTS;
            if before.is_none() && !has_room {
                continue;
            }
            let known = self.segments.entry(segment).or_insert(Hours::of(newest));
            if known.newest.saturating_sub(newest) >= KEPT {
                // Of a clock that was set back by more than a month nothing else is left.
                *known = Hours::of(newest);
            }
            hours.dedup();
            hours.iter().for_each(|hour| known.mark(*hour));
            if before.as_ref() != Some(known) {
                self.fresh.push(segment);
            }
        }
    }

    /// An asset that is none any more.
    pub(super) fn gone(
        &mut self,
        transaction: &Transaction<'_>,
        number: i64,
    ) -> rusqlite::Result<()> {
        if self.devices.remove(&number).is_some() {
            let sql = "DELETE FROM alert_watch WHERE asset = ?1";
            transaction.prepare_cached(sql)?.execute([number])?;
        }
        Ok(())
    }

    /// Tells who is silent and who is back; `is_learned` as of a time, `last_online` gives the
    /// last minute of a device within an hour of days that are written.
    pub(super) fn close(
        &mut self,
        transaction: &Transaction<'_>,
        policy: &Policy,
        is_learned: impl Fn(Timestamp) -> bool,
        last_online: impl Fn(i64, i64) -> Result<Option<i64>, Failure>,
        roll: &mut Roll,
    ) -> Result<(), Failure> {
        self.hear();
        let Self { devices, segments, fresh, judged, .. } = self;
        // By number: the order of a map is not the same in every run.
        let mut numbers: Vec<_> = devices.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            let Some(watch) = devices.get_mut(&number) else { continue };
            let Some(heard) = watch.heard.take() else { continue };
            let all = || watch.places.iter().filter_map(|place| segments.get(place));
            let newest = all().map(|hours| hours.newest).max();
            let known = |place| segments.get(place).map(|it| it.newest);
            let before = |place| judged.get(place).copied().or_else(|| known(place));
            let before = watch.places.iter().filter_map(before).max();
            let around = Around { hours: all().collect(), judged: before.unwrap_or(i64::MIN) };
            let mut anew = std::mem::take(&mut watch.anew);
            let last = Heard::at(heard.minute());
            if anew.last().is_none_or(|it| it.hour < last.hour) {
                anew.push(last);
            }
            let mut is_changed = std::mem::take(&mut watch.is_new);
            let mut since = None;
            // Each hour in which it was heard, and the silence since the last of them.
            for it in anew.into_iter().map(Some).chain([None]) {
                let patience = policy.silent_after.max(watch.gap.saturating_add(watch.gap / 2));
                let until = it.map_or(newest, |it| Some(it.hour)).unwrap_or(watch.hour);
                if until > watch.hour && watch.told.is_none() && watch.hours >= REGULAR {
                    let span = (watch.hour, until);
                    if let Some(now) = around.silent_at(span, patience, &is_learned) {
                        let hours = around.silence(watch.hour, now);
                        let minute = match since {
                            Some(minute) => Some(minute),
                            None => last_online(number, watch.hour)?,
                        };
                        let minute = minute.unwrap_or_else(|| watch.hour.saturating_mul(60));
                        let times = (at_minute(minute), at_hour(now));
                        let told = silent(transaction, policy, roll, (number, hours), times)?;
                        watch.told = Some(told.unwrap_or(0));
                        is_changed = true;
                    }
                }
                let Some(it) = it else { break };
                if it.hour > watch.hour {
                    let was = around.silence(watch.hour, it.hour);
                    (watch.gap, watch.hour) = (watch.gap.max(was), it.hour);
                    watch.hours = watch.hours.saturating_add(1);
                    is_changed = true;
                    if let Some(told) = watch.told.take().filter(|told| *told > 0) {
                        back(transaction, policy, roll, (number, told, was), at_minute(it.first))?;
                    }
                }
                if it.hour == watch.hour {
                    since = since.max(Some(it.last));
                }
            }
            if is_changed {
                let sql = "INSERT OR REPLACE INTO alert_watch VALUES (?1, ?2, ?3, ?4, ?5)";
                let Watch { hour, hours, gap, told, .. } = &*watch;
                transaction
                    .prepare_cached(sql)?
                    .execute(params![number, hour, hours, gap, told])?;
            }
        }
        fresh.sort_unstable();
        fresh.dedup();
        for segment in fresh.drain(..) {
            let Some(hours) = segments.get(&segment) else { continue };
            let sql = "INSERT OR REPLACE INTO alert_segment VALUES (?1, ?2, ?3)";
            let Segment { sensor, vlan, inner_vlan, vni } = segment;
            let name = format!("{sensor}:{vlan}:{inner_vlan}:{vni}");
            transaction.prepare_cached(sql)?.execute(params![name, hours.newest, hours.bytes()])?;
        }
        Ok(())
    }
}

fn silent(
    transaction: &Transaction<'_>,
    policy: &Policy,
    roll: &mut Roll,
    (number, hours): (i64, u32),
    (last, now): (Timestamp, Timestamp),
) -> Result<Option<i64>, Failure> {
    let Some(of) = Device::stored(transaction, number)? else { return Ok(None) };
    let news = News::new(Kind::SilentDevice, Severity::Warning, now);
    let (name, since) = (of.name(), last.rfc3339());
    Ok(roll.tell(
        transaction,
        policy,
        &News {
            of,
            subject: since.clone(),
            before: since.clone(),
            after: hours.to_string(),
            summary: format!("{name} is silent since {since}"),
            evidence: format!("others in its VLAN were heard in {hours} hours since then"),
            ..news
        },
    )?)
}

fn back(
    transaction: &Transaction<'_>,
    policy: &Policy,
    roll: &mut Roll,
    (number, told, hours): (i64, i64, u32),
    at: Timestamp,
) -> Result<(), Failure> {
    let Some(of) = Device::stored(transaction, number)? else { return Ok(()) };
    let name = of.name();
    let news = News {
        of,
        subject: told.to_string(),
        before: hours.to_string(),
        summary: format!("{name} is heard again"),
        evidence: format!("its packets from {} on", at.rfc3339()),
        resolves: Some(told),
        ..News::new(Kind::DeviceBack, Severity::Info, at)
    };
    roll.tell(transaction, policy, &news)?;
    Ok(())
}

fn segment(text: &str) -> Option<Segment> {
    let mut parts = text.split(':');
    let mut next = || parts.next();
    let (sensor, vlan) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let (inner_vlan, vni) = (next()?.parse().ok()?, next()?.parse().ok()?);
    Some(Segment { sensor, vlan, inner_vlan, vni })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_moves_no_segment_by_a_month_and_all_together_do() {
        let mut watches = Watches::default();
        let segment = Segment::default();
        let mut hear = |hours: &[i64]| {
            watches.last.insert(segment, hours.to_vec());
            watches.hear();
            let known = &watches.segments[&segment];
            (known.newest, known.between(i64::MIN, i64::MAX), watches.fresh.drain(..).count())
        };
        assert_eq!(hear(&[5000]), (5000, 1, 1), "the first of all");
        assert_eq!(hear(&[5000, 5001, 5001]), (5001, 2, 1));
        assert_eq!(hear(&[9000, 5001, 5002]), (5002, 3, 1), "one from the future");
        assert_eq!(hear(&[9000, 5001, 5002]), (5002, 3, 0), "nothing is new");
        assert_eq!(hear(&[10, 5003]), (5003, 4, 1), "and one from the past");
        assert_eq!(hear(&[9000, 9000, 5003]), (9000, 1, 1), "the sensor stood still");
        assert_eq!(hear(&[5004, 5004, 5004]), (5004, 1, 1), "a clock that was set back");
    }
}
