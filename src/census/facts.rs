//! The facts of one speaker, sorted, with a word that says at once of most keys that
//! nothing is said under them: nearly all questions are about what was never said.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::host::{Fact, make_room};

/// Sorted by key and value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    all: Vec<Fact>,
    /// A bit for each key that is there, see [`bit`]; others may share it.
    keys: u64,
}

/// Where a fact is, or where it would be.
pub(super) type Place = Result<usize, usize>;

impl Facts {
    pub(super) const fn new() -> Self {
        Self { all: Vec::new(), keys: 0 }
    }

    pub(super) fn all(&self) -> &[Fact] {
        &self.all
    }

    pub(super) const fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Fact> {
        self.all.get_mut(at)
    }

    pub(super) fn place(&self, key: &str, value: &str) -> Place {
        self.all.binary_search_by(|fact| {
            fact.key.as_str().cmp(key).then_with(|| (*fact.value).cmp(value))
        })
    }

    pub(super) fn insert(&mut self, at: usize, fact: Fact) {
        make_room(&mut self.all);
        self.keys |= bit(fact.key.as_str());
        self.all.insert(at, fact);
    }

    /// Everything said under a key, by value.
    pub(super) fn of(&self, key: &str) -> &[Fact] {
        if self.keys & bit(key) == 0 {
            return &[];
        }
        let from = self.all.partition_point(|fact| fact.key.as_str() < key);
        let all = self.all.get(from..).unwrap_or_default();
        let many = all.partition_point(|fact| fact.key.as_str() == key);
        all.get(..many).unwrap_or_default()
    }

    /// Whether anything is said under a key that begins so.
    pub(super) fn say(&self, beginning: &str) -> bool {
        let from = self.all.partition_point(|fact| fact.key.as_str() < beginning);
        self.all.get(from).is_some_and(|fact| fact.key.as_str().starts_with(beginning))
    }

    /// Keeps those that are wanted.
    pub(super) fn retain(&mut self, wanted: impl Fn(&Fact) -> bool) {
        self.all.retain(wanted);
        self.keys = keys(&self.all);
    }
}

/// The bit of a key: of its length and three of its letters, which is enough to tell most
/// keys apart and takes no time.
fn bit(key: &str) -> u64 {
    let letters = key.as_bytes();
    let letter = |at: usize| letters.get(at).copied().map_or(0, usize::from);
    let length = letters.len();
    let sum = length.wrapping_mul(29)
        ^ letter(0)
        ^ letter(length / 2).wrapping_mul(5)
        ^ letter(length.wrapping_sub(2)).wrapping_mul(11);
    1 << (sum % 64)
}

fn keys(all: &[Fact]) -> u64 {
    all.iter().fold(0, |keys, fact| keys | bit(fact.key.as_str()))
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.all.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let all = Vec::deserialize(from)?;
        let keys = keys(&all);
        Ok(Self { all, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::host::{Evidence, Said};
    use crate::observe::Key;
    use crate::time::Timestamp;

    #[test]
    fn what_is_said_is_found_and_nothing_else_also_when_it_was_stored() {
        let said = Said::new(Timestamp(0), Evidence { capture: 0, frame: 1 });
        let keys = ["dhcp.fqdn", "smb.hostname", "ntlm.workstation", "x", ""];
        let mut facts = Facts::new();
        for (key, value) in keys.iter().flat_map(|key| [(*key, "b"), (*key, "a")]) {
            let at = facts.place(key, value).unwrap_err();
            facts.insert(at, Fact { key: Key::new(key), value: value.into(), said });
        }
        let stored = postcard::from_bytes(&postcard::to_stdvec(&facts).unwrap()).unwrap();
        assert_eq!(facts, stored);
        for facts in [&facts, &stored] {
            for key in keys {
                assert!(facts.of(key).iter().map(|fact| &*fact.value).eq(["a", "b"]), "{key}");
            }
            assert!(facts.of("dhcp.fqdm").is_empty() && facts.of("smb").is_empty());
            assert!(facts.say("smb.") && !facts.say("sme"));
        }
        facts.retain(|fact| fact.key.as_str() == "x");
        assert!(facts.of("smb.hostname").is_empty() && facts.of("x").len() == 2);
    }
}
