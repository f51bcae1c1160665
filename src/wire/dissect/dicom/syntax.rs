//! Transfer syntaxes (PS3.5 Annex A, §10): how the elements of a data set are
//! written, and the inflating of those that are deflated as a whole.

use dicom_core::VR;
use dicom_dictionary_std::uids;
use flate2::{Decompress, FlushDecompress, Status};

use super::dataset::{Elements, Interest};

/// Inflated bytes looked at: equipment stands at the start of a data set.
const MAX_INFLATED: u64 = 64 * 1024;
/// Inflated bytes at a time.
const WINDOW: usize = 2048;

/// How a data set is written (PS3.5 Annex A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Implicit VR little endian: all commands, and data sets that agreed on nothing better.
    Implicit,
    /// Explicit VR little endian: also that of all compressed pixel data.
    Explicit,
    /// Explicit VR big endian, retired.
    ExplicitBig,
    /// Explicit VR little endian, deflated as a whole.
    Deflated,
}

impl Encoding {
    /// Of a transfer syntax UID. Those not known here are explicit little endian, as
    /// every one since PS3.5 2006 that is not deflated as a whole.
    pub(super) fn of(transfer_syntax: &str) -> Self {
        match transfer_syntax {
            // GE's private syntax differs in the pixel data only.
            uids::IMPLICIT_VR_LITTLE_ENDIAN | "1.2.840.113619.5.2" => Self::Implicit,
            // Explicit VR big endian, retired in 2006.
            "1.2.840.10008.1.2.2" => Self::ExplicitBig,
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
            | uids::JPIP_REFERENCED_DEFLATE
            | uids::JPIPHTJ2K_REFERENCED_DEFLATE => Self::Deflated,
            _ => Self::Explicit,
        }
    }

    /// By the first element of a data set whose association was not seen.
    pub(super) fn guess(head: &[u8; 12]) -> Self {
        let [group_low, group_high, _, _, v, r, ..] = *head;
        match VR::from_binary([v, r]) {
            Some(_) if group_low == 0 && group_high != 0 => Self::ExplicitBig,
            Some(_) => Self::Explicit,
            None => Self::Implicit,
        }
    }
}

/// A data set that is arriving, in whatever transfer syntax.
#[derive(Debug)]
pub(super) struct DataSet {
    elements: Elements,
    inflate: Option<Box<Decompress>>,
    finished: bool,
}

impl DataSet {
    /// At its first byte; `None` when the transfer syntax was not seen.
    pub(super) fn new(encoding: Option<Encoding>) -> Self {
        let deflated = encoding == Some(Encoding::Deflated);
        let inner = if deflated { Some(Encoding::Explicit) } else { encoding };
        Self {
            elements: Elements::new(inner),
            inflate: deflated.then(|| Box::new(Decompress::new(false))),
            finished: false,
        }
    }

    /// Whether nothing behind is of interest.
    pub(super) const fn is_done(&self) -> bool {
        self.finished || self.elements.is_done()
    }

    /// Bytes that come next and are not looked at.
    pub(super) const fn passes(&self) -> u64 {
        if self.inflate.is_some() { 0 } else { self.elements.passes() }
    }

    /// Bytes of [`passes`](Self::passes) that the caller has passed over.
    pub(super) fn passed(&mut self, n: u64) {
        self.elements.passed(n);
    }

    /// Reads on.
    pub(super) fn feed(&mut self, bytes: &[u8], interest: &mut dyn Interest) {
        let Some(inflate) = &mut self.inflate else {
            return self.elements.feed(bytes, interest);
        };
        let mut window = [0_u8; WINDOW];
        let mut rest = bytes;
        while !self.finished && !self.elements.is_done() {
            let (in_before, out_before) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(rest, &mut window, FlushDecompress::None);
            let advance = |now: u64, before: u64| {
                usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX)
            };
            let used = advance(inflate.total_in(), in_before);
            let made = advance(inflate.total_out(), out_before);
            self.elements.feed(window.get(..made).unwrap_or_default(), interest);
            rest = rest.get(used..).unwrap_or_default();
            let ended = !matches!(status, Ok(Status::Ok | Status::BufError));
            self.finished = ended || inflate.total_out() >= MAX_INFLATED;
            if made < WINDOW && (rest.is_empty() || used == 0) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        assert_eq!(Encoding::of("1.2.840.10008.1.2"), Encoding::Implicit);
        assert_eq!(Encoding::of("1.2.840.10008.1.2.4.50"), Encoding::Explicit);
        assert_eq!(Encoding::of("1.2.840.10008.1.2.1.99"), Encoding::Deflated);
        let guess = |head: &[u8; 8]| {
            let mut all = [0; 12];
            all[..8].copy_from_slice(head);
            Encoding::guess(&all)
        };
        assert_eq!(guess(b"\x08\0\x05\0CS\x0a\0"), Encoding::Explicit);
        assert_eq!(guess(b"\0\x08\0\x05CS\0\x0a"), Encoding::ExplicitBig);
        assert_eq!(guess(b"\x08\0\x05\0\x0a\0\0\0"), Encoding::Implicit);
    }
}
