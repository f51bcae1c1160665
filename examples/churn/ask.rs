//! How a device gets, keeps and gives back its address: DHCP through relays.

use std::io::Write;
use std::net::Ipv4Addr;

use crate::dhcp::{self, Dhcp};
use crate::frame::BROADCAST;
use crate::lease::Client;
use crate::message::fqdn_option;
use crate::mirror::End;
use crate::play::Play;
use crate::talk::{NOBODY, leg};
use crate::world::{CORE, DHCP, Kind, Purpose, Sight, Stack};

const EVERYBODY: Ipv4Addr = Ipv4Addr::BROADCAST;

impl<W: Write> Play<W> {
    /// A message of a client with the options of its system.
    fn request(
        &mut self,
        who: Client,
        vlan: usize,
        kind: u8,
        asked: Ipv4Addr,
        current: Ipv4Addr,
    ) -> Vec<u8> {
        let it = &self.world.devices[who.0];
        let mac = it.cards[who.1].mac;
        let network = &self.world.vlans[vlan];
        let relayed = current.is_unspecified();
        let relay = if relayed { network.gateway() } else { NOBODY };
        let (list, class): (&[u8], &str) = match it.stack {
            Stack::Windows { .. } => {
                (&[1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252], "MSFT 5.0")
            }
            Stack::Apple => (&[1, 121, 3, 6, 15, 108, 114, 119, 252], ""),
            Stack::Linux if it.kind == Kind::Phone => {
                (&[1, 3, 6, 15, 26, 28, 51, 58, 59, 43, 114, 108], "android-dhcp-13")
            }
            Stack::Linux => (&[1, 3, 6, 12, 15, 28, 42], "udhcp 1.30.1"),
        };
        let xid = (self.clock / 1000) as u32 ^ who.0 as u32;
        let wanted = if asked.is_unspecified() { vec![] } else { asked.octets().to_vec() };
        let windows = matches!(it.stack, Stack::Windows { .. });
        let full = if windows { fqdn_option(&it.fqdn()) } else { Vec::new() };
        let mut body = Dhcp::new(kind, xid, [current, NOBODY, relay], mac)
            .option(61, &[&[1], &mac.0[..]].concat())
            .option(50, &wanted)
            .option(12, it.name.as_bytes())
            .option(81, &full)
            .option(60, class.as_bytes())
            .option(55, list);
        if relayed && network.purpose == Purpose::Wired {
            body = body.option(82, &circuit(network.id, who.0));
        }
        let shown = &mut self.shown[who.0];
        shown.name = true;
        shown.fqdn |= windows && self.world.devices[who.0].member;
        shown.cards[who.1] = true;
        body.done()
    }

    /// Client to server through the relay; the client's own broadcast where it is seen.
    fn relayed(&mut self, after: u64, who: Client, vlan: usize, body: &[u8]) {
        let it = &self.world.devices[who.0];
        let (mac, stack) = (it.cards[who.1].mac, it.stack);
        let network = &self.world.vlans[vlan];
        let (id, gateway, seen) = (network.id, network.gateway(), network.sight != Sight::Routed);
        let at = self.clock + after;
        if seen {
            let mut own = body.to_vec();
            // Without what the relay adds: hops and its address; its option goes to the server alone.
            own[3] = 0;
            own[24..28].fill(0);
            let own = without_relay(own);
            let end = End { ip: NOBODY, stack, legs: vec![leg(id, mac, BROADCAST, 0)] };
            self.mirror.udp(at, &end, EVERYBODY, (68, 67), &own);
        }
        let (server, address) = self.server(DHCP);
        let inside = self.world.vlans[self.world.servers].id;
        let legs = match self.edge(vlan) {
            Some((transit, router)) => {
                vec![leg(transit, router, CORE, 0), leg(inside, CORE, server, 1)]
            }
            None => vec![leg(inside, CORE, server, 0)],
        };
        let relay = End { ip: gateway, stack: Stack::Linux, legs };
        self.mirror.udp(at + 20, &relay, address, (67, 67), body);
    }

    /// The server's answer, to the relay or, when renewing, to the client itself.
    fn answered(
        &mut self,
        after: u64,
        who: Client,
        kind: u8,
        request: &[u8],
        ip: Ipv4Addr,
        direct: bool,
    ) {
        let now = self.now[who.0][who.1];
        let mac = self.world.devices[who.0].cards[who.1].mac;
        let network = &self.world.vlans[now.vlan];
        let (id, gateway, lease) = (network.id, network.gateway(), network.lease() as u32);
        let (relayed, wired) = (!direct, network.purpose == Purpose::Wired);
        let seen = network.sight != Sight::Routed;
        let (server, address) = self.server(DHCP);
        let xid = u32::from_be_bytes([request[4], request[5], request[6], request[7]]);
        let relay = if direct { NOBODY } else { gateway };
        let mut body = Dhcp::new(kind, xid, [if direct { ip } else { NOBODY }, ip, relay], mac)
            .option(54, &address.octets())
            .option(51, &lease.to_be_bytes())
            .option(1, &[255, 255, 255, 0])
            .option(3, &gateway.octets());
        if relayed && wired {
            body = body.option(82, &circuit(id, who.0));
        }
        let body = body.done();
        let at = self.clock + after;
        if direct {
            let [_, legs] = self.ways(mac, now.vlan, server);
            let end = End { ip: address, stack: Stack::Linux, legs };
            self.mirror.udp(at, &end, ip, (67, 68), &body);
        } else {
            let inside = self.world.vlans[self.world.servers].id;
            let mut legs = vec![leg(inside, server, CORE, 0)];
            let edge = self.edge(now.vlan);
            legs.extend(edge.map(|(transit, router)| leg(transit, CORE, router, 1)));
            let end = End { ip: address, stack: Stack::Linux, legs };
            self.mirror.udp(at, &end, gateway, (67, 67), &body);
            if seen {
                let from = edge.map_or(CORE, |(_, router)| router);
                let legs = vec![leg(id, from, mac, 0)];
                let end = End { ip: gateway, stack: Stack::Linux, legs };
                self.mirror.udp(at + 30, &end, ip, (67, 68), &without_relay(body));
            }
        }
    }

    /// Asks for an address where none is left.
    pub(crate) fn discover(&mut self, who: Client, vlan: usize) {
        let body = self.request(who, vlan, dhcp::DISCOVER, NOBODY, NOBODY);
        self.relayed(0, who, vlan, &body);
    }

    /// Gets the address that it has from now on; the short way where it was still its own.
    pub(crate) fn lease(&mut self, who: Client, held: bool) {
        let now = self.now[who.0][who.1];
        let Some(ip) = now.ip else { return };
        if !held {
            let body = self.request(who, now.vlan, dhcp::DISCOVER, NOBODY, NOBODY);
            self.relayed(0, who, now.vlan, &body);
            self.answered(1000, who, dhcp::OFFER, &body, ip, false);
        }
        let body = self.request(who, now.vlan, dhcp::REQUEST, ip, NOBODY);
        self.relayed(2000, who, now.vlan, &body);
        self.answered(3000, who, dhcp::ACK, &body, ip, false);
        self.bound(who);
    }

    /// Keeps its address, from client to server and back without the relay.
    pub(crate) fn renewed(&mut self, who: Client) {
        let now = self.now[who.0][who.1];
        let Some(ip) = now.ip else { return };
        let body = self.request(who, now.vlan, dhcp::REQUEST, NOBODY, ip);
        let Some([client, server]) = self.ends(who, DHCP) else { return };
        self.mirror.udp(self.clock, &client, server.ip, (68, 67), &body);
        self.answered(1000, who, dhcp::ACK, &body, ip, true);
        self.bound(who);
    }

    /// Gives its address back.
    pub(crate) fn released(&mut self, who: Client) {
        let now = self.now[who.0][who.1];
        let Some(ip) = now.ip else { return };
        let mac = self.world.devices[who.0].cards[who.1].mac;
        let Some([client, server]) = self.ends(who, DHCP) else { return };
        let xid = (self.clock / 1000) as u32;
        let body = Dhcp::new(dhcp::RELEASE, xid, [ip, NOBODY, NOBODY], mac)
            .option(54, &server.ip.octets())
            .option(61, &[&[1], &mac.0[..]].concat())
            .done();
        self.mirror.udp(self.clock, &client, server.ip, (68, 67), &body);
    }
}

/// Relay agent information (RFC 3046): VLAN and port, and the switch.
fn circuit(vlan: u16, device: usize) -> Vec<u8> {
    let [high, low] = vlan.to_be_bytes();
    let port = (device % 48 + 1) as u8;
    vec![1, 6, 0, 4, high, low, 1, port, 2, 8, 0, 6, 0x00, 0x05, 0x85, 0x77, high, low]
}

/// As it is on the client's link: option 82 is for the server alone (RFC 3046 §2.1).
fn without_relay(mut body: Vec<u8>) -> Vec<u8> {
    let mut at = 240;
    while let (Some(&code), Some(&len)) = (body.get(at), body.get(at + 1)) {
        let end = at + 2 + usize::from(len);
        match code {
            255 => break,
            82 => {
                body.drain(at..end);
                body.resize(body.len().max(300), 0);
            }
            _ => at = end,
        }
    }
    body
}
