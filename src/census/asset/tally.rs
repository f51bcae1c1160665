//! How many devices of which kind.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::Asset;
use crate::census::Census;

/// Devices by the category and class that are shown of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those on the Internet.
    pub external: usize,
    /// The others: category (`unknown` for none), class (`other` for none), how many.
    pub kinds: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Tally {
    /// Of all that is known.
    #[must_use]
    pub fn of(census: &Census) -> Self {
        let mut tally = Self::default();
        let Ok(()) = census.derive(|asset| {
            tally.add(&asset);
            Ok::<(), Infallible>(())
        });
        tally
    }

    /// One more.
    pub fn add(&mut self, asset: &Asset<'_>) {
        if asset.external {
            self.external += 1;
            return;
        }
        let category = asset.shown("device_category");
        let category = category.first().map_or("unknown", |c| &c.value);
        let class = asset.shown("device_class");
        let class = class.first().map_or("other", |c| &c.value);
        if let Some(n) = self.kinds.get_mut(category).and_then(|of| of.get_mut(class)) {
            *n += 1;
        } else {
            let of = self.kinds.entry(category.to_owned()).or_default();
            of.insert(class.to_owned(), 1);
        }
    }

    /// How many are not on the Internet.
    #[must_use]
    pub fn local(&self) -> usize {
        self.kinds.values().flat_map(BTreeMap::values).sum()
    }
}
