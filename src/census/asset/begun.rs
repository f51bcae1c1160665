//! Since when addresses are their speakers' own, and when those were first heard since.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::holding::Holdings;
use crate::census::host::{Host, Span};
use crate::net::HostId;
use crate::time::Timestamp;

/// Of those alone that are not as they seem.
#[derive(Default)]
pub(super) struct Begun {
    /// When a speaker was first heard since its address was its own, of those who are kept
    /// apart for their address may have been another's meanwhile.
    first: HashMap<(HostId, Option<Timestamp>), Timestamp, RandomState>,
    /// Since when an address was its speaker's own in truth, where a lease that does not
    /// count said otherwise.
    resumed: HashMap<(HostId, Timestamp), Option<Timestamp>, RandomState>,
}

impl Begun {
    /// Of speakers in the order of their names and times.
    pub(super) fn find<'a>(
        hosts: impl Iterator<Item = (&'a HostId, &'a Host)>,
        holdings: &Holdings,
    ) -> Self {
        let mut it = Self::default();
        let mut before: Option<(&HostId, Option<Timestamp>, Span)> = None;
        for (id, host) in hosts {
            let same = before.filter(|it| it.0 == id);
            let last = same.map_or(host.span.first, |it| it.2.last);
            let is_none =
                |at| id.ip.is_some_and(|ip| holdings.is_no_move(id.segment, ip, (last, at)));
            let since = match host.since {
                Some(at) if is_none(at) => {
                    let since = same.and_then(|it| it.1);
                    it.resumed.insert((*id, at), since);
                    since
                }
                since => since,
            };
            let mut span = host.span;
            if let Some((.., earlier)) = same.filter(|it| it.1 == since) {
                span.first = earlier.first;
                it.first.insert((*id, since), earlier.first);
            }
            before = Some((id, since, span));
        }
        it
    }

    /// Since when the address is this speaker's own, and when it was first heard since.
    pub(super) fn of(&self, id: &HostId, host: &Host) -> (Option<Timestamp>, Timestamp) {
        let resumed = host.since.and_then(|since| self.resumed.get(&(*id, since)));
        let since = resumed.copied().unwrap_or(host.since);
        let first = self.first.get(&(*id, since)).copied();
        (since, first.unwrap_or(host.span.first))
    }
}
