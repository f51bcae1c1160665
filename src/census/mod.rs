//! Wing 2: observations become knowledge. Pure and deterministic: no sockets, no
//! SQL, no clock but the packets'. Order inside: `signature` ← `asset` ← `risk`.
//!
//! ```text
//!  observation ─▶ host (what one speaker said: facts, addresses, services)
//!                   │   kept as it came, nothing overwritten
//!                   ▼
//!  assets() ─▶ identity: which speakers are one device
//!            ─▶ equipment: which described devices are the speaker itself
//!            ─▶ attributes: signatures over facts, candidates, the best one shown
//! ```
//!
//! Hosts are memory; assets are derived from them whenever someone asks, so a later
//! packet can change who is who without anything having to be undone.

pub mod activity;
pub mod advisory;
pub mod asset;
mod caps;
mod contest;
mod facts;
mod heard;
pub mod host;
mod meetings;
mod order;
pub mod risk;
mod room;
mod said;
mod sent;
mod session;
pub mod signature;
mod steps;
mod sweeps;
mod tenancy;
mod users;
mod watched;

use std::array::from_fn;
use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::sync::Arc;
use std::vec::Drain;

use foldhash::fast::RandomState;

use crate::net::{HostId, Segment};
use crate::observe::{LAST_USER, Lease, Observation, Observed, SWEEPS, text};
use crate::time::calendar::Zone;
use crate::time::minutes::Minutes;
use crate::time::{SECOND, Timestamp};

use activity::{Activity, Trail, Unsaved};
use asset::Pins;
use contest::Contests;
use host::Said;
pub use host::{Evidence, Host, Span};
use meetings::Meetings;
use risk::RiskBook;
use room::Room;
use signature::Book;
use steps::Steps;
use sweeps::Sweeps;
use tenancy::Tenancies;
use watched::Watched;

pub use caps::Budget;

/// From so many speakers on there is room for all that may come.
const MANY: usize = 4096;

/// Who was silent for so long may have lost its address meanwhile.
const SILENT: i64 = 600 * SECOND;

/// Who had an address before is remembered this long where there is no more room.
const PAST_KEPT: i64 = 7 * 86_400 * SECOND;

/// The same of hosts on the Internet, of which a hospital meets a hundred thousand a week.
const AWAY_KEPT: i64 = 86_400 * SECOND;

/// Speakers looked at for one that may go: among a million of a flood the first will do,
/// among those of a hospital none.
const LOOKED_AT: usize = 32;

/// Observations whose speakers are looked up together: few enough for a core's first
/// cache, enough to wait for memory once instead of for each.
const TOGETHER: usize = 16;

/// What is known, and the signatures to understand it with.
pub struct Census {
    book: Arc<Book>,
    /// In the order of their first word; where each is, by name.
    hosts: Vec<(HostId, Host)>,
    places: HashMap<HostId, usize, RandomState>,
    /// All of those whose address went to another, or who were first heard of when their
    /// past was read.
    turns: HashMap<HostId, Vec<usize>, RandomState>,
    /// Those of them that were found out of order.
    unordered: BTreeSet<HostId>,
    tenancies: Tenancies,
    watched: Watched,
    activity: Activity,
    pins: Pins,
    risks: RiskBook,
    captures: Vec<String>,
    room: Room,
    refused: u64,
    /// For how many nanoseconds users are remembered.
    users: Option<i64>,
    /// Who was last looked at for a place.
    hand: usize,
    sweeps: Sweeps,
    meetings: Meetings,
    steps: Steps,
    contests: Contests,
    budget: Budget,
}

impl Census {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(book: Arc<Book>) -> Self {
        Self {
            book,
            hosts: Vec::new(),
            places: HashMap::default(),
            turns: HashMap::default(),
            unordered: BTreeSet::new(),
            tenancies: Tenancies::default(),
            watched: Watched::default(),
            activity: Activity::default(),
            pins: Pins::default(),
            risks: RiskBook::builtin().clone(),
            captures: Vec::new(),
            room: Room::default(),
            refused: 0,
            users: None,
            hand: 0,
            sweeps: Sweeps::default(),
            meetings: Meetings::default(),
            steps: Steps::default(),
            contests: Contests::default(),
            budget: Budget::FILES,
        }
    }

    /// The signatures in use.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// From now on understands with these signatures; what hosts said is kept as it came.
    pub fn turn_to(&mut self, book: Arc<Book>) {
        self.book = book;
    }

    /// From now on remembers so much. What is remembered already stays.
    pub fn hold(&mut self, budget: Budget) {
        self.budget = budget;
        self.room.become_of(budget.bytes);
    }

    /// From now on believes the site in this.
    pub fn pin(&mut self, pins: Pins) {
        self.pins = pins;
    }

    /// From now on clocks on the wall are taken for this zone's.
    pub fn keep_time(&mut self, zone: Zone) {
        self.activity.turn_to(zone);
    }

    /// Somebody watched the traffic from one minute to before another (since 1970, UTC).
    pub fn watched(&mut self, from: i64, to: i64) {
        self.watched.add(from, to);
        self.activity.watched(from, to, &mut self.room);
    }

    /// Somebody watched then, as is stored already.
    pub fn was_watched(&mut self, minutes: &Minutes) {
        minutes.runs().iter().for_each(|(from, to)| self.watched.add(*from, *to));
    }

    /// A speaker sent something in each minute from one to before another: as if that had
    /// been said minute by minute, for histories that are made rather than seen.
    pub fn was_present(&mut self, host: HostId, from: i64, to: i64) {
        let present = |minute: i64| Observation {
            at: Timestamp::new(minute.saturating_mul(60), 0),
            frame: 1,
            host,
            what: Observed::Present(Some(64)),
        };
        self.apply(0, present(from));
        self.apply(0, present(to.saturating_sub(1).max(from)));
        if let Some(place) = self.places.get(&host) {
            self.activity.was_present((*place, host.segment), (from, to), &mut self.room);
        }
    }

    /// What the speaker in a place did and is to be stored.
    #[must_use]
    pub fn trail(&self, place: usize) -> Option<&Trail> {
        self.activity.trail(place)
    }

    /// What the speaker in a place did is stored, its examinations under these numbers; so
    /// much found no room.
    pub fn trail_saved(&mut self, place: usize, rows: &[(usize, i64)], refused: u64) {
        self.activity.saved(place, rows, &mut self.room);
        self.activity.refused += refused;
    }

    /// Minutes to be stored in which a segment was seen, and, of none, in which somebody
    /// watched.
    pub fn segments_unsaved(&self) -> impl Iterator<Item = (Option<Segment>, Unsaved)> {
        self.activity.segments()
    }

    /// These are stored.
    pub fn segments_saved(&mut self) {
        self.activity.segments_saved(&mut self.room);
    }

    /// Minutes and examinations that were not counted because there were too many, and
    /// traces of work whose times cannot be.
    #[must_use]
    pub const fn uncounted(&self) -> (u64, u64) {
        (self.activity.refused, self.activity.untimely)
    }

    /// Names the capture that the next observations are from; gives its number.
    pub fn capture(&mut self, name: &str) -> u32 {
        // A file's name is a stranger's text as well.
        let name = &*text::clean(name);
        let known = self.captures.iter().position(|c| c == name);
        let at = known.unwrap_or_else(|| {
            self.captures.push(name.to_owned());
            self.captures.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// Names of the captures, by number.
    #[must_use]
    pub fn captures(&self) -> &[String] {
        &self.captures
    }

    /// How many speakers are remembered.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Nobody spoke yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Every speaker, in the order of their names and of their times: sorts.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = (&HostId, &Host)> + Clone {
        let all = self.hosts.iter().filter(|(id, _)| id.mac.is_some() || id.ip.is_some());
        let mut hosts: Vec<_> = all.map(|(id, host)| (id, host)).collect();
        let first = |host: &Host| host.span.first;
        hosts.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| first(x).cmp(&first(y))));
        hosts.into_iter()
    }

    /// Speakers that changed since they were last [`saved`](Self::saved), with their
    /// places, from a place on. A speaker keeps its place, and new ones come last.
    pub fn unsaved(&self, from: usize) -> impl Iterator<Item = (usize, &HostId, &Host)> {
        let hosts = self.hosts.get(from..).unwrap_or_default().iter().enumerate();
        hosts.filter(|(_, (_, host))| host.dirty).map(move |(at, (id, host))| (from + at, id, host))
    }

    /// The speakers at these places are stored as they are now.
    pub fn saved(&mut self, places: &[usize]) {
        for at in places {
            if let Some((_, host)) = self.hosts.get_mut(*at) {
                host.dirty = false;
            }
        }
    }

    /// Things of remembered speakers that were not kept because there were too many.
    #[must_use]
    pub fn overflow(&self) -> u64 {
        self.hosts.iter().map(|(_, host)| host.overflow).sum()
    }

    /// Speakers that were not remembered, or are no more, because there were too many.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes in what one sensor saw in one capture. Doing so twice changes nothing.
    pub fn apply(&mut self, capture: u32, observation: Observation) {
        if let Some(place) = self.place(observation.host, observation.at) {
            self.take(place, capture, observation);
        }
    }

    /// As [`Self::apply`] for each in turn, quicker.
    pub fn apply_all(&mut self, capture: u32, mut observations: Drain<'_, Observation>) {
        loop {
            let all = observations.as_slice();
            let few = all.get(..TOGETHER).unwrap_or(all);
            if few.is_empty() {
                return;
            }
            let places = self.visit(few);
            for (place, observation) in places.into_iter().take(few.len()).zip(&mut observations) {
                // Places move when there are too many speakers, or another has the address.
                let is_there = |at: &usize| {
                    let there = self.hosts.get(*at);
                    there.is_some_and(|(id, host)| {
                        *id == observation.host && observation.at >= host.span.first
                    }) && self.moved(*at, &observation.host, observation.at).is_none()
                        && !self.is_apart(*at, &observation.host, observation.at)
                };
                match place.filter(is_there) {
                    Some(place) => self.take(place, capture, observation),
                    None => self.apply(capture, observation),
                }
            }
        }
    }

    /// Where those are of whom something is said. Looks at what will be read of them, at
    /// first of all of them one thing, then the next: memory answers side by side.
    fn visit(&self, few: &[Observation]) -> [Option<usize>; TOGETHER] {
        let places: [_; TOGETHER] = from_fn(|n| self.places.get(&few.get(n)?.host).copied());
        let hosts =
            || few.iter().zip(places).filter_map(|(it, at)| Some((it, &self.hosts.get(at?)?.1)));
        black_box(hosts().fold(0, |all, (_, host)| all ^ host.glance()));
        black_box(self.activity.glance(few.iter().zip(places)));
        black_box(hosts().fold(0, |all, (it, host)| all ^ host.look(&it.what)));
        places
    }

    fn take(&mut self, place: usize, capture: u32, observation: Observation) {
        self.activity.take(place, &observation, &mut self.room);
        let Observation { at, frame, what, host: id } = observation;
        let said = Said::new(at, Evidence { capture, frame });
        if let Observed::Use(it) = &what {
            self.works((place, id), it, said);
        }
        if let Observed::Address(ip, Lease::Arp | Lease::Ndp) = what {
            self.contest(&id, ip, said);
        }
        let Self { hosts, room, tenancies, watched, users, sweeps, meetings, .. } = self;
        let Some((_, host)) = hosts.get_mut(place) else { return };
        let silent = at.since(host.span.last);
        host.span.extend(at);
        host.dirty = true;
        match what {
            Observed::Present(ttl) => {
                host.spoke = true;
                let comes = !host.direct || silent > SILENT;
                if let Some(ttl) = ttl {
                    host.saw_ttl(ttl);
                }
                // As good as a claim, where claims are not seen.
                if let (true, Some(mac), Some(ip)) = (comes && host.direct, id.mac, id.ip) {
                    tenancies.claim((id.segment, mac), ip, None, at, watched);
                }
            }
            Observed::Fact(key, _) if users.is_none() && key == LAST_USER => {}
            Observed::Fact(key, value) => host.learn(key, value, said, room),
            Observed::Address(ip, lease) if lease.is_over() => {
                if let Some(mac) = id.mac.filter(|_| host.gives_back(ip, lease)) {
                    tenancies.leave((id.segment, mac), ip, at);
                }
                host.holds((ip, lease), Timestamp(i64::MIN), said, watched, room);
            }
            Observed::Address(ip, lease) => {
                let claim = |mac| tenancies.claim((id.segment, mac), ip, Some(lease), at, watched);
                let since = id.mac.map_or(Timestamp(i64::MIN), claim);
                host.holds((ip, lease), since, said, watched, room);
            }
            Observed::Attached(port) => host.attached(&port, said, room),
            Observed::Equipment(it) => host.describes(it.origin, &it.facts, said, room),
            Observed::Service(transport, port, name, role) => {
                host.speaks((transport, port, &name, role), said, room);
            }
            Observed::Peer(peer) => {
                host.heard.note(at);
                if host.met(peer, room) {
                    meetings.note(id, peer, said.evidence);
                }
            }
            Observed::Asks(port, asked) => {
                if sweeps.asks(id, port, asked, at) {
                    host.learn(SWEEPS, port.to_string().into(), said, room);
                }
            }
            Observed::Tries(sought, tried) => {
                for word in sweeps.tries(id, sought, tried, at) {
                    host.learn(SWEEPS, word.into(), said, room);
                }
            }
            // That is its activity's.
            Observed::Use(_)
            | Observed::UseOf(..)
            | Observed::Booted(..)
            | Observed::Arrives(_) => {}
        }
    }

    /// Puts back what a store kept, in the order of the places; gives the place.
    pub fn restore(&mut self, id: HostId, mut host: Host) -> usize {
        host.dirty = false;
        self.room.fill(host.bytes());
        let held = || host.addresses.iter().filter(|(_, lease, _)| !lease.is_over());
        let Self { tenancies, watched, .. } = self;
        for (mac, it) in id.mac.iter().flat_map(|mac| held().map(move |it| (mac, it))) {
            tenancies.remember((id.segment, *mac), (it.0, it.1), it.2.span, watched);
        }
        self.add(id, host)
    }

    /// The next place is of a speaker of whom the store cannot tell who it was: nobody, until a
    /// newcomer needs the place.
    pub fn restore_nobody(&mut self) {
        let mut nobody = Host::new(Timestamp(0));
        nobody.dirty = false;
        self.activity.add();
        self.hosts.push((HostId { segment: Segment::default(), mac: None, ip: None }, nobody));
    }

    fn add(&mut self, id: HostId, host: Host) -> usize {
        let place = self.hosts.len();
        if place == MANY {
            // Memory that is not touched is none; a list that grows is copied each time.
            let more = self.budget.hosts.saturating_sub(MANY);
            self.hosts.reserve_exact(more);
            self.activity.reserve(more);
        }
        self.activity.add();
        self.hosts.push((id, host));
        self.enter(id, place);
        place
    }

    fn place(&mut self, id: HostId, at: Timestamp) -> Option<usize> {
        let mut new = Host::new(at);
        let mut before = None;
        if self.places.contains_key(&id) {
            match self.present(&id, at) {
                Some(place) => match self.moved(place, &id, at) {
                    None if !self.is_apart(place, &id, at) => return Some(place),
                    None => {
                        new.since = self.hosts.get(place).and_then(|(_, host)| host.since);
                        before = Some(place);
                    }
                    since => new.since = since,
                },
                None => {
                    self.unordered.insert(id);
                }
            }
        }
        let full = self.hosts.len() >= self.budget.hosts;
        let place = if full { self.replace(id, new)? } else { self.add(id, new) };
        if let Some(before) = before.filter(|before| *before != place) {
            self.activity.hand_on(before, place);
        }
        Some(place)
    }

    /// There is no more room: the newcomer takes the place of one who would hardly be
    /// missed, if a moving hand finds one soon.
    fn replace(&mut self, id: HostId, new: Host) -> Option<usize> {
        self.refused += 1;
        for _ in 0..LOOKED_AT {
            self.hand = if self.hand + 1 < self.hosts.len() { self.hand + 1 } else { 0 };
            let (old, host) = self.hosts.get(self.hand)?;
            let old = *old;
            let is_past = self.places.get(&old) != Some(&self.hand);
            let is_away = host.routed && old.ip.is_some_and(asset::is_public);
            let silent = new.span.first.since(host.span.last);
            let is_old = is_past && silent > PAST_KEPT || is_away && silent > AWAY_KEPT;
            if is_old || host.is_faint(&old) {
                let place = self.hand;
                self.room.free(host.bytes());
                self.activity.replace(place, &mut self.room);
                self.leave(&old, place);
                if let Some(it) = self.hosts.get_mut(place) {
                    *it = (id, new);
                }
                self.enter(id, place);
                return Some(place);
            }
        }
        None
    }
}
