//! What devices and switches say without anybody working.

use std::io::Write;
use std::net::Ipv4Addr;

use auscult::net::Mac;

use super::cast::{self, EDGE, Kind, OFFICES, Power, SERVERS, TRANSIT, VLANS};
use super::clock::{DAY, EPOCH, HOUR, MINUTE, SECOND, is_open, of_day};
use super::frame::{BROADCAST, Leg, arp, ethernet};
use super::play::{Play, Shows};
use super::rng::Rng;
use super::say::net;

impl<W: Write> Play<W> {
    /// Spanning tree in every VLAN that is seen, and the neighbours' names.
    pub(crate) fn links(&mut self, day: u64) {
        let switches = self.cast.all(|kind| matches!(kind, Kind::Network));
        let (core, edge) = (switches[0], switches[1]);
        let switch = *switches.get(2).unwrap_or(&core);
        let step = if self.plan.thin { 100 } else { 45 } * SECOND;
        let mut at = day * DAY;
        while at < (day + 1) * DAY {
            let from = self.cast.devices[switch].mac;
            for vlan in VLANS.iter().copied().filter(|vlan| *vlan != OFFICES) {
                let to = Mac([1, 0x80, 0xc2, 0, 0, 0]);
                let body = net::spanning_tree(from, cast::CORE);
                let frame = ethernet(&Leg { vlan, from, to, hops: 0 }, body.len() as u16, &body);
                self.mirror.frame(at + u64::from(vlan) * 1000, vlan, switch, frame);
            }
            let who = (EDGE, Ipv4Addr::new(10, 10, TRANSIT as u8, 2));
            let ask = arp(1, who, (Mac::default(), cast::gateway(TRANSIT)));
            let leg = Leg { vlan: TRANSIT, from: EDGE, to: BROADCAST, hops: 0 };
            self.mirror.frame(at + SECOND, TRANSIT, edge, ethernet(&leg, 0x0806, &ask));
            at += step;
        }
        let mut at = day * DAY + 11 * SECOND;
        while at < (day + 1) * DAY {
            for who in switches.iter().skip(2).copied() {
                let it = &self.cast.devices[who];
                let leg = Leg {
                    vlan: SERVERS,
                    from: it.mac,
                    to: Mac([1, 0x80, 0xc2, 0, 0, 0x0e]),
                    hops: 0,
                };
                let frame = ethernet(&leg, 0x88cc, &net::lldp(it.mac, "Gi1/0/1", &it.name));
                self.mirror.frame(at, SERVERS, who, frame);
            }
            at += 5 * MINUTE;
        }
    }

    /// What a device says by itself while it has power: much in use, little in standby.
    pub(crate) fn idle(&mut self, who: usize, (from, to): (u64, u64), rng: &mut Rng) {
        let it = self.cast.devices[who].clone();
        let silent = matches!(it.kind, Kind::Silent);
        if matches!(it.kind, Kind::Network) {
            return;
        }
        let domain = self.cast.find(|kind| matches!(kind, Kind::Domain));
        let files = self.cast.find(|kind| matches!(kind, Kind::Files));
        let mut at = from + rng.between(31, 60) * SECOND;
        while at + SECOND < to {
            let day = at / DAY;
            let busy = is_open(day) && (of_day(day, 7, 30)..of_day(day, 18, 0)).contains(&at)
                || it.power == Power::Always && !silent;
            match rng.below(10) {
                _ if silent => self.ask_gateway(who, at),
                0..4 => self.ask_gateway(who, at),
                4..7 if domain != who => {
                    let said = net::ntp(EPOCH + at / SECOND);
                    let ends = self.ends(at, who, domain);
                    self.mirror.ask(at, &ends, (123, 123), [&said[0], &said[1]]);
                }
                _ if it.windows && domain != who => {
                    let address = self.cast.devices[files].ip(at);
                    let said = net::dns(at as u16, "files1.ward.example", address);
                    let ends = self.ends(at, who, domain);
                    let port = rng.between(50_000, 65_000) as u16;
                    self.mirror.ask(at, &ends, (port, 53), [&said[0], &said[1]]);
                }
                _ => self.ask_gateway(who, at),
            }
            let mean = match (busy, self.plan.thin) {
                (true, false) => 60,
                (true, true) => 110,
                (false, _) => 300,
            };
            at += rng.between(mean / 2, mean * 3 / 2) * SECOND + rng.between(0, SECOND);
        }
    }

    pub(crate) fn on_link(&mut self, who: usize, at: u64, to: Mac, body: &[u8]) {
        let it = &self.cast.devices[who];
        if it.vlan == OFFICES {
            return;
        }
        let leg = Leg { vlan: it.vlan, from: it.mac, to, hops: 0 };
        let frame = ethernet(&leg, 0x0806, body);
        self.mirror.frame(at, it.vlan, who, frame);
    }

    /// Asks the link for the router, which answers.
    fn ask_gateway(&mut self, who: usize, at: u64) {
        let it = &self.cast.devices[who];
        let (own, gateway) = ((it.mac, it.ip(at)), cast::gateway(it.vlan));
        let (vlan, router) = (it.vlan, cast::router(it.vlan));
        self.on_link(who, at, BROADCAST, &arp(1, own, (Mac::default(), gateway)));
        if vlan != OFFICES {
            let answer = arp(2, (router, gateway), own);
            let leg = Leg { vlan, from: router, to: own.0, hops: 0 };
            self.mirror.frame(at + 90, vlan, 0, ethernet(&leg, 0x0806, &answer));
        }
    }

    /// Says on the link which address it has now (RFC 5227 §2.3).
    pub(crate) fn announce(&mut self, who: usize, at: u64) {
        let it = &self.cast.devices[who];
        if matches!(it.kind, Kind::Network) {
            return;
        }
        let own = (it.mac, it.ip(at));
        self.on_link(who, at, BROADCAST, &arp(1, own, (Mac::default(), own.1)));
    }

    /// Somebody asks for a device, and another answers in its place: with which card, and
    /// for which card.
    pub(crate) fn answered(
        &mut self,
        asker: usize,
        about: usize,
        (by, card, claimed): (usize, Mac, Mac),
        at: u64,
    ) {
        let (a, b) = (&self.cast.devices[asker], &self.cast.devices[about]);
        let (own, wanted, vlan) = ((a.mac, a.ip(at)), b.ip(at), b.vlan);
        self.on_link(asker, at, BROADCAST, &arp(1, own, (Mac::default(), wanted)));
        let leg = Leg { vlan, from: card, to: own.0, hops: 0 };
        let answer = arp(2, (claimed, wanted), own);
        self.mirror.frame(at + 700, vlan, by, ethernet(&leg, 0x0806, &answer));
    }

    /// Devices that say so how long they run, asked by the management.
    pub(crate) fn polls(&mut self, day: u64) {
        let management = self.cast.find(|kind| matches!(kind, Kind::Management));
        let asked = self.cast.all(|kind| matches!(kind, Kind::Printer));
        for who in asked {
            let mut rng = self.rng(0, who);
            // Before the first day, and again at a quarter to one of every tenth.
            let age = rng.between(20, 90) * DAY;
            let again = of_day(day / 10 * 10, 12, 45) + 17 * SECOND;
            let mut at = day * DAY + rng.between(0, 300) * SECOND;
            while at < (day + 1) * DAY {
                let ticks = match at > again {
                    true => (at - again) / 10_000,
                    false if day < 10 => (at + age) / 10_000,
                    false => (at + 10 * DAY - again) / 10_000,
                };
                let off = again.saturating_sub(MINUTE) < at && at < again + MINUTE;
                if !off {
                    let said = net::uptime((at / SECOND) as u16, ticks as u32);
                    let ends = self.ends(at, management, who);
                    self.mirror.ask(at, &ends, (40_161, 161), [&said[0], &said[1]]);
                }
                at += if self.plan.thin { 10 } else { 4 } * MINUTE;
            }
            if day.is_multiple_of(10) && self.mirror.blind.span.1 > again + HOUR {
                self.traces[who].starts.push((again, Shows::Counter));
            }
        }
    }

    /// Addresses that change hands while devices run.
    pub(crate) fn moves(&mut self, day: u64) {
        for who in 0..self.cast.devices.len() {
            let times = self.cast.devices[who].addresses.clone();
            for (at, _) in times.into_iter().filter(|(at, _)| *at > 0 && *at / DAY == day) {
                let on = self.traces[who].powered.iter().any(|(a, b)| *a <= at && at < *b);
                if on && self.cast.devices[who].name.starts_with("ws") {
                    self.release(who, at - 2 * SECOND);
                }
                if on {
                    self.lease(who, at + SECOND, false);
                    self.announce(who, at + 3 * SECOND);
                }
            }
        }
    }
}
