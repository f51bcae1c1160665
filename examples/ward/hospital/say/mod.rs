//! What devices say, byte by byte. Every name of a person and every reference to a study
//! holds one of the canaries, so that a search of the inventory finds what must not be there.

pub(crate) mod astm;
pub(crate) mod dicom;
pub(crate) mod hl7;
pub(crate) mod intellivue;
pub(crate) mod kerberos;
pub(crate) mod net;

/// Marks that stand in all that is a patient's or a user's.
pub(crate) const CANARIES: &[&str] = &["CANARY", "canaryuser", STUDY_ROOT];
/// Every study, series and object UID begins so.
pub(crate) const STUDY_ROOT: &str = "1.2.826.0.1.3680043.9.7777";
