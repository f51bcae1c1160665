use super::super::Engine;
use super::*;
use crate::net::Mac;
use crate::observe::{Observed, SwitchPort};
use crate::wire::dissect::testing::udp;
use crate::wire::packet::Layer3;

fn key(n: u16) -> Key {
    let [asks, answers] = ["10.0.0.1", "10.0.0.2"].map(|ip| ip.parse().unwrap());
    (0, 0, Exchange { asks: (asks, n), answers: (answers, 1812), number: 7 })
}

fn question(nonce: u128, last: u8) -> Question {
    let card = Mac([0, 9, 0xfb, 0, 0, last]);
    Question { nonce, card, plug: None, held: Vec::new(), by: None, name: None, anew: false }
}

const fn at(second: i64) -> Timestamp {
    Timestamp::new(second, 0)
}

#[test]
fn an_answer_finds_its_question_once_and_not_too_late() {
    let mut asked = Asked::default();
    assert_eq!(asked.answered(&key(1), at(0)), None);
    asked.ask(key(1), at(100), question(1, 1));
    asked.ask(key(2), at(100), question(2, 2));
    assert_eq!(asked.answered(&key(2), at(101)), Some(question(2, 2)));
    assert_eq!(asked.answered(&key(1), at(101)), Some(question(1, 1)));
    assert_eq!(asked.answered(&key(1), at(101)), None, "answered");
    asked.ask(key(1), at(102), question(1, 1));
    assert_eq!(asked.answered(&key(1), at(102)), None, "the same, sent again late");
    asked.ask(key(1), at(103), question(3, 3));
    assert_eq!(asked.answered(&key(1), at(134)), None, "too late");
    assert_eq!(asked.answered(&key(1), at(90)), None, "another time");
    assert_eq!(asked.answered(&key(1), at(104)), Some(question(3, 3)));
}

#[test]
fn a_flood_takes_no_more_than_its_places() {
    let mut asked = Asked::default();
    for n in 0..=u16::MAX {
        asked.ask(key(n), at(100), question(u128::from(n), 1));
    }
    assert_eq!(asked.places.len(), MAX_QUESTIONS);
    let found = (0..=u16::MAX).filter(|n| asked.answered(&key(*n), at(100)).is_some()).count();
    assert!((1..=MAX_QUESTIONS).contains(&found), "{found}");
    assert!(asked.answered(&key(u16::MAX), at(100)).is_none());
}

/// Codes of RADIUS (RFC 2865 §3).
const ACCEPT: u8 = 2;
const REJECT: u8 = 3;
const CHALLENGE: u8 = 11;

fn message(code: u8, attributes: &[(u8, &[u8])]) -> Vec<u8> {
    let attribute = |(kind, value): &(u8, &[u8])| {
        [&[*kind, u8::try_from(value.len()).unwrap() + 2], *value].concat()
    };
    let rest: Vec<u8> = attributes.iter().flat_map(attribute).collect();
    let length = u16::try_from(rest.len()).unwrap() + 20;
    [&[code, 7], &length.to_be_bytes()[..], &[0xa5; 16], &rest].concat()
}

/// What stations are told through the engine: each message comes from the access device's
/// port, or to it, at a second; `2` is the server.
fn conversation(messages: &[(i64, u16, bool, Vec<u8>)]) -> Vec<String> {
    between(messages, true)
}

/// The same, answered by another card or by the access device's own.
fn between(messages: &[(i64, u16, bool, Vec<u8>)], others: bool) -> Vec<String> {
    let (mut engine, mut said) = (Engine::new(16), Vec::new());
    for (frame, (second, port, answers, message)) in (1..).zip(messages) {
        let mut it = udp(*port, 1812, message);
        if *answers {
            it = udp(1812, *port, message);
            if others {
                std::mem::swap(&mut it.src_mac, &mut it.dst_mac);
            }
            if let Layer3::Ip { src, dst, .. } = &mut it.l3 {
                std::mem::swap(src, dst);
            }
        }
        (it.at, it.frame) = (Timestamp::new(*second, 0), frame);
        engine.packet(&it, None, &mut said);
    }
    let vlans = said.into_iter().filter_map(|it| match it.what {
        Observed::Fact(key, vlan) if key.as_str() == "radius.vlan" => {
            Some(format!("{} {vlan}", it.host.mac?))
        }
        Observed::Fact(key, name) if key.as_str() == "radius.hostname" => {
            Some(format!("{} is {name}", it.host.mac?))
        }
        Observed::Fact(key, how) if key.as_str() == "radius.accounting" => {
            Some(format!("{} {how}", it.host.ip?))
        }
        Observed::Attached(SwitchPort { switch, port, vlan: Some(vlan), .. }) => {
            Some(format!("{} {switch} {port} {vlan}", it.host.mac?))
        }
        _ => None,
    });
    vlans.collect()
}

/// A question of a card's address, with its identifier and an authenticator.
fn asked(card: &str, identifier: u8, authenticator: u8) -> Vec<u8> {
    let mut it = message(
        1,
        &[(4, &[10, 0, 0, 1]), (31, card.as_bytes()), (61, &[0, 0, 0, 15]), (87, b"Gi1/0/7")],
    );
    (it[1], it[4]) = (identifier, authenticator);
    it
}

/// An answer that names nobody.
fn put(code: u8, identifier: u8, vlan: &str) -> Vec<u8> {
    let mut it = message(code, &[(64, &[0, 0, 0, 13]), (81, vlan.as_bytes())]);
    it[1] = identifier;
    it
}

const FIRST: &str = "00-09-fb-05-93-01";
const SECOND: &str = "00-09-fb-05-93-02";

#[test]
fn an_answer_that_names_nobody_is_about_whom_its_question_names() {
    // Out of order, and the same identifier from another port.
    let told = conversation(&[
        (0, 5000, false, asked(FIRST, 1, 1)),
        (0, 5000, false, asked(SECOND, 2, 2)),
        (0, 5001, false, asked("00-09-fb-05-93-03", 1, 3)),
        (1, 5000, true, put(ACCEPT, 2, "20")),
        (1, 5001, true, put(ACCEPT, 1, "30")),
        (1, 5000, true, put(ACCEPT, 1, "10")),
    ]);
    let expected = [
        "00:09:fb:05:93:02 10.0.0.1 Gi1/0/7 20",
        "00:09:fb:05:93:02 20",
        "00:09:fb:05:93:03 10.0.0.1 Gi1/0/7 30",
        "00:09:fb:05:93:03 30",
        "00:09:fb:05:93:01 10.0.0.1 Gi1/0/7 10",
        "00:09:fb:05:93:01 10",
    ];
    assert_eq!(told, expected);
}

#[test]
fn whom_an_answer_names_is_not_whom_it_is_about() {
    let named = |kind, card: &str| {
        let it = [(31, card.as_bytes()), (64, &[0, 0, 0, kind][..]), (81, b"10")];
        let mut it = message(ACCEPT, &it);
        it[1] = 1;
        (1, 5000, true, it)
    };
    assert!(conversation(&[named(13, FIRST)]).is_empty(), "nobody asked");
    let asks = || (0, 5000, false, asked(FIRST, 1, 1));
    let told = conversation(&[asks(), named(13, SECOND)]);
    assert_eq!(told.last().map(String::as_str), Some("00:09:fb:05:93:01 10"));
    assert!(conversation(&[asks(), named(3, FIRST)]).is_empty(), "another kind of tunnel");
}

#[test]
fn an_access_device_begins_anew_when_its_server_has_taken_note() {
    let asks = |status| {
        let it = [(4, &[10, 0, 0, 1][..]), (40, &[0, 0, 0, status])];
        (0, 5000, false, message(4, &it))
    };
    let noted = || (1, 5000, true, message(5, &[]));
    let all = [7, 8, 1].map(|status| conversation(&[asks(status), noted()]));
    assert_eq!(all, [vec!["10.0.0.1 anew".to_owned()], vec!["10.0.0.1 anew".to_owned()], vec![]]);
    assert!(conversation(&[asks(7)]).is_empty(), "nobody took note");
    assert!(between(&[asks(7), noted()], false).is_empty(), "it answers itself");
    let other = [(4, &[10, 0, 0, 9][..]), (40, &[0, 0, 0, 7])];
    let other = (0, 5000, false, message(4, &other));
    assert!(conversation(&[other, noted()]).is_empty(), "handed on for another");
}

#[test]
fn what_is_sent_again_is_the_same_question() {
    let told = conversation(&[
        (0, 5000, false, asked(FIRST, 1, 1)),
        (3, 5000, false, asked(FIRST, 1, 1)),
        (4, 5000, true, put(ACCEPT, 1, "10")),
        // Sent again once more under way, and the number is not free for another's answer.
        (4, 5000, false, asked(FIRST, 1, 1)),
        (5, 5000, true, put(ACCEPT, 1, "11")),
    ]);
    assert_eq!(told, ["00:09:fb:05:93:01 10.0.0.1 Gi1/0/7 10", "00:09:fb:05:93:01 10"]);
}

#[test]
fn nobody_is_put_into_the_vlan_of_another() {
    let ask = || (0, 5000, false, asked(FIRST, 1, 1));
    let accept = |second| (second, 5000, true, put(ACCEPT, 1, "10"));
    let refuse = |code| (1, 5000, true, put(code, 1, "10"));
    assert!(conversation(&[accept(0), ask()]).is_empty(), "an answer before any question");
    assert!(conversation(&[ask(), accept(60)]).is_empty(), "the number has come round");
    assert!(conversation(&[ask(), refuse(REJECT), accept(1)]).is_empty(), "refused");
    assert!(conversation(&[ask(), refuse(CHALLENGE), accept(1)]).is_empty(), "not yet");
    let other = (1, 5000, false, asked(SECOND, 1, 2));
    let told = conversation(&[ask(), accept(1), other.clone(), accept(2)]);
    assert_eq!(told.last().map(String::as_str), Some("00:09:fb:05:93:02 10"));
    // Of two that wait at once, one may be forged to catch the answer; so may a third.
    let third = (1, 5000, false, asked("00-09-fb-05-93-03", 1, 3));
    assert!(conversation(&[ask(), other.clone(), accept(2)]).is_empty(), "two wait");
    assert!(conversation(&[ask(), other.clone(), third, accept(2)]).is_empty(), "three");
    let late = (60, 5000, false, asked(SECOND, 1, 4));
    let told = conversation(&[ask(), other, late, accept(61)]);
    assert_eq!(told.last().map(String::as_str), Some("00:09:fb:05:93:02 10"), "long after");
}

#[test]
fn a_computer_has_its_name_once_it_is_accepted() {
    let asks = || {
        let name = (1, &b"host/ct1.hospital.example"[..]);
        let it = [name, (4, &[10, 0, 0, 1]), (31, FIRST.as_bytes()), (61, &[0, 0, 0, 15])];
        (0, 5000, false, message(1, &it))
    };
    let answer = |code| (1, 5000, true, message(code, &[]));
    let named = ["00:09:fb:05:93:01 is ct1.hospital.example"];
    assert_eq!(conversation(&[asks(), answer(ACCEPT)]), named);
    assert!(conversation(&[asks()]).is_empty(), "anybody may ask");
    assert!(conversation(&[asks(), answer(REJECT)]).is_empty());
    assert!(conversation(&[asks(), answer(CHALLENGE)]).is_empty());
}

#[test]
fn who_answers_himself_has_asked_nobody() {
    let talk = [(0, 5000, false, asked(FIRST, 1, 1)), (1, 5000, true, put(ACCEPT, 1, "10"))];
    assert_eq!(conversation(&talk).len(), 2);
    assert!(between(&talk, false).is_empty());
}
