//! A skipping reader of data elements (PS3.5 §7): takes those that it is asked
//! for and passes over all others without keeping a byte of them.
//!
//! The reader is our own. The crates for this (dicom-parser, dicom-object,
//! dicom-ul) pull from an `io::Read` and hand out whole data sets, patient and
//! pixels included; here fragments are pushed as they arrive, split anywhere, and
//! what is not on the allow-list must never be held. Their dictionaries of tags
//! and UIDs are used.
//!
//! Sequences that nobody asked for are crossed by their length, or item by item
//! when it is undefined, without recursion and to a bounded depth.

use dicom_core::Tag;

use super::syntax::Encoding;

/// Longest value taken; longer ones are passed over. Software Versions of twenty
/// subsystems stay under it.
const MAX_VALUE: usize = 4096;
/// Deepest nesting followed; structured reports, the deepest objects, stay under it.
const MAX_DEPTH: usize = 32;
/// A length that is told by a delimiter instead (PS3.5 §7.1).
const UNDEFINED: u32 = u32::MAX;

/// What to do with an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Nothing.
    Pass,
    /// Its value.
    Take,
    /// It is a sequence: ask for the elements of its items.
    Enter,
    /// Neither it nor anything behind it.
    Stop,
}

/// Who asks for elements.
pub(super) trait Interest {
    /// What to do with `tag`, at the top level or in the items of the entered sequence.
    fn want(&self, within: Option<Tag>, tag: Tag) -> Want;
    /// A value that was asked for; never empty.
    fn take(&mut self, within: Option<Tag>, tag: Tag, value: &[u8]);
}

/// An open sequence or item.
#[derive(Clone, Copy, Debug)]
struct Level {
    item: bool,
    /// The sequence, when it was entered rather than crossed.
    within: Option<Tag>,
    /// Where it ends, in bytes from the start of the data set; none when undefined.
    end: Option<u64>,
    encoding: Encoding,
}

/// The reader of one data set.
#[derive(Debug)]
pub(super) struct Elements {
    encoding: Option<Encoding>,
    /// The element header that is arriving.
    head: [u8; 12],
    have: usize,
    /// Bytes of a value that is being passed over.
    skip: u64,
    /// The value that is being taken, and its bytes that are still to come.
    value: Vec<u8>,
    missing: usize,
    tag: Tag,
    /// Bytes read since the start of the data set.
    at: u64,
    levels: Vec<Level>,
    done: bool,
}

impl Elements {
    /// At the start of a data set; `None` when its encoding has to be guessed.
    pub(super) fn new(encoding: Option<Encoding>) -> Self {
        Self {
            encoding,
            head: [0; 12],
            have: 0,
            skip: 0,
            value: Vec::new(),
            missing: 0,
            tag: Tag(0, 0),
            at: 0,
            levels: Vec::new(),
            done: false,
        }
    }

    /// Whether nothing behind is of interest, or it cannot be read.
    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    /// Bytes that come next and are not looked at.
    pub(super) const fn passes(&self) -> u64 {
        self.skip
    }

    /// Bytes of [`passes`](Self::passes) that the caller has passed over.
    pub(super) fn passed(&mut self, n: u64) {
        self.skip = self.skip.saturating_sub(n);
        self.at = self.at.saturating_add(n);
    }

    /// Reads on; whatever it does not need of `bytes` is passed over.
    pub(super) fn feed(&mut self, bytes: &[u8], interest: &mut dyn Interest) {
        let mut rest = bytes;
        while !self.done && !rest.is_empty() {
            if self.skip > 0 {
                let n = usize::try_from(self.skip).unwrap_or(usize::MAX).min(rest.len());
                rest = rest.get(n..).unwrap_or_default();
                self.passed(u64::try_from(n).unwrap_or(u64::MAX));
            } else if self.missing > 0 {
                rest = self.fill_value(rest, interest);
            } else {
                rest = self.fill_head(rest, interest);
            }
        }
    }

    fn fill_value<'a>(&mut self, rest: &'a [u8], interest: &mut dyn Interest) -> &'a [u8] {
        let (now, behind) = rest.split_at(self.missing.min(rest.len()));
        self.at = self.at.saturating_add(u64::try_from(now.len()).unwrap_or(u64::MAX));
        self.missing = self.missing.saturating_sub(now.len());
        let within = self.levels.last().and_then(|level| level.within);
        if self.missing == 0 && self.value.is_empty() {
            interest.take(within, self.tag, now);
        } else {
            self.value.extend_from_slice(now);
            if self.missing == 0 {
                interest.take(within, self.tag, &self.value);
                self.value.clear();
            }
        }
        behind
    }

    /// Collects a header byte by byte: 8 bytes, or 12 for the long explicit form.
    fn fill_head<'a>(&mut self, rest: &'a [u8], interest: &mut dyn Interest) -> &'a [u8] {
        let mut rest = rest;
        while let Some((&byte, behind)) = rest.split_first() {
            if let Some(slot) = self.head.get_mut(self.have) {
                *slot = byte;
            }
            rest = behind;
            self.have = self.have.saturating_add(1);
            self.at = self.at.saturating_add(1);
            if self.have < 8 || (self.have < 12 && self.is_long()) {
                continue;
            }
            self.have = 0;
            if self.element(interest).is_none() {
                self.done = true;
            }
            break;
        }
        rest
    }

    /// The encoding at this place.
    fn encoding(&self) -> Encoding {
        let outer = self.encoding.unwrap_or_else(|| Encoding::guess(&self.head));
        self.levels.last().map_or(outer, |level| level.encoding)
    }

    /// Tag of the header that is arriving.
    fn head_tag(&self) -> Tag {
        let [a, b, c, d, ..] = self.head;
        match self.encoding() {
            Encoding::ExplicitBig => Tag(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])),
            _ => Tag(u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])),
        }
    }

    /// Explicit VR with two reserved and four length bytes (PS3.5 §7.1.2).
    fn is_long(&self) -> bool {
        let [_, _, _, _, v, r, ..] = self.head;
        self.encoding() != Encoding::Implicit
            && self.head_tag().0 != ITEM.0
            && !matches!(
                &[v, r],
                b"AE"
                    | b"AS"
                    | b"AT"
                    | b"CS"
                    | b"DA"
                    | b"DS"
                    | b"DT"
                    | b"FL"
                    | b"FD"
                    | b"IS"
                    | b"LO"
                    | b"LT"
                    | b"PN"
                    | b"SH"
                    | b"SL"
                    | b"SS"
                    | b"ST"
                    | b"TM"
                    | b"UI"
                    | b"UL"
                    | b"US"
            )
    }

    /// The header is complete: decides what becomes of the element. None when it is
    /// malformed, too deep, or the end of interest.
    fn element(&mut self, interest: &mut dyn Interest) -> Option<()> {
        let encoding = self.encoding();
        self.encoding.get_or_insert(encoding);
        let tag = self.head_tag();
        let [_, _, _, _, v, r, s, t, l @ ..] = self.head;
        let explicit = encoding != Encoding::Implicit && tag.0 != ITEM.0;
        if explicit && !(v.is_ascii_uppercase() && r.is_ascii_uppercase()) {
            return None;
        }
        let long = self.is_long();
        let length = match (explicit, long, encoding == Encoding::ExplicitBig) {
            (true, true, false) => u32::from_le_bytes(l),
            (true, true, true) => u32::from_be_bytes(l),
            (true, false, false) => u32::from(u16::from_le_bytes([s, t])),
            (true, false, true) => u32::from(u16::from_be_bytes([s, t])),
            (false, _, false) => u32::from_le_bytes([v, r, s, t]),
            (false, _, true) => u32::from_be_bytes([v, r, s, t]),
        };
        let head_length: u64 = if long { 12 } else { 8 };
        let start = self.at.saturating_sub(head_length);
        while self.levels.last().and_then(|level| level.end).is_some_and(|end| start >= end) {
            self.levels.pop();
        }
        let end = (length != UNDEFINED).then(|| self.at.saturating_add(u64::from(length)));
        match self.levels.last().copied() {
            Some(sequence) if !sequence.item => match tag {
                ITEM if end.is_some() && sequence.within.is_none() => self.skip = length.into(),
                ITEM => self.open(Level { item: true, end, ..sequence })?,
                SEQUENCE_END => drop(self.levels.pop()),
                _ => return None,
            },
            Some(_) if tag == ITEM_END => drop(self.levels.pop()),
            _ if tag.0 == ITEM.0 => return None,
            level => {
                let within = level.and_then(|level| level.within);
                let want = match level {
                    Some(level) if level.within.is_none() => Want::Pass,
                    _ => interest.want(within, tag),
                };
                // PS3.5 §6.2.2 note 2: an unknown VR of undefined length is an
                // implicit VR sequence.
                let unknown = explicit && [v, r] == *b"UN";
                let inner = if unknown { Encoding::Implicit } else { encoding };
                let sequence = Level { item: false, within: None, end, encoding: inner };
                match want {
                    Want::Stop => return None,
                    Want::Enter if length > 0 => {
                        self.open(Level { within: Some(tag), ..sequence })?;
                    }
                    _ if end.is_none() => self.open(sequence)?,
                    Want::Take if length > 0 => self.start_value(tag, length),
                    _ => self.skip = length.into(),
                }
            }
        }
        Some(())
    }

    fn start_value(&mut self, tag: Tag, length: u32) {
        match usize::try_from(length) {
            Ok(n) if n <= MAX_VALUE => (self.tag, self.missing) = (tag, n),
            _ => self.skip = length.into(),
        }
    }

    fn open(&mut self, level: Level) -> Option<()> {
        (self.levels.len() < MAX_DEPTH).then(|| self.levels.push(level))
    }
}

/// Item (PS3.5 §7.5).
const ITEM: Tag = Tag(0xfffe, 0xe000);
/// Item Delimitation Item.
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
/// Sequence Delimitation Item.
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);
