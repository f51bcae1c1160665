//! What every network says: NTP, DNS, SNMP, spanning tree, LLDP.

use std::net::Ipv4Addr;

use auscult::net::Mac;

use crate::hospital::frame::checksum;

/// NTP (RFC 5905 §7.3): a client's question, a server's answer.
pub(crate) fn ntp(unix: u64) -> [Vec<u8>; 2] {
    let mut ask = vec![0; 48];
    ask[0] = 0x23;
    let mut answer = vec![0; 48];
    answer[..4].copy_from_slice(&[0x24, 3, 6, 0xe9]);
    let seconds = ((unix + 2_208_988_800) as u32).to_be_bytes();
    for at in [16, 24, 32, 40] {
        answer[at..at + 4].copy_from_slice(&seconds);
    }
    ask[40..44].copy_from_slice(&seconds);
    [ask, answer]
}

/// DNS (RFC 1035 §4): an A record is asked for and given.
pub(crate) fn dns(id: u16, name: &str, ip: Ipv4Addr) -> [Vec<u8>; 2] {
    let mut question = Vec::new();
    for label in name.split('.') {
        question.push(label.len() as u8);
        question.extend(label.as_bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    let [high, low] = id.to_be_bytes();
    let ask = [&[high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &question].concat();
    let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4];
    let answer =
        [&[high, low, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0][..], &question, &record, &ip.octets()]
            .concat();
    [ask, answer]
}

fn ber(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[tag, body.len() as u8][..], &body].concat()
}

/// SNMPv2c get of sysUpTime.0 (RFC 3418), and the answer in hundredths of a second.
pub(crate) fn uptime(request: u16, ticks: u32) -> [Vec<u8>; 2] {
    let oid = [0x2b, 6, 1, 2, 1, 1, 3, 0];
    let message = |kind: u8, value: Vec<u8>| {
        let bind = ber(0x30, &[&ber(6, &[&oid]), &value]);
        let [high, low] = request.to_be_bytes();
        let id = ber(2, &[&[0, high, low]]);
        let pdu = ber(kind, &[&id, &[2, 1, 0], &[2, 1, 0], &ber(0x30, &[&bind])]);
        ber(0x30, &[&[2, 1, 1], &ber(4, &[b"ward"]), &pdu])
    };
    let ticks = ber(0x43, &[&[0], &ticks.to_be_bytes()]);
    [message(0xa0, vec![5, 0]), message(0xa2, ticks)]
}

/// The payload of a spanning tree frame (IEEE 802.1D §9.3.1) behind its length.
pub(crate) fn spanning_tree(switch: Mac, root: Mac) -> Vec<u8> {
    let mut body = vec![0x42, 0x42, 3, 0, 0, 0, 0, 0, 0x80, 0];
    body.extend(root.0);
    body.extend([0, 0, 0, 4, 0x80, 0]);
    body.extend(switch.0);
    body.extend([0x80, 1, 1, 0, 20, 0, 2, 0, 15, 0]);
    body
}

/// LLDP (IEEE 802.1AB §8): chassis, port, time to live, name.
pub(crate) fn lldp(switch: Mac, port: &str, name: &str) -> Vec<u8> {
    let field = |kind: u8, parts: &[&[u8]]| {
        let value = parts.concat();
        [&[kind << 1, value.len() as u8][..], &value].concat()
    };
    [
        field(1, &[&[4], &switch.0]),
        field(2, &[&[5], port.as_bytes()]),
        field(3, &[&[0, 120]]),
        field(5, &[name.as_bytes()]),
        vec![0, 0],
    ]
    .concat()
}

/// ICMPv6 (RFC 4443) from the unspecified address to all that listen at another.
fn icmp6(to: [u8; 16], message: &[u8]) -> (Mac, Vec<u8>) {
    let mut body = message.to_vec();
    let pseudo = [0, 0, 0, message.len() as u8, 0, 0, 0, 58];
    let sum = checksum(&[&[0; 16], &to, &pseudo, &body]).to_be_bytes();
    body[2..4].copy_from_slice(&sum);
    let head = [0x60, 0, 0, 0, 0, body.len() as u8, 58, 255];
    let packet = [&head[..], &[0; 16], &to, &body].concat();
    (Mac([0x33, 0x33, to[12], to[13], to[14], to[15]]), packet)
}

/// What IPv6 asks when a network comes up, each with the group that it is for: whether the
/// link-local address is free (RFC 4862 §5.4), and for routers (RFC 4861 §6.3.7).
pub(crate) fn comes(mac: Mac) -> ((Mac, Vec<u8>), (Mac, Vec<u8>)) {
    let [a, b, c, d, e, f] = mac.0;
    let own = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    let group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, d, e, f];
    let all_routers = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    let takes = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &own].concat();
    (icmp6(group, &takes), icmp6(all_routers, &[133, 0, 0, 0, 0, 0, 0, 0]))
}

/// The registration of a NetBIOS name with all on the link (RFC 1002 §4.2.2).
pub(crate) fn claims(name: &str, ip: Ipv4Addr) -> Vec<u8> {
    let mut said = vec![0x12, 0x34, 0x29, 0x10, 0, 1, 0, 0, 0, 0, 0, 1, 32];
    for byte in format!("{:<15}\0", name.to_uppercase()).bytes() {
        said.extend([b'A' + (byte >> 4), b'A' + (byte & 15)]);
    }
    said.extend([0, 0, 0x20, 0, 1, 0xc0, 12, 0, 0x20, 0, 1, 0, 4, 0x93, 0xe0, 0, 6, 0, 0]);
    said.extend(ip.octets());
    said
}
