//! Whether the clock that stamps packets is right.

use std::io;
use std::mem::MaybeUninit;

/// The clock is not synchronised (STA_UNSYNC of adjtimex(2)).
const UNSYNCHRONISED: i32 = 0x40;

/// Whether something keeps the system's clock in step (NTP, PTP), as the kernel knows.
///
/// # Errors
/// The kernel does not say.
pub fn is_synchronised() -> io::Result<bool> {
    // SAFETY: a timex of zeros is valid, and asks without setting anything.
    let mut asked: libc::timex = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: one live timex.
    super::socket::check(unsafe { libc::adjtimex(&raw mut asked) })?;
    Ok(asked.status & UNSYNCHRONISED == 0)
}
