//! Monitors and pumps: patients stay with them for hours and days.

use std::io::Write;

use super::cast::{CORE, Kind, SERVERS, Values};
use super::clock::{DAY, HOUR, MINUTE, SECOND};
use super::frame::{BROADCAST, Leg};
use super::mirror::End;
use super::play::Play;
use super::rng::Rng;
use super::say::{hl7, intellivue};

impl<W: Write> Play<W> {
    /// Who lies where for how long, over all the days.
    pub(crate) fn admit(&mut self) {
        for who in self.cast.all(|kind| matches!(kind, Kind::Bedside(..))) {
            let pump = matches!(self.cast.devices[who].kind, Kind::Bedside(_, true));
            let mut rng = self.rng(5000, who);
            let mut at = rng.between(0, 12) * HOUR + rng.between(0, 60) * MINUTE;
            let mut stays = Vec::new();
            while at < (self.plan.days + 1) * DAY {
                let minutes = if pump { rng.between(60, 300) } else { rng.between(400, 3600) };
                let mut end = at + minutes * MINUTE;
                while self.is_near_edge(&[at, end]) {
                    at += MINUTE;
                    end += MINUTE;
                }
                stays.push((at, end));
                let pause = if pump { rng.between(40, 400) } else { rng.between(60, 700) };
                at = end + pause * MINUTE;
            }
            self.stays.insert(who, stays);
        }
    }

    /// What a bedside device says on a day.
    pub(crate) fn watch(
        &mut self,
        who: usize,
        values: Values,
        pump: bool,
        (from, to): (u64, u64),
        rng: &mut Rng,
    ) {
        let step = if self.plan.thin { 70 } else { 30 } * SECOND;
        let stays = self.stays.get(&who).cloned().unwrap_or_default();
        for (begin, end) in stays {
            let (begin, end) = (begin.max(from), end.min(to));
            let mut at = begin + rng.between(0, step / SECOND) * SECOND;
            let mut first = true;
            while at < end {
                match values {
                    Values::Intellivue => self.polled(who, at, std::mem::take(&mut first)),
                    Values::Hl7 => self.measured(who, who, pump, at),
                    Values::Gateway => self.through_gateway(who, pump, at),
                }
                at += step + rng.between(0, 3_000) * 1000;
            }
        }
        if values == Values::Gateway {
            // The maker's own protocol, whether a patient is there or not.
            let collector = self.cast.find(|kind| matches!(kind, Kind::Collector));
            let mut at = from;
            while at < to {
                let [end, other] = self.ends(at, who, collector);
                let body = [0x57, 0x44, 1, 0, 0, 0, (at / MINUTE) as u8, 0x11, 0x99, 0x42];
                self.mirror.udp(at, &end, other.ip, (5555, 5555), &body);
                let pause = if self.plan.thin { rng.between(90, 130) } else { rng.between(35, 50) };
                at += pause * SECOND;
            }
        }
        if values == Values::Intellivue {
            self.indications(who, (from, to), rng);
        }
    }

    /// A monitor says to its link who it is, with and without a patient.
    fn indications(&mut self, who: usize, (from, to): (u64, u64), rng: &mut Rng) {
        let mut at = from + rng.between(0, 60) * SECOND;
        while at < to {
            let it = &self.cast.devices[who];
            let body = intellivue::announces(it.mac, &format!("DE{:08}", 41_000 + who));
            let leg = Leg { vlan: it.vlan, from: it.mac, to: BROADCAST, hops: 0 };
            let [a, b, c, _] = it.ip(at).octets();
            let end = End { ip: it.ip(at), ttl: it.ttl(), owner: who, legs: vec![leg] };
            let all = std::net::Ipv4Addr::new(a, b, c, 255);
            self.mirror.udp(at, &end, all, (24005, 24005), &body);
            at += rng.between(110, 150) * SECOND;
        }
    }

    /// The collector asks a Philips monitor for its numbers.
    fn polled(&mut self, who: usize, at: u64, first: bool) {
        let collector = self.cast.find(|kind| matches!(kind, Kind::Collector));
        let ends = self.ends(at, collector, who);
        let ports = (24100 + who as u16, 24105);
        if first {
            let [asks, grants] = intellivue::associates();
            self.mirror.ask(at, &ends, ports, [&asks, &grants]);
            let it = &self.cast.devices[who];
            let said = intellivue::creates(it.mac, &format!("DE{:08}", 41_000 + who));
            let later = at + 900;
            self.mirror.udp(later, &ends[1], ends[0].ip, (ports.1, ports.0), &said);
        }
        let number = (at / SECOND) as u16;
        let [ask, answer] = intellivue::poll(number, 60 + (number % 40) as u8);
        self.mirror.ask(at + 5_000, &ends, ports, [&ask, &answer]);
        if self.sees(at, who, collector) {
            self.traces[who].values.push(at);
        }
    }

    /// HL7 of a device, said by itself or by the gateway.
    fn measured(&mut self, who: usize, speaker: usize, pump: bool, at: u64) {
        let number = self.next();
        let it = &self.cast.devices[who];
        let said = hl7::Bedside {
            application: if speaker == who { "BEDSIDE" } else { "PIIC" },
            code: if pump {
                "69985^MDC_DEV_PUMP_INFUS_MDS"
            } else {
                "69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS"
            },
            maker: if pump { "Fresenius" } else { "Philips" },
            model: if pump { "Agilia" } else { "Efficia" },
            id: &format!("B{:06}", 900 + who),
            mac: it.mac,
        };
        let said = hl7::vitals(&said, number, at);
        let engine = self.cast.find(|kind| matches!(kind, Kind::Engine));
        self.message((speaker, engine, who), at, &said, "R01", number);
        // What the gateway tells of it is its use as much as what it tells itself.
        if self.sees(at, speaker, engine) {
            self.traces[who].values.push(at);
        }
    }

    fn through_gateway(&mut self, who: usize, pump: bool, at: u64) {
        let collector = self.cast.find(|kind| matches!(kind, Kind::Collector));
        self.measured(who, collector, pump, at + 500_000);
    }

    /// Routers answer for those of their VLAN that are off, many of them.
    pub(crate) fn proxies(&mut self, day: u64) {
        let mut rng = self.rng(day, 7777);
        let asker = self.cast.named("ws00").unwrap_or(0);
        let sleeper = self.cast.named("dx-two").unwrap_or(0);
        let proxy = self.cast.find(|kind| matches!(kind, Kind::SleepProxy));
        let core = self.cast.find(|kind| matches!(kind, Kind::Network));
        let off = |all: &[(u64, u64)], at: u64| !all.iter().any(|(a, b)| *a <= at && at < *b);
        let mut at = day * DAY + 4 * MINUTE;
        while at < (day + 1) * DAY {
            let wards: Vec<usize> = (0..self.cast.devices.len())
                .filter(|n| {
                    let it = &self.cast.devices[*n];
                    it.vlan == self.cast.devices[asker].vlan && off(&self.traces[*n].powered, at)
                })
                .collect();
            for who in wards {
                self.answered(asker, who, (core, CORE, CORE), at);
                at += 200_000;
            }
            if off(&self.traces[sleeper].powered, at) {
                let [card, mac] = [proxy, sleeper].map(|n| self.cast.devices[n].mac);
                let asker = self.cast.named("us-late").unwrap_or(core);
                self.answered(asker, sleeper, (proxy, card, mac), at);
            }
            at += rng.between(6, 14) * MINUTE;
        }
        debug_assert!(self.cast.devices[core].vlan == SERVERS);
    }
}
