//! Known weaknesses: which advisories name a device, compared offline.
//!
//! ```text
//!  CSAF documents, KEV list ─▶ csaf, kev ─▶ set (signatures/advisories.tsv)
//!                                            │
//!  signatures/aliases.toml ─▶ alias ─────────┴─▶ Advisories ─▶ of(device) ─▶ matches
//! ```
//!
//! An advisory that names a device's maker and product is one match, whatever number of
//! its products and CVEs apply:
//!
//! * [`Verdict::Affected`]: a version was read, and it is in the range;
//! * [`Verdict::Fixed`]: a version was read, and it is in none of the ranges;
//! * [`Verdict::Possible`]: everything else; "all versions" too, since nobody knows which
//!   were made later, and patches, which no packet shows.
//!
//! How it is done and what it cannot do stands in `docs/advisories.md`.

mod alias;
mod check;
mod cpe;
mod csaf;
mod digits;
mod find;
mod kev;
mod set;
mod version;

#[cfg(test)]
mod tests;

pub use check::check;
pub use find::{Advisories, Device};
pub use set::{Advisory, Cve, Exploited, Product, Set};
pub use version::{Answer, Versions};

/// Whether an advisory applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The product is named, and its version is known to be one of those.
    Affected,
    /// The product is named; its version is not known, or the range cannot be read.
    Possible,
    /// The product is named, and its version is known to be none of those.
    Fixed,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Affected => "affected",
            Self::Possible => "possible",
            Self::Fixed => "fixed",
        })
    }
}

/// An advisory that names a device's maker and product.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// `ICSMA-20-343-01`; of a weakness of a component its name, `MS17-010`.
    pub advisory: String,
    /// Whether it applies.
    pub verdict: Verdict,
    /// One of the CVEs is known to be exploited (CISA KEV).
    pub exploited: bool,
    /// How sure the match of maker and product is, from 0 to 1.
    pub confidence: f32,
    /// What was compared with what, in one line.
    pub because: String,
    /// The CVEs that apply to the product; sorted.
    pub cves: Vec<String>,
    /// The highest CVSS base score of them.
    pub score: Option<f32>,
}

/// What a file was, and what came of it.
#[derive(Debug)]
pub enum Taken {
    /// A document of advisories.
    Advisory {
        /// Scores in it that are none.
        left_out: usize,
        /// There was another revision of it: the newer one stays.
        again: bool,
    },
    /// The list of exploited weaknesses.
    List {
        /// Entries in it that cannot be read.
        left_out: usize,
        /// The first of these, each in a line.
        named: Vec<String>,
        /// There was a list already; the later one counts, whole.
        again: bool,
    },
    /// Neither.
    Nothing,
}

/// Adds what a file says to a set. JSON that is neither, and CSV without the names of the
/// list, is nothing.
///
/// # Errors
/// The file is one of both, and cannot be read: in one line, why.
pub fn take(name: &str, bytes: &[u8], set: &mut Set) -> Result<Taken, String> {
    // Some editors put a mark before the text.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let is = |end: &str| name.to_ascii_lowercase().ends_with(end);
    if is(".json") && csaf::is_one(bytes) {
        let (advisory, left_out) = csaf::read(bytes, set.until.as_deref())?;
        let again = set.advisories.contains_key(&advisory.id);
        set.add(advisory);
        return Ok(Taken::Advisory { left_out, again });
    }
    if kev::is_one(bytes, is(".csv")) {
        let list = kev::read(bytes, set.until.as_deref())?;
        let (left_out, named) = (list.left_out, list.named);
        // Of two lists the later one is whole.
        let again = !set.exploited.is_empty();
        if list.day >= set.kev {
            (set.kev, set.exploited) = (list.day, list.entries);
        }
        return Ok(Taken::List { left_out, named, again });
    }
    // What is cut or broken was meant to be read.
    match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
        Err(error) if is(".json") => Err(error.to_string()),
        _ => Ok(Taken::Nothing),
    }
}

/// Bytes of a file that [`take`] may be given.
pub const MAX_FILE: usize = kev::MAX_BYTES;
