//! What devices say: DHCP, names, HTTP, NTLM, DICOM. No person stands in any of it.

use std::net::Ipv4Addr;

use data_encoding::BASE64;

use crate::pdu::{item, pdu};

/// Client FQDN (RFC 4702), in DNS labels.
pub(crate) fn fqdn_option(name: &str) -> Vec<u8> {
    let mut value = vec![0x04, 0, 0];
    labels(&mut value, name);
    value
}

fn labels(to: &mut Vec<u8>, name: &str) {
    for label in name.split('.') {
        to.push(label.len() as u8);
        to.extend(label.as_bytes());
    }
    to.push(0);
}

/// NetBIOS name registration (RFC 1002 §4.2.2), broadcast.
pub(crate) fn nbns(id: u16, name: &str, ip: Ipv4Addr) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.extend([0x29, 0x10, 0, 1, 0, 0, 0, 0, 0, 1, 32]);
    let mut padded = name.to_ascii_uppercase().into_bytes();
    padded.resize(15, b' ');
    padded.push(0);
    for byte in padded {
        body.extend([b'A' + (byte >> 4), b'A' + (byte & 15)]);
    }
    body.extend([0, 0, 32, 0, 1, 0xc0, 12, 0, 32, 0, 1, 0, 4, 0x93, 0xe0, 0, 6, 0, 0]);
    body.extend(ip.octets());
    body
}

/// A name announced with its address (RFC 6762 §8.3).
pub(crate) fn mdns(name: &str, ip: Ipv4Addr) -> Vec<u8> {
    let mut body = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    labels(&mut body, &format!("{name}.local"));
    body.extend([0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4]);
    body.extend(ip.octets());
    body
}

/// A request with further header lines, each ended by CR LF.
pub(crate) fn get(path: &str, host: &str, agent: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n{more}\r\n").into_bytes()
}

/// An answer without a body.
pub(crate) fn answer(status: &str, server: &str, more: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nServer: {server}\r\nContent-Length: 0\r\n{more}\r\n").into_bytes()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Where a value stands in an NTLM message (MS-NLMP §2.2.2).
fn field(to: &mut Vec<u8>, len: usize, at: usize) {
    to.extend((len as u16).to_le_bytes());
    to.extend((len as u16).to_le_bytes());
    to.extend((at as u32).to_le_bytes());
}

const NTLM_FLAGS: u32 = 0x0200_0001 | 0x0080_0200;

fn ntlm_version(to: &mut Vec<u8>, build: u16) {
    to.extend([10, 0]);
    to.extend(build.to_le_bytes());
    to.extend([0, 0, 0, 15]);
}

/// AUTHENTICATE_MESSAGE (MS-NLMP §2.2.1.3) of nobody, in base64.
pub(crate) fn ntlm_authenticate(workstation: &str, build: u16) -> String {
    let name = utf16(workstation);
    let mut token = b"NTLMSSP\0\x03\0\0\0".to_vec();
    for (len, at) in [(0, 72), (0, 72), (0, 72), (0, 72), (name.len(), 72), (0, 72 + name.len())] {
        field(&mut token, len, at);
    }
    token.extend(NTLM_FLAGS.to_le_bytes());
    ntlm_version(&mut token, build);
    token.extend(name);
    BASE64.encode(&token)
}

/// NEGOTIATE_MESSAGE (MS-NLMP §2.2.1.1), in base64.
pub(crate) fn ntlm_negotiate(build: u16) -> String {
    let mut token = b"NTLMSSP\0\x01\0\0\0".to_vec();
    token.extend(NTLM_FLAGS.to_le_bytes());
    field(&mut token, 0, 0);
    field(&mut token, 0, 0);
    ntlm_version(&mut token, build);
    BASE64.encode(&token)
}

/// CHALLENGE_MESSAGE (MS-NLMP §2.2.1.2): computer, domain and DNS name, in base64.
pub(crate) fn ntlm_challenge(computer: &str, domain: &str, fqdn: &str, build: u16) -> String {
    let mut info = Vec::new();
    for (id, text) in [(2_u16, domain), (1, computer), (3, fqdn)] {
        let value = utf16(text);
        info.extend(id.to_le_bytes());
        info.extend((value.len() as u16).to_le_bytes());
        info.extend(value);
    }
    info.extend([0; 4]);
    let target = utf16(domain);
    let mut token = b"NTLMSSP\0\x02\0\0\0".to_vec();
    field(&mut token, target.len(), 56);
    token.extend(NTLM_FLAGS.to_le_bytes());
    token.extend([0x5a; 8]);
    token.extend([0; 8]);
    field(&mut token, info.len(), 56 + target.len());
    ntlm_version(&mut token, build);
    token.extend(target);
    token.extend(info);
    BASE64.encode(&token)
}

/// CT Image Storage (PS3.6).
const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const CONTEXT: &str = "1.2.840.10008.3.1.1.1";

/// A-ASSOCIATE-RQ (`kind` 1) or -AC (2) for one presentation context (PS3.8 §9.3).
pub(crate) fn associate(kind: u8, called: &str, calling: &str) -> Vec<u8> {
    let mut body = vec![0, 1, 0, 0];
    body.extend(format!("{called:16}{calling:16}").bytes());
    body.extend([0; 32]);
    body.extend(item(0x10, CONTEXT.as_bytes()));
    let syntaxes = if kind == 1 {
        [item(0x30, CT.as_bytes()), item(0x40, EXPLICIT.as_bytes())].concat()
    } else {
        item(0x40, EXPLICIT.as_bytes())
    };
    let context = [&[1, 0, 0, 0], &*syntaxes].concat();
    body.extend(item(if kind == 1 { 0x20 } else { 0x21 }, &context));
    let user = [item(0x51, &16384_u32.to_be_bytes()), item(0x52, b"1.2.826.0.1.3680043.9.9")];
    body.extend(item(0x50, &user.concat()));
    pdu(kind, &body)
}

/// A-RELEASE-RQ (5) or -RP (6).
pub(crate) fn release(kind: u8) -> Vec<u8> {
    pdu(kind, &[0; 4])
}

fn data(control: u8, bytes: &[u8]) -> Vec<u8> {
    let mut body = (bytes.len() as u32 + 2).to_be_bytes().to_vec();
    body.extend([1, control]);
    body.extend(bytes);
    pdu(4, &body)
}

fn padded(text: &str, pad: u8) -> Vec<u8> {
    let mut value = text.as_bytes().to_vec();
    if value.len() % 2 == 1 {
        value.push(pad);
    }
    value
}

/// A command set in Implicit VR Little Endian (PS3.7 §6.3): C-STORE-RQ or -RSP.
fn command(request: bool, uid: &str) -> Vec<u8> {
    let mut set = Vec::new();
    let mut add = |element: u16, value: &[u8]| {
        set.extend([0, 0]);
        set.extend(element.to_le_bytes());
        set.extend((value.len() as u32).to_le_bytes());
        set.extend(value);
    };
    add(0x0002, &padded(CT, 0));
    add(0x0100, &if request { 0x0001_u16 } else { 0x8001 }.to_le_bytes());
    add(if request { 0x0110 } else { 0x0120 }, &[1, 0]);
    if request {
        add(0x0700, &[0, 0]);
    }
    add(0x0800, &if request { 0x0001_u16 } else { 0x0101 }.to_le_bytes());
    if !request {
        add(0x0900, &[0, 0]);
    }
    add(0x1000, &padded(uid, 0));
    let mut all = vec![0, 0, 0, 0, 4, 0, 0, 0];
    all.extend((set.len() as u32).to_le_bytes());
    all.extend(set);
    all
}

/// What an image says of the machine that made it.
pub(crate) struct Machine<'a> {
    pub(crate) modality: &'a str,
    pub(crate) maker: &'a str,
    pub(crate) model: &'a str,
    pub(crate) station: &'a str,
    pub(crate) serial: &'a str,
    pub(crate) software: &'a str,
}

/// C-STORE of an image of which only the equipment module is there.
pub(crate) fn store(uid: &str, it: &Machine<'_>) -> Vec<u8> {
    let mut set = Vec::new();
    for (group, element, vr, value) in [
        (0x0008_u16, 0x0016_u16, b"UI", CT),
        (0x0008, 0x0018, b"UI", uid),
        (0x0008, 0x0060, b"CS", it.modality),
        (0x0008, 0x0070, b"LO", it.maker),
        (0x0008, 0x1010, b"SH", it.station),
        (0x0008, 0x1090, b"LO", it.model),
        (0x0018, 0x1000, b"LO", it.serial),
        (0x0018, 0x1020, b"LO", it.software),
    ] {
        let value = padded(value, if vr == b"UI" { 0 } else { b' ' });
        set.extend(group.to_le_bytes());
        set.extend(element.to_le_bytes());
        set.extend(vr);
        set.extend((value.len() as u16).to_le_bytes());
        set.extend(value);
    }
    [data(3, &command(true, uid)), data(2, &set)].concat()
}

/// The answer to [`store`].
pub(crate) fn stored(uid: &str) -> Vec<u8> {
    data(3, &command(false, uid))
}
