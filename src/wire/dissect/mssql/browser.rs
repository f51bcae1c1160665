//! The SQL Server Browser (MC-SQLR): a server tells its instances in one datagram.

use super::super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use super::{INSTANCE, SERVER_NAME, VERSION};
use crate::wire::packet::Packet;

/// The browser service as a protocol.
pub(in super::super) static BROWSER: Protocol = Protocol {
    name: "mssql-browser",
    standard: "MC-SQLR",
    keys: &[SERVER_NAME, INSTANCE, VERSION],
    ports: &[1434],
    body: Body::Datagram { probe, answers: |_| Some(true), read },
};

/// SVR_RESP (MC-SQLR §2.2.5): mark, length, text.
const RESPONSE: u8 = 5;
const MAX_PAIRS: usize = 128;

fn text(payload: &[u8]) -> Result<&str, Error> {
    let mut r = Reader::new(payload);
    if r.u8("SVR_RESP")? != RESPONSE {
        return Err(Error::invalid("SVR_RESP"));
    }
    let length = usize::from(r.u16_le("RESP_SIZE")?);
    let text = r.take(length, "RESP_DATA")?;
    let text = std::str::from_utf8(text).map_err(|_| Error::invalid("RESP_DATA"))?;
    if text.starts_with("ServerName;") { Ok(text) } else { Err(Error::invalid("RESP_DATA")) }
}

fn probe(packet: &Packet<'_>) -> Verdict {
    if text(packet.payload).is_ok() { Verdict::Yes } else { Verdict::No }
}

/// Names and values in turn, all between semicolons; instances one after the other.
fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut parts = text(packet.payload)?.split(';');
    for _ in 0..MAX_PAIRS {
        let Some(name) = parts.next() else { break };
        if name.is_empty() {
            continue;
        }
        let value = parts.next().unwrap_or_default();
        let key = match name {
            "ServerName" => &SERVER_NAME,
            "InstanceName" => &INSTANCE,
            "Version" => &VERSION,
            _ => continue,
        };
        // The prelogin says three parts.
        let three = value.match_indices('.').nth(2).map_or(value.len(), |(at, _)| at);
        let value = if *key == VERSION { value.get(..three).unwrap_or_default() } else { value };
        out.fact(Who::Sender, key, value);
    }
    Ok(())
}
