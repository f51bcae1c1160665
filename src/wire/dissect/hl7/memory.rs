//! What each direction sent, for the acknowledgements of the other (§2.9).

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Messages of one direction that may wait for their acknowledgement.
const MAX_WAITING: usize = 64;

/// What one direction sent, as hashes.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) waiting: VecDeque<Sent>,
}

pub(super) struct Sent {
    /// Of MSH-10.
    pub(super) control: u64,
    /// Of MSH-3 and MSH-4.
    pub(super) sender: u64,
    /// MSH-5 and MSH-6 are MSH-3 and MSH-4 again.
    pub(super) to_itself: bool,
    /// MSH-9.
    pub(super) kind: String,
}

impl Memory {
    pub(super) fn keep(&mut self, sent: Sent) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(sent);
    }
}

pub(super) fn hash(parts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}
