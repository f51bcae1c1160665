//! In which segments the addresses of a neighbourhood are used, and by how many.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::super::address::neighbourhood;
use crate::census::tenancy::{Domain, domain};
use crate::net::{Mac, Segment};

/// Segments of one neighbourhood that are told apart.
const MOST: usize = 256;
/// Cards of one street that are counted.
const MANY: usize = 4;
/// So many others who are more than a word are enough, however many live elsewhere.
const ENOUGH: usize = 2;

/// What is known of a card in a street.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// It has said that it has an address there.
    Says,
    /// It has done so for long, or speaks under it.
    Stays,
}

/// Cards that hold addresses of one neighbourhood, in one segment: the first of each kind.
struct Street {
    segment: Segment,
    says: Vec<Mac>,
    stays: Vec<Mac>,
}

impl Street {
    /// How many others are known of it, those who stay, or anybody.
    fn others(&self, mac: Mac, who: Who) -> usize {
        let all = if who == Who::Stays { &self.stays } else { &self.says };
        all.iter().filter(|it| **it != mac).count()
    }
}

/// All neighbourhoods.
#[derive(Default)]
pub(super) struct Streets(HashMap<(Domain, IpAddr), Vec<Street>, RandomState>);

impl Streets {
    /// A card of this segment has an address of this neighbourhood.
    pub(super) fn lives_in(&mut self, (segment, mac): (Segment, Mac), ip: IpAddr, who: Who) {
        let key = (domain(segment), neighbourhood(ip));
        let all = self.0.entry(key).or_insert_with(|| Vec::with_capacity(1));
        let place = match all.iter().position(|it| it.segment == segment) {
            Some(place) => place,
            None if all.len() >= MOST => return,
            None => {
                all.push(Street { segment, says: Vec::with_capacity(1), stays: Vec::new() });
                all.len() - 1
            }
        };
        let Some(street) = all.get_mut(place) else { return };
        let add = |all: &mut Vec<Mac>| {
            if all.len() <= MANY && !all.contains(&mac) {
                all.push(mac);
            }
        };
        add(&mut street.says);
        if who == Who::Stays {
            add(&mut street.stays);
        }
    }

    /// Whether others who stay in the segment of a card have addresses like this one; none
    /// where nobody has, but several in another segment do. Who has only said so is no
    /// neighbour: anybody can say it of any card.
    pub(super) fn neighbours(&self, (segment, mac): (Segment, Mac), ip: IpAddr) -> Option<bool> {
        let key = (domain(segment), neighbourhood(ip));
        let all = self.0.get(&key).map_or(&[][..], Vec::as_slice);
        let count = |here: bool, who| {
            let those = all.iter().filter(|street| (street.segment == segment) == here);
            those.map(|street| street.others(mac, who)).max().unwrap_or_default()
        };
        let (stay, stay_elsewhere) = (count(true, Who::Stays), count(false, Who::Stays));
        if stay > 0 && stay >= stay_elsewhere.min(ENOUGH) {
            return Some(true);
        }
        // Where nobody is more than a word, a word is enough not to be elsewhere.
        let says = stay_elsewhere == 0 && count(true, Who::Says) > 0;
        (says || count(false, Who::Says) < 2).then_some(false)
    }
}
