//! Who spoke lately, and what was said of them: what was said a moment ago is not said
//! again. Only what passes here is copied to the heap.
//!
//! All that is remembered of a speaker lies side by side, so that one question to memory
//! answers all questions of a packet, and can be asked ahead of time: [`Seen::ask`].

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use super::asked::Asked;
use super::limits::{PRESENT_EVERY, REPEAT_AFTER, SEEN_SPEAKERS};
use super::pieces::Pieces;
use super::{minute, second};
use crate::net::{HostId, Segment};
use crate::observe::{Observation, Observed};
use crate::time::{SECOND, Timestamp};
use crate::wire::capture::ask_for;

/// Things remembered that were said of one speaker.
const THINGS: usize = 20;

/// Traces of work as it was told, remembered of one speaker. Apart from the others: an
/// analyzer tells results by the dozen, and what it says of itself is still to be known.
const USES: usize = 4;

/// Seconds after which a claim is no copy of the one before.
const A_MOMENT: u64 = 2;

/// Seconds in which all speakers are looked at once.
const ROUND: usize = 64;

/// Speakers whose memory is asked for together: a small network takes little of it.
const BLOCK: usize = ROUND;

/// A fingerprint of what was said, and below it the second of that.
#[derive(Clone, Copy, Default)]
pub(super) struct Thing(u64);

/// Bits of the second: half a year goes by before one is taken for another.
const TIME: u32 = 24;
const SECONDS: u64 = (1 << TIME) - 1;

impl Thing {
    fn new(print: u64, second: u32) -> Self {
        Self((print & !SECONDS) | (u64::from(second) & SECONDS))
    }

    const fn is(self, print: u64) -> bool {
        (self.0 ^ print) >> TIME == 0
    }

    /// Seconds between it and now, whichever came first: a clock that stepped back far is
    /// a new time, not an old one.
    fn age(self, second: u32) -> u64 {
        let after = u64::from(second).wrapping_sub(self.0) & SECONDS;
        after.min(self.0.wrapping_sub(u64::from(second)) & SECONDS)
    }
}

/// One speaker, in four cache lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Speaker {
    host: HostId,
    /// Second at which it was last said to be there; 0 for never.
    said: u32,
    /// Second at which anything was last asked of it.
    asked: u32,
    /// Times to live with which it was said to be there; 0 for none.
    ttls: [u8; 4],
    /// When it was there since, which is still to be said.
    last: Option<Timestamp>,
    things: [Thing; THINGS],
    uses: [Thing; USES],
}

impl Speaker {
    const NOBODY: Self = Self {
        host: HostId {
            segment: Segment { sensor: 0, vlan: 0, inner_vlan: 0, vni: 0 },
            mac: None,
            ip: None,
        },
        said: 0,
        asked: 0,
        ttls: [0; 4],
        last: None,
        things: [Thing(0); THINGS],
        uses: [Thing(0); USES],
    };

    /// Was there at this time, which is said later.
    fn was_there(&mut self, at: Timestamp) {
        if second(at) > self.said {
            self.last = self.last.max(Some(at));
        }
    }

    /// Says when it was last there, if that is still to be said.
    fn last_word(&mut self, out: &mut Vec<Observation>) {
        if let Some(at) = self.last.take() {
            self.said = second(at);
            let what = Observed::Present(None);
            out.push(Observation { at, frame: 0, host: self.host, what });
        }
    }
}

/// Whether this is not among the things, or is as old as `period`, in seconds; then it
/// takes its own place, or that of the oldest.
pub(super) fn remember(things: &mut [Thing], print: u64, now: u32, period: u64) -> bool {
    let fresh = Thing::new(print, now);
    if let Some(thing) = things.iter_mut().find(|thing| thing.is(print)) {
        let is_old = thing.age(now) >= period;
        if is_old {
            *thing = fresh;
        }
        return is_old;
    }
    if let Some(oldest) = things.iter_mut().max_by_key(|thing| thing.age(now)) {
        *oldest = fresh;
    }
    true
}

/// See the module.
pub(super) struct Seen {
    /// Each stands in one of two places, both of one block. None of those that nobody
    /// ever stood in.
    blocks: Vec<Option<Box<[Speaker]>>>,
    hasher: FixedState,
    mask: usize,
    /// Who is looked at next for a last word, and the second of the last look.
    hand: usize,
    looked: u32,
    /// Whether names of users may pass: only where the site has asked for them.
    pub(super) users: bool,
    /// Questions that wait for their answers.
    pub(super) asked: Asked,
    /// Work at equipment of which others tell.
    pub(super) pieces: Pieces,
}

impl Seen {
    /// For an engine with room for so many flows.
    pub(super) fn new(flows: usize) -> Self {
        let many = flows.checked_next_power_of_two().unwrap_or(SEEN_SPEAKERS);
        let many = many.clamp(ROUND, SEEN_SPEAKERS);
        Self {
            blocks: (0..many / BLOCK).map(|_| None).collect(),
            hasher: FixedState::default(),
            mask: many.saturating_sub(1),
            hand: 0,
            looked: 0,
            users: false,
            asked: Asked::default(),
            pieces: Pieces::default(),
        }
    }

    fn home(&self, host: &HostId) -> usize {
        usize::try_from(self.hasher.hash_one(host)).unwrap_or_default() & self.mask
    }

    /// Asks what is remembered of a speaker into the cache.
    pub(super) fn ask(&self, host: &HostId) {
        let home = self.home(host);
        if let Some(speaker) = self.block(home).and_then(|block| block.get(home % BLOCK)) {
            ask_for(speaker);
        }
    }

    fn block(&self, at: usize) -> Option<&[Speaker]> {
        self.blocks.get(at / BLOCK)?.as_deref()
    }

    fn get_mut(&mut self, at: usize) -> Option<&mut Speaker> {
        self.blocks.get_mut(at / BLOCK)?.as_deref_mut()?.get_mut(at % BLOCK)
    }

    /// What is remembered of a speaker, if anything.
    fn known(&mut self, host: &HostId) -> Option<&mut Speaker> {
        let home = self.home(host);
        let block = self.blocks.get_mut(home / BLOCK)?.as_deref_mut()?;
        let home = home % BLOCK;
        let is = |at: &usize| block.get(*at).is_some_and(|it| it.host == *host);
        let at = [home, home ^ 1].into_iter().find(is)?;
        block.get_mut(at)
    }

    /// The same; who is new takes the place of who was asked of longest ago.
    fn place(
        &mut self,
        host: &HostId,
        now: u32,
        out: &mut Vec<Observation>,
    ) -> Option<&mut Speaker> {
        let home = self.home(host);
        let block = self.blocks.get_mut(home / BLOCK)?;
        let block = block.get_or_insert_with(|| vec![Speaker::NOBODY; BLOCK].into_boxed_slice());
        let home = home % BLOCK;
        let (first, second) = (block.get(home)?, block.get(home ^ 1)?);
        let (at, is_new) = if first.host == *host {
            (home, false)
        } else if second.host == *host {
            (home ^ 1, false)
        } else if first.asked <= second.asked {
            (home, true)
        } else {
            (home ^ 1, true)
        };
        let speaker = block.get_mut(at)?;
        if is_new {
            speaker.last_word(out);
            *speaker = Speaker { host: *host, ..Speaker::NOBODY };
        }
        speaker.asked = now;
        Some(speaker)
    }

    /// Whether this is worth saying of a speaker now; remembers that it was said.
    pub(super) fn is_news(
        &mut self,
        host: &HostId,
        what: impl Hash,
        at: Timestamp,
        out: &mut Vec<Observation>,
    ) -> bool {
        let (print, now) = (self.hasher.hash_one(what), second(at));
        let Some(speaker) = self.place(host, now, out) else { return true };
        let period = u64::try_from(REPEAT_AFTER / SECOND).unwrap_or(0);
        remember(&mut speaker.things, print, now, period)
    }

    /// Whether this was not yet said of a speaker in this minute of the clock; remembers
    /// that it was.
    pub(super) fn is_news_of_minute(
        &mut self,
        host: &HostId,
        what: impl Hash,
        at: Timestamp,
        out: &mut Vec<Observation>,
    ) -> bool {
        let (print, now) = (self.hasher.hash_one(what), second(at));
        let Some(speaker) = self.place(host, now, out) else { return true };
        let begun = u64::from(now % PRESENT_EVERY);
        remember(&mut speaker.uses, print, now, begun.saturating_add(1))
    }

    /// The same of a claim, which is told once more in the minute when it is made again
    /// a moment later: a single packet is nobody's word.
    pub(super) fn is_news_of_claim(
        &mut self,
        host: &HostId,
        what: impl Hash,
        at: Timestamp,
        out: &mut Vec<Observation>,
    ) -> bool {
        let (print, now) = (self.hasher.hash_one(what), second(at));
        let Some(speaker) = self.place(host, now, out) else { return true };
        let period = u64::from(now % PRESENT_EVERY).saturating_add(1);
        let said = speaker.uses.iter().find(|thing| thing.is(print)).map(|thing| thing.age(now));
        remember(&mut speaker.uses, print, now, period)
            || said.is_some_and(|age| age >= A_MOMENT)
                && remember(&mut speaker.uses, !print, now, period)
    }

    /// A speaker sent something: says so the first time in each minute of the clock, and
    /// when it comes with another time to live.
    pub(super) fn present(
        &mut self,
        host: HostId,
        ttl: Option<u8>,
        (at, frame): (Timestamp, u64),
        out: &mut Vec<Observation>,
    ) {
        let now = second(at);
        let Some(speaker) = self.place(&host, now, out) else { return };
        let is_known = ttl.is_none_or(|ttl| speaker.ttls.contains(&ttl));
        // A packet that was overtaken at the turn of a minute belongs to the one before,
        // in which others mostly came; an older one is of a clock that was set back.
        let lately = matches!(minute(speaker.said).checked_sub(minute(now)), Some(0 | 1));
        if speaker.said != 0 && is_known && lately {
            speaker.was_there(at);
            return;
        }
        if let (Some(ttl), false) = (ttl, is_known) {
            let [a, b, c, _] = speaker.ttls;
            speaker.ttls = [ttl, a, b, c];
        }
        (speaker.said, speaker.last) = (now, None);
        out.push(Observation { at, frame, host, what: Observed::Present(ttl) });
    }

    /// A speaker was there until this time.
    pub(super) fn was_there(&mut self, host: HostId, at: Timestamp, out: &mut Vec<Observation>) {
        match self.known(&host) {
            Some(speaker) => speaker.was_there(at),
            None => {
                out.push(Observation { at, frame: 0, host, what: Observed::Present(None) });
            }
        }
    }

    /// Time goes on: who was not said to be there for a while, but was, is now.
    pub(super) fn advance(&mut self, at: Timestamp, out: &mut Vec<Observation>) {
        let now = second(at);
        let passed = usize::try_from(now.abs_diff(self.looked)).unwrap_or(ROUND);
        self.looked = now;
        let some = (self.mask.saturating_add(1) / ROUND).saturating_mul(passed.clamp(1, ROUND));
        for _ in 0..some {
            self.hand = self.hand.saturating_add(1) & self.mask;
            if let Some(speaker) = self.get_mut(self.hand)
                && now.abs_diff(speaker.said) >= PRESENT_EVERY
            {
                speaker.last_word(out);
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.blocks.fill_with(|| None);
        self.asked.clear();
        self.pieces = Pieces::default();
        (self.hand, self.looked) = (0, 0);
    }

    /// Nothing more comes: what is still to be said is said.
    pub(super) fn finish(&mut self, out: &mut Vec<Observation>) {
        let speakers = self.blocks.iter_mut().flatten().flatten();
        speakers.for_each(|speaker| speaker.last_word(out));
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::net::Mac;
    use crate::observe::Key;

    fn card(n: u8) -> HostId {
        HostId { mac: Some(Mac([2, 0, 0, 0, 0, n])), ..HostId::default() }
    }

    const fn at(second: i64) -> Timestamp {
        Timestamp::new(second, 0)
    }

    #[test]
    fn a_claim_that_is_made_again_is_told_once_more_in_its_minute() {
        let (mut seen, mut out) = (Seen::new(1), Vec::new());
        let mut told =
            |second, what: u8| seen.is_news_of_claim(&card(1), what, at(second), &mut out);
        let of_one: Vec<bool> = [600, 601, 602, 604, 659].map(|it| told(it, 1)).into();
        assert_eq!(of_one, [true, false, true, false, false]);
        assert!(told(659, 2) && told(660, 1) && !told(661, 1) && told(665, 1) && !told(669, 1));
        assert!(told(700, 2) && !told(701, 2));
    }

    #[test]
    fn repeats_are_dropped_for_a_while() {
        let (mut seen, mut out) = (Seen::new(1), Vec::new());
        let fact = |value| Observed::Fact(Key::new("a.b"), Cow::Borrowed(value));
        let after = REPEAT_AFTER / SECOND;
        let mut news = |value, second| seen.is_news(&card(1), fact(value), at(second), &mut out);
        assert!(news("x", 1000));
        assert!(!news("x", 999 + after));
        assert!(news("y", 1001));
        assert!(news("x", 1000 + after));
        assert!(!news("x", 1001), "a small step back");
        assert!(news("x", 1), "another time");
        assert_eq!(out, []);
    }

    #[test]
    fn the_longest_said_is_forgotten_first() {
        let (mut seen, mut out) = (Seen::new(1), Vec::new());
        for n in 0..=THINGS {
            let second = 1000 + i64::try_from(n).unwrap();
            assert!(seen.is_news(&card(1), n, at(second), &mut out));
        }
        assert!(!seen.is_news(&card(1), 1_usize, at(1030), &mut out));
        assert!(seen.is_news(&card(1), 0_usize, at(1030), &mut out));
    }

    #[test]
    fn work_is_news_once_a_minute_and_drives_nothing_out() {
        let (mut seen, mut out) = (Seen::new(1), Vec::new());
        assert!(seen.is_news(&card(1), "fact", at(1000), &mut out));
        let mut news = |what, second| seen.is_news_of_minute(&card(1), what, at(second), &mut out);
        assert!(news(7, 1000));
        assert!(!news(7, 1019));
        assert!(news(8, 1019));
        assert!(news(7, 1020), "the next minute");
        assert!(!news(7, 1079));
        assert!((100..200).all(|n| news(n, 1080)));
        assert!(!seen.is_news(&card(1), "fact", at(1080), &mut out));
    }

    #[test]
    fn presence_is_said_in_each_minute_of_the_clock_and_in_the_end() {
        let (mut seen, mut out) = (Seen::new(1), Vec::new());
        for second in 1000..1130 {
            seen.present(card(1), Some(64), (at(second), 7), &mut out);
        }
        seen.was_there(card(1), at(1131), &mut out);
        seen.was_there(card(2), at(1132), &mut out);
        seen.finish(&mut out);
        let said: Vec<_> = out.iter().map(|it| (it.host, it.at.seconds(), it.frame)).collect();
        let of = |n, second, frame| (card(n), second, frame);
        let every = [of(1, 1000, 7), of(1, 1020, 7), of(1, 1080, 7)];
        assert_eq!(said, [&every[..], &[of(2, 1132, 0), of(1, 1131, 0)]].concat());
    }

    #[test]
    fn a_minute_is_the_clocks_and_a_turned_clock_is_another() {
        let (mut seen, mut out) = (Seen::new(1), Vec::new());
        // A packet late by a moment, a minute with one packet, a clock set back by hours.
        for second in [36_059, 36_060, 36_059, 36_060, 36_119, 36_120, 36_300, 60, 61] {
            seen.present(card(1), Some(64), (at(second), 1), &mut out);
        }
        let said: Vec<_> = out.iter().map(|it| it.at.seconds()).collect();
        assert_eq!(said, [36_059, 36_060, 36_120, 36_300, 60]);
    }

    #[test]
    fn another_time_to_live_is_news() {
        let (mut seen, mut out) = (Seen::new(1), Vec::new());
        for ttl in [64, 255, 64, 255, 1] {
            seen.present(card(1), Some(ttl), (at(1000), 1), &mut out);
        }
        let said: Vec<_> = out.iter().map(|it| it.what.clone()).collect();
        assert_eq!(said, [64, 255, 1].map(|ttl| Observed::Present(Some(ttl))));
    }

    #[test]
    fn who_falls_silent_gets_a_last_word_soon() {
        let (mut seen, mut out) = (Seen::new(1), Vec::new());
        for second in [1000, 1010] {
            seen.present(card(1), None, (at(second), 1), &mut out);
        }
        for second in 1011..1130 {
            seen.advance(at(second), &mut out);
        }
        assert_eq!(out.iter().map(|it| it.at.seconds()).collect::<Vec<_>>(), [1000, 1010]);
    }

    #[test]
    fn who_is_forgotten_gets_a_last_word() {
        let (mut seen, mut out) = (Seen::new(1), Vec::new());
        for second in [1000, 1001] {
            (0..=255).for_each(|n| seen.present(card(n), None, (at(second), 1), &mut out));
        }
        seen.finish(&mut out);
        for n in 0..=255 {
            let last = out.iter().filter(|it| it.host == card(n)).map(|it| it.at.seconds()).max();
            assert_eq!(last, Some(1001), "{n}");
        }
    }

    #[test]
    fn a_speaker_is_four_cache_lines() {
        assert_eq!(size_of::<Speaker>(), 256);
    }
}
