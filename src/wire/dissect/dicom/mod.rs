//! DICOM upper layer (PS3.8) on any port, either way round, from the start or
//! from the middle: associations, commands, and the equipment that data sets name.
//!
//! A P-DATA-TF PDU is never waited for: its presentation data values are read as
//! they arrive, and once the equipment of a data set is known the rest, pixels
//! above all, is passed over unread.
//!
//! [`opening`] tells PDUs and [`pdu`] frames them, [`items`] and [`associate`] read associations, [`command`] DIMSE commands,
//! [`dataset`] and [`syntax`] elements, [`equipment`] is the allow-list of what may
//! leave a data set, [`work`] what they show of an examination, [`text`] and [`uid`] their
//! values.

mod associate;
mod command;
mod dataset;
mod equipment;
mod items;
mod opening;
mod pdu;
mod syntax;
#[cfg(test)]
mod tests;
mod text;
mod uid;
mod work;

use associate::Association;
use pdu::{Half, Step};

use super::{Body, Dissector, Error, Progress, Protocol, Recovery, Side, Sink};
use crate::observe::Key;

/// Keys in the order of the files that say them.
const KEYS: &[Key] = &[
    associate::AE_TITLE,
    associate::IMPLEMENTATION_UID,
    associate::IMPLEMENTATION_VERSION,
    associate::MAX_PDU,
    associate::SCU,
    associate::SCP,
    associate::PROPOSED_STORAGE,
    associate::ACCEPTED_STORAGE,
    associate::USER_IDENTITY,
    associate::REJECT,
    command::VERB,
    command::STORED_SOP_CLASS,
    command::MOVE_DESTINATION,
    command::ARCHIVE_SENDS,
    equipment::MANUFACTURER,
    equipment::MODEL,
    equipment::SERIAL,
    equipment::SOFTWARE,
    equipment::STATION_NAME,
    equipment::STATION_AE,
    equipment::INSTITUTION,
    equipment::DEPARTMENT,
    equipment::DEVICE_UID,
    equipment::DEVICE_ID,
    equipment::UDI,
    equipment::MODALITY,
    equipment::DETECTOR_ID,
    equipment::PRINTER_NAME,
    equipment::SC_MANUFACTURER,
    equipment::SC_MODEL,
    equipment::SC_SOFTWARE,
    equipment::SOP_CLASS,
    equipment::CALLING_AE,
    equipment::UID_SERIAL,
    equipment::UID_ROOT,
];

/// DICOM as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "dicom",
    standard: "DICOM PS3.8",
    keys: KEYS,
    // acr-nema, dicom, and the defaults of common archives.
    ports: &[104, 4242, 5678, 11112],
    body: Body::Stream { probe: opening::probe, start: || Box::<Dicom>::default() },
};

/// The memory of one connection.
#[derive(Default)]
struct Dicom {
    association: Association,
    halves: [Half; 2],
}

impl Dissector for Dicom {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let [client, server] = &mut self.halves;
        let half = if from == Side::Client { client } else { server };
        if bytes.is_empty() {
            return Ok(Progress::Need(1));
        }
        let mut rest = bytes;
        loop {
            let done = bytes.len().saturating_sub(rest.len());
            match half.step(from, rest, &mut self.association, out)? {
                Step::Need(n) if done == 0 => return Ok(Progress::Need(n)),
                Step::Need(_) => return Ok(Progress::Consumed(done)),
                Step::Used(n) => rest = rest.get(n..).unwrap_or_default(),
                Step::Pass(n) => match usize::try_from(n).ok().and_then(|n| rest.get(n..)) {
                    Some(behind) => rest = behind,
                    None => {
                        let done = u64::try_from(done).unwrap_or(u64::MAX);
                        return Ok(Progress::Skip(n.saturating_add(done)));
                    }
                },
            }
            if rest.is_empty() {
                return Ok(Progress::Consumed(bytes.len()));
            }
        }
    }

    fn gap(&mut self, from: Side) -> Recovery {
        let [client, server] = &mut self.halves;
        let half = if from == Side::Client { client } else { server };
        half.lose();
        Recovery::Resync
    }
}
