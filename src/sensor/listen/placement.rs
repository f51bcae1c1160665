//! On which processors the lanes run. One that stays where it is keeps its caches, and
//! memory that it touches first comes from its own node.

use std::path::Path;
use std::str::FromStr;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Where to run lanes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Where the system likes.
    #[default]
    Anywhere,
    /// One after the other on these processors, over again when there are more lanes.
    On(Vec<usize>),
    /// On the processors of the card's own memory node.
    Near,
}

impl FromStr for Placement {
    type Err = String;

    /// `near`, or processors as in `2,4-7`; each must be there and be allowed to us.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "near" {
            return Ok(Self::Near);
        }
        let cpus = list(text).filter(|cpus| !cpus.is_empty());
        let cpus = cpus.ok_or_else(|| format!("`{text}` is neither `near` nor like 2,4-7"))?;
        let allowed = sched_getaffinity(None).map_err(|error| error.to_string())?;
        match cpus.iter().find(|cpu| **cpu >= CpuSet::MAX_CPU || !allowed.is_set(**cpu)) {
            Some(cpu) => Err(format!("processor {cpu} is not there, or not allowed to auscult")),
            None => Ok(Self::On(cpus)),
        }
    }
}

impl Placement {
    /// The processor for the lane `number` of all, which reads queue `queue` of an
    /// interface.
    pub(super) fn of(&self, interface: &str, number: usize, queue: usize) -> Option<usize> {
        let pick = |cpus: &[usize], n: usize| cpus.get(n % cpus.len().max(1)).copied();
        match self {
            Self::Anywhere => None,
            Self::On(cpus) => pick(cpus, number),
            Self::Near => {
                let path = Path::new("/sys/class/net").join(interface);
                let near = std::fs::read_to_string(path.join("device/local_cpulist")).ok()?;
                pick(&list(near.trim())?, queue)
            }
        }
    }
}

/// Reads `2,4-7`.
fn list(text: &str) -> Option<Vec<usize>> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last >= CpuSet::MAX_CPU {
            return None;
        }
        all.extend(first..=last);
    }
    Some(all)
}

/// Keeps this thread on one processor, if the system lets it.
pub(super) fn stay_on(cpu: usize) {
    let mut only = CpuSet::new();
    only.set(cpu);
    let _ = sched_setaffinity(None, &only);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_lanes_go_round() {
        assert_eq!(list("0,2-4"), Some(vec![0, 2, 3, 4]));
        for wrong in ["", "a", "4-2", "1,,2", "0-99999999999"] {
            assert_eq!(list(wrong), None, "{wrong}");
        }
        let on = Placement::On(vec![2, 5]);
        let lanes: Vec<_> = (0..3).map(|n| on.of("eth0", n, 0)).collect();
        assert_eq!(lanes, [Some(2), Some(5), Some(2)]);
        assert_eq!(Placement::Near.of("no-such-if", 0, 0), None);
        assert!("0".parse::<Placement>().is_ok());
        assert!("1000".parse::<Placement>().unwrap_err().contains("1000"));
    }

    #[test]
    fn a_thread_stays_where_it_is_put() {
        std::thread::spawn(|| {
            stay_on(0);
            let now = sched_getaffinity(None).unwrap();
            assert_eq!((now.count(), now.is_set(0)), (1, true));
        })
        .join()
        .unwrap();
    }
}
