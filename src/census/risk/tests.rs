//! Every rule, both ways: a small hospital in which it is met, and one in which it is not.

mod families;
mod now;
mod site;
mod unseen;
mod vlans;

use super::*;
use crate::census::heard::Heard;
use crate::census::signature::Book;
use crate::net::{HostId, Mac, Segment, Transport};
use crate::observe::{Key, Lease, Observation, Observed, Role};
use crate::time::{SECOND, Timestamp};

/// 2026-11-22.
const START: i64 = 1_795_305_600;
const DAY: i64 = 86_400;
const ROUTER: Mac = Mac([0, 1, 2, 0, 0, 0xfe]);
const MRI: (&str, &str) = ("dicom.implementation_uid", "1.3.12.2.1107.5.2");

/// Devices by the last octet of their card; the first is the one that is judged.
struct Hospital {
    census: Census,
    now: i64,
    vlan: u16,
}

impl Hospital {
    fn new() -> Self {
        let census = Census::new(std::sync::Arc::clone(Book::builtin()));
        let mut it = Self { census, now: START, vlan: 20 };
        it.say(1, Observed::Present(Some(64)));
        it
    }

    fn host(&self, card: u8) -> HostId {
        let segment = Segment { vlan: self.vlan, ..Segment::default() };
        // Every card in a subnet of its own.
        let ip = std::net::IpAddr::from([10, 0, card, 1]);
        HostId { segment, mac: Some(Mac([0, 1, 2, 0, 0, card])), ip: Some(ip) }
    }

    fn apply(&mut self, host: HostId, what: Observed<'static>) {
        self.now += 1;
        let at = Timestamp(self.now * SECOND);
        self.census.apply(0, Observation { at, frame: 1, host, what });
    }

    fn say(&mut self, card: u8, what: Observed<'static>) {
        self.apply(self.host(card), what);
    }

    fn fact(&mut self, (key, value): (&'static str, &'static str)) {
        self.say(1, Observed::Fact(Key::new(key), value.into()));
    }

    fn serves(&mut self, port: u16, name: &'static str) {
        self.say(1, Observed::Service(Transport::Tcp, port, name.into(), Role::Server));
    }

    fn uses(&mut self, port: u16, name: &'static str) {
        self.say(1, Observed::Service(Transport::Tcp, port, name.into(), Role::Client));
    }

    /// It talks with another device.
    fn meets(&mut self, card: u8) {
        self.say(card, Observed::Present(Some(64)));
        let (one, other) = (self.host(1), self.host(card));
        self.apply(one, Observed::Peer(other));
        self.apply(other, Observed::Peer(one));
    }

    /// It talks with somebody on the Internet who speaks so, if anything is known of it.
    fn internet(&mut self, ip: &str, speaks: Option<(u16, &'static str, Role)>) {
        let one = self.host(1);
        let other = HostId { mac: Some(ROUTER), ip: ip.parse().ok(), ..one };
        self.apply(other, Observed::Present(Some(50)));
        if let Some((port, name, role)) = speaks {
            self.apply(other, Observed::Service(Transport::Tcp, port, name.into(), role));
        }
        self.apply(one, Observed::Peer(other));
        self.apply(other, Observed::Peer(one));
    }

    fn medical(&mut self, cards: std::ops::Range<u8>) {
        for card in cards {
            self.say(card, Observed::Present(Some(64)));
            self.say(card, Observed::Fact(Key::new(MRI.0), MRI.1.into()));
        }
    }

    /// What is to be feared of the first device.
    fn assessment(&self) -> Assessment {
        self.watched(Watched::default())
    }

    /// The same once it was watched for so long.
    fn watched(&self, watched: Watched) -> Assessment {
        let mut found = None;
        let mac = Mac([0, 1, 2, 0, 0, 1]);
        let Ok(()) = self.census.assess(
            || Ok(()),
            |asset, judge| {
                if asset.macs.contains(&mac) {
                    found = judge(&asset, watched);
                }
                Ok::<(), std::convert::Infallible>(())
            },
        );
        found.expect("the first device is judged")
    }

    fn finding(&self, rule: &str) -> Option<Finding> {
        self.assessment().findings.into_iter().find(|it| it.rule == rule)
    }
}

/// A rule, a hospital in which it is met, and one that comes near without.
type Case = (&'static str, fn(&mut Hospital), fn(&mut Hospital));

const CASES: &[Case] = &[
    ("address-conflict", |it| to_and_fro(it, 10), |it| to_and_fro(it, 1)),
    (
        "address-trust",
        |it| it.fact(("rsh.trusts_address", "yes")),
        |it| it.fact(("rexec.takes_clear_login", "yes")),
    ),
    ("certificate-expired", |it| ends(it, "2026-11-21"), |it| ends(it, "2026-11-22")),
    (
        "cleartext-login",
        |it| it.fact(("telnet.clear_login", "yes")),
        |it| it.fact(("telnet.banner", "Welcome")),
    ),
    (
        "cleartext-password",
        |it| it.fact(("http.auth_scheme", "basic")),
        |it| it.fact(("http.auth_scheme", "negotiate")),
    ),
    ("cleartext-phi", |it| it.uses(2575, "hl7"), |it| it.uses(443, "tls")),
    (
        "dangerous-peer",
        |it| it.internet("202.114.4.119", Some((111, "", Role::Server))),
        |it| it.internet("202.114.5.119", Some((111, "", Role::Server))),
    ),
    (
        "default-account",
        |it| it.fact(("ftp.takes_known_account", "maker")),
        |it| it.fact(("rexec.takes_known_account", "default")),
    ),
    ("flat-exposure", |it| (2..5).for_each(|n| it.meets(n)), |it| it.meets(2)),
    (
        "internet-inbound",
        |it| {
            it.serves(3389, "rdp");
            it.internet("8.8.8.8", Some((3389, "rdp", Role::Client)));
        },
        |it| {
            it.serves(3389, "rdp");
            it.internet("8.8.8.8", Some((443, "tls", Role::Server)));
        },
    ),
    (
        "internet-outbound",
        |it| it.internet("8.8.8.8", Some((443, "tls", Role::Server))),
        |it| it.internet("8.8.8.8", None),
    ),
    (
        "legacy-crypto",
        |it| it.fact(("ssh.banner", "SSH-1.5-old")),
        |it| it.fact(("ssh.banner", "SSH-2.0-OpenSSH_9.2")),
    ),
    ("new-clinical-peer", |it| later(it, 8), |it| later(it, 6)),
    ("no-login", |it| it.fact(("vnc.security", "vnc,none")), |it| it.fact(("vnc.security", "vnc"))),
    (
        "os-support-depends",
        |it| it.fact(("ntlm.version", "10.0.17763")),
        |it| it.fact(("ntlm.version", "10.0.26200")),
    ),
    (
        "os-unsupported",
        |it| it.fact(("ntlm.version", "6.1.7601")),
        |it| it.fact(("ntlm.version", "10.0.17763")),
    ),
    (
        "remote-access",
        |it| it.fact(("dns.query", "router7.teamviewer.com")),
        |it| it.fact(("dns.query", "www.example.com")),
    ),
    (
        "self-signed-certificate",
        |it| it.fact(("tls.cert_self_signed", "yes")),
        |it| it.fact(("tls.cert_self_signed", "no")),
    ),
    (
        "smb1-client",
        |it| it.fact(("smb.agreed_dialect", "SMB1 NT LM 0.12")),
        |it| it.fact(("smb.client_dialects", "SMB1 NT LM 0.12")),
    ),
    (
        "smb1-server",
        |it| it.fact(("smb.dialect", "SMB1 NT LM 0.12")),
        |it| it.fact(("smb.dialect", "SMB 3.1.1")),
    ),
    ("snmp-readable", |it| it.fact(("snmp.version", "2c")), |it| it.fact(("snmp.version", "3"))),
    (
        "snmp-well-known",
        |it| it.fact(("snmp.well_known", "public")),
        |it| it.fact(("snmp.version", "2c")),
    ),
    ("spreading", |it| it.fact(("network.sweeps", "445")), |it| it.uses(445, "smb")),
    (
        "tunnel",
        |it| it.fact(("openvpn.role", "client")),
        |it| it.fact(("dns.query", "openvpn.example.com")),
    ),
    ("unauthenticated-clinical", |it| it.serves(104, "dicom"), |it| it.uses(104, "dicom")),
    ("unauthenticated-control", |it| it.serves(502, "modbus"), |it| it.uses(502, "modbus")),
    ("unknown-in-medical-vlan", |it| it.medical(2..5), |it| it.medical(2..4)),
    (
        "usual-account",
        |it| it.fact(("rexec.takes_known_account", "default")),
        |it| it.fact(("ftp.takes_known_account", "maker")),
    ),
    (
        "weak-tls",
        |it| it.fact(("tls.version", "TLS 1.0")),
        |it| it.fact(("tls.version", "TLS 1.2")),
    ),
];

/// Two cards use one address, a number of times each.
fn to_and_fro(it: &mut Hospital, times: i64) {
    let address = Observed::Address([10, 0, 1, 1].into(), Lease::Arp);
    for _ in 0..times {
        for card in [1, 2] {
            it.now += 60;
            let host = HostId { mac: Some(Mac([0, 1, 2, 0, 0, card])), ..it.host(1) };
            it.apply(host, Observed::Present(Some(64)));
            it.apply(host, address.clone());
        }
    }
}

fn ends(it: &mut Hospital, day: &'static str) {
    it.fact(("tls.cert_not_after", day));
}

/// Another comes so many days later and uses its service.
fn later(it: &mut Hospital, days: i64) {
    it.serves(104, "dicom");
    it.now += days * DAY;
    it.meets(2);
}

#[test]
fn every_rule_both_ways() {
    let mut wrong = Vec::new();
    for (rule, met, near) in CASES {
        let [yes, no] = [met, near].map(|scene| {
            let mut hospital = Hospital::new();
            scene(&mut hospital);
            hospital.finding(rule)
        });
        match yes {
            None => wrong.push(format!("{rule} is not met")),
            Some(it) if it.evidence.is_empty() || it.likelihood() <= 0.0 => {
                wrong.push(format!("{rule} has no evidence or no weight"));
            }
            Some(_) => {}
        }
        wrong.extend(no.map(|it| format!("{rule} is met where it should not be: {it:?}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_rule_has_a_case() {
    let advisories = ["advisory-affected", "advisory-exploited", "advisory-possible"];
    let cases: Vec<_> = CASES.iter().map(|(rule, ..)| *rule).chain(advisories).collect();
    for (rule, ..) in RiskBook::builtin().rules() {
        assert!(cases.contains(&rule), "{rule} has no case");
    }
    assert!(rules::RULES.is_sorted_by(|(a, _), (b, _)| a < b), "asked by halving");
}

#[test]
fn advisories_count_once_each_way() {
    let verdicts = |of: &[(Verdict, bool)]| {
        let hospital = Hospital::new();
        let book = RiskBook::builtin();
        let advisories: Vec<Match> = of
            .iter()
            .map(|(verdict, exploited)| Match {
                advisory: "ICSMA-00-000-01".into(),
                verdict: *verdict,
                exploited: *exploited,
                confidence: 0.9,
                because: "version 1 is before 2".into(),
                cves: Vec::new(),
                score: None,
            })
            .collect();
        let (around, support) = (Surroundings::default(), support::Support::default());
        let assets = hospital.census.assets();
        let look = Look {
            asset: &assets[0],
            book,
            around: &around,
            watched: Watched::default(),
            support: &support,
            advisories: &advisories,
            heard: Heard::NEVER,
            unseen_days: 0,
        };
        let found = rules::findings(&look).into_iter();
        found.map(|it| (it.rule.clone(), it.likelihood())).collect::<Vec<_>>()
    };
    let of = |rule: &str, p: f64| vec![(rule.to_owned(), p)];
    assert_eq!(verdicts(&[(Verdict::Affected, false); 2]), of("advisory-affected", 0.45));
    assert_eq!(verdicts(&[(Verdict::Affected, true)]), of("advisory-exploited", 0.8 * 0.9));
    assert_eq!(verdicts(&[(Verdict::Possible, true)]), of("advisory-exploited", 0.8 * 0.5 * 0.9));
    assert_eq!(verdicts(&[(Verdict::Possible, false)]), of("advisory-possible", 0.225));
    assert!(verdicts(&[(Verdict::Fixed, true), (Verdict::Fixed, false)]).is_empty());
}

#[test]
fn the_built_in_weights_and_dates_are_sound() {
    let faults = check(RiskBook::builtin(), Book::builtin());
    let all: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn editions_decide_the_end_of_support() {
    let of = |facts: &[(&'static str, &'static str)]| {
        let mut hospital = Hospital::new();
        facts.iter().for_each(|fact| hospital.fact(*fact));
        let it = hospital.assessment();
        let days: Vec<String> = it.support.into_iter().map(|until| until.end).collect();
        (it.supported, days.join(" "))
    };
    let ntlm = |build| ("ntlm.version", build);
    // 17763 alone: dead since 2020 or 2021, or alive until 2029 as LTSC or as a server.
    let (state, days) = of(&[ntlm("10.0.17763")]);
    assert_eq!(state, Some(Supported::Depends));
    assert!(days.contains("2020-11-10") && days.contains("2029-01-09"), "{days}");
    let ltsc = ("smb.native_os", "Windows 10 Enterprise LTSC 2019 17763");
    assert_eq!(of(&[ltsc]), (Some(Supported::Yes), "2029-01-09".to_owned()));
    let pro = ("smb.native_os", "Windows 10 Pro 17763");
    assert_eq!(of(&[pro]), (Some(Supported::No), "2020-11-10".to_owned()));
    let seven = ("smb.native_os", "Windows 7 Ultimate 7601 Service Pack 1");
    assert_eq!(of(&[seven]), (Some(Supported::No), "2020-01-14".to_owned()));
    // Only for who pays.
    let last = ("smb.native_os", "Windows 10 Pro 19045");
    assert_eq!(of(&[last]), (Some(Supported::Depends), "2025-10-14".to_owned()));
    let debian = ("ssh.banner", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10");
    assert_eq!(of(&[debian]), (Some(Supported::Yes), "2028-06-30".to_owned()));
    assert_eq!(of(&[]), (None, String::new()), "nothing is known");
}

#[test]
fn what_depends_on_it_raises_the_impact() {
    let steps = |scene: fn(&mut Hospital)| {
        let mut hospital = Hospital::new();
        hospital.fact(MRI);
        scene(&mut hospital);
        let terms = hospital.assessment().impact;
        terms.into_iter().map(|it| it.what).collect::<Vec<_>>()
    };
    assert_eq!(steps(|_| {}), ["class mri", "unique"]);
    assert_eq!(steps(|it| it.medical(2..3)), ["class mri"]);
    let hub = |it: &mut Hospital| {
        it.serves(104, "dicom");
        it.medical(2..7);
        (2..7).for_each(|n| it.meets(n));
    };
    assert_eq!(steps(hub), ["class mri", "hub"]);
}

#[test]
fn controls_and_use_count_after_a_week_of_watching() {
    let mut hospital = Hospital::new();
    hospital.fact(MRI);
    hospital.medical(2..3);
    hospital.meets(2);
    // Eight days lie between two packets: that is no week of watching.
    hospital.now += 8 * DAY;
    hospital.say(1, Observed::Present(Some(64)));
    let of = |days, in_use| {
        let it = hospital.watched(Watched { days, minutes: 10_000, in_use, ..Watched::default() });
        let controls: Vec<_> = it.controls.into_iter().map(|it| it.what).collect();
        (controls.join(" "), it.impact.into_iter().any(|it| it.what == "busy"))
    };
    assert_eq!(of(0, 5000), (String::new(), false));
    assert_eq!(of(6, 5000), (String::new(), false));
    assert_eq!(of(7, 5000), ("medical-segment one-partner".to_owned(), true));
    assert!(!of(7, 4999).1, "not most of the time");
}

#[test]
fn acceptances_hold_until_their_day() {
    let book = RiskBook::builtin();
    let of = |until: &str, class: &str| {
        let text = format!(
            "[[accepted]]\nrule = 'os-unsupported'\nclass = '{class}'\nby = 'board'\nuntil = '{until}'\nreason = 'replaced soon'"
        );
        let mut hospital = Hospital::new();
        hospital.fact(MRI);
        hospital.fact(("ntlm.version", "6.1.7601"));
        let accepted = Accepted::parse(&text, book).expect("understood");
        hospital.census.judge_by(book.clone().accepting(accepted));
        let it = hospital.finding("os-unsupported").expect("still listed");
        (it.accepted.is_some(), it.lapsed.is_some(), it.share > 0.0)
    };
    assert_eq!(of("2026-11-22", "mri"), (true, false, false), "its last day");
    assert_eq!(of("2026-11-21", "mri"), (false, true, true), "lapsed, and counts again");
    assert_eq!(of("2027-01-01", "ct"), (false, false, true), "another's");
    let fault = |text: &str| Accepted::parse(text, book).unwrap_err().to_string();
    let rest = "by = 'b'\nuntil = '2027-01-01'\nreason = 'r'";
    assert!(fault(&format!("[[accepted]]\nrule = 'x'\nvlan = 1\n{rest}")).contains("no rule"));
    let all = format!("[[accepted]]\nrule = 'spreading'\n{rest}");
    assert!(fault(&all).contains("names no asset"));
    assert!(fault("[[accepted]]\nrule = 'spreading'\nvlan = 1\nby = ' '\nuntil = '2027-01-01'\nreason = 'r'").contains("by whom"));
    assert!(fault(&format!("{all}\nvlan = 4095")).contains("1 to 4094"));
    assert!(fault("[[accept]]").contains("line 1"));
    assert!(
        fault("[[accepted]]\nrule = 'spreading'\nvlan = 1\nby = 'b'\nuntil = 'soon'\nreason = 'r'")
            .contains("no day")
    );
}

#[test]
fn acceptances_are_printed_on_one_line_and_name_somebody() {
    let book = RiskBook::builtin();
    let text = |asset: &str| {
        format!(
            "[[accepted]]\nrule = 'os-unsupported'\nasset = '{asset}'\nby = \"a\\nb\"\n\
             until = '2026-11-22'\nreason = \"\\u001b[31mred\""
        )
    };
    let mut hospital = Hospital::new();
    hospital.fact(("ntlm.version", "6.1.7601"));
    let id = hospital.census.assets()[0].id.to_string();
    let accepted = Accepted::parse(&text(&format!(" {id} ")), book).expect("blanks are no part");
    hospital.census.judge_by(book.clone().accepting(accepted));
    let it = hospital.finding("os-unsupported").and_then(|it| it.accepted).expect("accepted");
    assert_eq!((it.by.as_str(), it.reason.as_str()), ("a b", "[31mred"));
    assert!(hospital.census.unseen_accepted().is_empty());
    let accepted = Accepted::parse(&text("A0000000000"), book).expect("understood");
    hospital.census.judge_by(book.clone().accepting(accepted));
    assert_eq!(hospital.census.unseen_accepted(), ["A0000000000"]);
    let fault = Accepted::parse(&text(""), book).unwrap_err().to_string();
    assert!(fault.contains("empty asset"), "{fault}");
}

#[test]
fn evidence_is_said_once() {
    let mut hospital = Hospital::new();
    hospital.fact(("ike.version", "2"));
    // The same device by another address: two speakers, one device, one fact.
    let mut other = hospital.host(1);
    other.ip = "10.0.1.2".parse().ok();
    hospital.apply(other, Observed::Present(Some(64)));
    hospital.apply(other, Observed::Fact(Key::new("ike.version"), "2".into()));
    let it = hospital.finding("tunnel").expect("met");
    assert_eq!(it.evidence.len(), 1, "{:?}", it.evidence);
}

#[test]
fn a_site_changes_what_it_names_and_signs_it() {
    let site = "[sign-off]\nby = 'board'\non = '2026-11-02'\n[rule.cleartext-phi]\nseverity = 'low'\n
        [[class]]\nnames = ['mri']\nsafety = 'low'\neffectiveness = 'low'\ndata = 'low'\nsource = 'x'";
    let book = RiskBook::from_texts(&[("risk.toml", site)]).expect("understood");
    let mut hospital = Hospital::new();
    hospital.fact(MRI);
    hospital.uses(2575, "hl7");
    hospital.census.judge_by(book);
    let it = hospital.assessment();
    assert_eq!(it.signed.as_deref(), Some("board, 2026-11-02"));
    assert_eq!(it.findings[0].severity, Severity::Low);
    assert_eq!(it.impact[0].sets, Some([Severity::Low; 3]));
    let fault = |text: &str| RiskBook::from_texts(&[("risk.toml", text)]).unwrap_err().to_string();
    assert!(fault("[rule.new]\nseverity = 'low'").contains("missing field"));
    assert!(fault("[likelihood]\nhigh = 2.0").contains("not in order"));
    assert!(fault("[limit]\n").contains("unknown field"));
    assert!(fault("[rule.tunnel]\nseverity = 'huge'").contains("unknown variant"));
    assert!(
        fault("[level]\nlow = 90").contains("invalid type")
            || fault("[level]\nlow = 90.0").contains("order")
    );
    let row = "[[os]]\nid = 'windows-7'\nname = 'Windows 7'\nsource = 'x'\neditions = [{ edition = 'all', end = '2099-01-01' }]";
    let book = RiskBook::from_texts(&[("support.toml", row)]).expect("understood");
    let mut hospital = Hospital::new();
    hospital.fact(("smb.native_os", "Windows 7 Ultimate 7601 Service Pack 1"));
    hospital.census.judge_by(book);
    assert_eq!(hospital.assessment().supported, Some(Supported::Yes));
}
