//! SMB 1: MS-CIFS §2.2.4.52 (negotiate) and §2.2.4.53 (session setup), with the
//! extended security of MS-SMB §2.2.4.5 and §2.2.4.6.

use super::super::ntlm;
use super::super::winstr::{decode, terminated};
use super::{
    AGREED_DIALECT, CLIENT_DIALECTS, DIALECT, DOMAIN, Error, HOSTNAME, NATIVE_LANMAN, NATIVE_OS,
    Next, Reader, Sink, Who, signing,
};

const NEGOTIATE: u8 = 0x72;
const SESSION_SETUP: u8 = 0x73;
/// Flags2 (MS-CIFS §2.2.3.1): strings are UTF-16.
const UNICODE: u16 = 0x8000;
/// Flags: a response.
const REPLY: u8 = 0x80;
/// Capabilities of a negotiate response: extended security (MS-SMB §2.2.4.5.2.1).
const EXTENDED_SECURITY: u32 = 0x8000_0000;

/// Dialect names from the oldest to the newest (MS-CIFS §1.7; MS-SMB2 §3.3.5.3.1
/// for the last two).
const DIALECTS: [&str; 10] = [
    "PC NETWORK PROGRAM 1.0",
    "LANMAN1.0",
    "Windows for Workgroups 3.1a",
    "LM1.2X002",
    "LANMAN2.1",
    "Samba",
    "NT LANMAN 1.0",
    "NT LM 0.12",
    "SMB 2.002",
    "SMB 2.???",
];
/// Where SMB 2 begins in [`DIALECTS`].
const FIRST_SMB2: usize = 8;
/// Dialects that a client offers; Windows offers up to nine.
const MAX_OFFERED: usize = 32;

/// What the client offered, by place, as the server answers with a place.
pub(super) type Offered = [Option<&'static str>; MAX_OFFERED];

pub(super) const fn wants(command: u8) -> bool {
    matches!(command, NEGOTIATE | SESSION_SETUP)
}

/// Reads a negotiate or session setup message from its header on.
pub(super) fn read(
    message: &[u8],
    offered: &mut Offered,
    out: &mut dyn Sink,
) -> Result<Next, Error> {
    let mut r = Reader::new(message);
    r.skip(4, "Protocol")?;
    let command = r.u8("Command")?;
    let status = r.u32_le("Status")?;
    let reply = r.u8("Flags")? & REPLY != 0;
    let unicode = r.u16_le("Flags2")? & UNICODE != 0;
    r.skip(20, "SMB header")?;
    let words = r.u8("WordCount")?;
    match (command, reply) {
        (NEGOTIATE, false) => negotiate(r, offered, out)?,
        (NEGOTIATE, true) => chosen(r, words, unicode, offered, out)?,
        (_, false) => setup_request(message, r, words, unicode, out)?,
        (_, true) => {
            setup_response(message, r, words, unicode, out)?;
            if status == 0 {
                return Ok(Next::Done);
            }
        }
    }
    Ok(Next::More)
}

/// Dialect strings, each behind a buffer format byte (§2.2.4.52.1).
fn negotiate(mut r: Reader<'_>, offered: &mut Offered, out: &mut dyn Sink) -> Result<(), Error> {
    let len = usize::from(r.u16_le("ByteCount")?);
    let mut r = Reader::new(r.take(len, "Dialects")?);
    *offered = Offered::default();
    let (mut best1, mut best2) = (None, None);
    for place in offered.iter_mut() {
        if r.is_empty() {
            break;
        }
        if r.u8("BufferFormat")? != 2 {
            return Err(Error::invalid("BufferFormat"));
        }
        let name = terminated(&mut r, false, "DialectString")?;
        let known = DIALECTS.iter().position(|known| known.as_bytes() == name);
        *place = known.and_then(|rank| DIALECTS.get(rank).copied());
        match known {
            Some(rank) if rank >= FIRST_SMB2 => best2 = best2.max(Some(rank)),
            _ => best1 = best1.max(known),
        }
    }
    let name = |rank: usize| DIALECTS.get(rank).copied().unwrap_or_default();
    if let Some(rank) = best1 {
        out.fact(Who::Sender, &CLIENT_DIALECTS, &format!("SMB1 {}", name(rank)));
    }
    if let Some(rank) = best2 {
        out.fact(Who::Sender, &CLIENT_DIALECTS, name(rank));
    }
    Ok(())
}

/// The server's choice (§2.2.4.52.2); with NT LM 0.12 also its name, when there is
/// no extended security.
fn chosen(
    mut r: Reader<'_>,
    words: u8,
    unicode: bool,
    offered: &Offered,
    out: &mut dyn Sink,
) -> Result<(), Error> {
    let index = r.u16_le("DialectIndex")?;
    if index == 0xffff {
        return Ok(());
    }
    let name = offered.get(usize::from(index)).copied().flatten();
    // Seventeen words are those of NT LM 0.12 and of nothing else.
    let name = name.or((words == 17).then_some("NT LM 0.12")).unwrap_or_default();
    let dialect = format!("SMB1 {name}");
    // One of SMB 2 is still to be agreed on.
    if !name.starts_with("SMB 2") {
        out.fact(Who::Receiver, &AGREED_DIALECT, dialect.trim_end());
    }
    out.fact(Who::Sender, &DIALECT, dialect.trim_end());
    if words != 17 {
        return Ok(());
    }
    let mode = r.u8("SecurityMode")?;
    signing(mode & 0x04 != 0, mode & 0x08 != 0, out);
    r.skip(16, "MaxMpxCount … SessionKey")?;
    let capabilities = r.u32_le("Capabilities")?;
    r.skip(10, "SystemTime, ServerTimeZone")?;
    let key = usize::from(r.u8("ChallengeLength")?);
    let len = usize::from(r.u16_le("ByteCount")?);
    if capabilities & EXTENDED_SECURITY != 0 {
        return Ok(());
    }
    let mut r = Reader::new(r.take(len, "SMB_Data")?);
    r.skip(key, "Challenge")?;
    // These two are not aligned.
    let unicode = is_unicode(&r, unicode);
    let domain = terminated(&mut r, unicode, "DomainName")?;
    let server = terminated(&mut r, unicode, "ServerName")?;
    out.fact(Who::Sender, &DOMAIN, &decode(domain, unicode));
    out.fact(Who::Sender, &HOSTNAME, &decode(server, unicode));
    Ok(())
}

/// What a client says (§2.2.4.53.1).
fn setup_request(
    message: &[u8],
    mut r: Reader<'_>,
    words: u8,
    unicode: bool,
    out: &mut dyn Sink,
) -> Result<(), Error> {
    r.skip(14, "AndX … SessionKey")?;
    match words {
        12 => {
            let len = r.u16_le("SecurityBlobLength")?;
            r.skip(8, "Reserved, Capabilities")?;
            let mut r = data(message, r)?;
            let blob = r.take(usize::from(len), "SecurityBlob")?;
            // NegTokenInit, NegTokenResp (RFC 4178 §4.2) or bare NTLM. Anything else is
            // the form below with a wrong count, and would show a password and account.
            if !matches!(blob.first(), Some(0x60 | 0xa1 | b'N')) {
                return Err(Error::invalid("SecurityBlob"));
            }
            align(&mut r, unicode);
            native(&mut r, unicode, out)?;
            ntlm::read(blob, out)
        }
        13 => {
            let (oem, wide) = (r.u16_le("OEMPasswordLen")?, r.u16_le("UnicodePasswordLen")?);
            r.skip(8, "Reserved, Capabilities")?;
            let mut r = data(message, r)?;
            r.skip(usize::from(oem), "OEMPassword")?;
            r.skip(usize::from(wide), "UnicodePassword")?;
            align(&mut r, unicode);
            behind_account(r, unicode, out)
        }
        // The shorter form of LAN Manager dialects has other fields.
        _ => Ok(()),
    }
}

/// NativeOS and NativeLanMan behind the account and its domain, which are passed
/// over. With wrong lengths before them the account would be taken for a system, so
/// there must be four strings and nothing else.
fn behind_account(mut r: Reader<'_>, unicode: bool, out: &mut dyn Sink) -> Result<(), Error> {
    terminated(&mut r, unicode, "AccountName")?;
    terminated(&mut r, unicode, "PrimaryDomain")?;
    let mut all = r;
    terminated(&mut all, unicode, "NativeOS")?;
    let three = all.is_empty();
    terminated(&mut all, unicode, "NativeLanMan")?;
    if three || all.remaining() > 2 {
        return Err(Error::invalid("AccountName"));
    }
    native(&mut r, unicode, out)
}

/// What a server says (§2.2.4.53.2).
fn setup_response(
    message: &[u8],
    mut r: Reader<'_>,
    words: u8,
    unicode: bool,
    out: &mut dyn Sink,
) -> Result<(), Error> {
    // An error without words says nothing.
    if !matches!(words, 3 | 4) {
        return Ok(());
    }
    r.skip(6, "AndX, Action")?;
    let len = if words == 4 { r.u16_le("SecurityBlobLength")? } else { 0 };
    let mut r = data(message, r)?;
    let blob = r.take(usize::from(len), "SecurityBlob")?;
    align(&mut r, unicode);
    let unicode = is_unicode(&r, unicode);
    native(&mut r, unicode, out)?;
    if words == 3 {
        let domain = terminated(&mut r, unicode, "PrimaryDomain")?;
        out.fact(Who::Sender, &DOMAIN, &decode(domain, unicode));
    }
    ntlm::read(blob, out)
}

/// The data block behind its ByteCount, without commands chained to this one
/// (AndX); its positions still count from the header.
fn data<'a>(message: &'a [u8], mut r: Reader<'a>) -> Result<Reader<'a>, Error> {
    let len = usize::from(r.u16_le("ByteCount")?);
    let end = r.position().saturating_add(len);
    let message = message.get(..end).ok_or(Error::short("SMB_Data"))?;
    Reader::new(message).at(r.position(), "SMB_Data")
}

fn native(r: &mut Reader<'_>, unicode: bool, out: &mut dyn Sink) -> Result<(), Error> {
    for key in [&NATIVE_OS, &NATIVE_LANMAN] {
        let text = decode(terminated(r, unicode, "NativeOS, NativeLanMan")?, unicode);
        // Always ASCII where it is what it should be; a string read out of step is not.
        if text.is_ascii() {
            out.fact(Who::Sender, key, &text);
        }
    }
    Ok(())
}

/// What the strings of a server are: not all of them set the flag for what they send.
fn is_unicode(r: &Reader<'_>, flag: bool) -> bool {
    match *r.rest() {
        [_, 0, ..] => true,
        [a, b, ..] if a.is_ascii_graphic() && b.is_ascii_graphic() => false,
        _ => flag,
    }
}

/// UTF-16 strings begin at an even offset from the header (MS-CIFS §2.2.1.1).
fn align(r: &mut Reader<'_>, unicode: bool) {
    if unicode && r.position() % 2 == 1 {
        // At the very end there is nothing to pad.
        let _ = r.skip(1, "Pad");
    }
}
