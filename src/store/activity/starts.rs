//! When devices started: words of speakers as they were said, and what follows of them.
//!
//! Rows only grow together, each with the earliest that was told, so they are the same in
//! whatever order captures are read. What is a start is judged when somebody asks, of all
//! rows and all minutes that there are: that a network came up tells one only of a device
//! that had been off, and who was on line at which minute may become known later.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;
use rusqlite::{Row, Transaction, params};

use super::Speaker;
use super::ask::Period;
use super::basis::Basis;
use super::kept::{Kept, days_of};
use super::past::{Past, Watched};
use crate::census::activity::{Boot, Came, SAME_BOOT, Starts, UtcDay, code, confidence};
use crate::observe::{Arrival, Sign};
use crate::store::leap::leap;
use crate::store::readers::Readers;
use crate::store::{Error, Fault, Inventory};
use crate::time::Timestamp;
use crate::time::minutes::DAY;

/// Rows of starts, and of minutes in which the network came up, of one speaker and day:
/// what repeats itself more often is no device's life.
const MOST_A_DAY: i64 = 64;
/// Seconds within which two signs of a network that comes up belong together.
const TOGETHER: u64 = 60;
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
        // What a relay hands on is the same word again.
        let twice = self.signs.contains(&Sign::NetworkBoot);
        let signs = self.signs.iter().filter(|it| !(twice && **it == Sign::RelayedBoot));
        let doubt = signs.fold(100, doubt).max(1);
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

/// What counts as one sign that a network came up, of what was done within a minute.
/// Who asks for routers and whether its address is free does both for one reason.
fn signs(done: &BTreeSet<Arrival>) -> Vec<&'static str> {
    let has = |how| done.contains(&how);
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
        let sql = "INSERT INTO arrival SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
                   WHERE (SELECT count(*) FROM arrival
                          WHERE day = ?1 AND speaker = ?2 AND minute <> ?3) < ?11
                   ON CONFLICT DO UPDATE SET
                     dhcp = min(dhcp, excluded.dhcp), dhcpv6 = min(dhcpv6, excluded.dhcpv6),
                     address = min(address, excluded.address),
                     routers = min(routers, excluded.routers), arp = min(arp, excluded.arp),
                     nbns = min(nbns, excluded.nbns), mdns = min(mdns, excluded.mdns)";
        let [a, b, c, d, e, f, g] = it.seconds;
        let (day, minute) = (it.minute.div_euclid(DAY), it.minute.rem_euclid(DAY));
        let values = params![day, speaker, minute, a, b, c, d, e, f, g, MOST_A_DAY];
        refused += u64::from(transaction.prepare_cached(sql)?.execute(values)? == 0);
    }
    Ok(refused)
}

/// A row of what was told of a start.
#[derive(Clone, Copy)]
struct Word {
    sign: Sign,
    stretch: i64,
    at: i64,
    said: (i64, i64),
}

/// What was done that is done when a network comes up, and at which seconds.
type Done = Vec<(i64, Arrival)>;

/// What was said until a time or later, of what ran before another.
const WORDS: &str = "SELECT speaker, sign, stretch, at, said, until FROM boot
                     WHERE speaker = ?1 AND until >= ?2 AND at < ?3";
const CAME: &str = "SELECT speaker, day, minute, dhcp, dhcpv6, address, routers, arp, nbns, mdns
                    FROM arrival WHERE day = ?1 AND speaker >= ?2 ORDER BY speaker";
/// Seconds about some days within which what is said may be of a start on them.
const ABOUT: i64 = 86_400;
/// Devices whose rows one reader takes together.
const DEVICES: usize = 256;

/// With who said it; none of a row that is not as it was written.
fn word(row: &Row<'_>) -> rusqlite::Result<(Speaker, Option<Word>)> {
    let number: i64 = row.get(1)?;
    let sign = Sign::ALL.into_iter().find(|sign| i64::from(code(*sign)) == number);
    let (stretch, at, said) = (row.get(2)?, row.get(3)?, (row.get(4)?, row.get(5)?));
    let is_whole = |sign: &Sign| {
        let (first, last) = said;
        first <= last && Boot { sign: *sign, at, said }.stretch() == stretch
    };
    let sign = sign.filter(is_whole);
    Ok((row.get(0)?, sign.map(|sign| Word { sign, stretch, at, said })))
}

/// What was done in a minute of some, at which seconds; false of a row that is not as it was
/// written.
fn came(row: &Row<'_>, (from, to): (i64, i64), done: &mut Done) -> rusqlite::Result<bool> {
    let (day, minute): (i64, i64) = (row.get(1)?, row.get(2)?);
    if !(0..DAY).contains(&minute) {
        return Ok(false);
    }
    let minute = day.saturating_mul(DAY).saturating_add(minute);
    if !(from..to).contains(&minute) {
        return Ok(true);
    }
    let begin = minute.saturating_mul(60);
    for (column, how) in (3..).zip(Arrival::ALL) {
        let second: i64 = row.get(column)?;
        if !(0..=i64::from(Came::NEVER)).contains(&second) {
            return Ok(false);
        }
        done.extend((second < Came::NEVER.into()).then_some((begin.saturating_add(second), how)));
    }
    Ok(true)
}

/// What was said by speakers that tells starts.
#[derive(Default)]
struct Rows {
    words: HashMap<Speaker, Vec<Word>, RandomState>,
    /// Seconds at which things were done that are done when a network comes up.
    came: HashMap<Speaker, Done, RandomState>,
    /// Of whom a row is not as it was written, with its table.
    damaged: HashMap<Speaker, &'static str, RandomState>,
}

impl Rows {
    /// Of some speakers: what may be of starts within some minutes.
    fn load(
        inventory: &Inventory,
        speakers: &BTreeSet<Speaker>,
        (from, to): (i64, i64),
    ) -> Result<Self, Error> {
        let mut it = Self::default();
        let read = |error| Error::new(&inventory.path, Fault::Read(error));
        let from_second = from.saturating_mul(60).saturating_sub(ABOUT);
        let to_second = to.saturating_mul(60).saturating_add(ABOUT);
        for speaker in speakers {
            for (_, word) in inventory.rows(WORDS, [*speaker, from_second, to_second], word)? {
                match word {
                    Some(word) => it.words.entry(*speaker).or_default().push(word),
                    None => _ = it.damaged.insert(*speaker, "boot"),
                }
            }
        }
        let speakers: Vec<Speaker> = speakers.iter().copied().collect();
        let (from, to) = near((from, to));
        let day = |minute: i64| {
            let most = if minute < 0 { UtcDay::MIN } else { UtcDay::MAX };
            UtcDay::try_from(minute.div_euclid(DAY)).unwrap_or(most)
        };
        let days = days_of(&inventory.connection, "arrival", (day(from), day(to)));
        for day in days.map_err(read)? {
            let query = (CAME, Some(i64::from(day)));
            leap(&inventory.connection, query, &speakers, |speaker, row| {
                if !came(row, (from, to), it.came.entry(speaker).or_default())? {
                    it.damaged.insert(speaker, "arrival");
                }
                Ok(())
            })
            .map_err(read)?;
        }
        Ok(it)
    }

    /// What is known of the minutes before networks of some devices came up.
    fn past<'i>(
        &self,
        of: (&'i Inventory, &'i Watched),
        devices: &[(String, Basis)],
    ) -> Result<Past<'i>, Error> {
        let came = devices.iter().map(|(_, basis)| {
            let seconds = self.came(basis).into_iter().map(|(at, _)| at);
            (basis, seconds.collect())
        });
        Past::before(of, came)
    }

    /// What was told of the starts of a device, by itself or by relays.
    fn words(&self, basis: &Basis) -> Vec<Word> {
        let turns = basis.turns.iter().chain(&basis.named);
        let all = turns.flat_map(|turn| {
            let is_own = |it: &&Word| turn.has(it.said.0) || turn.has(it.said.1);
            self.words.get(&turn.speaker).into_iter().flatten().filter(is_own)
        });
        all.copied().collect()
    }

    /// What a device did, in the order of time.
    fn came(&self, basis: &Basis) -> Done {
        let all = basis.turns.iter().flat_map(|turn| {
            let is_own = |(at, _): &&(i64, Arrival)| turn.has(*at);
            self.came.get(&turn.speaker).into_iter().flatten().filter(is_own)
        });
        let mut all: Vec<_> = all.copied().collect();
        all.sort_unstable();
        all
    }
}

/// The minutes about some within which it matters when a network comes up: what begins just
/// before them is no start within them, and what begins within them goes on.
const fn near((from, to): (i64, i64)) -> (i64, i64) {
    (from.saturating_sub(UP_AFTER / 60), to.saturating_add(UP_AFTER / 60))
}

impl Inventory {
    /// When a device started, within some days; sorted. Nothing where a row of its starts is
    /// damaged ([`Self::passed_over`]): without it another word may look like one.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn starts(&self, id: &str, period: Period) -> Result<Vec<Start>, Error> {
        Ok(self.starts_among(&[id], period)?.remove(id).unwrap_or_default())
    }

    /// When some devices started that did within some days, by their ids; sorted. Those of
    /// which a row is damaged are not among them.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn starts_among(
        &self,
        ids: &[&str],
        period: Period,
    ) -> Result<BTreeMap<String, Vec<Start>>, Error> {
        let mut held = Readers::open(self, ids.len().div_ceil(DEVICES)).hold()?;
        let within = self.within(period)?;
        let users = self.users(Some(ids))?.into_iter();
        let mut known: Vec<(String, Basis)> =
            users.filter_map(|it| Some((it.id, it.basis?))).collect();
        // What neighbours said is stored together.
        known.sort_by_cached_key(|(_, it)| {
            it.turns.iter().chain(&it.named).map(|it| it.speaker).min()
        });
        let (parts, watched): (Vec<_>, _) = (known.chunks(DEVICES).collect(), Watched::default());
        let made = held.each(parts.len(), |inventory, at| {
            let part = parts.get(at).copied().unwrap_or_default();
            let all = part.iter().flat_map(|(_, it)| it.turns.iter().chain(&it.named));
            let rows = Rows::load(inventory, &all.map(|turn| turn.speaker).collect(), within)?;
            let (mut all, mut past) = (Vec::new(), rows.past((inventory, &watched), part)?);
            for (id, basis) in part {
                past.turn_to(id, basis);
                let starts = inventory.starts_of(&rows, (id, basis), &mut past, within)?;
                all.extend(starts.filter(|it| !it.is_empty()).map(|it| (id.clone(), it)));
            }
            Ok(all)
        })?;
        Ok(made.into_iter().flatten().collect())
    }

    /// From the first minute of some local days to before their last; of all, from ever on.
    fn within(&self, period: Period) -> Result<(i64, i64), Error> {
        let Some((first, last)) = period else { return Ok((i64::MIN, i64::MAX)) };
        let zone = self.calendar()?.zone;
        Ok((zone.bounds(first).0, zone.bounds(last).1))
    }

    fn starts_of(
        &self,
        rows: &Rows,
        (id, basis): (&str, &Basis),
        past: &mut Past<'_>,
        (from, to): (i64, i64),
    ) -> Result<Option<Vec<Start>>, Error> {
        let mut speakers = basis.turns.iter().chain(&basis.named).map(|turn| turn.speaker);
        if let Some(table) = speakers.find_map(|it| rows.damaged.get(&it)) {
            let id = id.escape_debug();
            self.damage
                .note(format!("a row of the starts of {id} ({table}) is not as it was written"));
            return Ok(None);
        }
        let mut words = rows.words(basis);
        let own = words.clone();
        // A relay's word is another's: its own is believed before.
        words.retain(|it| it.sign != Sign::RelayedBoot || !runs_on(&own, it.at));
        let came = rows.came(basis);
        let Some(mut told) = self.came_up(&came, basis, &words, past)? else {
            return Ok(None);
        };
        told.extend(of_words(words));
        // The surest first, each with its own time.
        told.sort_by_key(|it| (Reverse(it.sign), it.at));
        let mut all: BTreeMap<i64, Told> = BTreeMap::new();
        for it in told {
            let near = it.at.saturating_sub(UP_AFTER)..=it.at.saturating_add(SAME_BOOT);
            let same = all.range_mut(near).map(|(_, known)| known).filter(|known| known.has(&it));
            match same.max_by_key(|known| (known.sign, Reverse(known.at))) {
                Some(known) => {
                    known.signs.extend(it.signs);
                    known.by.extend(it.by);
                }
                None => _ = all.insert(it.at, it),
            }
        }
        all.retain(|at, _| (from..to).contains(&at.div_euclid(60)));
        Ok(Some(all.into_values().map(Told::done).collect()))
    }

    /// When its network came up after it had been off; none where a row that says so is damaged.
    fn came_up(
        &self,
        done: &[(i64, Arrival)],
        of: &Basis,
        words: &[Word],
        past: &mut Past<'_>,
    ) -> Result<Option<Vec<Told>>, Error> {
        let (mut all, mut after) = (Vec::new(), i64::MIN);
        for (n, (at, _)) in done.iter().enumerate() {
            if *at <= after {
                continue;
            }
            let later = done.iter().skip(n).take_while(|(it, _)| it.abs_diff(*at) <= TOGETHER);
            let first: BTreeSet<Arrival> = later.map(|(_, how)| *how).collect();
            let signs = signs(&first);
            if signs.len() < 2 || runs_on(words, *at) {
                continue;
            }
            let Some(was_off) = past.was_off(of, *at)? else { return Ok(None) };
            if was_off {
                all.push(Told::new(Sign::CameUp, *at, signs));
                after = at.saturating_add(SAME_BOOT);
            }
        }
        Ok(Some(all))
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
        let goes_on = before.is_some_and(|(sign, until)| {
            asks && sign == it.sign && it.at.saturating_sub(until) <= SAME_BOOT
        });
        // Under two of its names it may ask at once.
        let asked =
            before.filter(|(sign, _)| *sign == it.sign).map_or(i64::MIN, |(_, until)| until);
        before = Some((it.sign, asked.max(it.said.1)));
        if !goes_on {
            all.push(Told::new(it.sign, it.at, [protocol(it.sign)]));
        }
    }
    all
}
