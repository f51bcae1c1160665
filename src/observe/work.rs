//! Work that leaves a trace: what the use of a device is counted from.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::text;
use crate::time::Timestamp;

/// One trace of work at a device.
///
/// Two traces are of the same examination when they have the same study, or the same
/// step. A begin names both and so ties the two together: of an end only the step is
/// known (PS3.4 F.7.2.2, N-SET names nothing but the instance), of an image the study,
/// and its step where it says that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Use {
    /// What was done.
    pub work: Work,
    /// The study, order or specimen that it belongs to. Not even its hash is written: a
    /// journal says it again without.
    #[serde(skip)]
    pub study: Study,
    /// The performed procedure step that it belongs to, by its SOP instance; not written.
    #[serde(skip)]
    pub step: Study,
    /// When it was done, which is not when it was told.
    pub when: When,
}

/// What kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// A performed procedure step was begun (DICOM PS3.4 F.7, N-CREATE).
    StepBegun,
    /// It was completed or discontinued (N-SET).
    StepEnded,
    /// An object of a study was sent by whoever has it.
    Image,
    /// A laboratory or point-of-care result was told.
    Result,
    /// Values of a patient flowed: vital signs, waveforms, a running infusion.
    Vitals,
    /// A person worked there: a logon, a ticket asked for, a remote session.
    Session,
}

/// When work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// As it was told.
    Now,
    /// By the clock on the device's wall.
    Told {
        /// Seconds from 1970-01-01T00:00:00 on that clock.
        from: i64,
        /// The same; not before `from`.
        to: i64,
        /// Minutes that the clock is ahead of UTC, where the message says so.
        offset: Option<i16>,
    },
    /// By a clock that is the packets'.
    Between(Timestamp, Timestamp),
    /// It was told with no time, or with one that cannot be read.
    Unreadable,
}

/// Tells whether two traces are of the same examination, and nothing else: a hash under a
/// key that is made at the start of the process and leaves it never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Study(pub u64);

impl Study {
    /// Nothing says what it belongs to.
    pub const UNTOLD: Self = Self(0);

    /// Of a UID, an accession or an order; empty is [`Self::UNTOLD`].
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        static KEY: OnceLock<RandomState> = OnceLock::new();
        if name.is_empty() {
            return Self::UNTOLD;
        }
        Self(KEY.get_or_init(RandomState::new).hash_one(name).max(1))
    }
}

/// One of the pieces of equipment that a host describes, by what it says of it: work that is
/// told of it finds it again by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Piece(pub u64);

impl Piece {
    /// Of keys and values in their order, as they are told or as they came: the first eight
    /// bytes of a SHA-256, the same in every process.
    #[must_use]
    pub fn of<'t>(facts: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let mut hash = Sha256::new();
        for (key, value) in facts {
            let value = text::clean(value);
            if !value.is_empty() {
                // No text that is told has a byte of 0.
                hash.update([key.as_bytes(), &[0], value.as_bytes(), &[0]].concat());
            }
        }
        Self(hash.finalize().iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_known_by_what_is_said_of_it() {
        let of = |facts: &[(&'static str, &'static str)]| Piece::of(facts.iter().copied());
        let monitor = of(&[("a.model", "MX800"), ("a.serial", "7")]);
        assert_eq!(monitor, of(&[("a.model", " MX800\0"), ("a.none", ""), ("a.serial", "7")]));
        for other in [
            of(&[("a.model", "MX800")]),
            of(&[("a.model", "MX800"), ("a.serial", "8")]),
            of(&[("a.model", "MX800a.serial7")]),
            of(&[("a.serial", "7"), ("a.model", "MX800")]),
        ] {
            assert_ne!(monitor, other);
        }
        assert_eq!(monitor.0, 1_740_311_236_216_349_883, "it names rows of inventories");
    }

    #[test]
    fn the_same_study_is_the_same_and_no_other() {
        assert_eq!(Study::of(b"1.2.3"), Study::of(b"1.2.3"));
        assert_ne!(Study::of(b"1.2.3"), Study::of(b"1.2.4"));
        assert_eq!(Study::of(b""), Study::UNTOLD);
    }

    #[test]
    fn no_study_is_written() {
        let (study, step) = (Study(0x4141_4141_4141_4141), Study(0x4242_4242_4242_4242));
        let it = Use { work: Work::Image, study, step, when: When::Now };
        let bytes = postcard::to_stdvec(&it).unwrap();
        assert!(bytes.len() <= 4, "{bytes:?}");
        let again: Use = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(again, Use { study: Study::UNTOLD, step: Study::UNTOLD, ..it });
    }
}
