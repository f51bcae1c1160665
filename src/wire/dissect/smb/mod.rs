//! Server Message Block: SMB 1 (MS-CIFS, MS-SMB) and SMB 2 and 3 (MS-SMB2), over
//! TCP 445 or a NetBIOS session (RFC 1002 §4.3) on 139.
//!
//! Only negotiation and session setup are read, where both ends say what they are.
//! Then the conversation is left alone: no share, no path, no file, no account.

mod smb1;
mod smb2;
#[cfg(test)]
mod tests;

use super::netbios::NetbiosName;
use super::ntlm;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// What the server chose: `SMB1 NT LM 0.12`, `SMB 2.1`, `SMB 3.1.1`.
const DIALECT: Key = Key::new("smb.dialect");
/// What the server chose for this client, where it is of SMB 1.
const AGREED_DIALECT: Key = Key::new("smb.agreed_dialect");
/// The highest that a client offers, of SMB 1 and of the later ones each.
const CLIENT_DIALECTS: Key = Key::new("smb.client_dialects");
/// `required`, `enabled` or `disabled`: whether a server signs.
const SIGNING: Key = Key::new("smb.signing");
/// NativeOS of SMB 1.
const NATIVE_OS: Key = Key::new("smb.native_os");
/// NativeLanMan of SMB 1.
const NATIVE_LANMAN: Key = Key::new("smb.native_lanman");
/// Domain or workgroup of an SMB 1 server.
const DOMAIN: Key = Key::new("smb.domain");
/// Name of an SMB 1 server.
const HOSTNAME: Key = Key::new("smb.hostname");
/// NetBIOS name of the client that asks for a session (RFC 1002 §4.3.2).
const CALLING_NAME: Key = Key::new("smb.calling_name");

/// SMB as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "smb",
    standard: "MS-SMB2",
    keys: ntlm::keys_with![
        DIALECT,
        AGREED_DIALECT,
        CLIENT_DIALECTS,
        SIGNING,
        NATIVE_OS,
        NATIVE_LANMAN,
        DOMAIN,
        HOSTNAME,
        CALLING_NAME,
    ],
    ports: &[445, 139],
    body: Body::Stream { probe, start: || Box::<Smb>::default() },
};

/// A session setup with a Kerberos ticket is at most a few KiB; larger messages of
/// this kind are passed over.
const MAX_MESSAGE: usize = 16 * 1024;
/// Bytes of a message that say which command it is.
const COMMAND_AT: usize = 4 + 14;
/// Messages read in one conversation before it is left alone: negotiation and
/// authentication take about ten.
const MAX_MESSAGES: u8 = 32;

/// A NetBIOS session request with its two names, or an SMB header behind a length.
fn probe(opening: &Opening<'_>) -> Verdict {
    let fits = |pattern: &[Option<u8>]| {
        let known = opening.bytes.iter().zip(pattern);
        known.into_iter().all(|(&b, p)| p.is_none_or(|p| b == p))
    };
    let request = [Some(0x81), Some(0), Some(0), Some(0x44), Some(32)];
    let smb = |first| [Some(0), None, None, None, Some(first), Some(b'S'), Some(b'M'), Some(b'B')];
    let enough = |n| if opening.bytes.len() < n { Verdict::More } else { Verdict::Yes };
    if fits(&request) {
        enough(request.len())
    } else if [0xff, 0xfe, 0xfd].into_iter().any(|first| fits(&smb(first))) {
        enough(8)
    } else {
        Verdict::No
    }
}

#[derive(Default)]
struct Smb {
    offered: smb1::Offered,
    messages: u8,
}

/// Whether there is more to learn after a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    More,
    Done,
}

impl Dissector for Smb {
    fn dissect(&mut self, _: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let mut r = Reader::new(bytes);
        let Ok([kind, length @ ..]) = r.array::<4>("session header") else {
            return Ok(Progress::Need(4));
        };
        let [a, b, c] = length;
        let len = u32::from_be_bytes([0, a, b, c]);
        let len = usize::try_from(len).map_err(|_| Error::too_large("length"))?;
        let whole = len.saturating_add(4);
        match kind {
            0x00 if len > 0 => self.message(r, whole, out),
            // Session request, its positive answer, keep-alive (RFC 1002 §4.3.1).
            0x81 if len <= 256 => {
                if r.remaining() < len {
                    return Ok(Progress::Need(whole));
                }
                NetbiosName::read(&mut r)?;
                let calling = NetbiosName::read(&mut r)?;
                out.fact(Who::Sender, &CALLING_NAME, &calling.text);
                Ok(Progress::Consumed(whole))
            }
            0x00 | 0x82 | 0x85 if len == 0 => Ok(Progress::Consumed(whole)),
            0x83 | 0x84 => Ok(Progress::Done),
            _ => Err(Error::invalid("session packet type")),
        }
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

impl Smb {
    /// One SMB message behind its length; the reader stands at its header.
    fn message(
        &mut self,
        r: Reader<'_>,
        whole: usize,
        out: &mut dyn Sink,
    ) -> Result<Progress, Error> {
        // What follows a message too short for its header is another message.
        let rest = r.rest();
        let head = rest.get(..whole.saturating_sub(4)).unwrap_or(rest);
        if r.position().saturating_add(r.remaining()) < COMMAND_AT.min(whole) {
            return Ok(Progress::Need(COMMAND_AT.min(whole)));
        }
        let wanted = match *head {
            [0xff, b'S', b'M', b'B', command, ..] => smb1::wants(command),
            [0xfe, b'S', b'M', b'B', _, _, _, _, _, _, _, _, low, high, ..] => {
                smb2::wants(u16::from_le_bytes([low, high]))
            }
            // Encrypted and compressed messages (MS-SMB2 §2.2.41, §2.2.42).
            [0xfd | 0xfc, b'S', b'M', b'B', ..] => return Ok(Progress::Done),
            _ => return Err(Error::invalid("Protocol")),
        };
        self.messages = self.messages.saturating_add(1);
        if self.messages > MAX_MESSAGES {
            return Ok(Progress::Done);
        }
        if !wanted || whole > MAX_MESSAGE {
            return Ok(Progress::Skip(u64::try_from(whole).unwrap_or(u64::MAX)));
        }
        let mut r = r;
        let Ok(message) = r.take(whole.saturating_sub(4), "message") else {
            // Counted when it is there as a whole.
            self.messages = self.messages.saturating_sub(1);
            return Ok(Progress::Need(whole));
        };
        let next = if message.starts_with(&[0xff]) {
            smb1::read(message, &mut self.offered, out)?
        } else {
            smb2::read(message, out)?
        };
        Ok(match next {
            Next::More => Progress::Consumed(whole),
            Next::Done => Progress::Done,
        })
    }
}

/// `required`, `enabled` or `disabled`.
fn signing(enabled: bool, required: bool, out: &mut dyn Sink) {
    let word = match (enabled, required) {
        (_, true) => "required",
        (true, false) => "enabled",
        (false, false) => "disabled",
    };
    out.fact(Who::Sender, &SIGNING, word);
}
