//! What the site has written itself, in files that are read anew when it says so.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use super::Failure;
use crate::census::advisory::Advisories;
use crate::census::asset::Pins;
use crate::census::risk::{Accepted, RiskBook};
use crate::census::signature::Book;

/// Largest file of identities, in bytes: a line for each of thousands of devices.
const MAX_IDENTITY: u64 = 1 << 20;

/// Where that is.
#[derive(Clone, Debug, Default)]
pub(super) struct Site {
    /// Directory of signatures laid over the built-in ones, and of advisories.
    pub(super) overlay: Option<PathBuf>,
    /// Who is who.
    pub(super) identity: Option<PathBuf>,
    /// Findings with which the site lives.
    pub(super) accepted: Option<PathBuf>,
}

impl Site {
    /// The advisories with the site's own in their place.
    pub(super) fn advisories(&self) -> Result<Arc<Advisories>, Failure> {
        match &self.overlay {
            None => Ok(Arc::clone(Advisories::builtin())),
            Some(overlay) => Advisories::load(overlay)
                .map(Arc::new)
                .map_err(|error| Failure::Said(format!("advisories: {error}"))),
        }
    }

    /// The signatures with the site's own laid over them.
    pub(super) fn book(&self) -> Result<Arc<Book>, Failure> {
        match &self.overlay {
            None => Ok(Arc::clone(Book::builtin())),
            overlay => Book::load(overlay.as_deref())
                .map(Arc::new)
                .map_err(|error| Failure::Said(format!("signatures: {error}"))),
        }
    }

    /// What findings weigh, with the site's own laid over it, and what the site lives with.
    pub(super) fn risks(&self) -> Result<RiskBook, Failure> {
        let book = match self.overlay.as_deref() {
            None => RiskBook::builtin().clone(),
            overlay => RiskBook::load(overlay)
                .map_err(|error| Failure::Said(format!("signatures: {error}")))?,
        };
        let Some(path) = &self.accepted else { return Ok(book) };
        let said = |why: &dyn Display| Failure::Said(format!("{}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| said(&error))?;
        let accepted = Accepted::parse(&text, &book).map_err(|error| said(&error))?;
        let signatures = self.book()?;
        let is_known = |class: &str| signatures.class(&class.to_ascii_lowercase()).is_some();
        if let Some(class) = accepted.classes().find(|class| !is_known(class)) {
            let class = class.escape_debug();
            return Err(said(&format_args!("no device class is called `{class}`")));
        }
        Ok(book.accepting(accepted))
    }

    /// What the site knows of who is who.
    pub(super) fn pins(&self) -> Result<Pins, Failure> {
        let Some(path) = &self.identity else { return Ok(Pins::default()) };
        let said = |why: &dyn Display| Failure::Said(format!("{}: {why}", path.display()));
        let size = std::fs::metadata(path).map_err(|error| said(&error))?.len();
        if size > MAX_IDENTITY {
            return Err(said(&format_args!("{size} bytes; it may have {MAX_IDENTITY}")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| said(&error))?;
        Pins::parse(&text).map_err(|error| said(&error))
    }
}
