//! Whether images are sent when they are made: a scanner does that, an archive sends also what
//! was made long ago. Of the times nothing is kept.

use crate::observe::{FRESH, OLDER, Use, When, Work};
use crate::time::{SECOND, Timestamp};

/// Seconds: clocks of devices tell no zone, and are set by hand; studies are sent at night.
const DAY: i64 = 24 * 3600;
const NEXT_DAY: i64 = -DAY;
/// From here on nobody has waited for the end of the study.
const LONG_AGO: i64 = 3 * DAY;

/// What a trace of work says of the age of an image that was sent then; nothing where its time
/// is between the two, in the future, or not told.
pub(super) fn age(it: &Use, at: Timestamp) -> Option<&'static str> {
    let made = match (it.work, it.when) {
        (Work::Image, When::Told { to, .. }) => Timestamp(to.saturating_mul(SECOND)),
        (Work::Image, When::Between(_, to)) => to,
        _ => return None,
    };
    match at.since(made).div_euclid(SECOND) {
        NEXT_DAY..=DAY => Some(FRESH),
        LONG_AGO.. => Some(OLDER),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Study;

    #[test]
    fn an_image_is_fresh_or_older_or_neither() {
        const NOW: i64 = 1_800_000_000;
        let told = |work, when| {
            let it = Use { work, study: Study::UNTOLD, step: Study::UNTOLD, when };
            age(&it, Timestamp::new(NOW, 0))
        };
        let made = |ago: i64| When::Told { from: NOW - ago, to: NOW - ago, offset: None };
        for (ago, age) in [
            (60, Some(FRESH)),
            (-9 * 3600, Some(FRESH)),
            (DAY + 1, None),
            (LONG_AGO, Some(OLDER)),
            (400 * DAY, Some(OLDER)),
            (-2 * DAY, None),
        ] {
            assert_eq!(told(Work::Image, made(ago)), age, "{ago}");
        }
        assert_eq!(told(Work::Result, made(60)), None);
        assert_eq!(told(Work::Image, When::Unreadable), None);
        let far = When::Told { from: i64::MIN, to: i64::MIN, offset: None };
        assert_eq!(told(Work::Image, far), Some(OLDER));
    }
}
