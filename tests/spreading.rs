//! Who is said to spread, and whose work it is to ask many: packets in, the finding out.

mod scene;

use std::net::Ipv4Addr;

use scene::{MINUTE, PRINTER, SWITCH, Scene, inside, snmp};

/// A name that is asked for (RFC 1035).
const DNS: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01";
const DNS_ANSWER: &[u8] =
    b"\0\x07\x81\x80\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01";

fn outside(n: u32) -> [u8; 4] {
    Ipv4Addr::from(0x0808_0000 + n * 77).octets()
}

fn port(n: u32) -> u16 {
    u16::try_from(20_000 + n % 30_000).expect("a port")
}

type Case = (&'static str, fn(&mut Scene), &'static [&'static str]);

/// Who does what, and by which words he is told.
const CASES: &[Case] = &[
    (
        "a worm over UDP",
        |it| {
            let text = [&[4][..], &[1; 100]].concat();
            (0..300).for_each(|n| it.udp(i64::from(n) * 5, inside(n), (1050, 1434), &text, None));
        },
        &["udp-sweep"],
    ),
    (
        "a worm over SMB that has no time",
        |it| (0..60).for_each(|n| it.tcp(i64::from(n) * 50, inside(n), (port(n), 445), n % 3 == 0)),
        &["sweeps"],
    ),
    (
        "a worm over SMB that has time",
        |it| {
            (0..60)
                .for_each(|n| it.tcp(i64::from(n) * MINUTE, inside(n), (port(n), 445), n % 5 == 0));
        },
        &["slow-sweep"],
    ),
    (
        "and one that has all day",
        |it| {
            (0..120)
                .for_each(|n| it.tcp(i64::from(n) * 11 * MINUTE, inside(n), (port(n), 22), false));
        },
        &["slow-sweep"],
    ),
    (
        "who asks a whole link for an echo",
        |it| (1..255).for_each(|n| it.echo(i64::from(n) * 20, inside(n), n % 3 == 0)),
        &["echo-sweep"],
    ),
    (
        "who asks a range for an echo in which half is there, once",
        |it| {
            (0..200).for_each(|n| it.echo(i64::from(n) * 20, inside(n), n % 2 == 0));
            it.echo(40 * MINUTE, inside(1), false);
        },
        &["echo-sweep"],
    ),
    (
        "a monitor with a list of which a third is off",
        |it| {
            for (round, n) in (0..12_i64).flat_map(|round| (0..200).map(move |n| (round, n))) {
                it.echo(round * 5 * MINUTE + i64::from(n) * 5, inside(n), n % 3 != 0);
            }
        },
        &[],
    ),
    (
        "a monitor that takes its time, with a ward that is off",
        |it| {
            for (round, n) in (0..9_i64).flat_map(|round| (0..300).map(move |n| (round, n))) {
                let at = round * 5 * MINUTE + i64::from(n) * 1000;
                it.echo(at, inside(n), !(40..65).contains(&n) && n % 4 != 0);
            }
        },
        &[],
    ),
    (
        "a monitor of its own link",
        |it| {
            for (round, n) in (0..30_i64).flat_map(|round| (1..=250).map(move |n| (round, n))) {
                let (at, whom) = (round * 2 * MINUTE + i64::from(n) * 20, [10, 0, 0, n]);
                it.arp(at, whom);
                if n % 3 != 0 {
                    it.card(at + 1, whom);
                }
            }
        },
        &[],
    ),
    (
        "a monitor that looks for others one day",
        |it| {
            for (round, n) in (0..12_i64).flat_map(|round| (0..200).map(move |n| (round, n))) {
                it.echo(round * 5 * MINUTE + i64::from(n) * 5, inside(n), n % 3 != 0);
            }
            (500..700).for_each(|n| {
                it.echo(57 * MINUTE + i64::from(n) * 5, inside(n), n % 5 == 0);
            });
        },
        &["echo-sweep"],
    ),
    (
        "a list that grows by a few",
        |it| {
            for (round, n) in (0..12_u32).flat_map(|of| (0..100 + of * 8).map(move |n| (of, n))) {
                let at = i64::from(round) * 5 * MINUTE + i64::from(n) * 5;
                it.echo(at, inside(n), n % 3 != 0);
            }
        },
        &[],
    ),
    (
        "who asks a whole link for its cards",
        |it| (1..255).for_each(|n| it.arp(i64::from(n) * 20, [10, 0, 0, n])),
        &["arp-sweep"],
    ),
    (
        "a manager that polls, of whose devices some are off",
        |it| {
            for (round, n) in (0..6_i64).flat_map(|round| (0..200).map(move |n| (round, n))) {
                let (at, answers) = (round * 5 * MINUTE + i64::from(n) * 30, n % 10 != 0);
                let answer = snmp(0xa2, b"Linux");
                let answer = answers.then_some(&*answer);
                it.udp(at, inside(n), (50_000, 161), &snmp(0xa0, b""), answer);
                it.echo(at + 5, inside(n), answers);
            }
        },
        &[],
    ),
    (
        "a manager that looks for new devices",
        |it| {
            it.manages(3);
            for n in 0..254 {
                let at = MINUTE + i64::from(n) * 30;
                it.udp(at, inside(n), (50_000, 161), &snmp(0xa0, b""), None);
                it.echo(at + 5, inside(n), n % 9 == 0);
            }
            (1..255).for_each(|n| it.arp(2 * MINUTE + i64::from(n) * 20, [10, 0, 0, n]));
        },
        &[],
    ),
    (
        "who is answered by its switch alone",
        |it| {
            it.manages(1);
            it.searches();
        },
        &["echo-sweep"],
    ),
    (
        "a manager of three switches",
        |it| {
            it.manages(3);
            it.searches();
        },
        &[],
    ),
    (
        "who is answered by its printers",
        |it| {
            it.asks_what_they_are(3, PRINTER);
            it.searches();
        },
        &["echo-sweep"],
    ),
    (
        "who is answered by a printer, and logs on to switches that tell nobody",
        |it| {
            it.udp(0, [10, 9, 2, 1], (50_000, 161), &snmp(0xa0, b""), Some(&snmp(0xa2, PRINTER)));
            it.logs_on(3, false);
            it.searches();
        },
        &["echo-sweep"],
    ),
    (
        "and one that tells what it is, but asks nobody, and logs on to what others manage",
        |it| {
            it.says_what_it_is(b"Linux");
            it.logs_on(3, true);
            it.searches();
        },
        &["echo-sweep"],
    ),
    (
        "a router, behind which others ask",
        |it| {
            it.says_what_it_is(SWITCH);
            it.searches();
            for n in 0..120_u32 {
                let (at, text) = (i64::from(n) * 20, [1; 100]);
                it.udp(at, inside(n), (1050, 1434), &text, None);
                it.tcp(i64::from(n) * MINUTE, inside(n), (port(n), 445), n % 5 == 0);
            }
            (1..255).for_each(|n| it.arp(2 * MINUTE + i64::from(n) * 20, [10, 0, 0, n]));
        },
        &[],
    ),
    (
        "a router from which many are opened at once",
        |it| {
            it.says_what_it_is(SWITCH);
            (0..60).for_each(|n| it.tcp(i64::from(n) * 50, inside(n), (port(n), 445), false));
        },
        &["sweeps"],
    ),
    (
        "a backup server, of whose clients a third is off",
        |it| {
            let mut at = 0;
            for n in (0..90).chain(0..90) {
                it.tcp(at, inside(n), (port(n), 445), n % 3 != 0);
                at += MINUTE;
            }
        },
        &[],
    ),
    (
        "a resolver",
        |it| {
            for n in 0..300 {
                let answer = (n % 3 != 0).then_some(DNS_ANSWER);
                it.udp(i64::from(n) * 50, outside(n), (port(n), 53), DNS, answer);
            }
        },
        &[],
    ),
    (
        "a proxy",
        |it| {
            (0..300)
                .for_each(|n| it.tcp(i64::from(n) * 50, outside(n), (port(n), 443), n % 3 == 0));
        },
        &[],
    ),
    (
        "a domain controller",
        |it| {
            (0..15).for_each(|n| it.tcp(i64::from(n) * 50, inside(n), (port(n), 445), n % 3 != 0));
            for n in 0..200 {
                it.udp(i64::from(n) * 50, inside(n), (123, 123), &[0x24; 48], None);
                it.udp(i64::from(n) * 50, inside(n), (53, port(n)), DNS_ANSWER, None);
            }
        },
        &[],
    ),
    (
        "a printer that many look for",
        |it| {
            for n in 0..200 {
                let at = i64::from(n) * 50;
                it.udp(at, inside(n), (5353, 5353), &[0, 0, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0], None);
                it.udp(at, inside(n), (3702, port(n)), b"<x/>", None);
                it.udp(at, inside(n), (427, port(n)), &[2; 40], None);
                it.udp(at, [239, 255, 255, 250], (port(n), 3702), b"<x/>", None);
            }
        },
        &[],
    ),
    (
        "an exchange that plays music to telephones",
        |it| {
            for (n, packet) in (0..60).flat_map(|n| (0..20).map(move |packet| (n, packet))) {
                let at = i64::from(packet) * 20 + i64::from(n);
                it.udp(at, inside(n), (port(n), 16_384), &[0x80; 172], None);
            }
        },
        &[],
    ),
    (
        "who wakes others",
        |it| {
            (0..200)
                .for_each(|n| it.udp(i64::from(n) * 20, inside(n), (50_000, 9), &[255; 102], None));
        },
        &[],
    ),
    (
        "who was just switched on",
        |it| (1..60).for_each(|n| it.arp(i64::from(n) * 20, [10, 0, 0, n])),
        &[],
    ),
];

#[test]
fn who_spreads_is_told_by_what_was_seen_and_others_are_not() {
    let mut wrong = Vec::new();
    for (name, act, words) in CASES {
        let mut scene = Scene::default();
        act(&mut scene);
        let (said, _) = scene.spreads("").unwrap_or_default();
        if said != *words {
            wrong.push(format!("{name}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who has no other conversation, and how he is answered.
const ALONE: &[Case] = &[
    (
        "connections all of which are refused",
        |it| {
            for n in 0..60 {
                let at = i64::from(n) * MINUTE;
                it.tcp(at, inside(n), (port(n), 445), false);
                it.refuses(at + 2, inside(n), (port(n), 445), true);
            }
        },
        &["slow-sweep"],
    ),
    (
        "datagrams most of which are refused",
        |it| {
            for n in 0..100 {
                let at = i64::from(n) * 20;
                it.udp(at, inside(n), (1050, 1434), &[1; 100], None);
                if n % 4 != 0 {
                    it.refuses(at + 2, inside(n), (1050, 1434), false);
                }
            }
        },
        &["udp-sweep"],
    ),
    (
        "echoes some of which come back",
        |it| (0..200).for_each(|n| it.echo(i64::from(n) * 20, inside(n), n % 4 == 0)),
        &["echo-sweep"],
    ),
    (
        "a mirror that shows nothing that comes back",
        |it| {
            for n in 0..200 {
                let at = i64::from(n) * MINUTE / 4;
                it.tcp(at, inside(n), (port(n), 445), false);
                it.udp(i64::from(n) * 20, inside(n), (1050, 1434), &[1; 100], None);
                it.echo(i64::from(n) * 20, inside(n), false);
                it.arp(i64::from(n) * 20, [10, 0, 1, u8::try_from(n).expect("few")]);
            }
        },
        &[],
    ),
];

#[test]
fn who_is_answered_by_refusals_alone_is_told_too() {
    let mut wrong = Vec::new();
    for (name, act, words) in ALONE {
        let mut scene = Scene::default();
        act(&mut scene);
        let (said, _) = scene.spreads_alone("").unwrap_or_default();
        if said != *words {
            wrong.push(format!("{name}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_scanner_that_the_site_has_declared_is_accepted() {
    let scan = |accepted| {
        let mut scene = Scene::default();
        (0..250).for_each(|n| scene.tcp(i64::from(n) * 50, inside(n), (port(n), 445), false));
        (0..250).for_each(|n| scene.echo(i64::from(n) * 50, inside(n), false));
        scene.spreads(accepted).expect("it is told").1
    };
    assert!(!scan(""));
    let accepted = "[[accepted]]\nrule = \"spreading\"\nclass = \"network-appliance\"\nby = \"IT\"\nuntil = \"2030-01-01\"\nreason = \"scanner\"";
    assert!(!scan(accepted), "of another class");
    assert!(scan(&accepted.replace("class = \"network-appliance\"", "vlan = 0")));
}
