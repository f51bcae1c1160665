//! MQTT (OASIS MQTT 3.1.1 and 5.0): which version a client speaks, which product it is
//! where its name is that product's own, and whether it logs on with a password that
//! anybody can read. Topics, payloads, names and passwords are not read.

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Reader, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// `3.1`, `3.1.1` or `5.0`.
const VERSION: Key = Key::new("mqtt.version");
/// `yes`: the password is not encrypted.
const CLEAR_LOGIN: Key = Key::new("mqtt.clear_login");
/// `yes`: the server compared it.
const TAKES: Key = Key::new("mqtt.takes_clear_login");
/// The beginning of the client identifier, from a fixed list: the rest may name a person.
const CLIENT: Key = Key::new("mqtt.client");

/// MQTT as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "mqtt",
    standard: "OASIS MQTT 5.0",
    keys: &[VERSION, CLEAR_LOGIN, TAKES, CLIENT],
    ports: &[1883],
    body: Body::Stream { probe, start: || Box::<Mqtt>::default() },
};

/// Fixed header of CONNECT and CONNACK (§3.1.1, §3.2.1).
const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
/// Both flags of a name and a password (§3.1.2.8, §3.1.2.9).
const LOGIN: u8 = 0xc0;
/// Accepted, and a name or password that is wrong, in both versions (§3.2.2.3, §3.2.2.2).
const COMPARED: [u8; 3] = [0, 4, 0x86];
/// Largest CONNECT that is waited for: a will may be longer, what is read is not.
const MAX_HEAD: usize = 512;
/// Bytes of a length (§1.5.5).
const MAX_LENGTH: usize = 4;

/// What programs and firmware put before their own part of an identifier.
const CLIENTS: &[&str] = &[
    "DVES_",
    "ESP32",
    "ESP8266",
    "auto-",
    "homeassistant",
    "mosq-",
    "mosqpub",
    "mosqsub",
    "mqtt-explorer",
    "mqttjs_",
    "nodered",
    "paho",
    "shelly",
    "tasmota",
    "zigbee2mqtt",
];

fn probe(opening: &Opening<'_>) -> Verdict {
    match connect(opening.bytes) {
        Ok(Some(_)) => Verdict::Yes,
        Ok(None) => Verdict::More,
        Err(_) => Verdict::No,
    }
}

/// Length as a number of seven bits a byte, and how many bytes it has (§1.5.5); none
/// when there are too few yet.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Error> {
    let (mut value, mut used) = (0_usize, 0_usize);
    for &byte in bytes.iter().take(MAX_LENGTH) {
        let shift = u32::try_from(used).unwrap_or(0).saturating_mul(7);
        value |= usize::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        used = used.saturating_add(1);
        if byte & 0x80 == 0 {
            return Ok(Some((value, used)));
        }
    }
    if used < MAX_LENGTH { Ok(None) } else { Err(Error::invalid("remaining length")) }
}

/// Level and flags of a CONNECT, and what follows its keep-alive; none when too few
/// bytes are there.
fn connect(bytes: &[u8]) -> Result<Option<(u8, u8, Reader<'_>)>, Error> {
    if bytes.first().is_some_and(|&b| b != CONNECT) {
        return Err(Error::invalid("packet type"));
    }
    let Some((whole, used)) = length(bytes.get(1..).unwrap_or_default())? else { return Ok(None) };
    // Name, level, flags, keep-alive, and an empty identifier.
    if whole < 12 {
        return Err(Error::invalid("remaining length"));
    }
    let mut r = Reader::new(bytes);
    r.skip(used.saturating_add(1), "fixed header")?;
    let known: [(&[u8], _); 2] = [(b"\0\x04MQTT", 4..=5_u8), (b"\0\x06MQIsdp", 3..=3)];
    let begins = |name: &[u8]| {
        let n = name.len().min(r.remaining());
        r.rest().get(..n) == name.get(..n)
    };
    let (name, levels) =
        known.into_iter().find(|(name, _)| begins(name)).ok_or(Error::invalid("protocol name"))?;
    if r.remaining() < name.len().saturating_add(4) {
        return Ok(None);
    }
    r.skip(name.len(), "protocol name")?;
    let level = r.u8("protocol level")?;
    let flags = r.u8("connect flags")?;
    r.skip(2, "keep alive")?;
    // The lowest bit is reserved (§3.1.2.3).
    if !levels.contains(&level) || flags & 1 != 0 {
        return Err(Error::invalid("protocol level"));
    }
    Ok(Some((level, flags, r)))
}

#[derive(Default)]
struct Mqtt {
    /// A password waits for its answer.
    login: bool,
}

impl Dissector for Mqtt {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if from == Side::Server {
            // Length, flags, and what came of it (§3.2.2.2).
            return match bytes {
                [CONNACK, ..] if !self.login => Ok(Progress::Skip(u64::MAX)),
                [CONNACK, _, _, reason, ..] => {
                    if COMPARED.contains(reason) {
                        out.fact(Who::Sender, &TAKES, "yes");
                    }
                    Ok(Progress::Done)
                }
                [CONNACK, ..] => Ok(Progress::Need(4)),
                _ => Err(Error::invalid("packet type")),
            };
        }
        let more = Ok(Progress::Need(bytes.len().saturating_add(1)));
        let Some((level, flags, r)) = connect(bytes)? else { return more };
        let client = match client(level, r) {
            Ok(client) => client,
            Err(_) if bytes.len() < MAX_HEAD && !whole(bytes) => return more,
            Err(error) => return Err(error),
        };
        let version = match level {
            3 => "3.1",
            4 => "3.1.1",
            _ => "5.0",
        };
        out.fact(Who::Sender, &VERSION, version);
        if flags & LOGIN == LOGIN {
            out.fact(Who::Sender, &CLEAR_LOGIN, "yes");
            self.login = true;
        }
        if let Some(client) = client {
            out.fact(Who::Sender, &CLIENT, client);
        }
        // An answer is waited for where there is something to be told of it.
        Ok(if self.login { Progress::Skip(u64::MAX) } else { Progress::Done })
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

/// Whether the packet is there to its end.
fn whole(bytes: &[u8]) -> bool {
    let length = length(bytes.get(1..).unwrap_or_default()).ok().flatten();
    length.is_some_and(|(len, used)| bytes.len() > len.saturating_add(used))
}

/// The known beginning of the identifier, behind the properties of version 5 (§3.1.2.11).
fn client(level: u8, mut r: Reader<'_>) -> Result<Option<&'static str>, Error> {
    if level == 5 {
        let (len, used) = length(r.rest())?.ok_or(Error::short("properties"))?;
        r.skip(used.saturating_add(len), "properties")?;
    }
    let len = usize::from(r.u16_be("client identifier")?);
    let id = r.take(len, "client identifier")?;
    let known = |known: &&&str| {
        id.get(..known.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(known.as_bytes()))
    };
    Ok(CLIENTS.iter().find(known).copied())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};
    use super::super::torture;
    use super::*;

    fn connect(head: &[u8], flags: u8, properties: &[u8], id: &str) -> Vec<u8> {
        let mut body = [head, &[flags, 0, 60], properties, &[0, id.len() as u8]].concat();
        body.extend(id.bytes());
        body.extend(b"\0\x06CANARY\0\x06CANARY");
        [&[0x10, body.len() as u8][..], &body].concat()
    }

    fn said(m: &[u8]) -> Vec<String> {
        facts(&stream("mqtt", &[(b'C', m), (b'S', b"\x20\x02\0\0"), (b'C', b"\x30\x08CANARY")]))
    }

    #[test]
    fn version_product_and_open_password() {
        let m = connect(b"\0\x04MQTT\x04", 0xc2, b"", "mosqpub|CANARY");
        let expected = [
            "C mqtt.version=3.1.1",
            "C mqtt.clear_login=yes",
            "C mqtt.client=mosqpub",
            "S mqtt.takes_clear_login=yes",
        ];
        assert_eq!(said(&m), expected);
        let wants_none = [(b'C', &m[..]), (b'S', b"\x20\x02\0\x05")];
        assert_eq!(facts(&stream("mqtt", &wants_none)), expected[..3], "not authorized");
        torture::stream("mqtt", &[(b'C', &m), (b'S', b"\x20\x02\0\0")], &["CANARY"]);
        let m = connect(b"\0\x04MQTT\x05", 2, &[5, 0x11, 0, 0, 0, 9], "CANARY");
        assert_eq!(said(&m), ["C mqtt.version=5.0"]);
        let m = connect(b"\0\x06MQIsdp\x03", 0x82, b"", "CANARY");
        assert_eq!(said(&m), ["C mqtt.version=3.1"], "a name without a password");
    }

    #[test]
    fn probe_is_strict() {
        let open = |bytes| probe(&Opening { bytes, src_port: 1, dst_port: 1883, from_start: true });
        assert_eq!(open(b"\x10"), Verdict::More);
        assert_eq!(open(b"\x10\x20\0\x04MQ"), Verdict::More);
        for other in [&b"\x10\x20\0\x04HTTP"[..], b"\x10\x03\0", b"\x10\xff\xff\xff\xff", b"GET"] {
            assert_eq!(open(other), Verdict::No);
        }
    }
}
