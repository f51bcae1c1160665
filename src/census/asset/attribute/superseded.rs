//! What was so until something else became so: a system that was installed anew, software of
//! a newer version, another name. The later one is believed when it has been said for a week,
//! in a way in which the earlier one was said too, hardly less surely, and the earlier one not
//! since: whoever forges a frame makes nothing new of a device that goes on saying what it is.

use super::{Candidate, HEARSAY, Reason, SHOWN, system};
use crate::census::host::Span;
use crate::time::SECOND;

/// Attributes that change while the device stays the same; sorted. What it is, who made it and
/// its number do not.
const CHANGING: [&str; 7] = [
    "hostname",
    "os_build",
    "os_edition",
    "os_name",
    "os_version",
    "software_version",
    "station_name",
];

/// From when to when the later one has been said, at least.
const LASTING: i64 = 7 * 86_400 * SECOND;
/// What was said for so long no more is over, though the later one was said before as well: it
/// was tried, or came back.
const OVER: i64 = 30 * 86_400 * SECOND;
/// How much less sure it may be.
const LESS: f32 = 0.15;
/// How much surer it is then than what was before.
const BELOW: f32 = 0.06;

/// Bounds what was said last before another was said for the first time.
pub(super) fn bound(name: &str, all: &mut [Candidate<'_>]) {
    if all.len() < 2 || CHANGING.binary_search(&name).is_err() {
        return;
    }
    let spans: Vec<Option<Span>> = all.iter().map(span).collect();
    let sequence = |a: usize, b: usize| {
        let (Some(Some(a)), Some(Some(b))) = (spans.get(a), spans.get(b)) else { return false };
        b.last.since(b.first) >= LASTING && (a.last < b.first || b.last.since(a.last) >= OVER)
    };
    let others = |one: &Candidate<'_>, other: &Candidate<'_>| match name {
        "os_name" => system::contradict(&one.value, &other.value),
        _ => !one.value.eq_ignore_ascii_case(&other.value),
    };
    let mut bounds = vec![f32::INFINITY; all.len()];
    for (later, new) in all.iter().enumerate().filter(|(_, it)| it.confidence >= SHOWN) {
        let is_before = |at: usize, it: &Candidate<'_>| {
            sequence(at, later) && others(it, new) && new.confidence + LESS >= it.confidence
        };
        let mut before = all.iter().enumerate().filter(|(at, it)| is_before(*at, it)).peekable();
        // One that was told in the same way shows that the device has changed; the rest of
        // what was said until then is of the time before, too.
        if before.peek().is_none() || !before.clone().any(|(_, it)| same_way(it, new)) {
            continue;
        }
        for (at, _) in before {
            if let Some(bound) = bounds.get_mut(at) {
                *bound = bound.min(new.confidence - BELOW);
            }
        }
    }
    for (candidate, bound) in all.iter_mut().zip(bounds) {
        candidate.confidence = candidate.confidence.min(bound);
    }
}

/// What others say of a name goes on after the device has another.
fn own<'c, 'a>(one: &'c Candidate<'a>) -> impl Iterator<Item = &'c Reason<'a>> {
    one.reasons.iter().filter(|it| !HEARSAY.contains(&it.key))
}

fn span(one: &Candidate<'_>) -> Option<Span> {
    own(one).map(|it| it.said.span).reduce(|mut all, span| {
        all.cover(span);
        all
    })
}

fn same_way(one: &Candidate<'_>, other: &Candidate<'_>) -> bool {
    own(one).any(|it| own(other).any(|that| that.key == it.key))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::census::Census;
    use crate::census::signature::Book;
    use crate::net::{HostId, Mac, Segment};
    use crate::observe::{Key, Observation, Observed};
    use crate::time::{SECOND, Timestamp};

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    /// What is shown of a device that says this at these seconds, in either order.
    fn shown(attribute: &str, all: &[(&'static str, &'static str, &[i64])]) -> String {
        let mut shown = Vec::new();
        for backwards in [false, true] {
            let said = |(key, value, times): &(&'static str, &'static str, &[i64])| {
                let (key, value) = (*key, *value);
                times.iter().map(move |at| (*at, key, value)).collect::<Vec<_>>()
            };
            let mut said: Vec<_> = all.iter().flat_map(said).collect();
            said.sort_unstable();
            if backwards {
                said.reverse();
            }
            let mut census = Census::new(Arc::clone(Book::builtin()));
            let host = HostId {
                segment: Segment { vlan: 7, ..Segment::default() },
                mac: Some(Mac([0, 9, 0xfb, 0, 0, 1])),
                ip: Some([10, 0, 0, 1].into()),
            };
            for (at, key, value) in said {
                let at = Timestamp(at * SECOND);
                let mut say = |what| census.apply(0, Observation { at, frame: 1, host, what });
                say(Observed::Present(Some(128)));
                say(Observed::Fact(Key::new(key), value.into()));
            }
            let assets = census.assets();
            let asset = assets.iter().find(|it| !it.macs.is_empty()).unwrap();
            let values = asset.shown(attribute);
            shown.push(values.first().map(|it| it.value.to_string()).unwrap_or_default());
        }
        assert_eq!(shown[0], shown[1], "in any order");
        shown.swap_remove(0)
    }

    #[test]
    fn a_system_that_is_installed_anew_is_the_one_it_has() {
        let (old, new) = ("6.1.7601", "10.0.10240");
        let system = |all: &[(&'static str, &'static str, &[i64])]| shown("os_name", all);
        let both = |before: &'static str, after: &'static str, then: &[i64]| {
            system(&[("ntlm.version", before, &[0, HOUR, 9 * DAY]), ("ntlm.version", after, then)])
        };
        // Whatever their names: back again as well.
        assert_eq!(both(old, new, &[10 * DAY, 17 * DAY]), "Windows 10");
        assert!(both(new, old, &[10 * DAY, 17 * DAY]).contains("Windows 7"));
        // What was told in other ways only before is of the time before, too.
        let native = ("smb.native_os", "Windows 10 Pro 10240");
        let now = ("ntlm.version", old, &[10 * DAY, 17 * DAY][..]);
        let told = |last| {
            let before = ("ntlm.version", new, &[0, last][..]);
            system(&[(native.0, native.1, &[0, 9 * DAY]), before, now])
        };
        assert!(told(9 * DAY).contains("Windows 7"));
        // It is said again, or nothing was told in the same way.
        assert_eq!(told(11 * DAY), "Windows 10");
        assert_eq!(system(&[(native.0, native.1, &[0, 9 * DAY]), now]), "Windows 10");
    }

    #[test]
    fn what_was_tried_before_is_believed_once_the_other_is_over() {
        let (old, new) = ("10.0.10240", "6.1.7601");
        let of = |last| {
            let tried = ("ntlm.version", new, &[2 * DAY, 3 * DAY, 20 * DAY, last][..]);
            shown("os_name", &[("ntlm.version", old, &[0, 12 * DAY]), tried])
        };
        assert_eq!(of(42 * DAY - 1), "Windows 10");
        assert!(of(42 * DAY).contains("Windows 7"));
    }

    #[test]
    fn a_weaker_word_does_not_take_over() {
        let agent = "Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36";
        let new = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36";
        let all = [
            ("ntlm.version", "6.1.7601", &[0, 9 * DAY][..]),
            ("http.user_agent", agent, &[0, 9 * DAY]),
            ("http.user_agent", new, &[10 * DAY, 30 * DAY]),
        ];
        assert!(shown("os_name", &all).contains("Windows 7"));
    }

    #[test]
    fn a_word_of_less_than_a_week_makes_nothing_new() {
        let of = |then: &[i64]| {
            let version = |value| ("hl7.software", value);
            let (old, new) = (version("Maker^Scanner^VA10"), version("Maker^Scanner^VB20"));
            let all = [(old.0, old.1, &[0, 9 * DAY][..]), (new.0, new.1, then)];
            shown("software_version", &all)
        };
        assert_eq!(of(&[10 * DAY, 17 * DAY - 1]), "VA10");
        assert_eq!(of(&[10 * DAY, 17 * DAY]), "VB20");
        assert_eq!(of(&[8 * DAY, 17 * DAY]), "VA10", "both at once");
    }

    #[test]
    fn a_name_that_others_still_give_is_not_its_own_any_more() {
        let of = |last| {
            let all = [
                ("ntlm.workstation", "CT-A", &[0, last][..]),
                ("dns.name", "CT-A.hospital.example", &[0, 17 * DAY]),
                ("ntlm.workstation", "CT-B", &[10 * DAY, 17 * DAY]),
            ];
            shown("hostname", &all)
        };
        assert_eq!(of(9 * DAY), "CT-B");
        assert_eq!(of(11 * DAY), "CT-A");
    }
}
