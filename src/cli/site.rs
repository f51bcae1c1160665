//! What the site has written itself, in files that are read anew when it says so.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::warn;

use super::Failure;
use super::advisories::tomorrow;
use crate::census::advisory::Advisories;
use crate::census::asset::Pins;
use crate::census::risk::{Accepted, RiskBook, check};
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
            overlay => {
                let book = RiskBook::load(overlay)
                    .map_err(|error| Failure::Said(format!("signatures: {error}")))?;
                // What does nothing is no mistake in a file; whoever wrote it thinks it does.
                for fault in check(&book, &*self.book()?) {
                    warn!("signatures: {fault}");
                }
                if let Some(on) = book.signed_on().filter(|on| *on > tomorrow()) {
                    warn!("signatures: risk.toml: signed off on {on}, a day to come");
                }
                book
            }
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

    /// What a sensor that begins goes by: instead of files that cannot be read, what is built
    /// in; and what is wrong with each.
    pub(super) fn as_far_as_readable(&self) -> (Arc<Book>, Pins, RiskBook, Vec<Failure>) {
        let (mut site, mut wrong) = (self.clone(), Vec::new());
        let book = site.book().unwrap_or_else(|why| {
            wrong.push(why);
            // Risks of a directory with such a mistake may be for classes that are not there.
            site.overlay = None;
            Arc::clone(Book::builtin())
        });
        let pins = site.pins().unwrap_or_else(|why| {
            wrong.push(why);
            Pins::default()
        });
        let risks = site.risks().or_else(|why| {
            wrong.push(why);
            let without_accepted = Self { accepted: None, ..site.clone() };
            let without_overlay = Self { overlay: None, ..site.clone() };
            without_accepted.risks().or_else(|_| without_overlay.risks())
        });
        let risks = risks.unwrap_or_else(|_| RiskBook::builtin().clone());
        (book, pins, risks, wrong)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_goes_on_without_what_it_cannot_read_and_says_what() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(at(name), text).unwrap();
        std::fs::create_dir(at("d")).unwrap();
        let site = Site {
            overlay: Some(at("d")),
            identity: Some(at("identity.toml")),
            accepted: Some(at("accepted.toml")),
        };
        let (same, accepted) = (
            "[[same]]\ndevices = ['00:00:5e:00:53:01', '10.2.0.9']\nreason = 'r'\n",
            "[[accepted]]\nrule = 'spreading'\nasset = 'A0123456789'\nby = 'b'\n\
             until = '2099-01-01'\nreason = 'r'\n",
        );
        let good = [("d/x.toml", ""), ("identity.toml", same), ("accepted.toml", accepted)];
        good.iter().for_each(|(name, text)| write(name, text));
        let read = || {
            let (_, pins, _, wrong) = site.as_far_as_readable();
            let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
            (format!("{pins:?}") == format!("{:?}", Pins::default()), wrong)
        };
        assert_eq!(read(), (false, vec![]));
        for (bad, name) in [
            ("d/x.toml", "x.toml"),
            ("d/risk.toml", "risk.toml"),
            ("accepted.toml", "accepted.toml"),
            ("identity.toml", "identity.toml"),
        ] {
            write(bad, "[");
            let (pins, wrong) = read();
            assert!(wrong.len() == 1 && wrong[0].contains(name), "{bad}: {wrong:?}");
            assert_eq!(pins, bad == "identity.toml", "the others are read");
            write(bad, good.iter().find(|(it, _)| *it == bad).map_or("", |(_, text)| text));
        }
        assert_eq!(read(), (false, vec![]));
    }
}
