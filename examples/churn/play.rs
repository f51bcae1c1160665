//! The days of the hospital: who comes, goes, renews and speaks, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::net::Ipv4Addr;

use crate::lease::{Client, Pool};
use crate::mirror::{Mirror, SECOND};
use crate::rng::Rng;
use crate::world::{Half, Kind, Purpose, Sight, Vlan, World};

const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A time in which a card had an address.
pub(crate) struct Tenure {
    pub(crate) vlan: u16,
    pub(crate) ip: Ipv4Addr,
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// When the mirror first saw that the address is this card's.
    pub(crate) bound: Option<u64>,
}

/// What a device has shown of itself.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) tenures: Vec<Tenure>,
    /// Its own token stands in a request.
    pub(crate) token: bool,
    pub(crate) name: bool,
    pub(crate) fqdn: bool,
    pub(crate) build: bool,
    pub(crate) images: bool,
    /// Its card's address is in the capture.
    pub(crate) cards: Vec<bool>,
}

/// A card as it is now.
#[derive(Clone, Copy, Default)]
pub(crate) struct Now {
    pub(crate) vlan: usize,
    pub(crate) ip: Option<Ipv4Addr>,
    /// Grows with every coming and going, so that old plans lapse.
    epoch: u32,
    tenure: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// Was there before the capture began.
    Here,
    Up(usize),
    Down,
    Renew(u32),
    Act(u32),
    Day,
    /// The routers that share a gateway say who is on duty.
    Duty,
    /// A router answers for addresses of others.
    Proxy,
}

/// The simulation.
pub(crate) struct Play<W> {
    pub(crate) world: World,
    pub(crate) rng: Rng,
    pub(crate) mirror: Mirror<W>,
    pub(crate) shown: Vec<Shown>,
    pub(crate) now: Vec<Vec<Now>>,
    pools: Vec<Pool>,
    plans: BinaryHeap<Reverse<(u64, u64, Client, What)>>,
    planned: u64,
    end: u64,
    /// Time of the event under way.
    pub(crate) clock: u64,
}

impl<W: Write> Play<W> {
    pub(crate) fn new(world: World, rng: Rng, out: W, days: u64) -> io::Result<Self> {
        let mut homes = vec![0_u32; world.vlans.len()];
        for card in world.devices.iter().flat_map(|it| &it.cards) {
            homes[card.home] += 1;
        }
        let size = |vlan: &Vlan, homes: u32| match vlan.purpose {
            // Fewer than there are devices: addresses must change hands.
            Purpose::Guest => (homes / 4 + 4).min(900),
            Purpose::Wireless => (homes * 3 / 4 + 4).min(190),
            Purpose::Wired => (homes + 2).min(190),
        };
        let pools = world.vlans.iter().zip(homes).map(|(v, n)| Pool::new(size(v, n))).collect();
        let shown = |n: usize| Shown { cards: vec![false; n], ..Shown::default() };
        let mut play = Self {
            shown: world.devices.iter().map(|it| shown(it.cards.len())).collect(),
            now: world.devices.iter().map(|it| vec![Now::default(); it.cards.len()]).collect(),
            world,
            rng,
            mirror: Mirror::new(out)?,
            pools,
            plans: BinaryHeap::new(),
            planned: 0,
            end: days * DAY,
            clock: 0,
        };
        for device in 0..play.world.devices.len() {
            play.plan(play.clock, (device, 0), What::Here);
            play.plan(MINUTE, (device, 0), What::Day);
        }
        play.plan(HOUR, (0, 0), What::Duty);
        play.plan(HOUR, (0, 0), What::Proxy);
        Ok(play)
    }

    fn plan(&mut self, at: u64, who: Client, what: What) {
        if at < self.end {
            self.planned += 1;
            self.plans.push(Reverse((at, self.planned, who, what)));
        }
    }

    /// Plays to the end.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        while let Some(Reverse((at, _, who, what))) = self.plans.pop() {
            self.clock = at;
            self.mirror.flush(at)?;
            let current = |epoch: u32| self.now[who.0][who.1].epoch == epoch;
            match what {
                What::Here => self.here(who),
                What::Day => self.day(who.0),
                What::Up(vlan) => self.up(who, vlan),
                What::Down => self.down(who),
                What::Renew(epoch) if current(epoch) => self.renew(who),
                What::Act(epoch) if current(epoch) => self.act(who),
                What::Duty => {
                    self.duty();
                    self.plan(at + 10 * MINUTE, who, what);
                }
                What::Proxy => {
                    self.proxy();
                    self.plan(at + 20 * MINUTE, who, what);
                }
                What::Renew(_) | What::Act(_) => {}
            }
        }
        for (device, cards) in self.now.iter().enumerate() {
            for now in cards.iter().filter(|now| now.ip.is_some()) {
                self.shown[device].tenures[now.tenure].to = self.end;
            }
        }
        Ok(())
    }

    /// Devices that are never switched off have their addresses since before.
    fn here(&mut self, who: Client) {
        let device = &self.world.devices[who.0];
        if matches!(device.kind, Kind::Pc | Kind::Notebook | Kind::Phone) {
            return;
        }
        let (home, fixed) = (device.cards[0].home, device.fixed);
        let ip = match fixed {
            Some(ip) => ip,
            None => match self.pools[home].ask(who, &self.world.vlans[home], 0) {
                Some((ip, _)) => ip,
                None => return,
            },
        };
        let epoch = self.comes(who, home, ip);
        if fixed.is_none() {
            let half = self.world.vlans[home].lease() * SECOND / 2;
            let at = self.rng.between(MINUTE, half);
            self.plan(at, who, What::Renew(epoch));
        }
        let at = self.rng.between(MINUTE, 6 * HOUR);
        self.plan(at, who, What::Act(epoch));
    }

    /// What a device does today.
    fn day(&mut self, device: usize) {
        let today = self.clock - MINUTE;
        self.plan(self.clock + DAY, (device, 0), What::Day);
        let mut hours = |from: u64, to: u64| today + self.rng.between(from * HOUR, to * HOUR);
        let (morning, late, noon, evening) =
            (hours(7, 9), hours(16, 18), hours(11, 13), hours(13, 15));
        let any = hours(7, 20);
        let it = &self.world.devices[device];
        let (kind, home, behind) = (it.kind, it.cards[0].home, it.behind);
        let half = if today < self.end / 2 { Half::First } else { Half::Second };
        if it.half.is_some_and(|own| own != half) {
            return;
        }
        let second = it.cards.get(1).map(|card| card.home);
        let stay = |play: &mut Self, card: usize, vlan: usize, from: u64, to: u64| {
            play.plan(from, (device, card), What::Up(vlan));
            play.plan(to, (device, card), What::Down);
        };
        match (kind, second) {
            (Kind::Pc, _) if behind.is_some() => {
                self.plan(morning, (device, 0), What::Up(home));
            }
            (Kind::Pc, _) if self.rng.percent(88) => stay(self, 0, home, morning, late),
            (Kind::Notebook, Some(wireless)) => {
                stay(self, 0, home, morning, noon);
                let other = self.rng.percent(35);
                let vlan = if other {
                    self.world.anywhere(&mut self.rng, Purpose::Wireless)
                } else {
                    wireless
                };
                stay(self, 1, vlan, noon - 10 * MINUTE, evening);
                stay(self, 0, home, evening + MINUTE, late);
            }
            (Kind::Phone, _) if self.rng.percent(55) => {
                let other = self.rng.percent(15);
                let vlan =
                    if other { self.world.anywhere(&mut self.rng, Purpose::Guest) } else { home };
                let minutes = self.rng.between(20, 240);
                stay(self, 0, vlan, any, any + minutes * MINUTE);
            }
            (Kind::Monitor, _) if self.rng.percent(40) => {
                let vlan = self.world.anywhere(&mut self.rng, Purpose::Wireless);
                self.plan(any, (device, 0), What::Up(vlan));
                let back = any + self.rng.between(2, 9) * HOUR;
                self.plan(back, (device, 0), What::Up(home));
            }
            _ => {}
        }
    }

    /// Has an address from now on.
    fn comes(&mut self, (device, card): Client, vlan: usize, ip: Ipv4Addr) -> u32 {
        let id = self.world.vlans[vlan].id;
        let shown = &mut self.shown[device];
        let (from, to) = (self.clock, self.clock);
        shown.tenures.push(Tenure { vlan: id, ip, from, to, bound: None });
        let now = &mut self.now[device][card];
        let epoch = now.epoch + 1;
        *now = Now { vlan, ip: Some(ip), epoch, tenure: shown.tenures.len() - 1 };
        epoch
    }

    /// The mirror saw whose the address is.
    pub(crate) fn bound(&mut self, (device, card): Client) {
        let tenure = self.now[device][card].tenure;
        let clock = self.clock;
        let shown = &mut self.shown[device];
        shown.cards[card] = true;
        shown.tenures[tenure].bound.get_or_insert(clock);
    }

    fn up(&mut self, who: Client, vlan: usize) {
        if self.now[who.0][who.1].ip.is_some() {
            self.down(who);
        }
        // Behind a translator nothing of it is seen but what it says.
        if self.world.devices[who.0].behind.is_some() {
            return self.token(who);
        }
        let seconds = self.clock / SECOND;
        let Some((ip, held)) = self.pools[vlan].ask(who, &self.world.vlans[vlan], seconds) else {
            return self.discover(who, vlan);
        };
        let epoch = self.comes(who, vlan, ip);
        self.lease(who, held);
        if self.world.vlans[vlan].sight != Sight::Routed {
            self.announce(who);
        }
        let half = self.world.vlans[vlan].lease() * SECOND / 2;
        self.plan(self.clock + half, who, What::Renew(epoch));
        let at = self.clock + self.rng.between(5 * SECOND, 2 * MINUTE);
        self.plan(at, who, What::Act(epoch));
    }

    fn down(&mut self, who: Client) {
        let now = self.now[who.0][who.1];
        if now.ip.is_none() {
            return;
        }
        self.shown[who.0].tenures[now.tenure].to = self.clock;
        let leased = self.world.devices[who.0].fixed.is_none();
        if leased && self.rng.percent(20) {
            self.released(who);
            self.pools[now.vlan].release(who);
        }
        let now = &mut self.now[who.0][who.1];
        now.ip = None;
        now.epoch += 1;
    }

    fn renew(&mut self, who: Client) {
        let Now { vlan, epoch, .. } = self.now[who.0][who.1];
        let seconds = self.clock / SECOND;
        if self.pools[vlan].ask(who, &self.world.vlans[vlan], seconds).is_some() {
            self.renewed(who);
        }
        let half = self.world.vlans[vlan].lease() * SECOND / 2;
        self.plan(self.clock + half, who, What::Renew(epoch));
    }

    fn act(&mut self, who: Client) {
        let epoch = self.now[who.0][who.1].epoch;
        self.speak(who);
        let quarrels = self.world.conflicts.iter().flatten().any(|one| *one == who.0);
        let (soon, late) = if quarrels { (HOUR / 4, HOUR) } else { (4 * HOUR, 10 * HOUR) };
        let next = self.clock + self.rng.between(soon, late);
        self.plan(next, who, What::Act(epoch));
    }
}
