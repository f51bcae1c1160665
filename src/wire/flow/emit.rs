//! From what a dissector says to what leaves the wire: subjects filled in, text
//! cleaned, repeats dropped.

use std::borrow::Cow;
use std::net::IpAddr;

use super::seen::Seen;
use crate::net::{HostId, Mac, Segment};
use crate::observe::{
    Equipment, LAST_USER, Observation, Observed, Sign, SwitchPort, Use, When, text,
};
use crate::time::Timestamp;
use crate::wire::dissect::{Exchange, Question, Sink, Who, line};
use crate::wire::packet::Packet;

/// Most facts kept of one piece of equipment that a message describes.
const MAX_EQUIPMENT_FACTS: usize = 32;

/// Times since which a host runs that fall into the same stretch of so many seconds are
/// one: each answer comes after another delay.
const BOOT_ROUNDED: i64 = 240;

/// The sink of one packet.
pub(super) struct Emit<'e> {
    pub(super) seen: &'e mut Seen,
    pub(super) out: &'e mut Vec<Observation>,
    pub(super) at: Timestamp,
    pub(super) frame: u64,
    pub(super) sender: HostId,
    pub(super) receiver: HostId,
}

impl<'e> Emit<'e> {
    /// For a packet that stands for itself: its addresses say who speaks to whom.
    pub(super) fn of(
        packet: &Packet<'_>,
        seen: &'e mut Seen,
        out: &'e mut Vec<Observation>,
    ) -> Self {
        let (src, dst) = packet.addresses().unzip();
        let sender = host(packet.segment, packet.src_mac, src);
        let receiver = host(packet.segment, packet.dst_mac, dst);
        Self { seen, out, at: packet.at, frame: packet.frame, sender, receiver }
    }

    /// Says `what` of `host` unless it was said a moment ago.
    pub(super) fn say(&mut self, host: HostId, what: Observed<'_>) {
        if is_somebody(&host)
            && self.is_news(&host, &what)
            && let Some(what) = cleaned(what)
        {
            self.out.push(Observation { at: self.at, frame: self.frame, host, what });
        }
    }

    fn is_news(&mut self, host: &HostId, what: &Observed<'_>) -> bool {
        let (seen, at) = (&mut *self.seen, self.at);
        match what {
            Observed::Use(Use { work, study, step, when: When::Now }) => {
                seen.is_news_of_minute(host, (work, study, step), at, self.out)
            }
            // Told by its own clock it is told once, and of each study anew.
            Observed::Use(_) => true,
            // Of what a gateway tells every few seconds only the minutes count.
            Observed::UseOf(piece, work, when) => {
                seen.pieces.is_news(host, (piece, work, in_minutes(*when)), at)
            }
            // Whom it has asked was not said a moment ago; the same bit is another's, too.
            Observed::Asks(..) => true,
            Observed::Booted(at_boot, sign) => {
                // Firmware asks again and again, and how long it pauses matters.
                let asks = matches!(sign, Sign::NetworkBoot | Sign::RelayedBoot);
                let rounded = if asks { 60 } else { BOOT_ROUNDED };
                let about = at_boot.seconds().div_euclid(rounded);
                seen.is_news(host, ("booted", sign, about), at, self.out)
            }
            Observed::Arrives(_) => seen.is_news_of_minute(host, what, at, self.out),
            // Two who claim one address in turn are told by the times of their claims.
            Observed::Address(..) => seen.is_news_of_claim(host, what, at, self.out),
            what => seen.is_news(host, what, at, self.out),
        }
    }
}

impl Sink for Emit<'_> {
    fn observe(&mut self, who: Who, what: Observed<'_>) {
        let host = match who {
            Who::Sender => self.sender,
            Who::Receiver => self.receiver,
            Who::Named { mac, ip } => host(self.sender.segment, mac, ip),
        };
        self.say(host, what);
    }

    fn user(&mut self, who: Who, name: &str) {
        // A computer's own account is no person's.
        if self.seen.users && !name.ends_with('$') {
            self.fact(who, &LAST_USER, name);
        }
    }

    fn now(&self) -> Timestamp {
        self.at
    }

    fn ask(&mut self, exchange: Exchange, question: Question) {
        let Segment { sensor, vni, .. } = self.sender.segment;
        self.seen.asked.ask((sensor, vni, exchange), self.at, question);
    }

    fn answered(&mut self, exchange: &Exchange) -> Option<Question> {
        let Segment { sensor, vni, .. } = self.sender.segment;
        self.seen.asked.answered(&(sensor, vni, *exchange), self.at)
    }
}

/// A speaker, with addresses that are nobody's own left out.
pub(super) fn host(segment: Segment, mac: Option<Mac>, ip: Option<IpAddr>) -> HostId {
    let own = |ip: &IpAddr| match ip {
        IpAddr::V4(v4) => !(v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast()),
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_multicast()),
    };
    HostId { segment, mac: mac.filter(|m| m.is_unicast()), ip: ip.filter(own) }
}

/// The same moments for whoever counts minutes.
const fn in_minutes(when: When) -> When {
    match when {
        When::Told { from, to, offset } => {
            When::Told { from: from.div_euclid(60), to: to.div_euclid(60), offset }
        }
        When::Between(from, to) => When::Between(Timestamp(from.minute()), Timestamp(to.minute())),
        it => it,
    }
}

/// Whether anything is left to tell a speaker by.
pub(super) const fn is_somebody(host: &HostId) -> bool {
    host.mac.is_some() || host.ip.is_some()
}

fn printable(raw: &str) -> Option<Cow<'_, str>> {
    Some(text::clean(raw)).filter(|text| !text.is_empty())
}

/// The same with printable text and owned; none when nothing is left to say.
fn cleaned(what: Observed<'_>) -> Option<Observed<'static>> {
    let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    Some(match what {
        Observed::Fact(key, value) => {
            let text = printable(&value)?;
            let told = own(line::kept(key.as_str(), &text)?);
            Observed::Fact(key, told)
        }
        Observed::Attached(at) => Observed::Attached(SwitchPort {
            switch: own(text::clean(&at.switch)),
            port: own(text::clean(&at.port)),
            vlan: at.vlan,
            by: at.by,
        }),
        Observed::Equipment(it) => {
            let facts: Vec<_> = it
                .facts
                .iter()
                .take(MAX_EQUIPMENT_FACTS)
                .filter_map(|(key, value)| Some((key.clone(), own(printable(value)?))))
                .collect();
            if facts.is_empty() {
                return None;
            }
            Observed::Equipment(Equipment { origin: it.origin, facts: Cow::Owned(facts) })
        }
        other => other.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Key, Study, Work};

    #[test]
    fn empty_and_unprintable_text_says_nothing() {
        let fact = |v| cleaned(Observed::Fact(Key::new("a.b"), Cow::Borrowed(v)));
        assert_eq!(fact(" \u{0}\u{200b} "), None);
        let Some(Observed::Fact(_, value)) = fact("=cmd\u{1b}[0m") else { panic!("kept") };
        assert_eq!(value, "=cmd[0m");
    }

    #[test]
    fn nobody_owns_broadcast() {
        let it =
            host(Segment::default(), Some(Mac([255; 6])), Some("255.255.255.255".parse().unwrap()));
        assert_eq!((it.mac, it.ip), (None, None));
    }

    #[test]
    fn work_and_boots_pass_as_often_as_they_are_news() {
        let host = HostId { mac: Some(Mac([2, 0, 0, 0, 0, 1])), ..HostId::default() };
        let (mut seen, mut out) = (Seen::new(16), Vec::new());
        let mut say = |second, what: Observed<'_>| {
            let (at, frame) = (Timestamp::new(second, 0), 1);
            let (seen, out) = (&mut seen, &mut out);
            let mut emit = Emit { seen, out, at, frame, sender: host, receiver: host };
            emit.observe(Who::Sender, what);
        };
        let study = |n: u8| Study::of(&[n]);
        let of = |work, study, when| Observed::Use(Use { work, study, step: Study::UNTOLD, when });
        let told = When::Told { from: 5, to: 5, offset: None };
        for second in [1200, 1201, 1259, 1260] {
            say(second, of(Work::Vitals, Study::UNTOLD, When::Now));
            say(second, of(Work::Result, study(1), When::Now));
        }
        let now = 4;
        (0..3).for_each(|_| say(1300, of(Work::Image, study(1), told)));
        for (second, boot) in [(1300, 480), (1301, 481), (1302, 720), (1303, 719)] {
            say(second, Observed::Booted(Timestamp::new(boot, 0), Sign::Snmp));
        }
        // Firmware's words are told by the minute: its pauses matter.
        for second in [1920, 1979, 1980, 2099] {
            say(second, Observed::Booted(Timestamp::new(second, 0), Sign::NetworkBoot));
        }
        assert_eq!(out.len(), now + 3 + 2 + 3);
    }

    #[test]
    fn users_pass_only_where_they_are_asked_for() {
        let host = HostId { mac: Some(Mac([2, 0, 0, 0, 0, 1])), ..HostId::default() };
        let said = |users| {
            let (mut seen, mut out) = (Seen::new(16), Vec::new());
            seen.users = users;
            let (at, frame) = (Timestamp(0), 1);
            let (seen, out_of) = (&mut seen, &mut out);
            let mut emit = Emit { seen, out: out_of, at, frame, sender: host, receiver: host };
            emit.user(Who::Sender, "CANARY");
            emit.user(Who::Sender, "COMPUTER$");
            out
        };
        assert!(said(false).is_empty());
        let on = said(true);
        assert_eq!(on.len(), 1);
        assert_eq!(on[0].what, Observed::Fact(LAST_USER, Cow::Borrowed("CANARY")));
    }
}
