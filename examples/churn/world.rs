//! The hospital: its VLANs and devices, made from a seed.

use std::net::Ipv4Addr;

use auscult::net::Mac;

use crate::rng::Rng;

/// How the mirror sees a VLAN.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// The core is its gateway: frames are seen as they are sent.
    Direct,
    /// Two routers share the gateway's address (VRRP); frames are seen as they are sent.
    Redundant,
    /// It ends at a distribution router: only what that one hands on is seen.
    Routed,
    /// Nothing leads out of it.
    Isolated,
}

/// What a VLAN is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Sockets in the wall: leases of eight days.
    Wired,
    /// The house's own Wi-Fi: eight hours.
    Wireless,
    /// Patients and visitors: one hour.
    Guest,
}

/// A VLAN with its network.
pub(crate) struct Vlan {
    pub(crate) id: u16,
    pub(crate) sight: Sight,
    pub(crate) purpose: Purpose,
    /// First address of its network.
    base: u32,
    /// The distribution router that it ends at.
    pub(crate) router: usize,
    /// Next address to be set by hand.
    fixed: u32,
}

impl Vlan {
    /// So many places behind the network's own address.
    pub(crate) const fn address(&self, place: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base + place)
    }

    pub(crate) const fn gateway(&self) -> Ipv4Addr {
        self.address(1)
    }

    /// Seconds of a lease.
    pub(crate) const fn lease(&self) -> u64 {
        match self.purpose {
            Purpose::Guest => 3600,
            Purpose::Wireless => 8 * 3600,
            Purpose::Wired => 8 * 86400,
        }
    }

    /// An address for a device that is set by hand: below the pool, which starts at 60.
    fn fix(&mut self) -> Option<Ipv4Addr> {
        self.fixed += 1;
        (self.fixed < 60).then(|| self.address(self.fixed))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pc,
    Notebook,
    Phone,
    Printer,
    Monitor,
    Modality,
    Switch,
    Server,
    /// Translates for those behind it.
    Gateway,
}

/// A way into the network.
pub(crate) struct Card {
    pub(crate) mac: Mac,
    /// Index of the VLAN that it is at home in.
    pub(crate) home: usize,
}

/// How TCP/IP is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    Windows { build: u16 },
    Apple,
    Linux,
}

impl Stack {
    pub(crate) const fn ttl(self) -> u8 {
        if matches!(self, Self::Windows { .. }) { 128 } else { 64 }
    }
}

/// One device and what it is called.
pub(crate) struct Device {
    pub(crate) kind: Kind,
    pub(crate) cards: Vec<Card>,
    pub(crate) stack: Stack,
    pub(crate) maker: &'static str,
    pub(crate) name: String,
    /// Another device has the same name.
    pub(crate) shares_name: bool,
    /// Joined the domain, and has a DNS name there.
    pub(crate) member: bool,
    pub(crate) serial: String,
    /// Set by hand.
    pub(crate) fixed: Option<Ipv4Addr>,
    /// The gateway that translates for it.
    pub(crate) behind: Option<usize>,
    /// In which half of the days it is there, where another of its name is in the other.
    pub(crate) half: Option<Half>,
}

/// One half of all days.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    First,
    Second,
}

/// The house's DNS domain.
pub(crate) const DOMAIN: &str = "klinik.example";

impl Device {
    fn new(kind: Kind, stack: Stack, maker: &'static str) -> Self {
        Self {
            kind,
            cards: Vec::new(),
            stack,
            maker,
            name: String::new(),
            shares_name: false,
            member: false,
            serial: String::new(),
            fixed: None,
            behind: None,
            half: None,
        }
    }

    pub(crate) fn fqdn(&self) -> String {
        if self.member {
            format!("{}.{DOMAIN}", self.name.to_lowercase())
        } else {
            self.name.clone()
        }
    }
}

/// Everything that does not change.
pub(crate) struct World {
    pub(crate) vlans: Vec<Vlan>,
    pub(crate) devices: Vec<Device>,
    /// Index of the servers' VLAN.
    pub(crate) servers: usize,
    /// MACs of the distribution routers; router n is seen in VLAN n + 1.
    pub(crate) routers: Vec<Mac>,
    /// The pair that shares gateways.
    pub(crate) pair: [Mac; 2],
    /// Devices that hold one address at the same time.
    pub(crate) conflicts: Vec<[usize; 2]>,
    /// VLAN in which a router answers ARP for addresses of others.
    pub(crate) proxied: usize,
}

/// Router of the core, in every VLAN that it is the gateway of.
pub(crate) const CORE: Mac = Mac([0x00, 0x1b, 0x54, 0x0c, 0x0e, 0x01]);

/// Device numbers of the servers that others talk to.
pub(crate) const DHCP: usize = 0;
pub(crate) const INTRANET: usize = 1;
pub(crate) const MANAGEMENT: usize = 2;
pub(crate) const PACS: usize = 3;

/// Address blocks: maker and the first three octets.
const PC: &[(&str, [u8; 3])] =
    &[("Dell", [0x00, 0x08, 0x74]), ("HP", [0x3c, 0xd9, 0x2b]), ("Intel", [0x00, 0x1b, 0x77])];
const MONITOR: &[(&str, [u8; 3])] = &[
    ("Philips", [0x00, 0x09, 0xfb]),
    ("Draeger", [0x00, 0x10, 0x5d]),
    ("Mindray", [0x38, 0x0b, 0x26]),
];
const MODALITY: &[(&str, [u8; 3])] =
    &[("GE Medical", [0xa0, 0xf2, 0x17]), ("Philips", [0x00, 0x05, 0x4e])];
const PRINTER: &[(&str, [u8; 3])] = &[("Brother", [0x00, 0x1b, 0xa9]), ("HP", [0x9c, 0xb6, 0x54])];
const SWITCH: &[(&str, [u8; 3])] =
    &[("Cisco", [0x00, 0x1b, 0x54]), ("Juniper", [0x00, 0x05, 0x85])];
const WIRELESS: &[(&str, [u8; 3])] = &[("Intel", [0x00, 0x13, 0xe8])];
const VIRTUAL: &[(&str, [u8; 3])] = &[("VMware", [0x00, 0x0c, 0x29])];
/// Windows 10 22H2, 10 21H2, 11 23H2, 11 24H2.
const BUILDS: &[u16] = &[19045, 19044, 22631, 26100];
/// Names that makers give to every one of them.
const DEFAULT_NAMES: &[&str] = &["iPhone", "iPad", "Galaxy-S21", "Galaxy-A54"];

/// Makes cards whose addresses are not given twice.
struct Cards(u32);

impl Cards {
    fn of(&mut self, rng: &mut Rng, makers: &[(&'static str, [u8; 3])]) -> (&'static str, Mac) {
        let (maker, [a, b, c]) = *rng.one(makers);
        self.0 += 1;
        // Odd, so that every number gives another.
        let [_, d, e, f] = (self.0.wrapping_mul(0x9e_3779) & 0xff_ffff).to_be_bytes();
        (maker, Mac([a, b, c, d, e, f]))
    }

    fn random(&mut self, rng: &mut Rng) -> Mac {
        self.0 += 1;
        let [a, b, c, d, ..] = rng.bits().to_be_bytes();
        let [.., e, f] = self.0.to_be_bytes();
        Mac([a & 0xfc | 2, b, c, d, e, f])
    }
}

impl World {
    /// So many devices in so many VLANs.
    pub(crate) fn new(devices: usize, vlans: u16, rng: &mut Rng) -> Self {
        let transits = (vlans / 10).clamp(1, 16);
        let mut cards = Cards(0);
        let routers = (0..transits).map(|_| cards.of(rng, SWITCH).1).collect();
        let pair = [cards.of(rng, SWITCH).1, cards.of(rng, SWITCH).1];
        let vlans = lay_out(vlans, transits);
        let mut world = Self {
            vlans,
            devices: Vec::new(),
            servers: 0,
            routers,
            pair,
            conflicts: Vec::new(),
            proxied: 0,
        };
        world.proxied = world.all(|v| v.sight == Sight::Direct)[1];
        for n in 0..(devices / 100).max(6) {
            let mut it = Device::new(Kind::Server, Stack::Linux, "");
            if n == MANAGEMENT || n > PACS && rng.percent(50) {
                it.stack = Stack::Windows { build: 20348 };
                it.member = true;
            }
            it.name = format!("SRV{n:04}");
            let home = if n <= PACS { 0 } else { world.anywhere(rng, Purpose::Wired) };
            world.add(it, VIRTUAL, home, 100, rng, &mut cards);
        }
        world.special(devices, rng, &mut cards);
        while world.devices.len() < devices {
            world.ordinary(rng, &mut cards);
        }
        world
    }

    /// The AE title of a device: of most modalities also the name of the station.
    pub(crate) fn ae_title(&self, device: usize) -> String {
        let it = &self.devices[device];
        if it.kind == Kind::Modality && device % 5 < 3 {
            it.name.clone()
        } else {
            format!("AE{device:05}")
        }
    }

    fn all(&self, wanted: impl Fn(&Vlan) -> bool) -> Vec<usize> {
        (1..self.vlans.len()).filter(|at| wanted(&self.vlans[*at])).collect()
    }

    /// A VLAN for this purpose.
    pub(crate) fn anywhere(&self, rng: &mut Rng, purpose: Purpose) -> usize {
        loop {
            let at = 1 + rng.below(self.vlans.len() - 1);
            let vlan = &self.vlans[at];
            if vlan.purpose == purpose && vlan.sight != Sight::Isolated {
                return at;
            }
        }
    }

    /// Adds a device with one card; gives its number.
    fn add(
        &mut self,
        mut it: Device,
        makers: &[(&'static str, [u8; 3])],
        home: usize,
        by_hand: u64,
        rng: &mut Rng,
        cards: &mut Cards,
    ) -> usize {
        let (maker, mac) = cards.of(rng, makers);
        it.maker = maker;
        it.cards.insert(0, Card { mac, home });
        if rng.percent(by_hand) {
            it.fixed = self.vlans[home].fix();
        }
        self.devices.push(it);
        self.devices.len() - 1
    }

    /// Networks that nothing leads out of, translators, machines that are replaced, conflicts.
    fn special(&mut self, devices: usize, rng: &mut Rng, cards: &mut Cards) {
        for home in self.all(|v| v.sight == Sight::Isolated) {
            for n in 0..2 {
                let mut it = Device::new(Kind::Modality, Stack::Linux, "");
                it.name = format!("CON{home:04}{n}");
                it.serial = "12345".to_owned();
                self.add(it, MODALITY, home, 100, rng, cards);
            }
        }
        let seen = self.all(|v| v.sight == Sight::Direct && v.purpose == Purpose::Wired);
        for n in 0..(devices / 1000).max(1) {
            let mut it = Device::new(Kind::Gateway, Stack::Linux, "");
            it.name = format!("LABGW{n}");
            let gateway = self.add(it, PRINTER, *rng.one(&seen), 100, rng, cards);
            for m in 0..4 {
                let mut it = Device::new(Kind::Pc, Stack::Windows { build: 19045 }, "");
                it.name = format!("LAB{n:03}{m}");
                it.behind = Some(gateway);
                self.add(it, PC, self.devices[gateway].cards[0].home, 0, rng, cards);
            }
        }
        // A new machine gets the name of the one that it replaces, in the domain as well.
        for n in 0..(devices / 100).max(2) {
            for (half, build) in [(Half::First, 19045), (Half::Second, 22631)] {
                let mut it = Device::new(Kind::Pc, Stack::Windows { build }, "");
                it.name = format!("OLD{n:04}");
                (it.member, it.shares_name, it.half) = (true, true, Some(half));
                let home = self.anywhere(rng, Purpose::Wired);
                self.add(it, PC, home, 0, rng, cards);
            }
        }
        for n in 0..(devices / 500).max(1) {
            let home = *rng.one(&seen);
            let mut both = [0; 2];
            for (m, one) in both.iter_mut().enumerate() {
                let mut it = Device::new(Kind::Printer, Stack::Linux, "");
                it.name = format!("PRT-C{n:03}{m}");
                *one = self.add(it, PRINTER, home, 100, rng, cards);
            }
            let [a, b] = both;
            if let Some(ip) = self.devices[a].fixed {
                self.devices[b].fixed = Some(ip);
                self.conflicts.push([a, b]);
            }
        }
    }

    fn ordinary(&mut self, rng: &mut Rng, cards: &mut Cards) {
        let n = self.devices.len();
        let windows = Stack::Windows { build: *rng.one(BUILDS) };
        match rng.below(100) {
            0..42 => {
                let mut it = Device::new(Kind::Pc, windows, "");
                it.member = rng.percent(85);
                // Copies of one disk image keep the name of the first, outside any domain.
                it.shares_name = !it.member && rng.percent(20);
                it.name =
                    if it.shares_name { format!("MEDPC{:02}", n % 8) } else { format!("WS{n:05}") };
                let home = self.anywhere(rng, Purpose::Wired);
                self.add(it, PC, home, 0, rng, cards);
            }
            42..52 => {
                let mut it = Device::new(Kind::Notebook, windows, "");
                it.member = true;
                it.name = format!("NB{n:05}");
                let home = self.anywhere(rng, Purpose::Wireless);
                let mac = cards.of(rng, WIRELESS).1;
                it.cards.push(Card { mac, home });
                let home = self.anywhere(rng, Purpose::Wired);
                self.add(it, PC, home, 0, rng, cards);
            }
            52..75 => {
                let apple = rng.percent(50);
                let stack = if apple { Stack::Apple } else { Stack::Linux };
                let mut it = Device::new(Kind::Phone, stack, "");
                it.shares_name = rng.percent(70);
                it.name = if it.shares_name {
                    DEFAULT_NAMES[rng.below(2) + if apple { 0 } else { 2 }].to_owned()
                } else {
                    format!("phone-{n:05}")
                };
                let home = self.anywhere(rng, Purpose::Guest);
                it.cards.push(Card { mac: cards.random(rng), home });
                self.devices.push(it);
            }
            75..83 => {
                let mut it = Device::new(Kind::Printer, Stack::Linux, "");
                it.name = format!("PRT{n:05}");
                let home = self.anywhere(rng, Purpose::Wired);
                self.add(it, PRINTER, home, 30, rng, cards);
            }
            83..92 => {
                let mut it = Device::new(Kind::Monitor, Stack::Linux, "");
                it.shares_name = rng.percent(10);
                it.name = if it.shares_name { "monitor".to_owned() } else { format!("MON{n:05}") };
                it.serial = format!("M{n:06}");
                let home = self.anywhere(rng, Purpose::Wireless);
                self.add(it, MONITOR, home, 0, rng, cards);
            }
            92..97 => {
                let mut it = Device::new(Kind::Modality, windows, "");
                it.name = format!("MOD{n:05}");
                it.serial = match rng.below(10) {
                    0 => "12345".to_owned(),
                    1 => "0000".to_owned(),
                    _ => format!("S{n:06}"),
                };
                let home = self.anywhere(rng, Purpose::Wired);
                self.add(it, MODALITY, home, 60, rng, cards);
            }
            _ => {
                let mut it = Device::new(Kind::Switch, Stack::Linux, "");
                it.name = format!("sw-{n:05}");
                let home = self.anywhere(rng, Purpose::Wired);
                self.add(it, SWITCH, home, 100, rng, cards);
            }
        }
    }
}

/// The servers' VLAN first, then the others; the first ids lead to distribution routers.
fn lay_out(count: u16, transits: u16) -> Vec<Vlan> {
    let access = count - transits - 1;
    let (isolated, guests) = ((access / 50).max(2), (access / 25).max(1));
    let of = |id: u16, sight, purpose, base: u32| Vlan {
        id,
        sight,
        purpose,
        base,
        router: usize::from(id % transits),
        fixed: 9,
    };
    let mut vlans = vec![of(transits + 1, Sight::Direct, Purpose::Wired, 0x0a_ff_00_00)];
    for n in 0..access {
        let id = transits + 2 + n;
        let base = 0x0a_00_00_00 + (u32::from(id) << 8);
        vlans.push(if n < isolated {
            of(id, Sight::Isolated, Purpose::Wired, 0xc0_a8_01_00)
        } else if n < isolated + guests {
            // A /22 each from 172.16.0.0/12 on.
            of(id, Sight::Routed, Purpose::Guest, 0xac_10_00_00 + (u32::from(n - isolated) << 10))
        } else {
            let purpose = if n % 6 == 0 { Purpose::Wireless } else { Purpose::Wired };
            let sight = match n % 5 {
                _ if n == isolated + guests => Sight::Redundant,
                0 | 2 => Sight::Direct,
                _ => Sight::Routed,
            };
            of(id, sight, purpose, base)
        });
    }
    vlans
}
