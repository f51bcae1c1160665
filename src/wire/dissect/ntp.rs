//! Network Time Protocol (RFC 5905): who gives the time, and what a server tells of itself
//! to who asks for its variables (RFC 9327).

use super::{Body, Error, Protocol, Sink, Verdict, Who};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// `yes`: gives the time to whoever asks.
const SERVER: Key = Key::new("ntp.server");

/// `ntpd 4.2.8p15`: the program, without the day on which it was built.
const VERSION: Key = Key::new("ntp.version");
/// `Linux/5.10.0-28-amd64`
const SYSTEM: Key = Key::new("ntp.system");

/// NTP as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "ntp",
    standard: "RFC 5905",
    keys: &[SERVER, VERSION, SYSTEM],
    ports: &[PORT],
    body: Body::Datagram { probe, answers, read },
};

const PORT: u16 = 123;
/// Head (RFC 5905 §7.3), and with a digest of MD5 or SHA-1 behind it.
const LENGTHS: [usize; 3] = [48, 68, 72];
/// Modes: a client's question, a server's answer.
const CLIENT: u8 = 3;
const SERVES: u8 = 4;
const CONTROL: u8 = 6;
/// Operation of a control message, and the most data of one (RFC 9327 §2).
const READ_VARIABLES: u8 = 2;
const MAX_DATA: usize = 468;
/// A clock that is not set (RFC 5905 §7.3), and the worst that is.
const UNSYNCHRONIZED: u8 = 3;
const WORST: u8 = 15;

/// Leap indicator, mode and stratum, of versions 3 and 4 at the port.
fn head(packet: &Packet<'_>) -> Option<(u8, u8, u8)> {
    let (src, dst) = packet.ports()?;
    if (src != PORT && dst != PORT) || !LENGTHS.contains(&packet.payload.len()) {
        return None;
    }
    let [first, stratum, ..] = *packet.payload else { return None };
    let (mode, version) = (first & 7, first >> 3 & 7);
    // Who asks does so at the port, who answers from it.
    let fits = match mode {
        CLIENT => dst == PORT,
        SERVES => src == PORT,
        _ => false,
    };
    (fits && matches!(version, 3 | 4) && stratum <= 16).then_some((first >> 6, mode, stratum))
}

/// A control message (RFC 9327 §2): whether it answers, and its data where those are the
/// beginning of the server's own variables.
fn control<'a>(packet: &Packet<'a>) -> Option<(bool, &'a [u8])> {
    let (src, dst) = packet.ports()?;
    let (head, data) = packet.payload.split_at_checked(12)?;
    let [first, kind, _, _, _, _, a1, a2, o1, o2, n1, n2] = *head else { return None };
    let version = first >> 3 & 7;
    let (answers, operation) = (kind & 0x80 != 0, kind & 0x1f);
    let length = usize::from(u16::from_be_bytes([n1, n2]));
    // Who asks has no leap to tell, who answers does. Padded to words; an authenticator may
    // follow.
    let fits = (answers || first >> 6 == 0)
        && first & 7 == CONTROL
        && (1..=4).contains(&version)
        && (if answers { src } else { dst }) == PORT
        && length <= data.len().min(MAX_DATA)
        && data.len().saturating_sub(length) <= 32;
    let own =
        answers && operation == READ_VARIABLES && kind & 0x40 == 0 && [a1, a2, o1, o2] == [0; 4];
    let data = data.get(..length).filter(|_| own).unwrap_or_default();
    fits.then_some((answers, data))
}

/// `name=value, name="value"` (RFC 9327 §3): the value of a name.
fn variable<'a>(data: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = data;
    loop {
        let (found, behind) = rest.split_once('=')?;
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => behind.split_at_checked(behind.find(',').unwrap_or(behind.len()))?,
        };
        if found.trim_matches([',', ' ', '\r', '\n']) == name {
            return Some(value.trim());
        }
        rest = behind;
    }
}

/// Products and releases are written in these.
fn is_product(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || " ./_+-".contains(c);
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}

fn probe(packet: &Packet<'_>) -> Verdict {
    match head(packet).is_some() || control(packet).is_some() {
        true => Verdict::Yes,
        false => Verdict::No,
    }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    let told = head(packet).map(|(_, mode, _)| mode == SERVES);
    told.or_else(|| control(packet).map(|(answers, _)| answers))
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    if let Some((true, data)) = control(packet)
        && let Ok(data) = std::str::from_utf8(data)
    {
        let version = variable(data, "version").and_then(|it| it.split('@').next());
        for (key, value) in [(&VERSION, version), (&SYSTEM, variable(data, "system"))] {
            if let Some(value) = value.filter(|it| is_product(it)) {
                out.fact(Who::Sender, key, value);
            }
        }
        return Ok(());
    }
    if let Some((leap, SERVES, 1..=WORST)) = head(packet)
        && leap != UNSYNCHRONIZED
    {
        out.fact(Who::Sender, &SERVER, "yes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn message(first: u8, stratum: u8) -> Vec<u8> {
        let mut message = vec![0; 48];
        message[..2].copy_from_slice(&[first, stratum]);
        message[12..16].copy_from_slice(b"GPS\0");
        message
    }

    #[test]
    fn who_gives_the_time() {
        let answer = message(0x24, 1);
        let it = udp(123, 50000, &answer);
        assert_eq!(facts(&packet("ntp", &it).unwrap()), ["C ntp.server=yes"]);
        assert_eq!(answers(&it), Some(true));
        torture::packet("ntp", &it, &["GPS"]);
        let question = message(0x23, 0);
        assert!(packet("ntp", &udp(50000, 123, &question)).unwrap().is_empty());
        // Not set yet, and told to go away.
        assert!(packet("ntp", &udp(123, 123, &message(0xe4, 3))).unwrap().is_empty());
        assert!(packet("ntp", &udp(123, 123, &message(0x24, 0))).unwrap().is_empty());
    }

    fn variables(head: &[u8; 8], data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u16).to_be_bytes();
        [&head[..], &[0, 0], &length, data].concat()
    }

    const OWN: [u8; 8] = [0x16, 0x82, 0, 1, 6, 0x18, 0, 0];

    #[test]
    fn a_server_tells_of_itself() {
        let data = b"version=\"ntpd 4.2.8p15@1.3728-o Wed Sep 23 11:46:38 UTC 2020 (1)\", \
            processor=\"x86_64\",\r\nsystem=\"Linux/5.10.0-28-amd64\", leap=0, refid=GPS";
        let answer = variables(&OWN, data);
        let it = udp(123, 123, &answer);
        let expected = ["C ntp.version=ntpd 4.2.8p15", "C ntp.system=Linux/5.10.0-28-amd64"];
        assert_eq!(facts(&packet("ntp", &it).unwrap()), expected);
        assert_eq!(answers(&it), Some(true));
        torture::packet("ntp", &it, &["x86_64", "GPS"]);
        let asks = variables(&[0x16, 2, 0, 1, 0, 0, 0, 0], b"");
        assert!(packet("ntp", &udp(50000, 123, &asks)).unwrap().is_empty());
        assert_eq!(answers(&udp(50000, 123, &asks)), Some(false));
        // A clock that is not set says so here too.
        let unset = variables(&[0xd6, 0x82, 0, 1, 0xc0, 0x16, 0, 0], b"system=\"Linux\"");
        let said = facts(&packet("ntp", &udp(123, 50000, &unset)).unwrap());
        assert_eq!(said, ["C ntp.system=Linux"]);
        let odd = variables(&[0xd6, 2, 0, 1, 0, 0, 0, 0], b"");
        assert_eq!(probe(&udp(50000, 123, &odd)), Verdict::No, "a question with a leap");
        // Of a peer, a later part, and what is no product.
        let of_a_peer = variables(&[0x16, 0x82, 0, 1, 6, 0x18, 0, 9], data);
        assert!(packet("ntp", &udp(123, 123, &of_a_peer)).unwrap().is_empty());
        let odd = variables(&OWN, b"version=\"<b>Taro</b>\", system=\"\"");
        assert!(packet("ntp", &udp(123, 123, &odd)).unwrap().is_empty());
        assert_eq!(probe(&udp(123, 50000, &answer[..40])), Verdict::No, "cut short");
        assert_eq!(probe(&udp(1123, 50000, &answer)), Verdict::No);
    }

    #[test]
    fn probe_is_strict() {
        assert_eq!(probe(&udp(123, 50000, &message(0x23, 0))), Verdict::No);
        assert_eq!(probe(&udp(1123, 50000, &message(0x24, 1))), Verdict::No);
        assert_eq!(probe(&udp(123, 50000, &message(0x24, 1)[..47])), Verdict::No);
        assert_eq!(probe(&udp(123, 50000, &message(0x24, 17))), Verdict::No);
        assert_eq!(probe(&udp(123, 50000, &message(0x0c, 1))), Verdict::No);
    }
}
