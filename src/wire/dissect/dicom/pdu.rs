//! Protocol data units (PS3.8 §9.3): framing them, and handing the
//! fragments of commands and data sets (Annex E) to their readers.

use super::associate::{self, Association};
use super::command::Command;
use super::dataset::Elements;
use super::equipment::Description;
use super::opening::{
    ASSOCIATE_AC, ASSOCIATE_RJ, ASSOCIATE_RQ, COMMAND_PDU, MAX_ASSOCIATE, MIN_ASSOCIATE, P_DATA_TF,
    is_command,
};
use super::syntax::{DataSet, Encoding};
use crate::observe::{Observed, Work};
use crate::wire::dissect::burst::Burst;
use crate::wire::dissect::reader::wide;
use crate::wire::dissect::{Error, Reader, Side, Sink, Verdict, Who};

/// A PDU header, and as much a data value header.
const HEADER: usize = 6;

// PDU types (PS3.8 §9.3.1), with those of [`opening`](super::opening).
const RELEASE_RQ: u8 = 5;
const ABORT: u8 = 7;

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
    /// Images that were sent lately.
    images: Burst,
    /// Bytes were lost: look for the next PDU that can be told for certain.
    lost: bool,
}

/// Says what a data set showed: of equipment, and of an examination.
fn tell(description: &Description, images: &mut Burst, out: &mut dyn Sink) {
    description.tell(out);
    match description.work() {
        Some(image) if image.work == Work::Image => images.add(image, out),
        Some(work) => out.observe(Who::Sender, Observed::Use(work)),
        None => {}
    }
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
    pub(super) fn lose(&mut self) {
        let images = std::mem::take(&mut self.images);
        *self = Self { lost: true, images, ..Self::default() };
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
            _ => self.images.end(out),
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
                tell(description, &mut self.images, out);
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
            tell(&description, &mut self.images, out);
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
