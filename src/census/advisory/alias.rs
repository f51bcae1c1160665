//! `signatures/aliases.toml`: what makers and products of advisories are called by devices.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde::Deserialize;

use crate::census::signature::{ALIASES, BookError, Fault, Pattern};

/// A maker, and what it is called.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Maker {
    /// As signatures say it.
    pub(super) name: String,
    /// As advisories spell it.
    #[serde(default)]
    spelled: Vec<String>,
    /// As devices say it: firms that it has bought.
    #[serde(default)]
    said: Vec<String>,
    /// All of these, folded: what may stand before its products.
    #[serde(skip)]
    folded: Vec<String>,
    /// No file names it: it is called what an advisory calls it.
    #[serde(skip)]
    is_unlisted: bool,
}

/// What of the text of an attribute a device must have.
type Attributes = std::collections::BTreeMap<String, String>;

/// A device of which an alias is true.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Example {
    /// Its values.
    pub(super) device: Attributes,
    /// The version that is read of it; empty for none.
    #[serde(default)]
    pub(super) version: String,
}

/// A product as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    id: String,
    #[serde(default)]
    maker: String,
    #[serde(default)]
    products: Vec<String>,
    #[serde(default)]
    advisories: Vec<String>,
    #[serde(default)]
    cves: Vec<String>,
    #[serde(default)]
    exploited: Option<Listed>,
    device: Attributes,
    #[serde(default)]
    version: Attributes,
    #[serde(default)]
    versions: String,
    #[serde(default)]
    backports: bool,
    #[serde(default = "one")]
    sure: f32,
    #[serde(default)]
    source: String,
    #[serde(default)]
    examples: Vec<Example>,
    #[serde(default)]
    never: Vec<Attributes>,
}

const fn one() -> f32 {
    1.0
}

/// Entries of the list of exploited weaknesses, by maker and product.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) maker: String,
    pub(super) products: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    maker: Vec<Maker>,
    #[serde(default)]
    product: Vec<Block>,
    #[serde(default)]
    weakness: Vec<Block>,
}

/// When a device is a product that advisories name, or has a weakness that is exploited.
#[derive(Clone, Debug)]
pub(super) struct Alias {
    pub(super) id: String,
    /// Place among the makers.
    pub(super) maker: Option<usize>,
    /// Names in advisories.
    pub(super) products: Vec<Name>,
    /// Only these advisories; all where empty.
    pub(super) advisories: Vec<String>,
    /// Of a weakness: its CVEs.
    pub(super) cves: Vec<String>,
    /// Of a weakness: entries of the list.
    pub(super) listed: Option<Listed>,
    /// What must be known of the device.
    pub(super) device: Vec<(String, Pattern)>,
    /// Where its version stands; the first that matches.
    pub(super) version: Vec<(String, Pattern)>,
    /// Of a weakness: the versions that have it.
    pub(super) versions: String,
    /// Whoever packs it mends it and keeps the number: nothing is said to be affected.
    pub(super) backports: bool,
    /// How sure it is then that the device is meant, 0 to 1.
    pub(super) sure: f32,
    pub(super) is_weakness: bool,
    pub(super) examples: Vec<Example>,
    pub(super) never: Vec<Attributes>,
}

/// A name that is compared by its letters and digits: whole, or its beginning.
#[derive(Clone, Debug)]
pub(super) struct Name {
    text: String,
    begins: bool,
}

impl Name {
    pub(super) fn new(text: &str) -> Self {
        Self { text: fold(text), begins: text.ends_with('*') }
    }

    /// Whether a folded name is meant.
    pub(super) fn is(&self, folded: &str) -> bool {
        if self.begins { folded.starts_with(&self.text) } else { folded == self.text }
    }
}

/// Letters and digits alone, in lower case: `LOGIQ-7` is `Logiq 7`.
pub(super) fn fold(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// All aliases, compiled.
#[derive(Clone, Debug, Default)]
pub(super) struct Aliases {
    pub(super) makers: Vec<Maker>,
    /// By folded spelling of advisories.
    spelled: HashMap<String, usize, RandomState>,
    /// By folded name of signatures and devices.
    said: HashMap<String, usize, RandomState>,
    pub(super) all: Vec<Alias>,
}

impl Aliases {
    /// The built-in ones with others laid over them: a block with a known id takes the place
    /// of the known one, makers of the same name know all their spellings.
    pub(super) fn read(over: Option<&str>) -> Result<Self, BookError> {
        let mut faults = Vec::new();
        let mut aliases = Self::default();
        aliases.lay(ALIASES.1, false, &mut faults);
        if let Some(text) = over {
            aliases.lay(text, true, &mut faults);
        }
        if faults.is_empty() { Ok(aliases) } else { Err(BookError(faults)) }
    }

    fn lay(&mut self, text: &str, tried: bool, faults: &mut Vec<Fault>) {
        let mut wrong = |line: usize, id: &str, what: String| {
            faults.push(Fault { file: ALIASES.0.to_owned(), line, id: id.to_owned(), what });
        };
        let file: File = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let before = error.span().and_then(|it| text.get(..it.start)).unwrap_or_default();
                return wrong(before.matches('\n').count() + 1, "", error.message().to_owned());
            }
        };
        for maker in file.maker {
            let at = match self.makers.iter().position(|it| it.name == maker.name) {
                Some(at) => at,
                None => {
                    self.makers.push(maker.clone());
                    self.makers.len() - 1
                }
            };
            let name = std::iter::once(&maker.name);
            let names = name.clone().chain(&maker.spelled).chain(&maker.said);
            if let Some(known) = self.makers.get_mut(at) {
                known.folded.extend(names.map(|it| fold(it)).filter(|it| !it.is_empty()));
            }
            self.spelled.extend(name.clone().chain(&maker.spelled).map(|it| (fold(it), at)));
            self.said.extend(name.chain(&maker.said).map(|it| (fold(it), at)));
        }
        let blocks = file.product.into_iter().map(|it| (it, false));
        for (block, is_weakness) in blocks.chain(file.weakness.into_iter().map(|it| (it, true))) {
            let id = block.id.clone();
            match self.compile(block, is_weakness, tried) {
                Err(what) => wrong(0, &id, what),
                Ok(alias) => match self.all.iter_mut().find(|it| it.id == alias.id) {
                    Some(known) => *known = alias,
                    None => self.all.push(alias),
                },
            }
        }
    }

    fn compile(&self, it: Block, is_weakness: bool, tried: bool) -> Result<Alias, String> {
        let maker = match it.maker.as_str() {
            "" => None,
            name => Some(self.said(name).ok_or_else(|| format!("no maker is called {name}"))?),
        };
        let patterns = |all: Attributes| -> Result<Vec<(String, Pattern)>, String> {
            let case = |text: &str| match tried {
                true => Pattern::new(&format!("(?i){text}")),
                // A test compiles them; here each is compiled when it is first asked.
                false => Ok(Pattern::tested(&format!("(?i){text}"))),
            };
            all.into_iter().map(|(name, text)| Ok((name, case(&text)?))).collect()
        };
        let mut version = patterns(it.version)?;
        if version.is_empty() && !is_weakness {
            version = vec![("software_version".to_owned(), Pattern::tested("(.*)"))];
        }
        if tried && version.iter().any(|(_, pattern)| pattern.groups() != 1) {
            return Err("the version is what stands in the one group of a pattern".to_owned());
        }
        let alias = Alias {
            id: it.id,
            maker,
            products: it.products.iter().map(|name| Name::new(name)).collect(),
            advisories: it.advisories,
            cves: it.cves,
            listed: it.exploited,
            device: patterns(it.device)?,
            version,
            versions: it.versions,
            backports: it.backports,
            sure: it.sure,
            is_weakness,
            examples: it.examples,
            never: it.never,
        };
        let weak = !alias.cves.is_empty() || alias.listed.is_some();
        let what = if !(0.0..=1.0).contains(&alias.sure) {
            "`sure` is from 0 to 1"
        } else if alias.examples.is_empty() {
            "has no example"
        } else if is_weakness && (!weak || it.source.trim().is_empty()) {
            "a weakness has cves or exploited, and a source"
        } else if !is_weakness && (weak || alias.products.is_empty() || !alias.versions.is_empty())
        {
            "a product has products of advisories, and nothing of a weakness"
        } else {
            return Ok(alias);
        };
        Err(what.to_owned())
    }

    /// The maker whom an advisory means; of whom no file knows has this name alone.
    pub(super) fn maker_of(&mut self, text: &str) -> Option<usize> {
        let folded = fold(text);
        if folded.is_empty() {
            return None;
        }
        if let Some(known) = self.spelled.get(&folded) {
            return Some(*known);
        }
        let at = self.makers.len();
        self.spelled.insert(folded.clone(), at);
        self.said.entry(folded.clone()).or_insert(at);
        let (name, folded) = (text.to_owned(), vec![folded]);
        let (spelled, said) = (Vec::new(), Vec::new());
        self.makers.push(Maker { name, spelled, said, folded, is_unlisted: true });
        Some(at)
    }

    /// Whether a file names the maker whom an advisory means.
    pub(super) fn is_listed(&self, text: &str) -> bool {
        self.spelled(text).and_then(|at| self.makers.get(at)).is_some_and(|it| !it.is_unlisted)
    }

    /// The maker whom an advisory means.
    fn spelled(&self, text: &str) -> Option<usize> {
        self.spelled.get(&fold(text)).copied()
    }

    /// The maker that a device has.
    pub(super) fn said(&self, text: &str) -> Option<usize> {
        self.said.get(&fold(text)).copied()
    }

    /// A product of an advisory without the maker's name before it, folded.
    pub(super) fn bare(&self, maker: usize, product: &str) -> String {
        let folded = fold(product);
        let names = self.makers.get(maker).map_or(&[][..], |it| &it.folded);
        let rests = names.iter().filter_map(|name| folded.strip_prefix(name.as_str()));
        let shortest = rests.filter(|rest| !rest.is_empty()).min_by_key(|rest| rest.len());
        shortest.map_or_else(|| folded.clone(), str::to_owned)
    }
}
