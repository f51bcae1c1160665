//! Computer browser announcements (MS-BRWS §2.2) in NetBIOS datagrams (RFC 1002
//! §4.4): a Windows host says its name, version and services to its subnet.
//!
//! The comment at the end is free text and is not read.

use std::net::{IpAddr, Ipv4Addr};

use super::netbios::NetbiosName;
use super::winstr::oem;
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::observe::Key;
use crate::wire::packet::Packet;

const HOSTNAME: Key = Key::new("browser.hostname");
/// `major.minor`, as Windows counts.
const OS_VERSION: Key = Key::new("browser.os_version");
/// The ServerType bits in hexadecimal (MS-BRWS §2.2.1, SV_TYPE of MS-RAP §2.5.5.5.1).
const SERVER_TYPE: Key = Key::new("browser.server_type");
/// The most telling of those bits in a word.
const ROLE: Key = Key::new("browser.role");
/// Workgroup or domain that a master browser speaks for.
const DOMAIN: Key = Key::new("browser.domain");

const PORT: u16 = 138;
/// An SMB header that carries a transaction (MS-CIFS §2.2.4.33).
const SMB_TRANSACTION: &[u8] = b"\xffSMB\x25";
const SMB_HEADER: usize = 32;
const MAILSLOT: &[u8] = b"\\MAILSLOT\\BROWSE\0";

/// The browser protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "browser",
    standard: "MS-BRWS",
    keys: &[HOSTNAME, OS_VERSION, SERVER_TYPE, ROLE, DOMAIN],
    ports: &[PORT],
    body: Body::Datagram { probe, answers: |_| None, read },
};

/// Direct unique, direct group or broadcast datagram (RFC 1002 §4.4.1) with an
/// encoded name and an SMB transaction where they have to be.
fn probe(packet: &Packet<'_>) -> Verdict {
    let at_port = packet.ports().is_some_and(|(src, dst)| src == PORT || dst == PORT);
    let datagram = matches!(packet.payload.first(), Some(0x10..=0x12));
    let named = packet.payload.get(14) == Some(&32);
    if at_port && datagram && named { Verdict::Yes } else { Verdict::No }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(packet.payload);
    r.skip(4, "MSG_TYPE, FLAGS, DGM_ID")?;
    let source = IpAddr::V4(Ipv4Addr::from(r.array::<4>("SOURCE_IP")?));
    r.skip(6, "SOURCE_PORT, DGM_LENGTH, PACKET_OFFSET")?;
    NetbiosName::read(&mut r)?;
    NetbiosName::read(&mut r)?;
    // A datagram that a distribution server or relay passes on is another's.
    if packet.addresses().is_none_or(|(src, _)| src != source) {
        return Ok(());
    }
    let smb = Reader::new(r.rest());
    if !smb.rest().starts_with(SMB_TRANSACTION) {
        return Ok(());
    }
    if !smb.rest().windows(MAILSLOT.len()).any(|w| w.eq_ignore_ascii_case(MAILSLOT)) {
        return Ok(());
    }
    // SMB_COM_TRANSACTION: WordCount, twelve words before DataOffset (MS-CIFS §2.2.4.33.1).
    let mut words = smb.at(SMB_HEADER, "SMB header")?;
    words.skip(25, "SMB parameters")?;
    let offset = usize::from(words.u16_le("DataOffset")?);
    announcement(smb.at(offset, "DataOffset")?, out)
}

/// HostAnnouncement (§2.2.1), DomainAnnouncement (§2.2.7), LocalMasterAnnouncement
/// (§2.2.10) share one layout up to the ServerType.
fn announcement(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let command = r.u8("Command")?;
    if !matches!(command, 0x01 | 0x0c | 0x0f) {
        return Ok(());
    }
    r.skip(5, "UpdateCount, Periodicity")?;
    let name = oem(&r.array::<16>("ServerName")?);
    let (major, minor) = (r.u8("OSVersionMajor")?, r.u8("OSVersionMinor")?);
    let bits = r.u32_le("ServerType")?;
    if command == 0x0c {
        // The name is the domain's, and the bits are those of its announcer.
        out.fact(Who::Sender, &DOMAIN, &name);
        return Ok(());
    }
    out.fact(Who::Sender, &HOSTNAME, &name);
    out.fact(Who::Sender, &OS_VERSION, &format!("{major}.{minor}"));
    out.fact(Who::Sender, &SERVER_TYPE, &format!("0x{bits:08x}"));
    out.fact(Who::Sender, &ROLE, role(bits));
    Ok(())
}

/// Domain controllers before servers before workstations: all of them share files
/// and printers; only what is no Windows NT is told by its print queue.
const fn role(bits: u32) -> &'static str {
    match bits {
        b if b & 0x0000_0018 != 0 => "domain-controller",
        b if b & 0x0000_8000 != 0 => "server",
        b if b & 0x0000_1000 != 0 => "workstation",
        b if b & 0x0000_0200 != 0 => "print-server",
        b if b & 0x0000_0800 != 0 => "unix-server",
        b if b & 0x0000_0002 != 0 => "server",
        b if b & 0x0000_0001 != 0 => "workstation",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::super::netbios::encode;
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;

    fn datagram(command: u8, bits: u32, source: [u8; 4]) -> Vec<u8> {
        let mut m = vec![0x11, 2, 0x80, 1];
        m.extend(source);
        m.extend([0, 138, 0, 187, 0, 0]);
        m.extend(encode("CT-CONSOLE", 0));
        m.extend(encode("RAD", 0x1d));
        m.extend(b"\xffSMB\x25");
        m.extend([0; 27]);
        m.extend(b"\x11\0\0\x2b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x2b\0\x56\0\x03\0\x01\0\x01\0\x02\0");
        m.extend(b"\x3c\0\\MAILSLOT\\BROWSE\0");
        m.extend([command, 0, 0, 0xc0, 0x0b, 0x00]);
        m.extend(b"CT-CONSOLE\0\0\0\0\0\0");
        m.extend([6, 1]);
        m.extend(bits.to_le_bytes());
        m.extend(b"\x0f\x01\x55\xaaCANARY\0");
        m
    }

    fn said(m: &[u8]) -> Vec<String> {
        facts(&packet("browser", &udp(138, 138, m)).unwrap())
    }

    #[test]
    fn host_announces_itself() {
        let expected = [
            "C browser.hostname=CT-CONSOLE",
            "C browser.os_version=6.1",
            "C browser.server_type=0x00001203",
            "C browser.role=workstation",
        ];
        assert_eq!(said(&datagram(0x01, 0x1203, [10, 0, 0, 1])), expected);
        assert_eq!(said(&datagram(0x0f, 0x9203, [10, 0, 0, 1]))[3], "C browser.role=server");
        let dc = said(&datagram(0x01, 0x0080_902b, [10, 0, 0, 1]));
        assert_eq!(dc[3], "C browser.role=domain-controller");
        assert_eq!(said(&datagram(0x01, 0x0203, [10, 0, 0, 1]))[3], "C browser.role=print-server");
        assert_eq!(said(&datagram(0x0c, 1, [10, 0, 0, 1])), ["C browser.domain=CT-CONSOLE"]);
        assert!(said(&datagram(0x01, 0x1203, [10, 0, 0, 9])).is_empty());
    }

    #[test]
    fn survives_anything() {
        let m = datagram(0x01, 0x1203, [10, 0, 0, 1]);
        torture::packet("browser", &udp(138, 138, &m), &["\u{1}"]);
    }
}
