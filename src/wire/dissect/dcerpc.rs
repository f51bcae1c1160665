//! Remote procedure calls over TCP (C706 §12.6, MS-RPCE §2.2.2): what the tokens of NTLM in
//! bindings say of the machines at both ends. Calls and their data are passed over.

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict,
    ntlm,
};

/// Remote procedure calls as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "dcerpc",
    standard: "MS-RPCE",
    keys: ntlm::keys_with![],
    ports: &[135],
    body: Body::Stream { probe, start: || Box::new(Rpc) },
};

/// Packet types (C706 §12.6.4.1; MS-RPCE §2.2.2.5 for the last).
const BIND: u8 = 11;
const BIND_ACK: u8 = 12;
const ALTER: u8 = 14;
const ALTER_ANSWER: u8 = 15;
const AUTH3: u8 = 16;
const LAST_TYPE: u8 = 19;
/// Common head, and sec_trailer before a token (MS-RPCE §2.2.2.11).
const HEADER: usize = 16;
const TRAILER: usize = 8;
/// Head, sizes of fragments and association group of a bind.
const PROBED: usize = 24;
/// Providers (MS-RPCE §2.2.1.1.7): SPNEGO, NTLM.
const NEGOTIATE: u8 = 9;
const NTLM: u8 = 10;

/// What of a head matters.
#[derive(Clone, Copy)]
struct Head {
    kind: u8,
    whole: usize,
    token: usize,
    little: bool,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let [5, 0 | 1, kind @ 0..=LAST_TYPE, _] = r.array("rpc_vers")? else {
            return Err(Error::invalid("rpc_vers"));
        };
        // ASCII and IEEE floats, in either order of bytes.
        let little = match r.array("packed_drep")? {
            [0x10, 0, 0, 0] => true,
            [0, 0, 0, 0] => false,
            _ => return Err(Error::invalid("packed_drep")),
        };
        let mut length = |name| {
            let number = if little { r.u16_le(name) } else { r.u16_be(name) };
            number.map(usize::from)
        };
        let (whole, token) = (length("frag_length")?, length("auth_length")?);
        let least = match token {
            0 => HEADER,
            n => n.saturating_add(HEADER).saturating_add(TRAILER),
        };
        if whole < least {
            return Err(Error::invalid("frag_length"));
        }
        Ok(Self { kind, whole, token, little })
    }
}

/// A conversation begins with a bind or its answer, whose fragments have sizes.
fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    if !matches!(bytes, [] | [5] | [5, 0 | 1] | [5, 0 | 1, BIND | BIND_ACK, ..]) {
        return Verdict::No;
    }
    let Some(start) = bytes.get(..PROBED) else { return Verdict::More };
    let Ok(head) = Head::read(start) else { return Verdict::No };
    let mut r = Reader::new(start.get(HEADER..).unwrap_or_default());
    let sizes = [r.array("max_xmit_frag"), r.array("max_recv_frag")];
    let fits = |size: &Result<[u8; 2], Error>| match (size, head.little) {
        (Ok(size), true) => u16::from_le_bytes(*size) >= 1024,
        (Ok(size), false) => u16::from_be_bytes(*size) >= 1024,
        _ => false,
    };
    let first = start.get(3).is_some_and(|flags| flags & 1 == 1);
    match sizes.iter().all(fits) && first && head.whole > PROBED {
        true => Verdict::Yes,
        false => Verdict::No,
    }
}

struct Rpc;

impl Dissector for Rpc {
    fn dissect(&mut self, _: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if bytes.len() < HEADER {
            return Ok(Progress::Need(HEADER));
        }
        let head = Head::read(bytes)?;
        let binding = matches!(head.kind, BIND | BIND_ACK | ALTER | ALTER_ANSWER | AUTH3);
        if !binding || head.token == 0 {
            return Ok(Progress::Skip(u64::try_from(head.whole).unwrap_or(u64::MAX)));
        }
        let Some(packet) = bytes.get(..head.whole) else { return Ok(Progress::Need(head.whole)) };
        let at = head.whole.saturating_sub(head.token);
        let mut r = Reader::new(packet).at(at.saturating_sub(TRAILER), "sec_trailer")?;
        let provider = r.u8("auth_type")?;
        r.skip(TRAILER.saturating_sub(1), "sec_trailer")?;
        if matches!(provider, NEGOTIATE | NTLM) {
            ntlm::read(r.rest(), out)?;
        }
        Ok(Progress::Consumed(head.whole))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::super::ntlm::tests as tokens;
    use super::super::testing::{facts, stream, try_stream};
    use super::super::torture;
    use super::*;

    fn framed(kind: u8, body: &[u8], provider: u8, token: &[u8]) -> Vec<u8> {
        let trailer = [provider, 6, 0, 0, 1, 0, 0, 0];
        let trailer = if token.is_empty() { &[][..] } else { &trailer };
        let whole = u16::try_from(HEADER + body.len() + trailer.len() + token.len()).unwrap();
        let token_length = u16::try_from(token.len()).unwrap();
        let mut packet = vec![5, 0, kind, 3, 0x10, 0, 0, 0];
        packet.extend(whole.to_le_bytes());
        packet.extend(token_length.to_le_bytes());
        packet.extend([1, 0, 0, 0]);
        [&packet[..], body, trailer, token].concat()
    }

    /// Sizes of fragments, no group, one context.
    const BODY: [u8; 12] = [0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0, 1, 0, 0, 0];

    #[test]
    fn tokens_name_both_machines() {
        let bind = framed(BIND, &BODY, NTLM, b"NTLMSSP\0\x01\0\0\0\0\0\0\0");
        let answer = framed(BIND_ACK, &BODY, NTLM, &tokens::challenge_of("RAD"));
        let third = framed(AUTH3, &[0; 4], NTLM, &tokens::authenticate_message());
        let call = framed(0, b"CANARY", NTLM, b"CANARY");
        let segments: &[(u8, &[u8])] =
            &[(b'C', &bind), (b'S', &answer), (b'C', &third), (b'C', &call)];
        let expected = [
            "S ntlm.server_version=6.1.7601",
            "S ntlm.fqdn=mr-console.rad.example",
            "S ntlm.computer=MR-CONSOLE",
            "S ntlm.domain=RAD",
            "S ntlm.membership=domain",
            "C ntlm.version=10.0.17763",
            "C ntlm.workstation=READING-3",
        ];
        assert_eq!(facts(&stream("dcerpc", segments)), expected);
        torture::stream("dcerpc", segments, &["NAR"]);
    }

    #[test]
    fn other_providers_say_nothing() {
        let bind = framed(BIND, &BODY, 16, &tokens::challenge_of("RAD"));
        assert!(stream("dcerpc", &[(b'C', &bind)]).is_empty());
        let bind = framed(BIND, &BODY, 0, &[]);
        assert!(stream("dcerpc", &[(b'C', &bind)]).is_empty());
        let torn: &[(u8, &[u8])] = &[(b'C', &bind), (b'C', b"GET / HTTP/1.1\r\n")];
        assert!(try_stream("dcerpc", torn).is_err());
    }

    #[test]
    fn probe_is_strict() {
        let ask =
            |bytes: &[u8]| probe(&Opening { bytes, src_port: 1, dst_port: 2, from_start: true });
        let bind = framed(BIND, &BODY, 0, &[]);
        assert_eq!(ask(&bind), Verdict::Yes);
        assert_eq!(ask(&bind[..10]), Verdict::More);
        assert_eq!(ask(&framed(0, &BODY, 0, &[])), Verdict::No);
        // SOCKS 5 and small fragments.
        assert_eq!(ask(&[5, 1, 0]), Verdict::No);
        assert_eq!(ask(&framed(BIND, &[0; 12], 0, &[])), Verdict::No);
    }
}
