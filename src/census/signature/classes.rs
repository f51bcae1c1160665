//! Device classes and their labels: `signatures/classes.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The categories of the register; `unknown` is the absence of one.
pub static CATEGORIES: &[&str] = &["medical", "it", "network", "iot", "facility"];

/// What a device is for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// One of [`CATEGORIES`].
    pub category: String,
    /// Label in English.
    pub en: String,
    /// Label in Japanese.
    pub ja: String,
    /// The more general class of which it is one.
    #[serde(default)]
    pub of: Option<String>,
}

/// All classes by name.
pub type Classes = BTreeMap<String, Class>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    class: Classes,
}

/// Reads `[class.NAME]` tables.
///
/// # Errors
/// The byte offset, if known, and what is wrong there.
pub(super) fn parse(text: &str) -> Result<Classes, (Option<usize>, String)> {
    let document: Document = toml::from_str(text)
        .map_err(|e| (e.span().map(|span| span.start), e.message().to_owned()))?;
    for (name, class) in &document.class {
        if !CATEGORIES.contains(&class.category.as_str()) {
            return Err((None, format!("class {name}: no category `{}`", class.category)));
        }
        if class.en.trim().is_empty() || class.ja.trim().is_empty() {
            return Err((None, format!("class {name}: a label is empty")));
        }
    }
    for (name, class) in &document.class {
        if let Some(of) =
            class.of.as_ref().filter(|of| document.class.get(*of).is_some_and(|of| of.of.is_some()))
        {
            return Err((None, format!("class {name}: `{of}` is itself one of others")));
        }
    }
    Ok(document.class)
}
