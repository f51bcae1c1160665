//! The addresses of one card.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Addresses in order; most cards have one, for which a tree would be a hundred times its
/// size.
pub(in crate::census::asset) enum Few {
    One(IpAddr),
    More(BTreeSet<IpAddr>),
}

impl Few {
    pub(in crate::census::asset) fn insert(&mut self, ip: IpAddr) {
        match self {
            Self::One(one) if *one == ip => {}
            Self::One(one) => *self = Self::More([*one, ip].into()),
            Self::More(all) => {
                all.insert(ip);
            }
        }
    }

    pub(in crate::census::asset) fn contains(&self, ip: IpAddr) -> bool {
        match self {
            Self::One(one) => *one == ip,
            Self::More(all) => all.contains(&ip),
        }
    }

    pub(in crate::census::asset) fn iter(&self) -> impl Iterator<Item = &IpAddr> {
        let (one, more) = match self {
            Self::One(one) => (Some(one), None),
            Self::More(all) => (None, Some(all)),
        };
        one.into_iter().chain(more.into_iter().flatten())
    }
}
