use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::census::Census;
use crate::census::asset::Tally;
use crate::census::signature::Book;
use crate::net::{HostId, Mac, Segment, Transport};
use crate::observe::{Equipment, Key, Lease, Observation, Observed, Origin, Role, SwitchPort};
use crate::time::{SECOND, Timestamp};

const CAPTURE: u32 = 0;

struct Place {
    _dir: tempfile::TempDir,
    db: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { db: dir.path().join("a.db"), _dir: dir }
    }

    /// Opens and restores.
    fn open(&self) -> (Writer, Census) {
        let mut writer = Writer::open(&self.db).unwrap();
        let mut census = writer.restore(std::sync::Arc::clone(Book::builtin())).unwrap();
        assert_eq!(census.capture("port"), CAPTURE);
        (writer, census)
    }

    fn ids(&self) -> Vec<String> {
        let assets = Inventory::open(&self.db).unwrap().assets().unwrap();
        assets.into_iter().map(|asset| asset.identity.into_owned()).collect()
    }
}

fn mac(n: u8) -> Mac {
    Mac([0, 1, 2, 3, 4, n])
}

fn ip(n: u8) -> IpAddr {
    [10, 0, 0, n].into()
}

fn say(n: u8, second: i64, what: Observed<'static>) -> Observation {
    let host = HostId { segment: Segment::default(), mac: Some(mac(n)), ip: Some(ip(n)) };
    Observation { at: Timestamp(second * SECOND), frame: second.unsigned_abs(), host, what }
}

/// One of everything that a host may say.
fn all_of(n: u8, second: i64) -> Vec<Observation> {
    let facts = [("dicom.manufacturer", "Acme"), ("dicom.model", "X"), ("dicom.serial", "4711")];
    let facts = facts.iter().map(|(k, v)| (Key::new(k), (*v).into())).collect();
    let peer = HostId { mac: Some(mac(n + 1)), ip: Some(ip(n + 1)), ..HostId::default() };
    let (switch, port) = ("sw-1".into(), format!("7/{n}").into());
    let place = SwitchPort { switch, port, vlan: Some(7), by: Some(ip(n)) };
    [
        Observed::Present(Some(64)),
        Observed::Fact(Key::new("ssh.banner"), "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2".into()),
        Observed::Fact(Key::new("dhcp.hostname"), format!("ws-{n}").into()),
        Observed::Address(ip(n), Lease::Dhcp { seconds: 3600, renewed: false }),
        Observed::Address(format!("fe80::{n}").parse().unwrap(), Lease::Ndp),
        Observed::Attached(place),
        Observed::Equipment(Equipment { origin: Origin::Creator, facts }),
        Observed::Service(Transport::Tcp, 104, "dicom".into(), Role::Server),
        Observed::Peer(peer),
    ]
    .map(|what| say(n, second, what))
    .into()
}

fn apply(census: &mut Census, observations: &[Observation]) {
    observations.iter().for_each(|it| census.apply(CAPTURE, it.clone()));
}

fn journaled(writer: &mut Writer, census: &mut Census, observations: &[Observation]) {
    apply(census, observations);
    writer.append(census, CAPTURE, observations).unwrap();
}

/// All that is remembered, as bytes.
fn memory(census: &Census) -> Vec<u8> {
    let hosts: Vec<_> = census.hosts().map(|(id, host)| (id, host, host.heard)).collect();
    postcard::to_stdvec(&hosts).unwrap()
}

fn rows(writer: &Writer, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    writer.connection().query_row(&sql, [], |row| row.get(0)).unwrap()
}

fn changes(writer: &Writer) -> i64 {
    writer.connection().query_row("SELECT total_changes()", [], |row| row.get(0)).unwrap()
}

/// From here on nothing more fits; `None` takes the limit away.
fn fill_disk(writer: &Writer, full: bool) {
    let pages = if full { 1 } else { 1_073_741_823 };
    writer.connection().pragma_update(None, "max_page_count", pages).unwrap();
}

#[test]
fn migrations_are_sound() {
    migrations().validate().unwrap();
    let mut connection = Connection::open_in_memory().unwrap();
    migrations().to_latest(&mut connection).unwrap();
    let steps: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(steps, SCHEMA);
}

#[test]
fn what_is_kept_is_restored() {
    let place = Place::new();
    let (mut writer, mut census) = place.open();
    (1..9).for_each(|n| apply(&mut census, &all_of(n, i64::from(n))));
    writer.write(&mut census, &Counters::from([((0, "frames".to_owned()), 72)])).unwrap();
    writer.close();
    let assets = census.assets().len();
    let (mut writer, again) = place.open();
    assert_eq!(memory(&again), memory(&census));
    assert_eq!((again.captures(), again.assets().len()), (census.captures(), assets));
    assert_eq!(again.unsaved(0).count(), 0);
    let inventory = Inventory::open(&place.db).unwrap();
    assert_eq!(inventory.assets().unwrap().len(), assets);
    assert_eq!(inventory.captures().unwrap()[0].counters["frames"], 72);
    let before = changes(&writer);
    let counters = Counters::from([((0, "frames".to_owned()), 72)]);
    let published = writer.publish(&again, &counters).unwrap();
    let tally = Tally::of(&again);
    assert!(tally.local() + tally.external == assets && assets > 0);
    assert_eq!(published, Published { assets, tally, ..Published::default() });
    assert_eq!(changes(&writer), before, "fingerprints survive a restart");
}

#[test]
fn the_journal_says_it_again() {
    let place = Place::new();
    let (mut writer, mut census) = place.open();
    (1..9).for_each(|n| journaled(&mut writer, &mut census, &all_of(n, i64::from(n))));
    drop(writer);
    let (mut writer, again) = place.open();
    assert_eq!((memory(&again), writer.unreadable()), (memory(&census), 0));
    assert_eq!(rows(&writer, "host"), 0, "nothing was kept");
    let mut once_more = again;
    assert!(writer.keep(&mut once_more, usize::MAX).unwrap());
    assert_eq!(
        (rows(&writer, "journal"), rows(&writer, "host"), writer.journal_bytes()),
        (0, 8, 0)
    );
    drop(writer);
    assert_eq!(memory(&place.open().1), memory(&census));
}

#[test]
fn slices_let_go_of_the_journal_at_their_end() {
    let place = Place::new();
    let (mut writer, mut census) = place.open();
    (1..6).for_each(|n| journaled(&mut writer, &mut census, &all_of(n, 1)));
    for slice in 0..3 {
        assert_eq!(writer.keep(&mut census, 2).unwrap(), slice == 2);
        // A known one speaks again behind the slice, and one that is new.
        journaled(&mut writer, &mut census, &all_of(1, 10 + slice));
        journaled(&mut writer, &mut census, &all_of(20 + u8::try_from(slice).unwrap(), 1));
        let copy = place.db.with_extension("copy");
        let target = copy.display().to_string();
        writer.connection().execute("VACUUM INTO ?1", [&target]).unwrap();
        let mut crashed = Writer::open(&copy).unwrap();
        let found = crashed.restore(std::sync::Arc::clone(Book::builtin())).unwrap();
        assert_eq!(memory(&found), memory(&census), "killed after slice {slice}");
        drop(crashed);
        std::fs::remove_file(copy).unwrap();
    }
    assert_eq!(rows(&writer, "journal"), 6, "what came after the first slice stays");
    while !writer.keep(&mut census, 3).unwrap() {}
    assert_eq!((rows(&writer, "journal"), rows(&writer, "host")), (0, 8));
    drop(writer);
    assert_eq!(memory(&place.open().1), memory(&census));
}

#[test]
fn only_what_changed_is_written() {
    let place = Place::new();
    let (mut writer, mut census) = place.open();
    (1..9).for_each(|n| apply(&mut census, &all_of(n, 1)));
    let counters = Counters::from([((0, "frames".to_owned()), 5)]);
    let first = writer.publish(&census, &counters).unwrap();
    assert_eq!((first.changed, first.touched, first.gone), (first.assets, 0, 0));
    let before = changes(&writer);
    writer.publish(&census, &counters).unwrap();
    assert_eq!(changes(&writer), before, "nothing is new");

    apply(&mut census, &all_of(3, 60));
    let then = writer.publish(&census, &counters).unwrap();
    assert_eq!((then.changed, then.gone), (0, 0));
    // The speaker, and the device that its message describes.
    assert_eq!((then.touched, changes(&writer) - before), (2, 2));

    apply(&mut census, &[say(3, 61, Observed::Fact(Key::new("dhcp.hostname"), "new".into()))]);
    let then = writer.publish(&census, &counters).unwrap();
    assert_eq!((then.changed, then.touched, then.gone), (1, 0, 0));
    let assets = Inventory::open(&place.db).unwrap().assets().unwrap();
    let it = assets.iter().find(|asset| asset.identity.ends_with("04:03")).unwrap();
    assert_eq!(it.last_seen, Timestamp(61 * SECOND));
    assert!(it.all("hostname").iter().any(|value| value.value == "new"));
}

#[test]
fn a_snapshot_is_one_state_and_one_within_it_is_a_part() {
    let place = Place::new();
    let (mut writer, mut census) = place.open();
    let mut learn = |n: u8| {
        apply(&mut census, &all_of(n, 1));
        writer.write(&mut census, &Counters::new()).unwrap();
    };
    learn(1);
    let inventory = Inventory::open(&place.db).unwrap();
    let count = || inventory.ids().unwrap().len();
    let (before, held) = (count(), inventory.snapshot().unwrap());
    assert_eq!(count(), before);
    learn(7);
    drop(inventory.snapshot().unwrap());
    assert_eq!(count(), before, "the inner one ends nothing");
    drop(held);
    assert!(count() > before);
}

#[test]
fn a_device_that_turns_out_to_be_another_leaves_no_ghost() {
    let place = Place::new();
    let (mut writer, mut census) = place.open();
    let router = |n| say(n, 1, Observed::Present(Some(63)));
    let behind = |n: u8| Observation {
        host: HostId { mac: Some(mac(99)), ip: Some(ip(n)), ..HostId::default() },
        ..router(n)
    };
    apply(&mut census, &[behind(1), behind(2)]);
    writer.publish(&census, &Counters::new()).unwrap();
    assert_eq!(place.ids(), ["ip:10.0.0.1", "ip:10.0.0.2", "mac:00:01:02:03:04:63"]);
    for second in [2, 7] {
        apply(&mut census, &[say(1, second, Observed::Address(ip(1), Lease::Arp))]);
    }
    let then = writer.publish(&census, &Counters::new()).unwrap();
    assert_eq!(then.gone, 1);
    let ids = ["ip:10.0.0.2", "mac:00:01:02:03:04:01", "mac:00:01:02:03:04:63"];
    assert_eq!(place.ids(), ids);
    assert_eq!((rows(&writer, "asset"), rows(&writer, "known")), (3, 3));
}

#[test]
fn a_full_disk_loses_nothing_that_memory_holds() {
    let place = Place::new();
    let (mut writer, mut census) = place.open();
    journaled(&mut writer, &mut census, &all_of(1, 1));
    fill_disk(&writer, true);
    let many: Vec<_> = (2..120).flat_map(|n| all_of(n, 2)).collect();
    for some in many.chunks(600) {
        apply(&mut census, some);
        let failed = writer.append(&census, CAPTURE, some).unwrap_err();
        assert!(failed.to_string().contains("disk full"), "{failed}");
    }
    assert!(writer.keep(&mut census, usize::MAX).is_err());
    assert!(writer.publish(&census, &Counters::new()).is_err());
    for (lost_since, told) in [(None, "is in the journal"), (Some(Timestamp(0)), "since 1970-")] {
        let failed = writer.write(&mut census, &Counters::new()).unwrap_err();
        let end = failed.at_the_end(lost_since);
        assert_eq!(end.is_unfinished(), lost_since.is_none());
        assert!(end.to_string().contains(told) && !end.to_string().contains("by itself"), "{end}");
    }
    assert_eq!(census.unsaved(0).count(), 119, "all of it is still to be written");
    fill_disk(&writer, false);
    journaled(&mut writer, &mut census, &all_of(1, 3));
    assert_eq!(writer.unjournaled(), 0);
    drop(writer);
    let (mut writer, mut again) = place.open();
    assert_eq!(memory(&again), memory(&census), "what waited came with the next");
    writer.write(&mut again, &Counters::new()).unwrap();
    assert_eq!(place.ids().len(), again.assets().len());
}

#[test]
fn what_waits_for_the_disk_is_bounded_and_counted() {
    let place = Place::new();
    let (mut writer, mut census) = place.open();
    journaled(&mut writer, &mut census, &all_of(1, 1));
    fill_disk(&writer, true);
    let text = "x".repeat(250);
    let long: Vec<_> = (0..8_000)
        .map(|n| say(1, n, Observed::Fact(Key::new("a.b"), text.clone().into())))
        .collect();
    for _ in 0..12 {
        writer.append(&census, CAPTURE, &long).unwrap_err();
    }
    assert!(writer.journal_bytes() <= 16 << 20, "{}", writer.journal_bytes());
    assert!(writer.unjournaled() >= 8_000, "{}", writer.unjournaled());
    fill_disk(&writer, false);
    writer.append(&census, CAPTURE, &[]).unwrap();
    assert!(rows(&writer, "journal") > 4, "what fitted is written");
}

#[test]
fn a_damaged_row_of_the_journal_is_passed_over() {
    let place = Place::new();
    let (mut writer, mut census) = place.open();
    (1..4).for_each(|n| journaled(&mut writer, &mut census, &all_of(n, 1)));
    let spoil = |sql: &str| writer.connection().execute(sql, []).unwrap();
    spoil("UPDATE journal SET observations = substr(observations, 1, 40) WHERE id = 2");
    drop(writer);
    let (writer, again) = place.open();
    assert_eq!(writer.unreadable(), 1);
    let whole = again.hosts().filter(|(_, host)| !host.equipment.is_empty()).count();
    assert_eq!((again.len(), whole), (3, 2), "the start of the row is read");
    let spoil = |sql: &str| writer.connection().execute(sql, []).unwrap();
    spoil("UPDATE journal SET observations = x'ff' WHERE id = 3");
    drop(writer);
    let mut writer = Writer::open(&place.db).unwrap();
    let newer = writer.restore(std::sync::Arc::clone(Book::builtin())).map(|_| ()).unwrap_err();
    assert!(newer.to_string().contains("newer auscult"), "{newer}");
    let blind = writer.write(&mut census, &Counters::new()).unwrap_err();
    assert!(blind.to_string().contains("restore"), "what is not understood is not overwritten");
}

#[test]
fn a_damaged_speaker_is_passed_over_and_known_anew() {
    for (sql, why) in [
        ("UPDATE host SET said = x'01ff' WHERE place = 1", "speaker 1 has said (host) cannot be"),
        ("UPDATE host SET said = x'' WHERE place = 1", "damaged: empty"),
        // One alone may be damaged where the form is told.
        ("UPDATE host SET said = x'07' WHERE place = 1", "format 7"),
        ("DELETE FROM host WHERE place = 1", "speaker 1 has said (host) is not there"),
    ] {
        let place = Place::new();
        let (mut writer, mut census) = place.open();
        (1..4).for_each(|n| journaled(&mut writer, &mut census, &all_of(n, 1)));
        writer.write(&mut census, &Counters::new()).unwrap();
        let (speakers, assets) = (census.len(), place.ids().len());
        assert_eq!(writer.connection().execute(sql, []).unwrap(), 1, "{sql}");
        drop(writer);
        let (mut writer, mut again) = place.open();
        let named = writer.passed_over();
        assert!(named.len() == 1 && named[0].contains(why), "{sql}: {named:?}");
        let left = again.hosts().count();
        assert_eq!((again.len(), left), (speakers, speakers - 1), "the others are as they were");
        let of = |census: &Census| census.hosts().map(|(id, _)| *id).collect::<Vec<_>>();
        let others = of(&census).into_iter().filter(|id| of(&again).contains(id)).count();
        assert_eq!(others, speakers - 1, "{sql}");
        writer.write(&mut again, &Counters::new()).unwrap();
        // Whoever it was says so again.
        (1..4).for_each(|n| journaled(&mut writer, &mut again, &all_of(n, 1)));
        writer.write(&mut again, &Counters::new()).unwrap();
        assert_eq!((again.hosts().count(), place.ids().len()), (speakers, assets), "{sql}");
        drop(writer);
        let (writer, again) = place.open();
        assert_eq!((writer.passed_over().len(), again.hosts().count()), (1, speakers), "{sql}");
    }
    // Where more rows are of a newer form, they are not damaged.
    let place = Place::new();
    let (mut writer, mut census) = place.open();
    (1..4).for_each(|n| journaled(&mut writer, &mut census, &all_of(n, 1)));
    writer.write(&mut census, &Counters::new()).unwrap();
    let sql = "UPDATE host SET said = x'07'";
    assert!(writer.connection().execute(sql, []).unwrap() > 1);
    drop(writer);
    let mut writer = Writer::open(&place.db).unwrap();
    let newer = writer.restore(std::sync::Arc::clone(Book::builtin())).map(|_| ()).unwrap_err();
    assert!(newer.to_string().contains("newer auscult"), "{newer}");
}

/// This test again, in a process of its own that does `what` and is killed once it has
/// said so often that it is done.
fn kill_after(db: &Path, what: &str, times: usize) {
    let me = std::env::current_exe().unwrap();
    let mut child: Child = Command::new(me)
        .args(["store::tests::in_another_process", "--exact", "--nocapture"])
        .env("AUSCULT_TEST_DB", db)
        .env("AUSCULT_TEST_DOES", what)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let done = lines.map_while(Result::ok).filter(|line| line.ends_with("done")).take(times);
    assert_eq!(done.count(), times, "the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What is done by the process that is killed; nothing when it is run like any test.
#[test]
fn in_another_process() {
    let (Ok(db), Ok(what)) = (std::env::var("AUSCULT_TEST_DB"), std::env::var("AUSCULT_TEST_DOES"))
    else {
        return;
    };
    let mut writer = Writer::open(Path::new(&db)).unwrap();
    let mut census = writer.restore(std::sync::Arc::clone(Book::builtin())).unwrap();
    census.capture("port");
    let said = || std::io::stdout().write_all(b"\ndone\n").unwrap();
    if what == "load" {
        // More than the cache holds, so that the file is amid a change.
        let load = "PRAGMA cache_size = 8; BEGIN IMMEDIATE;
                    WITH RECURSIVE n(i) AS (SELECT 9 UNION ALL SELECT i + 1 FROM n LIMIT 400)
                    INSERT INTO host SELECT i, randomblob(9000) FROM n;";
        writer.connection().execute_batch(load).unwrap();
        said();
        std::thread::sleep(Duration::from_secs(60));
    }
    for n in 1..=200 {
        journaled(&mut writer, &mut census, &all_of(n, 1));
        said();
        if n % 3 == 0 {
            writer.keep(&mut census, 2).unwrap();
        }
    }
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_kill_between_appends_loses_the_last_one_at_most() {
    let place = Place::new();
    kill_after(&place.db, "append", 25);
    let (_, census) = place.open();
    assert!(census.len() >= 25, "{}", census.len());
    let mut direct = Census::new(std::sync::Arc::clone(Book::builtin()));
    direct.capture("port");
    (1..=census.len()).for_each(|n| apply(&mut direct, &all_of(u8::try_from(n).unwrap(), 1)));
    assert_eq!(memory(&census), memory(&direct));
}

#[test]
fn a_kill_amid_the_first_load_leaves_an_empty_inventory() {
    let place = Place::new();
    kill_after(&place.db, "load", 1);
    let left = place.db.with_file_name("a.db-journal");
    assert!(left.metadata().unwrap().len() > 512, "nothing was left to be rolled back");
    assert_eq!(place.ids(), Vec::<String>::new(), "views mend it by themselves");
    let (mut writer, mut census) = place.open();
    assert_eq!(census.len(), 0);
    apply(&mut census, &all_of(1, 1));
    writer.write(&mut census, &Counters::new()).unwrap();
    assert_eq!(place.ids().len(), 2);
}
