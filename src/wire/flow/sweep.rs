//! Who asks many devices for one port within a minute, as what spreads by itself does
//! (MITRE ATT&CK T1046). Answered or not: most of those asked are not there.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use crate::observe::{Observed, SWEEPS, SWEPT};
use crate::time::Timestamp;
use crate::wire::packet::{Layer4, Packet, TcpFlags};

/// Ports by which one computer takes over another: SSH, telnet, RPC, NetBIOS, SMB, SQL
/// Server, RDP, VNC, WinRM.
const PORTS: [u16; 9] = [22, 23, 135, 139, 445, 1433, 3389, 5900, 5985];

/// Askers watched at once, each with one port; a newcomer takes the place of whom he meets.
const ASKERS: usize = 1024;

/// Bits from which on it is told how many there are: other workers may see the rest.
const SEVERAL: u32 = 2;

#[derive(Clone, Copy, Default)]
struct Asker {
    who: u64,
    minute: i64,
    asked: u64,
}

/// Askers of this minute.
pub(super) struct Sweeps(Vec<Asker>);

impl Default for Sweeps {
    fn default() -> Self {
        Self(vec![Asker::default(); ASKERS])
    }
}

impl Sweeps {
    /// What is to be said once a conversation has begun: that many were asked, or several
    /// more than before.
    pub(super) fn begins(&mut self, packet: &Packet<'_>) -> Option<Observed<'static>> {
        let Layer4::Tcp { dst: port, flags, .. } = packet.l4 else { return None };
        let opens = flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK);
        if !opens || !PORTS.contains(&port) {
            return None;
        }
        let (from, to) = packet.addresses()?;
        let (asked, is_more) = self.asks((from, port), to, packet.at)?;
        match asked.count_ones() {
            SWEPT.. => Some(Observed::Fact(SWEEPS, port.to_string().into())),
            SEVERAL.. if is_more => Some(Observed::Asks(port, asked)),
            _ => None,
        }
    }

    /// Who was asked so far in this minute, and whether that is more than before.
    fn asks(&mut self, who: (IpAddr, u16), whom: IpAddr, at: Timestamp) -> Option<(u64, bool)> {
        // Without a secret: the same captures must say the same. Who makes askers meet
        // hides a sweep from this count and from nothing else.
        let who = hash(&who);
        let place = usize::try_from(who % 1024).unwrap_or_default();
        let asker = self.0.get_mut(place)?;
        let minute = at.seconds().div_euclid(60);
        if (asker.who, asker.minute) != (who, minute) {
            *asker = Asker { who, minute, asked: 0 };
        }
        let before = asker.asked;
        asker.asked |= bit(&whom);
        Some((asker.asked, asker.asked != before))
    }
}

/// A bit that stands for it, among 64; others share it.
pub(super) fn bit(of: &impl Hash) -> u64 {
    1 << (hash(of) & 63)
}

/// The same in every run.
pub(super) fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    fn is_sweep(asked: Option<(u64, bool)>) -> bool {
        asked.is_some_and(|(asked, _)| asked.count_ones() >= SWEPT)
    }

    /// After how many different devices it is said, one each `every` nanoseconds.
    fn after(every: i64, devices: u8) -> Option<u8> {
        let mut sweeps = Sweeps::default();
        let who = (IpAddr::from([10, 0, 0, 1]), 445);
        (0..devices).find(|n| {
            let at = Timestamp(i64::from(*n) * every);
            is_sweep(sweeps.asks(who, IpAddr::from([10, 0, 1, *n]), at))
        })
    }

    #[test]
    fn many_within_a_minute_and_only_then() {
        let told = after(SECOND / 10, 100).expect("a sweep");
        assert!((16..30).contains(&told), "{told}");
        assert_eq!(after(10 * SECOND, 255), None, "six a minute are none");
        let mut sweeps = Sweeps::default();
        let who = (IpAddr::from([10, 0, 0, 1]), 445);
        let same = IpAddr::from([10, 0, 1, 1]);
        assert!(
            (0..1000).all(|_| !is_sweep(sweeps.asks(who, same, Timestamp(0)))),
            "one again and again"
        );
    }
}
