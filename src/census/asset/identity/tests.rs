use super::*;
use crate::census::host::{Evidence, Said};
use crate::census::room::Room;
use crate::census::watched::Watched;
use crate::observe::{Key, Lease};
use crate::time::{SECOND, Timestamp};

const ROUTER: Mac = Mac([0, 1, 2, 0, 0, 1]);
const DEVICE: Mac = Mac([0, 1, 2, 0, 0, 2]);

fn host(vlan: u16, mac: Mac, ip: Option<&str>, ttl: u8) -> (HostId, Host) {
    let segment = Segment { vlan, ..Segment::default() };
    let mut host = Host::new(Timestamp(0));
    host.saw_ttl(ttl);
    (HostId { segment, mac: Some(mac), ip: ip.map(|ip| ip.parse().unwrap()) }, host)
}

fn identity(hosts: &[(HostId, Host)], of: usize) -> String {
    let it = Identifier::new(hosts.iter().map(|(id, host)| (id, host)));
    it.identify(&hosts[of].0, &hosts[of].1).unwrap().to_string()
}

#[test]
fn a_local_mac_is_a_device() {
    assert_eq!(identity(&[host(10, DEVICE, Some("10.1.0.5"), 128)], 0), "mac:00:01:02:00:00:02");
}

#[test]
fn behind_a_router_the_address_is_the_identity() {
    let hosts = [host(10, ROUTER, Some("10.2.0.9"), 127)];
    assert_eq!(identity(&hosts, 0), "ip:10.2.0.9");
}

#[test]
fn many_unbound_addresses_make_a_router_without_ttls() {
    let hosts: Vec<_> =
        (1..=5).map(|n| host(10, ROUTER, Some(&format!("10.9.0.{n}")), 1)).collect();
    assert_eq!(identity(&hosts, 0), "ip:10.9.0.1");
}

#[test]
fn a_binding_in_its_own_segment_names_the_device_behind_the_router() {
    let far = || host(10, ROUTER, Some("10.2.0.9"), 63);
    let claims = |times: usize| {
        let mut local = host(20, DEVICE, None, 64);
        let ip = "10.2.0.9".parse().unwrap();
        for second in [0, 5].into_iter().take(times) {
            let at = Timestamp(second * SECOND);
            let said = Said::new(at, Evidence { capture: 0, frame: 1 });
            let room = &mut Room::default();
            local.1.holds((ip, Lease::Arp), Timestamp(0), said, &Watched::default(), room);
        }
        identity(&[far(), local], 0)
    };
    let sends = |last| {
        let mut local = host(20, DEVICE, Some("10.2.0.9"), 64);
        local.1.span.extend(Timestamp(last * SECOND));
        identity(&[far(), local], 0)
    };
    let device = "mac:00:01:02:00:00:02";
    assert_eq!([claims(2), sends(5)], [device, device]);
    assert_eq!([claims(1), sends(0)], ["ip:10.2.0.9"; 2], "one packet is nobody's word");
}

#[test]
fn who_sends_on_its_own_link_is_itself_whoever_claims_its_address() {
    let mut claim = host(0, Mac([2, 0, 0, 0, 0, 7]), None, 64);
    let said = Said::new(Timestamp(5), Evidence { capture: 0, frame: 1 });
    let ip = "10.2.0.9".parse().unwrap();
    claim.1.holds((ip, Lease::Arp), Timestamp(5), said, &Watched::default(), &mut Room::default());
    // Heard by its multicasts alone: they come with a time to live that says nothing.
    let mut device = host(10, DEVICE, Some("10.2.0.9"), 1);
    device.1.spoke = true;
    assert_eq!(identity(&[device, claim], 0), "mac:00:01:02:00:00:02");
}

#[test]
fn a_translating_gateway_is_not_the_internet() {
    let hosts =
        [host(0, ROUTER, Some("93.184.216.34"), 128), host(0, ROUTER, Some("1.1.1.1"), 128)];
    assert_eq!(identity(&hosts, 0), "ip:93.184.216.34");
    let mut gateway = host(0, ROUTER, None, 128);
    let said = Said::new(Timestamp(0), Evidence { capture: 0, frame: 1 });
    gateway.1.holds(
        ("192.168.0.2".parse().unwrap(), Lease::Arp),
        Timestamp(0),
        said,
        &Watched::default(),
        &mut Room::default(),
    );
    let hosts = [host(0, ROUTER, Some("93.184.216.34"), 128), gateway];
    assert_eq!(identity(&hosts, 0), "ip:93.184.216.34");
    assert_eq!(identity(&hosts, 1), "mac:00:01:02:00:00:01");
}

#[test]
fn a_router_speaks_for_itself_too() {
    let hosts = [host(10, ROUTER, Some("10.2.0.9"), 63), host(10, ROUTER, Some("10.1.0.1"), 64)];
    assert_eq!(identity(&hosts, 1), "mac:00:01:02:00:00:01");
}

#[test]
fn a_mac_that_talks_to_itself_is_nobodys() {
    let mut hosts =
        [host(10, DEVICE, Some("10.1.0.5"), 128), host(10, DEVICE, Some("10.1.0.6"), 128)];
    assert_eq!(identity(&hosts, 0), "mac:00:01:02:00:00:02", "two addresses alone are fine");
    let peer = hosts[1].0;
    hosts[0].1.met(peer, &mut Room::default());
    let peer = hosts[0].0;
    hosts[1].1.met(peer, &mut Room::default());
    assert_eq!(identity(&hosts, 0), "ip:10.1.0.5");
    assert_eq!(identity(&hosts, 1), "ip:10.1.0.6");
}

#[test]
fn one_odd_ttl_makes_no_certain_router() {
    let routers = |hosts: &[(HostId, Host)]| {
        let it = Identifier::new(hosts.iter().map(|(id, host)| (id, host)));
        it.routers().map(|it| (it.mac, it.sure)).collect::<Vec<_>>()
    };
    let mut hosts = vec![host(10, ROUTER, Some("10.2.0.9"), 63)];
    assert_eq!(routers(&hosts), [(ROUTER, false)]);
    hosts.push(host(10, ROUTER, Some("10.3.0.9"), 61));
    assert_eq!(routers(&hosts), [(ROUTER, true)]);
    let shared = Mac([0, 0, 0x5e, 0, 1, 7]);
    assert_eq!(routers(&[host(10, shared, Some("10.2.0.9"), 63)]), []);
}

#[test]
fn an_address_with_two_holders_names_nobody() {
    let other = Mac([0, 1, 2, 0, 0, 3]);
    let hosts = [
        host(10, ROUTER, Some("10.2.0.9"), 63),
        host(20, DEVICE, Some("10.2.0.9"), 64),
        host(30, other, Some("10.2.0.9"), 64),
    ];
    assert_eq!(identity(&hosts, 0), "ip:10.2.0.9");
}

fn holding(vlan: u16, mac: Mac, ip: &str) -> (HostId, Host) {
    let mut it = host(vlan, mac, None, 64);
    let said = Said::new(Timestamp(0), Evidence { capture: 0, frame: 1 });
    it.1.holds(
        (ip.parse().unwrap(), Lease::Arp),
        Timestamp(0),
        Said { span: Span { last: Timestamp(5 * SECOND), ..said.span }, ..said },
        &Watched::default(),
        &mut Room::default(),
    );
    it
}

#[test]
fn an_address_that_routers_share_is_nobodys() {
    let shared = Mac([0, 0, 0x5e, 0, 1, 7]);
    let who = |hosts: &[(HostId, Host)], of: usize| {
        let it = Identifier::new(hosts.iter().map(|(id, host)| (id, host)));
        it.identify(&hosts[of].0, &hosts[of].1).map(|who| who.to_string())
    };
    let hosts = [
        holding(10, shared, "10.1.0.1"),
        host(10, shared, Some("10.1.0.1"), 255),
        host(10, shared, Some("fe80::1"), 255),
        host(10, shared, Some("10.2.0.9"), 63),
        host(20, ROUTER, Some("10.1.0.1"), 254),
    ];
    assert_eq!(who(&hosts, 0), None);
    assert_eq!(who(&hosts, 1), None);
    assert_eq!(who(&hosts, 2), None);
    assert_eq!(who(&hosts, 3).as_deref(), Some("ip:10.2.0.9"));
    assert_eq!(who(&hosts, 4), None, "from elsewhere neither");
    // What the router on duty says under its own address is its own.
    let hosts = [host(10, shared, Some("10.1.0.2"), 255), holding(10, ROUTER, "10.1.0.2")];
    assert_eq!(who(&hosts, 0).as_deref(), Some("mac:00:01:02:00:00:01"));
    assert_eq!(who(&[host(10, shared, Some("10.1.0.1"), 64)], 0), None, "without ARP neither");
}

#[test]
fn who_is_heard_from_behind_a_router_is_a_device_whatever_one_says_of_its_address() {
    let who = |vlans: &[u16], talks: bool| {
        let shared = Mac([0, 0, 0x5e, 0, 1, 7]);
        let mut far = host(10, ROUTER, Some("10.2.0.9"), 62);
        far.1.spoke = true;
        if talks {
            let said = Said::new(Timestamp(0), Evidence { capture: 0, frame: 1 });
            let (tcp, server) = (crate::net::Transport::Tcp, crate::observe::Role::Server);
            far.1.speaks((tcp, 104, "dicom", server), said, &mut Room::default());
        }
        let once = |vlan| {
            let mut it = holding(vlan, shared, "10.2.0.9");
            it.1.addresses.iter_mut().for_each(|(.., said)| said.span.last = said.span.first);
            it
        };
        let duties = vlans.iter().map(|vlan| once(*vlan));
        let hosts: Vec<_> = std::iter::once(far).chain(duties).collect();
        let it = Identifier::new(hosts.iter().map(|(id, host)| (id, host)));
        it.identify(&hosts[0].0, &hosts[0].1).map(|who| who.to_string())
    };
    let device = Some("ip:10.2.0.9".to_owned());
    assert_eq!(who(&[], false), device);
    assert_eq!(who(&[99], false), device, "said once");
    assert_eq!(who(&[98, 99], false), None, "a gateway that answers pings");
    assert_eq!(who(&[98, 99], true), device);
}

#[test]
fn nobodys_addresses_bind_nothing() {
    let hosts = [
        holding(10, DEVICE, "127.0.0.1"),
        host(10, ROUTER, Some("127.0.0.1"), 63),
        host(10, ROUTER, Some("10.2.0.9"), 63),
    ];
    assert_eq!(identity(&hosts, 1), "mac:00:01:02:00:00:01");
}

/// The router under its own address, with hops and without.
fn both(ip: &str) -> (HostId, Host) {
    let mut it = host(10, ROUTER, Some(ip), 57);
    it.1.saw_ttl(64);
    it
}

#[test]
fn a_router_whose_answers_come_from_afar_keeps_its_address() {
    let public = |ip| host(10, ROUTER, Some(ip), 108);
    let near = host(10, DEVICE, Some("10.1.0.5"), 64);
    let mut hosts = vec![both("10.1.0.1"), near, public("93.184.216.34"), public("1.1.1.1")];
    assert_eq!(identity(&hosts, 0), "mac:00:01:02:00:00:01");
    assert_eq!(identity(&hosts, 2), "ip:93.184.216.34");
    // Its own frames do not show that it carries those of others.
    let frame = |frame| Said::new(Timestamp(0), Evidence { capture: 0, frame });
    hosts[0].1.learn(Key::new("a.b"), "x".into(), frame(1), &mut Room::default());
    hosts[2].1.learn(Key::new("a.b"), "x".into(), frame(5), &mut Room::default());
    let it = Identifier::new(hosts.iter().map(|(id, host)| (id, host)));
    assert_eq!(it.routers().next().unwrap().evidence, Some(frame(5).evidence));
    // A second such address may be of one whose sessions the router ends.
    hosts.push(both("10.1.0.77"));
    assert_eq!(identity(&hosts, 0), "ip:10.1.0.1");
    hosts.pop();
    // Another address is known to be its own.
    hosts.push(holding(10, ROUTER, "10.1.0.254"));
    assert_eq!(identity(&hosts, 0), "ip:10.1.0.1");
    hosts.pop();
    // No neighbour shows that the address lies on this link.
    hosts[1] = host(10, DEVICE, Some("10.9.0.5"), 64);
    assert_eq!(identity(&hosts, 0), "ip:10.1.0.1");
}

#[test]
fn what_a_router_carries_is_shown_by_a_frame() {
    let mut hosts =
        [host(10, ROUTER, Some("10.2.0.9"), 63), host(10, ROUTER, Some("10.3.0.9"), 61)];
    let evidence = |hosts: &[(HostId, Host)]| {
        let it = Identifier::new(hosts.iter().map(|(id, host)| (id, host)));
        it.routers().next().unwrap().evidence
    };
    assert_eq!(evidence(&hosts), None);
    let frame = |frame| Said::new(Timestamp(0), Evidence { capture: 0, frame });
    hosts[0].1.learn(Key::new("a.b"), "x".into(), frame(9), &mut Room::default());
    let (tcp, client) = (crate::net::Transport::Tcp, crate::observe::Role::Client);
    hosts[1].1.speaks((tcp, 80, "http", client), frame(7), &mut Room::default());
    assert_eq!(evidence(&hosts), Some(frame(7).evidence));
    // Of the router itself a frame shows nothing of the kind.
    let mut own = holding(10, ROUTER, "10.1.0.1");
    own.1.learn(Key::new("a.b"), "x".into(), frame(2), &mut Room::default());
    let [a, b] = hosts;
    assert_eq!(evidence(&[a, b, own]), Some(frame(7).evidence));
}
