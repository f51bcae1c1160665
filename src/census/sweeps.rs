//! Who asks many: for one port, an echo, the cards of a link; within a minute, or the same
//! port of more and more within an hour or a day. Workers say whom they saw asked: of a card
//! with several queues each sees some of those. All that was said counts together, whoever
//! said it and in which order.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::net::HostId;
use crate::observe::{SWEPT, Sought, Tried};
use crate::time::{SECOND, Timestamp};

/// So many bits of those whose card was asked for: some 130 addresses, half of what a link
/// mostly has. Who serves all of a link learns fewer cards in a minute by asking to all.
const CARDS: u32 = 26;
/// An answer of eight UDP questions is a service that is there, and one that looks for it.
const ANSWERED: u32 = 8;
/// Bits of those who were asked within an hour: some 33. What runs at a start of the day tries
/// fewer servers that are no more.
const HOURS: u32 = 26;
/// The same within a day: some 63.
const DAYS: u32 = 40;
/// Steps that bring others than those before. A list that is gone through once, or again and
/// again, brings them in one, or in two across a border.
const MORE: usize = 3;

/// Who asked many had something back from somebody, be it a refusal.
const HEARD: &str = "heard";

/// Who asks for what.
type Asker = (HostId, Sought);

/// Whom askers asked, by step; as many steps as make a window that slides.
struct Window {
    step: i64,
    steps_of: i64,
    /// Askers of which a step is remembered. The oldest steps make room; then who is new is
    /// not counted. Who hides a sweep so is a flood himself.
    askers: usize,
    steps: BTreeMap<i64, HashMap<Asker, Tried, RandomState>>,
    count: usize,
}

impl Window {
    fn new(step: i64, steps_of: i64, askers: usize) -> Self {
        Self { step: step * SECOND, steps_of, askers, steps: BTreeMap::new(), count: 0 }
    }

    /// What one worker saw; gives all that is remembered of a window where that is many.
    fn add(
        &mut self,
        asker: Asker,
        tried: Tried,
        at: Timestamp,
        is_many: impl Fn(&[Tried]) -> bool,
    ) -> Option<Tried> {
        let step = at.0.div_euclid(self.step);
        if self.count >= self.askers {
            self.make_room(step);
        }
        let of_step = self.steps.entry(step).or_default();
        match of_step.get_mut(&asker) {
            Some(all) if *all | tried == *all => return None,
            Some(all) => *all = *all | tried,
            None if self.count >= self.askers => return None,
            None => {
                of_step.insert(asker, tried);
                self.count += 1;
            }
        }
        let first = step.saturating_sub(self.steps_of - 1);
        let near = self.steps.range(first..step.saturating_add(self.steps_of));
        let near: Vec<(i64, Tried)> =
            near.filter_map(|(at, of)| Some((*at, *of.get(&asker)?))).collect();
        near.iter().find_map(|(from, _)| {
            let within = near.iter().filter(|(at, _)| (0..self.steps_of).contains(&(at - from)));
            let within: Vec<Tried> = within.map(|(_, tried)| *tried).collect();
            is_many(&within).then(|| all(&within))
        })
    }

    /// Forgets the oldest step, but not this one.
    fn make_room(&mut self, step: i64) {
        if let Some(oldest) = self.steps.first_entry().filter(|it| *it.key() != step) {
            self.count = self.count.saturating_sub(oldest.remove().len());
        }
    }
}

/// Whom askers asked of late. Each asker of a step takes some 100 bytes: 13 MB when full.
pub(super) struct Sweeps {
    minute: Window,
    hour: Window,
    day: Window,
}

impl Default for Sweeps {
    fn default() -> Self {
        Self {
            // A minute begins with each of its steps: a sweep across its border is one.
            minute: Window::new(10, 6, 1 << 16),
            hour: Window::new(600, 6, 1 << 15),
            day: Window::new(3_600, 24, 1 << 15),
        }
    }
}

impl Sweeps {
    /// Others were asked for a port of TCP; true when they are many within a minute.
    pub(super) fn asks(&mut self, who: HostId, port: u16, asked: u64, at: Timestamp) -> bool {
        let tried = Tried { vain: asked, ..Tried::default() };
        let is_many = |steps: &[Tried]| all(steps).vain.count_ones() >= SWEPT;
        self.minute.add((who, Sought::Tcp(port)), tried, at, is_many).is_some()
    }

    /// Others were asked, and it is known who answered; gives the words for what is too much.
    pub(super) fn tries(
        &mut self,
        who: HostId,
        sought: Sought,
        tried: Tried,
        at: Timestamp,
    ) -> impl Iterator<Item = String> {
        let asker = (who, sought);
        let is_port = matches!(sought, Sought::Tcp(_) | Sought::Udp(_));
        // Of TCP each opening counts in the minute, whether it is answered or not.
        let is_fast = !matches!(sought, Sought::Tcp(_));
        let mut minute = || self.minute.add(asker, tried, at, |it| is_swept(sought, all(it)));
        let fast = is_fast.then(&mut minute).flatten();
        let slow = [(&mut self.hour, HOURS), (&mut self.day, DAYS)].into_iter().filter(|_| is_port);
        let slow = slow.filter_map(|(window, least)| {
            window.add(asker, tried, at, |steps| is_growing(steps, least))
        });
        let slow = slow.reduce(|all, it| all | it);
        let heard = [fast, slow].into_iter().flatten().any(|it| it.heard);
        let fast = fast.map(|_| sought.to_string());
        let slow = slow.map(|_| format!("slow {sought}"));
        fast.into_iter().chain(slow).chain(heard.then(|| HEARD.to_owned()))
    }
}

fn all(steps: &[Tried]) -> Tried {
    steps.iter().fold(Tried::default(), |all, step| all | *step)
}

/// Whether so many were asked in vain within a minute as something asks that spreads.
fn is_swept(sought: Sought, all: Tried) -> bool {
    let [vain, answered] = [all.vain, all.answered].map(u64::count_ones);
    match sought {
        Sought::Arp => vain >= CARDS,
        Sought::Echo => vain >= SWEPT,
        Sought::Tcp(_) | Sought::Udp(_) => vain >= SWEPT && answered * ANSWERED <= vain,
    }
}

/// Whether more and more were asked, two of three in vain.
fn is_growing(steps: &[Tried], least: u32) -> bool {
    let Tried { vain, answered, .. } = all(steps);
    let mut known = 0;
    let more = steps.iter().filter(|it| {
        let before = known;
        known |= it.vain;
        before != known
    });
    vain.count_ones() >= least
        && answered.count_ones() * 2 <= vain.count_ones()
        && more.count() >= MORE
}

#[cfg(test)]
mod tests;
