//! Work of one kind that is told piece by piece, each with its time: thousands of slices,
//! dozens of values of one specimen. It is told as two stretches of time a minute, one
//! with the first piece and one with the last.

use super::clock;
use super::{Sink, Who};
use crate::observe::{Observed, Use, When};

/// What one side tells at the moment.
#[derive(Debug, Default)]
pub(super) struct Burst(Option<Open>);

#[derive(Clone, Copy, Debug)]
struct Open {
    all: Use,
    /// What of it was told.
    told: When,
    /// Of the packets, on the clock.
    minute: i64,
}

impl Burst {
    /// One more piece.
    pub(super) fn add(&mut self, piece: Use, out: &mut dyn Sink) {
        let minute = out.now().seconds().div_euclid(60);
        if let Some(open) = self.0.as_mut()
            && (open.all.work, open.all.study, open.all.step, open.minute)
                == (piece.work, piece.study, piece.step, minute)
            && let Some(when) = clock::join(open.all.when, piece.when)
        {
            open.all.when = when;
            return;
        }
        self.end(out);
        out.observe(Who::Sender, Observed::Use(piece));
        self.0 = Some(Open { all: piece, told: piece.when, minute });
    }

    /// No more of it will come.
    pub(super) fn end(&mut self, out: &mut dyn Sink) {
        if let Some(open) = self.0.take().filter(|open| open.all.when != open.told) {
            out.observe(Who::Sender, Observed::Use(open.all));
        }
    }
}
