//! AF_XDP: the fastest way to frames, one socket for each receive queue of the
//! interface, read without a copy on our side.
//!
//! ```text
//!  queue 0 ▸ XDP program ▸ socket map ▸ receive ring ▸ XskSource ▸ ≤ 64 frames ▸ closure
//!  queue 1 ▸     "            "     ▸      "              "        (lent from the UMEM)
//!                                      ◂ fill ring ◂ given back after each batch
//! ```
//!
//! **This takes the interface away from the host.** The XDP program hands every frame
//! of every queue to the sockets and the host's own network stack sees none of them:
//! an address on that interface is dead while auscult listens. A mirror port is
//! dedicated, so that is what is wanted; do not open the interface that a host is
//! managed through. A frame of a queue that has no socket (its source was dropped, or somebody
//! has raised the number of queues since) goes to the host as before, and is counted.
//!
//! Nothing is sent: the sockets have no ring for transmission, and the program knows
//! only "to the socket" and "to the host". It hangs on a link (BPF_LINK_CREATE) that
//! the kernel takes away when the process dies, however it dies.
//!
//! How frames get from the card into our memory is tried in this order: written by
//! the card itself (native, zero-copy), copied in the driver (native, copy), copied by
//! the kernel's common path (generic). Jumbo frames come in several buffers and are
//! put together in a buffer of ours.

#[allow(unsafe_code, reason = "bpf(2)")]
mod bpf;
mod open;
mod refusal;
#[allow(unsafe_code, reason = "memory shared with the kernel")]
mod ring;
#[allow(unsafe_code, reason = "sockets of a family that the standard library lacks")]
mod socket;
#[allow(unsafe_code, reason = "memory shared with the kernel")]
mod source;

pub use open::open;
pub use refusal::Refusal;
pub use source::XskSource;

/// How to open an interface.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Buffers a queue, a power of two. One is 2 KiB, or 4 KiB where the MTU is larger
    /// than a buffer of 2 KiB holds. More outlast a longer pause of the worker, and
    /// are slower: they do not stay in the processor's cache.
    pub frames: u32,
    /// How to attach.
    pub mode: Mode,
    /// The worker does the driver's work itself when it waits. Lower latency and no
    /// interrupts, for a core that is ours alone.
    pub busy_poll: bool,
}

impl Default for Options {
    /// 16384 buffers (32 MiB a queue) and the best mode there is.
    fn default() -> Self {
        Self { frames: 16384, mode: Mode::Auto, busy_poll: false }
    }
}

/// How to attach to an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Native where the driver can, otherwise generic.
    #[default]
    Auto,
    /// In the driver; without a copy where it can.
    Native,
    /// In the kernel's common path: every driver, slower.
    Generic,
}

/// An interface that was opened.
pub struct Opened {
    /// One for each receive queue, in the order of the queues. All of them must be
    /// read; frames of a queue whose source was dropped go to the host.
    pub sources: Vec<XskSource>,
    /// How it was opened, for people: "native, zero-copy, 4 queues, 128 MiB".
    pub note: String,
}
