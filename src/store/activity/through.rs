//! Work of which others tell: a gateway of the monitors behind it, middleware of its
//! analysers. Its minutes are rows under a name of their own, of who tells and of what it
//! describes, so that whose they are is found out when days are made.

use sha2::{Digest as _, Sha256};

use super::basis::Basis;
use super::turn::Turn;
use super::{Speaker, Unsaved};
use crate::census::Census;
use crate::census::activity::Method;
use crate::census::activity::method::{FARTHEST_REPORT, LONGEST_REPORT, REGULAR};
use crate::census::asset::Asset;
use crate::net::HostId;
use crate::observe::Piece;
use crate::time::minutes::Minutes;

/// Some of what was counted is told by others. Among the codes of methods.
pub(super) const THROUGH: u8 = 32;

/// By what the work of described equipment is told: a gateway may call the values of a monitor
/// results, and what it is decides what they are.
pub(super) const TOLD: [Method; 2] = [Method::Results, Method::Vitals];

/// Reports that are looked at for the one after another: values of their own times lie between.
const BETWEEN: usize = 4;

/// The name of rows of what one tells of a piece of equipment, as [`super::speaker`] makes
/// those of speakers.
pub(super) fn speaker(id: &HostId, piece: Piece) -> Speaker {
    let name = postcard::to_stdvec(&(id, piece)).unwrap_or_default();
    let digest = Sha256::digest(name);
    digest.iter().take(8).fold(0, |key, byte| key << 8 | i64::from(*byte))
}

/// Which parts of what others tell are of an asset, each with the first and the last minute of
/// it.
pub(super) fn turns(asset: &Asset<'_>, census: &Census) -> Vec<(Turn, (i64, i64))> {
    let of = asset.through.iter().map(|it| {
        let told = (it.span.first.minute(), it.span.last.minute());
        (Turn::of(it.id, it.host, census).0.named(speaker(it.id, it.piece)), told)
    });
    super::turn::united(of.collect())
}

/// What is new of described equipment may turn a report into one of several that are regular.
pub(super) fn reaching(it: Unsaved) -> Unsaved {
    let (from, to) = it.new;
    Unsaved {
        new: (from.saturating_sub(FARTHEST_REPORT), to.saturating_add(FARTHEST_REPORT)),
        ..it
    }
}

/// Whether this is counted of what others tell.
pub(super) fn counts(method: Method) -> bool {
    TOLD.contains(&method)
}

/// How a trace that others tell is called where each is shown.
pub(super) const fn name(method: Method) -> &'static str {
    match method {
        Method::Results => "results (seen through)",
        _ => "vitals (seen through)",
    }
}

/// Minutes of work of which others tell, within a stretch, as `minutes` gives those of turns and
/// a kind; none when some are not as they were written.
pub(super) fn through<E>(
    basis: &Basis,
    method: Method,
    (from, to): (i64, i64),
    mut minutes: impl FnMut(&[Turn], u8, (i64, i64)) -> Result<Option<Minutes>, E>,
) -> Result<Option<Minutes>, E> {
    let mut all = Minutes::default();
    if basis.told.is_empty() || !counts(method) {
        return Ok(Some(all));
    }
    let stretch = (from.saturating_sub(FARTHEST_REPORT), to.saturating_add(FARTHEST_REPORT));
    for method in TOLD {
        let Some(traces) = minutes(&basis.told, method.code(), stretch)? else { return Ok(None) };
        all.unite(&traces);
    }
    Ok(Some(if method == Method::Vitals { regular(&all) } else { all }))
}

/// With the pauses between reports that come as regularly as a clock: a gateway that reports
/// every quarter of an hour tells of a monitor that measures all the time. What comes now and
/// then counts as what it is, also in between.
fn regular(reports: &Minutes) -> Minutes {
    let mut all = reports.clone();
    let short = reports.runs().iter().filter(|(from, to)| to.saturating_sub(*from) <= 2);
    let starts: Vec<i64> = short.map(|(from, _)| *from).collect();
    for (n, first) in starts.iter().enumerate() {
        for second in starts.iter().skip(n + 1).take(BETWEEN) {
            let pause = second.saturating_sub(*first);
            if pause > LONGEST_REPORT + 1 {
                break;
            }
            // Each report falls into one minute or the next.
            for least in [pause - 1, pause] {
                if let Some(last) = series(&starts, *second, least) {
                    all.add(*first, last);
                }
            }
        }
    }
    all
}

/// The last of some reports that follow the second one with pauses of so many minutes, or of
/// one more.
fn series(starts: &[i64], second: i64, least: i64) -> Option<i64> {
    (1..REGULAR).try_fold(second, |at, _| {
        let next = at.saturating_add(least);
        let place = starts.partition_point(|it| *it < next);
        starts.get(place).copied().filter(|it| *it <= next.saturating_add(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports(all: &[i64]) -> Minutes {
        let mut minutes = Minutes::default();
        all.iter().for_each(|at| minutes.add(*at, at + 1));
        minutes
    }

    #[test]
    fn what_comes_by_the_clock_tells_of_the_time_between() {
        let every = |pause: i64, many: i64| -> Vec<i64> { (0..many).map(|n| n * pause).collect() };
        for (all, runs) in [
            (every(15, 5), vec![(0, 61)]),
            (every(60, 6), vec![(0, 301)]),
            (every(3, 40), vec![(0, 118)]),
            // The clock's minute turns between them.
            (vec![0, 15, 31, 46, 61, 77], vec![(0, 78)]),
            // A pressure in between, of its own time.
            (vec![0, 7, 15, 30, 41, 45, 60], vec![(0, 61)]),
            // The device was off for a while.
            ([every(15, 5), vec![150, 165, 180, 195, 210]].concat(), vec![(0, 61), (150, 211)]),
        ] {
            assert_eq!(regular(&reports(&all)).runs(), runs, "{all:?}");
        }
    }

    #[test]
    fn what_comes_now_and_then_is_no_more_than_it_is() {
        for all in [
            vec![0, 15, 30, 45],
            vec![0, 61, 122, 184, 250],
            vec![0, 240, 480, 720, 960, 1200],
            // A round on a ward.
            vec![0, 58, 121, 176, 243, 299],
            vec![0, 14, 31, 47, 60, 77],
            vec![0, 15, 30, 60, 75, 105],
            vec![],
        ] {
            assert_eq!(regular(&reports(&all)), reports(&all), "{all:?}");
        }
        // Long stretches are no reports.
        let mut long = Minutes::default();
        (0..6).for_each(|n| long.add(n * 30, n * 30 + 10));
        assert_eq!(regular(&long), long);
    }
}
