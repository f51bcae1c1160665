use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::net::Segment;

fn key(n: u32) -> FlowKey {
    let host = (IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n)), 40_000);
    let server = (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1)), 104);
    FlowKey::new(Segment::default(), host, server, Transport::Tcp).0
}

fn put(table: &mut Table, n: u32, at: i64) -> u32 {
    let (key, at) = (key(n), Timestamp::new(at, 0));
    table.advance(at, |_| ());
    let hash = table.hash(&key);
    table.insert(key, hash, at).unwrap()
}

fn has(table: &Table, n: u32) -> bool {
    table.find(&key(n), table.hash(&key(n))).is_some()
}

#[test]
fn a_flow_is_two_cache_lines() {
    assert_eq!((size_of::<Flow>(), size_of::<Slot>()), (128, 8));
}

#[test]
fn removal_keeps_every_other_flow_reachable() {
    let mut table = Table::new(64);
    let indices: Vec<u32> = (0..64).map(|n| put(&mut table, n, 0)).collect();
    for (n, index) in (0_u32..).zip(&indices).filter(|(n, _)| n % 3 == 0) {
        table.remove(*index);
        assert!(!has(&table, n));
    }
    assert!((0..64).all(|n| has(&table, n) == (n % 3 != 0)));
    assert!(!table.is_full());
    assert_eq!(table.len(), 42);
}

#[test]
fn idle_flows_go_when_packet_time_passes_and_not_before() {
    let mut table = Table::new(8);
    put(&mut table, 1, 1000);
    let index = put(&mut table, 2, 1000);
    table.get_mut(index).unwrap().packets = [1, 1];
    let mut gone = 0;
    table.advance(Timestamp::new(1059, 0), |_| gone += 1);
    assert_eq!(gone, 0);
    table.advance(Timestamp::new(1062, 0), |_| gone += 1);
    assert_eq!((gone, has(&table, 1), has(&table, 2)), (1, false, true));
    table.advance(Timestamp::new(1000 + 7300, 0), |_| gone += 1);
    assert_eq!((gone, table.len()), (2, 0));
}

#[test]
fn a_victim_is_one_sided_and_old() {
    let mut table = Table::new(4);
    for n in 0..4 {
        let index = put(&mut table, n, i64::from(n));
        table.get_mut(index).unwrap().packets = [1, u32::from(n != 2)];
    }
    assert!(table.is_full());
    assert_eq!(table.victim(), Some(2));
}

#[test]
fn a_clock_that_jumps_years_ends_all() {
    let mut table = Table::new(8);
    put(&mut table, 1, 0);
    put(&mut table, 2, 4_000_000_000);
    assert_eq!((has(&table, 1), has(&table, 2)), (false, true));
    table.advance(Timestamp(i64::MAX), |_| ());
    assert_eq!(table.len(), 0);
    // And back: time goes on from there.
    put(&mut table, 3, 1000);
    assert!(table.is_due(Timestamp::new(1100, 0)));
    table.advance(Timestamp::new(1100, 0), |_| ());
    assert!(!has(&table, 3));
    table.advance(Timestamp(i64::MIN), |_| ());
}
