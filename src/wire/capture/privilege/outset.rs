//! What was so before the runtime of the language began: it opens `/dev/null` for standard
//! descriptors that are closed, and nobody can tell afterwards.

use std::sync::atomic::{AtomicBool, Ordering};

static OUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether the process was begun with its standard output closed.
#[must_use]
pub fn out_was_closed() -> bool {
    OUT_WAS_CLOSED.load(Ordering::Relaxed)
}

extern "C" fn look() {
    // SAFETY: asks for the flags of a descriptor, by number.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    OUT_WAS_CLOSED.store(flags == -1, Ordering::Relaxed);
}

// SAFETY: the C library calls each of these once, before `main`; this one asks the kernel
// and sets a flag, neither of which needs the runtime.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_THE_OUTSET: extern "C" fn() = look;
