//! The fields of MSH that are told (§2.15.9), each only in the shape that is its own.

use std::borrow::Cow;

use super::message::{EUI64, SENDING_APPLICATION, SENDING_FACILITY};
use super::segment::Segment;
use super::{equipment, intact};
use crate::observe::Key;

/// Repetitions of MSH-21 that are told.
const MAX_PROFILES: usize = 4;
/// Which delimiter stands before MSH-3 to MSH-6, the names.
const NAMED: std::ops::RangeInclusive<usize> = 2..=5;
/// The same of MSH-17, the country: Portugal and Austria are called as segments are.
const COUNTRY: usize = 16;

/// The same of MSH-9, the message type: a country's own events are called as a site's own
/// segments are (`PPR^ZD1^PPR_ZD1`).
const TYPE: usize = 8;
/// The same of MSH-11: where MSH-12 is a version, nothing ran on before it.
const BEFORE_VERSION: usize = 10;

/// Whether MSH is no more than MSH.
pub(super) fn is_alone(line: &[u8], text: &str, msh: &Segment<'_>, field: char) -> bool {
    let plain = intact::as_sent(line, text, field);
    // A system may be called RAPID. Then what follows is still laid out as MSH is.
    let laid_out = message_type(msh).is_some()
        && processing(msh).is_some()
        && msh.first(12).is_some_and(|v| is_version(&v));
    let country = matches!(msh.raw(17), "PRT" | "AUT");
    let event = is_local_event(msh);
    let usual = |n: &usize| {
        laid_out && (NAMED.contains(n) || (*n == COUNTRY && country) || (*n == TYPE && event))
    };
    let mut found = intact::starts(text, field).chain(intact::starts(&plain, field));
    let mut local = intact::local_starts(text, field).chain(intact::local_starts(&plain, field));
    !intact::has_break(text)
        && found.all(|n| usual(&n))
        && local.all(|n| laid_out && n <= BEFORE_VERSION)
}

/// Whether MSH-9 is whole: type, an event of one's own, and the structure of both.
fn is_local_event(msh: &Segment<'_>) -> bool {
    let code = |text: &str| {
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        text.len() == 3 && text.bytes().all(fits)
    };
    let field = msh.field(9);
    let part = |n: usize| field.component(1, n);
    let structure =
        |text: &str| text.split_once('_').is_some_and(|(kind, event)| code(kind) && code(event));
    part(1).is_some_and(|it| code(&it))
        && part(2).is_some_and(|it| it.starts_with('Z') && code(&it))
        && part(3).is_none_or(|it| structure(&it))
        && part(4).is_none()
}

/// MSH-11 as table 0103 has it.
pub(super) fn processing<'a>(msh: &Segment<'a>) -> Option<Cow<'a, str>> {
    msh.first(11).filter(|id| matches!(id.as_ref(), "P" | "T" | "D"))
}

/// MSH-21: the repetitions that look like a conformance profile (EI, §2.A.28).
pub(super) fn profiles<'a>(
    msh: &Segment<'a>,
    repetition: char,
    component: char,
) -> impl Iterator<Item = &'a str> {
    let repetitions = msh.raw(21).split(repetition).map(str::trim).take(MAX_PROFILES);
    repetitions.filter(move |it| is_profile(it, component))
}

/// A transaction or profile of IHE, or anything that an OID names.
fn is_profile(ei: &str, component: char) -> bool {
    let mut parts = ei.split(component);
    let mut next = || parts.next().unwrap_or_default();
    let (id, namespace, oid, kind) = (next(), next(), next(), next());
    let digits = |arc: &str| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit());
    let is_oid = kind == "ISO" && oid.contains('.') && oid.split('.').all(digits);
    // People are called DECKER and IHEANACHO: the word must end.
    let ihe =
        namespace.strip_prefix("IHE").is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    parts.next().is_none() && intact::is_label(ei) && (is_transaction(id) || ihe || is_oid)
}

/// `LAB-29`, `PCD_DEC_001`.
fn is_transaction(id: &str) -> bool {
    let code = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    let domains = ["LAB", "PCD", "IHE", "ITI", "RAD", "DEC", "ACM"];
    let rest = domains.iter().find_map(|domain| id.strip_prefix(domain));
    rest.is_some_and(|rest| {
        !rest.starts_with(|c: char| c.is_ascii_alphabetic()) && rest.bytes().all(code)
    })
}

/// MSH-3 and MSH-4: `namespace^universal id^type of it` (HD, §2.A.33).
pub(super) fn names(msh: &Segment<'_>) -> Vec<(Key, String)> {
    let mut facts = Vec::new();
    for (key, n) in [(SENDING_APPLICATION, 3), (SENDING_FACILITY, 4)] {
        let hd = msh.field(n);
        let universal = hd.component(1, 2);
        if let Some(name) = hd.component(1, 1).or_else(|| universal.clone()) {
            facts.extend(intact::is_label(&name).then(|| (key, name.into_owned())));
        }
        let declared = hd.component(1, 3);
        let eui = universal.filter(|_| declared.as_deref() == Some("EUI-64"));
        if let Some(eui) = eui.as_deref().and_then(equipment::eui64) {
            facts.push((EUI64, equipment::eui64_text(eui)));
        }
    }
    facts
}

/// MSH-9 as `type^trigger`, or the type alone as v2.1 has it.
pub(super) fn message_type(msh: &Segment<'_>) -> Option<String> {
    let field = msh.field(9);
    let code = |n: usize| {
        let is_code = |text: &Cow<'_, str>| {
            matches!(text.len(), 2..=4) && text.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        field.component(1, n).filter(is_code)
    };
    let kind = code(1)?;
    Some(match code(2) {
        Some(trigger) => format!("{kind}^{trigger}"),
        None => kind.into_owned(),
    })
}

pub(super) fn is_version(text: &str) -> bool {
    text.len() <= 8
        && text.starts_with('2')
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
