//! Wing 3: knowledge becomes something people read. Knows the store's questions,
//! nothing else.

pub mod activity;
pub mod alert;
pub mod dossier;
mod json;
pub mod register;
pub mod risk;
