//! Whom speakers ask who does not answer: conversations that end without a word of the other
//! side, echo requests and ARP requests (MITRE ATT&CK T1018, T1046). How many are too many is
//! judged where all that workers saw comes together.
//!
//! Of conversations only those count that may be a search. In TCP those for a port by which
//! one computer takes over another. In UDP those of no known protocol: who manages, looks up
//! names or time, or calls, speaks one that is recognised. Nor do those between two equal
//! ports, as of equals that answer a multicast; nor those with the Internet, where what the
//! firewall drops is unanswered too.
//!
//! Of echoes and cards only those count that an asker asks for the first time: a monitor asks
//! the same again and again ([`rounds`]).

use super::emit::{host, is_somebody};
use super::limits::{ASKING, LIST, MAX_ASKING, MAX_ATTEMPTS, MAX_IN_VAIN, VAIN_EVERY};
use super::sweep::{PORTS, bit, hash};
use super::table::{Flow, Phase};
use crate::net::{HostId, Segment, Transport, is_public};
use crate::observe::{Observation, Observed, Sought, Tried};
use crate::time::Timestamp;
use pairs::Pairs;

mod pairs;
mod rounds;

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
    /// Whether anything at all came back.
    heard: bool,
    /// Those who were asked for the first time, of them those who answered, and those who
    /// were asked again later.
    first: u32,
    answers: u32,
    again: u32,
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
        heard: false,
        first: 0,
        answers: 0,
        again: 0,
        at: Timestamp(0),
        frame: 0,
    };

    fn says(&self, tried: Tried) -> Observation {
        let what = Observed::Tries(self.sought, tried);
        Observation { at: self.at, frame: self.frame, host: self.who, what }
    }
}

/// Askers, each in one of two places. A newcomer takes the place of who asked fewer.
struct Askers {
    all: Vec<Asker>,
    /// How many there is room for once there is the first.
    many: usize,
    /// Steps after which nobody needs an asker any more.
    lasts: i64,
}

impl Askers {
    const fn new(many: usize, lasts: i64) -> Self {
        Self { all: Vec::new(), many, lasts }
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
            let there = self.all.get(*at);
            let there = there.filter(|it| (0..self.lasts).contains(&step.saturating_sub(it.step)));
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
    /// Who asked whom by packets.
    pairs: Pairs,
    /// Addresses to which an ICMP error came, each in its place.
    refused: Vec<u64>,
    /// The step that was last looked at.
    step: i64,
}

impl Default for Vain {
    fn default() -> Self {
        Self {
            over: Askers::new(MAX_IN_VAIN, 1),
            asking: Askers::new(MAX_ASKING, LIST / ASKING),
            pairs: Pairs::default(),
            refused: Vec::new(),
            step: 0,
        }
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
        if let Some(mut attempt) = attempt(flow) {
            attempt.heard |= self.is_refused(&attempt.who);
            self.tell(attempt, out);
        }
    }

    /// Of those who answer nothing is said as long as all do.
    fn tell(&mut self, attempt: Attempt, out: &mut Vec<Observation>) {
        let Attempt { who, sought, whom, answered, heard, at } = attempt;
        let (key, step) = (hash(&(who, sought)).max(1), at.0.div_euclid(VAIN_EVERY));
        if self.over.known(key, step).is_none() && !answered {
            let new = Asker { key, step, who, sought, ..Asker::NOBODY };
            self.over.room(key, step).into_iter().for_each(|it| *it = new);
        }
        let Some(asker) = self.over.known(key, step) else { return };
        let heard = heard && !asker.heard;
        asker.heard |= heard;
        let known = if answered { &mut asker.answered } else { &mut asker.asked };
        if *known & whom != 0 && !heard {
            return;
        }
        *known |= whom;
        asker.at = at;
        let (vain, answered) = if answered { (0, whom) } else { (whom, 0) };
        out.push(asker.says(Tried { vain, answered, heard }));
    }

    /// Whether an ICMP error came to it.
    fn is_refused(&self, who: &HostId) -> bool {
        let Some(ip) = who.ip else { return false };
        let Segment { sensor, vni, .. } = who.segment;
        let print = hash(&(sensor, vni, ip));
        self.refused.get(Self::place(print)) == Some(&print)
    }

    /// Nothing more comes: all is summed up and forgotten.
    pub(super) fn finish(&mut self, out: &mut Vec<Observation>) {
        self.finish_rounds(out);
        self.over.all.fill(Asker::NOBODY);
        self.refused.clear();
    }
}

/// Somebody was asked by a conversation.
struct Attempt {
    who: HostId,
    sought: Sought,
    /// The bit of who was asked.
    whom: u64,
    answered: bool,
    /// Something came back, if only a refusal.
    heard: bool,
    at: Timestamp,
}

/// Whom a conversation asked for what, where it may be a search.
fn attempt(flow: &Flow) -> Option<Attempt> {
    // The other leg of a routed conversation is not read, and has no client.
    let client = usize::from(flow.client?);
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
    let is_question = asked <= MAX_ATTEMPTS
        && (sought == Sought::Udp(port) || flow.phase == Phase::Recognising && flow.asked == 0);
    let answered = answers > 0 && flow.has_answered(server);
    let who = flow.last_sender(client);
    let is_one = host(flow.key.segment(), None, Some(whom)).ip.is_some();
    let counts = answers > 0 || is_question;
    (counts && is_one && is_somebody(&who)).then(|| Attempt {
        who,
        sought,
        whom: bit(&whom),
        answered,
        heard: answers > 0,
        at: flow.last.get(client).copied().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
