//! Starts from what speakers said to what is told of a device.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::Start;
use crate::census::signature::Book;
use crate::net::{HostId, Mac, Segment};
use crate::observe::{Arrival, Observation, Observed, Sign};
use crate::store::{Counters, Inventory, Writer};
use crate::time::Timestamp;

/// 2026-01-05T07:00:00Z.
const SEVEN: i64 = 1_767_596_400;

const CARD: Mac = Mac([0, 9, 0xfb, 0, 0, 1]);
const OTHER: Mac = Mac([0, 9, 0xfb, 0, 0, 2]);

/// By a card, or by an address that it has, in a VLAN.
fn host(mac: Mac, ip: Option<u8>, vlan: u16) -> HostId {
    let ip = ip.map(|n| [10, 0, 0, n].into());
    HostId { segment: Segment { vlan, ..Segment::default() }, mac: Some(mac), ip }
}

/// What one says at a second after seven.
type Word = (HostId, i64, Observed<'static>);

/// What is said in some minutes after seven, in which somebody watched.
#[derive(Clone, Default)]
struct Capture {
    words: Vec<Word>,
    watched: Vec<(i64, i64)>,
}

impl Capture {
    /// A VLAN in which another speaks every five minutes, watched from one minute to another.
    fn of(from: i64, to: i64) -> Self {
        let words = (from..to).filter(|minute| minute % 5 == 0);
        let words = words.map(|it| (host(OTHER, Some(2), 7), it * 60, Observed::Present(Some(64))));
        Self { words: words.collect(), watched: vec![(from, to)] }
    }

    /// The device sends something in this minute.
    fn speaks(mut self, minute: i64) -> Self {
        self.words.push((host(CARD, Some(1), 7), minute * 60, Observed::Present(Some(64))));
        self
    }

    fn says(mut self, second: i64, what: Observed<'static>) -> Self {
        self.words.push((host(CARD, None, 7), second, what));
        self
    }

    /// It does these when its network comes up, one a second.
    fn arrives(mut self, second: i64, all: &[Arrival]) -> Self {
        for (n, how) in (0..).zip(all) {
            self = self.says(second + n, Observed::Present(None));
            self = self.says(second + n, Observed::Arrives(*how));
        }
        self
    }

    fn boots(self, second: i64, at: i64, sign: Sign) -> Self {
        self.says(second, Observed::Booted(Timestamp::new(SEVEN + at, 0), sign))
    }
}

/// Reads captures one after the other, each in a run of its own.
fn read(path: &Path, captures: &[Capture]) {
    for it in captures {
        let mut writer = Writer::open(path).unwrap();
        let mut census = writer.restore(Arc::clone(Book::builtin())).unwrap();
        let number = census.capture("port");
        let mut words = it.words.clone();
        words.sort_by_key(|(_, second, _)| *second);
        for (host, second, what) in words {
            let at = Timestamp::new(SEVEN + second, 0);
            census.apply(number, Observation { at, frame: 1, host, what });
        }
        for (from, to) in &it.watched {
            census.watched(SEVEN / 60 + from, SEVEN / 60 + to);
        }
        writer.write(&mut census, &Counters::new()).unwrap();
    }
}

/// What is told of the device: at which second after seven, how, by what, how sure.
fn told(path: &Path) -> Vec<(i64, String, String, u8)> {
    let inventory = Inventory::open(path).unwrap();
    let assets = inventory.assets().unwrap();
    let own = assets.iter().find(|it| it.identity.contains(&CARD.to_string())).unwrap();
    let row = |it: Start| {
        let how = it.how.split([':', ',']).next().unwrap_or_default().to_owned();
        (it.at.seconds() - SEVEN, how, it.by.join("+"), it.confidence)
    };
    let starts = inventory.starts(&own.id, None).unwrap();
    let ids: Vec<&str> = assets.iter().map(|it| &*it.id).collect();
    let all = inventory.starts_among(&ids, None).unwrap();
    assert_eq!(all.get(&*own.id).unwrap_or(&Vec::new()), &starts, "of all as of one");
    let monday = 20_458;
    assert_eq!(inventory.starts(&own.id, Some((monday, monday))).unwrap(), {
        let (from, to) = (SEVEN - 7 * 3600, SEVEN + 17 * 3600);
        let within = |it: &&Start| (from..to).contains(&it.at.seconds());
        starts.iter().filter(within).cloned().collect::<Vec<_>>()
    });
    starts.into_iter().map(row).collect()
}

fn starts(captures: &[Capture]) -> Vec<(i64, String, String, u8)> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    read(&path, captures);
    told(&path)
}

const fn minutes(n: i64) -> i64 {
    n * 60
}

const COMES: [Arrival; 2] = [Arrival::Dhcp, Arrival::ArpProbe];

fn came_up(second: i64, by: &str) -> Vec<(i64, String, String, u8)> {
    vec![(second, "came up".to_owned(), by.to_owned(), 60)]
}

#[test]
fn a_device_that_was_off_and_whose_network_comes_up_started() {
    let day = || Capture::of(0, 60).speaks(1);
    assert_eq!(starts(&[day().arrives(minutes(30) + 7, &COMES)]), came_up(1807, "ARP+DHCP"));
    // Across the turn of a minute; and what it said just before belongs to it.
    let turn = day().speaks(28).arrives(minutes(30) - 1, &COMES);
    assert_eq!(starts(&[turn]), came_up(1799, "ARP+DHCP"));
    let by_itself = [Arrival::Address, Arrival::Routers, Arrival::Mdns];
    assert_eq!(starts(&[day().arrives(minutes(12), &by_itself)]), came_up(720, "NDP+mDNS"));
}

#[test]
fn what_comes_up_about_midnight_does_so_on_one_day() {
    let midnight = minutes(-420);
    let all = [Arrival::Dhcp, Arrival::ArpProbe, Arrival::Dhcpv6, Arrival::Netbios];
    for before in 0..=4 {
        let night = Capture::of(-460, -380).speaks(-459).arrives(midnight - before, &all);
        let by = "ARP+DHCP+DHCPv6+NBNS";
        // What is told of Monday is compared with what is told of all days.
        assert_eq!(starts(&[night]), came_up(midnight - before, by), "{before} s before");
    }
}

#[test]
fn one_sign_alone_tells_nothing() {
    let day = || Capture::of(0, 60).speaks(1);
    for how in Arrival::ALL {
        assert!(starts(&[day().arrives(minutes(30), &[how, how])]).is_empty(), "{how:?}");
    }
    let ndp = [Arrival::Address, Arrival::Routers];
    assert!(starts(&[day().arrives(minutes(30), &ndp)]).is_empty(), "for one reason");
    let dhcp = [Arrival::Dhcp, Arrival::Address];
    assert!(starts(&[day().arrives(minutes(30), &dhcp)]).is_empty());
    let apart = day().arrives(minutes(30), &[Arrival::Dhcp]).arrives(1861, &[Arrival::ArpProbe]);
    assert!(starts(&[apart]).is_empty(), "more than a minute apart");
}

#[test]
fn who_spoke_within_ten_minutes_roamed_or_was_plugged_in_again() {
    let comes = |minute| Capture::of(0, 60).speaks(minute).arrives(minutes(30), &COMES);
    for spoke in [20, 21, 25, 27] {
        assert!(starts(&[comes(spoke)]).is_empty(), "{spoke}");
    }
    assert_eq!(starts(&[comes(19)]).len(), 1);
    // By another card's address, which becomes known to be its own in a later run.
    let late = Capture::of(60, 70).speaks(61);
    assert_eq!(starts(&[comes(19), late.clone()]).len(), 1);
    let spoke = Capture { watched: vec![(0, 60)], ..Capture::default() }.speaks(22);
    assert!(starts(&[comes(19), spoke.clone(), late.clone()]).is_empty());
    assert!(starts(&[spoke, late, comes(19)]).is_empty());
}

#[test]
fn unobserved_is_not_off() {
    let whole = Capture::of(0, 60).speaks(1).arrives(minutes(30), &COMES);
    let mut outage = whole.clone();
    outage.watched = vec![(0, 21), (22, 60)];
    assert!(starts(&[outage]).is_empty(), "the sensor was off");
    let mut begins = whole.clone();
    begins.words.retain(|(_, second, _)| *second >= minutes(21));
    begins.watched = vec![(21, 60)];
    assert!(starts(&[begins]).is_empty(), "the capture begins");
    let mut vanished = whole.clone();
    vanished.words.retain(|(_, second, _)| !(minutes(5)..minutes(30)).contains(second));
    assert!(starts(&[vanished]).is_empty(), "the VLAN was not on the mirror");
    let mut elsewhere = whole.clone();
    elsewhere.words.push((host(CARD, Some(1), 8), minutes(2), Observed::Present(Some(64))));
    assert!(starts(&[elsewhere]).is_empty(), "one of its VLANs was not");
    assert_eq!(starts(&[whole]).len(), 1);
}

#[test]
fn firmware_tells_a_start_whatever_was_before_and_asks_more_than_once() {
    let day = Capture::of(0, 600).speaks(9);
    let boot = |it: Capture, second: i64| it.boots(second, second, Sign::NetworkBoot);
    let one = (0..9).fold(day, |it, n| boot(it, minutes(10) + n * 100));
    let two = boot(one, minutes(60));
    let at = |second| (second, "network boot".to_owned(), "DHCP".to_owned(), 97);
    assert_eq!(starts(&[two]), [at(600), at(3600)]);
}

#[test]
fn whether_firmware_goes_on_asking_is_told_by_its_pauses() {
    // Wherever they fall among the stretches of which words are one row.
    for shift in (0..240).step_by(59) {
        for (pause, count) in [(100, 1), (245, 1), (330, 1), (331, 2), (385, 2), (479, 2)] {
            let first = minutes(20) + shift;
            let asks = [0, 200, 200 + pause].map(|it| first + it);
            let day = asks.into_iter().fold(Capture::of(0, 90).speaks(9), |it, second| {
                it.boots(second, second, Sign::NetworkBoot)
            });
            assert_eq!(starts(&[day]).len(), count, "{pause} s, {shift} s later");
        }
    }
}

#[test]
fn firmware_that_asks_in_two_vlans_at_once_is_one_start() {
    let first = minutes(20);
    let mut day = [0, 200, 390].into_iter().fold(Capture::of(0, 90).speaks(9), |it, later| {
        it.boots(first + later, first + later, Sign::NetworkBoot)
    });
    let at = Timestamp::new(SEVEN + first + 5, 0);
    day.words.push((host(CARD, None, 8), first + 5, Observed::Booted(at, Sign::NetworkBoot)));
    assert_eq!(starts(&[day]).len(), 1);
}

#[test]
fn the_surer_sign_wins_and_others_make_it_surer() {
    let day = Capture::of(0, 60).speaks(1);
    let day = day.boots(minutes(20), minutes(20), Sign::NetworkBoot);
    let day = day.arrives(minutes(22), &COMES).boots(minutes(23), 1330, Sign::Snmp);
    let all = ("network boot".to_owned(), "ARP+DHCP+SNMP".to_owned());
    assert_eq!(starts(&[day]), [(1200, all.0, all.1, 99)]);
    // A slow one: its network comes up twelve minutes after the time since which it counts.
    let slow = Capture::of(0, 90).speaks(1).boots(minutes(40), minutes(18), Sign::Smb);
    let slow = slow.arrives(minutes(30), &COMES);
    assert_eq!(
        starts(&[slow]),
        [(1080, "its own counter".to_owned(), "ARP+DHCP+SMB".to_owned(), 96)]
    );
}

#[test]
fn a_counter_that_runs_on_tells_that_it_only_woke() {
    let day = || Capture::of(0, 60).speaks(1).arrives(minutes(30), &COMES);
    let counts = |second| day().boots(second, -86_400, Sign::Snmp);
    assert_eq!(starts(&[counts(minutes(40))]).len(), 1, "the day before, and no more");
    assert_eq!(starts(&[counts(minutes(10))]).len(), 2, "it stops");
}

#[test]
fn a_relay_tells_of_a_device_that_is_seen_elsewhere() {
    let mut day = Capture::of(0, 60).speaks(1);
    let at = Observed::Booted(Timestamp::new(SEVEN + 900, 0), Sign::RelayedBoot);
    day.words.push((host(CARD, None, 100), 900, at));
    let at = |second, sure| (second, "network boot".to_owned(), "DHCP".to_owned(), sure);
    assert_eq!(starts(std::slice::from_ref(&day)), [at(900, 80)]);
    let seen = day.clone().boots(899, 899, Sign::NetworkBoot);
    assert_eq!(starts(&[seen]), [at(899, 97)], "the same word twice");
    let counts = day.boots(minutes(20), -86_400, Sign::Snmp);
    assert_eq!(starts(&[counts]).len(), 1, "it says that it ran on: the day before alone");
}

/// All rows of a table.
fn rows(path: &Path, table: &str) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut all = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = all.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        (0..columns).map(|n| row.get::<_, rusqlite::types::Value>(n)).collect::<Result<Vec<_>, _>>()
    };
    all.query_map([], row).unwrap().map(|it| format!("{:?}", it.unwrap())).collect()
}

#[test]
fn rows_and_starts_are_the_same_in_any_order() {
    let parts = [
        Capture::of(0, 20).speaks(1).boots(100, -900, Sign::Snmp),
        Capture::of(20, 40)
            .boots(minutes(24), minutes(24) + 3, Sign::NetworkBoot)
            .boots(minutes(25), -898, Sign::Snmp)
            .arrives(minutes(31), &COMES[..1]),
        Capture::of(40, 60).arrives(minutes(52), &COMES).boots(minutes(53), 1441, Sign::Snmp),
        Capture { watched: vec![(31, 32)], ..Capture::default() }
            .arrives(minutes(31), &[Arrival::Mdns, Arrival::Routers]),
    ];
    let dir = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for (n, order) in
        [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]].into_iter().enumerate()
    {
        let path = dir.path().join(format!("{n}.db"));
        read(&path, &order.map(|at| parts[at].clone()));
        all.push((rows(&path, "boot"), rows(&path, "arrival"), told(&path)));
    }
    assert!(all[0].0.len() > 2 && all[0].1.len() > 1 && all[0].2.len() > 1, "{all:?}");
    assert!(all.windows(2).all(|it| it[0] == it[1]), "{all:#?}");
}

#[test]
fn a_flood_has_so_many_rows_a_day() {
    let mut flood = Capture::of(0, 1000).speaks(1);
    for n in 0..900 {
        flood = flood.boots(n * 60, -n * 7200, Sign::Snmp);
        flood = flood.says(n * 60, Observed::Arrives(COMES[n as usize % 2]));
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    // In runs of their own, as if each were written at once.
    let few: Vec<Capture> = flood
        .words
        .chunks(100)
        .map(|few| Capture { words: few.to_vec(), watched: flood.watched.clone() })
        .collect();
    read(&path, &few);
    assert_eq!((rows(&path, "boot").len(), rows(&path, "arrival").len()), (64, 64));
}

/// Of whom a row is damaged nothing is told, of others all.
#[test]
fn a_damaged_row_of_starts_hides_nobody_else() {
    let day = Capture::of(0, 60).speaks(1).arrives(minutes(30), &COMES);
    let mut day = day.boots(minutes(50), minutes(49), Sign::Snmp);
    day.words.push((host(OTHER, None, 7), minutes(40), {
        Observed::Booted(Timestamp::new(SEVEN + minutes(39), 0), Sign::NetworkBoot)
    }));
    let cards = [CARD, OTHER].map(|mac| mac.to_string());
    let told = |inventory: &Inventory| {
        let assets = inventory.assets().unwrap();
        let of = |mac: &String| assets.iter().find(|it| it.identity.contains(mac)).unwrap();
        let ids = cards.each_ref().map(|mac| of(mac).id.to_string());
        let all = inventory.starts_among(&ids.each_ref().map(|id| &**id), None).unwrap();
        let told = ids.each_ref().map(|id| all.get(id).map_or(0, Vec::len));
        let each = ids.each_ref().map(|id| inventory.starts(id, None).unwrap().len());
        assert_eq!(told, each);
        told
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    read(&path, &[day.clone()]);
    assert_eq!(told(&Inventory::open(&path).unwrap()), [2, 1]);
    let snmp = "WHERE sign = (SELECT min(sign) FROM boot WHERE at % 3600 = 2940)";
    for (sql, table, left) in [
        (format!("UPDATE boot SET at = at + 4000 {snmp}"), "boot", [0, 1]),
        (format!("UPDATE boot SET sign = 99 {snmp}"), "boot", [0, 1]),
        (format!("UPDATE boot SET until = 7 {snmp}"), "boot", [0, 1]),
        ("UPDATE arrival SET dhcp = 200".to_owned(), "arrival", [0, 1]),
        ("UPDATE arrival SET minute = 1441".to_owned(), "arrival", [0, 1]),
        // Whether it had been off is not known; of the other nobody asks.
        ("UPDATE speaker_day SET minutes = x'ff'".to_owned(), "speaker_day", [0, 1]),
        ("UPDATE segment_day SET minutes = x'ff'".to_owned(), "segment_day", [0, 1]),
    ] {
        let path = dir.path().join("b.db");
        let _ = std::fs::remove_file(&path);
        read(&path, &[day.clone()]);
        assert!(Connection::open(&path).unwrap().execute(&sql, []).unwrap() > 0, "{sql}");
        let inventory = Inventory::open(&path).unwrap();
        assert_eq!(told(&inventory), left, "{sql}");
        let passed = inventory.passed_over();
        assert!(passed.iter().any(|it| it.contains(table)), "{sql}: {passed:?}");
    }
}
