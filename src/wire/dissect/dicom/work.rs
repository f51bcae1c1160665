//! What a data set shows of an examination: of which it is, and when that was (PS3.3
//! §C.4.14 and §F.7.2 of PS3.4 for steps, PS3.3 §C.7.6.1 and above it for images).
//!
//! UIDs of studies and steps can be traced to a patient: they are hashed as they are read.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use jiff::civil::{Date, Time};

use super::uid;
use crate::observe::{Study, Use, When, Work};
use crate::wire::dissect::clock::{self, Clock};

/// Pairs of date and time, the most telling first: of acquisition, content, series and
/// study of an image; of the begin or end of a step.
const PAIRS: [[Tag; 2]; 6] = [
    [tags::ACQUISITION_DATE, tags::ACQUISITION_TIME],
    [tags::CONTENT_DATE, tags::CONTENT_TIME],
    [tags::SERIES_DATE, tags::SERIES_TIME],
    [tags::STUDY_DATE, tags::STUDY_TIME],
    [tags::PERFORMED_PROCEDURE_STEP_START_DATE, tags::PERFORMED_PROCEDURE_STEP_START_TIME],
    [tags::PERFORMED_PROCEDURE_STEP_END_DATE, tags::PERFORMED_PROCEDURE_STEP_END_TIME],
];
/// Where the pairs of a step begin, and that of its end.
const BEGIN: usize = 4;
const END: usize = 5;

/// What is gathered of one data set.
#[derive(Debug)]
pub(super) struct Trace {
    work: Work,
    study: Study,
    step: Study,
    pairs: [(Option<Date>, Option<Time>); PAIRS.len()],
    /// Acquisition DateTime (0008,002A).
    acquired: Option<Clock>,
    /// Timezone Offset From UTC (0008,0201).
    offset: Option<i16>,
    /// A date or time stood there, readable or not.
    timed: bool,
    /// Performed Procedure Step Status (0040,0252) that is final.
    is_final: bool,
}

impl Trace {
    /// Of an instance that is being stored, or of a step with its SOP instance.
    pub(super) fn new(work: Work, step: &str) -> Self {
        Self {
            work,
            study: Study::UNTOLD,
            step: Study::of(step.as_bytes()),
            pairs: Default::default(),
            acquired: None,
            offset: None,
            timed: false,
            is_final: false,
        }
    }

    /// The last element at the top level that is wanted.
    pub(super) const fn last(&self) -> Tag {
        match self.work {
            Work::StepBegun => tags::SCHEDULED_STEP_ATTRIBUTES_SEQUENCE,
            Work::StepEnded => tags::PERFORMED_PROCEDURE_STEP_STATUS,
            _ => tags::STUDY_INSTANCE_UID,
        }
    }

    /// The sequence whose items are wanted: of a begin, the studies that the step is for;
    /// of an image, the step that made it.
    pub(super) const fn sequence(&self) -> Option<Tag> {
        match self.work {
            Work::StepBegun => Some(tags::SCHEDULED_STEP_ATTRIBUTES_SEQUENCE),
            Work::Image => Some(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE),
            _ => None,
        }
    }

    /// Whether the value of an element is wanted.
    pub(super) fn wants(&self, within: Option<Tag>, tag: Tag) -> bool {
        match (self.work, within, tag) {
            (_, None, tags::TIMEZONE_OFFSET_FROM_UTC)
            | (Work::Image, None, tags::ACQUISITION_DATE_TIME | tags::STUDY_INSTANCE_UID)
            | (Work::StepEnded, None, tags::PERFORMED_PROCEDURE_STEP_STATUS) => true,
            (Work::StepBegun, Some(_), tag) => tag == tags::STUDY_INSTANCE_UID,
            (Work::Image, Some(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE), tag) => {
                tag == tags::REFERENCED_SOP_INSTANCE_UID
            }
            (_, None, tag) => self.own_pairs().iter().flatten().any(|known| *known == tag),
            _ => false,
        }
    }

    const fn range(&self) -> std::ops::Range<usize> {
        match self.work {
            Work::StepBegun => BEGIN..END,
            Work::StepEnded => END..PAIRS.len(),
            _ => 0..BEGIN,
        }
    }

    fn own_pairs(&self) -> &'static [[Tag; 2]] {
        PAIRS.get(self.range()).unwrap_or_default()
    }

    /// A value that was wanted.
    pub(super) fn take(&mut self, tag: Tag, value: &[u8]) {
        match tag {
            tags::STUDY_INSTANCE_UID => self.study = first(self.study, value),
            tags::REFERENCED_SOP_INSTANCE_UID => self.step = first(self.step, value),
            tags::TIMEZONE_OFFSET_FROM_UTC => self.offset = clock::offset(value),
            tags::PERFORMED_PROCEDURE_STEP_STATUS => {
                self.is_final = matches!(value.trim_ascii(), b"COMPLETED" | b"DISCONTINUED");
            }
            tags::ACQUISITION_DATE_TIME => {
                (self.timed, self.acquired) = (true, Clock::read(value));
            }
            tag => {
                self.timed = true;
                for (pair, [date, time]) in self.pairs.iter_mut().zip(PAIRS) {
                    if tag == date {
                        pair.0 = clock::date_or_older(value);
                    } else if tag == time {
                        pair.1 = clock::time_or_older(value);
                    }
                }
            }
        }
    }

    /// What all of it says, if anything: an image without its study nothing, one without a
    /// time that it was sent, a step that is told without a time that it is of now.
    pub(super) fn told(&self) -> Option<Use> {
        let pair = |(date, time): &(Option<Date>, Option<Time>)| {
            Clock::new((*date)?, (*time)?, self.offset)
        };
        let acquired = self.acquired.map(|it| it.or_offset(self.offset));
        let clock = acquired.or_else(|| self.pairs.iter().find_map(pair));
        let when = match (clock, self.work) {
            (Some(clock), _) => clock.when(),
            (None, Work::Image) => When::Unreadable,
            (None, _) if self.timed => return None,
            (None, _) => When::Now,
        };
        let says = match self.work {
            Work::Image => self.study != Study::UNTOLD,
            Work::StepEnded => self.is_final && self.step != Study::UNTOLD,
            _ => self.step != Study::UNTOLD || self.study != Study::UNTOLD,
        };
        let Self { work, study, step, .. } = *self;
        says.then_some(Use { work, study, step, when })
    }
}

/// The first UID of several, as a hash.
fn first(known: Study, value: &[u8]) -> Study {
    match (known, uid::read(value)) {
        (Study::UNTOLD, Some(uid)) => Study::of(uid.as_bytes()),
        _ => known,
    }
}
