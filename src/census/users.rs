//! Who last logged on at a host: only where the site has asked for it, and not for longer
//! than it has said.

use super::{Census, Host};
use crate::observe::LAST_USER;
use crate::time::{SECOND, Timestamp};

impl Census {
    /// Remembers who logs on for so many days, or not at all; what is older, counted from
    /// the newest packet, is forgotten now.
    pub fn keep_users(&mut self, days: Option<u32>) {
        self.users = days.map(|days| i64::from(days) * 24 * 3600 * SECOND);
        self.forget_users();
    }

    /// Whether it remembers who logs on.
    #[must_use]
    pub const fn keeps_users(&self) -> bool {
        self.users.is_some()
    }

    /// Forgets users that have not been seen for longer than they may be remembered.
    pub fn forget_users(&mut self) {
        let since = self.users_since();
        for (_, host) in &mut self.hosts {
            if let Some(freed) = host.forget(LAST_USER.as_str(), since) {
                self.room.free(freed);
            }
        }
    }

    /// Users seen before this are to be forgotten.
    pub(super) fn users_since(&self) -> Timestamp {
        let newest = self.hosts.iter().map(|(_, host)| host.span.last.0).max().unwrap_or(0);
        match self.users {
            Some(for_long) => Timestamp(newest.saturating_sub(for_long)),
            None => Timestamp(i64::MAX),
        }
    }
}

/// Who last logged on at one of these speakers since a time.
pub(super) fn last<'a>(hosts: impl Iterator<Item = &'a Host>, since: Timestamp) -> Option<&'a str> {
    let facts = hosts.flat_map(|host| host.facts_of(LAST_USER.as_str()));
    let fresh = facts.filter(|fact| fact.said.span.last >= since);
    fresh.max_by_key(|fact| (fact.said.span.last, &fact.value)).map(|fact| &*fact.value)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use super::*;
    use crate::census::signature::Book;
    use crate::net::{HostId, Mac};
    use crate::observe::{Observation, Observed};

    const DAY: i64 = 24 * 3600 * SECOND;

    fn census(days: Option<u32>, said: &[(i64, &'static str)]) -> Census {
        let mut census = Census::new(Arc::clone(Book::builtin()));
        census.keep_users(days);
        let host = HostId { mac: Some(Mac([0, 1, 2, 3, 4, 5])), ..HostId::default() };
        for (day, name) in said {
            for what in [Observed::Present(None), Observed::Fact(LAST_USER, Cow::Borrowed(name))] {
                let at = Timestamp(day * DAY);
                census.apply(0, Observation { at, frame: 1, host, what });
            }
        }
        census
    }

    fn user(census: &Census) -> Option<&str> {
        census.assets().first().and_then(|asset| asset.last_user)
    }

    #[test]
    fn only_where_it_is_asked_for() {
        let said = &[(0, "CANARY-a"), (1, "CANARY-b")];
        let off = census(None, said);
        assert_eq!((user(&off), format!("{:?}", off.assets()).contains("CANARY")), (None, false));
        assert!(off.hosts().all(|(_, host)| host.facts().is_empty()), "not remembered at all");
        assert_eq!(user(&census(Some(30), said)), Some("CANARY-b"));
    }

    #[test]
    fn and_not_for_longer_than_said() {
        let mut it = census(Some(30), &[(0, "CANARY-a")]);
        let host = HostId { mac: Some(Mac([0, 1, 2, 3, 4, 6])), ..HostId::default() };
        let at = Timestamp(31 * DAY);
        it.apply(0, Observation { at, frame: 2, host, what: Observed::Present(None) });
        assert_eq!(user(&it), None, "not shown");
        it.forget_users();
        assert!(it.hosts().all(|(_, host)| host.facts().is_empty()), "nor remembered");
        let mut off = census(Some(30), &[(0, "CANARY-a")]);
        off.keep_users(None);
        assert!(off.hosts().all(|(_, host)| host.facts().is_empty()), "once turned off");
    }
}
