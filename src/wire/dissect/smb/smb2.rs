//! SMB 2 and 3: MS-SMB2 §2.2.3 and §2.2.4 (negotiate), §2.2.5 and §2.2.6 (session setup).

use super::super::ntlm;
use super::{CLIENT_DIALECTS, DIALECT, Error, Next, Reader, Sink, Who, signing};
use crate::observe::Sign;

const NEGOTIATE: u16 = 0;
const SESSION_SETUP: u16 = 1;
/// SMB2_FLAGS_SERVER_TO_REDIR.
const RESPONSE: u32 = 1;
/// Dialects in a negotiate request; there are five.
const MAX_DIALECTS: usize = 32;
/// Longest time for which a server is believed to run, in units of FILETIME, 100 ns:
/// twenty years.
const MAX_RUN: u64 = 20 * 366 * 86_400 * 10_000_000;
/// Shortest time that is told: servers that know no start give the time of the answer.
const MIN_RUN: u64 = 60 * 10_000_000;
/// Requests compounded into one message (§2.2.1, NextCommand) that are looked at.
const MAX_COMPOUND: usize = 4;

pub(super) const fn wants(command: u16) -> bool {
    matches!(command, NEGOTIATE | SESSION_SETUP)
}

/// Reads a message that begins with a negotiate or session setup.
pub(super) fn read(message: &[u8], out: &mut dyn Sink) -> Result<Next, Error> {
    let mut rest = Reader::new(message);
    for _ in 0..MAX_COMPOUND {
        let (next, step) = one(rest.rest(), out)?;
        if next == Next::Done || step == 0 {
            return Ok(next);
        }
        rest.skip(step, "NextCommand")?;
    }
    Ok(Next::More)
}

/// One command from its header on (§2.2.1.2), and how far it is to the next.
fn one(message: &[u8], out: &mut dyn Sink) -> Result<(Next, usize), Error> {
    let mut r = Reader::new(message);
    r.skip(8, "ProtocolId, StructureSize, CreditCharge")?;
    let status = r.u32_le("Status")?;
    let command = r.u16_le("Command")?;
    r.skip(2, "Credits")?;
    let response = r.u32_le("Flags")? & RESPONSE != 0;
    let step = r.u32_le("NextCommand")?;
    let step = usize::try_from(step).map_err(|_| Error::too_large("NextCommand"))?;
    let r = r.at(64, "SMB2 header")?;
    let mut next = Next::More;
    match (command, response) {
        (NEGOTIATE, false) => offered(r, out)?,
        (NEGOTIATE, true) if status == 0 => chosen(r, out)?,
        // Bytes before SecurityBufferOffset (§2.2.5, §2.2.6).
        (SESSION_SETUP, false) => token(r, 12, out)?,
        (SESSION_SETUP, true) => {
            token(r, 4, out)?;
            if status == 0 {
                next = Next::Done;
            }
        }
        _ => {}
    }
    Ok((next, step))
}

/// The client's dialects (§2.2.3).
fn offered(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    r.skip(2, "StructureSize")?;
    let count = usize::from(r.u16_le("DialectCount")?);
    r.skip(32, "SecurityMode … ClientStartTime")?;
    let mut best = 0;
    for _ in 0..count.min(MAX_DIALECTS) {
        best = best.max(r.u16_le("Dialects")?);
    }
    out.fact(Who::Sender, &CLIENT_DIALECTS, &name(best));
    Ok(())
}

/// The server's choice (§2.2.4). Of its clock and start time only the difference is told,
/// for how long it runs, and of its GUID nothing.
fn chosen(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    r.skip(2, "StructureSize")?;
    let mode = r.u16_le("SecurityMode")?;
    let dialect = r.u16_le("DialectRevision")?;
    // 0x02FF only asks the client to negotiate again in SMB 2 (§3.3.5.3.1).
    if dialect != 0x02ff {
        out.fact(Who::Sender, &DIALECT, &name(dialect));
        signing(mode & 1 != 0, mode & 2 != 0, out);
    }
    // Those that tell no start set it to zero; a cut capture is no error.
    let times = || -> Result<[u64; 2], Error> {
        let mut r = r;
        r.skip(34, "NegotiateContextCount … MaxWriteSize")?;
        let [now, start] = [r.array("SystemTime")?, r.array("ServerStartTime")?];
        Ok([u64::from_le_bytes(now), u64::from_le_bytes(start)])
    };
    if let Ok([now, start]) = times()
        && start > 0
        && let Some(runs) = now.checked_sub(start).filter(|it| (MIN_RUN..MAX_RUN).contains(it))
        && let Ok(hundreds) = i64::try_from(runs)
    {
        out.running(Who::Sender, hundreds.saturating_mul(100), Sign::Smb);
    }
    Ok(())
}

/// The security buffer of a session setup, by its offset from the header. In an
/// error response (§2.2.2) the same bytes are a length of zero.
fn token(mut r: Reader<'_>, before: usize, out: &mut dyn Sink) -> Result<(), Error> {
    r.skip(before, "StructureSize … Channel")?;
    let offset = usize::from(r.u16_le("SecurityBufferOffset")?);
    let len = usize::from(r.u16_le("SecurityBufferLength")?);
    if len == 0 {
        return Ok(());
    }
    ntlm::read(r.at(offset, "SecurityBufferOffset")?.take(len, "Buffer")?, out)
}

/// `SMB 2.0.2` … `SMB 3.1.1`; what is new stays readable.
fn name(dialect: u16) -> String {
    match dialect {
        0 => String::new(),
        0x0202 => "SMB 2.0.2".into(),
        0x0210 => "SMB 2.1".into(),
        0x0300 => "SMB 3.0".into(),
        0x0302 => "SMB 3.0.2".into(),
        0x0311 => "SMB 3.1.1".into(),
        other => format!("SMB 0x{other:04x}"),
    }
}
