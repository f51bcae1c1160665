//! How devices come: what their firmware and their networks ask first. And what looks like
//! it and is no start: leases that are renewed, devices that roam or are plugged in again,
//! a sensor that has just begun to see.

use std::io::Write;
use std::net::Ipv4Addr;

use auscult::net::Mac;

use super::cast::{self, Device, EDGE, Kind, OFFICES, Power, SERVERS, TRANSIT};
use super::clock::{DAY, MINUTE, SECOND, is_open, of_day};
use super::dhcp::{self, Dhcp};
use super::frame::{BROADCAST, Leg, arp, ethernet};
use super::mirror::End;
use super::play::{Play, Shows};
use super::say::net;

const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// Who is off for so long was off, for a sensor that counts in minutes: more is certain, less
/// than ten is not.
const CERTAIN: u64 = 13 * MINUTE;
const DOUBTFUL: u64 = 9 * MINUTE;

/// The viewer whose cable is pulled, and when it is plugged in again.
pub(crate) const PULLED: &str = "view-a";
pub(crate) const fn plugged(day: u64) -> (u64, u64) {
    (of_day(day, 10, 40), of_day(day, 10, 46))
}

/// The notebook that roams, and when: the last time half a minute after the sensor of the
/// first day begins to see again.
const ROAMS: &str = "ws01";
fn roams(day: u64) -> [u64; 4] {
    let at = |hour, minute, second| of_day(day, hour, minute) + second * SECOND;
    [at(10, 7, 30), at(10, 31, 0), at(11, 48, 12), at(15, 7, 40)]
}

/// Firmware of every fourth workstation asks the network for a system.
fn loads(it: &Device) -> bool {
    let number = it.name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<u64>();
    let rest = if it.vlan == OFFICES { 1 } else { 2 };
    let sits = matches!(it.kind, Kind::Workstation { .. }) && it.power == Power::Day;
    sits && number.is_ok_and(|n| n % 4 == rest)
}

impl<W: Write> Play<W> {
    /// A device gets power, or had it when the recording began.
    pub(crate) fn comes(&mut self, who: usize, from: u64, at: u64, known: bool) {
        let it = self.cast.devices[who].clone();
        let again = it.name == PULLED && from == plugged(from / DAY).1;
        let is_start = !(from.is_multiple_of(DAY) || again);
        let loads = is_start && loads(&it);
        if is_start {
            let shows = self.shows(who, at, loads);
            self.traces[who].starts.push((at, shows));
        }
        let mut now = at;
        if loads {
            self.asked(who, it.ip(at), (dhcp::DISCOVER, None), now);
            self.asked(who, it.ip(at), (dhcp::DISCOVER, None), now + 4 * SECOND);
            now += 25 * SECOND;
        }
        if it.leased {
            self.lease(who, now, known);
        }
        self.network(who, now + 2 * SECOND);
    }

    /// What the mirror shows of a start.
    fn shows(&self, who: usize, at: u64, loads: bool) -> Shows {
        let it = &self.cast.devices[who];
        let blind = &self.mirror.blind;
        let mirrored = it.vlan != OFFICES;
        if loads && mirrored && blind.sees(it.vlan, at) {
            return Shows::Firmware;
        }
        // Its relay hands it on to the server, whatever of its own VLAN is seen.
        if loads && blind.sees(SERVERS, at) {
            return Shows::Relay;
        }
        if !mirrored {
            return Shows::Nothing;
        }
        // How long it had been off, and could have been seen.
        let earlier = self.traces[who].powered.iter().map(|(_, to)| *to).filter(|to| *to <= at);
        let off = at - earlier.max().unwrap_or(0);
        let seen = (1..=CERTAIN / MINUTE).take_while(|n| blind.sees(it.vlan, at - n * MINUTE));
        let dark = off.min(seen.count() as u64 * MINUTE);
        match asks(it) {
            _ if !blind.sees(it.vlan, at) || dark < DOUBTFUL => Shows::Nothing,
            Asks::Nothing => Shows::Nothing,
            _ if dark < CERTAIN => Shows::Perhaps,
            _ => Shows::Network,
        }
    }

    /// What its network asks when it comes up.
    fn network(&mut self, who: usize, at: u64) {
        let it = self.cast.devices[who].clone();
        let asks = asks(&it);
        if asks == Asks::Nothing || it.vlan == OFFICES {
            return;
        }
        for n in 0..3 {
            let probe = arp(1, (it.mac, NOBODY), (Mac::default(), it.ip(at)));
            self.on_link(who, at + n * SECOND, BROADCAST, &probe);
        }
        let (takes, routers) = net::comes(it.mac);
        for ((to, packet), n) in [takes, routers].into_iter().zip(0..) {
            let leg = Leg { vlan: it.vlan, from: it.mac, to, hops: 0 };
            let frame = ethernet(&leg, 0x86dd, &packet);
            self.mirror.frame(at + 300_000 + n * SECOND, it.vlan, who, frame);
        }
        if asks == Asks::Names {
            let legs = vec![Leg { vlan: it.vlan, from: it.mac, to: BROADCAST, hops: 0 }];
            let own = End { ip: it.ip(at), ttl: it.ttl(), owner: who, legs };
            let [a, b, c, _] = own.ip.octets();
            let said = net::claims(&it.name, own.ip);
            self.mirror.udp(at + 4 * SECOND, &own, Ipv4Addr::new(a, b, c, 255), (137, 137), &said);
        }
    }

    /// What is no start of a day.
    pub(crate) fn no_starts(&mut self, day: u64) {
        if let Some(who) = self.cast.named(ROAMS).filter(|_| is_open(day)) {
            for at in roams(day) {
                if self.is_on(who, at) {
                    self.lease(who, at, true);
                    self.network(who, at + SECOND);
                }
            }
        }
        for who in 0..self.cast.devices.len() {
            for at in [of_day(day, 12, 59), of_day(day, 16, 33)] {
                let at = at + who as u64 * SECOND / 3;
                if self.cast.devices[who].leased && self.is_on(who, at) {
                    self.renew(who, at);
                }
            }
        }
    }

    /// Whether it has had power for a minute.
    fn is_on(&self, who: usize, at: u64) -> bool {
        self.traces[who].powered.iter().any(|(from, to)| from + MINUTE < at && at < *to)
    }

    /// Goes on with its lease (RFC 2131 §4.3.2, RENEWING).
    fn renew(&mut self, who: usize, at: u64) {
        let domain = self.cast.find(|kind| matches!(kind, Kind::Domain));
        let [client, server] = self.ends(at, who, domain);
        let message =
            |kind, yours| Dhcp::new(kind, at as u32, [client.ip, yours, NOBODY], self.mac(who));
        let ask = message(dhcp::REQUEST, NOBODY).done();
        let answer = message(dhcp::ACK, client.ip)
            .option(54, &server.ip.octets())
            .option(51, &(8 * 86_400_u32).to_be_bytes())
            .done();
        let (to, from) = (server.ip, client.ip);
        self.mirror.udp(at, &client, to, (68, 67), &ask);
        self.mirror.udp(at + 900, &server, from, (67, 68), &answer);
    }

    /// Gives its address back.
    pub(crate) fn release(&mut self, who: usize, at: u64) {
        let domain = self.cast.find(|kind| matches!(kind, Kind::Domain));
        let [client, server] = self.ends(at, who, domain);
        let body = Dhcp::new(dhcp::RELEASE, at as u32, [client.ip, NOBODY, NOBODY], self.mac(who))
            .option(54, &server.ip.octets())
            .done();
        self.mirror.udp(at, &client, server.ip, (68, 67), &body);
    }

    fn mac(&self, who: usize) -> Mac {
        self.cast.devices[who].mac
    }

    /// Gets or keeps its address: through the relay, which is the router of its VLAN.
    pub(crate) fn lease(&mut self, who: usize, at: u64, known: bool) {
        let it = self.cast.devices[who].clone();
        let ip = it.ip(at + SECOND);
        let said: &[(u8, u8)] = if known {
            &[(dhcp::REQUEST, dhcp::ACK)]
        } else {
            &[(dhcp::DISCOVER, dhcp::OFFER), (dhcp::REQUEST, dhcp::ACK)]
        };
        for ((ask, answer), n) in said.iter().zip(0..) {
            self.asked(who, ip, (*ask, Some(*answer)), at + n * 4_000);
        }
    }

    /// One message and its answer; without an answer it is firmware that asks.
    fn asked(&mut self, who: usize, ip: Ipv4Addr, (ask, answer): (u8, Option<u8>), at: u64) {
        let it = self.cast.devices[who].clone();
        let domain = self.cast.find(|kind| matches!(kind, Kind::Domain));
        let (server, relay) = (self.cast.devices[domain].clone(), cast::gateway(it.vlan));
        let address = server.ip(at);
        let router = usize::from(it.vlan == OFFICES);
        let wanted = ip.octets();
        let message = |kind: u8, relay: Ipv4Addr, yours: Ipv4Addr| {
            let body = Dhcp::new(kind, at as u32, [NOBODY, yours, relay], it.mac);
            let body = match kind {
                dhcp::OFFER | dhcp::ACK => body
                    .option(54, &address.octets())
                    .option(51, &(8 * 86_400_u32).to_be_bytes())
                    .option(1, &[255, 255, 255, 0])
                    .option(3, &cast::gateway(it.vlan).octets()),
                _ if answer.is_none() => body
                    .option(60, b"PXEClient:Arch:00007:UNDI:003016")
                    .option(93, &[0, 7])
                    .option(94, &[1, 3, 16])
                    .option(97, &[&[0], &it.mac.0[..], &[7; 10]].concat()),
                _ => body
                    .option(61, &[&[1], &it.mac.0[..]].concat())
                    .option(50, if kind == dhcp::REQUEST { &wanted } else { &[] })
                    .option(12, it.name.as_bytes())
                    .option(60, if it.windows { b"MSFT 5.0" } else { b"" })
                    .option(55, if it.windows { WINDOWS } else { &[1, 3, 6, 12, 15] }),
            };
            body.done()
        };
        let leg = |vlan, from, to, hops| Leg { vlan, from, to, hops };
        let own = End {
            ip: NOBODY,
            ttl: it.ttl(),
            owner: who,
            legs: vec![leg(it.vlan, it.mac, BROADCAST, 0)],
        };
        let (core, dc) = (cast::CORE, server.mac);
        let (out, back) = match it.vlan {
            OFFICES => (
                vec![leg(TRANSIT, EDGE, core, 0), leg(SERVERS, core, dc, 1)],
                vec![leg(SERVERS, dc, core, 0), leg(TRANSIT, core, EDGE, 1)],
            ),
            _ => (vec![leg(SERVERS, core, dc, 0)], vec![leg(SERVERS, dc, core, 0)]),
        };
        if it.vlan != OFFICES {
            let body = message(ask, NOBODY, NOBODY);
            self.mirror.udp(at, &own, Ipv4Addr::BROADCAST, (68, 67), &body);
        }
        let end = |ip, owner, legs| End { ip, ttl: 64, owner, legs };
        let to_server = end(relay, router, out);
        self.mirror.udp(at + 40, &to_server, address, (67, 67), &message(ask, relay, NOBODY));
        let Some(answer) = answer else { return };
        let to_relay = end(address, domain, back);
        self.mirror.udp(at + 900, &to_relay, relay, (67, 67), &message(answer, relay, ip));
        if it.vlan != OFFICES {
            let to_client = end(relay, router, vec![leg(it.vlan, core, it.mac, 0)]);
            self.mirror.udp(at + 950, &to_client, ip, (67, 68), &message(answer, relay, ip));
        }
    }
}

/// Parameters that Windows asks for.
const WINDOWS: &[u8] = &[1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252];

/// What a device asks beside its lease when its network comes up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// A Windows: whether its addresses and its names are free, and for routers.
    Names,
    /// The same without names.
    Addresses,
    /// It only says which address it has.
    Nothing,
}

fn asks(it: &Device) -> Asks {
    match it.kind {
        _ if it.windows => Asks::Names,
        Kind::Modality(_) => Asks::Addresses,
        _ => Asks::Nothing,
    }
}
