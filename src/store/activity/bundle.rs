//! Sheets on their way from who reads them to who adds them up.

/// Bytes of sheets that are handed over at once.
pub(super) const BUNDLE: usize = 1 << 20;

/// Sheets one behind the other.
#[derive(Default)]
pub(super) struct Bundle {
    bytes: Vec<u8>,
    /// The number of each, and where it ends.
    ends: Vec<(i64, usize)>,
}

impl Bundle {
    /// Bytes of all of them.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn push(&mut self, block: i64, blob: &[u8]) {
        self.bytes.extend_from_slice(blob);
        self.ends.push((block, self.bytes.len()));
    }

    pub(super) fn each(&self, mut give: impl FnMut(i64, &[u8])) {
        let mut from = 0;
        for (block, end) in &self.ends {
            give(*block, self.bytes.get(from..*end).unwrap_or_default());
            from = *end;
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}
