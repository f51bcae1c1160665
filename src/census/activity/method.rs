//! How the use of a device can be told, by what it is. Every constant of it is here.

use std::fmt;

/// A header time or a told time lies at most so many seconds before it is told: what is
/// older is a copy of the past (an archive's, a prefetch, a migration).
pub const OLDEST_TOLD: i64 = 24 * 60 * 60;
/// Nor may it lie further in the future: so much may clocks differ.
pub const CLOCK_SKEW: i64 = 10 * 60;
/// A step that is ended later than this after its begin was forgotten, not worked at: it
/// stands until its last image.
pub const LONGEST_STEP: i64 = 12 * 60 * 60;
/// Images of one study this far apart are one stretch of work: contrast, breath holds and
/// patient positioning take less, a patient who comes again takes more.
pub const IMAGES_GAP: i64 = 15 * 60;
/// Minutes between results that are work as well: an analyser with tubes on it tells more
/// often.
pub const RESULTS_GAP: i64 = 5;
/// The same of vital signs, which are told each minute by nearly all gateways.
pub const VITALS_GAP: i64 = 2;
/// The same of sessions: tickets are asked for when something new is opened.
pub const SESSIONS_GAP: i64 = 30;
/// Minutes from one report of a gateway to its next, at most.
pub const LONGEST_REPORT: i64 = 60;
/// Reports with so many pauses of one length, one after the other, are a clock's: a nurse with
/// a thermometer does not come five times to the minute.
pub const REGULAR: i64 = 4;
/// What is told of equipment in a minute changes nothing of it further away than this.
pub const FARTHEST_REPORT: i64 = REGULAR * (LONGEST_REPORT + 1) + 2 * VITALS_GAP;
/// A segment in which nothing is seen for longer may have gone from the mirror.
pub const SEGMENT_GAP: i64 = 15;
/// Frames of a capture file this many minutes apart belong to one recording.
pub const FILE_GAP: i64 = 5;
/// The greatest of them: what happens in a minute changes nothing further away than this.
pub const FARTHEST: i64 = 31;

/// By what the use of a device is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Performed procedure steps, from begin to end.
    Mpps,
    /// The times in the headers of the images that it sent itself.
    Images,
    /// Results that it told.
    Results,
    /// Values of a patient that flowed.
    Vitals,
    /// Persons who worked there.
    Sessions,
}

impl Method {
    /// All, the best first.
    pub const ALL: [Self; 5] =
        [Self::Mpps, Self::Images, Self::Results, Self::Vitals, Self::Sessions];

    /// As a number in the inventory.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Mpps => 1,
            Self::Images => 2,
            Self::Results => 4,
            Self::Vitals => 8,
            Self::Sessions => 16,
        }
    }

    /// That of a number.
    #[must_use]
    pub fn of(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }

    /// Those of a sum of numbers, the best first.
    pub fn among(codes: u8) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |it| codes & it.code() != 0)
    }

    /// As it is shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mpps => "mpps",
            Self::Images => "images",
            Self::Results => "results",
            Self::Vitals => "vitals",
            Self::Sessions => "sessions",
        }
    }

    /// Minutes between two traces that are work as well.
    #[must_use]
    pub const fn gap(self) -> i64 {
        match self {
            Self::Mpps | Self::Images => 0,
            Self::Results => RESULTS_GAP,
            Self::Vitals => VITALS_GAP,
            Self::Sessions => SESSIONS_GAP,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Classes that make images or records of examinations.
const IMAGING: &[&str] = &[
    "mri",
    "ct",
    "pet",
    "nuclear-medicine",
    "xray",
    "fluoroscopy",
    "mammography",
    "angiography",
    "bone-densitometer",
    "ultrasound",
    "radiotherapy",
    "endoscopy",
    "ophthalmology",
    "dermatology",
    "dental",
    "intravascular-imaging",
    "ecg",
    "eeg",
    "electrophysiology",
    "hemodynamics",
    "spirometer",
    "pathology-scanner",
    "microscope",
    "surgical-robot",
    "modality",
    "medical-device",
];
/// Classes whose work are results.
const LABORATORY: &[&str] =
    &["laboratory-analyzer", "laboratory-automation", "point-of-care", "blood-gas"];
/// Classes that stand at a patient.
const BEDSIDE: &[&str] = &[
    "patient-monitor",
    "fetal-monitor",
    "pulse-oximeter",
    "infusion-pump",
    "ventilator",
    "anesthesia",
    "dialysis",
    "heart-lung",
    "defibrillator",
    "incubator",
];
/// Classes at which a person sits.
const DESKS: &[&str] =
    &["workstation", "laptop", "thin-client", "tablet", "viewer", "imaging-workstation"];

/// By what the use of a device of a class can be told, as the sum of [`Method::code`]s.
/// Archives, gateways, engines, routers and servers are in nobody's use; of an unknown
/// class only its own images and steps tell. `acquires`: the images that it sends are its
/// own.
#[must_use]
pub fn ways(class: Option<&str>, acquires: bool) -> u8 {
    let is_in = |classes: &[&str]| class.is_some_and(|class| classes.contains(&class));
    let images = Method::Mpps.code() | Method::Images.code();
    match () {
        () if acquires && (class.is_none() || is_in(IMAGING)) => images,
        // Some examine with vital signs and send no images (stress tests, sleep).
        () if is_in(&["ecg", "spirometer"]) => Method::Results.code(),
        () if is_in(LABORATORY) => Method::Results.code(),
        () if is_in(BEDSIDE) => Method::Vitals.code(),
        () if is_in(DESKS) => Method::Sessions.code(),
        () => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::signature::Book;

    #[test]
    fn every_class_named_here_is_one() {
        let classes = Book::builtin().classes();
        for class in [IMAGING, LABORATORY, BEDSIDE, DESKS].concat() {
            assert!(classes.contains_key(class), "{class}");
        }
    }

    #[test]
    fn what_stores_or_forwards_is_never_in_use() {
        for class in
            ["pacs", "vna", "dicom-router", "interface-engine", "monitor-gateway", "server"]
        {
            assert_eq!(ways(Some(class), true), 0, "{class}");
        }
        assert_eq!(ways(Some("mri"), false), 0, "its images come by another");
        assert_eq!(ways(Some("mri"), true), 3);
        assert_eq!(ways(None, true), 3);
        assert_eq!(ways(None, false), 0);
        assert_eq!(ways(Some("workstation"), true), Method::Sessions.code());
    }

    #[test]
    fn nothing_reaches_farther_than_the_farthest() {
        for gap in Method::ALL.map(Method::gap).into_iter().chain([SEGMENT_GAP, FILE_GAP]) {
            assert!(gap < FARTHEST);
        }
        const { assert!(IMAGES_GAP < FARTHEST * 60) };
        const { assert!(REGULAR * LONGEST_REPORT < FARTHEST_REPORT) };
        for method in Method::ALL {
            assert_eq!(Method::of(method.code()), Some(method));
        }
    }
}
