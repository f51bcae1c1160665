//! Protocol data units (PS3.8 §9.3): telling them, framing them, and handing the
//! fragments of commands and data sets (Annex E) to their readers.

use super::associate::{self, Association};
use super::command::Command;
use super::dataset::Elements;
use super::equipment::Description;
use super::syntax::{DataSet, Encoding};
use crate::wire::dissect::reader::wide;
use crate::wire::dissect::{Error, Opening, Reader, Side, Sink, Verdict};

/// Longest A-ASSOCIATE PDU read: 128 presentation contexts with dozens of transfer
/// syntaxes each stay under it.
const MAX_ASSOCIATE: u32 = 192 * 1024;
/// The fixed part of A-ASSOCIATE PDUs behind their header (PS3.8 §9.3.2).
const MIN_ASSOCIATE: u32 = 68;
/// An application context item with the only name there is (PS3.8 §9.3.2.1, Annex A).
const APPLICATION_CONTEXT: &[u8] = b"\x10\0\0\x151.2.840.10008.3.1.1.1";
/// Where the items start in A-ASSOCIATE PDUs.
const ITEMS: usize = 74;
/// Group Length, the element that starts every command set (PS3.7 §6.3.1).
const COMMAND_START: [u8; 8] = [0, 0, 0, 0, 4, 0, 0, 0];
/// A PDU header, and as much a data value header.
const HEADER: usize = 6;
/// A P-DATA-TF PDU header, a data value header and [`COMMAND_START`].
const COMMAND_PDU: usize = 20;

// PDU types (PS3.8 §9.3.1).
const ASSOCIATE_RQ: u8 = 1;
const ASSOCIATE_AC: u8 = 2;
const ASSOCIATE_RJ: u8 = 3;
const P_DATA_TF: u8 = 4;
const RELEASE_RQ: u8 = 5;
const ABORT: u8 = 7;

/// Whether the first bytes of one side are DICOM's.
pub(super) fn probe(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    match bytes.first() {
        Some(&(ASSOCIATE_RQ | ASSOCIATE_AC)) => is_associate(bytes),
        Some(&ASSOCIATE_RJ) => is_reject(bytes),
        Some(&P_DATA_TF) => is_command(bytes),
        None => Verdict::More,
        Some(_) => Verdict::No,
    }
}

/// Header, protocol version and application context as they must be.
fn is_associate(bytes: &[u8]) -> Verdict {
    let mut r = Reader::new(bytes);
    let mut plausible = || -> Result<bool, Error> {
        r.skip(1, "PDU type")?;
        if r.u8("reserved")? != 0 {
            return Ok(false);
        }
        if !(MIN_ASSOCIATE..=MAX_ASSOCIATE).contains(&r.u32_be("PDU length")?) {
            return Ok(false);
        }
        Ok(r.u16_be("protocol version")? & 1 == 1)
    };
    let context = bytes.get(ITEMS..).unwrap_or_default();
    let shown = context.len().min(APPLICATION_CONTEXT.len());
    match plausible() {
        Ok(true) if context.get(..shown) != APPLICATION_CONTEXT.get(..shown) => Verdict::No,
        Ok(true) if shown == APPLICATION_CONTEXT.len() => Verdict::Yes,
        Ok(false) => Verdict::No,
        Ok(true) | Err(_) => Verdict::More,
    }
}

/// A whole A-ASSOCIATE-RJ (PS3.8 §9.3.4), for mirrors that show one direction.
fn is_reject(bytes: &[u8]) -> Verdict {
    match bytes {
        [3, 0, 0, 0, 0, 4, 0, 1 | 2, 1..=3, 1..=7] => Verdict::Yes,
        _ if bytes.len() < 10 && [3, 0, 0, 0, 0, 4, 0].starts_with(bytes) => Verdict::More,
        _ => Verdict::No,
    }
}

/// A P-DATA-TF PDU that starts with a command set.
fn is_command(bytes: &[u8]) -> Verdict {
    let mut r = Reader::new(bytes);
    let mut plausible = || -> Result<bool, Error> {
        r.skip(1, "PDU type")?;
        let reserved = r.u8("reserved")?;
        let (outer, inner) = (r.u32_be("PDU length")?, r.u32_be("PDV length")?);
        let (id, control) = (r.u8("presentation context id")?, r.u8("message control header")?);
        let fits = inner >= 14 && outer.checked_sub(4).is_some_and(|room| inner <= room);
        let sane = reserved == 0 && id & 1 == 1 && matches!(control, 1 | 3);
        Ok(sane && fits && r.array("group length")? == COMMAND_START)
    };
    match plausible() {
        Ok(true) => Verdict::Yes,
        Ok(false) => Verdict::No,
        Err(_) => Verdict::More,
    }
}

/// What one side is in the middle of sending.
#[derive(Default)]
pub(super) struct Half {
    /// Bytes left of the P-DATA-TF PDU, headers of data values included.
    pdu: u32,
    /// Bytes left of the data value in it.
    value: u32,
    id: u8,
    control: u8,
    /// The command that is arriving.
    command: Option<(Elements, Command)>,
    /// The data set of the last command, while something of it is still of interest.
    data: Option<(u8, DataSet, Description)>,
    /// Bytes were lost: look for the next PDU that can be told for certain.
    lost: bool,
}

/// What became of some bytes.
pub(super) enum Step {
    /// Done with this many.
    Used(usize),
    /// Come again with this many.
    Need(usize),
    /// Pass over this many, which may still be to come.
    Pass(u64),
}

impl Half {
    /// Behind a gap.
    pub(super) fn lost() -> Self {
        Self { lost: true, ..Self::default() }
    }

    /// Takes the next step into bytes that `from` sent.
    pub(super) fn step(
        &mut self,
        from: Side,
        bytes: &[u8],
        association: &mut Association,
        out: &mut dyn Sink,
    ) -> Result<Step, Error> {
        if self.lost {
            return Ok(self.resync(bytes));
        }
        if self.value > 0 {
            return Ok(self.fragment(from, bytes, association, out));
        }
        if self.pdu > 0 {
            return self.value_header(from, bytes, association, out);
        }
        let mut r = Reader::new(bytes);
        let Ok([kind, _]) = r.array("PDU type") else { return Ok(Step::Need(HEADER)) };
        let Ok(length) = r.u32_be("PDU length") else { return Ok(Step::Need(HEADER)) };
        let whole = wide(length).saturating_add(HEADER);
        let known = match kind {
            ASSOCIATE_RQ | ASSOCIATE_AC => (MIN_ASSOCIATE..=MAX_ASSOCIATE).contains(&length),
            ASSOCIATE_RJ | RELEASE_RQ..=ABORT => length == 4,
            P_DATA_TF => true,
            _ => return Err(Error::invalid("PDU type")),
        };
        if !known {
            return Err(Error::invalid("PDU length"));
        }
        if kind == P_DATA_TF {
            self.pdu = length;
            return Ok(Step::Used(HEADER));
        }
        let Some(pdu) = bytes.get(..whole) else { return Ok(Step::Need(whole)) };
        match kind {
            ASSOCIATE_RQ => association.request(from, pdu, out)?,
            ASSOCIATE_AC => association.accept(from, pdu, out)?,
            ASSOCIATE_RJ => associate::reject(pdu, out)?,
            _ => {}
        }
        Ok(Step::Used(whole))
    }

    /// A presentation data value item's length, context and control header
    /// (PS3.8 §9.3.5.1, §E.2).
    fn value_header(
        &mut self,
        from: Side,
        bytes: &[u8],
        association: &mut Association,
        out: &mut dyn Sink,
    ) -> Result<Step, Error> {
        let mut r = Reader::new(bytes);
        let (Ok(length), Ok([id, control])) = (r.u32_be("PDV length"), r.array("PDV header"))
        else {
            return Ok(Step::Need(HEADER));
        };
        let behind = self.pdu.checked_sub(4).and_then(|room| room.checked_sub(length));
        let (Some(behind), Some(value)) = (behind, length.checked_sub(2)) else {
            return Err(Error::invalid("PDV length"));
        };
        (self.pdu, self.value, self.id, self.control) = (behind, value, id, control);
        if self.is_command() {
            self.data = None;
            self.command.get_or_insert_with(|| {
                (Elements::new(Some(Encoding::Implicit)), Command::default())
            });
        }
        if value == 0 {
            self.end(from, association, out);
        }
        Ok(Step::Used(HEADER))
    }

    /// Bytes of a data value: as many as there are, without waiting for more, and those
    /// behind them that nobody wants, whether they are there or not.
    fn fragment(
        &mut self,
        from: Side,
        bytes: &[u8],
        association: &mut Association,
        out: &mut dyn Sink,
    ) -> Step {
        let chunk = if self.passes() > 0 { &[] } else { bytes };
        let chunk = chunk.get(..wide(self.value).min(chunk.len())).unwrap_or_default();
        self.value = self.value.saturating_sub(u32::try_from(chunk.len()).unwrap_or(u32::MAX));
        if self.is_command() {
            if let Some((elements, command)) = &mut self.command {
                elements.feed(chunk, command);
            }
        } else if let Some((_, data, description)) =
            self.data.as_mut().filter(|(id, ..)| *id == self.id)
        {
            data.feed(chunk, description);
            if data.is_done() {
                description.tell(out);
                self.data = None;
            }
        }
        let pass = self.passes();
        if self.is_command() {
            if let Some((elements, _)) = &mut self.command {
                elements.passed(pass.into());
            }
        } else if let Some((_, data, _)) = self.data.as_mut().filter(|(id, ..)| *id == self.id) {
            data.passed(pass.into());
        }
        self.value = self.value.saturating_sub(pass);
        if self.value == 0 {
            self.end(from, association, out);
        }
        match (pass, u64::try_from(chunk.len()).unwrap_or(u64::MAX)) {
            (0, _) => Step::Used(chunk.len()),
            (pass, used) => Step::Pass(u64::from(pass).saturating_add(used)),
        }
    }

    /// Bytes of the data value that come next and that nobody wants.
    fn passes(&self) -> u32 {
        let pass = if self.is_command() {
            let elements = self.command.as_ref().map(|(elements, _)| elements);
            elements.filter(|e| !e.is_done()).map(Elements::passes)
        } else {
            let data = self.data.as_ref().filter(|(id, ..)| *id == self.id);
            data.map(|(_, data, _)| data.passes())
        };
        let pass = pass.map_or(u32::MAX, |pass| u32::try_from(pass).unwrap_or(u32::MAX));
        pass.min(self.value)
    }

    /// A data value is complete; so is its command or data set, if it is the last of it.
    fn end(&mut self, from: Side, association: &mut Association, out: &mut dyn Sink) {
        if self.control & 2 == 0 {
            return;
        }
        if self.is_command() {
            let Some((_, command)) = self.command.take() else { return };
            self.data = command.tell(from, association, out).map(|description| {
                (self.id, DataSet::new(association.encoding(self.id)), description)
            });
        } else if let Some((_, _, description)) = self.data.take_if(|(id, ..)| *id == self.id) {
            description.tell(out);
        }
    }

    /// Message control header bit 0: command, not data set (PS3.8 §E.2).
    const fn is_command(&self) -> bool {
        self.control & 1 == 1
    }

    /// Looks for a PDU that starts with a command set; nothing less is certain in
    /// the middle of pixels.
    fn resync(&mut self, bytes: &[u8]) -> Step {
        let mut windows = bytes.windows(COMMAND_PDU);
        match windows.position(|w| w.first() == Some(&P_DATA_TF) && is_command(w) == Verdict::Yes) {
            Some(0) => {
                self.lost = false;
                Step::Used(0)
            }
            Some(at) => Step::Used(at),
            None => match bytes.len().checked_sub(COMMAND_PDU.saturating_sub(1)) {
                None | Some(0) => Step::Need(COMMAND_PDU),
                Some(n) => Step::Used(n),
            },
        }
    }
}
