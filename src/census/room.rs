//! How much the census may remember in all, in bytes.

/// Bytes of facts, addresses, services, peers and descriptions of all speakers together:
/// a hospital of 20,000 devices needs some 60 MB; what a flood invents beyond this is
/// refused and counted.
pub const MAX_BYTES: usize = 128 << 20;

/// What is left of it.
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MAX_BYTES)
    }
}

impl Room {
    /// Takes so many bytes when there are so many.
    pub(super) const fn take(&mut self, bytes: usize) -> bool {
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }

    /// Takes them for what is there already, whether there is room or not.
    pub(super) const fn fill(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes);
    }

    /// Gives back what is no longer kept.
    pub(super) fn free(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(bytes).min(MAX_BYTES);
    }

    #[cfg(test)]
    pub(super) const fn of(bytes: usize) -> Self {
        Self(bytes)
    }

    #[cfg(test)]
    pub(super) const fn taken_since(&self, later: &Self) -> usize {
        self.0.saturating_sub(later.0)
    }
}
