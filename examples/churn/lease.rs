//! The DHCP server's pools: the lowest free address goes first, so that addresses change
//! hands, unless the client had one that is still free.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use crate::world::{Purpose, Vlan};

/// First place of a pool; below it addresses are set by hand.
const FIRST: u32 = 60;

/// A card: number of the device and of its card.
pub(crate) type Client = (usize, usize);

/// Addresses of one VLAN.
pub(crate) struct Pool {
    free: BTreeSet<u32>,
    held: HashMap<Client, (u32, u64)>,
    /// By end, in seconds.
    ends: BTreeSet<(u64, u32, Client)>,
    before: BTreeMap<Client, u32>,
}

impl Pool {
    /// With room for so many at once.
    pub(crate) fn new(size: u32) -> Self {
        Self {
            free: (FIRST..FIRST + size).collect(),
            held: HashMap::new(),
            ends: BTreeSet::new(),
            before: BTreeMap::new(),
        }
    }

    /// What it holds already, or a new address; whether it was held. None when all are.
    pub(crate) fn ask(
        &mut self,
        client: Client,
        vlan: &Vlan,
        now: u64,
    ) -> Option<(Ipv4Addr, bool)> {
        while let Some(&(end, place, old)) = self.ends.first().filter(|(end, ..)| *end < now) {
            self.ends.remove(&(end, place, old));
            self.held.remove(&old);
            self.free.insert(place);
        }
        let had = self.held.get(&client).copied();
        let place = match had {
            Some((place, end)) => {
                self.ends.remove(&(end, place, client));
                place
            }
            None => {
                let before = self.before.get(&client).copied();
                // Guests' servers forget who had what.
                let again =
                    before.filter(|at| vlan.purpose != Purpose::Guest && self.free.contains(at));
                let place = again.or_else(|| self.free.first().copied())?;
                self.free.remove(&place);
                place
            }
        };
        let end = now + vlan.lease();
        self.held.insert(client, (place, end));
        self.ends.insert((end, place, client));
        self.before.insert(client, place);
        Some((vlan.address(place), had.is_some()))
    }

    /// Given back.
    pub(crate) fn release(&mut self, client: Client) {
        if let Some((place, end)) = self.held.remove(&client) {
            self.ends.remove(&(end, place, client));
            self.free.insert(place);
        }
    }
}
