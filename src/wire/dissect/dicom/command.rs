//! DIMSE commands (PS3.7 §6.3, Annex E): who asks whom for what.
//!
//! A command set is implicit VR little endian whatever was agreed; it is read with
//! the same skipping reader as data sets. Of query, event and action identifiers
//! only what [`super::equipment`] allows is looked at.

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

use super::associate::Association;
use super::dataset::{Interest, Want};
use super::equipment::{Description, Purpose};
use super::items::ae_title;
use super::uid;
use crate::observe::{Key, Origin};
use crate::wire::dissect::{Side, Sink, Who};

/// What the sender does: `C-STORE-RQ`, `N-CREATE-RQ mpps`.
pub(super) const VERB: Key = Key::new("dicom.verb");
/// SOP class of what it stores.
pub(super) const STORED_SOP_CLASS: Key = Key::new("dicom.stored_sop_class");
/// AE title to which it has an archive send (0000,0600).
pub(super) const MOVE_DESTINATION: Key = Key::new("dicom.move_destination");
/// How it shows that it sends what others made.
pub(super) const ARCHIVE_SENDS: Key = Key::new("dicom.archive_sends");

/// Command Data Set Type (0000,0800): no data set follows.
const NO_DATA_SET: u16 = 0x0101;
/// C-STORE-RQ (PS3.7 Table E.1-1).
const C_STORE_RQ: u16 = 0x0001;
const C_FIND_RQ: u16 = 0x0020;
const C_MOVE_RQ: u16 = 0x0021;
const N_GET_RQ: u16 = 0x0110;
const N_SET_RQ: u16 = 0x0120;
const N_CREATE_RQ: u16 = 0x0140;
const N_GET_RSP: u16 = 0x8110;

/// A command as far as it matters.
#[derive(Debug, Default)]
pub(super) struct Command {
    field: Option<u16>,
    data_set_type: Option<u16>,
    affected_class: String,
    requested_class: String,
    instance: String,
    move_destination: Option<String>,
    move_originator: bool,
}

impl Interest for Command {
    fn want(&self, _: Option<Tag>, tag: Tag) -> Want {
        match tag {
            tags::AFFECTED_SOP_CLASS_UID
            | tags::REQUESTED_SOP_CLASS_UID
            | tags::COMMAND_FIELD
            | tags::MOVE_DESTINATION
            | tags::COMMAND_DATA_SET_TYPE
            | tags::AFFECTED_SOP_INSTANCE_UID
            | tags::REQUESTED_SOP_INSTANCE_UID
            | tags::MOVE_ORIGINATOR_APPLICATION_ENTITY_TITLE => Want::Take,
            Tag(0, _) => Want::Pass,
            _ => Want::Stop,
        }
    }

    fn take(&mut self, _: Option<Tag>, tag: Tag, value: &[u8]) {
        let text = || uid::read(value).unwrap_or_default().to_owned();
        let number = || value.first_chunk().copied().map(u16::from_le_bytes);
        match tag {
            tags::AFFECTED_SOP_CLASS_UID => self.affected_class = text(),
            tags::REQUESTED_SOP_CLASS_UID => self.requested_class = text(),
            tags::AFFECTED_SOP_INSTANCE_UID | tags::REQUESTED_SOP_INSTANCE_UID => {
                self.instance = text();
            }
            tags::COMMAND_FIELD => self.field = number(),
            tags::COMMAND_DATA_SET_TYPE => self.data_set_type = number(),
            tags::MOVE_DESTINATION => {
                self.move_destination = ae_title(value).map(str::to_owned);
            }
            _ => self.move_originator = ae_title(value).is_some(),
        }
    }
}

impl Command {
    fn class(&self) -> &str {
        if self.affected_class.is_empty() { &self.requested_class } else { &self.affected_class }
    }

    /// Says what the command shows of its sender; what to look for in the data set
    /// that follows, if anything.
    pub(super) fn tell(
        &self,
        from: Side,
        association: &mut Association,
        out: &mut dyn Sink,
    ) -> Option<Description> {
        let field = self.field?;
        if let Some(verb) = verb(field) {
            match uid::subject(self.class()) {
                Some(subject) => out.fact(Who::Sender, &VERB, &format!("{verb} {subject}")),
                None => out.fact(Who::Sender, &VERB, verb),
            }
        }
        let by_acceptor = association.requestor.is_some_and(|requestor| requestor != from);
        let mut origin = Origin::Own;
        let purpose = match (field, self.class()) {
            (C_STORE_RQ, class) => {
                if !class.is_empty() {
                    out.fact(Who::Sender, &STORED_SOP_CLASS, class);
                }
                // The acceptor of an association stores in answer to a C-GET alone.
                let forwarded = match (self.move_originator, by_acceptor) {
                    (true, _) => Some("C-STORE with move originator"),
                    (false, true) => Some("C-STORE in answer to C-GET"),
                    (false, false) => None,
                };
                if let Some(how) = forwarded {
                    out.fact(Who::Sender, &ARCHIVE_SENDS, how);
                }
                origin = if forwarded.is_some() { Origin::Forwarded } else { Origin::Creator };
                Purpose::Instance
            }
            (N_CREATE_RQ, uids::MODALITY_PERFORMED_PROCEDURE_STEP) => Purpose::Step,
            (N_SET_RQ, uids::MODALITY_PERFORMED_PROCEDURE_STEP) => Purpose::StepEnd,
            (C_FIND_RQ, uids::MODALITY_WORKLIST_INFORMATION_MODEL_FIND) => Purpose::Worklist,
            (N_GET_RSP, class) if self.is_of_device(class, association) => Purpose::Device,
            (N_GET_RQ, class) => {
                association.asked_device = is_device(class);
                return None;
            }
            (C_MOVE_RQ, _) => {
                if let Some(destination) = &self.move_destination {
                    out.fact(Who::Sender, &MOVE_DESTINATION, destination);
                }
                return None;
            }
            _ => return None,
        };
        if self.data_set_type == Some(NO_DATA_SET) {
            return None;
        }
        let calling = if by_acceptor { None } else { association.calling_ae.as_deref() };
        Some(Description::new(purpose, origin, self.class(), &self.instance, calling))
    }

    /// The class may be left out of an answer (PS3.7 Table 10.3-3).
    fn is_of_device(&self, class: &str, association: &Association) -> bool {
        is_device(class) || (class.is_empty() && association.asked_device)
    }
}

/// Classes whose N-GET makes the answerer describe itself.
fn is_device(class: &str) -> bool {
    matches!(class, uids::PRINTER | uids::DISPLAY_SYSTEM)
}

/// Requests, and the answers that only an archive gives, by command field.
const fn verb(field: u16) -> Option<&'static str> {
    Some(match field {
        C_STORE_RQ => "C-STORE-RQ",
        0x0010 => "C-GET-RQ",
        C_FIND_RQ => "C-FIND-RQ",
        C_MOVE_RQ => "C-MOVE-RQ",
        0x0030 => "C-ECHO-RQ",
        0x0100 => "N-EVENT-REPORT-RQ",
        N_GET_RQ => "N-GET-RQ",
        N_SET_RQ => "N-SET-RQ",
        0x0130 => "N-ACTION-RQ",
        N_CREATE_RQ => "N-CREATE-RQ",
        0x0150 => "N-DELETE-RQ",
        0x8020 => "C-FIND-RSP",
        0x8021 => "C-MOVE-RSP",
        _ => return None,
    })
}
