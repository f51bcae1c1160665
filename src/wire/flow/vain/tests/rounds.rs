//! Echoes and cards.

use super::*;

#[test]
fn echoes_and_cards_of_many_new_ones_are_a_search_where_most_do_not_answer() {
    let echo = |n| vec![Packet { l4: Layer4::Icmp, ..between((1, CARD), one(n), &[8, 0]) }];
    let [(Sought::Echo, vain, 0)] = said(NOBODY, echo)[..] else { panic!("nobody") };
    assert!(vain > 20);
    assert_eq!(said(SOME, echo), [], "half: it may be a monitor");
    let same = |_| vec![Packet { l4: Layer4::Icmp, ..between((1, CARD), one(9), &[8, 0]) }];
    assert_eq!(said(NOBODY, same), [], "one");

    let nobody = |n| echo(n).into_iter().map(of_nobody).collect();
    assert_eq!(said(NOBODY, nobody), [], "of nobody");
    let group = |n| vec![Packet { dst_mac: None, ..echo_to([224, 0, 1, n].into()) }];
    assert_eq!(said(NOBODY, group), [], "groups");
    let six = |n| echo(n).into_iter().map(six).collect();
    assert_eq!(said(NOBODY, six).len(), 1);
}

/// A request for a card or the reply: the sender and receiver of the frame, its payload, and
/// its VLAN.
type Arp = ([u8; 6], [u8; 6], Vec<u8>, u16);

/// What is said of who asks for so many cards, of whom some answer, by messages that are
/// altered.
fn cards(many: u8, answers: u8, alter: impl Fn(&mut Arp)) -> Vec<(Sought, u32, u32)> {
    let arp = |from: [u8; 6], to: [u8; 6], operation: u8, whom: [u8; 4]| {
        let head = [0, 1, 8, 0, 6, 4, 0, operation];
        let own = if operation == 1 { [10, 0, 1, 1] } else { whom };
        let tail = if operation == 1 { [0; 6] } else { to };
        let body = [&head[..], &from, &own, &tail, &whom].concat();
        let to = if operation == 1 { [255; 6] } else { to };
        let mut message = (from, to, body, 0);
        alter(&mut message);
        message
    };
    let (mut engine, mut out) = (Engine::new(16), Vec::new());
    for n in 0..=many {
        let ask = arp(CARD, [0; 6], 1, [10, 0, 0, n]);
        let reply = arp(OTHER, CARD, 2, [10, 0, 0, n]);
        for it in [Some(ask), (n < answers).then_some(reply)].into_iter().flatten() {
            let (from, to, body, vlan) = it;
            let packet = Packet {
                segment: Segment { vlan, ..Segment::default() },
                l3: Layer3::Arp,
                l4: Layer4::None,
                src_mac: Some(Mac(from)),
                dst_mac: Some(Mac(to)),
                at: Timestamp::new(3600, u32::from(n) * 1_000_000),
                ..testing::udp(0, 0, &body)
            };
            engine.packet(&packet, None, &mut out);
        }
    }
    engine.finish(&mut out);
    let tries = out.iter().filter(|it| matches!(it.what, Observed::Tries(..)));
    tries.for_each(|it| assert_eq!(it.host.ip, Some([10, 0, 1, 1].into())));
    tried(&out)
}

#[test]
fn cards_of_many_new_ones_are_a_search_where_most_do_not_answer() {
    let as_it_is = |_: &mut Arp| {};
    let [(Sought::Arp, vain, 0)] = cards(255, 0, as_it_is)[..] else { panic!("nobody") };
    assert!(vain >= 26, "{vain}");
    assert_eq!(cards(255, 40, as_it_is).len(), 1);
    assert_eq!(cards(255, 200, as_it_is), [], "a link of neighbours");
    assert_eq!(cards(100, 0, as_it_is), [], "of four addresses one counts");
    let is_request = |it: &Arp| it.2[7] == 1;
    let of_one = |it: &mut Arp| it.1 = if is_request(it) { OTHER } else { it.1 };
    assert_eq!(cards(255, 0, of_one), [], "one is asked whether it is still there");
    let of_another = |it: &mut Arp| it.0 = OTHER;
    assert_eq!(cards(255, 0, of_another), [], "in another's name");
    let own = |it: &mut Arp| it.2.copy_within(24.., 14);
    assert_eq!(cards(255, 0, own), [], "who says its own address");
    let no_reply = |it: &mut Arp| it.2[7] = if is_request(it) { 1 } else { 9 };
    assert_eq!(cards(255, 200, no_reply).len(), 1, "what is no reply");
    let reply_to_all = |it: &mut Arp| it.2[7] = 2;
    assert_eq!(cards(255, 0, reply_to_all), [], "who answers all");
    // Each link has its own askers, and its own answers.
    assert_eq!(cards(180, 0, as_it_is).len(), 1);
    let two_links = |it: &mut Arp| it.3 = u16::from(it.2[27] & 4);
    assert_eq!(cards(180, 0, two_links), [], "half of them on another link");
    let elsewhere = |it: &mut Arp| it.3 = u16::from(!is_request(it));
    assert_eq!(cards(255, 200, elsewhere).len(), 1, "answered on another link");
}

/// What is said of who asks so many for echoes in rounds that begin at these seconds, of whom
/// some answer; until an hour later.
fn asked(
    many: u8,
    answers: impl Fn(u8) -> bool,
    seconds: &[i64],
    version: impl Fn(Packet<'static>) -> Packet<'static>,
) -> Vec<Observation> {
    let (mut engine, mut out) = (Engine::new(256), Vec::new());
    for (second, n) in seconds.iter().flat_map(|second| (1..=many).map(move |n| (second, n))) {
        let mut packet = Packet { l4: Layer4::Icmp, ..between((1, CARD), one(n), &[8, 0]) };
        packet.at = Timestamp::new(3600 + second, 0).plus(i64::from(n) * 1_000_000);
        let reply = Packet { payload: &[0], ..answer(&packet, &[]) };
        engine.packet(&version(packet), None, &mut out);
        if answers(n) {
            engine.packet(&version(reply), None, &mut out);
        }
    }
    let last = seconds.last().copied().unwrap_or_default() + 3600;
    (0..=last).step_by(7).for_each(|it| engine.idle(Timestamp::new(3600 + it, 0), &mut out));
    out
}

const FOUR: fn(Packet<'static>) -> Packet<'static> = |packet| packet;

/// How many are asked, who answers, when rounds begin, and whether it is told.
type Rounds = (&'static str, u8, fn(u8) -> bool, &'static [i64], bool);

#[test]
fn a_list_that_is_asked_again_is_no_search() {
    let cases: [Rounds; 12] = [
        ("once, of whom half answers", 40, SOME, &[0], true),
        ("and again after five minutes", 40, SOME, &[0, 300, 600], false),
        ("and after a minute", 40, SOME, &[0, 60, 120], false),
        ("and all the time", 40, SOME, &[0, 10, 20, 30, 40, 50, 60], false),
        ("and after an hour, as it is not known", 40, SOME, &[0, 3599], true),
        ("attempts within one round", 40, SOME, &[0, 1, 2, 8], true),
        ("three of four answer", 40, |n| n % 4 != 0, &[0], false),
        ("again, but one of eight answers", 40, |n| n % 8 == 0, &[0, 300, 600], true),
        ("fewer, again, but one of eight answers", 20, |n| n % 8 == 0, &[0, 300, 600], true),
        ("fewer, again, of whom half answers", 20, SOME, &[0, 300, 600], false),
        ("one that does not answer", 1, NOBODY, &[0], false),
        ("a round across the border of a step", 40, SOME, &[9, 309, 609], false),
    ];
    for (name, many, answers, seconds, is_told) in cases {
        for version in [FOUR, six] {
            let said = tried(&asked(many, answers, seconds, version));
            let is_many = said.first().is_some_and(|it| it.1 * 5 > u32::from(many) * 2);
            assert_eq!(is_many, is_told, "{name}: {said:?}");
        }
    }
}

#[test]
fn a_search_by_echoes_says_whether_anybody_answered() {
    let heard = |answers: fn(u8) -> bool| {
        let said = asked(40, answers, &[0], FOUR);
        let mut all = said.iter().filter_map(|it| match it.what {
            Observed::Tries(_, tried) => Some(tried.heard),
            _ => None,
        });
        (all.next(), all.next())
    };
    assert_eq!(heard(NOBODY), (Some(false), None));
    assert_eq!(heard(|n| n == 7), (Some(true), None));
}

fn first(vain: &mut Vain, from: u8, to: u8, second: i64, out: &mut Vec<Observation>) {
    let mut packet = Packet { l4: Layer4::Icmp, ..between((from, CARD), one(to), &[8, 0]) };
    packet.at = Timestamp::new(second, 0);
    vain.packet(&packet, out);
}

#[test]
fn a_search_whose_place_another_takes_is_told() {
    let (mut vain, mut out) = (Vain::default(), Vec::new());
    vain.asking = Askers::new(2, 2);
    (1..=40).for_each(|n| first(&mut vain, 1, n, 3600, &mut out));
    (1..=80).for_each(|n| first(&mut vain, 2, n, 3600, &mut out));
    assert_eq!(tried(&out), []);
    first(&mut vain, 3, 1, 3600, &mut out);
    let ip = out.first().and_then(|it| it.host.ip);
    assert_eq!((tried(&out).len(), ip), (1, Some([10, 0, 0, 1].into())));
}

#[test]
fn who_cannot_be_a_search_is_soon_forgotten_and_all_at_the_end() {
    let (mut vain, mut out) = (Vain::default(), Vec::new());
    first(&mut vain, 1, 1, 3600, &mut out);
    (1..=20).for_each(|n| first(&mut vain, 2, n, 3600, &mut out));
    let kept = |vain: &Vain| vain.asking.all.iter().filter(|it| it.key != 0).count();
    vain.advance(Timestamp::new(3610, 0), &mut out);
    assert_eq!(kept(&vain), 2, "answers may be under way");
    vain.advance(Timestamp::new(3620, 0), &mut out);
    assert_eq!(kept(&vain), 1);
    vain.finish(&mut out);
    assert_eq!((kept(&vain), tried(&out)), (0, vec![]));
    // In another capture the same are new.
    (1..=40).for_each(|n| first(&mut vain, 2, n, 3640, &mut out));
    vain.finish(&mut out);
    assert_eq!(tried(&out).len(), 1);
}

#[test]
fn what_is_over_is_told_soon_and_once() {
    let (mut engine, mut out) = (Engine::new(256), Vec::new());
    for n in 0..200_u8 {
        let mut packet = Packet { l4: Layer4::Icmp, ..between((1, CARD), one(n % 50), &[8, 0]) };
        packet.at = Timestamp::new(3600, u32::from(n) * 1_000_000);
        engine.packet(&packet, None, &mut out);
    }
    assert_eq!(tried(&out), []);
    engine.idle(Timestamp::new(3611, 0), &mut out);
    assert_eq!(tried(&out), [], "answers may be under way");
    engine.idle(Timestamp::new(3621, 0), &mut out);
    let tries: Vec<_> = out.iter().filter(|it| matches!(it.what, Observed::Tries(..))).collect();
    // When the last was asked for the first time.
    let [it] = tries[..] else { panic!("once") };
    assert_eq!(it.at, Timestamp::new(3600, 49_000_000));
    engine.finish(&mut out);
    assert_eq!(out.iter().filter(|it| matches!(it.what, Observed::Tries(..))).count(), 1);
}

#[test]
fn only_who_asked_several_for_the_first_time_is_waited_for() {
    for (sought, many, is_told) in [
        (Sought::Arp, LEAST_CARDS - 1, false),
        (Sought::Arp, LEAST_CARDS, true),
        (Sought::Echo, LEAST_ECHOES - 1, false),
        (Sought::Echo, LEAST_ECHOES, true),
    ] {
        let (mut vain, mut out) = (Vain::default(), Vec::new());
        let asked = (1 << many) - 1;
        let asker = Asker { key: 1, step: 0, sought, asked, first: many, ..Asker::NOBODY };
        *vain.asking.room(1, 0).unwrap() = asker;
        vain.advance(Timestamp(LIST - ASKING), &mut out);
        assert!(out.is_empty());
        vain.advance(Timestamp(LIST), &mut out);
        assert_eq!(out.len(), usize::from(is_told), "{many} by {sought}");
    }
}

#[test]
fn each_step_of_who_asks_for_long_is_judged_by_itself() {
    let (mut vain, mut out) = (Vain::default(), Vec::new());
    for n in 0..80_u8 {
        first(&mut vain, 1, n, 3600 + i64::from(n / 20) * 10, &mut out);
    }
    vain.advance(Timestamp::new(3600 + 1829, 0), &mut out);
    assert_eq!(out.len(), 3, "the fourth is waited for");
    vain.advance(Timestamp::new(3600 + 1830, 0), &mut out);
    assert_eq!(out.len(), 4);
}

#[test]
fn a_clock_that_is_set_back_ends_what_is_waited_for() {
    let (mut vain, mut out) = (Vain::default(), Vec::new());
    (1..=20).for_each(|n| first(&mut vain, 1, n, 7200, &mut out));
    vain.advance(Timestamp::new(7300, 0), &mut out);
    assert_eq!(tried(&out), []);
    vain.advance(Timestamp::new(3600, 0), &mut out);
    assert_eq!(tried(&out).len(), 1);
    assert!(vain.asking.all.iter().all(|it| it.key == 0));
}
