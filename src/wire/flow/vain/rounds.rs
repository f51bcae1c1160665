//! Echoes and cards that are asked for. A search asks many for the first time, of whom a third
//! or more do not answer. So does a monitor when it is first seen: what makes it one is that
//! it asks the same again, some minutes later. Where most do not answer it is a search at
//! once; else it is told after half an hour in which nobody was asked again. What a capture
//! ends before that stays unknown.

use std::net::Ipv4Addr;

use super::{Asker, Vain};
use crate::net::{HostId, Mac, Segment};
use crate::observe::{Observation, Sought, Tried};
use crate::time::Timestamp;
use crate::wire::dissect::Reader;
use crate::wire::flow::emit::{host, is_somebody};
use crate::wire::flow::limits::{ASKING, AT_ONCE, LEAST_CARDS, LEAST_ECHOES, LIST, MAX_REFUSED};
use crate::wire::flow::sweep::{bit, hash};
use crate::wire::flow::vain::pairs::Asked;
use crate::wire::packet::{Layer3, Layer4, Packet};

/// Steps after which who has not answered will not.
const SETTLED: i64 = 2;

impl Asker {
    fn in_vain(&self) -> u64 {
        u64::from(self.first.saturating_sub(self.answers))
    }

    /// Whether so many are new, and two of three of them silent, that it is no list.
    fn is_search(&self) -> bool {
        let first = u64::from(self.first);
        first >= AT_ONCE && self.in_vain().saturating_mul(3) >= first.saturating_mul(2)
    }

    /// Whether there are enough, and enough of them silent, to wait for more.
    fn may_be_search(&self) -> bool {
        let least = if self.sought == Sought::Arp { LEAST_CARDS } else { LEAST_ECHOES };
        self.asked.count_ones() >= least
            && self.in_vain().saturating_mul(3) >= u64::from(self.first)
    }

    /// Whether most were asked again, and are not all silent.
    fn is_list(&self) -> bool {
        let [first, answers, again] = [self.first, self.answers, self.again].map(u64::from);
        again.saturating_mul(2) >= first && answers.saturating_mul(4) >= first
    }

    fn sums_up(&self) -> Observation {
        self.says(Tried { vain: self.asked, answered: 0, heard: self.heard })
    }
}

impl Vain {
    /// A packet of no conversation, which may be a question or the answer to one.
    pub(in crate::wire::flow) fn packet(
        &mut self,
        packet: &Packet<'_>,
        out: &mut Vec<Observation>,
    ) {
        let step = packet.at.0.div_euclid(ASKING);
        match question(packet) {
            None => {}
            Some(Question::Refusal(print)) => {
                self.refused.resize(MAX_REFUSED, 0);
                self.refused.get_mut(Self::place(print)).into_iter().for_each(|it| *it = print);
            }
            Some(Question::Answers { key, pair }) => {
                if let Some(first) = self.pairs.answers(pair)
                    && let Some(asker) = self.asking.known(of_step(key, first), first)
                {
                    asker.answers = asker.answers.saturating_add(1);
                    asker.heard = true;
                }
            }
            Some(Question::Asks { key, pair, who, sought, whom }) => {
                match self.pairs.asks(pair, step) {
                    Asked::Known => return,
                    Asked::Again(first) => {
                        let asker = self.asking.known(of_step(key, first), first);
                        asker.into_iter().for_each(|it| it.again = it.again.saturating_add(1));
                        return;
                    }
                    Asked::First => {}
                }
                let key = of_step(key, step);
                if self.asking.known(key, step).is_none()
                    && let Some(place) = self.asking.room(key, step)
                {
                    out.extend(Some(*place).filter(Asker::is_search).map(|it| it.sums_up()));
                    *place = Asker { key, step, who, sought, ..Asker::NOBODY };
                }
                if let Some(asker) = self.asking.known(key, step) {
                    asker.asked |= whom;
                    asker.first = asker.first.saturating_add(1);
                    (asker.at, asker.frame) = (packet.at, packet.frame);
                }
            }
        }
    }

    pub(super) fn place(print: u64) -> usize {
        usize::try_from(print).unwrap_or_default() & MAX_REFUSED.saturating_sub(1)
    }

    /// Time goes on: what is settled is told or forgotten.
    pub(in crate::wire::flow) fn advance(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        let step = now.0.div_euclid(ASKING);
        if step == self.step {
            return;
        }
        self.step = step;
        for asker in self.asking.all.iter_mut().filter(|it| it.key != 0) {
            let age = step.saturating_sub(asker.step);
            let is_over = !(0..LIST / ASKING).contains(&age);
            if (0..SETTLED).contains(&age)
                || !is_over && !asker.is_search() && asker.may_be_search()
            {
                continue;
            }
            let is_told = asker.may_be_search() && !asker.is_list();
            out.extend(is_told.then(|| asker.sums_up()));
            *asker = Asker::NOBODY;
        }
    }

    pub(super) fn finish_rounds(&mut self, out: &mut Vec<Observation>) {
        out.extend(self.asking.all.iter().filter(|it| it.is_search()).map(Asker::sums_up));
        self.asking.all.fill(Asker::NOBODY);
        self.pairs.clear();
    }
}

fn of_step(key: u64, step: i64) -> u64 {
    hash(&(key, step)).max(1)
}

/// What a packet of no conversation asks or answers.
enum Question {
    Asks {
        /// Stands for who asks.
        key: u64,
        /// Stands for both.
        pair: u64,
        who: HostId,
        sought: Sought,
        /// The bit of who is asked.
        whom: u64,
    },
    Answers {
        key: u64,
        pair: u64,
    },
    /// An ICMP error for whom this stands for.
    Refusal(u64),
}

fn question(packet: &Packet<'_>) -> Option<Question> {
    match (packet.l3, packet.l4) {
        (Layer3::Ip { .. }, Layer4::Icmp | Layer4::Icmp6) => echo(packet),
        (Layer3::Arp, _) => card(packet),
        _ => None,
    }
}

/// An echo, a reply, or that something cannot be reached (RFC 792, RFC 4443). A routed answer
/// is first seen in another VLAN than the request.
fn echo(packet: &Packet<'_>) -> Option<Question> {
    let (src, dst) = packet.addresses()?;
    let Segment { sensor, vni, .. } = packet.segment;
    let key = |asker| hash(&(sensor, vni, asker));
    match (packet.l4, packet.payload.first()?) {
        (Layer4::Icmp, 8) | (Layer4::Icmp6, 128) => {
            let (who, to) = (host(packet.segment, packet.src_mac, Some(src)), Some(dst));
            let is_one = is_somebody(&who) && host(packet.segment, None, to).ip.is_some();
            let (key, pair) = (key(src), hash(&(sensor, vni, src, dst)));
            let asks = || Question::Asks { key, pair, who, sought: Sought::Echo, whom: bit(&dst) };
            is_one.then(asks)
        }
        (Layer4::Icmp, 0) | (Layer4::Icmp6, 129) => {
            Some(Question::Answers { key: key(dst), pair: hash(&(sensor, vni, dst, src)) })
        }
        (Layer4::Icmp, 3) | (Layer4::Icmp6, 1) => Some(Question::Refusal(key(dst))),
        _ => None,
    }
}

/// Operations of ARP (RFC 826).
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// A request to all for an address of the link, or a reply to one card. Of four addresses one
/// counts.
fn card(packet: &Packet<'_>) -> Option<Question> {
    let mut r = Reader::new(packet.payload);
    r.skip(6, "types").ok()?;
    let operation = r.u16_be("operation").ok()?;
    let sender = Mac(r.array("sender hardware address").ok()?);
    let own = Ipv4Addr::from(r.array::<4>("sender protocol address").ok()?);
    let receiver = Mac(r.array("target hardware address").ok()?);
    let whom = Ipv4Addr::from(r.array::<4>("target protocol address").ok()?);
    let counts = |whom: &Ipv4Addr| hash(whom) & 3 == 0;
    let of = |asker: Mac, whom: Ipv4Addr| {
        (hash(&(packet.segment, asker.0)), hash(&(packet.segment, asker.0, whom)))
    };
    // Who says its own address, to all, asks nobody.
    if operation == REQUEST
        && packet.dst_mac == Some(Mac([255; 6]))
        && packet.src_mac == Some(sender)
        && own != whom
        && counts(&whom)
    {
        let (key, pair) = of(sender, whom);
        let who = host(packet.segment, Some(sender), Some(own.into()));
        let whom = 1 << (hash(&whom) >> 2 & 63);
        return Some(Question::Asks { key, pair, who, sought: Sought::Arp, whom });
    }
    let (key, pair) = of(receiver, own);
    (operation == REPLY).then_some(Question::Answers { key, pair })
}
