//! Whom speakers ask who does not answer: conversations that end without a word of the other
//! side, echo requests and ARP requests (MITRE ATT&CK T1018, T1046). How many are too many is
//! judged where all that workers saw comes together.
//!
//! Of conversations only those count that may be a search. In TCP those for a port by which
//! one computer takes over another. In UDP those of no known protocol: who manages, looks up
//! names or time, or calls, speaks one that is recognised. Nor do those between two equal
//! ports, as of equals that answer a multicast; nor those with the Internet, where what the
//! firewall drops is unanswered too.

use std::net::Ipv4Addr;

use super::emit::{host, is_somebody};
use super::limits::{
    ASKING, LEAST_CARDS, LEAST_ECHOES, MAX_ASKING, MAX_ATTEMPTS, MAX_IN_VAIN, VAIN_EVERY,
};
use super::sweep::{PORTS, bit, hash};
use super::table::{Flow, Phase};
use crate::net::{HostId, Mac, Segment, Transport, is_public};
use crate::observe::{Observation, Observed, Sought, Tried};
use crate::time::Timestamp;
use crate::wire::dissect::Reader;
use crate::wire::packet::{Layer3, Layer4, Packet};

/// Packets that wake a computer go to these, and nobody answers them.
const WAKING: [u16; 2] = [7, 9];

/// Who asks for one thing, in one step of time.
#[derive(Clone, Copy)]
struct Asker {
    /// Stands for who asks, and for what; 0 for nobody.
    key: u64,
    step: i64,
    who: HostId,
    sought: Sought,
    asked: u64,
    answered: u64,
    requests: u32,
    answers: u32,
    at: Timestamp,
    frame: u64,
}

impl Asker {
    const NOBODY: Self = Self {
        key: 0,
        step: 0,
        who: HostId {
            segment: Segment { sensor: 0, vlan: 0, inner_vlan: 0, vni: 0 },
            mac: None,
            ip: None,
        },
        sought: Sought::Echo,
        asked: 0,
        answered: 0,
        requests: 0,
        answers: 0,
        at: Timestamp(0),
        frame: 0,
    };

    fn says(&self, tried: Tried) -> Observation {
        let what = Observed::Tries(self.sought, tried);
        Observation { at: self.at, frame: self.frame, host: self.who, what }
    }

    /// What is to be said of a step that is over: whom it asked, where a third or more did
    /// not answer.
    fn sums_up(&self) -> Option<Observation> {
        let least = if self.sought == Sought::Arp { LEAST_CARDS } else { LEAST_ECHOES };
        let [asked, answered] = [self.requests, self.answers].map(u64::from);
        let is_vain = answered.saturating_mul(3) <= asked.saturating_mul(2);
        (self.key != 0 && is_vain && self.asked.count_ones() >= least)
            .then(|| self.says(Tried { vain: self.asked, answered: 0 }))
    }
}

/// Askers, each in one of two places. A newcomer takes the place of who asked fewer.
struct Askers {
    all: Vec<Asker>,
    /// How many there is room for once there is the first.
    many: usize,
}

impl Askers {
    const fn new(many: usize) -> Self {
        Self { all: Vec::new(), many }
    }

    fn places(&self, key: u64) -> [usize; 2] {
        let many = u64::try_from(self.many).unwrap_or_default();
        let home = usize::try_from(key.checked_rem(many).unwrap_or_default()).unwrap_or_default();
        [home, home ^ 1]
    }

    /// Who asks, if that is remembered.
    fn known(&mut self, key: u64, step: i64) -> Option<&mut Asker> {
        let is = |at: &usize| self.all.get(*at).is_some_and(|it| (it.key, it.step) == (key, step));
        let at = self.places(key).into_iter().find(is)?;
        self.all.get_mut(at)
    }

    /// The place for a newcomer, with who has it.
    fn room(&mut self, key: u64, step: i64) -> Option<&mut Asker> {
        if self.all.is_empty() {
            self.all = vec![Asker::NOBODY; self.many];
        }
        let many = |at: &usize| {
            let there = self.all.get(*at).filter(|it| it.step == step);
            there.map_or(0, |it| it.asked.count_ones())
        };
        let at = self.places(key).into_iter().min_by_key(many)?;
        self.all.get_mut(at)
    }
}

/// See the module.
pub(super) struct Vain {
    /// By conversations that are over, in steps of [`VAIN_EVERY`].
    over: Askers,
    /// By packets, in steps of [`ASKING`].
    asking: Askers,
    /// The step that was last looked at.
    step: i64,
}

impl Default for Vain {
    fn default() -> Self {
        Self { over: Askers::new(MAX_IN_VAIN), asking: Askers::new(MAX_ASKING), step: 0 }
    }
}

impl Vain {
    /// A conversation goes on for another minute: who was asked may have answered.
    pub(super) fn goes_on(&mut self, flow: &Flow, out: &mut Vec<Observation>) {
        if let Some(attempt) = attempt(flow).filter(|it| it.answered) {
            self.tell(attempt, out);
        }
    }

    /// A conversation is over: who was asked answered or not.
    pub(super) fn is_over(&mut self, flow: &Flow, out: &mut Vec<Observation>) {
        if let Some(attempt) = attempt(flow) {
            self.tell(attempt, out);
        }
    }

    /// Of those who answer nothing is said as long as all do.
    fn tell(&mut self, attempt: Attempt, out: &mut Vec<Observation>) {
        let Attempt { who, sought, whom, answered, at } = attempt;
        let (key, step) = (hash(&(who, sought)).max(1), at.0.div_euclid(VAIN_EVERY));
        if self.over.known(key, step).is_none() && !answered {
            let new = Asker { key, step, who, sought, ..Asker::NOBODY };
            self.over.room(key, step).into_iter().for_each(|it| *it = new);
        }
        let Some(asker) = self.over.known(key, step) else { return };
        let known = if answered { &mut asker.answered } else { &mut asker.asked };
        if *known & whom != 0 {
            return;
        }
        *known |= whom;
        asker.at = at;
        let (vain, answered) = if answered { (0, whom) } else { (whom, 0) };
        out.push(asker.says(Tried { vain, answered }));
    }

    /// A packet of no conversation, which may be a question or the answer to one.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, out: &mut Vec<Observation>) {
        let Some(question) = question(packet) else { return };
        let (key, step) = (question.key.max(1), packet.at.0.div_euclid(ASKING));
        let Some((who, sought, whom)) = question.asks else {
            if let Some(asker) = self.asking.known(key, step) {
                asker.answers = asker.answers.saturating_add(1);
            }
            return;
        };
        if self.asking.known(key, step).is_none()
            && let Some(place) = self.asking.room(key, step)
        {
            out.extend(place.sums_up());
            *place = Asker { key, step, who, sought, ..Asker::NOBODY };
        }
        if let Some(asker) = self.asking.known(key, step) {
            asker.asked |= whom;
            asker.requests = asker.requests.saturating_add(1);
            (asker.at, asker.frame) = (packet.at, packet.frame);
        }
    }

    /// Time goes on: what is over is summed up.
    pub(super) fn advance(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        let step = now.0.div_euclid(ASKING);
        if step != self.step {
            self.step = step;
            self.sum_up(out, |it| it.step != step);
        }
    }

    /// Nothing more comes: all is summed up and forgotten.
    pub(super) fn finish(&mut self, out: &mut Vec<Observation>) {
        self.sum_up(out, |_| true);
        self.over.all.fill(Asker::NOBODY);
    }

    fn sum_up(&mut self, out: &mut Vec<Observation>, is_over: impl Fn(&Asker) -> bool) {
        for asker in self.asking.all.iter_mut().filter(|it| it.key != 0 && is_over(it)) {
            out.extend(asker.sums_up());
            *asker = Asker::NOBODY;
        }
    }
}

/// Somebody was asked by a conversation.
struct Attempt {
    who: HostId,
    sought: Sought,
    /// The bit of who was asked.
    whom: u64,
    answered: bool,
    at: Timestamp,
}

/// Whom a conversation asked for what, where it may be a search.
fn attempt(flow: &Flow) -> Option<Attempt> {
    let client = usize::from(flow.client.filter(|_| !flow.shadow)?);
    let server = client ^ 1;
    let ((_, from), (whom, port)) = (flow.key.end(client), flow.key.end(server));
    let [asked, answers] = [client, server].map(|it| flow.packets.get(it).copied().unwrap_or(0));
    let sought = match flow.key.transport() {
        Transport::Tcp if PORTS.contains(&port) => Sought::Tcp(port),
        Transport::Udp
            if flow.protocol.is_none()
                && from != port
                && !WAKING.contains(&port)
                && !is_public(whom) =>
        {
            Sought::Udp(port)
        }
        _ => return None,
    };
    // Of one who goes on without an answer the mirror shows one side only.
    let is_question = (1..=MAX_ATTEMPTS).contains(&asked)
        && (sought == Sought::Udp(port) || flow.phase == Phase::Recognising && flow.asked == 0);
    let answered = answers > 0 && flow.has_answered(server);
    let who = flow.last_sender(client);
    let is_one = host(flow.key.segment(), None, Some(whom)).ip.is_some();
    let counts = answered || answers > 0 || is_question;
    (counts && is_one && is_somebody(&who)).then(|| Attempt {
        who,
        sought,
        whom: bit(&whom),
        answered,
        at: flow.last.get(client).copied().unwrap_or_default(),
    })
}

/// A question, or the answer to one of the same key.
struct Question {
    key: u64,
    /// Who asks for what, and the bit of who is asked; none for an answer.
    asks: Option<(HostId, Sought, u64)>,
}

fn question(packet: &Packet<'_>) -> Option<Question> {
    match (packet.l3, packet.l4) {
        (Layer3::Ip { .. }, Layer4::Icmp | Layer4::Icmp6) => echo(packet),
        (Layer3::Arp, _) => card(packet),
        _ => None,
    }
}

/// An echo or a reply (RFC 792, RFC 4443 §4). A routed reply is first seen in another VLAN
/// than the request.
fn echo(packet: &Packet<'_>) -> Option<Question> {
    let (src, dst) = packet.addresses()?;
    let Segment { sensor, vni, .. } = packet.segment;
    let key = |asker| hash(&(sensor, vni, asker));
    match (packet.l4, packet.payload.first()?) {
        (Layer4::Icmp, 8) | (Layer4::Icmp6, 128) => {
            let (from, to) = (host(packet.segment, packet.src_mac, Some(src)), Some(dst));
            let is_one = is_somebody(&from) && host(packet.segment, None, to).ip.is_some();
            is_one.then(|| Question { key: key(src), asks: Some((from, Sought::Echo, bit(&dst))) })
        }
        (Layer4::Icmp, 0) | (Layer4::Icmp6, 129) => Some(Question { key: key(dst), asks: None }),
        _ => None,
    }
}

/// Operations of ARP (RFC 826).
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// A request to all for an address of the link, or a reply to one card.
fn card(packet: &Packet<'_>) -> Option<Question> {
    let mut r = Reader::new(packet.payload);
    r.skip(6, "types").ok()?;
    let operation = r.u16_be("operation").ok()?;
    let sender = Mac(r.array("sender hardware address").ok()?);
    let own = Ipv4Addr::from(r.array::<4>("sender protocol address").ok()?);
    let receiver = Mac(r.array("target hardware address").ok()?);
    let whom = Ipv4Addr::from(r.array::<4>("target protocol address").ok()?);
    let key = |asker: Mac| hash(&(packet.segment, asker.0));
    // Who says its own address, to all, asks nobody.
    if operation == REQUEST
        && packet.dst_mac == Some(Mac([255; 6]))
        && packet.src_mac == Some(sender)
        && own != whom
    {
        let print = hash(&whom);
        let whom = if print & 3 == 0 { 1 << (print >> 2 & 63) } else { 0 };
        let from = host(packet.segment, Some(sender), Some(own.into()));
        return Some(Question { key: key(sender), asks: Some((from, Sought::Arp, whom)) });
    }
    (operation == REPLY).then(|| Question { key: key(receiver), asks: None })
}

#[cfg(test)]
mod tests;
