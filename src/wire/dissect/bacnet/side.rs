//! Who serves: the device whose objects a message is about (clause 5), whoever speaks
//! first. Both sides use one port, so ports tell nothing.

use super::super::Reader;
use super::open;

/// PDU types (clause 20.1): the upper half of the first octet.
const CONFIRMED: u8 = 0;
const UNCONFIRMED: u8 = 1;
const SIMPLE_ACK: u8 = 2;
const COMPLEX_ACK: u8 = 3;
const SEGMENT_ACK: u8 = 4;
const ERROR: u8 = 5;
const REJECT: u8 = 6;
const ABORT: u8 = 7;
/// Flags of a request and of an acknowledgement in pieces, and of who serves it.
const SEGMENTED: u8 = 0x08;
const SERVER: u8 = 0x01;

/// Whether the sender of a message is who serves; none when the message does not say.
pub(super) fn answers(payload: &[u8]) -> Option<bool> {
    let Some(message) = open(payload).ok()? else { return between_routers(*payload.get(1)?) };
    let mut apdu = message.apdu;
    let head = apdu.u8("PDU type").ok()?;
    match head >> 4 {
        CONFIRMED => confirmed(head, apdu).map(notifies),
        UNCONFIRMED => unconfirmed(apdu.u8("service choice").ok()?),
        // What acknowledges a notification comes from who was notified.
        SIMPLE_ACK | ERROR => {
            apdu.skip(1, "invoke ID").ok()?;
            Some(!notifies(apdu.u8("service choice").ok()?))
        }
        COMPLEX_ACK | REJECT => Some(true),
        SEGMENT_ACK | ABORT => Some(head & SERVER != 0),
        _ => None,
    }
}

/// Service of a Confirmed-Request (clause 20.1.2).
fn confirmed(head: u8, mut apdu: Reader<'_>) -> Option<u8> {
    apdu.skip(2, "max APDU and invoke ID").ok()?;
    if head & SEGMENTED != 0 {
        apdu.skip(2, "sequence number and window size").ok()?;
    }
    apdu.u8("service choice").ok()
}

/// A device tells of itself to who subscribed or is its recipient: changes of value,
/// events, both with several at once, audits (BACnetConfirmedServiceChoice).
const fn notifies(service: u8) -> bool {
    matches!(service, 1 | 2 | 31 | 32)
}

/// BACnetUnconfirmedServiceChoice: I-Am, I-Have and notifications are a device's; clocks
/// are set, groups written and devices looked for by who asks.
const fn unconfirmed(service: u8) -> Option<bool> {
    match service {
        0..=3 | 11 | 12 => Some(true),
        6..=10 => Some(false),
        _ => None,
    }
}

/// BVLC functions without an NPDU (annex J.2): results and tables come from who was asked.
const fn between_routers(function: u8) -> Option<bool> {
    match function {
        0 | 3 | 7 => Some(true),
        1 | 2 | 5 | 6 | 8 => Some(false),
        _ => None,
    }
}

/// Whether a message without an NPDU has the length and content of its function (annex J.2):
/// results, tables of broadcast devices and of foreign ones, registrations.
pub(super) fn is_between_routers(function: u8, body: &[u8]) -> bool {
    match (function, body) {
        (0, [0, code]) => code & 0x0f == 0 && *code <= 0x60,
        (1 | 3 | 7, entries) => entries.len().is_multiple_of(10),
        (2 | 6, []) | (5, [_, _]) | (8, [_, _, _, _, _, _]) => true,
        // An NPDU for the broadcast device to hand out.
        (9, [1, control, ..]) => control & 0x50 == 0,
        // Annex S: key, source, message and time before what is secured.
        (12, secured) => secured.len() >= 20,
        _ => false,
    }
}
