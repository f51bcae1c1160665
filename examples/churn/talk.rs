//! What a device says, and the way of its packets past the mirror.

use std::io::Write;
use std::net::Ipv4Addr;

use auscult::net::Mac;

use crate::frame::{BROADCAST, Leg, Packet, arp, checksum, ethernet};
use crate::lease::Client;
use crate::message::{self, Dhcp, Machine, dhcp};
use crate::mirror::End;
use crate::play::Play;
use crate::world::{CORE, DHCP, INTRANET, Kind, MANAGEMENT, PACS, Purpose, Sight, Stack};

/// From one message of a device to its next.
const PAUSE: u64 = 50_000;
/// The address that two routers share (RFC 9568 §7.3).
const SHARED: Mac = Mac([0, 0, 0x5e, 0, 1, 1]);
const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
const EVERYBODY: Ipv4Addr = Ipv4Addr::BROADCAST;

const fn leg(vlan: u16, from: Mac, to: Mac, hops: u8) -> Leg {
    Leg { vlan, from, to, hops }
}

impl<W: Write> Play<W> {
    fn server(&self, number: usize) -> (Mac, Ipv4Addr) {
        let it = &self.world.devices[number];
        (it.cards[0].mac, it.fixed.unwrap_or(NOBODY))
    }

    /// Where packets of a VLAN pass on their way to the core: its transit VLAN and router.
    fn edge(&self, vlan: usize) -> Option<(u16, Mac)> {
        let it = &self.world.vlans[vlan];
        match it.sight {
            Sight::Routed => Some((it.router as u16 + 1, self.world.routers[it.router])),
            Sight::Redundant => Some((1, self.world.pair[0])),
            Sight::Direct | Sight::Isolated => None,
        }
    }

    /// From a card in a VLAN to a server, and back.
    fn ways(&self, card: Mac, vlan: usize, server: Mac) -> [Vec<Leg>; 2] {
        let here = self.world.vlans[vlan].id;
        let inside = self.world.vlans[self.world.servers].id;
        if vlan == self.world.servers {
            return [vec![leg(here, card, server, 0)], vec![leg(here, server, card, 0)]];
        }
        let mut out = Vec::new();
        let mut back = vec![leg(inside, server, CORE, 0)];
        match (self.world.vlans[vlan].sight, self.edge(vlan)) {
            (sight, Some((transit, router))) => {
                if sight == Sight::Redundant {
                    out.push(leg(here, card, SHARED, 0));
                }
                out.extend([leg(transit, router, CORE, 1), leg(inside, CORE, server, 2)]);
                back.push(leg(transit, CORE, router, 1));
                if sight == Sight::Redundant {
                    back.push(leg(here, router, card, 2));
                }
            }
            (_, None) => {
                out.extend([leg(here, card, CORE, 0), leg(inside, CORE, server, 1)]);
                back.push(leg(here, CORE, card, 1));
            }
        }
        [out, back]
    }

    /// Device and server as ends of a conversation.
    fn ends(&self, who: Client, number: usize) -> Option<[End; 2]> {
        let behind = self.world.devices[who.0].behind;
        let (device, card) = behind.map_or(who, |gateway| (gateway, 0));
        let now = self.now[device][card];
        let (server, address) = self.server(number);
        if self.world.vlans[now.vlan].sight == Sight::Isolated {
            return None;
        }
        let [mut out, back] =
            self.ways(self.world.devices[device].cards[card].mac, now.vlan, server);
        for leg in &mut out {
            leg.hops += u8::from(behind.is_some());
        }
        let stack = self.world.devices[who.0].stack;
        let client = End { ip: now.ip?, stack, legs: out };
        let stack = self.world.devices[number].stack;
        Some([client, End { ip: address, stack, legs: back }])
    }

    /// Whether frames of this card are seen as it sends them.
    fn is_seen(&self, (device, card): Client) -> bool {
        self.world.vlans[self.now[device][card].vlan].sight != Sight::Routed
    }

    /// A conversation with a server.
    fn converse(
        &mut self,
        who: Client,
        after: u64,
        server: usize,
        port: u16,
        lines: &[(bool, Vec<u8>)],
    ) {
        let Some([client, server]) = self.ends(who, server) else { return };
        let at = self.clock + after;
        self.mirror.tcp(at, &mut self.rng, [&client, &server], port, lines);
        if self.world.devices[who.0].behind.is_none() && self.is_seen(who) {
            self.bound(who);
        }
    }

    /// The request that says which device this is.
    pub(crate) fn token(&mut self, who: Client) {
        if self.ends(who, INTRANET).is_none() {
            return;
        }
        self.shown[who.0].token = true;
        let agent = format!("WardClient/1.0 (unit {})", who.0);
        let lines = [
            (true, message::get("/status", "intranet.klinik.example", &agent, "")),
            (false, message::answer("200 OK", &format!("WardServer/1.0 (unit {INTRANET})"), "")),
        ];
        self.converse(who, 0, INTRANET, 80, &lines);
    }

    /// Says something of itself.
    pub(crate) fn speak(&mut self, who: Client) {
        if self.is_seen(who) {
            self.ask_neighbour(who);
        }
        self.token(who);
        let it = &self.world.devices[who.0];
        match (it.kind, it.stack) {
            (Kind::Modality, _) if self.world.vlans[it.cards[0].home].sight != Sight::Isolated => {
                self.send_image(who);
            }
            (Kind::Pc | Kind::Notebook | Kind::Server, Stack::Windows { build }) => {
                if self.rng.percent(40) {
                    self.log_on(who, build);
                } else if it.member && who.0 != MANAGEMENT && self.rng.percent(30) {
                    self.be_managed(who, build);
                }
            }
            (Kind::Phone, stack) if self.rng.percent(60) => {
                let agent = if stack == Stack::Apple {
                    "CaptiveNetworkSupport-443.120.2 wispr"
                } else {
                    "Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B Build/TP1A.220624.014)"
                };
                let get = message::get("/portal", "portal.klinik.example", agent, "");
                let lines = [(true, get), (false, message::answer("204 No Content", "portal", ""))];
                self.converse(who, PAUSE, INTRANET, 80, &lines);
            }
            _ => {}
        }
    }

    /// A web logon that names the workstation.
    fn log_on(&mut self, who: Client, build: u16) {
        let it = &self.world.devices[who.0];
        let token = message::ntlm_authenticate(&it.name.to_uppercase(), build);
        let more = format!("Authorization: NTLM {token}\r\n");
        let get = message::get("/rota", "intranet.klinik.example", "Mozilla/4.0", &more);
        let lines = [(true, get), (false, message::answer("200 OK", "Microsoft-IIS/10.0", ""))];
        self.shown[who.0].name = true;
        self.shown[who.0].build = true;
        self.converse(who, PAUSE, INTRANET, 80, &lines);
    }

    /// The management server asks the device, which says its names.
    fn be_managed(&mut self, who: Client, build: u16) {
        let it = &self.world.devices[who.0];
        let name = it.name.to_uppercase();
        let challenge = message::ntlm_challenge(&name, "KLINIK", &it.fqdn(), build);
        let more = format!("Authorization: Negotiate {}\r\n", message::ntlm_negotiate(20348));
        let get = message::get("/wsman", "device", "Microsoft WinRM Client", &more);
        let more = format!("WWW-Authenticate: Negotiate {challenge}\r\n");
        let answer = message::answer("401 Unauthorized", "Microsoft-HTTPAPI/2.0", &more);
        let Some([device, server]) = self.ends(who, MANAGEMENT) else { return };
        let lines = [(true, get), (false, answer)];
        let shown = &mut self.shown[who.0];
        (shown.name, shown.fqdn, shown.build) = (true, true, true);
        let at = self.clock + PAUSE;
        self.mirror.tcp(at, &mut self.rng, [&server, &device], 5985, &lines);
    }

    /// A modality sends an image to the archive.
    fn send_image(&mut self, who: Client) {
        let it = &self.world.devices[who.0];
        let (title, called) = (ae_title(who.0), ae_title(PACS));
        let uid = format!("1.2.826.0.1.3680043.9.9.{}.{}", who.0, self.clock);
        let machine = Machine {
            modality: modality(who.0),
            maker: maker(it.maker),
            model: model(it.maker),
            station: &it.name,
            serial: &it.serial,
            software: "4.1",
        };
        let lines = [
            (true, message::associate(1, &called, &title)),
            (false, message::associate(2, &called, &title)),
            (true, message::store(&uid, &machine)),
            (false, message::stored(&uid)),
            (true, message::release(5)),
            (false, message::release(6)),
        ];
        self.shown[who.0].images = true;
        self.converse(who, 2 * PAUSE, PACS, 104, &lines);
    }

    /// Who holds an address on the link: frames that routers do not hand on.
    fn ask_neighbour(&mut self, who: Client) {
        let now = self.now[who.0][who.1];
        let Some(ip) = now.ip else { return };
        let vlan = &self.world.vlans[now.vlan];
        let (mac, gateway, id, sight) =
            (self.world.devices[who.0].cards[who.1].mac, vlan.gateway(), vlan.id, vlan.sight);
        let ask = arp(1, (mac, ip), (Mac::default(), gateway));
        self.mirror.frame(self.clock, ethernet(&leg(id, mac, BROADCAST, 0), 0x0806, &ask));
        let router = if sight == Sight::Redundant { SHARED } else { CORE };
        if sight != Sight::Isolated && now.vlan != self.world.servers {
            let answer = arp(2, (router, gateway), (mac, ip));
            let frame = ethernet(&leg(id, router, mac, 0), 0x0806, &answer);
            self.mirror.frame(self.clock + 90, frame);
        }
        self.bound(who);
    }

    /// Says its name to the link, as systems do when they come.
    pub(crate) fn announce(&mut self, who: Client) {
        self.ask_neighbour(who);
        let now = self.now[who.0][who.1];
        let Some(ip) = now.ip else { return };
        let it = &self.world.devices[who.0];
        let (card, id) = (it.cards[who.1].mac, self.world.vlans[now.vlan].id);
        let at = self.clock + PAUSE / 5;
        let stack = it.stack;
        if matches!(stack, Stack::Windows { .. }) {
            let body = message::nbns(at as u16, &it.name, ip);
            let end = End { ip, stack, legs: vec![leg(id, card, BROADCAST, 0)] };
            let [a, b, c, _] = ip.octets();
            self.mirror.udp(at, &end, Ipv4Addr::new(a, b, c, 255), (137, 137), &body);
        } else {
            let group = Mac([1, 0, 0x5e, 0, 0, 0xfb]);
            let body = message::mdns(&it.name, ip);
            let end = End { ip, stack, legs: vec![leg(id, card, group, 0)] };
            self.mirror.udp(at, &end, Ipv4Addr::new(224, 0, 0, 251), (5353, 5353), &body);
        }
        self.shown[who.0].name = true;
    }

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
        let full = if windows { message::fqdn_option(&it.fqdn()) } else { Vec::new() };
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

    /// VRRP advertisement (RFC 9568 §5.1, version 2's form for IPv4) of the one on duty.
    pub(crate) fn duty(&mut self) {
        let Some(vlan) = self.world.vlans.iter().find(|v| v.sight == Sight::Redundant) else {
            return;
        };
        let mut body = vec![0x21, 1, 200, 1, 0, 1, 0, 0];
        body.extend(vlan.gateway().octets());
        body.extend([0; 8]);
        let sum = checksum(&[&body]).to_be_bytes();
        body[6..8].copy_from_slice(&sum);
        let (own, group) = (vlan.address(2), Ipv4Addr::new(224, 0, 0, 18));
        let packet = Packet::new((own, group), (112, 255, self.clock as u16), &body);
        let way = leg(vlan.id, SHARED, Mac([1, 0, 0x5e, 0, 0, 0x12]), 0);
        let (id, addresses) = (vlan.id, [own, vlan.address(3)]);
        self.mirror.packet(self.clock, &packet, &[way]);
        for (mac, ip) in self.world.pair.into_iter().zip(addresses) {
            let ask = arp(1, (mac, ip), (Mac::default(), addresses[0]));
            let frame = ethernet(&leg(id, mac, BROADCAST, 0), 0x0806, &ask);
            self.mirror.frame(self.clock + 100, frame);
        }
    }

    /// A router answers for addresses that are somewhere else (RFC 1027).
    pub(crate) fn proxy(&mut self) {
        let vlan = &self.world.vlans[self.world.proxied];
        let (id, asker) = (vlan.id, vlan.address(250));
        let card = Mac([0x00, 0x08, 0x74, 0, 0, 1]);
        for _ in 0..3 {
            let device = self.rng.below(self.now.len());
            let now = self.now[device][0];
            let Some(ip) = now.ip.filter(|_| now.vlan != self.world.proxied) else { continue };
            let answer = arp(2, (CORE, ip), (card, asker));
            self.mirror.frame(self.clock, ethernet(&leg(id, CORE, card, 0), 0x0806, &answer));
        }
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

/// The AE title of a device.
pub(crate) fn ae_title(device: usize) -> String {
    format!("AE{device:05}")
}

/// What an imaging device makes.
pub(crate) const fn modality(device: usize) -> &'static str {
    match device % 3 {
        0 => "CT",
        1 => "MR",
        _ => "US",
    }
}

/// As images spell the maker of a card's block.
pub(crate) fn maker(block: &str) -> &'static str {
    if block == "Philips" { "Philips Medical Systems" } else { "GE MEDICAL SYSTEMS" }
}

fn model(block: &str) -> &'static str {
    if block == "Philips" { "Ingenia" } else { "Revolution EVO" }
}
