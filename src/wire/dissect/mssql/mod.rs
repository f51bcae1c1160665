//! Tabular Data Stream of Microsoft SQL Server (MS-TDS): the version of a server, the
//! computer and program that log on to it. Names of accounts and databases, passwords and
//! statements are not read.

mod browser;
#[cfg(test)]
mod tests;

pub(super) use browser::BROWSER;

use super::winstr::utf16;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict,
    Who, ntlm,
};
use crate::observe::Key;

/// `major.minor.build` of the server.
const VERSION: Key = Key::new("mssql.version");
/// Name of the computer that logs on.
const HOSTNAME: Key = Key::new("mssql.hostname");
/// Program library of the client.
const LIBRARY: Key = Key::new("mssql.library");
/// `yes`: the client sends its password readable; the server takes it.
const CLEAR_LOGIN: Key = Key::new("mssql.clear_login");
const TAKES: Key = Key::new("mssql.takes_clear_login");
/// Computer of the server and its instance, as the browser service tells them.
const SERVER_NAME: Key = Key::new("mssql.server_name");
const INSTANCE: Key = Key::new("mssql.instance");

const KEYS: &[Key] = ntlm::keys_with![VERSION, HOSTNAME, LIBRARY, CLEAR_LOGIN, TAKES,];

/// SQL Server as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "mssql",
    standard: "MS-TDS",
    keys: KEYS,
    ports: &[1433],
    body: Body::Stream { probe, start: || Box::<Tds>::default() },
};

/// Packet types (§2.2.3.1.1).
const ANSWER: u8 = 0x04;
const LOGIN: u8 = 0x10;
const SSPI: u8 = 0x11;
const PRELOGIN: u8 = 0x12;
const HEADER: usize = 8;
/// Header and the first option of a prelogin, or length and version of a logon.
const PROBED: usize = 16;
const MAX_PACKET: usize = 32 * 1024;
/// Options of a prelogin (§2.2.6.5), and tokens of an answer that are looked at.
const MAX_OPTIONS: usize = 16;
const MAX_TOKENS: usize = 32;

/// A prelogin: header, then options of which the first is the version, six bytes long. Or
/// the logon of a client that asks for no encryption, with its length and a version from
/// 7.0 to 7.4 (§2.2.6.4).
fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    if bytes.first().is_some_and(|kind| !matches!(*kind, PRELOGIN | ANSWER | LOGIN)) {
        return Verdict::No;
    }
    let Some(head) = bytes.first_chunk::<PROBED>() else { return Verdict::More };
    match *head {
        [LOGIN, 1, high, low, _, _, _, _, a, b, 0, 0, _, _, _, 0x70..=0x74] => {
            let packet = usize::from(u16::from_be_bytes([high, low]));
            let logon = usize::from(u16::from_le_bytes([a, b]));
            let fits = logon > HEADER && packet == logon.saturating_add(HEADER);
            if fits { Verdict::Yes } else { Verdict::No }
        }
        [PRELOGIN | ANSWER, 1, _, _, _, _, _, 0, 0, 0, _, 0, 6, ..] => Verdict::Yes,
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct Tds {
    /// The server has answered the prelogin.
    answered: bool,
}

impl Dissector for Tds {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let mut r = Reader::new(bytes);
        let Ok([kind, _, high, low, ..]) = r.array::<HEADER>("header") else {
            return Ok(Progress::Need(HEADER));
        };
        let whole = usize::from(u16::from_be_bytes([high, low]));
        // TLS without a packet around it, as TDS 8 has it.
        if !(HEADER..=MAX_PACKET).contains(&whole) || !matches!(kind, 1..=0x12) {
            return Ok(Progress::Done);
        }
        let Ok(data) = r.take(whole.saturating_sub(HEADER), "packet") else {
            return Ok(Progress::Need(whole));
        };
        match (kind, from) {
            (PRELOGIN, Side::Client) if !self.answered => {}
            (ANSWER, Side::Server) if !self.answered => {
                prelogin(data, out)?;
                self.answered = true;
            }
            // What follows is encrypted.
            (PRELOGIN, _) => return Ok(Progress::Done),
            (LOGIN, Side::Client) => {
                // Whoever begins with it has asked for nothing before.
                self.answered = true;
                login(data, out)?;
            }
            (SSPI, _) => ntlm::read(data, out)?,
            (ANSWER, Side::Server) => {
                if answer(data, out)? {
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

/// PRELOGIN of a server (§2.2.6.5): option, offset and length each, up to a terminator.
fn prelogin(data: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(data);
    for _ in 0..MAX_OPTIONS {
        let option = r.u8("PL_OPTION_TOKEN")?;
        if option == 0xff {
            break;
        }
        let offset = usize::from(r.u16_be("PL_OFFSET")?);
        let length = usize::from(r.u16_be("PL_OPTION_LENGTH")?);
        let value = r.at(offset, "PL_OFFSET")?.take(length, "PL_OPTION_DATA")?;
        if let (0, [major, minor, high, low, ..]) = (option, value) {
            let build = u16::from_be_bytes([*high, *low]);
            out.fact(Who::Sender, &VERSION, &format!("{major}.{minor}.{build}"));
        }
    }
    Ok(())
}

/// LOGIN7 (§2.2.6.4): of its fields the computer, the library and the NTLM token.
fn login(data: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(data);
    r.skip(36, "fixed part")?;
    let mut field = |name| -> Result<&[u8], Error> {
        let offset = usize::from(r.u16_le(name)?);
        let units = usize::from(r.u16_le(name)?);
        Reader::new(data).at(offset, name)?.take(units.saturating_mul(2), name)
    };
    let host = field("HostName")?;
    field("UserName")?;
    let password = field("Password")?;
    for name in ["AppName", "ServerName", "Extension"] {
        field(name)?;
    }
    let library = field("CltIntName")?;
    out.fact(Who::Sender, &HOSTNAME, &utf16(host));
    out.fact(Who::Sender, &LIBRARY, &utf16(library));
    // What can be read here is not encrypted, but for a turn of bits. Who logs on by a token
    // has no password in it.
    if !password.is_empty() {
        out.fact(Who::Sender, &CLEAR_LOGIN, "yes");
        out.fact(Who::Receiver, &TAKES, "yes");
    }
    // The token stands at the end, whole as far as this packet reaches.
    ntlm::read(data, out)
}

/// Tokens of an answer (§2.2.7); true at the acknowledged logon.
fn answer(data: &[u8], out: &mut dyn Sink) -> Result<bool, Error> {
    let mut r = Reader::new(data);
    for _ in 0..MAX_TOKENS {
        if r.is_empty() {
            break;
        }
        let token = r.u8("token")?;
        // ERROR, INFO, LOGINACK, ENVCHANGE, SSPI have a length of two bytes.
        if !matches!(token, 0xaa | 0xab | 0xad | 0xe3 | 0xed) {
            return Ok(true);
        }
        let length = usize::from(r.u16_le("token length")?);
        let value = r.take(length, "token")?;
        match token {
            0xed => ntlm::read(value, out)?,
            0xad => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}
