//! Wing 1: frames become observations. Hot, lent memory, no knowledge of assets.
//!
//! Every byte here is an attacker's. No code below this module panics, indexes,
//! overflows, converts lossily, recurses on input, or logs per packet; whatever
//! cannot be read is counted under the name of the field that stopped it. The
//! lints that hold this are on for the whole wing.
//!
//! Order inside: `capture` ← `packet` ← `dissect` ← `flow`.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::as_conversions
    )
)]

pub mod capture;
pub mod dissect;
pub mod flow;
pub mod packet;
