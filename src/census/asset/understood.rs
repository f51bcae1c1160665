//! What signatures say of a fact, mostly asked once a fact: thousands of hosts say the same.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::rc::Rc;

use foldhash::fast::RandomState;

use crate::census::signature::{ATTRIBUTES, Book, Match};

/// Answers remembered during one derivation, each in the one place of its fact: what many
/// say comes again soon, names that are different everywhere push each other out.
const REMEMBERED: usize = 1 << 12;

/// What a signature says of one fact.
pub(super) struct Understood<'a> {
    /// Its id.
    pub(super) signature: &'a str,
    /// Attribute, value, confidence.
    pub(super) said: Vec<(&'static str, Cow<'a, str>, f32)>,
    /// The operating system that it names.
    pub(super) context: Option<Cow<'a, str>>,
}

impl<'a> Understood<'a> {
    fn of(found: &Match<'a>) -> Self {
        let said = found
            .said()
            .filter(|(_, text, _)| !text.is_empty())
            .filter_map(|(name, text, sure)| {
                let name = ATTRIBUTES.iter().find(|known| **known == name)?;
                Some((*name, text.clone(), sure))
            })
            .collect();
        let mut said_of_it = found.said();
        let context = said_of_it.find(|(name, ..)| *name == "os_name").map(|(_, t, _)| t.clone());
        Self { signature: &found.signature.id, said, context }
    }

    /// What is wanted of it.
    pub(super) fn only(&self, wanted: impl Fn(&'static str, &str) -> bool) -> Self {
        let said = self.said.iter().filter(|(name, value, _)| wanted(name, value));
        let said = said.cloned().collect();
        Self { signature: self.signature, said, context: self.context.clone() }
    }
}

/// A fact, as key and value, and what is said of it.
type Answer<'a> = ((&'a str, &'a str), Option<Rc<Understood<'a>>>);

/// The book with answers that it gave.
pub(super) struct Reader<'a> {
    pub(super) book: &'a Book,
    answers: Vec<Option<Answer<'a>>>,
    hasher: RandomState,
}

impl<'a> Reader<'a> {
    pub(super) fn new(book: &'a Book) -> Self {
        Self { book, answers: vec![None; REMEMBERED], hasher: RandomState::default() }
    }

    /// What is said of a fact that stands alone.
    pub(super) fn alone(&mut self, key: &'a str, value: &'a str) -> Option<Rc<Understood<'a>>> {
        if !self.book.knows(key) {
            return None;
        }
        let fact = (key, value);
        let hash = usize::try_from(self.hasher.hash_one(fact) >> 32).unwrap_or_default();
        let at = hash % REMEMBERED;
        if let Some((_, answer)) = self.answers[at].as_ref().filter(|(known, _)| *known == fact) {
            return answer.clone();
        }
        let answer = self.among(key, value, &[]);
        self.answers[at] = Some((fact, answer.clone()));
        answer
    }

    /// How a fact exposes whoever says it.
    pub(super) fn exposed(&self, key: &str, value: &str) -> Option<Understood<'a>> {
        self.book.exposes(key, value).map(|found| Understood::of(&found))
    }

    /// What is said of a fact beside others of the same message.
    pub(super) fn among(
        &self,
        key: &str,
        value: &str,
        others: &[(&str, &str)],
    ) -> Option<Rc<Understood<'a>>> {
        self.book.matches(key, value, others).map(|found| Rc::new(Understood::of(&found)))
    }
}
