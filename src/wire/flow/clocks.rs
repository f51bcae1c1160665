//! Restarts by TCP's timestamps (RFC 7323 §5.4): a system that begins all connections with
//! one clock begins that clock anew when it starts.
//!
//! Today's systems begin each connection anywhere, and say nothing by it. Of others a
//! clock is known by three answered connections with at least two partners on one straight
//! line of 100, 250 or 1000 ticks a second; a random value is hardly ever on it. What a single
//! clock shows is no start: it has run over every 50 days at 1000 ticks. Only where a
//! known clock has ended and another begins at nought after that, somebody has started
//! between. Linux begins five minutes before nought, so the start may be told five
//! minutes late.

use super::emit::{Emit, host};
use super::sweep::{bit, hash};
use super::{Engine, ttl};
use crate::net::HostId;
use crate::observe::{Observation, Observed, Sign};
use crate::time::{SECOND, Timestamp};
use crate::wire::dissect::Reader;
use crate::wire::packet::{Layer4, Packet};

/// Speakers whose clocks are watched; a newcomer takes the place of whom he meets when
/// that one has no clock or was silent for a day.
const CLOCKS: usize = 8192;
const SILENT: i64 = 86_400 * SECOND;

/// Ticks a second that systems have.
const RATES: [i64; 3] = [1000, 250, 100];
/// Two connections as far apart show the rate; a line is not followed for longer.
const SHORTEST: i64 = 20 * SECOND;
const LONGEST: i64 = 7 * SILENT;
/// Connections on one line, with so many partners, make a clock.
const AGREE: u8 = 3;
const PARTNERS: u32 = 2;

/// How far before nought Linux begins (`INITIAL_JIFFIES`).
const BEFORE_NOUGHT: i64 = 300;

/// Connections on one straight line.
#[derive(Clone, Copy, Default)]
struct Line {
    /// The last connection on it: the clock's value, and when.
    ticks: u32,
    at: i64,
    /// Ticks a second; 0 until it is known.
    rate: i64,
    agree: u8,
    /// A bit for each partner, of those that share it.
    partners: u64,
}

impl Line {
    const fn new(ticks: u32, at: i64, partner: u64) -> Self {
        Self { ticks, at, rate: 0, agree: 1, partners: partner }
    }

    const fn is_clock(&self) -> bool {
        self.agree >= AGREE && self.partners.count_ones() >= PARTNERS
    }

    /// Takes a connection that is on the line; none where it is too early to say.
    fn takes(&mut self, ticks: u32, at: i64, partner: u64) -> Option<bool> {
        let apart = at.saturating_sub(self.at);
        if self.rate == 0 && apart < SHORTEST {
            return None;
        }
        let rates = RATES.iter().filter(|rate| self.rate == 0 || **rate == self.rate);
        let [on_from, back] = [ticks.wrapping_sub(self.ticks), self.ticks.wrapping_sub(ticks)];
        let gone =
            if on_from <= back { i64::from(on_from) } else { i64::from(back).saturating_neg() };
        let on = |rate: &&i64| {
            let wanted = apart.saturating_mul(**rate) / SECOND;
            // Clocks are a little off, and a segment may wait for a moment.
            let tolerance = (wanted / 500).saturating_add(**rate);
            wanted.abs_diff(gone) <= tolerance.unsigned_abs()
        };
        let rate = rates.into_iter().find(on).filter(|_| (0..=LONGEST).contains(&apart));
        let Some(rate) = rate else { return Some(false) };
        let agree = self.agree.saturating_add(1);
        *self = Self { ticks, at, rate: *rate, agree, partners: self.partners | partner };
        Some(true)
    }

    /// When the clock is at nought: before or, where it began so, after its last value.
    fn nought(&self) -> i64 {
        let since = |ticks: u32| {
            i64::from(ticks).saturating_mul(SECOND).checked_div(self.rate).unwrap_or(0)
        };
        let left = since(0_u32.wrapping_sub(self.ticks));
        match left <= BEFORE_NOUGHT.saturating_mul(SECOND) {
            true => self.at.saturating_add(left),
            false => self.at.saturating_sub(since(self.ticks)),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Clock {
    who: u64,
    known: Line,
    next: Line,
}

/// Clocks of speakers.
pub(super) struct Clocks(Vec<Clock>);

impl Default for Clocks {
    fn default() -> Self {
        Self(vec![Clock::default(); CLOCKS])
    }
}

impl Clocks {
    /// A segment of a connection in which both have spoken; when its sender has started,
    /// where this shows it. Behind one address there may be several, some hops apart.
    pub(super) fn opens(&mut self, packet: &Packet<'_>, sender: &HostId) -> Option<Timestamp> {
        let Layer4::Tcp { options, .. } = packet.l4 else { return None };
        let ticks = timestamp(options)?;
        let (_, partner) = packet.addresses()?;
        let who = hash(&(sender, ttl(packet)));
        self.takes(who, ticks, packet.at.0, bit(&partner)).map(Timestamp)
    }

    fn takes(&mut self, who: u64, ticks: u32, at: i64, partner: u64) -> Option<i64> {
        // Without a secret: the same captures must say the same.
        let place = usize::try_from(who).ok()?.checked_rem(CLOCKS)?;
        let clock = self.0.get_mut(place)?;
        if clock.who != who {
            let silent = at.saturating_sub(clock.known.at) > SILENT;
            if silent || !clock.known.is_clock() {
                let known = Line::new(ticks, at, partner);
                *clock = Clock { who, known, next: known };
            }
            return None;
        }
        let before = clock.known;
        if at.saturating_sub(before.at) > LONGEST {
            // It may have run over since.
            let known = Line::new(ticks, at, partner);
            *clock = Clock { who, known, next: known };
            return None;
        }
        if clock.known.takes(ticks, at, partner) != Some(false) {
            return None;
        }
        match clock.next.takes(ticks, at, partner) {
            None | Some(true) => {}
            Some(false) => clock.next = Line::new(ticks, at, partner),
        }
        if !before.is_clock() {
            // Nothing was on that line.
            clock.known = clock.next;
            return None;
        }
        if !clock.next.is_clock() {
            return None;
        }
        clock.known = clock.next;
        let start = clock.known.nought();
        (start > before.at).then_some(start.min(at))
    }
}

impl Engine {
    /// Says when the sender has started, where the clock of its connections shows it.
    pub(super) fn started(&mut self, packet: &Packet<'_>, out: &mut Vec<Observation>) {
        let sender = host(packet.segment, packet.src_mac, packet.addresses().map(|it| it.0));
        if let Some(at) = self.clocks.opens(packet, &sender) {
            Emit::of(packet, &mut self.seen, out).say(sender, Observed::Booted(at, Sign::TcpClock));
        }
    }
}

/// TSval of the timestamps option (RFC 7323 §3.2), where there is one and it is not nought.
fn timestamp(options: &[u8]) -> Option<u32> {
    let mut r = Reader::new(options);
    while !r.is_empty() {
        match r.u8("option kind").ok()? {
            0 => return None,
            1 => {}
            kind => {
                let length = r.u8("option length").ok()?.checked_sub(2)?;
                let value = r.take(usize::from(length), "option").ok()?;
                if let (8, [a, b, c, d, ..]) = (kind, value) {
                    return Some(u32::from_be_bytes([*a, *b, *c, *d])).filter(|ticks| *ticks > 0);
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts that are told of connections: second, ticks, partner.
    fn starts(connections: impl IntoIterator<Item = (i64, u32, u8)>) -> Vec<i64> {
        let mut clocks = Clocks::default();
        let told = connections.into_iter().filter_map(|(second, ticks, partner)| {
            clocks.takes(7, ticks, second * SECOND, 1 << partner)
        });
        told.map(|at| at / SECOND).collect()
    }

    /// A clock of so many ticks a second that is at nought at a time.
    fn line(
        nought: i64,
        rate: i64,
        from: i64,
        partners: u8,
    ) -> impl Iterator<Item = (i64, u32, u8)> {
        (0..8).map(move |n| {
            let second = from + i64::from(n) * 40;
            let ticks = (second - nought).wrapping_mul(rate) & 0xffff_ffff;
            (second, u32::try_from(ticks).unwrap(), n % partners)
        })
    }

    #[test]
    fn a_clock_that_begins_anew_tells_a_start() {
        for rate in RATES {
            let before = line(1_000, rate, 500_000, 3);
            assert_eq!(starts(before.chain(line(501_000, rate, 501_100, 3))), [501_000], "{rate}");
            // Linux: five minutes before nought.
            let before = line(1_000, rate, 500_000, 3);
            assert_eq!(starts(before.chain(line(501_300, rate, 501_030, 3))), [501_110], "{rate}");
        }
    }

    #[test]
    fn what_is_no_start_tells_none() {
        assert!(starts(line(1_000, 1000, 500_000, 3)).is_empty(), "one clock");
        let over = line(500_100 - 4_294_967, 1000, 500_000, 3);
        assert!(starts(over).is_empty(), "it runs over");
        let other = line(1_000, 250, 500_000, 3).chain(line(400_000, 250, 500_500, 3));
        assert!(starts(other).is_empty(), "another clock that ran before: another device");
        let later = line(1_000, 1000, 500_000, 3).chain(line(4_295_967, 1000, 4_400_000, 3));
        assert!(starts(later).is_empty(), "it may have run over while nobody saw it");
        let one = line(1_000, 250, 500_000, 1).chain(line(500_900, 250, 501_000, 1));
        assert!(starts(one).is_empty(), "one partner: a system may count for each");
        let random = (0..500_u32).map(|n| {
            let ticks = n.wrapping_mul(2_654_435_761).rotate_left(n % 31) | 1;
            (1_000 + i64::from(n) * 30, ticks, u8::try_from(n % 60).unwrap())
        });
        assert!(starts(random).is_empty());
    }

    #[test]
    fn the_value_is_found_behind_other_options() {
        let options = [2, 4, 5, 180, 4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0, 1, 3, 3, 7];
        assert_eq!(timestamp(&options), Some(0x0001_0203));
        for length in 0..options.len() {
            let cut = timestamp(&options[..length]);
            assert_eq!(cut.is_some(), length >= 16, "{length}");
        }
        assert_eq!(timestamp(&[0, 8, 10, 1, 1, 1, 1, 0, 0, 0, 0]), None);
        assert_eq!(timestamp(&[8, 10, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }
}
