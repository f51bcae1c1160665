//! A hospital at the mirror port of its core switch, of which everything is known: when
//! each device had power, what it sent, when it was worked with.

mod archive;
mod background;
mod bedside;
mod cast;
pub(crate) mod clock;
mod coming;
mod desk;
#[path = "../../shared/dhcp.rs"]
mod dhcp;
#[path = "../../shared/frame.rs"]
mod frame;
mod imaging;
mod laboratory;
mod mirror;
#[path = "../../shared/pdu.rs"]
mod pdu;
mod people;
mod play;
#[path = "../../shared/rng.rs"]
mod rng;
pub(crate) mod say;
pub(crate) mod truth;

use std::io::{self, Write};

use truth::Truth;

/// What is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Days of packet time from six in the morning of the first.
    pub(crate) days: u64,
    /// Another seed, another hospital.
    pub(crate) seed: u64,
    /// Some twenty devices in place of a hundred.
    pub(crate) small: bool,
    /// Fewer frames where fewer say the same.
    pub(crate) thin: bool,
}

/// Writes the capture (pcap); what is true of it.
///
/// # Errors
/// The capture could not be written.
pub(crate) fn write<W: Write>(plan: Plan, capture: &str, out: W) -> io::Result<(Truth, W)> {
    let mut play = play::Play::new(plan, out)?;
    play.run()?;
    let truth = Truth::of(&play, capture);
    let out = play.mirror.finish()?;
    Ok((truth, out))
}
