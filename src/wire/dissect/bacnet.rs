//! BACnet/IP (ASHRAE 135 clause 20 and annex J): controllers of buildings announce
//! themselves and answer what a management station reads of their device object.
//!
//! A message that a router or a broadcast device passes on is about a device that is
//! not its sender: only that there is one is told.

mod side;
mod tag;

use std::borrow::Cow;

use encoding_rs::{SHIFT_JIS, UTF_16BE, WINDOWS_1252};

use self::tag::{Content, Tag, expect, tag, unsigned};
use super::{Body, Error, Protocol, Reader, Sink, Verdict, Who};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// Instance number of the device object, decimal.
const INSTANCE: Key = Key::new("bacnet.instance");
/// Vendor identifier as ASHRAE gives it, decimal.
const VENDOR_ID: Key = Key::new("bacnet.vendor_id");
const OBJECT_NAME: Key = Key::new("bacnet.object_name");
const VENDOR_NAME: Key = Key::new("bacnet.vendor_name");
const MODEL_NAME: Key = Key::new("bacnet.model_name");
const FIRMWARE: Key = Key::new("bacnet.firmware_revision");
const APPLICATION: Key = Key::new("bacnet.application_version");
const SERIAL: Key = Key::new("bacnet.serial_number");
const LOCATION: Key = Key::new("bacnet.location");
/// `router`: devices of another network speak through it.
const ROLE: Key = Key::new("bacnet.role");

/// BACnet as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "bacnet",
    standard: "ASHRAE 135",
    keys: &[
        INSTANCE,
        VENDOR_ID,
        OBJECT_NAME,
        VENDOR_NAME,
        MODEL_NAME,
        FIRMWARE,
        APPLICATION,
        SERIAL,
        LOCATION,
        ROLE,
    ],
    ports: &[47808],
    body: Body::Datagram { probe, answers: |packet| side::answers(packet.payload), read },
};

/// Object type of a device (clause 21).
const DEVICE: u32 = 8;
/// Instance that is nobody's.
const ANY_INSTANCE: u32 = 0x003f_ffff;
/// Properties that are looked at in one answer.
const MAX_PROPERTIES: usize = 128;
/// Nested lists that are passed over inside a value.
const MAX_DEPTH: u8 = 16;

/// BVLC functions (annex J.2).
const FORWARDED: u8 = 4;
const UNICAST: u8 = 10;
const BROADCAST: u8 = 11;

/// Text properties of the device object that may leave (clause 21, BACnetPropertyIdentifier).
fn property(number: u32) -> Option<Key> {
    Some(match number {
        12 => APPLICATION,
        44 => FIRMWARE,
        58 => LOCATION,
        70 => MODEL_NAME,
        77 => OBJECT_NAME,
        121 => VENDOR_NAME,
        372 => SERIAL,
        _ => return None,
    })
}

/// An APDU and whether somebody passed it on.
struct Message<'a> {
    apdu: Reader<'a>,
    routed: bool,
}

/// BVLC (J.2) and NPCI (clause 6.2); none for messages between routers.
fn open(payload: &[u8]) -> Result<Option<Message<'_>>, Error> {
    let mut r = Reader::new(payload);
    if r.u8("BVLC type")? != 0x81 {
        return Err(Error::invalid("BVLC type"));
    }
    let function = r.u8("BVLC function")?;
    if usize::from(r.u16_be("BVLC length")?) != payload.len() {
        return Err(Error::invalid("BVLC length"));
    }
    let mut routed = false;
    match function {
        FORWARDED => {
            r.skip(6, "originating address")?;
            routed = true;
        }
        UNICAST | BROADCAST => {}
        _ if side::is_between_routers(function, r.rest()) => return Ok(None),
        _ => return Err(Error::invalid("BVLC function")),
    }
    if r.u8("NPCI version")? != 1 {
        return Err(Error::invalid("NPCI version"));
    }
    let control = r.u8("NPCI control")?;
    if control & 0x50 != 0 {
        return Err(Error::invalid("NPCI control"));
    }
    let address = |r: &mut Reader<'_>| {
        r.skip(2, "network number")?;
        let len = usize::from(r.u8("address length")?);
        r.skip(len, "address")
    };
    if control & 0x20 != 0 {
        address(&mut r)?;
    }
    if control & 0x08 != 0 {
        address(&mut r)?;
        routed = true;
    }
    if control & 0x20 != 0 {
        r.skip(1, "hop count")?;
    }
    let mut ahead = r;
    let first = ahead.u8("message or PDU type")?;
    let is_message = control & 0x80 != 0;
    // Clause 6.2.4: those from 0x80 on are makers' own; clause 20.1: PDU types.
    if if is_message { matches!(first, 0x15..=0x7f) } else { first >> 4 > 7 } {
        return Err(Error::invalid("message or PDU type"));
    }
    Ok((!is_message).then_some(Message { apdu: r, routed }))
}

fn probe(packet: &Packet<'_>) -> Verdict {
    match packet.payload.first() {
        Some(0x81) if open(packet.payload).is_ok() => Verdict::Yes,
        _ => Verdict::No,
    }
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let Some(Message { mut apdu, routed }) = open(packet.payload)? else { return Ok(()) };
    let kind = apdu.u8("PDU type")?;
    let is_answer = match kind >> 4 {
        1 => false,
        3 => true,
        _ => return Ok(()),
    };
    if routed {
        if packet.payload.get(1) != Some(&FORWARDED) {
            out.fact(Who::Sender, &ROLE, "router");
        }
        return Ok(());
    }
    if !is_answer {
        // Unconfirmed request: I-Am (clause 16.10.2).
        return if apdu.u8("service choice")? == 0 { i_am(apdu, out) } else { Ok(()) };
    }
    apdu.skip(1, "invoke ID")?;
    if kind & 0x08 != 0 {
        // Parts of a longer answer begin anywhere; the first begins at its beginning.
        if apdu.u8("sequence number")? != 0 {
            return Ok(());
        }
        apdu.skip(1, "window size")?;
    }
    match apdu.u8("service choice")? {
        12 => read_property(apdu, out),
        14 => read_property_multiple(apdu, out),
        _ => Ok(()),
    }
}

/// Instance of a device object; none for an object of another type (clause 20.2.14).
fn device(id: &[u8]) -> Option<u32> {
    let id = unsigned(id).filter(|_| id.len() == 4)?;
    (id >> 22 == DEVICE).then_some(id & ANY_INSTANCE)
}

/// The highest number means any device, or none yet (clause 12.11.1).
fn instance(id: u32, out: &mut dyn Sink) {
    if id != ANY_INSTANCE {
        out.fact(Who::Sender, &INSTANCE, &id.to_string());
    }
}

/// I-Am: identifier, longest APDU, segmentation, vendor.
fn i_am(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let id = device(expect(&mut r, (12, false), "I-Am device")?);
    let id = id.ok_or(Error::invalid("I-Am device"))?;
    expect(&mut r, (2, false), "I-Am APDU length")?;
    expect(&mut r, (9, false), "I-Am segmentation")?;
    let vendor = unsigned(expect(&mut r, (2, false), "I-Am vendor")?);
    instance(id, out);
    if let Some(vendor) = vendor {
        out.fact(Who::Sender, &VENDOR_ID, &vendor.to_string());
    }
    Ok(())
}

/// ReadProperty-ACK (clause 15.5.2): object, property, perhaps an index, value.
fn read_property(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let Some(id) = device(expect(&mut r, (0, true), "object")?) else { return Ok(()) };
    instance(id, out);
    let number = unsigned(expect(&mut r, (1, true), "property")?);
    let mut next = tag(&mut r)?;
    if next.number == 2 {
        next = tag(&mut r)?;
    }
    if (next.number, next.content) != (3, Content::Open) {
        return Err(Error::invalid("property value"));
    }
    value(&mut r, number, out).map(drop)
}

/// ReadPropertyMultiple-ACK (clause 15.7.2): objects, each with a list of results.
fn read_property_multiple(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut ours = false;
    let mut number = None;
    for _ in 0..MAX_PROPERTIES {
        if r.is_empty() {
            break;
        }
        match tag(&mut r)? {
            Tag { number: 0, context: true, content: Content::Data(id) } => {
                let device = device(id);
                ours = device.is_some();
                if let Some(id) = device {
                    instance(id, out);
                }
            }
            Tag { number: 1, context: true, content: Content::Open | Content::Close } => {}
            Tag { number: 2, context: true, content: Content::Data(id) } => number = unsigned(id),
            Tag { number: 3, context: true, content: Content::Data(_) } => {}
            Tag { number: 4 | 5, context: true, content: Content::Open } => {
                value(&mut r, number.take().filter(|_| ours), out)?;
            }
            _ => return Err(Error::invalid("result")),
        }
    }
    Ok(())
}

/// Values up to the closing tag; the first is told where the property is known.
fn value(r: &mut Reader<'_>, number: Option<u32>, out: &mut dyn Sink) -> Result<(), Error> {
    let mut depth = 0_u8;
    let mut number = number;
    loop {
        match tag(r)? {
            Tag { content: Content::Open, .. } if depth < MAX_DEPTH => {
                depth = depth.saturating_add(1);
            }
            Tag { content: Content::Open, .. } => return Err(Error::too_large("nested value")),
            Tag { content: Content::Close, .. } => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return Ok(()),
            },
            Tag { number: kind, context: false, content: Content::Data(data) } if depth == 0 => {
                match (kind, number.take()) {
                    (2, Some(120)) => {
                        if let Some(vendor) = unsigned(data) {
                            out.fact(Who::Sender, &VENDOR_ID, &vendor.to_string());
                        }
                    }
                    (7, Some(number)) => {
                        if let (Some(key), Some(text)) = (property(number), text(data)) {
                            out.fact(Who::Sender, &key, &text);
                        }
                    }
                    _ => {}
                }
            }
            Tag { .. } => {}
        }
    }
}

/// A character string (clause 20.2.9): its character set, then the text.
fn text(data: &[u8]) -> Option<Cow<'_, str>> {
    let (set, text) = data.split_first()?;
    Some(match set {
        0 => String::from_utf8_lossy(text),
        // A code page in two bytes; devices in Japan say 932.
        1 => SHIFT_JIS.decode_without_bom_handling(text.get(2..)?).0,
        4 => UTF_16BE.decode_without_bom_handling(text).0,
        5 => WINDOWS_1252.decode_without_bom_handling(text).0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
