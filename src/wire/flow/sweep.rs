//! Who asks which devices for a port by which one computer takes over another, as what
//! spreads by itself asks many of (MITRE ATT&CK T1046). Answered or not: most of those asked
//! are not there. How many are too many is judged where all that workers saw comes together.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::emit::host;
use crate::net::HostId;
use crate::observe::Observed;
use crate::time::{SECOND, Timestamp};
use crate::wire::packet::{Layer4, Packet, TcpFlags};

/// SSH, telnet, RPC, NetBIOS, SMB, SQL Server, RDP, VNC, WinRM.
pub(super) const PORTS: [u16; 9] = [22, 23, 135, 139, 445, 1433, 3389, 5900, 5985];

/// What was said is not said again for so long.
const STEP: i64 = 10 * SECOND;

/// Askers remembered at once, each with one port; a newcomer takes the place of whom he
/// meets, of whom things are said again then.
const ASKERS: usize = 1024;

#[derive(Clone, Copy, Default)]
struct Asker {
    who: u64,
    step: i64,
    asked: u64,
}

/// Whom askers asked in their last step.
pub(super) struct Sweeps(Vec<Asker>);

impl Default for Sweeps {
    fn default() -> Self {
        Self(vec![Asker::default(); ASKERS])
    }
}

impl Sweeps {
    /// What is to be said of a sender once a conversation has begun: whom it asked.
    pub(super) fn begins(&mut self, packet: &Packet<'_>) -> Option<(HostId, Observed<'static>)> {
        let Layer4::Tcp { dst: port, flags, .. } = packet.l4 else { return None };
        let opens = flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK);
        if !opens || !PORTS.contains(&port) {
            return None;
        }
        let (from, whom) = packet.addresses()?;
        let sender = host(packet.segment, packet.src_mac, Some(from));
        let asked = self.asks((&sender, port), bit(&whom), packet.at)?;
        Some((sender, Observed::Asks(port, asked)))
    }

    /// The bit of who was asked, unless it was just said.
    fn asks(&mut self, who: (&HostId, u16), bit: u64, at: Timestamp) -> Option<u64> {
        // Without a secret: the same captures must say the same. Who makes askers meet has
        // things said twice, and hides nothing.
        let who = hash(&who);
        let place = usize::try_from(who % 1024).unwrap_or_default();
        let asker = self.0.get_mut(place)?;
        let step = at.0.div_euclid(STEP);
        if (asker.who, asker.step) != (who, step) {
            *asker = Asker { who, step, asked: 0 };
        }
        let is_new = asker.asked & bit == 0;
        asker.asked |= bit;
        is_new.then_some(bit)
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
    use crate::wire::dissect::testing;

    #[test]
    fn who_opens_such_a_port_asks_and_who_answers_or_goes_on_does_not() {
        let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
        for (dst, flags, asks) in [
            (445, syn, true),
            (445, syn | ack, false),
            (445, ack, false),
            (445, TcpFlags::FIN, false),
            (8443, syn, false),
        ] {
            let flags = TcpFlags(flags);
            let l4 =
                Layer4::Tcp { src: 445, dst, seq: 1, ack: 2, window: 1024, flags, options: &[] };
            let packet = Packet { l4, ..testing::udp(0, 0, b"") };
            let said = Sweeps::default().begins(&packet);
            assert_eq!(said.is_some(), asks, "{dst} {flags:?}");
        }
    }

    #[test]
    fn each_is_said_once_a_step_also_where_askers_meet() {
        let mut sweeps = Sweeps::default();
        let who = HostId::default();
        let mut said =
            |port, bit, second| sweeps.asks((&who, port), bit, Timestamp::new(second, 0)).is_some();
        assert!(said(445, 1, 0) && !said(445, 1, 9) && said(445, 2, 9));
        assert!(said(22, 1, 9), "for another port");
        assert!(said(445, 1, 10), "in another step");
        let hosts = (0..5000_u32).map(|n| {
            let segment = crate::net::Segment { vni: n, ..crate::net::Segment::default() };
            HostId { segment, ..HostId::default() }
        });
        for host in hosts {
            assert!(sweeps.asks((&host, 445), 1, Timestamp(0)).is_some(), "nobody is hidden");
        }
    }
}
