mod flood;
mod levels;
mod watching;

use std::net::IpAddr;
use std::sync::Arc;

use super::*;
use crate::census::Census;
use crate::census::signature::Book;
use crate::net::{HostId, Mac, Segment, Transport};
use crate::observe::{Key, Lease, Observation, Observed, Role};
use crate::store::{Counters, Writer};

/// An inventory that is published again and again.
struct Site {
    _dir: tempfile::TempDir,
    db: std::path::PathBuf,
    writer: Writer,
    census: Census,
}

/// Of a registered maker of patient monitors, and of nobody in particular.
const MONITOR: u8 = 200;

fn host(n: u8) -> HostId {
    let oui = if n >= MONITOR { [0, 0x09, 0xfb] } else { [0, 1, 2] };
    let mac = Mac([oui[0], oui[1], oui[2], 0, 0, n]);
    HostId { segment: Segment::default(), mac: Some(mac), ip: Some(ip(n)) }
}

fn ip(n: u8) -> IpAddr {
    [10, 0, 0, n].into()
}

fn policy() -> Policy {
    Policy { learning: 0, ..Policy::default() }
}

impl Site {
    fn new(policy: Policy) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("a.db");
        let mut writer = Writer::open(&db).unwrap();
        writer.tell(policy);
        let mut census = writer.restore(Arc::clone(Book::builtin())).unwrap();
        census.capture("port");
        Self { _dir: dir, db, writer, census }
    }

    /// As after a restart of the sensor.
    fn again(self, policy: Policy) -> Self {
        let Self { _dir, db, mut writer, mut census } = self;
        writer.write(&mut census, &Counters::new()).unwrap();
        drop((writer, census));
        let mut writer = Writer::open(&db).unwrap();
        writer.tell(policy);
        let census = writer.restore(Arc::clone(Book::builtin())).unwrap();
        Self { _dir, db, writer, census }
    }

    fn say(&mut self, n: u8, second: i64, what: Observed<'static>) {
        self.say_as(host(n), second, what);
    }

    fn say_as(&mut self, host: HostId, second: i64, what: Observed<'static>) {
        let (at, frame) = (Timestamp::new(second, 0), second.unsigned_abs());
        self.census.apply(0, Observation { at, frame, host, what });
    }

    /// Devices that are there.
    fn present(&mut self, who: impl IntoIterator<Item = u8>, second: i64) {
        for n in who {
            self.say(n, second, Observed::Address(ip(n), Lease::Arp));
            self.say(n, second, Observed::Present(Some(64)));
        }
    }

    fn publish(&mut self) {
        self.writer.publish(&self.census, &Counters::new()).unwrap();
    }

    fn alerts(&self) -> Vec<Alert> {
        Inventory::open(&self.db).unwrap().alerts(0, 100_000).unwrap()
    }

    /// Kinds with their subjects, in order.
    fn told(&self) -> Vec<(Kind, String)> {
        self.alerts().into_iter().map(|alert| (alert.kind, alert.subject)).collect()
    }

    fn kinds(&self) -> Vec<Kind> {
        self.alerts().into_iter().map(|alert| alert.kind).collect()
    }
}

fn serves(port: u16, name: &'static str) -> Observed<'static> {
    Observed::Service(Transport::Tcp, port, name.into(), Role::Server)
}

fn fact(key: &'static str, value: &'static str) -> Observed<'static> {
    Observed::Fact(Key::new(key), value.into())
}

#[test]
fn the_first_load_is_no_news_and_a_device_after_it_is() {
    let mut site = Site::new(policy());
    site.present([1, 2, MONITOR], 10);
    site.say(1, 10, serves(3389, "rdp"));
    site.say(2, 10, fact("tls.requests_host", "relay-1.net.anydesk.com"));
    site.publish();
    assert_eq!(site.kinds(), []);
    site.publish();
    assert_eq!(site.kinds(), [], "nothing has changed");
    site.present([3], 20);
    site.say(3, 20, fact("dhcp.hostname", "ws-3"));
    site.publish();
    let alerts = site.alerts();
    assert_eq!(site.told(), [(Kind::NewDevice, "mac:00:01:02:00:00:03".to_owned())]);
    assert_eq!((alerts[0].id, alerts[0].severity), (1, Severity::Notice));
    assert_eq!((&*alerts[0].address, &*alerts[0].mac), ("10.0.0.3", "00:01:02:00:00:03"));
    assert!(alerts[0].label.contains("ws-3"), "{:?}", alerts[0]);
    assert_eq!(alerts[0].at, Timestamp::new(20, 0));
}

#[test]
fn someone_on_the_internet_is_no_new_device() {
    let mut site = Site::new(policy());
    site.present([1], 10);
    site.publish();
    let far = HostId { ip: "93.184.216.34".parse().ok(), ..host(1) };
    site.say_as(far, 20, Observed::Present(Some(52)));
    site.publish();
    assert_eq!(site.kinds(), []);
}

#[test]
fn an_address_that_turns_out_to_be_a_card_is_no_new_device() {
    let mut site = Site::new(policy());
    site.present([1], 10);
    site.publish();
    // Behind the router, then by its own card.
    let router = HostId { ip: Some(ip(7)), ..host(1) };
    site.say_as(router, 20, Observed::Present(Some(63)));
    site.publish();
    assert_eq!(site.kinds(), [Kind::NewDevice]);
    site.present([7], 30);
    site.present([7], 35);
    site.publish();
    assert_eq!(site.kinds(), [Kind::NewDevice], "{:?}", site.alerts());
}

#[test]
fn new_services_of_known_devices() {
    let mut site = Site::new(policy());
    site.present([1, MONITOR], 10);
    site.say(1, 10, serves(22, "ssh"));
    site.publish();
    for n in [1, MONITOR] {
        site.say(n, 20, serves(22, "ssh"));
        site.say(n, 20, serves(49_700, "dcerpc"));
        site.say(n, 20, Observed::Service(Transport::Tcp, 80, "http".into(), Role::Client));
    }
    site.publish();
    let alerts = site.alerts();
    assert_eq!(site.told(), [(Kind::NewService, "ssh tcp/22".to_owned())]);
    let alert = site.alerts().pop().unwrap();
    assert!(alert.evidence.starts_with("its answers as a server port#"), "{alert:?}");
    assert_eq!((&*alerts[0].address, alerts[0].severity), ("10.0.0.200", Severity::Warning));
}

#[test]
fn new_peers_of_medical_devices() {
    let mut site = Site::new(policy());
    site.present([1, 2, 3, MONITOR], 10);
    for n in [1, MONITOR] {
        site.say(n, 10, Observed::Peer(host(2)));
    }
    site.publish();
    for n in [1, MONITOR] {
        site.say(n, 20, Observed::Peer(host(2)));
        site.say(n, 20, Observed::Peer(host(3)));
    }
    site.publish();
    let alerts = site.alerts();
    assert_eq!(site.kinds(), [Kind::NewPeer], "{alerts:?}");
    assert_eq!(alerts[0].address, "10.0.0.200");
    assert!(alerts[0].summary.contains("10.0.0.3"), "{:?}", alerts[0]);
    assert_eq!(alerts[0].severity, Severity::Notice);
    assert!(alerts[0].evidence.ends_with(" port#20"), "by the frame: {:?}", alerts[0]);
    let far = HostId { ip: "93.184.216.34".parse().ok(), ..host(1) };
    site.say_as(far, 30, Observed::Present(Some(52)));
    site.say(MONITOR, 30, Observed::Peer(far));
    site.publish();
    let last = site.alerts().pop().unwrap();
    assert_eq!((last.kind, last.severity), (Kind::NewPeer, Severity::Warning), "{last:?}");
    assert!(last.summary.contains("Internet"), "{last:?}");
}

#[test]
fn what_is_cut_from_a_list_is_not_taken_for_new() {
    let mut site = Site::new(Policy { per_minute: 1000, ..policy() });
    site.present((1..150).chain([MONITOR]), 10);
    (1..100).for_each(|n| site.say(MONITOR, 10, Observed::Peer(host(n))));
    site.publish();
    // Nothing is new but what pushes others out of a list that is full.
    site.say(MONITOR, 20, serves(1, "x"));
    site.publish();
    assert_eq!(site.kinds(), [Kind::NewService]);
    (100..150).for_each(|n| site.say(MONITOR, 30, Observed::Peer(host(n))));
    site.publish();
    let new = site.told().into_iter().filter(|(kind, _)| *kind == Kind::NewPeer).count();
    assert!((1..50).contains(&new), "{new} are known to be new");
}

#[test]
fn remote_access() {
    let mut site = Site::new(policy());
    site.present([1, 2], 10);
    site.say(2, 10, fact("tls.requests_host", "relay-1.net.anydesk.com"));
    site.publish();
    for n in [1, 2] {
        site.say(n, 20, fact("tls.requests_host", "relay-2.net.anydesk.com"));
    }
    site.publish();
    assert_eq!(site.told(), [(Kind::RemoteAccess, "remote_access AnyDesk".to_owned())]);
    let alert = &site.alerts()[0];
    assert_eq!((&*alert.address, alert.severity), ("10.0.0.1", Severity::Warning));
    assert!(
        alert.evidence.contains("relay-2.net.anydesk.com") && alert.evidence.contains("port#20")
    );
}

#[test]
fn another_operating_system() {
    let mut site = Site::new(policy());
    site.present([1, MONITOR], 10);
    for n in [1, MONITOR] {
        site.say(n, 10, fact("smb.native_os", "Windows 7 Ultimate 7601 Service Pack 1"));
    }
    site.publish();
    site.say(MONITOR, 20, fact("smb.native_os", "Windows 7 Ultimate 7601 Service Pack 1"));
    site.publish();
    assert_eq!(site.kinds(), []);
    site.say(MONITOR, 30, fact("smb.native_os", "Windows 10 Pro 19045"));
    site.publish();
    let alerts = site.alerts();
    assert_eq!(site.kinds(), [Kind::OsChanged], "{alerts:?}");
    assert_eq!(alerts[0].severity, Severity::Warning);
    assert!(alerts[0].before.starts_with("Windows 7") && alerts[0].after.starts_with("Windows 10"));
}

#[test]
fn addresses_that_go_to_others() {
    for leased in [false, true] {
        let mut site = Site::new(policy());
        site.present([1, 2], 10);
        site.publish();
        let lease = match leased {
            true => Lease::Dhcp { seconds: 3600, renewed: false },
            false => Lease::Arp,
        };
        let as_one = HostId { ip: Some(ip(1)), ..host(2) };
        for second in [7200, 7260] {
            site.say_as(as_one, second, Observed::Address(ip(1), lease));
            site.say_as(as_one, second, Observed::Present(Some(64)));
        }
        site.publish();
        let alerts = site.alerts();
        assert_eq!(site.told(), [(Kind::AddressMoved, "10.0.0.1".to_owned())], "{alerts:?}");
        let want = if leased { Severity::Info } else { Severity::Warning };
        assert_eq!(alerts[0].severity, want, "{alerts:?}");
        assert_ne!(alerts[0].before, alerts[0].after);
        site.publish();
        assert_eq!(site.alerts().len(), 1);
    }
}

#[test]
fn one_more_address() {
    let mut site = Site::new(policy());
    site.present([MONITOR], 10);
    site.publish();
    let as_nine = HostId { ip: Some(ip(9)), ..host(MONITOR) };
    site.say_as(as_nine, 20, Observed::Address(ip(9), Lease::Arp));
    let temporary: IpAddr = "2001:db8::77".parse().unwrap();
    site.say(MONITOR, 20, Observed::Address(temporary, Lease::Ndp));
    site.publish();
    let alerts = site.alerts();
    assert_eq!(site.told(), [(Kind::AddressMoved, "10.0.0.9".to_owned())], "{alerts:?}");
    assert_eq!((alerts[0].severity, &*alerts[0].before), (Severity::Warning, "10.0.0.200"));
}

#[test]
fn two_at_one_address() {
    let mut site = Site::new(policy());
    site.present([1, MONITOR], 10);
    site.publish();
    for round in 0..6 {
        for n in [1, MONITOR] {
            let at = HostId { ip: Some(ip(50)), ..host(n) };
            let second = 100 + round * 20 + i64::from(n % 2);
            site.say_as(at, second, Observed::Address(ip(50), Lease::Arp));
            site.say_as(at, second, Observed::Present(Some(64)));
        }
    }
    site.publish();
    let alerts = site.alerts();
    let both: Vec<_> = alerts.iter().filter(|a| a.kind == Kind::AddressConflict).collect();
    assert_eq!(both.len(), 2, "{alerts:?}");
    assert!(both.iter().all(|a| a.subject == "10.0.0.50"));
    assert!(both.iter().any(|a| a.severity == Severity::Critical && a.mac.starts_with("00:09")));
}

#[test]
fn what_is_only_got_to_know_is_not_told() {
    let day = 86_400;
    let mut site = Site::new(Policy { learning: 2 * DAY, ..Policy::default() });
    site.present([1, MONITOR], 10);
    site.publish();
    site.present([2], day);
    site.say(MONITOR, day, serves(22, "ssh"));
    site.publish();
    assert_eq!(site.kinds(), [], "the inventory is young");
    site.present([3, MONITOR], 3 * day);
    site.say(MONITOR, 3 * day, serves(80, "http"));
    site.publish();
    assert_eq!(site.kinds(), [Kind::NewDevice, Kind::NewService]);
    // A restart changes nothing; and a device that is new is got to know as well.
    let mut site = site.again(Policy { learning: 2 * DAY, ..Policy::default() });
    site.say(3, 3 * day + 100, serves(80, "http"));
    site.present([4], 3 * day + 100);
    site.publish();
    assert_eq!(site.kinds(), [Kind::NewDevice, Kind::NewService, Kind::NewDevice]);
}

#[test]
fn a_run_over_files_gets_to_know_an_empty_inventory_as_a_whole() {
    let policy = Policy { first_is_learning: true, ..policy() };
    let mut site = Site::new(policy.clone());
    site.present([1], 10);
    site.publish();
    site.present([2], 20);
    site.publish();
    assert_eq!(site.kinds(), []);
    let mut site = site.again(policy);
    site.present([3], 30);
    site.publish();
    assert_eq!(site.kinds(), [Kind::NewDevice]);
}

#[test]
fn the_same_is_told_once_a_day_and_counted() {
    let mut site = Site::new(policy());
    site.present([1], 10);
    site.publish();
    let news = news::News {
        of: news::Device { asset: "A1".into(), ..news::Device::default() },
        subject: "x".into(),
        ..news::News::new(Kind::NewPeer, Severity::Info, Timestamp::new(100, 0))
    };
    let other = news::News { subject: "y".into(), ..news.clone() };
    let mut roll = roll::Roll::default();
    let policy = policy();
    for (second, news) in [(100, &news), (200, &news), (300, &other), (100 + 86_400, &news)] {
        let news = news::News { at: Timestamp::new(second, 0), ..news.clone() };
        roll.tell(&site.writer.connection().unchecked_transaction().unwrap(), &policy, &news)
            .unwrap();
    }
    let alerts = site.alerts();
    assert!(alerts.is_empty(), "nothing was committed");
    let transaction = site.writer.connection().unchecked_transaction().unwrap();
    let mut roll = roll::Roll::default();
    for (second, news) in [(100, &news), (200, &news), (300, &other), (100 + 86_400, &news)] {
        let news = news::News { at: Timestamp::new(second, 0), ..news.clone() };
        roll.tell(&transaction, &policy, &news).unwrap();
    }
    transaction.commit().unwrap();
    let alerts: Vec<_> = site.alerts().into_iter().map(|a| (a.subject, a.repeats)).collect();
    assert_eq!(alerts, [("x".to_owned(), 1), ("y".to_owned(), 0), ("x".to_owned(), 0)]);
    let last = site.alerts()[0].last_at;
    assert_eq!(last, Timestamp::new(200, 0));
}

#[test]
fn a_flood_is_counted() {
    let mut site = Site::new(Policy { per_minute: 10, ..policy() });
    site.present([1], 0);
    site.publish();
    site.present(2..190, 30);
    site.publish();
    let alerts = site.alerts();
    assert_eq!(alerts.len(), 11);
    let more = &alerts[10];
    assert_eq!((more.kind, &*more.subject, &*more.after), (Kind::NewDevice, "more", "178"));
    site.present(190..195, 40);
    site.publish();
    assert_eq!(site.alerts().pop().unwrap().after, "5", "still the same minute");
    site.present(195..197, 90);
    site.publish();
    assert_eq!(site.alerts().len(), 14);
}

#[test]
fn the_oldest_go_and_numbers_go_on() {
    let mut site = Site::new(Policy { keep: 3, ..policy() });
    site.present([1], 0);
    site.publish();
    for n in 2..10 {
        site.present([n], 60 * i64::from(n));
        site.publish();
    }
    let ids: Vec<_> = site.alerts().into_iter().map(|alert| alert.id).collect();
    assert_eq!(ids, [6, 7, 8]);
    assert_eq!(Inventory::open(&site.db).unwrap().alert_span().unwrap(), Some((6, 8)));
    let rewritten = site.writer.connection().execute("UPDATE alert SET summary = ''", []);
    assert!(rewritten.unwrap_err().to_string().contains("not rewritten"));
}

#[test]
fn kinds_can_be_off_or_weigh_otherwise() {
    let kinds = [(Kind::NewDevice, None), (Kind::NewService, Some(Severity::Critical))]
        .into_iter()
        .collect();
    let mut site = Site::new(Policy { kinds, ..policy() });
    site.present([1], 0);
    site.publish();
    site.present([2], 60);
    site.say(1, 60, serves(80, "http"));
    site.publish();
    let alerts = site.alerts();
    assert_eq!((site.kinds(), alerts[0].severity), (vec![Kind::NewService], Severity::Critical));
}

#[test]
fn an_inventory_without_the_table_has_none() {
    let site = Site::new(policy());
    site.writer.connection().execute_batch("DROP TABLE alert").unwrap();
    let inventory = Inventory::open(&site.db).unwrap();
    assert_eq!(inventory.alerts(0, 10).unwrap(), []);
    assert_eq!(inventory.alert_span().unwrap(), None);
}
