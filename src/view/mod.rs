//! Wing 3: knowledge becomes something people read. Knows the store's questions,
//! nothing else.

pub mod dossier;
pub mod register;
