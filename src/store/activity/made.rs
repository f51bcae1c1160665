//! Of what a day of a device is made: by it days are written, and their hours told.

use rusqlite::Connection;

use super::basis::Basis;
use super::examined::{counts, exams};
use super::stretch::Stretches;
use super::through::{THROUGH, through};
use super::turn::Turn;
use super::{ONLINE, Speaker, detail, exam};
use crate::census::activity::method::FARTHEST;
use crate::census::activity::{Method, UNTIMELY};
use crate::time::minutes::Minutes;

/// A single image stands for its minute, and so does a step that ends as it begins.
const SHORTEST: i64 = 60;

/// What was told of one day of a device.
#[derive(Default)]
pub(super) struct Made {
    /// Minutes on line.
    pub(super) online: Minutes,
    /// Minutes in which its work counts: observed or on line, since it was first seen.
    pub(super) visible: Minutes,
    /// Its work, from one second to before another, with the code of the method that tells it.
    pub(super) parts: Vec<(u8, i64, i64)>,
    /// The codes of all methods that told any, and of work of a time that cannot be.
    pub(super) methods: u8,
    /// Examinations that count on it.
    pub(super) exams: Vec<detail::Exam>,
    /// One of them began on a day before.
    pub(super) is_carried: bool,
}

impl Made {
    /// All work together, to the second.
    pub(super) fn work(&self) -> Stretches {
        let mut work = Stretches::default();
        self.parts.iter().for_each(|(_, from, to)| work.add(*from, *to));
        work.unite();
        work
    }
}

/// What speakers wrote, as who makes days of it has it.
pub(super) trait Written {
    /// What may go wrong.
    type Error: From<rusqlite::Error>;

    /// The minutes of some turns and a kind within a stretch; none where they are not as they
    /// were written.
    fn minutes(
        &mut self,
        turns: &[Turn],
        what: u8,
        stretch: (i64, i64),
    ) -> Result<Option<Minutes>, Self::Error>;

    /// The examinations of a speaker that touch a stretch of seconds, by their begin.
    fn exams(
        &mut self,
        speaker: Speaker,
        stretch: (i64, i64),
    ) -> Result<Vec<exam::Stored>, Self::Error>;
}

/// What was told of a day, from its first minute to before the next one's; none where minutes
/// of it are not as they were written.
pub(super) fn made<W: Written>(
    connection: &Connection,
    basis: &Basis,
    (from, to): (i64, i64),
    observed: &Minutes,
    written: &mut W,
) -> Result<Option<Made>, W::Error> {
    let (begin, end) = (from.saturating_sub(FARTHEST), to.saturating_add(FARTHEST));
    let (first, last) = (from.saturating_mul(60), to.saturating_mul(60));
    let mut it = Made::default();
    let Some(online) = written.minutes(&basis.turns, ONLINE, (from, to))? else { return Ok(None) };
    for method in [Method::Results, Method::Vitals, Method::Sessions] {
        if basis.ways & method.code() == 0 {
            continue;
        }
        let traces = written.minutes(&basis.turns, method.code(), (begin, end))?;
        let Some(mut traces) = traces else { return Ok(None) };
        let minutes = |turns: &[Turn], what, stretch| written.minutes(turns, what, stretch);
        let told = through(basis, method, (begin, end), minutes)?;
        let Some(told) = told else { return Ok(None) };
        if told.count_within(from, to) > 0 {
            it.methods |= THROUGH;
        }
        traces.unite(&told);
        for (from, to) in traces.bridged(method.gap()).within(from, to).runs() {
            it.methods |= method.code();
            it.parts.push((method.code(), from.saturating_mul(60), to.saturating_mul(60)));
        }
    }
    if basis.ways & (Method::Mpps.code() | Method::Images.code()) != 0 {
        let since = basis.since.saturating_mul(60);
        let exams = exams(connection, basis, (from, to), written)?;
        for exam in exams.into_iter().filter(|it| it.end >= since) {
            it.methods |= exam.method;
            let took = exam.end.saturating_sub(exam.begin).max(SHORTEST);
            let is_short = took == SHORTEST;
            let begin = if is_short { exam.begin.div_euclid(60) * 60 } else { exam.begin };
            let end = begin.saturating_add(took).min(last);
            it.parts.push((exam.method, begin.max(first), end));
            let (counts, is_begun) = counts(connection, &exam, (from, to))?;
            it.is_carried |= counts && !is_begun;
            if counts {
                let took = exam.whole.saturating_sub(exam.begin).max(took);
                it.exams.push((exam.begin.saturating_sub(first), took, exam.method));
            }
        }
    }
    if basis.ways != 0 {
        let untimely = written.minutes(&basis.all(), UNTIMELY, (from, to))?;
        let Some(untimely) = untimely else { return Ok(None) };
        if !untimely.is_empty() {
            it.methods |= UNTIMELY;
        }
    }
    let mut visible = observed.clone();
    visible.unite(&online);
    (it.visible, it.online) = (visible.within(basis.since, i64::MAX), online);
    Ok(Some(it))
}
