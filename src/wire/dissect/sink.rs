//! What dissectors say goes here.

use std::borrow::Cow;

use super::{Exchange, Question, Who};
use crate::observe::{Arrival, Key, Observed, Piece, Sign, Study, Use, When, Work};
use crate::time::{SECOND, Timestamp};

/// Takes what dissectors say. Text is cleaned behind it; empty text is dropped.
pub trait Sink {
    /// One observation.
    fn observe(&mut self, who: Who, what: Observed<'_>);

    /// A fact, the most common observation.
    fn fact(&mut self, who: Who, key: &Key, value: &str) {
        self.observe(who, Observed::Fact(key.clone(), Cow::Borrowed(value)));
    }

    /// The account that a person logs on with at this host. Dropped unless the site
    /// has asked for it: the one thing about people that a dissector may hand over.
    fn user(&mut self, who: Who, name: &str) {
        let _ = (who, name);
    }

    /// Time of the packet that is being read; 1970 where nobody tells.
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    /// A question whose answer will not say whom it is about: kept until it is answered,
    /// or for a while.
    fn ask(&mut self, exchange: Exchange, question: Question) {
        let _ = (exchange, question);
    }

    /// The question that this answers, once.
    fn answered(&mut self, exchange: &Exchange) -> Option<Question> {
        let _ = exchange;
        None
    }

    /// A person works at this host now: a logon, a remote session. Who it is stays untold.
    fn session(&mut self, who: Who) {
        self.work(who, Work::Session, Study::UNTOLD, When::Now);
    }

    /// This host has been running for so many nanoseconds, as this sign says.
    fn running(&mut self, who: Who, nanos: i64, sign: Sign) {
        let since = self.now().plus(nanos.saturating_neg()).plus(SECOND / 2);
        self.observe(who, Observed::Booted(Timestamp::new(since.seconds(), 0), sign));
    }

    /// The firmware of this host looks for a system on the network, now.
    fn boots(&mut self, who: Who, sign: Sign) {
        let now = Timestamp::new(self.now().seconds(), 0);
        self.observe(who, Observed::Booted(now, sign));
    }

    /// This host does what is done when a network comes up.
    fn arrives(&mut self, who: Who, how: Arrival) {
        self.observe(who, Observed::Arrives(how));
    }

    /// Work at this host that belongs to a study, an order or a specimen, or to nothing
    /// known.
    fn work(&mut self, who: Who, work: Work, study: Study, when: When) {
        let step = Study::UNTOLD;
        self.observe(who, Observed::Use(Use { work, study, step, when }));
    }

    /// Work at equipment that this host describes by these facts, whoever's it is.
    fn work_of(&mut self, who: Who, facts: &[(Key, Cow<'_, str>)], work: Work, when: When) {
        let piece = Piece::of(facts.iter().map(|(key, value)| (key.as_str(), &**value)));
        self.observe(who, Observed::UseOf(piece, work, when));
    }
}
