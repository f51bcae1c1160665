//! Questions that wait for their answers: an answer that does not say whom it is about is
//! told from its question.
//!
//! Each stands in one of two places; who is new takes the place of the older one, so a
//! flood of questions costs answers their subjects, never memory.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::limits::{ANSWER_WAIT, MAX_QUESTIONS};
use crate::time::{SECOND, Timestamp};
use crate::wire::dissect::{Exchange, Question};

/// Two ends mean the same in one routed domain of one sensor: its number and the VNI.
type Key = (u16, u32, Exchange);

/// Two threads of a card's queues may hand on an answer this much before its question.
const OVERTAKEN: i64 = -SECOND;

struct Kept {
    key: Key,
    at: Timestamp,
    nonce: u128,
    /// None once it is answered, and where it is not the only one.
    question: Option<Question>,
    /// Several asked under these ends and number at once: an answer is to any of them.
    is_disputed: bool,
}

/// See the module.
#[derive(Default)]
pub(super) struct Asked {
    /// Empty until the first question.
    places: Vec<Option<Kept>>,
    hasher: FixedState,
}

impl Asked {
    fn homes(&self, key: &Key) -> [usize; 2] {
        let mask = MAX_QUESTIONS.saturating_sub(1);
        let home = usize::try_from(self.hasher.hash_one(key)).unwrap_or_default() & mask;
        [home, home ^ 1]
    }

    fn known(&mut self, key: &Key) -> Option<&mut Kept> {
        let is = |kept: &Option<Kept>| kept.as_ref().is_some_and(|it| it.key == *key);
        let at = self.homes(key).into_iter().find(|&at| self.places.get(at).is_some_and(is))?;
        self.places.get_mut(at)?.as_mut()
    }

    /// Keeps a question. The same once more, sent again, stays answered if it was; another
    /// while one is open has no more claim to the answer than that has.
    pub(super) fn ask(&mut self, key: Key, at: Timestamp, question: Question) {
        if self.places.is_empty() {
            self.places.resize_with(MAX_QUESTIONS, || None);
        }
        let nonce = question.nonce;
        let kept = Kept { key, at, nonce, question: Some(question), is_disputed: false };
        if let Some(known) = self.known(&key) {
            let is_open = known.question.is_some() || known.is_disputed;
            let waited = at.since(known.at);
            if known.nonce == nonce {
                known.at = at;
            } else if is_open && (OVERTAKEN..ANSWER_WAIT).contains(&waited) {
                *known = Kept { question: None, is_disputed: true, ..kept };
            } else {
                *known = kept;
            }
            return;
        }
        let age = |place: &usize| self.places.get(*place)?.as_ref().map(|it| it.at);
        if let Some(place) = self.homes(&key).into_iter().min_by_key(age)
            && let Some(place) = self.places.get_mut(place)
        {
            *place = Some(kept);
        }
    }

    /// The question that is answered now; the next answer has none.
    pub(super) fn answered(&mut self, key: &Key, at: Timestamp) -> Option<Question> {
        let kept = self.known(key)?;
        let waited = at.since(kept.at);
        kept.question.take_if(|_| (OVERTAKEN..ANSWER_WAIT).contains(&waited))
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
    }
}

#[cfg(test)]
mod tests;
