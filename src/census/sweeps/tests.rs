use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::new(second, 0)
}

#[test]
fn parts_of_a_minute_add_up_and_there_are_not_too_many() {
    let mut sweeps = Sweeps::default();
    let who = HostId::default();
    assert!(!sweeps.asks(who, 445, 0x3ff, at(1)), "ten");
    assert!(!sweeps.asks(who, 445, 0x3ff, at(2)), "the same ten");
    assert!(!sweeps.asks(who, 22, 0x3ff << 20, at(3)), "for another port");
    assert!(!sweeps.asks(who, 445, 0x3ff << 20, at(70)), "a minute later");
    assert!(sweeps.asks(who, 445, 0x7f << 20, at(4)), "and seven more");
    assert!(!sweeps.asks(who, 445, 0x7f << 20, at(5)), "of whom it is known");
    let tried = Tried { vain: 1, ..Tried::default() };
    for n in 0..100_000_u32 {
        let segment = crate::net::Segment { vni: n, ..crate::net::Segment::default() };
        let (who, at) = (HostId { segment, ..who }, at(i64::from(n / 50_000) * 60));
        sweeps.asks(who, 445, 1, at);
        sweeps.tries(who, Sought::Udp(9999), tried, at).for_each(drop);
    }
    for minute in 0..100_000 {
        sweeps.asks(who, 445, 1, at(minute * 60));
        sweeps.tries(who, Sought::Tcp(445), tried, at(minute * 60)).for_each(drop);
    }
    for window in [&sweeps.minute, &sweeps.hour, &sweeps.day] {
        let all: usize = window.steps.values().map(HashMap::len).sum();
        assert!(all == window.count && all <= window.askers, "{all}");
        assert!(window.steps.len() <= window.askers);
    }
}

#[test]
fn a_minute_has_no_border_and_no_order() {
    let who = HostId::default();
    // One each two seconds, from wherever in the minute they begin: forty seconds.
    let told = |begin: i64, every: i64, backwards: bool| {
        let mut sweeps = Sweeps::default();
        let mut all: Vec<i64> = (0..20).collect();
        if backwards {
            all.reverse();
        }
        all.into_iter().any(|n| sweeps.asks(who, 445, 1 << n, at(begin + every * n)))
    };
    for begin in 0..60 {
        assert!(told(begin, 2, false) && told(begin, 2, true), "from second {begin}");
        assert!(!told(begin, 4, false) && !told(begin, 4, true), "fifteen a minute");
    }
}

#[test]
fn a_minute_is_no_longer_by_what_comes_late_in_between() {
    let told = |seconds: [i64; 3]| {
        let mut sweeps = Sweeps::default();
        let parts = [0x1ff, 0x1ff << 20, 1 << 40].into_iter().zip(seconds);
        parts.fold(false, |_, (part, it)| sweeps.asks(HostId::default(), 445, part, at(it)))
    };
    assert!(told([5, 55, 35]) && told([55, 5, 35]));
    assert!(!told([5, 105, 55]) && !told([105, 5, 55]));
}

#[test]
fn a_flood_of_askers_hides_none_of_its_step_and_takes_no_more_room() {
    let mut sweeps = Sweeps::default();
    let who = HostId::default();
    assert!(!sweeps.asks(who, 445, 0x3ff, at(1)));
    for n in 1..=70_000 {
        let segment = crate::net::Segment { vni: n, ..crate::net::Segment::default() };
        sweeps.asks(HostId { segment, ..who }, 445, 1, at(2));
    }
    assert_eq!(sweeps.minute.count, sweeps.minute.askers);
    assert!(sweeps.asks(who, 445, 0x7f << 20, at(3)));
}

/// Attempts of one asker: for what, each so many seconds after the one before, how many in
/// vain, how many answered in between.
type Case = (&'static str, Sought, i64, u32, u32, &'static [&'static str]);

const UDP: Sought = Sought::Udp(1434);
const SMB: Sought = Sought::Tcp(445);

const CASES: &[Case] = &[
    ("a worm over UDP", UDP, 1, 40, 0, &["udp/1434"]),
    ("of which hardly anybody answers", UDP, 1, 40, 4, &["udp/1434"]),
    ("of which some do", UDP, 1, 40, 8, &[]),
    ("few", UDP, 1, 16, 0, &[]),
    ("one each five seconds", UDP, 5, 24, 0, &[]),
    ("echoes of a link", Sought::Echo, 1, 17, 0, &["echo"]),
    ("few echoes", Sought::Echo, 1, 16, 0, &[]),
    ("echoes all day", Sought::Echo, 60, 64, 0, &[]),
    ("cards of half a link", Sought::Arp, 1, 26, 0, &["arp"]),
    ("cards of neighbours", Sought::Arp, 1, 25, 0, &[]),
    ("one each minute", SMB, 60, 27, 0, &["slow tcp/445"]),
    ("and over UDP", UDP, 60, 27, 0, &["slow udp/1434"]),
    ("of which a third answers", SMB, 60, 32, 12, &["slow tcp/445"]),
    ("of which half does", SMB, 60, 32, 20, &[]),
    ("too few in an hour", SMB, 180, 30, 0, &[]),
    ("more and more in a day", SMB, 900, 42, 0, &["slow tcp/445"]),
    ("too few in a day", SMB, 3000, 48, 0, &[]),
    ("at once", SMB, 1, 60, 0, &[]),
];

fn words(sought: Sought, every: i64, vain: u32, answered: u32) -> Vec<String> {
    let mut sweeps = Sweeps::default();
    let mut words = Vec::new();
    for n in 0..vain {
        // Those who answer are spread evenly among the others.
        let answers = n * answered / vain != (n + 1) * answered / vain;
        let tried = Tried { vain: 1 << n, answered: u64::from(answers) << (63 - n), heard: false };
        words.extend(sweeps.tries(HostId::default(), sought, tried, at(i64::from(n) * every)));
    }
    words.dedup();
    words
}

#[test]
fn each_sweep_has_its_word_and_what_comes_near_has_none() {
    for (name, sought, every, vain, answered, expected) in CASES {
        assert_eq!(words(*sought, *every, *vain, *answered), *expected, "{name}");
    }
}

#[test]
fn a_list_that_is_gone_through_again_and_again_does_not_grow() {
    let mut sweeps = Sweeps::default();
    for n in 0..60_i64 {
        let tried = Tried { vain: u64::MAX >> 10, ..Tried::default() };
        let mut told = sweeps.tries(HostId::default(), SMB, tried, at(n * 600));
        assert_eq!(told.next(), None, "{n}");
    }
}

#[test]
fn who_had_something_back_is_told_so_with_the_sweep() {
    for (heard, expected) in [(false, &["echo"][..]), (true, &["echo", "heard"])] {
        let mut sweeps = Sweeps::default();
        let few = Tried { vain: 1, answered: 0, heard };
        assert_eq!(sweeps.tries(HostId::default(), Sought::Echo, few, at(1)).next(), None);
        let many = Tried { vain: u64::MAX >> 40, ..Tried::default() };
        let words: Vec<_> = sweeps.tries(HostId::default(), Sought::Echo, many, at(2)).collect();
        assert_eq!(words, expected);
    }
    for (heard, expected) in [(false, &["slow tcp/445"][..]), (true, &["slow tcp/445", "heard"])] {
        let mut sweeps = Sweeps::default();
        let mut words = Vec::new();
        for n in 0..60 {
            let tried = Tried { vain: 1 << n, answered: 0, heard: heard && n == 0 };
            words.extend(sweeps.tries(HostId::default(), SMB, tried, at(n * 60)));
        }
        words.truncate(expected.len());
        assert_eq!(words, expected);
    }
}

#[test]
fn who_had_something_back_today_is_told_so_with_the_sweep_of_an_hour() {
    for heard in [false, true] {
        let mut sweeps = Sweeps::default();
        let mut words = Vec::new();
        // More than a day asks for are there when the hour has long been too many.
        for n in 0..45 {
            let tried = Tried { vain: 1 << n, answered: 0, heard: heard && n == 0 };
            let hours = if n < 6 { 0 } else { 4 };
            let at = at(hours * 3_600 + (n + 20) * 60);
            words.extend(sweeps.tries(HostId::default(), SMB, tried, at));
        }
        assert!(words.iter().any(|it| it == "slow tcp/445"));
        assert_eq!(words.iter().any(|it| it == HEARD), heard);
    }
}
