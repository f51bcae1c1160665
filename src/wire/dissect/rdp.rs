//! Remote Desktop Protocol (MS-RDPBCGR §2.2.1): the connection request, its answer,
//! and with standard security the client's name and build.
//!
//! The cookie is a user name, which leaves only through [`Sink::user`]. When TLS is chosen,
//! what follows is another protocol's.

use super::winstr::{oem, utf16};
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// `present`.
const COOKIE: Key = Key::new("rdp.cookie");
/// What a client can, joined by commas, or what a server chose: `standard`, `tls`,
/// `credssp`, `rdstls`, `credssp-ex`, `aad`.
const SECURITY: Key = Key::new("rdp.security");
/// Protocol version of client or server core data in hexadecimal.
const VERSION: Key = Key::new("rdp.version");
/// Build of the client's Windows, decimal.
const CLIENT_BUILD: Key = Key::new("rdp.client_build");
const CLIENT_NAME: Key = Key::new("rdp.client_name");

/// RDP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "rdp",
    standard: "MS-RDPBCGR",
    keys: &[COOKIE, SECURITY, VERSION, CLIENT_BUILD, CLIENT_NAME],
    ports: &[PORT],
    body: Body::Stream { probe, start: || Box::<Rdp>::default() },
};

/// Decides where a request without any RDP part is like those of other protocols.
const PORT: u16 = 3389;
/// X.224 (ITU-T X.224 §13.3, §13.4, §13.7) TPDU codes.
const REQUEST: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
const DATA: u8 = 0xf0;
/// TPKT header (RFC 1006 §6) and the fixed part of a request or confirm.
const FIXED: usize = 11;
/// A connect message has some 500 bytes.
const MAX_TPKT: usize = 8192;
/// GCC keys before client and server data (MS-RDPBCGR §4.1.3, §4.1.4).
const CLIENT_DATA: &[u8] = b"Duca";
const SERVER_DATA: &[u8] = b"McDn";

fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    let at = |n: usize| bytes.get(n).copied();
    if at(0).is_some_and(|b| b != 3) || at(1).is_some_and(|b| b != 0) {
        return Verdict::No;
    }
    let Some(&[_, _, high, low, indicator, code, _, _, _, _, class]) = bytes.first_chunk::<FIXED>()
    else {
        return Verdict::More;
    };
    let len = u16::from_be_bytes([high, low]);
    let fits = u16::from(indicator).checked_add(5) == Some(len) && class == 0;
    if !fits || !matches!(code, REQUEST | CONFIRM) {
        return Verdict::No;
    }
    let end = usize::from(len);
    if bytes.len() < end {
        return Verdict::More;
    }
    let ours = match (code, bytes.get(FIXED..end).unwrap_or_default()) {
        (_, []) => opening.src_port == PORT || opening.dst_port == PORT,
        (REQUEST, variable) => {
            variable.starts_with(b"Cookie: mst") || matches!(variable, [1, _, 8, 0, ..])
        }
        (_, variable) => matches!(variable, [2 | 3, _, 8, 0, ..]),
    };
    if ours { Verdict::Yes } else { Verdict::No }
}

#[derive(Default)]
struct Rdp {
    client_said: bool,
    /// The client named somebody.
    person: bool,
}

impl Dissector for Rdp {
    fn dissect(&mut self, _: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let mut r = Reader::new(bytes);
        let Ok([version, _, high, low]) = r.array::<4>("TPKT header") else {
            return Ok(Progress::Need(4));
        };
        let whole = usize::from(u16::from_be_bytes([high, low]));
        // Fast-path and encrypted PDUs come only behind what is of interest.
        if version != 3 {
            return Ok(Progress::Done);
        }
        if !(7..=MAX_TPKT).contains(&whole) {
            return Err(Error::invalid("TPKT length"));
        }
        let Ok(tpdu) = r.take(whole.saturating_sub(4), "TPDU") else {
            return Ok(Progress::Need(whole));
        };
        let mut r = Reader::new(tpdu);
        r.skip(1, "length indicator")?;
        match r.u8("TPDU code")? & 0xf0 {
            REQUEST => self.person = request(r, out)?,
            CONFIRM => {
                let chosen = confirm(r, out)?;
                if self.person && chosen.is_some() {
                    // Somebody sits at the client and works at the server.
                    out.session(Who::Sender);
                    out.session(Who::Receiver);
                }
                match chosen {
                    Some(0) => {}
                    Some(_) => return Ok(Progress::Restart(whole)),
                    None => return Ok(Progress::Done),
                }
            }
            DATA => {
                r.skip(1, "EOT")?;
                if self.connect(r, out)? {
                    return Ok(Progress::Done);
                }
            }
            _ => return Ok(Progress::Done),
        }
        Ok(Progress::Consumed(whole))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

/// Connection request (§2.2.1.1): routing token or cookie, then RDP_NEG_REQ. Whether the
/// cookie names somebody.
fn request(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<bool, Error> {
    let mut person = false;
    r.skip(5, "DST-REF, SRC-REF, class")?;
    if r.rest().starts_with(b"Cookie: ") {
        if r.rest().starts_with(b"Cookie: mstshash=") {
            out.fact(Who::Sender, &COOKIE, "present");
        }
        let line = r.rest().windows(2).position(|w| w == b"\r\n");
        let line = line.ok_or(Error::short("cookie"))?;
        let name = r.rest().get(..line).and_then(|it| it.strip_prefix(b"Cookie: mstshash="));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            person = true;
            out.user(Who::Sender, &oem(name));
        }
        r.skip(line.saturating_add(2), "cookie")?;
    }
    // Some clients leave an empty line where a cookie would be.
    let requested = if r.remaining() < 8 { 0 } else { negotiation(r, 1)?.unwrap_or(0) };
    out.fact(Who::Sender, &SECURITY, &security(requested));
    Ok(person)
}

/// Connection confirm (§2.2.1.2): the chosen security, none when refused.
fn confirm(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<Option<u32>, Error> {
    r.skip(5, "DST-REF, SRC-REF, class")?;
    let chosen = if r.is_empty() { Some(0) } else { negotiation(r, 2)? };
    if let Some(chosen) = chosen {
        out.fact(Who::Sender, &SECURITY, &security(chosen));
    }
    Ok(chosen)
}

/// RDP_NEG_REQ and RDP_NEG_RSP (§2.2.1.1.1, §2.2.1.2.1); none for a failure.
fn negotiation(mut r: Reader<'_>, kind: u8) -> Result<Option<u32>, Error> {
    let said = r.u8("negotiation type")?;
    r.skip(3, "negotiation flags, length")?;
    let protocols = r.u32_le("requestedProtocols, selectedProtocol")?;
    Ok((said == kind).then_some(protocols))
}

/// Protocol bits in words (§2.2.1.1.1).
fn security(bits: u32) -> String {
    let names = [(1, "tls"), (2, "credssp"), (4, "rdstls"), (8, "credssp-ex"), (16, "aad")];
    let set: Vec<_> = names.into_iter().filter(|(bit, _)| bits & bit != 0).map(|n| n.1).collect();
    if set.is_empty() { "standard".to_owned() } else { set.join(",") }
}

impl Rdp {
    /// MCS Connect-Initial and Connect-Response (§2.2.1.3, §2.2.1.4); true when both
    /// sides have had their turn.
    fn connect(&mut self, r: Reader<'_>, out: &mut dyn Sink) -> Result<bool, Error> {
        let behind = |key: &[u8]| {
            let at = r.rest().windows(key.len()).position(|w| w == key)?;
            r.rest().get(at.saturating_add(key.len())..).map(Reader::new)
        };
        if let Some(data) = behind(CLIENT_DATA) {
            self.client_said = true;
            client_core(data, out)?;
            Ok(false)
        } else if let Some(data) = behind(SERVER_DATA) {
            let mut core = block(data, 0x0c01)?;
            out.fact(Who::Sender, &VERSION, &format!("0x{:08x}", core.u32_le("version")?));
            Ok(true)
        } else {
            Ok(self.client_said)
        }
    }
}

/// The first data block behind a GCC key, which is the core data (§2.2.1.3.1).
fn block(mut r: Reader<'_>, wanted: u16) -> Result<Reader<'_>, Error> {
    // PER length (ITU-T X.691 §10.9): one byte, or two with the high bit set.
    if r.u8("user data length")? & 0x80 != 0 {
        r.skip(1, "user data length")?;
    }
    if r.u16_le("block type")? != wanted {
        return Err(Error::invalid("block type"));
    }
    let len = usize::from(r.u16_le("block length")?).saturating_sub(4);
    r.take(len, "core data").map(Reader::new)
}

/// TS_UD_CS_CORE (§2.2.1.3.2) up to the client's name.
fn client_core(data: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut core = block(data, 0xc001)?;
    let version = core.u32_le("version")?;
    core.skip(12, "desktopWidth … keyboardLayout")?;
    let build = core.u32_le("clientBuild")?;
    let name = core.array::<32>("clientName")?;
    out.fact(Who::Sender, &VERSION, &format!("0x{version:08x}"));
    out.fact(Who::Sender, &CLIENT_BUILD, &build.to_string());
    out.fact(Who::Sender, &CLIENT_NAME, &utf16(&name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::ntlm::tests::wide;
    use super::super::testing::{facts, stream, works};
    use super::super::torture;
    use crate::observe::{When, Work};

    fn tpkt(tpdu: &[u8]) -> Vec<u8> {
        [&[3, 0][..], &(tpdu.len() as u16 + 4).to_be_bytes(), tpdu].concat()
    }

    fn open(code: u8, variable: &[u8]) -> Vec<u8> {
        let head = [variable.len() as u8 + 6, code, 0, 0, 0, 0, 0];
        tpkt(&[&head[..], variable].concat())
    }

    fn data(key: &[u8], core: &[u8]) -> Vec<u8> {
        let gcc = [&[core.len() as u8 & 0x7f][..], core].concat();
        tpkt(&[&b"\x02\xf0\x80\x7f\x65\x82\x01\x94 preamble"[..], key, &gcc].concat())
    }

    fn standard() -> Vec<(u8, Vec<u8>)> {
        let mut client =
            b"\x01\xc0\x40\0\x04\0\x08\0\0\x04\0\x03\x01\xca\x03\xaa\x11\x04\0\0".to_vec();
        client.extend(2600_u32.to_le_bytes());
        let mut name = wide("READING-3");
        name.resize(32, 0);
        client.extend(name);
        client.resize(64, 0);
        vec![
            (b'C', open(0xe0, b"Cookie: mstshash=CANARY\r\n\x01\0\x08\0\0\0\0\0")),
            (b'S', open(0xd0, b"\x02\0\x08\0\0\0\0\0")),
            (b'C', data(b"Duca", &client)),
            (b'S', data(b"McDn", b"\x01\x0c\x08\0\x04\0\x08\0")),
        ]
    }

    fn lend(conversation: &[(u8, Vec<u8>)]) -> Vec<(u8, &[u8])> {
        conversation.iter().map(|(who, bytes)| (*who, &bytes[..])).collect()
    }

    #[test]
    fn standard_security_names_the_client() {
        let expected = [
            "C rdp.cookie=present",
            "C rdp.security=standard",
            "S rdp.security=standard",
            "C rdp.version=0x00080004",
            "C rdp.client_build=2600",
            "C rdp.client_name=READING-3",
            "S rdp.version=0x00080004",
        ];
        let said = stream("rdp", &lend(&standard()));
        assert_eq!(facts(&said), expected);
        let sessions = works(&said);
        assert!(sessions.iter().all(|it| (it.1.work, it.1.when) == (Work::Session, When::Now)));
        assert_eq!(sessions.iter().map(|it| it.0).collect::<String>(), "SC");
    }

    #[test]
    fn tls_is_handed_on() {
        let conversation = [
            (b'C', open(0xe0, b"\x01\0\x08\0\x0b\0\0\0")),
            (b'S', open(0xd0, b"\x02\x1f\x08\0\x02\0\0\0")),
            (b'C', b"\x16\x03\x01".to_vec()),
        ];
        let expected = ["C rdp.security=tls,credssp,credssp-ex", "S rdp.security=credssp"];
        let said = stream("rdp", &lend(&conversation));
        assert_eq!(facts(&said), expected);
        assert!(works(&said).is_empty(), "nobody is named");
    }

    #[test]
    fn survives_anything() {
        torture::stream("rdp", &lend(&standard()), &["CANARY", "NARY"]);
    }
}
