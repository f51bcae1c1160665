//! Who is silent. Off and not seen are two things: silence is counted in hours in which
//! others in the same segment were heard, so that neither a sensor that stood still nor a
//! VLAN that fell off the mirror makes anybody silent.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use rusqlite::{Connection, Transaction, params};

use super::news::{Device, News};
use super::roll::Roll;
use super::{Kind, Policy, Severity};
use crate::census::asset::Asset;
use crate::net::Segment;
use crate::store::writer::Failure;
use crate::time::{SECOND, Timestamp};

const HOUR: i64 = 3600 * SECOND;
/// Who was heard in so many hours is expected to be heard again.
const REGULAR: u32 = 12;
/// Devices watched, and segments.
const MAX_DEVICES: usize = 65_536;
const MAX_SEGMENTS: usize = 4096;
/// Segments of one device that count.
const MAX_PLACES: usize = 8;
/// Hours remembered of a segment: a month.
const WORDS: usize = 12;
const KEPT: i64 = 64 * 12;

/// In which hours anybody was heard: bit n is the n-th hour before the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hours {
    newest: i64,
    bits: [u64; WORDS],
}

impl Hours {
    fn of(hour: i64) -> Self {
        let mut hours = Self { newest: hour, bits: [0; WORDS] };
        hours.bits[0] = 1;
        hours
    }

    fn mark(&mut self, hour: i64) {
        if hour > self.newest {
            self.shift(hour.saturating_sub(self.newest));
            self.newest = hour;
        }
        // What was so long ago is not kept.
        let back = self.newest.saturating_sub(hour);
        let (word, bit) = place(back);
        if let Some(word) = self.bits.get_mut(word) {
            *word |= bit;
        }
    }

    fn shift(&mut self, by: i64) {
        let before = std::mem::take(&mut self.bits);
        for back in 0..KEPT.saturating_sub(by) {
            let ((from, bit), (to, there)) = (place(back), place(back.saturating_add(by)));
            if before.get(from).is_some_and(|word| word & bit != 0)
                && let Some(word) = self.bits.get_mut(to)
            {
                *word |= there;
            }
        }
    }

    /// How many after one hour and before another.
    fn between(&self, after: i64, before: i64) -> u32 {
        let heard = |hour: i64| {
            let back = self.newest.saturating_sub(hour);
            let (word, bit) = place(back);
            (0..KEPT).contains(&back) && self.bits.get(word).is_some_and(|word| word & bit != 0)
        };
        let first = after.saturating_add(1).max(self.newest.saturating_sub(KEPT - 1));
        let last = before.min(self.newest.saturating_add(1));
        let n = (first..last).filter(|hour| heard(*hour)).count();
        u32::try_from(n).unwrap_or(u32::MAX)
    }

    fn bytes(&self) -> Vec<u8> {
        self.bits.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn from_bytes(newest: i64, bytes: &[u8]) -> Self {
        let mut hours = Self { newest, bits: [0; WORDS] };
        let words = bytes.chunks_exact(8).filter_map(|it| it.try_into().ok());
        hours.bits.iter_mut().zip(words).for_each(|(to, it)| *to = u64::from_be_bytes(it));
        hours
    }
}

fn place(back: i64) -> (usize, u64) {
    (usize::try_from(back / 64).unwrap_or(usize::MAX), 1 << back.rem_euclid(64))
}

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
    is_new: bool,
}

/// Everybody who is watched.
#[derive(Default)]
pub(super) struct Watches {
    devices: HashMap<i64, Watch, RandomState>,
    segments: BTreeMap<Segment, Hours>,
    /// When everybody in a segment was last heard, as far as this publication has said.
    last: BTreeMap<Segment, Vec<i64>>,
    fresh: Vec<Segment>,
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

    /// An asset, as every publication looks at it.
    pub(super) fn seen(&mut self, asset: &Asset<'_>, number: i64, category: &str) {
        let hour = asset.span.last.0.div_euclid(HOUR);
        // Of who is in several, as routers are, it is not known in which it was last heard.
        if let [segment] = asset.segments[..] {
            let has_room = self.last.len() < MAX_SEGMENTS || self.last.contains_key(&segment);
            if has_room {
                self.last.entry(segment).or_default().push(hour);
            }
        }
        let is_wanted = matches!(category, "medical" | "network") && !asset.external;
        let has_room = self.devices.len() < MAX_DEVICES;
        let watch = match self.devices.get_mut(&number) {
            Some(watch) => watch,
            None if is_wanted && has_room => {
                let watch = Watch { hour, hours: 1, is_new: true, ..Watch::default() };
                self.devices.entry(number).or_insert(watch)
            }
            None => return,
        };
        watch.heard = Some(asset.span.last);
        watch.places.clear();
        watch.places.extend(asset.segments.iter().take(MAX_PLACES));
    }

    /// Takes in when everybody was last heard.
    fn hear(&mut self) {
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

    /// Tells who is silent and who is back; `is_learned` as of a time.
    pub(super) fn close(
        &mut self,
        transaction: &Transaction<'_>,
        policy: &Policy,
        is_learned: impl Fn(Timestamp) -> bool,
        roll: &mut Roll,
    ) -> Result<(), Failure> {
        self.hear();
        let Self { devices, segments, fresh, .. } = self;
        // By number: the order of a map is not the same in every run.
        let mut numbers: Vec<_> = devices.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            let Some(watch) = devices.get_mut(&number) else { continue };
            let Some(heard) = watch.heard.take() else { continue };
            let hour = heard.0.div_euclid(HOUR);
            let all = watch.places.iter().filter_map(|place| segments.get(place));
            let newest = all.clone().map(|hours| hours.newest).max().unwrap_or(hour);
            // In every place of it: else it may only have moved to one that is not seen.
            let silence = |before: i64| {
                all.clone().map(|hours| hours.between(watch.hour, before)).min().unwrap_or(0)
            };
            let mut is_changed = std::mem::take(&mut watch.is_new);
            let patience = policy.silent_after.max(watch.gap.saturating_add(watch.gap / 2));
            if hour > watch.hour {
                let was = silence(hour);
                (watch.gap, watch.hour) = (watch.gap.max(was), hour);
                watch.hours = watch.hours.saturating_add(1);
                is_changed = true;
                if let Some(told) = watch.told.take()
                    && told > 0
                {
                    back(transaction, policy, roll, (number, told, was), heard)?;
                }
            } else if watch.told.is_none()
                && watch.hours >= REGULAR
                && newest.saturating_sub(watch.hour) >= i64::from(patience)
            {
                let now = Timestamp(newest.saturating_mul(HOUR));
                let hours = silence(newest.saturating_add(1));
                if hours >= patience && is_learned(now) {
                    let told = silent(transaction, policy, roll, (number, hours), (heard, now))?;
                    watch.told = Some(told.unwrap_or(0));
                    is_changed = true;
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
        evidence: format!("its packet of {}", at.rfc3339()),
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
    fn hours_are_kept_for_a_month() {
        let mut hours = Hours::of(1000);
        [1000, 1003, 999].into_iter().for_each(|hour| hours.mark(hour));
        assert_eq!(hours.between(998, 1004), 3);
        assert_eq!((hours.between(999, 1003), hours.between(1003, 2000)), (1, 0));
        assert_eq!(Hours::from_bytes(hours.newest, &hours.bytes()), hours);
        hours.mark(1000 + KEPT);
        assert_eq!(hours.between(0, i64::MAX), 2, "1003 is still known, 999 and 1000 are not");
        hours.mark(50);
        assert_eq!((hours.newest, hours.between(0, i64::MAX)), (1000 + KEPT, 2), "long ago");
        [i64::MAX, i64::MIN].into_iter().for_each(|hour| hours.mark(hour));
    }

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
