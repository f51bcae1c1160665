//! Whether who is heard under an address before somebody says that it is his is the same
//! device as afterwards.
//!
//! A core's mirror sees what a device sends through routers from the first day on, and its
//! ARP perhaps on the second: that is one device. One with an address set by hand that is
//! replaced by another with the same address looks alike, but for what the two say. So what
//! was said under the address before the first claim is held against what was said since,
//! and what the card says itself:
//!
//! 1. Serial numbers tell first, then the equipment that messages describe: the same one is
//!    the same device, others are another's (of who hands on images, only the same tells).
//! 2. Then host names and AE titles: one in common is the same device (one is renamed, or
//!    has several), none in common where both say some is another's. Last the models.
//! 3. Then anything else that is said before and since: one system, one program, one
//!    service.
//! 4. Where both are heard through routers, say something, have nothing in common, and
//!    nothing was heard for a while before the claim, there are two.
//! 5. Of whom nothing tells, the past is the claimant's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::attribute::SHOWN;
use super::equipment;
use crate::census::host::{Host, Said};
use crate::census::signature::Book;
use crate::census::tenancy::{Domain, domain};
use crate::net::{HostId, Mac, Segment};
use crate::observe::{Origin, Role};
use crate::time::{SECOND, Timestamp};

/// Nothing was heard for so long before a claim: time enough to put another in its place.
const PAUSE: i64 = 600 * SECOND;

/// Of more cards that claim one address the later ones do not have its past: a flood of them
/// must not cost as much memory as what is said there, times the flood.
const FEW: usize = 4;

/// What others say of an address, whoever has it.
const OF_ADDRESS: &str = "dns.name";

/// First claims of cards, each with the time: of addresses that were heard before.
pub(super) type Claims = HashMap<(Domain, IpAddr), Vec<(Mac, Timestamp)>, RandomState>;

/// Attributes that tell devices apart, those first that count more.
const SERIAL: &str = "serial_number";
const NAMES: [&str; 2] = ["hostname", "ae_titles"];
const MODEL: &str = "model";

/// What was said at one side of the claim.
#[derive(Default)]
struct Side<'a> {
    attributes: BTreeMap<&'static str, BTreeSet<String>>,
    /// Equipment that its messages describe.
    devices: BTreeSet<String>,
    /// It asks for work as modalities do: what it describes is itself.
    acquires: bool,
    /// Anything else: facts, and what is served.
    words: BTreeSet<(&'a str, &'a str, u16)>,
    /// It was heard through a router, and said something.
    far: bool,
}

impl<'a> Side<'a> {
    fn fact(&mut self, (key, value): (&'a str, &'a str), book: &Book) {
        if key == OF_ADDRESS {
            return;
        }
        self.words.insert((key, value, 0));
        self.tells((key, value), &[], book);
    }

    /// What a signature understands of a fact that tells devices apart.
    fn tells(&mut self, (key, value): (&str, &str), others: &[(&str, &str)], book: &Book) {
        let Some(found) = book.matches(key, value, others) else { return };
        for (name, value, _) in found.said().filter(|(.., sure)| *sure >= SHOWN) {
            let kinds = [SERIAL, NAMES[0], NAMES[1], MODEL];
            if let Some(kind) = kinds.into_iter().find(|it| *it == name) {
                self.attributes.entry(kind).or_default().insert(value.trim().to_lowercase());
            }
        }
    }

    /// What a speaker said that is of this side, by its times.
    fn add(&mut self, host: &'a Host, is_of_it: impl Fn(&Said) -> bool, book: &Book) -> bool {
        let before = self.words.len();
        for fact in host.facts().iter().filter(|fact| is_of_it(&fact.said)) {
            self.fact((fact.key.as_str(), &fact.value), book);
            self.acquires |= equipment::is_work(fact);
        }
        for ((_, port, name, role), said) in host.services() {
            if *role == Role::Server && is_of_it(said) {
                self.words.insert(("", name, *port));
            }
        }
        for (origin, facts, _) in host.equipment.iter().filter(|(.., said)| is_of_it(said)) {
            let own = *origin == Origin::Own;
            let all: Vec<_> = facts.iter().map(|(key, it)| (key.as_str(), &**it)).collect();
            for (key, value) in &all {
                self.words.insert((key, value, 0));
                if own {
                    self.tells((key, value), &all, book);
                }
            }
            self.devices.extend(equipment::signature_of(facts));
        }
        self.words.len() > before
    }

    fn of(&self, kind: &str) -> Option<&BTreeSet<String>> {
        self.attributes.get(kind)
    }
}

/// What both sides say of one thing: whether they have something in common; none where one
/// of them says nothing.
fn agree(one: Option<&BTreeSet<String>>, other: Option<&BTreeSet<String>>) -> Option<bool> {
    let both = one.zip(other).filter(|(a, b)| !a.is_empty() && !b.is_empty());
    both.map(|(a, b)| !a.is_disjoint(b))
}

/// What is said under an address before and since a card first said that it is its own.
#[derive(Default)]
struct Words<'a> {
    before: Side<'a>,
    since: Side<'a>,
    /// When it was last heard before the claim.
    last: Option<Timestamp>,
}

impl<'a> Words<'a> {
    /// One who is heard under the address through a router.
    fn hear(&mut self, host: &'a Host, claimed: Timestamp, book: &Book) {
        if host.span.first < claimed {
            self.last = self.last.max(Some(host.span.last));
        }
        let Self { before, since, .. } = self;
        before.far |= before.add(host, |said| said.span.first < claimed, book);
        since.far |= since.add(host, |said| said.span.last >= claimed, book);
    }

    /// What the card says itself.
    fn own(&mut self, host: &'a Host, book: &Book) {
        self.since.add(host, |_| true, book);
    }

    /// Whether the card is another device than was heard before.
    fn is_another(&self, claimed: Timestamp) -> bool {
        let Self { before, since, last } = self;
        let on = |kind| agree(before.of(kind), since.of(kind));
        // Who hands on the images of others has others of them every day.
        let itself = before.acquires && since.acquires;
        let devices = agree(Some(&before.devices), Some(&since.devices));
        let devices = devices.filter(|same| *same || itself);
        let named: Vec<bool> = NAMES.into_iter().filter_map(on).collect();
        let names = (!named.is_empty()).then(|| named.contains(&true));
        let telling = [on(SERIAL), devices, names, on(MODEL)];
        if let Some(same) = telling.into_iter().flatten().next() {
            return !same;
        }
        let paused = last.is_some_and(|last| claimed.since(last) > PAUSE);
        before.far && since.far && paused && before.words.is_disjoint(&since.words)
    }
}

/// Cards whose claims of an address came after it was heard through a router, and which are
/// other devices by what both say.
pub(super) fn strangers(
    hosts: &[(&HostId, &Host)],
    claims: &Claims,
    is_router: impl Fn(Segment, Mac) -> bool,
    book: &Book,
) -> Vec<(Domain, IpAddr, Mac)> {
    let mut cards: HashMap<Mac, Vec<(Domain, IpAddr)>, RandomState> = HashMap::default();
    for (at, claims) in claims {
        claims.iter().for_each(|(mac, _)| cards.entry(*mac).or_default().push(*at));
    }
    let mut all: BTreeMap<(Domain, IpAddr, Mac), (Timestamp, Words<'_>)> = BTreeMap::new();
    let mut apart = Vec::new();
    for (at, claims) in claims {
        let mut claims: Vec<(Timestamp, Mac)> =
            claims.iter().map(|(mac, it)| (*it, *mac)).collect();
        claims.sort_unstable();
        for (n, (claimed, mac)) in claims.into_iter().enumerate() {
            if n < FEW {
                all.insert((at.0, at.1, mac), (claimed, Words::default()));
            } else {
                apart.push((at.0, at.1, mac));
            }
        }
    }
    for (id, host) in hosts {
        let here = domain(id.segment);
        let own = id.mac.and_then(|mac| cards.get(&mac).map(|all| (mac, all)));
        if let Some((mac, addresses)) = own.filter(|_| !host.routed) {
            // What comes through a router from other addresses is not its own.
            let own = |ip| id.ip.is_none_or(|it| it == ip) || !is_router(id.segment, mac);
            for (at, ip) in addresses.iter().filter(|(at, ip)| *at == here && own(*ip)) {
                if let Some((_, words)) = all.get_mut(&(*at, *ip, mac)) {
                    words.own(host, book);
                }
            }
        }
        let Some(ip) = id.ip.filter(|_| host.routed && host.spoke) else { continue };
        for (mac, _) in claims.get(&(here, ip)).into_iter().flatten() {
            if let Some((claimed, words)) = all.get_mut(&(here, ip, *mac)) {
                words.hear(host, *claimed, book);
            }
        }
    }
    let others = all.into_iter().filter(|(_, (claimed, words))| words.is_another(*claimed));
    apart.extend(others.map(|(it, _)| it));
    apart
}
