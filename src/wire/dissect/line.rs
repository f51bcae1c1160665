//! What leaves of the free text in which programs and devices name themselves. A site, a
//! user or a stranger can write into it what they like, and with it the name of a patient:
//! known words, versions and models stay, whatever else stands there becomes [`LEFT_OUT`].
//! A product token (RFC 9110 §10.1.5) of which nothing is known is no exception: `Name/1.0` is
//! a program's or a person's.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use crate::observe::text::LEFT_OUT;

/// Facts whose values are lines of free text, sorted.
pub const LINES: &[&str] = &[
    "cdp.software_version",
    "ftp.banner",
    "http.auth_realm",
    "http.powered_by",
    "http.server",
    "http.user_agent",
    "lldp.system_description",
    "pjl.id",
    "rtsp.auth_realm",
    "rtsp.server",
    "rtsp.user_agent",
    "sip.server",
    "sip.user_agent",
    "smtp.banner",
    "snmp.sysdescr",
    "ssdp.server",
    "ssdp.user_agent",
    "ssh.banner",
    "telnet.banner",
];

/// Those that a device's maker writes and nobody else: the serial number may be in them.
const MAKERS: &[&str] = &["cdp.software_version", "lldp.system_description", "snmp.sysdescr"];
/// Those that begin with the name of a host (RFC 959 §5.4, RFC 5321 §4.2), when what
/// follows is known.
const NAMED: &[(&str, &[&str])] =
    &[("ftp.banner", &["Microsoft FTP Service"]), ("smtp.banner", &["ESMTP", "Microsoft ESMTP"])];

/// Known words, lower case.
static WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let text = include_str!("../../../signatures/words.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_ascii_whitespace).collect()
});
/// Longest known word.
const LONGEST: usize = 32;

/// What is kept of the value of a fact; none where nothing is left to say.
#[must_use]
pub fn kept<'t>(key: &str, text: &'t str) -> Option<Cow<'t, str>> {
    if LINES.binary_search(&key).is_err() {
        return Some(Cow::Borrowed(text));
    }
    let digits = if MAKERS.contains(&key) { 14 } else { 5 };
    let named = NAMED.iter().find(|(it, _)| *it == key);
    let name = named.and_then(|(_, behind)| name(text, behind)).unwrap_or_default();
    let mut kept = String::new();
    let (mut done, mut left_out, mut said) = (0_usize, false, false);
    let mut before = "";
    for (begin, atom) in atoms(text) {
        let end = begin.saturating_add(atom.len());
        if begin < name
            || is_known(atom)
            || is_compound(atom)
            || is_number(atom)
            || is_day(atom, before)
            || is_model(atom, digits)
        {
            kept.push_str(text.get(done..end).unwrap_or_default());
            left_out = false;
            said |= begin < name || atom.bytes().any(|b| b.is_ascii_alphabetic());
        } else {
            if !left_out {
                kept.push_str(text.get(done..begin).unwrap_or_default());
                kept.push(LEFT_OUT);
            }
            left_out = true;
        }
        before = text.get(begin..).unwrap_or_default();
        done = end;
    }
    kept.push_str(text.get(done..).unwrap_or_default());
    match kept == text {
        true => Some(Cow::Borrowed(text)),
        false => said.then_some(Cow::Owned(kept)),
    }
}

/// Runs of letters and digits, and where they begin.
fn atoms(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0_usize;
    text.split(|c: char| !c.is_alphanumeric()).filter_map(move |atom| {
        let at = text.get(rest..)?.find(atom)?.saturating_add(rest);
        (!atom.is_empty()).then(|| {
            rest = at.saturating_add(atom.len());
            (at, atom)
        })
    })
}

/// How long the name of the host at the beginning is.
fn name(text: &str, behind: &[&str]) -> Option<usize> {
    let (name, rest) = text.split_once([' ', ','])?;
    let rest = rest.trim_ascii_start();
    behind.iter().any(|it| rest.starts_with(it)).then_some(name.len())
}

/// A word that is known, without regard to case, or a letter.
fn is_known(word: &str) -> bool {
    let is_word = word.len() <= LONGEST && word.bytes().all(|b| b.is_ascii_alphabetic());
    is_word && (word.len() == 1 || WORDS.contains(word.to_ascii_lowercase().as_str()))
}

/// Known words written as one: `AppleWebKit`, `HTTPServer`.
fn is_compound(atom: &str) -> bool {
    let bytes = atom.as_bytes();
    let begins = |at: usize| {
        let is = |at: usize, which: fn(&u8) -> bool| bytes.get(at).is_some_and(which);
        let (before, own) = (at.saturating_sub(1), at);
        is(own, u8::is_ascii_uppercase)
            && (is(before, u8::is_ascii_lowercase)
                || is(at.saturating_add(1), u8::is_ascii_lowercase))
    };
    let mut from = 0_usize;
    let ends = (1..bytes.len()).filter(|at| begins(*at)).chain([bytes.len()]);
    atom.is_ascii()
        && ends.into_iter().all(|end| {
            let part = atom.get(from..end).unwrap_or_default();
            from = end;
            part.len() > 1 && is_known(part)
        })
}

/// A part of a version: a date of birth is longer.
fn is_number(atom: &str) -> bool {
    atom.len() <= 6 && atom.bytes().all(|b| b.is_ascii_digit())
}

/// The day of a build behind a name: `Gecko/20100101`, and what calls itself a build.
/// `before` begins with that name.
fn is_day(atom: &str, before: &str) -> bool {
    let known = before.get(..before.len().min(LONGEST)).unwrap_or_default();
    let known = known.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let behind = before.get(known.len()..).unwrap_or_default();
    atom.len() == 8
        && (atom.starts_with("20") || known == "build")
        && atom.bytes().all(|b| b.is_ascii_digit())
        && known.len() > 1
        && is_known(known)
        && behind.starts_with(['/', '-'])
        && behind.get(1..).is_some_and(|rest| rest.starts_with(atom))
}

/// Letters with digits: `T46S`, `p1`, `Darwin12`, a hardware address. Words in it are short
/// or known.
fn is_model(atom: &str, digits: usize) -> bool {
    let mut runs = atom.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    let text = |run| std::str::from_utf8(run).unwrap_or_default();
    let is_card = atom.len() == 12 && atom.bytes().all(|b| b.is_ascii_hexdigit());
    let is_word = |run: &str| is_known(run) || is_compound(run);
    // A hardware address, a number of a maker, or a product with the number of its kind.
    let short = atom.len() <= 16;
    (short || atom.len() <= LONGEST)
        && atom.is_ascii()
        && atom.bytes().any(|b| b.is_ascii_digit())
        && atom.bytes().any(|b| b.is_ascii_alphabetic())
        && runs.all(|run| match run.first().is_some_and(u8::is_ascii_digit) {
            true => run.len() <= digits || is_card,
            false => is_card || (short && run.len() <= 3) || is_word(text(run)),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn keeps(key: &str, all: &[(&str, &str)]) {
        for (text, expected) in all {
            let found = kept(key, text).unwrap_or_default();
            assert_eq!(found, *expected, "{key} {text}");
            if !found.is_empty() {
                assert_eq!(kept(key, &found).as_deref(), Some(*expected), "it stays so");
            }
        }
    }

    #[test]
    fn known_products_stay_and_names_do_not() {
        keeps(
            "http.user_agent",
            &[
                ("App/1.0 (CANARY)", "App/1.0 (…)"),
                ("App/1.0 (CANARY TARO, 19470311)", "App/1.0 (…)"),
                ("Cam-Viewer/v2.1 CANARY", "Cam-Viewer/v2.1 …"),
                ("CANARY", ""),
                ("CANARY 12", ""),
                ("山田 太郎", ""),
                ("http://ward/CANARY/1.0", "http://…/1.0"),
                ("Kanrisha/19470311", ""),
                ("CANARY/1.0", ""),
                ("CANARY-Taro/1.0 Chrome/92.0", "…/1.0 Chrome/92.0"),
                ("CANARYViewer/1.0 AppleWebKit/537.36", "…/1.0 AppleWebKit/537.36"),
                ("CanaryViewer/2 MediaPlayer/3", "…/2 MediaPlayer/3"),
                (
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:92.0) Gecko/20100101 Firefox/92.0",
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:92.0) Gecko/20100101 Firefox/92.0",
                ),
            ],
        );
        keeps("rtsp.server", &[("Cam/1.0 CANARY", "Cam/1.0 …"), ("VLC CANARY", "VLC …")]);
        keeps("http.powered_by", &[("CANARY", ""), ("PHP/5.5.12-2", "PHP/5.5.12-2")]);
    }

    #[test]
    fn of_programs_of_ssh_name_and_version_stay() {
        keeps(
            "ssh.banner",
            &[
                ("SSH-2.0-x CANARY", "SSH-2.0-x …"),
                ("SSH-2.0-Acme_2.8.1", "SSH-2.0-Acme_2.8.1"),
                ("SSH-2.0-Acme_2.8.1 CANARY", "SSH-2.0-Acme_2.8.1 …"),
                ("SSH-2.0-Acme_CANARY", "SSH-2.0-Acme_…"),
                ("SSH-2.0-CANARY_2.8.1", "SSH-2.0-…_2.8.1"),
                ("SSH-2.0-OpenSSH_8.9 FreeBSD-20230101", "SSH-2.0-OpenSSH_8.9 FreeBSD-20230101"),
            ],
        );
    }

    #[test]
    fn what_stands_before_a_known_product_is_a_host_and_else_a_word() {
        let known = "pacs-web Microsoft FTP Service (Version 5.0).";
        keeps("ftp.banner", &[(known, known), ("CANARY FTP server ready", "… FTP server ready")]);
        keeps("smtp.banner", &[("mx1.h.example ESMTP CANARY", "mx1.h.example ESMTP …")]);
    }

    #[test]
    fn makers_write_serial_numbers_and_others_do_not() {
        keeps(
            "snmp.sysdescr",
            &[("HP JETDIRECT,EEPROM JSI24210036", "HP JETDIRECT,EEPROM JSI24210036")],
        );
        keeps("snmp.sysdescr", &[("Room 4 CANARY", "")]);
        keeps("sip.user_agent", &[("Yealink T46S AB12345678", "Yealink T46S …")]);
    }

    #[test]
    fn other_facts_are_left_alone() {
        assert_eq!(kept("dicom.model", "Acme Foo").as_deref(), Some("Acme Foo"));
        assert!(LINES.is_sorted() && MAKERS.iter().all(|it| LINES.contains(it)));
    }

    #[test]
    fn words_are_sorted_lower_case_words() {
        let text = include_str!("../../../signatures/words.txt");
        let words: Vec<_> =
            text.lines().filter(|l| !l.starts_with('#')).flat_map(str::split_whitespace).collect();
        assert!(words.is_sorted() && words.len() > 600, "{}", words.len());
        assert!(words.iter().all(|it| (2..=LONGEST).contains(&it.len())), "too long or short");
        assert!(words.iter().all(|it| it.bytes().all(|b| b.is_ascii_lowercase())), "plain words");
    }
}
