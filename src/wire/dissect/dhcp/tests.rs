use super::super::testing::{facts, packet, starts, udp};
use super::super::torture;
use crate::net::Mac;
use crate::wire::packet::{Layer3, Packet};

const MAC: [u8; 6] = [0x00, 0x09, 0xfb, 0x05, 0x93, 0x22];
const WHO: &str = "<00:09:fb:05:93:22|>";

struct Message(Vec<u8>);

impl Message {
    fn new(op: u8, kind: u8) -> Self {
        let mut m = vec![0; 240];
        m[..3].copy_from_slice(&[op, 1, 6]);
        m[28..34].copy_from_slice(&MAC);
        m[236..240].copy_from_slice(&[99, 130, 83, 99]);
        Self(m).option(53, &[kind])
    }

    fn address(mut self, at: usize, ip: [u8; 4]) -> Self {
        self.0[at..at + 4].copy_from_slice(&ip);
        self
    }

    fn option(mut self, code: u8, value: &[u8]) -> Self {
        self.0.extend([code, value.len() as u8]);
        self.0.extend(value);
        self
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(255);
        self.0
    }
}

fn said(bytes: &[u8]) -> Vec<String> {
    let own = Packet { src_mac: Some(Mac(MAC)), ..udp(68, 67, bytes) };
    facts(&packet("dhcp", &own).unwrap())
}

fn discover() -> Vec<u8> {
    Message::new(1, 1)
        .option(61, &[1, 0x00, 0x09, 0xfb, 0x05, 0x93, 0x22])
        .option(12, b"CT-CONSOLE")
        .option(60, b"MSFT 5.0")
        .option(55, &[1, 15, 3, 6, 44])
        .option(55, &[46, 249]) // a second part (RFC 3396)
        .option(81, b"\0\0\0ct-console.rad.example.")
        .option(77, b"\x02ab\x03cde")
        .option(93, &[0, 7])
        .end()
}

#[test]
fn client_is_the_chaddr() {
    let expected = [
        "dhcp.params=1,15,3,6,44,46,249",
        "dhcp.vendor_class=MSFT 5.0",
        "dhcp.hostname=CT-CONSOLE",
        "dhcp.fqdn=ct-console.rad.example",
        "dhcp.user_class=ab,cde",
        "dhcp.arch=7",
    ];
    assert_eq!(said(&discover()), expected.map(|f| format!("{WHO} {f}")));
}

#[test]
fn other_forms_of_names() {
    let m = Message::new(1, 8)
        .address(12, [10, 3, 2, 1])
        .option(81, b"\x04\0\0\x02ct\x03rad\0")
        .option(77, b"RAS.Microsoft")
        .option(61, &[255, 1, 2])
        .end();
    let who = "<00:09:fb:05:93:22|10.3.2.1>";
    let expected = ["dhcp.fqdn=ct.rad", "dhcp.user_class=RAS.Microsoft", "dhcp.client_id=ff0102"];
    assert_eq!(said(&m), expected.map(|f| format!("{who} {f}")));
}

#[test]
fn japanese_names() {
    let name = "日本語ホスト";
    let sjis = encoding_rs::SHIFT_JIS.encode(name).0;
    for bytes in [name.as_bytes(), &sjis] {
        let one = [&[bytes.len() as u8][..], bytes].concat();
        let m = Message::new(1, 1)
            .option(12, bytes)
            .option(60, bytes)
            .option(77, &one)
            .option(81, &[b"\0\0\0", bytes].concat())
            .end();
        let keys = ["vendor_class", "hostname", "fqdn", "user_class"];
        assert_eq!(said(&m), keys.map(|key| format!("{WHO} dhcp.{key}={name}")));
    }
    let labels = [b"\x04\0\0\x12", name.as_bytes(), b"\x03rad\0"].concat();
    let m = Message::new(1, 1).option(77, name.as_bytes()).option(81, &labels).end();
    let expected = [format!("{WHO} dhcp.fqdn={name}.rad"), format!("{WHO} dhcp.user_class={name}")];
    assert_eq!(said(&m), expected);
}

#[test]
fn options_in_sname_and_file() {
    let mut m = Message::new(1, 1).option(52, &[3]).option(55, &[1]).end();
    m[108..112].copy_from_slice(&[55, 1, 3, 255]);
    m[44..48].copy_from_slice(&[55, 1, 6, 255]);
    assert_eq!(said(&m), [format!("{WHO} dhcp.params=1,3,6")]);
}

#[test]
fn acknowledged_address_and_server() {
    let ack = Message::new(2, 5)
        .address(16, [10, 0, 0, 9])
        .option(51, &[0, 0, 0x0e, 0x10])
        .option(54, &[10, 0, 0, 1]);
    let lease = "<00:09:fb:05:93:22|> Address(10.0.0.9, Dhcp { seconds: 3600, renewed: false })";
    assert_eq!(said(&ack.end()), [lease, "C dhcp.server=dhcp"]);
    // A relay hands the server's words on: it is no server itself.
    let relayed = Message::new(2, 5)
        .address(16, [10, 0, 0, 9])
        .address(24, [10, 0, 0, 1])
        .option(51, &[0, 0, 0x0e, 0x10])
        .end();
    assert_eq!(said(&relayed), [lease, "<00:09:fb:05:93:22|> dhcp.relay=10.0.0.1"]);
    // Its address, not its frame, is the server's when it answers through a relay.
    let to_relay = Message::new(2, 2).address(16, [10, 0, 0, 9]).address(24, [10, 0, 0, 2]).end();
    assert_eq!(said(&to_relay), ["<|10.0.0.1> dhcp.server=dhcp"]);
    // DHCPINFORM: nothing is leased, and a PXE server gives no addresses.
    let inform = Message::new(2, 5).address(12, [10, 0, 0, 9]).option(51, &[0, 0, 1, 0]).end();
    assert_eq!(
        said(&inform),
        ["<00:09:fb:05:93:22|> Address(10.0.0.9, Dhcp { seconds: 0, renewed: true })"]
    );
}

#[test]
fn an_address_that_is_given_back_or_in_use_already_is_said() {
    let from = |card, bytes: &[u8]| {
        let it = Packet { src_mac: Some(Mac(card)), ..udp(68, 67, bytes) };
        facts(&packet("dhcp", &it).unwrap())
    };
    let said = |bytes: &[u8]| from(MAC, bytes);
    let released = Message::new(1, 7).address(12, [10, 0, 0, 9]).end();
    assert_eq!(said(&released), ["<00:09:fb:05:93:22|> Address(10.0.0.9, Released)"]);
    let declined = Message::new(1, 4).option(50, &[10, 0, 0, 9]).end();
    assert_eq!(said(&declined), ["<00:09:fb:05:93:22|> Address(10.0.0.9, Declined)"]);
    let nothing = [Message::new(1, 7).end(), Message::new(1, 4).option(50, &[0; 4]).end()];
    assert!(nothing.iter().all(|it| said(it).is_empty()));
    // In another's name: only a relay hands that on.
    let stranger = [2, 0, 0, 0, 0, 9];
    assert!([&released, &declined].iter().all(|it| from(stranger, it).is_empty()));
    let relayed = Message::new(1, 4).address(24, [10, 0, 0, 1]).option(50, &[10, 0, 0, 9]).end();
    assert_eq!(from(stranger, &relayed), ["<00:09:fb:05:93:22|> Address(10.0.0.9, Declined)"]);
    let of_a_server = Message::new(2, 7).address(12, [10, 0, 0, 9]).end();
    assert!(said(&of_a_server).is_empty());
    torture::packet("dhcp", &udp(68, 67, &declined), &[]);
}

#[test]
fn nobody_is_called_anything_by_a_strangers_frame() {
    let said = |bytes: &[u8], ttl| {
        let it = udp(68, 67, bytes);
        let Layer3::Ip { src, dst, .. } = it.l3 else { panic!("{it:?}") };
        let l3 = Layer3::Ip { src, dst, ttl, id: 1, dont_fragment: false };
        let stranger = Some(Mac([2, 0, 0, 0, 0, 9]));
        !facts(&packet("dhcp", &Packet { src_mac: stranger, l3, ..it }).unwrap()).is_empty()
    };
    let asks = |ciaddr, giaddr| {
        Message::new(1, 3).address(12, ciaddr).address(24, giaddr).option(12, b"pump-7").end()
    };
    let (none, own) = ([0; 4], [10, 0, 0, 1]);
    assert!(!said(&asks(none, none), 128) && said(&asks(none, [10, 7, 0, 1]), 128));
    // It renews its lease through a router, which has taken a hop.
    assert!(said(&asks(own, none), 127) && !said(&asks(own, none), 128));
    assert!(!said(&asks([10, 0, 0, 9], none), 127), "the address is another's");
}

#[test]
fn relay_says_switch_and_port() {
    let with = |info: &[u8]| {
        let m = Message::new(1, 1).address(24, [10, 7, 0, 1]).option(82, info).end();
        said(&m).join(" / ")
    };
    let cisco = with(b"\x01\x06\x00\x04\x00\x78\x01\x05\x02\x08\x00\x06\x00\x1b\x0d\x00\x00\x01");
    assert!(cisco.contains("dhcp.relay=10.7.0.1"), "{cisco}");
    assert!(
        cisco
            .contains(r#"switch: "00:1b:0d:00:00:01", port: "vlan 120 port 1/5", vlan: Some(120)"#),
        "{cisco}"
    );
    let text = with(b"\x01\x08ge-0/0/7\x02\x06core-1");
    assert!(text.contains(r#"switch: "core-1", port: "ge-0/0/7""#), "{text}");
    let binary = with(b"\x01\x03\x00\x00\x07");
    assert!(binary.contains(r#"switch: "10.7.0.1", port: "000007""#), "{binary}");
}

#[test]
fn the_interface_of_a_vlan_is_no_port() {
    let with = |circuit: &[u8]| {
        let info = [&[1, circuit.len() as u8], circuit].concat();
        let m = Message::new(1, 1).address(24, [10, 7, 0, 1]).option(82, &info).end();
        said(&m).join(" / ")
    };
    let relay = format!("{WHO} dhcp.relay=10.7.0.1");
    for name in ["vlan20", "Vlan20", "Vl20", "VLAN 20", "Vlanif20", "Vlan-interface20"] {
        assert_eq!(with(name.as_bytes()), format!("{relay} / {WHO} dhcp.vlan=20"), "{name}");
    }
    for name in ["irb.20", "bvi20", "br0"] {
        assert_eq!(with(name.as_bytes()), relay, "{name}");
    }
    let port = with(b"ge-0/0/7.0:vlan20");
    assert!(port.contains(r#"port: "ge-0/0/7.0", vlan: Some(20)"#), "{port}");
    for name in ["vlan0", "vlan", "vlan5000", "eth1", "brake", "Gi1/0/20"] {
        assert!(with(name.as_bytes()).contains(&format!("port: {name:?}, vlan: None")), "{name}");
    }
}

#[test]
fn cut_short_still_says_what_was_whole() {
    let bytes = discover();
    let cut = &bytes[..bytes.len() - 3];
    assert!(packet("dhcp", &udp(68, 67, cut)).is_err());
    let no_ethernet = Message::new(1, 1).end();
    let mut no_ethernet = no_ethernet;
    no_ethernet[1] = 6;
    assert!(packet("dhcp", &udp(68, 67, &no_ethernet)).is_err());
}

#[test]
fn survives_anything() {
    let bytes = discover();
    torture::packet("dhcp", &udp(68, 67, &bytes), &[]);
    let ack = Message::new(2, 5).address(16, [10, 0, 0, 9]).option(82, b"\x01\x02ab").end();
    torture::packet("dhcp", &udp(67, 68, &ack), &[]);
    let arp = Packet { l3: Layer3::Arp, ..udp(67, 68, &ack) };
    torture::packet("dhcp", &arp, &[]);
}

/// What tells a start, of a message in a frame of a card, from an address and a port.
fn starting(src_mac: [u8; 6], (ip, port): ([u8; 4], u16), bytes: &[u8]) -> Vec<String> {
    let mut it = Packet { src_mac: Some(Mac(src_mac)), ..udp(port, 67, bytes) };
    if let Layer3::Ip { src, .. } = &mut it.l3 {
        *src = ip.into();
    }
    starts(&packet("dhcp", &it).unwrap())
}

const NOWHERE: ([u8; 4], u16) = ([0; 4], 68);

#[test]
fn who_begins_anew_has_come() {
    let who = [format!("{WHO} Dhcp")];
    assert_eq!(starting(MAC, NOWHERE, &discover()), who);
    let again = || Message::new(1, 3).option(50, &[10, 3, 2, 1]);
    assert_eq!(starting(MAC, NOWHERE, &again().end()), who);
    let chosen = again().option(54, &[10, 3, 0, 1]).end();
    assert!(starting(MAC, NOWHERE, &chosen).is_empty(), "SELECTING: it has said so before");
    let renews = again().address(12, [10, 3, 2, 1]).end();
    assert!(starting(MAC, ([10, 3, 2, 1], 68), &renews).is_empty());
    let informs = Message::new(1, 8).end();
    assert!(starting(MAC, NOWHERE, &informs).is_empty());
    let relayed = again().address(24, [10, 3, 0, 1]).end();
    assert!(starting([2; 6], ([10, 3, 0, 1], 67), &relayed).is_empty(), "a relay's word");
    assert!(starting([2; 6], NOWHERE, &discover()).is_empty(), "forged by another card");
}

#[test]
fn firmware_that_looks_for_a_system_starts() {
    let who = [format!("{WHO} NetworkBoot")];
    let pxe = |kind| Message::new(1, kind).option(60, b"PXEClient:Arch:00007:UNDI:003016");
    for kind in [1, 3] {
        assert_eq!(starting(MAC, NOWHERE, &pxe(kind).end()), who);
    }
    let http = Message::new(1, 1).option(60, b"HTTPClient:Arch:00016").end();
    assert_eq!(starting(MAC, NOWHERE, &http), who);
    let loader = Message::new(1, 1).option(93, &[0, 22]).option(94, &[1, 0, 0]);
    assert_eq!(starting(MAC, NOWHERE, &loader.option(60, b"U-Boot.armv8").end()), who);
    let mut bootp = vec![0; 300];
    bootp[..240].copy_from_slice(&Message::new(1, 1).0[..240]);
    assert_eq!(starting(MAC, NOWHERE, &bootp), who);

    let arch = Message::new(1, 1).option(93, &[0, 7]).end();
    assert_eq!(starting(MAC, NOWHERE, &arch), [format!("{WHO} Dhcp")], "an architecture alone");
    let has = pxe(3).address(12, [10, 3, 2, 1]).end();
    assert!(starting(MAC, ([10, 3, 2, 1], 68), &has).is_empty(), "it renews");
    assert!(starting(MAC, NOWHERE, &pxe(8).end()).is_empty());
    let offer = Message::new(2, 2).option(60, b"PXEClient").end();
    assert!(starting(MAC, NOWHERE, &offer).is_empty(), "a server");
    assert!(starting([2; 6], NOWHERE, &pxe(1).end()).is_empty(), "forged by another card");
}

#[test]
fn a_relay_is_believed_for_firmware_where_it_speaks_for_itself() {
    let relay = [10, 3, 0, 1];
    let pxe = Message::new(1, 1).address(24, relay).option(60, b"PXEClient:Arch:00000").end();
    assert_eq!(starting([2; 6], (relay, 67), &pxe), [format!("{WHO} RelayedBoot")]);
    assert!(starting([2; 6], ([10, 3, 9, 9], 67), &pxe).is_empty(), "another's address");
    assert!(starting([2; 6], (relay, 50_000), &pxe).is_empty(), "another's port");
    assert!(starting(MAC, NOWHERE, &pxe).is_empty());
}
