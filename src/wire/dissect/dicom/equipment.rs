//! Equipment elements of a data set (PS3.3 §C.7.5.1 and its neighbours): the
//! allow-list of what may leave one. Everything else, all of group 0010 first, is
//! passed over by the reader and never held.

use std::borrow::Cow;

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::{Interest, Want};
use super::text::Charset;
use super::uid;
use super::work::Trace;
use crate::observe::{Equipment, Key, Observed, Origin, Use, Work};
use crate::wire::dissect::{Sink, Who};

/// (0008,0070); as the maker writes itself.
pub(super) const MANUFACTURER: Key = Key::new("dicom.manufacturer");
/// (0008,1090).
pub(super) const MODEL: Key = Key::new("dicom.model");
/// (0018,1000); some devices put other things here.
pub(super) const SERIAL: Key = Key::new("dicom.serial");
/// (0018,1020), its values joined by ` \ `.
pub(super) const SOFTWARE: Key = Key::new("dicom.software");
/// (0008,1010), or Performed or Scheduled Station Name (0040,0242), (0040,0010).
pub(super) const STATION_NAME: Key = Key::new("dicom.station_name");
/// (0008,0055), or Performed or Scheduled Station AE Title (0040,0241), (0040,0001).
pub(super) const STATION_AE: Key = Key::new("dicom.station_ae");
/// (0008,0080).
pub(super) const INSTITUTION: Key = Key::new("dicom.institution");
/// (0008,1040).
pub(super) const DEPARTMENT: Key = Key::new("dicom.department");
/// (0018,1002).
pub(super) const DEVICE_UID: Key = Key::new("dicom.device_uid");
/// (0018,1003).
pub(super) const DEVICE_ID: Key = Key::new("dicom.device_id");
/// (0018,1009) in the UDI Sequence.
pub(super) const UDI: Key = Key::new("dicom.udi");
/// (0008,0060).
pub(super) const MODALITY: Key = Key::new("dicom.modality");
/// (0018,700A).
pub(super) const DETECTOR_ID: Key = Key::new("dicom.detector_id");
/// (2110,0030).
pub(super) const PRINTER_NAME: Key = Key::new("dicom.printer_name");
/// (0018,1016): the digitiser of a secondary capture, not the maker of the image.
pub(super) const SC_MANUFACTURER: Key = Key::new("dicom.sc_manufacturer");
/// (0018,1018).
pub(super) const SC_MODEL: Key = Key::new("dicom.sc_model");
/// (0018,1019).
pub(super) const SC_SOFTWARE: Key = Key::new("dicom.sc_software");
/// Affected SOP Class of the message.
pub(super) const SOP_CLASS: Key = Key::new("dicom.sop_class");
/// Calling AE title of the association, when its requestor sent the message.
pub(super) const CALLING_AE: Key = Key::new("dicom.calling_ae");
/// Serial number inside the instance or device UID.
pub(super) const UID_SERIAL: Key = Key::new("dicom.uid_serial");
/// Organisation root of the instance or device UID.
pub(super) const UID_ROOT: Key = Key::new("dicom.uid_root");

/// Facts of one data set: more than there are elements of interest, and with those
/// of command and UIDs no more than the flow engine lets through (32).
const MAX_FACTS: usize = 28;

/// What kind of data set is read, and so what is looked for in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// An image or other composite instance (C-STORE).
    Instance,
    /// A performed procedure step (N-CREATE).
    Step,
    /// The same when it is over (N-SET): nothing of equipment.
    StepEnd,
    /// The query keys of a worklist request.
    Worklist,
    /// A printer or display that describes itself (N-GET).
    Device,
}

impl Purpose {
    /// The last tag at the top level that is of interest.
    const fn last(self) -> Tag {
        match self {
            Self::Instance => tags::DETECTOR_ID,
            Self::Step => tags::PERFORMED_STATION_NAME,
            Self::StepEnd => tags::PERFORMED_PROCEDURE_STEP_STATUS,
            Self::Worklist => tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE,
            Self::Device => tags::PRINTER_NAME,
        }
    }

    /// The key of an element that may leave.
    fn key(self, within: Option<Tag>, tag: Tag) -> Option<Key> {
        Some(match (self, within, tag) {
            (Self::Instance, Some(tags::UDI_SEQUENCE), tags::UNIQUE_DEVICE_IDENTIFIER) => UDI,
            (Self::Worklist, Some(_), tags::MODALITY) => MODALITY,
            (Self::Worklist, Some(_), tags::SCHEDULED_STATION_AE_TITLE) => STATION_AE,
            (Self::Worklist, Some(_), tags::SCHEDULED_STATION_NAME) => STATION_NAME,
            (Self::Step, None, tags::MODALITY) => MODALITY,
            (Self::Step, None, tags::PERFORMED_STATION_AE_TITLE) => STATION_AE,
            (Self::Step, None, tags::PERFORMED_STATION_NAME) => STATION_NAME,
            (Self::Instance | Self::Device, None, tag) => general(tag)?,
            _ => return None,
        })
    }
}

/// General Equipment and SC Equipment (PS3.3 §C.7.5.1, §C.8.6.1), Detector and
/// Printer (§C.8.11.4, §C.13.9).
fn general(tag: Tag) -> Option<Key> {
    Some(match tag {
        tags::STATION_AE_TITLE => STATION_AE,
        tags::MODALITY => MODALITY,
        tags::MANUFACTURER => MANUFACTURER,
        tags::INSTITUTION_NAME => INSTITUTION,
        tags::STATION_NAME => STATION_NAME,
        tags::INSTITUTIONAL_DEPARTMENT_NAME => DEPARTMENT,
        tags::MANUFACTURER_MODEL_NAME => MODEL,
        tags::DEVICE_SERIAL_NUMBER => SERIAL,
        tags::DEVICE_UID => DEVICE_UID,
        tags::DEVICE_ID => DEVICE_ID,
        tags::SECONDARY_CAPTURE_DEVICE_MANUFACTURER => SC_MANUFACTURER,
        tags::SECONDARY_CAPTURE_DEVICE_MANUFACTURER_MODEL_NAME => SC_MODEL,
        tags::SECONDARY_CAPTURE_DEVICE_SOFTWARE_VERSIONS => SC_SOFTWARE,
        tags::SOFTWARE_VERSIONS => SOFTWARE,
        tags::DETECTOR_ID => DETECTOR_ID,
        tags::PRINTER_NAME => PRINTER_NAME,
        _ => return None,
    })
}

/// What a message says of the equipment that it describes.
#[derive(Debug)]
pub(super) struct Description {
    purpose: Purpose,
    origin: Origin,
    trace: Option<Trace>,
    charset: Charset,
    /// From the command and the association.
    context: Vec<(Key, String)>,
    /// From the data set.
    facts: Vec<(Key, String)>,
    /// Serial and root of the instance UID.
    serial: Option<String>,
    root: Option<String>,
}

impl Description {
    /// Before the data set is read. `class_uid` and `instance` are the affected SOP's.
    pub(super) fn new(
        purpose: Purpose,
        origin: Origin,
        class_uid: &str,
        instance: &str,
        calling_ae: Option<&str>,
    ) -> Self {
        let class = (SOP_CLASS, class_uid.to_owned());
        let calling = calling_ae.map(|ae| (CALLING_AE, ae.to_owned()));
        let trace = match purpose {
            Purpose::Instance => uid::is_acquired(class_uid).then(|| Trace::new(Work::Image, "")),
            Purpose::Step => Some(Trace::new(Work::StepBegun, instance)),
            Purpose::StepEnd => Some(Trace::new(Work::StepEnded, instance)),
            Purpose::Worklist | Purpose::Device => None,
        };
        let instance = if purpose == Purpose::StepEnd { "" } else { instance };
        Self {
            purpose,
            origin,
            trace,
            charset: Charset::default(),
            context: [Some(class), calling].into_iter().flatten().collect(),
            facts: Vec::new(),
            serial: uid::serial(instance).map(str::to_owned),
            root: uid::root(instance).map(str::to_owned),
        }
    }

    /// Says it, unless the data set said nothing.
    pub(super) fn tell(&self, out: &mut dyn Sink) {
        if self.facts.is_empty() && self.serial.is_none() {
            return;
        }
        let found = [(UID_SERIAL, &self.serial), (UID_ROOT, &self.root)];
        let derived = found.into_iter().filter_map(|(k, v)| Some((k, v.as_deref()?)));
        let said = self.context.iter().chain(&self.facts).map(|(k, v)| (k.clone(), v.as_str()));
        let facts: Vec<_> = said
            .chain(derived)
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key, Cow::Borrowed(value)))
            .collect();
        let facts = Cow::Owned(facts);
        out.observe(Who::Sender, Observed::Equipment(Equipment { origin: self.origin, facts }));
    }

    /// What it shows of an examination.
    pub(super) fn work(&self) -> Option<Use> {
        self.trace.as_ref().and_then(Trace::told)
    }

    /// The last element at the top level that is of interest.
    fn last(&self) -> Tag {
        let last = self.purpose.last();
        self.trace.as_ref().map_or(last, |trace| trace.last().max(last))
    }

    /// The text of an element as it may leave, if it may.
    fn text(&self, key: &Key, raw: &[u8]) -> Option<String> {
        if *key == DEVICE_UID {
            return uid::read(raw).map(str::to_owned);
        }
        // A wrong length makes a value run on into the next elements, the patient's
        // perhaps. Their headers hold controls, which no value does (PS3.5 §6.1.3)
        // but for its padding and escape sequences.
        let end = raw.iter().rposition(|&b| b != 0).map_or(0, |last| last.saturating_add(1));
        let raw = raw.get(..end).unwrap_or_default();
        if raw.iter().any(|&b| b < 0x20 && b != 0x1b) {
            return None;
        }
        // Character sets concern SH, LO, ST and UT, not AE and CS (PS3.5 §6.1.2.3).
        let plain = *key == STATION_AE || *key == MODALITY;
        let charset = if plain { Charset::default() } else { self.charset };
        let text = charset.decode(raw);
        // Query keys with wildcards or lists (PS3.4 §C.2.2.2) ask for others' too.
        let vague = self.purpose == Purpose::Worklist && text.contains(['*', '?', '\\']);
        let sane = !plain || text.chars().all(|c| matches!(c, ' '..='~'));
        (sane && !vague && !text.is_empty()).then_some(text)
    }
}

impl Interest for Description {
    fn want(&self, within: Option<Tag>, tag: Tag) -> Want {
        match within {
            None if tag > self.last() => Want::Stop,
            None if tag == tags::SPECIFIC_CHARACTER_SET => Want::Take,
            None if tag == tags::UDI_SEQUENCE && self.purpose == Purpose::Instance => Want::Enter,
            None if tag == tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE => Want::Enter,
            None if self.trace.as_ref().and_then(Trace::sequence) == Some(tag) => Want::Enter,
            _ if self.trace.as_ref().is_some_and(|it| it.wants(within, tag)) => Want::Take,
            _ if self.purpose.key(within, tag).is_some() => Want::Take,
            _ => Want::Pass,
        }
    }

    fn take(&mut self, within: Option<Tag>, tag: Tag, value: &[u8]) {
        if within.is_none() && tag == tags::SPECIFIC_CHARACTER_SET {
            self.charset = Charset::declared(value);
            return;
        }
        if let Some(trace) = self.trace.as_mut().filter(|it| it.wants(within, tag)) {
            return trace.take(tag, value);
        }
        let Some(key) = self.purpose.key(within, tag) else { return };
        if self.facts.len() >= MAX_FACTS {
            return;
        }
        let Some(text) = self.text(&key, value) else { return };
        if key == DEVICE_UID {
            self.serial = self.serial.take().or_else(|| uid::serial(&text).map(str::to_owned));
            self.root = self.root.take().or_else(|| uid::root(&text).map(str::to_owned));
        }
        if !self.facts.iter().any(|(k, v)| *k == key && *v == text) {
            self.facts.push((key, text));
        }
    }
}
