//! Who asks many for one port within a minute, where several workers see a part of it each:
//! of a card with several queues each sees some of those asked.

use std::collections::BTreeMap;

use crate::net::HostId;
use crate::observe::SWEPT;
use crate::time::Timestamp;

/// Askers of which something is remembered; the oldest minutes make room, then the last
/// names. Who hides a sweep so is a flood himself.
const ASKERS: usize = 4096;

/// What workers said of each asker's minute.
#[derive(Default)]
pub(super) struct Sweeps(BTreeMap<(i64, HostId, u16), u64>);

impl Sweeps {
    /// What one worker saw of a minute; true when all together are many.
    pub(super) fn add(&mut self, who: HostId, port: u16, asked: u64, at: Timestamp) -> bool {
        let all = self.0.entry((at.minute(), who, port)).or_default();
        *all |= asked;
        let is_many = all.count_ones() >= SWEPT;
        if self.0.len() > ASKERS {
            self.0.pop_first();
        }
        is_many
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_minute_add_up_and_there_are_not_too_many() {
        let mut sweeps = Sweeps::default();
        let at = |second| Timestamp::new(second, 0);
        let who = HostId::default();
        assert!(!sweeps.add(who, 445, 0x3ff, at(1)), "ten");
        assert!(!sweeps.add(who, 445, 0x3ff, at(2)), "the same ten");
        assert!(!sweeps.add(who, 22, 0x3ff << 20, at(3)), "for another port");
        assert!(!sweeps.add(who, 445, 0x3ff << 20, at(60)), "in another minute");
        assert!(sweeps.add(who, 445, 0x7f << 20, at(4)), "and seven more");
        for minute in 0..10_000 {
            sweeps.add(who, 445, 1, at(minute * 60));
        }
        assert!(sweeps.0.len() <= ASKERS);
    }
}
