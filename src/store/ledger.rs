//! Knowledge, written where it changed: each asset is compared with what was last
//! published of it by a fingerprint.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

use super::activity::{Roll, Watch};
use super::alert::{self, Policy};
use super::history::Log;
use super::identifier;
use super::record::{self, Attribute, ReasonOf, ValueOf};
use super::risk;
use super::slice::Enough;
use super::writer::Failure;
use crate::census::asset::{Asset, AssetId, Candidate, Joined, Tally};
use crate::census::{Census, Span};
use crate::net::Transport;
use crate::observe::Role;
use crate::time::{SECOND, Timestamp};

/// Reasons kept of one value; a hundred agreeing frames say no more than the best.
const MAX_REASONS: usize = 16;
/// Services and peers listed of one asset.
pub(super) const MAX_LISTED: usize = 64;

/// What was published of an asset.
#[derive(Clone, Copy)]
struct Entry {
    number: i64,
    print: u128,
    last: Timestamp,
    /// When it was last looked at.
    round: u64,
}

/// What was published of every asset.
#[derive(Default)]
pub(super) struct Ledger {
    entries: HashMap<AssetId, Entry, RandomState>,
    next: i64,
    round: u64,
    /// Nothing was in the inventory when it was opened.
    is_first: bool,
    /// Read again after a publication that failed.
    alerts: Option<alert::State>,
}

/// What a publication changes, valid once it is committed.
#[derive(Default)]
pub(super) struct Changes {
    written: Vec<(AssetId, Entry)>,
    gone: Vec<(AssetId, i64)>,
    next: i64,
    alerts: Option<alert::State>,
    pub(super) summary: Published,
}

/// How much was written of the knowledge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Assets in all.
    pub assets: usize,
    /// Assets that are new, or of which something else is known now.
    pub changed: usize,
    /// Assets of which only the time has moved on.
    pub touched: usize,
    /// Assets that are no longer any.
    pub gone: usize,
    /// What they are.
    pub tally: Tally,
}

impl Ledger {
    /// As the inventory says.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut ledger = Self::default();
        let mut rows =
            connection.prepare("SELECT number, identity, last_seen, print FROM asset")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (number, last) = (row.get(0)?, Timestamp(row.get(2)?));
            let print = row.get_ref(3)?.as_blob().ok().and_then(|b| b.try_into().ok());
            // No fingerprint is like no other: such an asset is written again.
            let print = print.map_or(0, u128::from_be_bytes);
            let id = AssetId::of(row.get_ref(1)?.as_str().unwrap_or_default());
            ledger.entries.insert(id, Entry { number, print, last, round: 0 });
            ledger.next = ledger.next.max(number + 1);
        }
        ledger.is_first = ledger.entries.is_empty();
        Ok(ledger)
    }

    /// Writes the assets that changed; the result is for [`Self::settle`] once it is
    /// committed.
    pub(super) fn publish(
        &mut self,
        transaction: &Transaction<'_>,
        census: &Census,
        policy: &Policy,
        roll: &mut Roll<'_>,
        enough: &Enough,
    ) -> Result<Changes, Failure> {
        self.round += 1;
        let mut changes = Changes { next: self.next, ..Changes::default() };
        let mut add =
            transaction.prepare_cached("INSERT INTO asset VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        let mut change = transaction.prepare_cached(
            "UPDATE asset SET external = ?2, first_seen = ?3, last_seen = ?4, print = ?5
             WHERE number = ?1",
        )?;
        let mut touch =
            transaction.prepare_cached("UPDATE asset SET last_seen = ?2 WHERE number = ?1")?;
        // Apart from changes: an insertion that may replace makes SQLite keep each page beside.
        let mut know = transaction.prepare_cached("INSERT INTO known VALUES (?1, ?2)")?;
        let mut learn =
            transaction.prepare_cached("UPDATE known SET attributes = ?2 WHERE asset = ?1")?;
        let mut recall =
            transaction.prepare_cached("SELECT attributes FROM known WHERE asset = ?1")?;
        let mut convict =
            transaction.prepare_cached("INSERT OR REPLACE INTO risk VALUES (?1, ?2)")?;
        let mut tell =
            transaction.prepare_cached("INSERT OR REPLACE INTO identifier VALUES (?1, ?2)")?;
        let mut tell_first =
            transaction.prepare_cached("INSERT INTO identifier VALUES (?1, ?2)")?;
        let mut judge_first = transaction.prepare_cached("INSERT INTO risk VALUES (?1, ?2)")?;
        let mut acquit = transaction.prepare_cached("DELETE FROM risk WHERE asset = ?1")?;
        let silent = self.entries.is_empty();
        let mut log = Log::new(transaction, silent);
        let silent = silent || (policy.first_is_learning && self.is_first);
        let (alerts, captures) = (self.alerts.take(), census.captures());
        let mut alerts = alert::Publication::begin(alerts, transaction, policy, captures, silent)?;
        let mut parts: HashMap<AssetId, AssetId, RandomState> = HashMap::default();
        let (mut blob, mut judged, mut told) = (Vec::new(), Vec::new(), Vec::new());
        let watch = Watch::load(transaction)?;
        let go_on = || enough.yet();
        census.assess(go_on, |asset, judge| -> Result<(), Failure> {
            enough.yet()?;
            // What it did comes first: whether it is in use all the time is judged as well.
            let number = self.entries.get(&asset.id).map_or(changes.next, |it| it.number);
            let did = roll.asset(number, &asset, census)?;
            let assessment = judge(&asset, watch.of(asset.span, roll.since, &did));
            let mut known = attributes(&asset);
            record::begin_with_tail(&mut judged);
            if let Some(assessment) = &assessment {
                risk::attributes(assessment, &mut known);
                risk::add(&mut judged, assessment)?;
            }
            record::begin(&mut blob);
            record::add(&mut blob, &known)?;
            record::begin(&mut told);
            record::add(&mut told, &identifier::stored(&asset))?;
            let part = |it: &Joined<'_>| (AssetId::of(&it.identity.to_string()), asset.id);
            parts.extend(asset.joined.iter().map(part));
            let print = print(&asset, [&blob, &judged, &told]);
            let (first, last) = (asset.span.first, asset.span.last);
            changes.summary.assets += 1;
            changes.summary.tally.add(&asset);
            let number = match self.entries.get_mut(&asset.id) {
                Some(entry) if entry.print == print => {
                    entry.round = self.round;
                    alerts.seen(&asset, entry.number, &known, roll.online());
                    if entry.last != last {
                        touch.execute(params![entry.number, last.0])?;
                        changes.written.push((asset.id, Entry { last, ..*entry }));
                        changes.summary.touched += 1;
                    }
                    return Ok(());
                }
                Some(entry) => {
                    entry.round = self.round;
                    let old = recall.query_row([entry.number], |row| row.get::<_, Vec<u8>>(0));
                    alerts.seen(&asset, entry.number, &known, roll.online());
                    // A damaged one is written anew; what has changed is not known.
                    let old = old.optional()?;
                    if let Some(Ok(old)) = old.as_deref().map(record::only::<Vec<_>>) {
                        log.changed(last, asset.id, &old, &known)?;
                        alerts.changed(&asset, &old, &known);
                    }
                    let print = print.to_be_bytes();
                    change.execute(params![
                        entry.number,
                        asset.external,
                        first.0,
                        last.0,
                        print
                    ])?;
                    if learn.execute(params![entry.number, blob])? == 0 {
                        know.execute(params![entry.number, blob])?;
                    }
                    tell.execute(params![entry.number, told])?;
                    if assessment.is_some() {
                        convict.execute(params![entry.number, judged])?;
                    } else {
                        acquit.execute([entry.number])?;
                    }
                    entry.number
                }
                None => {
                    changes.next += 1;
                    alerts.seen(&asset, number, &known, roll.online());
                    alerts.appeared(&asset, &known);
                    let (id, identity) = (asset.id.to_string(), asset.identity.to_string());
                    if !asset.external {
                        log.appeared(last, asset.id, &identity)?;
                    }
                    let print = print.to_be_bytes();
                    add.execute(params![
                        number,
                        id,
                        identity,
                        asset.external,
                        first.0,
                        last.0,
                        print
                    ])?;
                    know.execute(params![number, blob])?;
                    tell_first.execute(params![number, told])?;
                    if assessment.is_some() {
                        judge_first.execute(params![number, judged])?;
                    }
                    number
                }
            };
            changes.written.push((asset.id, Entry { number, print, last, round: self.round }));
            changes.summary.changed += 1;
            Ok(())
        })?;
        let of_before = self.entries.iter().filter(|(_, entry)| entry.round != self.round);
        for (id, entry) in of_before {
            changes.gone.push((*id, entry.number));
            log.gone(entry.last, *id, parts.get(id).copied())?;
            alerts.gone(*id, entry.number, parts.get(id).copied())?;
        }
        log.close()?;
        let new: HashMap<AssetId, i64, RandomState> =
            changes.written.iter().map(|(id, entry)| (*id, entry.number)).collect();
        let number = |id| new.get(&id).copied().or_else(|| Some(self.entries.get(&id)?.number));
        let last_online = |number, hour| roll.last_online(number, hour);
        changes.alerts = Some(alerts.close(number, last_online)?);
        changes.summary.gone = changes.gone.len();
        for (_, number) in &changes.gone {
            for sql in [
                "DELETE FROM known WHERE asset = ?1",
                "DELETE FROM identifier WHERE asset = ?1",
                "DELETE FROM risk WHERE asset = ?1",
                "DELETE FROM asset WHERE number = ?1",
            ] {
                transaction.prepare_cached(sql)?.execute([number])?;
            }
            roll.gone(*number)?;
        }
        Ok(changes)
    }

    /// The changes are committed.
    pub(super) fn settle(&mut self, changes: Changes) -> Published {
        self.entries.extend(changes.written);
        for (id, _) in changes.gone {
            self.entries.remove(&id);
        }
        self.next = changes.next;
        self.alerts = changes.alerts;
        changes.summary
    }
}

/// A hash of all that is known but when it was last seen. A strong one: what is known is
/// what strangers say, and nobody may hide a change behind a fingerprint that he has met.
fn print(asset: &Asset<'_>, parts: [&[u8]; 3]) -> u128 {
    let mut hash = Sha256::new()
        .chain_update([u8::from(asset.external)])
        .chain_update(asset.span.first.0.to_be_bytes());
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hash = hash.chain_update(length.to_be_bytes()).chain_update(part);
    }
    hash.finalize().iter().take(16).fold(0, |print, byte| print << 8 | u128::from(*byte))
}

/// Everything known of an asset, as it is stored.
fn attributes<'a>(asset: &'a Asset<'_>) -> Vec<Attribute<'a>> {
    let mut all: Vec<Attribute<'a>> = Vec::with_capacity(asset.attributes.len() + 8);
    for (name, candidates) in &asset.attributes {
        let mut shown = asset.shown(name).into_iter().peekable();
        let values = candidates.iter().map(|candidate| {
            let is_shown = shown.next_if(|c| std::ptr::eq(*c, candidate)).is_some();
            value_of(candidate, is_shown)
        });
        all.push(Attribute { name: Cow::Borrowed(name), values: values.collect() });
    }
    if !asset.joined.is_empty() {
        let values = asset.joined.iter().map(|it| ValueOf {
            value: Cow::Owned(it.identity.to_string()),
            confidence: 1.0,
            shown: true,
            reasons: vec![ReasonOf {
                signature: it.rule,
                key: it.key,
                value: it.value,
                confidence: 1.0,
                capture: it.said.evidence.capture,
                frame: it.said.evidence.frame,
                first_seen: it.said.span.first,
            }],
        });
        let values = values.take(MAX_LISTED).collect();
        all.push(Attribute { name: Cow::Borrowed("joined"), values });
    }
    places(asset, |name, texts| {
        let values =
            texts.map(|value| ValueOf { value, confidence: 1.0, shown: true, reasons: Vec::new() });
        let values: Vec<_> = values.take(MAX_LISTED).collect();
        if !values.is_empty() {
            all.push(Attribute { name: Cow::Borrowed(name), values });
        }
    });
    all
}

fn value_of<'a>(candidate: &'a Candidate<'_>, shown: bool) -> ValueOf<'a> {
    let reasons = candidate.reasons.iter().take(MAX_REASONS).map(|why| ReasonOf {
        signature: why.signature,
        key: why.key,
        value: why.value,
        confidence: why.confidence,
        capture: why.said.evidence.capture,
        frame: why.said.evidence.frame,
        first_seen: why.said.span.first,
    });
    ValueOf {
        value: Cow::Borrowed(&candidate.value),
        confidence: candidate.confidence,
        shown,
        reasons: reasons.collect(),
    }
}

/// What is probably inside TLS, by the port that IANA has given it: an estimate, and shown as
/// one.
const INSIDE: [(u16, &str); 1] = [(2762, "dicom?")];

/// A service as it is shown; none of one that has no name and is only asked for.
pub(super) fn service(transport: Transport, port: u16, name: &str, role: Role) -> Option<String> {
    match (name, role) {
        ("", Role::Server) => Some(format!("{transport}/{port}")),
        ("", Role::Client) => None,
        ("tls", Role::Server) if let Some((_, inside)) = INSIDE.iter().find(|it| it.0 == port) => {
            Some(format!("tls ({inside}) {transport}/{port}"))
        }
        (name, Role::Server) => Some(format!("{name} {transport}/{port}")),
        (name, Role::Client) => Some(format!("{name} client")),
    }
}

/// Where it is plugged in, with the hour in which somebody last said so: tables are walked
/// every few minutes, and what is known is written only when it changes.
fn last_told(asset: &Asset<'_>) -> Vec<String> {
    const HOUR: i64 = 3600 * SECOND;
    let ports = asset.shown("switch_port");
    let places = asset.shown("switch").into_iter().zip(ports);
    let told = |(switch, port): (&Candidate<'_>, &Candidate<'_>)| {
        let last = switch.reasons.iter().map(|why| why.said.span.last).max()?;
        let hour = Timestamp(last.0.div_euclid(HOUR).saturating_mul(HOUR)).rfc3339();
        Some(format!("{} {} in the hour from {hour}", switch.value, port.value))
    };
    places.filter_map(told).collect()
}

/// Addresses, places, services and peers as values.
fn places<'a>(
    asset: &'a Asset<'_>,
    mut give: impl FnMut(&'static str, &mut dyn Iterator<Item = Cow<'a, str>>),
) {
    fn text<'a>(it: impl ToString) -> Cow<'a, str> {
        Cow::Owned(it.to_string())
    }
    let vendor = crate::census::signature::oui::vendor;
    let all = asset.services.iter();
    let mut services: Vec<String> = all
        .filter_map(|(transport, port, name, role)| service(*transport, *port, name, *role))
        .collect();
    services.sort_unstable();
    services.dedup();
    give("mac_addresses", &mut asset.macs.iter().map(text));
    give("mac_vendor", &mut asset.macs.iter().filter_map(|m| vendor(*m).map(Cow::Borrowed)));
    give("ip_addresses", &mut asset.ips.iter().map(text));
    let former = |(ip, span): &(_, Span)| Cow::Owned(format!("{ip} until {}", span.last.rfc3339()));
    give("former_addresses", &mut asset.former.iter().map(former));
    let conflict = |(ip, other): &(_, AssetId)| Cow::Owned(format!("{ip} with {other}"));
    give("address_conflicts", &mut asset.conflicts.iter().map(conflict));
    give("ip_assignment", &mut asset.leased.then_some(Cow::Borrowed("dhcp")).into_iter());
    let mut vlans: Vec<Cow<'_, str>> = asset.segments.iter().map(text).collect();
    for vlan in asset.assigned_vlans.iter().map(text) {
        if !vlans.contains(&vlan) {
            vlans.push(vlan);
        }
    }
    give("switch_last_told", &mut last_told(asset).into_iter().map(Cow::Owned));
    give("vlans", &mut vlans.into_iter().filter(|vlan| !vlan.is_empty()));
    give("last_user", &mut asset.last_user.map(Cow::Borrowed).into_iter());
    give("services", &mut services.into_iter().map(Cow::Owned));
    give("peers", &mut asset.peers.iter().map(text));
    give("seen_through", &mut asset.seen_through.iter().map(text));
}
