//! What a device says, and the way of its packets past the mirror.

use std::io::Write;
use std::net::Ipv4Addr;

use auscult::net::Mac;

use crate::frame::{BROADCAST, Leg, Packet, arp, checksum, ethernet};
use crate::lease::Client;
use crate::message::{self, Machine};
use crate::mirror::End;
use crate::play::Play;
use crate::world::{CORE, INTRANET, Kind, MANAGEMENT, PACS, Sight, Stack};

/// From one message of a device to its next.
const PAUSE: u64 = 50_000;
/// The address that two routers share (RFC 9568 §7.3).
const SHARED: Mac = Mac([0, 0, 0x5e, 0, 1, 1]);
pub(crate) const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

pub(crate) const fn leg(vlan: u16, from: Mac, to: Mac, hops: u8) -> Leg {
    Leg { vlan, from, to, hops }
}

impl<W: Write> Play<W> {
    pub(crate) fn server(&self, number: usize) -> (Mac, Ipv4Addr) {
        let it = &self.world.devices[number];
        (it.cards[0].mac, it.fixed.unwrap_or(NOBODY))
    }

    /// Where packets of a VLAN pass on their way to the core: its transit VLAN and router.
    pub(crate) fn edge(&self, vlan: usize) -> Option<(u16, Mac)> {
        let it = &self.world.vlans[vlan];
        match it.sight {
            Sight::Routed => Some((it.router as u16 + 1, self.world.routers[it.router])),
            Sight::Redundant => Some((1, self.world.pair[0])),
            Sight::Direct | Sight::Isolated => None,
        }
    }

    /// From a card in a VLAN to a server, and back.
    pub(crate) fn ways(&self, card: Mac, vlan: usize, server: Mac) -> [Vec<Leg>; 2] {
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
    pub(crate) fn ends(&self, who: Client, number: usize) -> Option<[End; 2]> {
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
        let agent = format!("HTTPClient/1.0 (unit {})", who.0);
        let lines = [
            (true, message::get("/status", "intranet.klinik.example", &agent, "")),
            (false, message::answer("200 OK", &format!("HTTPServer/1.0 (unit {INTRANET})"), "")),
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
        let lines = [(true, get), (false, message::answer("200 OK", "nginx/1.22.1", ""))];
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
        let (title, called) = (self.world.ae_title(who.0), self.world.ae_title(PACS));
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
