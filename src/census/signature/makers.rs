//! One maker, one name: what signatures take out of a device's own words is compared with
//! the names in `signatures/makers.toml`.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use serde::Deserialize;

/// Names of makers by what else they are called.
#[derive(Clone, Debug, Default)]
pub(super) struct Makers(HashMap<String, String, RandomState>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    maker: BTreeMap<String, Vec<String>>,
}

/// Forms of companies in Japan, before the name or after it.
const FORMS: &[&str] = &["株式会社", "有限会社", "合同会社", "(株)", "(有)", "㈱", "㈲"];

impl Makers {
    /// Reads a file over what is known.
    ///
    /// # Errors
    /// The byte offset, if known, and what is wrong there.
    pub(super) fn learn(&mut self, text: &str) -> Result<(), (Option<usize>, String)> {
        let document: Document = toml::from_str(text)
            .map_err(|e| (e.span().map(|span| span.start), e.message().to_owned()))?;
        for (name, others) in document.maker {
            for other in others.iter().chain([&name]) {
                let plain = plain(other);
                if plain.is_empty() {
                    return Err((None, format!("maker {name}: `{other}` is no name")));
                }
                self.0.insert(plain, name.clone());
            }
        }
        Ok(())
    }

    /// How a maker is called whose devices call it so.
    pub(super) fn name(&self, text: &str) -> Option<&str> {
        self.0.get(&plain(text)).map(String::as_str)
    }
}

/// A name without what is written in several ways.
fn plain(text: &str) -> String {
    let narrow = |c: char| match c {
        // Full-width forms of ASCII stand in its order.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c).saturating_sub(0xfee0)).unwrap_or(c),
        c => c,
    };
    let text: String = text.chars().map(narrow).filter(|c| !c.is_whitespace()).collect();
    let mut name = text.as_str();
    for form in FORMS {
        name = name.strip_prefix(form).unwrap_or(name);
        name = name.strip_suffix(form).unwrap_or(name);
    }
    name.chars().filter(|c| !"・･.,-".contains(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use crate::census::signature::{Book, Source};

    fn said(book: &Book, key: &str, value: &str) -> String {
        let found = book.matches(key, value, &[]).unwrap();
        found.get("manufacturer").unwrap_or_default().to_owned()
    }

    #[test]
    fn a_maker_has_one_name() {
        let names = [
            ("シスメックス株式会社", "Sysmex"),
            ("株式会社 島津製作所", "Shimadzu"),
            ("(株)日立製作所", "Hitachi"),
            ("㈱フィリップス・ジャパン", "Philips"),
            ("ＧＥヘルスケア・ジャパン（株）", "GE Healthcare"),
            ("東芝メディカルシステムズ", "Canon Medical Systems"),
            ("株式会社まだ知らない", "株式会社まだ知らない"),
        ];
        for (called, name) in names {
            assert_eq!(said(Book::builtin(), "hl7.software_vendor", called), name);
        }
        assert_eq!(said(Book::builtin(), "upnp.manufacturer", "パナソニック株式会社"), "Panasonic");
        let whole = "シスメックス株式会社^IPU^5.1";
        assert_eq!(said(Book::builtin(), "hl7.software", whole), "Sysmex");
        assert_eq!(
            said(Book::builtin(), "dicom.manufacturer", "TOSHIBA_MEC"),
            "Canon Medical Systems"
        );
    }

    #[test]
    fn a_site_may_know_more() {
        let text = "[maker]\n\"Acme\" = [\"アクメ\"]\n";
        let book = Book::from_sources(&[Source { name: "makers.toml", text }]).unwrap();
        assert_eq!(said(&book, "hl7.software_vendor", "アクメ株式会社"), "Acme");
        assert_eq!(said(&book, "hl7.software_vendor", "シスメックス"), "Sysmex");
        for text in ["[maker]\n\"Acme\" = [\"株式会社\"]\n", "[makers]\n"] {
            assert!(Book::from_sources(&[Source { name: "makers.toml", text }]).is_err());
        }
    }
}
