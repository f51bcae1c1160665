//! DICOM: associations (PS3.8 §9.3), commands (PS3.7 §6.3) and data sets (PS3.5 §7).

use super::STUDY_ROOT;
use crate::hospital::clock::{OFFSET, da, tm};
use crate::hospital::pdu::{item, pdu};

const CONTEXT: &str = "1.2.840.10008.3.1.1.1";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
/// Service classes (PS3.4 annexes B, C, F, K).
pub(crate) const VERIFICATION: &str = "1.2.840.10008.1.1";
pub(crate) const WORKLIST: &str = "1.2.840.10008.5.1.4.31";
pub(crate) const STEP: &str = "1.2.840.10008.3.1.2.3.3";
pub(crate) const STUDY_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
pub(crate) const STUDY_MOVE: &str = "1.2.840.10008.5.1.4.1.2.2.2";

/// Storage class of what a modality makes (PS3.6 annex A).
pub(crate) fn storage(modality: &str) -> &'static str {
    match modality {
        "CT" => "1.2.840.10008.5.1.4.1.1.2",
        "MR" => "1.2.840.10008.5.1.4.1.1.4",
        "XA" => "1.2.840.10008.5.1.4.1.1.12.1",
        "US" => "1.2.840.10008.5.1.4.1.1.6.1",
        "CR" => "1.2.840.10008.5.1.4.1.1.1",
        _ => "1.2.840.10008.5.1.4.1.1.1.1",
    }
}

/// Two application entities and what they want of each other; context ids are 1, 3, 5, …
pub(crate) struct Association<'a> {
    pub(crate) calling: &'a str,
    pub(crate) called: &'a str,
    pub(crate) classes: &'a [&'a str],
    /// Implementation class and version of the requestor.
    pub(crate) implementation: (&'a str, &'a str),
}

impl Association<'_> {
    /// A-ASSOCIATE-RQ, or -AC that grants all.
    fn open(&self, request: bool) -> Vec<u8> {
        let mut body = vec![0, 1, 0, 0];
        body.extend(format!("{:16}{:16}", self.called, self.calling).bytes());
        body.extend([0; 32]);
        body.extend(item(0x10, CONTEXT.as_bytes()));
        for (class, id) in self.classes.iter().zip((1_u8..).step_by(2)) {
            let mut context = vec![id, 0, 0, 0];
            if request {
                context.extend(item(0x30, class.as_bytes()));
            }
            context.extend(item(0x40, EXPLICIT.as_bytes()));
            body.extend(item(if request { 0x20 } else { 0x21 }, &context));
        }
        let (class, version) = if request {
            self.implementation
        } else {
            ("1.2.276.0.7230010.3.0.3.6.7", "OFFIS_DCMTK_367")
        };
        let mut user = item(0x51, &16384_u32.to_be_bytes());
        user.extend(item(0x52, class.as_bytes()));
        for class in self.classes.iter().filter(|_| request) {
            // SCP/SCU role selection: user only.
            let mut role = (class.len() as u16).to_be_bytes().to_vec();
            role.extend(class.as_bytes());
            role.extend([1, 0]);
            user.extend(item(0x54, &role));
        }
        user.extend(item(0x55, version.as_bytes()));
        body.extend(item(0x50, &user));
        pdu(if request { 1 } else { 2 }, &body)
    }

    pub(crate) fn request(&self) -> Vec<u8> {
        self.open(true)
    }

    pub(crate) fn accept(&self) -> Vec<u8> {
        self.open(false)
    }
}

/// A-RELEASE-RQ (5) or -RP (6).
pub(crate) fn release(kind: u8) -> Vec<u8> {
    pdu(kind, &[0; 4])
}

fn data(context: u8, control: u8, bytes: &[u8]) -> Vec<u8> {
    let mut body = (bytes.len() as u32 + 2).to_be_bytes().to_vec();
    body.extend([context, control]);
    body.extend(bytes);
    pdu(4, &body)
}

fn padded(text: &str, pad: u8) -> Vec<u8> {
    let mut value = text.as_bytes().to_vec();
    if value.len() % 2 == 1 {
        value.push(pad);
    }
    value
}

/// A command set: implicit VR little endian.
struct Command(Vec<u8>);

impl Command {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn add(mut self, element: u16, value: &[u8]) -> Self {
        self.0.extend([0, 0]);
        self.0.extend(element.to_le_bytes());
        self.0.extend((value.len() as u32).to_le_bytes());
        self.0.extend(value);
        self
    }

    fn uid(self, element: u16, uid: &str) -> Self {
        self.add(element, &padded(uid, 0))
    }

    fn number(self, element: u16, value: u16) -> Self {
        self.add(element, &value.to_le_bytes())
    }

    fn done(self, context: u8) -> Vec<u8> {
        let mut all = vec![0, 0, 0, 0, 4, 0, 0, 0];
        all.extend((self.0.len() as u32).to_le_bytes());
        all.extend(self.0);
        data(context, 3, &all)
    }
}

/// A data set: explicit VR little endian. Elements are added in the order of their tags.
pub(crate) struct Set(Vec<u8>);

impl Set {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn raw(mut self, tag: (u16, u16), vr: &[u8; 2], value: &[u8]) -> Self {
        self.0.extend(tag.0.to_le_bytes());
        self.0.extend(tag.1.to_le_bytes());
        self.0.extend(vr);
        if matches!(vr, b"SQ" | b"OW" | b"OB") {
            self.0.extend([0, 0]);
            self.0.extend((value.len() as u32).to_le_bytes());
        } else {
            self.0.extend((value.len() as u16).to_le_bytes());
        }
        self.0.extend(value);
        self
    }

    pub(crate) fn text(self, tag: (u16, u16), vr: &[u8; 2], text: &str) -> Self {
        self.raw(tag, vr, &padded(text, if vr == b"UI" { 0 } else { b' ' }))
    }

    /// A sequence of one item.
    pub(crate) fn sequence(self, tag: (u16, u16), inner: Self) -> Self {
        let mut item = vec![0xfe, 0xff, 0, 0xe0];
        item.extend((inner.0.len() as u32).to_le_bytes());
        item.extend(inner.0);
        self.raw(tag, b"SQ", &item)
    }
}

/// The machine that makes images.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) modality: &'static str,
    pub(crate) maker: &'static str,
    pub(crate) model: &'static str,
    pub(crate) serial: String,
    pub(crate) software: &'static str,
    pub(crate) station: String,
    pub(crate) ae: String,
    pub(crate) implementation: (&'static str, &'static str),
}

/// A study with its patient: all canaries.
#[derive(Clone, Copy)]
pub(crate) struct Study {
    pub(crate) number: u64,
    /// When it was begun, by the clock of the machine.
    pub(crate) begun: u64,
}

impl Study {
    pub(crate) fn uid(self) -> String {
        format!("{STUDY_ROOT}.1.{}", self.number)
    }

    fn name(self) -> String {
        format!("CANARY{}^WARD", self.number)
    }

    fn patient(self) -> String {
        format!("CANARYP{}", self.number)
    }

    fn accession(self) -> String {
        format!("CANARYA{}", self.number)
    }

    /// SOP Instance UID of its performed step.
    fn step(self) -> String {
        format!("{STUDY_ROOT}.5.{}", self.number)
    }
}

/// How an object tells when it was made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dated {
    /// AcquisitionDateTime.
    Whole,
    /// AcquisitionDate and AcquisitionTime.
    Acquisition,
    /// ContentDate and ContentTime.
    Content,
}

/// What an image says of its making.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    /// Its number within the study, and when it was made by the machine's clock.
    pub(crate) number: usize,
    pub(crate) at: u64,
    pub(crate) dated: Dated,
    /// Names the performed step that it is of.
    pub(crate) of_step: bool,
}

/// C-STORE-RQ of a small image; with whom a C-MOVE asked for it.
pub(crate) fn store(machine: &Machine, study: Study, image: Made, moved: Option<&str>) -> Vec<u8> {
    let Made { number, at: made, dated, of_step } = image;
    let class = storage(machine.modality);
    let uid = format!("{STUDY_ROOT}.3.{}.{number}", study.number);
    let mut command = Command::new()
        .uid(0x0002, class)
        .number(0x0100, 0x0001)
        .number(0x0110, number as u16)
        .number(0x0700, 0)
        .number(0x0800, 0x0001)
        .uid(0x1000, &uid);
    if let Some(ae) = moved {
        command = command.add(0x1030, &padded(ae, b' ')).number(0x1031, 7);
    }
    let (day, begun) = (da(study.begun), tm(study.begun));
    let mut set = Set::new()
        .text((0x0008, 0x0005), b"CS", "ISO_IR 100")
        .text((0x0008, 0x0008), b"CS", "ORIGINAL\\PRIMARY")
        .text((0x0008, 0x0016), b"UI", class)
        .text((0x0008, 0x0018), b"UI", &uid)
        .text((0x0008, 0x0020), b"DA", &day)
        .text((0x0008, 0x0021), b"DA", &day);
    let made_day = da(made);
    set = match dated {
        Dated::Whole => {
            let at = format!("{made_day}{}{OFFSET}", tm(made));
            set.text((0x0008, 0x002a), b"DT", &at)
        }
        Dated::Acquisition => {
            set.text((0x0008, 0x0022), b"DA", &made_day).text((0x0008, 0x0023), b"DA", &made_day)
        }
        Dated::Content => set.text((0x0008, 0x0023), b"DA", &made_day),
    };
    set = set.text((0x0008, 0x0030), b"TM", &begun).text((0x0008, 0x0031), b"TM", &begun);
    set = match dated {
        Dated::Whole => set,
        Dated::Acquisition => {
            set.text((0x0008, 0x0032), b"TM", &tm(made)).text((0x0008, 0x0033), b"TM", &tm(made))
        }
        Dated::Content => set.text((0x0008, 0x0033), b"TM", &tm(made)),
    };
    set = set
        .text((0x0008, 0x0050), b"SH", &study.accession())
        .text((0x0008, 0x0055), b"AE", &machine.ae)
        .text((0x0008, 0x0060), b"CS", machine.modality)
        .text((0x0008, 0x0070), b"LO", machine.maker)
        .text((0x0008, 0x0080), b"LO", "Ward General Hospital")
        .text((0x0008, 0x0090), b"PN", "CANARY^REFERRER")
        .text((0x0008, 0x1010), b"SH", &machine.station)
        .text((0x0008, 0x1030), b"LO", "CANARY study")
        .text((0x0008, 0x1090), b"LO", machine.model);
    if of_step {
        let step = Set::new().text((0x0008, 0x1150), b"UI", STEP).text(
            (0x0008, 0x1155),
            b"UI",
            &study.step(),
        );
        set = set.sequence((0x0008, 0x1111), step);
    }
    set = set
        .text((0x0010, 0x0010), b"PN", &study.name())
        .text((0x0010, 0x0020), b"LO", &study.patient())
        .text((0x0010, 0x0030), b"DA", "19280118")
        .text((0x0018, 0x1000), b"LO", &machine.serial)
        .text((0x0018, 0x1020), b"LO", machine.software)
        .text((0x0020, 0x000d), b"UI", &study.uid())
        .text((0x0020, 0x000e), b"UI", &format!("{STUDY_ROOT}.2.{}", study.number))
        .text((0x0020, 0x0010), b"SH", &study.accession())
        .text((0x0020, 0x0013), b"IS", &(number + 1).to_string())
        .raw((0x0028, 0x0010), b"US", &[16, 0])
        .raw((0x0028, 0x0011), b"US", &[16, 0])
        .raw((0x7fe0, 0x0010), b"OW", &[number as u8; 512]);
    [command.done(1), data(1, 2, &set.0)].concat()
}

/// The answer to [`store`].
pub(crate) fn stored(machine: &Machine, study: Study, number: usize) -> Vec<u8> {
    let uid = format!("{STUDY_ROOT}.3.{}.{number}", study.number);
    Command::new()
        .uid(0x0002, storage(machine.modality))
        .number(0x0100, 0x8001)
        .number(0x0120, number as u16)
        .number(0x0800, 0x0101)
        .number(0x0900, 0)
        .uid(0x1000, &uid)
        .done(1)
}

/// N-CREATE-RQ of a performed step, and the answer (PS3.4 §F.7.2.1).
pub(crate) fn begin_step(machine: &Machine, study: Study) -> [Vec<u8>; 2] {
    let command = Command::new()
        .uid(0x0002, STEP)
        .number(0x0100, 0x0140)
        .number(0x0110, 1)
        .number(0x0800, 0x0001)
        .uid(0x1000, &study.step());
    let scheduled = Set::new()
        .text((0x0008, 0x0050), b"SH", &study.accession())
        .text((0x0020, 0x000d), b"UI", &study.uid())
        .text((0x0040, 0x0009), b"SH", "CANARYSPS")
        .text((0x0040, 0x1001), b"SH", "CANARYRP");
    let set = Set::new()
        .text((0x0008, 0x0005), b"CS", "ISO_IR 100")
        .text((0x0008, 0x0060), b"CS", machine.modality)
        .text((0x0010, 0x0010), b"PN", &study.name())
        .text((0x0010, 0x0020), b"LO", &study.patient())
        .text((0x0010, 0x0030), b"DA", "19280118")
        .text((0x0020, 0x0010), b"SH", &study.accession())
        .text((0x0040, 0x0241), b"AE", &machine.ae)
        .text((0x0040, 0x0242), b"SH", &machine.station)
        .text((0x0040, 0x0244), b"DA", &da(study.begun))
        .text((0x0040, 0x0245), b"TM", &tm(study.begun))
        .text((0x0040, 0x0250), b"DA", "")
        .text((0x0040, 0x0251), b"TM", "")
        .text((0x0040, 0x0252), b"CS", "IN PROGRESS")
        .text((0x0040, 0x0253), b"SH", &format!("CANARYS{}", study.number))
        .sequence((0x0040, 0x0270), scheduled);
    let answer = Command::new()
        .uid(0x0002, STEP)
        .number(0x0100, 0x8140)
        .number(0x0120, 1)
        .number(0x0800, 0x0101)
        .number(0x0900, 0)
        .uid(0x1000, &study.step())
        .done(1);
    [[command.done(1), data(1, 2, &set.0)].concat(), answer]
}

/// N-SET-RQ that ends a step at a time, completed or not, and the answer.
pub(crate) fn end_step(study: Study, ended: u64, completed: bool) -> [Vec<u8>; 2] {
    let command = Command::new()
        .uid(0x0003, STEP)
        .number(0x0100, 0x0120)
        .number(0x0110, 1)
        .number(0x0800, 0x0001)
        .uid(0x1001, &study.step());
    let status = if completed { "COMPLETED" } else { "DISCONTINUED" };
    let series = Set::new().text((0x0008, 0x1050), b"PN", "CANARY^OPERATOR").text(
        (0x0020, 0x000e),
        b"UI",
        &format!("{STUDY_ROOT}.2.{}", study.number),
    );
    let set = Set::new()
        .text((0x0040, 0x0250), b"DA", &da(ended))
        .text((0x0040, 0x0251), b"TM", &tm(ended))
        .text((0x0040, 0x0252), b"CS", status)
        .sequence((0x0040, 0x0340), series);
    let answer = Command::new()
        .uid(0x0002, STEP)
        .number(0x0100, 0x8120)
        .number(0x0120, 1)
        .number(0x0800, 0x0101)
        .number(0x0900, 0)
        .uid(0x1000, &study.step())
        .done(1);
    [[command.done(1), data(1, 2, &set.0)].concat(), answer]
}

/// C-FIND-RQ of today's worklist, and the answers: one entry, and the end of the list.
pub(crate) fn worklist(machine: &Machine, at: u64) -> [Vec<u8>; 2] {
    let find = |field: u16, more: u16, status: Option<u16>| {
        let command = Command::new().uid(0x0002, WORKLIST).number(0x0100, field);
        let command = match status {
            None => command.number(0x0110, 1).number(0x0700, 0).number(0x0800, more),
            Some(status) => command.number(0x0120, 1).number(0x0800, more).number(0x0900, status),
        };
        command.done(1)
    };
    let step = |whom: &str| {
        let step = Set::new()
            .text((0x0008, 0x0060), b"CS", machine.modality)
            .text((0x0040, 0x0001), b"AE", &machine.ae)
            .text((0x0040, 0x0002), b"DA", &da(at))
            .text((0x0040, 0x0003), b"TM", "");
        Set::new()
            .text((0x0010, 0x0010), b"PN", whom)
            .text((0x0010, 0x0020), b"LO", whom)
            .sequence((0x0040, 0x0100), step)
    };
    let query = [find(0x0020, 0x0001, None), data(1, 2, &step("").0)].concat();
    let entry = [find(0x8020, 0x0001, Some(0xff00)), data(1, 2, &step("CANARY^LIST").0)].concat();
    [query, [entry, find(0x8020, 0x0101, Some(0))].concat()]
}

/// C-MOVE-RQ (context 3) or C-FIND-RQ (context 1) of one study, and its answer.
pub(crate) fn query(study: Study, destination: Option<&str>) -> [Vec<u8>; 2] {
    let (context, class, field) = match destination {
        Some(_) => (3, STUDY_MOVE, 0x0021),
        None => (1, STUDY_FIND, 0x0020),
    };
    let mut command = Command::new().uid(0x0002, class).number(0x0100, field).number(0x0110, 7);
    if let Some(ae) = destination {
        command = command.add(0x0600, &padded(ae, b' '));
    }
    let command = command.number(0x0700, 0).number(0x0800, 0x0001);
    let set = Set::new()
        .text((0x0008, 0x0050), b"SH", &study.accession())
        .text((0x0008, 0x0052), b"CS", "STUDY")
        .text((0x0010, 0x0010), b"PN", &study.name())
        .text((0x0020, 0x000d), b"UI", &study.uid());
    let answer = Command::new()
        .uid(0x0002, class)
        .number(0x0100, field | 0x8000)
        .number(0x0120, 7)
        .number(0x0800, 0x0101)
        .number(0x0900, 0)
        .done(context);
    [[command.done(context), data(context, 2, &set.0)].concat(), answer]
}

/// C-ECHO-RQ and its answer.
pub(crate) fn echo() -> [Vec<u8>; 2] {
    let ask = Command::new()
        .uid(0x0002, VERIFICATION)
        .number(0x0100, 0x0030)
        .number(0x0110, 1)
        .number(0x0800, 0x0101);
    let answer = Command::new()
        .uid(0x0002, VERIFICATION)
        .number(0x0100, 0x8030)
        .number(0x0120, 1)
        .number(0x0800, 0x0101)
        .number(0x0900, 0);
    [ask.done(1), answer.done(1)]
}
