//! What one publication has to tell. Devices are compared as they come; who is who is
//! only known at the end, when it is clear which of them were others before.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::capture::Ports;
use super::compare::{Candidate, Difference, at_first_sight, compare};
use super::news::{Device, News, short, shown};
use super::roll::Roll;
use super::watch::Watches;
use super::{Kind, Policy, Severity};
use crate::census::asset::{Asset, AssetId};
use crate::store::record::{self, Attribute};
use crate::store::writer::Failure;
use crate::time::Timestamp;
use crate::time::minutes::Minutes;

/// Devices of one publication that are looked at one by one; more are counted.
const MOST: usize = 20_000;

/// Devices that are gone which one value finds.
const TRACES: usize = 16;

/// What is remembered between publications.
#[derive(Default)]
pub(in crate::store) struct State {
    /// When the first device was first seen.
    begun: Option<Timestamp>,
    roll: Roll,
    watches: Watches,
    ports: Ports,
}

impl State {
    fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT value FROM alert_state WHERE name = 'begun'";
        let begun = connection.query_row(sql, [], |row| row.get(0)).optional()?;
        Ok(Self {
            begun: begun.map(Timestamp),
            roll: Roll::default(),
            watches: Watches::load(connection)?,
            ports: Ports::load(connection)?,
        })
    }
}

/// A device that was not there before.
struct Appeared {
    id: AssetId,
    of: Device,
    identity: String,
    at: Timestamp,
    leased: bool,
    addresses: Vec<String>,
    macs: Vec<String>,
    serial: Option<String>,
    candidates: Vec<Candidate>,
}

/// One that is no more.
struct Gone {
    id: AssetId,
    into: Option<AssetId>,
    /// By attribute and value.
    values: HashSet<(String, String), RandomState>,
    serial: Option<String>,
    addresses: Vec<String>,
    macs: Vec<String>,
}

/// What one publication has to tell.
pub(in crate::store) struct Publication<'t> {
    transaction: &'t Transaction<'t>,
    policy: &'t Policy,
    captures: &'t [String],
    /// What was there at the beginning is no news.
    silent: bool,
    state: State,
    first: Option<Timestamp>,
    differences: Vec<Difference>,
    appeared: Vec<Appeared>,
    gone: Vec<Gone>,
    /// What was a part of another until now.
    parted: HashSet<AssetId, RandomState>,
    /// Places in `gone`: by what they are found, and by their ids.
    traces: HashMap<String, Vec<usize>, RandomState>,
    names: HashMap<String, usize, RandomState>,
    /// Addresses of those that appeared.
    addresses: HashMap<AssetId, Vec<String>, RandomState>,
}

impl<'t> Publication<'t> {
    pub(in crate::store) fn begin(
        state: Option<State>,
        transaction: &'t Transaction<'t>,
        policy: &'t Policy,
        captures: &'t [String],
        silent: bool,
    ) -> rusqlite::Result<Self> {
        let state = state.map_or_else(|| State::load(transaction), Ok)?;
        Ok(Self {
            transaction,
            policy,
            captures,
            silent,
            state,
            first: None,
            differences: Vec::new(),
            appeared: Vec::new(),
            gone: Vec::new(),
            parted: HashSet::default(),
            traces: HashMap::default(),
            names: HashMap::default(),
            addresses: HashMap::default(),
        })
    }

    /// Every asset, changed or not; with its minutes on line in days of which something is
    /// new.
    pub(in crate::store) fn seen(
        &mut self,
        asset: &Asset<'_>,
        number: i64,
        known: &[Attribute<'_>],
        online: &Minutes,
    ) {
        let first = asset.span.first;
        self.first = Some(self.first.map_or(first, |before| before.min(first)));
        let category = shown(known, "device_category").next().map_or("", |it| &*it.value);
        self.state.watches.seen(asset, number, category, online);
    }

    /// One of which something else is known than before.
    pub(in crate::store) fn changed(
        &mut self,
        asset: &Asset<'_>,
        before: &[Attribute<'_>],
        after: &[Attribute<'_>],
    ) {
        if self.silent {
            return;
        }
        let parts = |known| shown(known, "joined").map(|it| AssetId::of(&it.value));
        let now: HashSet<AssetId> = parts(after).collect();
        self.parted.extend(parts(before).filter(|part| !now.contains(part)));
        let difference = compare(asset, before, after, self.captures, self.policy);
        if difference.is_empty() {
        } else if self.differences.len() < MOST {
            self.differences.push(difference);
        } else {
            for Candidate { news, .. } in difference.candidates {
                self.state.roll.leave(news.kind, news.at, 1);
            }
        }
    }

    /// One that was not there before.
    pub(in crate::store) fn appeared(&mut self, asset: &Asset<'_>, known: &[Attribute<'_>]) {
        if self.silent || asset.external {
            return;
        }
        if self.appeared.len() >= MOST {
            self.state.roll.leave(Kind::NewDevice, asset.span.last, 1);
            return;
        }
        let of = Device::new(asset.id.to_string(), false, known);
        let at = asset.span.last;
        let candidates = at_first_sight(&of, at, known, self.captures, self.policy);
        self.appeared.push(Appeared {
            id: asset.id,
            of,
            identity: short(&asset.identity.to_string()),
            at,
            leased: asset.leased,
            addresses: values(known, "ip_addresses"),
            macs: values(known, "mac_addresses"),
            serial: values(known, "serial_number").into_iter().next(),
            candidates,
        });
    }

    /// One that is no more, before it is taken out; what it is a part of now.
    pub(in crate::store) fn gone(
        &mut self,
        id: AssetId,
        number: i64,
        into: Option<AssetId>,
    ) -> Result<(), Failure> {
        self.state.watches.gone(self.transaction, number)?;
        if self.silent || self.gone.len() >= MOST {
            return Ok(());
        }
        let sql = "SELECT attributes FROM known WHERE asset = ?1";
        let blob = self.transaction.prepare_cached(sql)?.query_row([number], |row| row.get(0));
        let Some(blob): Option<Vec<u8>> = blob.optional()? else { return Ok(()) };
        // Of a damaged row nothing is told but that it is.
        let Ok(known) = record::only::<Vec<Attribute<'_>>>(&blob) else { return Ok(()) };
        let named = ["services", "peers", "remote_access", "vpn", "os_name", "address_conflicts"];
        let all = named.into_iter().flat_map(|name| {
            values(&known, name).into_iter().map(move |value| (name.to_owned(), value))
        });
        self.gone.push(Gone {
            id,
            into,
            values: all.collect(),
            serial: values(&known, "serial_number").into_iter().next(),
            addresses: values(&known, "ip_addresses"),
            macs: values(&known, "mac_addresses"),
        });
        Ok(())
    }

    /// Tells everything; `number` finds an asset by its id, `last_online` the last minute of an
    /// asset on line within an hour.
    pub(in crate::store) fn close(
        mut self,
        number: impl Fn(AssetId) -> Option<i64>,
        last_online: impl Fn(i64, i64) -> Result<Option<i64>, Failure>,
    ) -> Result<State, Failure> {
        if let (None, Some(first)) = (self.state.begun, self.first) {
            self.state.begun = Some(first);
            let sql = "INSERT OR REPLACE INTO alert_state VALUES ('begun', ?1)";
            self.transaction.prepare_cached(sql)?.execute([first.0])?;
        }
        if !self.silent {
            self.trace();
            let lost = self.lost();
            for appeared in std::mem::take(&mut self.appeared) {
                self.addresses.insert(appeared.id, appeared.addresses.clone());
                self.tell_new(appeared, &lost)?;
            }
            for difference in std::mem::take(&mut self.differences) {
                self.tell_difference(difference, &lost, &number)?;
            }
        }
        let Self { transaction, policy, captures, silent, state, .. } = self;
        let State { begun, mut roll, mut watches, mut ports } = state;
        let learned = |at| !silent && is_learned(begun, policy, at);
        watches.close(transaction, policy, learned, last_online, &mut roll)?;
        ports.look(transaction, policy, captures, &mut roll)?;
        roll.close(transaction, policy)?;
        Ok(State { begun, roll, watches, ports })
    }

    /// Who had an address that is not theirs any more, and whether by a lease.
    fn lost(&self) -> HashMap<String, (Device, bool), RandomState> {
        let of = |it: &Difference| {
            let (of, leased) = (it.of.clone(), it.leased);
            it.lost.clone().into_iter().map(move |address| (address, (of.clone(), leased)))
        };
        self.differences.iter().flat_map(of).collect()
    }

    fn tell(&mut self, news: &News) -> rusqlite::Result<Option<i64>> {
        self.state.roll.tell(self.transaction, self.policy, news)
    }

    /// Those that are gone and are this one now.
    fn were(
        &self,
        id: AssetId,
        addresses: &[String],
        macs: &[String],
        serial: Option<&str>,
    ) -> Vec<usize> {
        let id = id.to_string();
        let mine = addresses.iter().chain(macs).map(String::as_str).chain(serial).chain([&*id]);
        let mut were: Vec<_> =
            mine.filter_map(|key| self.traces.get(key)).flatten().copied().collect();
        were.sort_unstable();
        were.dedup();
        were
    }

    /// By what those that are gone are found: what they are a part of now, their addresses,
    /// MACs and serial numbers. A flood of them must not be looked through for each other.
    fn trace(&mut self) {
        for (at, gone) in self.gone.iter().enumerate() {
            let into = gone.into.map(|id| id.to_string());
            let all = gone.addresses.iter().chain(&gone.macs).chain(&gone.serial).chain(&into);
            for key in all {
                let found = self.traces.entry(key.clone()).or_default();
                if found.len() < TRACES {
                    found.push(at);
                }
            }
            self.names.insert(gone.id.to_string(), at);
        }
    }

    fn had(&self, were: &[usize], attribute: &str, value: &str) -> bool {
        let key = (attribute.to_owned(), value.to_owned());
        were.iter().any(|at| self.gone.get(*at).is_some_and(|it| it.values.contains(&key)))
    }

    fn tell_new(
        &mut self,
        it: Appeared,
        lost: &HashMap<String, (Device, bool), RandomState>,
    ) -> Result<(), Failure> {
        let were = self.were(it.id, &it.addresses, &it.macs, it.serial.as_deref());
        let is_new = were.is_empty() && !self.parted.contains(&it.id) && !self.was_there(&it.of)?;
        if is_new && is_learned(self.state.begun, self.policy, it.at) {
            let name = it.of.name();
            let addresses: Vec<&str> =
                it.macs.iter().chain(&it.addresses).take(8).map(String::as_str).collect();
            let news = News {
                of: it.of.clone(),
                subject: it.identity.clone(),
                after: short(&addresses.join("; ")),
                summary: format!("new device {name}"),
                evidence: format!(
                    "recognised by {}, packets until {}",
                    it.identity,
                    it.at.rfc3339()
                ),
                ..News::new(Kind::NewDevice, Severity::Notice, it.at)
            };
            self.tell(&news)?;
        }
        for Candidate { attribute, value, news } in it.candidates {
            if !self.had(&were, attribute, &value) && (is_new || attribute != "risk_level") {
                self.tell(&news)?;
            }
        }
        for address in &it.addresses {
            if let Some((holder, leased)) = lost.get(address) {
                let news = taken(&it.of, it.at, address, holder, it.leased || *leased);
                self.tell(&news)?;
            }
        }
        Ok(())
    }

    /// Whether it was in the inventory before, and went.
    fn was_there(&self, of: &Device) -> rusqlite::Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM change WHERE asset = ?1 AND what = 'gone')";
        self.transaction.prepare_cached(sql)?.query_row(params![of.asset], |row| row.get(0))
    }

    fn tell_difference(
        &mut self,
        it: Difference,
        lost: &HashMap<String, (Device, bool), RandomState>,
        number: &impl Fn(AssetId) -> Option<i64>,
    ) -> Result<(), Failure> {
        let mine: Vec<String> = it.addresses.iter().chain(&it.gained).cloned().collect();
        let mac = [it.of.mac.clone()];
        let were = self.were(it.id, &mine, &mac, None);
        for Candidate { attribute, value, news } in &it.candidates {
            if !self.had(&were, attribute, value) {
                self.tell(news)?;
            }
        }
        for address in &it.gained {
            let is_own = |at: &usize| {
                self.gone.get(*at).is_some_and(|gone| gone.addresses.contains(address))
            };
            let news = match lost.get(address) {
                Some((holder, leased)) => {
                    Some(taken(&it.of, it.at, address, holder, it.leased || *leased))
                }
                None if were.iter().any(is_own) => None,
                None => another(&it, address),
            };
            if let Some(news) = news {
                self.tell(&news)?;
            }
        }
        for (peer, frame) in &it.peers {
            if self.is_old_peer(*peer, &were, &it.peers_before) {
                continue;
            }
            let other = match number(*peer) {
                Some(number) => Device::stored(self.transaction, number)?,
                None => None,
            };
            let other =
                other.unwrap_or_else(|| Device { asset: peer.to_string(), ..Device::default() });
            self.tell(&met(&it, &other, frame.as_deref()))?;
        }
        Ok(())
    }

    /// Whether a peer was one already, under the name of one that is no more.
    fn is_old_peer(&self, peer: AssetId, were: &[usize], before: &[String]) -> bool {
        let of_new = self.addresses.get(&peer);
        let is_it = |gone: &Gone| {
            let has = |it: &Vec<String>| gone.addresses.iter().any(|address| it.contains(address));
            gone.into == Some(peer) || of_new.is_some_and(has)
        };
        let mut were_peers = before.iter().filter_map(|id| self.gone.get(*self.names.get(id)?));
        self.had(were, "peers", &peer.to_string()) || were_peers.any(is_it)
    }
}

fn values(known: &[Attribute<'_>], name: &str) -> Vec<String> {
    shown(known, name).map(|it| it.value.to_string()).collect()
}

/// Whether a time is after the inventory was got to know.
fn is_learned(begun: Option<Timestamp>, policy: &Policy, at: Timestamp) -> bool {
    // Where there is nothing to get to know, older captures may be read after newer ones.
    policy.learning == 0 || begun.is_some_and(|begun| at.since(begun) >= policy.learning)
}

/// An address that was another's.
fn taken(of: &Device, at: Timestamp, address: &str, holder: &Device, leased: bool) -> News {
    let severity = if leased { Severity::Info } else { Severity::Warning };
    let how = if leased { "by a lease" } else { "without a lease" };
    News {
        of: of.clone(),
        subject: address.to_owned(),
        before: holder.asset.clone(),
        after: of.asset.clone(),
        summary: format!("{address} went from {} to {}", holder.name(), of.name()),
        evidence: format!("{} uses it until {}, {how}", of.mac, at.rfc3339()),
        ..News::new(Kind::AddressMoved, severity, at)
    }
}

/// One more address of a device that had some: IPv4 only, for systems make IPv6 addresses
/// of their own every day.
fn another(it: &Difference, address: &str) -> Option<News> {
    let is_v4 = |text: &str| matches!(text.parse(), Ok(IpAddr::V4(ip)) if !ip.is_link_local());
    let before: Vec<&str> =
        it.addresses.iter().map(String::as_str).filter(|text| is_v4(text)).take(8).collect();
    if before.is_empty() || !is_v4(address) {
        return None;
    }
    let severity = match (it.leased, it.of.is_medical()) {
        (true, _) => Severity::Info,
        (false, true) => Severity::Warning,
        (false, false) => Severity::Notice,
    };
    let before = before.join("; ");
    let how = if it.leased { "by a lease" } else { "without a lease" };
    Some(News {
        of: it.of.clone(),
        subject: address.to_owned(),
        summary: format!("{} now uses {address}, beside {before}", it.of.name()),
        evidence: format!("its packets until {}, {how}", it.at.rfc3339()),
        before: short(&before),
        after: address.to_owned(),
        ..News::new(Kind::AddressMoved, severity, it.at)
    })
}

/// A medical device that talks with one more.
fn met(it: &Difference, other: &Device, seen: Option<&str>) -> News {
    let severity = if other.external { Severity::Warning } else { Severity::Notice };
    let place = if other.external { " on the Internet" } else { "" };
    let (name, peer) = (it.of.name(), other.name());
    News {
        of: it.of.clone(),
        subject: other.asset.clone(),
        after: short(&peer),
        summary: format!("{name} now talks with {peer}{place}"),
        evidence: match seen {
            Some(seen) => seen.to_owned(),
            None => format!("packets with {}, until {}", other.address, it.at.rfc3339()),
        },
        ..News::new(Kind::NewPeer, severity, it.at)
    }
}
