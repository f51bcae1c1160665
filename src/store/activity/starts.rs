//! When devices started: words of speakers as they were said, and what follows of them.
//!
//! Rows only grow together, each with the earliest that was told, so they are the same in
//! whatever order captures are read. What is a start is judged when somebody asks, of all
//! rows and all minutes that there are: that a network came up tells one only of a device
//! that had been off, and who was on line at which minute may become known later.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Row, Transaction, params};

use super::ask::Period;
use super::kept::Kept;
use super::roll::Basis;
use super::turn::Turn;
use super::{Damaged, ONLINE, Speaker, damaged, minutes_of, seen, segment_name, utc_days};
use crate::census::activity::method::SEGMENT_GAP;
use crate::census::activity::{BEFORE, Came, OFF, SAME_BOOT, Starts, UtcDay, code, confidence};
use crate::observe::{Arrival, Sign};
use crate::store::{Error, Fault, Inventory};
use crate::time::Timestamp;
use crate::time::calendar::date;
use crate::time::minutes::{DAY, Minutes};

/// Rows of starts, and of minutes in which the network came up, of one speaker and day:
/// what repeats itself more often is no device's life.
const MOST_A_DAY: i64 = 64;
/// Seconds within which two signs of a network that comes up belong together.
const TOGETHER: i64 = 60;
/// A system is up at the latest so many seconds after the time since which it counts.
const UP_AFTER: i64 = 15 * 60;

/// A start of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Since when it runs, as the surest sign says.
    pub at: Timestamp,
    /// What tells it, the surest.
    pub how: &'static str,
    /// By which protocols.
    pub by: Vec<&'static str>,
    /// How sure that is, in percent.
    pub confidence: u8,
}

/// A start that is being put together.
struct Told {
    sign: Sign,
    at: i64,
    signs: BTreeSet<Sign>,
    by: BTreeSet<&'static str>,
}

impl Told {
    fn new(sign: Sign, at: i64, by: impl IntoIterator<Item = &'static str>) -> Self {
        Self { sign, at, signs: BTreeSet::from([sign]), by: by.into_iter().collect() }
    }

    /// Whether another, less sure word is of the same start.
    fn has(&self, other: &Self) -> bool {
        let later = other.at.saturating_sub(self.at);
        let comes = other.sign == Sign::CameUp && (0..=UP_AFTER).contains(&later);
        comes || other.at.abs_diff(self.at) <= SAME_BOOT.unsigned_abs()
    }

    fn done(self) -> Start {
        let doubt = |all: u32, sign: &Sign| all * u32::from(100 - confidence(*sign)) / 100;
        let doubt = self.signs.iter().fold(100, doubt).max(1);
        Start {
            at: Timestamp::new(self.at, 0),
            how: how(self.sign),
            by: self.by.into_iter().collect(),
            confidence: u8::try_from(100 - doubt).unwrap_or(0),
        }
    }
}

/// In words.
const fn how(sign: Sign) -> &'static str {
    match sign {
        Sign::CameUp => "came up: started, woke from sleep, or was plugged in again",
        Sign::TcpClock => "its clock of connections began anew",
        Sign::RelayedBoot => "network boot, as a relay says",
        Sign::Snmp | Sign::Smb => "its own counter",
        Sign::NetworkBoot => "network boot",
    }
}

const fn protocol(sign: Sign) -> &'static str {
    match sign {
        Sign::CameUp => "",
        Sign::TcpClock => "TCP",
        Sign::RelayedBoot | Sign::NetworkBoot => "DHCP",
        Sign::Snmp => "SNMP",
        Sign::Smb => "SMB",
    }
}

/// What counts as one sign that a network came up, of seconds at which things were done.
/// Who asks for routers and whether its address is free does both for one reason.
fn signs(done: &BTreeMap<Arrival, i64>) -> Vec<&'static str> {
    let has = |how| done.contains_key(&how);
    let all = [
        (has(Arrival::Dhcp), "DHCP"),
        (has(Arrival::Dhcpv6), "DHCPv6"),
        (has(Arrival::Address) && has(Arrival::Routers), "NDP"),
        (has(Arrival::ArpProbe), "ARP"),
        (has(Arrival::Netbios), "NBNS"),
        (has(Arrival::Mdns), "mDNS"),
    ];
    all.into_iter().filter_map(|(has, name)| has.then_some(name)).collect()
}

/// Writes the starts of a speaker, united with what is there; how many found no room.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    speaker: Speaker,
    starts: &Starts,
    kept: &Kept,
) -> rusqlite::Result<u64> {
    let day = |second: i64| UtcDay::try_from(second.div_euclid(DAY * 60)).unwrap_or(0);
    let mut refused = 0;
    for it in starts.boots().iter().filter(|it| kept.takes(day(it.said.0))) {
        let sql = "INSERT INTO boot SELECT ?1, ?2, ?3, ?4, ?5, ?6
                   WHERE (SELECT count(*) FROM boot WHERE speaker = ?1 AND said / 86400 = ?7
                          AND (sign <> ?2 OR stretch <> ?3)) < ?8
                   ON CONFLICT DO UPDATE SET at = min(at, excluded.at),
                     said = min(said, excluded.said), until = max(until, excluded.until)";
        let (first, last) = it.said;
        let values = params![
            speaker,
            code(it.sign),
            it.stretch(),
            it.at,
            first,
            last,
            first / 86_400,
            MOST_A_DAY
        ];
        refused += u64::from(transaction.prepare_cached(sql)?.execute(values)? == 0);
    }
    for it in starts.came().iter().filter(|it| kept.takes(day(it.minute.saturating_mul(60)))) {
        let sql = "INSERT INTO arrival SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
                   WHERE (SELECT count(*) FROM arrival WHERE speaker = ?1
                          AND minute BETWEEN ?10 AND ?10 + 1439 AND minute <> ?2) < ?11
                   ON CONFLICT DO UPDATE SET
                     dhcp = min(dhcp, excluded.dhcp), dhcpv6 = min(dhcpv6, excluded.dhcpv6),
                     address = min(address, excluded.address),
                     routers = min(routers, excluded.routers), arp = min(arp, excluded.arp),
                     nbns = min(nbns, excluded.nbns), mdns = min(mdns, excluded.mdns)";
        let [a, b, c, d, e, f, g] = it.seconds;
        let day = it.minute.div_euclid(DAY).saturating_mul(DAY);
        let values = params![speaker, it.minute, a, b, c, d, e, f, g, day, MOST_A_DAY];
        refused += u64::from(transaction.prepare_cached(sql)?.execute(values)? == 0);
    }
    Ok(refused)
}

/// A row of what was told of a start.
struct Word {
    sign: Sign,
    stretch: i64,
    at: i64,
    said: (i64, i64),
}

/// None of a sign that is not known.
fn word(row: &Row<'_>) -> rusqlite::Result<Option<Word>> {
    let number: u8 = row.get(0)?;
    let sign = Sign::ALL.into_iter().find(|sign| code(*sign) == number);
    let (stretch, at, said) = (row.get(1)?, row.get(2)?, (row.get(3)?, row.get(4)?));
    Ok(sign.map(|sign| Word { sign, stretch, at, said }))
}

impl Inventory {
    /// When a device started, within some days; sorted.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn starts(&self, id: &str, period: Period) -> Result<Vec<Start>, Error> {
        let zone = self.calendar()?.zone;
        let mut all: Vec<Told> = Vec::new();
        for (_, basis) in self.bases(id)? {
            let words = self.words(&basis)?;
            let mut told = self.came_up(&basis, &words)?;
            told.extend(of_words(words));
            // The surest first, each with its own time.
            told.sort_by_key(|it| (std::cmp::Reverse(it.sign), it.at));
            for it in told {
                match all.iter_mut().find(|known| known.has(&it)) {
                    Some(known) => {
                        known.signs.extend(it.signs);
                        known.by.extend(it.by);
                    }
                    None => all.push(it),
                }
            }
        }
        all.sort_by_key(|it| it.at);
        let is_within = |it: &Told| {
            let day = zone.day(it.at.div_euclid(60));
            period.is_none_or(|(first, last)| (first..=last).contains(&day))
        };
        all.retain(is_within);
        Ok(all.into_iter().map(Told::done).collect())
    }

    /// What was told of the starts of a device, by itself or by relays.
    fn words(&self, basis: &Basis) -> Result<Vec<Word>, Error> {
        let mut all = Vec::new();
        for turn in basis.turns.iter().chain(&basis.named) {
            let sql = "SELECT sign, stretch, at, said, until FROM boot WHERE speaker = ?1";
            let rows = self.rows(sql, [turn.speaker], word)?;
            let is_own = |it: &Word| turn.has(it.said.0) || turn.has(it.said.1);
            all.extend(rows.into_iter().flatten().filter(is_own));
        }
        Ok(all)
    }

    /// When its network came up after it had been off.
    fn came_up(&self, basis: &Basis, words: &[Word]) -> Result<Vec<Told>, Error> {
        let mut done = Vec::new();
        for turn in &basis.turns {
            let sql = "SELECT minute, dhcp, dhcpv6, address, routers, arp, nbns, mdns
                       FROM arrival WHERE speaker = ?1";
            let rows = self.rows(sql, [turn.speaker], |row| {
                let minute: i64 = row.get(0)?;
                let mut of = Vec::new();
                for (column, how) in (1..).zip(Arrival::ALL) {
                    let second: u8 = row.get(column)?;
                    let at = minute.saturating_mul(60).saturating_add(i64::from(second));
                    of.extend((second < Came::NEVER).then_some((at, how)));
                }
                Ok(of)
            })?;
            done.extend(rows.into_iter().flatten().filter(|(at, _)| turn.has(*at)));
        }
        done.sort_unstable();
        let mut past = Past::default();
        let (mut all, mut after) = (Vec::new(), i64::MIN);
        for (n, (at, _)) in done.iter().enumerate().filter(|(_, (at, _))| *at > i64::MIN) {
            if *at <= after {
                continue;
            }
            let later = done.iter().skip(n).take_while(|(it, _)| it - at <= TOGETHER);
            let mut first = BTreeMap::new();
            later.for_each(|(at, how)| _ = first.entry(*how).or_insert(*at));
            let signs = signs(&first);
            if signs.len() >= 2 && !runs_on(words, *at) && past.was_off(self, basis, *at)? {
                all.push(Told::new(Sign::CameUp, *at, signs));
                after = at.saturating_add(SAME_BOOT);
            }
        }
        Ok(all)
    }
}

/// Whether the device says before and after a time that it has been running since long
/// before: what came up then was its network alone.
fn runs_on(words: &[Word], at: i64) -> bool {
    let counts = |it: &&Word| matches!(it.sign, Sign::Snmp | Sign::Smb);
    let long = |it: &Word| at.saturating_sub(it.at) > UP_AFTER && it.said.1 > at;
    words.iter().filter(counts).any(long)
}

/// A start for each word; of firmware that goes on asking only the first.
fn of_words(mut words: Vec<Word>) -> Vec<Told> {
    words.sort_by_key(|it| (it.sign, it.stretch, it.at));
    let (mut all, mut before): (Vec<Told>, Option<(Sign, i64)>) = (Vec::new(), None);
    for it in words {
        let asks = matches!(it.sign, Sign::NetworkBoot | Sign::RelayedBoot);
        let goes_on = before.is_some_and(|(sign, stretch)| {
            asks && sign == it.sign && it.stretch.saturating_sub(stretch) <= 1
        });
        before = Some((it.sign, it.stretch));
        if !goes_on {
            all.push(Told::new(it.sign, it.at, [protocol(it.sign)]));
        }
    }
    all
}

/// What is known of the minutes before a time.
#[derive(Default)]
struct Past {
    /// By UTC day: when it was on line.
    online: BTreeMap<UtcDay, Minutes>,
    /// By UTC day and segment, the empty one for those in which somebody watched.
    seen: BTreeMap<(UtcDay, Vec<u8>), Minutes>,
}

impl Past {
    /// Whether a device could have been seen before a second, and was not on line, for long
    /// enough. What it said just before belongs to its coming.
    fn was_off(&mut self, inventory: &Inventory, basis: &Basis, at: i64) -> Result<bool, Error> {
        let minute = at.div_euclid(60);
        let from = minute.saturating_sub(BEFORE).saturating_sub(OFF);
        let online = self.online(inventory, &basis.turns, (from, minute))?;
        let mut begin = minute;
        while begin > minute.saturating_sub(BEFORE) && online.holds(begin.saturating_sub(1)) {
            begin = begin.saturating_sub(1);
        }
        let before = (begin.saturating_sub(OFF), begin);
        if online.count_within(before.0, before.1) > 0 {
            return Ok(false);
        }
        // It may have been in any of its segments.
        let names = basis.segments.iter().map(|it| segment_name(Some(*it)).unwrap_or_default());
        for name in names.chain([Vec::new()]) {
            let seen = self.seen(inventory, &name, before)?;
            if seen.count_within(before.0, before.1) < OFF.unsigned_abs() {
                return Ok(false);
            }
        }
        Ok(!basis.segments.is_empty())
    }

    fn online(
        &mut self,
        inventory: &Inventory,
        turns: &[Turn],
        (from, to): (i64, i64),
    ) -> Result<Minutes, Error> {
        let read = |error| Error::new(&inventory.path, Fault::Read(error));
        let mut all = Minutes::default();
        for day in utc_days(from, to.saturating_add(1)) {
            if let Some(known) = self.online.get(&day) {
                all.unite(known);
                continue;
            }
            let mut of_day = Minutes::default();
            for turn in turns {
                let minutes = minutes_of(&inventory.connection, day, turn.speaker, ONLINE);
                match (minutes.map_err(read)?, turn.minutes()) {
                    (None, _) => {}
                    (Some(Err(Damaged)), _) => {
                        let day = date(day);
                        return Err(read(damaged(format!(
                            "in which minutes of {day} somebody was on line (speaker_day)"
                        ))));
                    }
                    (Some(Ok(minutes)), None) => of_day.unite(&minutes),
                    (Some(Ok(minutes)), Some((from, to))) => {
                        of_day.unite(&minutes.within(from, to));
                    }
                }
            }
            all.unite(&of_day);
            self.online.insert(day, of_day);
        }
        Ok(all)
    }

    /// In which minutes about some a segment was seen; of the empty one, somebody watched.
    fn seen(
        &mut self,
        inventory: &Inventory,
        name: &[u8],
        (from, to): (i64, i64),
    ) -> Result<Minutes, Error> {
        let read = |error| Error::new(&inventory.path, Fault::Read(error));
        let gap = if name.is_empty() { 0 } else { SEGMENT_GAP };
        let mut all = Minutes::default();
        for day in utc_days(from.saturating_sub(gap), to.saturating_add(gap)) {
            let key = (day, name.to_vec());
            if let Some(known) = self.seen.get(&key) {
                all.unite(known);
                continue;
            }
            let minutes = match seen(&inventory.connection, day, name).map_err(read)? {
                Some(Err(Damaged)) => {
                    let day = date(day);
                    return Err(read(damaged(format!(
                        "in which minutes of {day} a VLAN was seen (segment_day)"
                    ))));
                }
                known => known.map(Result::unwrap_or_default).unwrap_or_default(),
            };
            all.unite(&minutes);
            self.seen.insert(key, minutes);
        }
        Ok(if gap > 0 { all.bridged(gap) } else { all })
    }
}
