use std::net::IpAddr;

use super::*;
use crate::census::host::Evidence;
use crate::census::room::Room;
use crate::net::Transport;
use crate::observe::Key;
use crate::time::Timestamp;

const SAID: Said = Said::new(Timestamp(0), Evidence { capture: 0, frame: 1 });

fn at(last: u8) -> HostId {
    HostId { ip: Some(IpAddr::from([10, 0, 0, last])), ..HostId::default() }
}

/// One that sends under these names, and takes messages where it is told to.
fn host(names: &[&str], takes: bool, peers: &[u8]) -> Host {
    let (mut host, room) = (Host::new(Timestamp(0)), &mut Room::default());
    for name in names {
        host.learn(Key::new(NAME), (*name).into(), SAID, room);
    }
    host.speaks((Transport::Tcp, 0, "hl7", Role::Client), SAID, room);
    if takes {
        host.speaks((Transport::Tcp, 2575, "hl7", Role::Server), SAID, room);
    }
    for peer in peers {
        host.met(at(*peer), room);
    }
    host
}

fn software(host: &mut Host, product: &str) {
    let facts = [(Key::new(SOFTWARE), product)];
    host.describes(Origin::Own, &facts, SAID, &mut Room::default());
}

/// What is left of a name that the first of these says.
fn weight(hosts: &[Host], name: &str) -> (f32, bool) {
    let ids: Vec<HostId> = (1..).take(hosts.len()).map(at).collect();
    let mut senders = Senders::default();
    for (id, host) in ids.iter().zip(hosts) {
        senders.add(id, host);
    }
    let it = Passing::find(&[(&ids[0], &hosts[0])], &senders, Book::builtin());
    (it.weight(NAME, name), it.said.is_some())
}

#[test]
fn a_name_that_comes_in_and_goes_out_is_anothers() {
    let engine = || host(&["XN-1000", "ENGINE"], true, &[2, 3]);
    let analyser = || host(&["XN-1000"], false, &[1]);
    let all = [engine(), analyser(), host(&[], true, &[1])];
    assert_eq!(weight(&all, "XN-1000"), (ANOTHERS, true));
    assert_eq!(weight(&all, "ENGINE"), (1.0, true));
    // The analyser takes nothing in.
    assert_eq!(weight(&[analyser(), host(&["XN-1000"], true, &[2])], "XN-1000"), (1.0, false));
    // One that has nothing to do with it says the same.
    assert_eq!(weight(&[host(&["XN-1000"], true, &[]), analyser()], "XN-1000"), (1.0, false));
}

#[test]
fn of_two_that_take_and_give_neither_is_named() {
    let one = |peer| host(&["XN-1000"], true, &[peer]);
    assert_eq!(weight(&[one(2), one(1)], "XN-1000"), (PASSED_ON, false));
    let mut through = one(2);
    for (key, value) in [("hl7.message_type", "ORU^R01"), ("hl7.acknowledges", "ORU^R01")] {
        through.learn(Key::new(key), value.into(), SAID, &mut Room::default());
    }
    assert_eq!(weight(&[through, one(1)], "XN-1000"), (ANOTHERS, true));
}

#[test]
fn who_has_the_names_of_several_products_is_none_of_them() {
    let told = |names: &[&str]| weight(&[host(names, false, &[])], names[0]);
    assert_eq!(told(&["XN-1000", "CS-2500"]), (ANOTHERS, true));
    assert_eq!(told(&["XN-1000"]), (1.0, false));
    assert_eq!(told(&["XN-1000", "LAB"]), (1.0, false));
}

#[test]
fn programs_that_come_in_and_go_out_are_anothers() {
    let program = |own: &[&str], partner: &str| {
        let mut hosts = [host(&["XN-1000"], true, &[2]), host(&["XN-1000"], false, &[1])];
        own.iter().for_each(|it| software(&mut hosts[0], it));
        software(&mut hosts[1], partner);
        let ids = [at(1), at(2)];
        let mut senders = Senders::default();
        ids.iter().zip(&hosts).for_each(|(id, host)| senders.add(id, host));
        let it = Passing::find(&[(&ids[0], &hosts[0])], &senders, Book::builtin());
        it.program(&hosts[0].equipment[0].1)
    };
    assert_eq!(program(&["Sysmex^XN-1000^00-21"], "Sysmex^XN-1000^00-21"), ANOTHERS);
    assert_eq!(program(&["Acme^Engine^1.0"], "Sysmex^XN-1000^00-21"), 1.0);
    assert_eq!(program(&["Sysmex^XN-1000^1", "Sysmex^CS-2500^1"], "A^B^1"), ANOTHERS);
}
