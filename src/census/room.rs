//! How much the census may remember in all, in bytes.

use super::caps::Budget;

/// What is left, and what there may be.
pub(super) struct Room {
    left: usize,
    most: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: Budget::FILES.bytes, most: Budget::FILES.bytes }
    }
}

impl Room {
    /// Takes so many bytes when there are so many.
    pub(super) const fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Takes them for what is there already, whether there is room or not.
    pub(super) const fn fill(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    /// From now on there may be so many bytes, of which some are taken.
    pub(super) const fn become_of(&mut self, most: usize) {
        let taken = self.most.saturating_sub(self.left);
        (self.left, self.most) = (most.saturating_sub(taken), most);
    }

    /// Gives back what is no longer kept.
    pub(super) fn free(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes).min(self.most);
    }

    #[cfg(test)]
    pub(super) const fn of(bytes: usize) -> Self {
        Self { left: bytes, most: bytes }
    }

    #[cfg(test)]
    pub(super) const fn taken_since(&self, later: &Self) -> usize {
        self.left.saturating_sub(later.left)
    }
}
