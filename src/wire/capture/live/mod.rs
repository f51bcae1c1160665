//! Frames of live interfaces: every method of capture behind one [`Source`].
//!
//! ```text
//!  mirror port ▸ queues ▸ Source (one a queue, one worker each) ▸ ≤ 64 frames ▸ closure
//!                         AF_XDP · AF_PACKET · libpcap            (lent)
//! ```
//!
//! Nothing is ever sent: no method here opens a way to.

pub mod af_packet;
pub mod af_xdp;
#[allow(unsafe_code, reason = "system calls that the standard library lacks")]
pub mod clock;
#[allow(unsafe_code, reason = "system calls that the standard library lacks")]
mod device;
#[allow(unsafe_code, reason = "system calls that the standard library lacks")]
pub mod ethtool;
mod filter;
#[allow(unsafe_code, reason = "system calls that the standard library lacks")]
pub mod host;
#[cfg(feature = "libpcap")]
mod libpcap;
#[cfg(not(feature = "libpcap"))]
#[path = "without_libpcap.rs"]
mod libpcap;
#[allow(unsafe_code, reason = "memory shared with the kernel")]
mod ring;
#[allow(unsafe_code, reason = "system calls that the standard library lacks")]
pub mod rss;
#[allow(unsafe_code, reason = "system calls that the standard library lacks")]
mod socket;
pub mod statistics;

use std::io;
use std::time::Duration;

pub use af_packet::Spares;
pub use filter::Filter;
pub use socket::index_of;

use super::{Frame, LinkType};

/// One queue of a live interface. It belongs to one worker.
pub trait Source: Send {
    /// Lends what has arrived to `each` in batches of at most
    /// [`BATCH`](super::BATCH) frames and gives back the number of frames lent. Waits
    /// for them at most `wait` when there are none, and returns in any case once as
    /// much was lent as the ring held when it was called: the caller has other things
    /// to do as well.
    ///
    /// Frames are as on the wire: a VLAN tag that the card took out is put back. They
    /// are numbered from 1 in the order of this source.
    ///
    /// # Errors
    /// The interface is down or gone, or the kernel failed.
    fn receive(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(&[Frame<'_>]),
    ) -> Result<usize, Fault>;

    /// What was lost since the source was opened.
    fn loss(&mut self) -> Loss;
}

/// Why no frames come.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The interface is administratively down; it may come up again. Whoever has given up
    /// the rights for that cannot bring it up.
    #[error("the interface is down: `ip link set dev IFACE up` brings it up")]
    Down,
    /// The interface was removed; the source is of no more use.
    #[error("the interface is gone")]
    Gone,
    /// Anything else.
    #[error("cannot receive ({0})")]
    Io(#[from] io::Error),
}

/// Frames that the wire brought and nobody read, by where they were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// The kernel had them and found no room in the ring.
    pub ring_full: u64,
    /// The kernel found no free frame to fill (AF_XDP's fill ring was empty).
    pub fill_empty: u64,
    /// The kernel could not hand them over (too long for a frame of the ring).
    pub invalid: u64,
    /// Delivered, but cut short.
    pub cut: u64,
    /// The host got them: nobody reads the queue they came by (AF_XDP).
    pub passed: u64,
}

impl Loss {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            ring_full: self.ring_full.saturating_add(other.ring_full),
            fill_empty: self.fill_empty.saturating_add(other.fill_empty),
            invalid: self.invalid.saturating_add(other.invalid),
            cut: self.cut.saturating_add(other.cut),
            passed: self.passed.saturating_add(other.passed),
        }
    }
}

/// A way to capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Frames straight from the driver ([`af_xdp`]).
    AfXdp,
    /// A memory-mapped ring of the kernel's packet socket ([`af_packet`]).
    AfPacket,
    /// libpcap.
    Pcap,
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AfXdp => "af-xdp",
            Self::AfPacket => "af-packet",
            Self::Pcap => "pcap",
        })
    }
}

/// How to open interfaces.
#[derive(Clone, Debug)]
pub struct Options {
    /// This way and no other; otherwise the first that works.
    pub method: Option<Method>,
    /// AF_XDP in the kernel's common path even where the driver has native XDP.
    pub generic: bool,
    /// Workers for each interface, where the card's queues do not decide.
    pub queues: u16,
    /// Bytes of memory for the frames of each worker.
    pub ring: usize,
    /// For AF_XDP the card may be told to leave VLAN tags in their frames, and to keep
    /// both directions of a conversation together ([`rss`]).
    pub adjust: bool,
    /// AF_XDP's workers poll the card themselves.
    pub busy_poll: bool,
    /// Only frames that this expression of pcap-filter(7) keeps. No name in it is
    /// looked up on the network. AF_XDP knows no filters.
    pub filter: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            method: None,
            generic: false,
            queues: 1,
            ring: 64 << 20,
            adjust: true,
            busy_poll: false,
            filter: None,
        }
    }
}

impl Options {
    const fn packet(&self) -> af_packet::Options {
        af_packet::Options { queues: self.queues, ring: self.ring }
    }

    fn compiled(&self, interface: &str) -> Result<Option<Filter>, OpenError> {
        self.filter.as_deref().map(|filter| libpcap::compile(interface, filter)).transpose()
    }

    /// A buffer is 2 KiB.
    fn xdp(&self, mode: af_xdp::Mode) -> af_xdp::Options {
        let frames = u32::try_from(self.ring >> 11).unwrap_or(u32::MAX);
        let frames = frames.clamp(64, 1 << 20).next_power_of_two();
        af_xdp::Options { frames, mode, busy_poll: self.busy_poll }
    }
}

/// An interface from which frames come.
pub struct Opened {
    /// The way taken.
    pub method: Method,
    /// What else there is to say of it: the mode, and why no other way was taken.
    pub note: String,
    /// One source for each worker.
    pub sources: Vec<Box<dyn Source>>,
    /// Both directions of a conversation come from one source.
    pub symmetric: bool,
    /// For [`reopen`].
    pub spares: Spares,
}

/// Opens an interface by the method asked for, or by the first that works.
///
/// # Errors
/// None of them works; why, and what to do.
pub fn open(interface: &str, options: &Options) -> Result<Opened, OpenError> {
    if let Some(kind) = device::not_ethernet(interface) {
        let what = format!("its frames are not Ethernet's (type {kind})");
        return match options.method {
            None => open_pcap(interface, options, &format!("{what}; ")),
            Some(Method::Pcap) => open_pcap(interface, options, ""),
            Some(method) => {
                let what = format!("{what}, and {method} reads no others; --capture pcap may");
                Err(OpenError::new(interface, what))
            }
        };
    }
    match options.method {
        Some(Method::AfPacket) => open_packet(interface, options, String::new()),
        Some(Method::AfXdp) if options.filter.is_some() => {
            let what = "af-xdp knows no filters; leave --capture or --filter out";
            Err(OpenError::new(interface, what))
        }
        Some(Method::AfXdp) if options.generic => {
            open_xdp(interface, options, af_xdp::Mode::Generic)
        }
        Some(Method::AfXdp) => open_xdp(interface, options, af_xdp::Mode::Auto),
        Some(Method::Pcap) => open_pcap(interface, options, ""),
        None => {
            // The whole interface is taken from the host: not from one that uses it.
            let why = if options.filter.is_some() {
                "not af-xdp: it knows no filters".to_owned()
            } else if let Some(why) = host::uses(interface) {
                format!("not af-xdp, which would take it away from the host: {why}")
            } else if let Err((queues, apart)) = spread(interface, options) {
                // They would show an answer before its question.
                let apart = apart.to_string().replace("IFACE", interface);
                format!(
                    "not af-xdp: {queues} receive queues, and {apart}; `ethtool -L {interface} combined 1` makes it one, --capture af-xdp takes them as they are"
                )
            } else {
                // In generic mode it is slower than a packet socket.
                match open_xdp(interface, options, af_xdp::Mode::Native) {
                    Ok(opened) => return Ok(opened),
                    Err(refused) => format!("not af-xdp: {}", refused.what()),
                }
            };
            open_packet(interface, options, why).or_else(|refused| {
                let why = format!("not af-packet: {}; ", refused.what());
                // What nothing can open is described best by who said so first.
                open_pcap(interface, options, &why).map_err(|_| refused)
            })
        }
    }
}

/// Whether the queues of an interface keep both directions of a conversation together,
/// which is seen to where it may be; by what, unless there is only one. Otherwise how
/// many there are, and why.
fn spread(interface: &str, options: &Options) -> Result<Option<rss::Symmetry>, (u32, rss::Apart)> {
    match ethtool::rx_queues(interface).unwrap_or(1) {
        0 | 1 => Ok(None),
        queues => {
            let see = if options.adjust { rss::make_symmetric } else { rss::symmetry };
            see(interface).map(Some).map_err(|apart| (queues, apart))
        }
    }
}

fn open_packet(interface: &str, options: &Options, note: String) -> Result<Opened, OpenError> {
    let filter = options.compiled(interface)?;
    let filter = filter.as_ref();
    if filter.is_some_and(|filter| !filter.for_ethernet()) {
        let what = "af-packet filters Ethernet alone; --capture pcap filters this too";
        return Err(OpenError::new(interface, what));
    }
    let sources = boxed(af_packet::open(interface, options.packet(), filter)?);
    let spares = Spares::new(interface, options.queues, filter)?;
    Ok(Opened { method: Method::AfPacket, note, sources, symmetric: true, spares })
}

/// One source however many workers are asked for: libpcap shares no interface.
fn open_pcap(interface: &str, options: &Options, why: &str) -> Result<Opened, OpenError> {
    let filter = options.compiled(interface)?;
    let (source, link) = libpcap::open(interface, options.ring, filter.as_ref())?;
    let spares = match link {
        LinkType::Ethernet => Spares::new(interface, 1, filter.as_ref())?,
        // A packet socket would take its frames for Ethernet.
        _ => Spares::default(),
    };
    let mut note = format!("{why}{}", libpcap::version());
    if options.queues > 1 {
        note.push_str(", which has one worker");
    }
    let sources = boxed(vec![source]);
    Ok(Opened { method: Method::Pcap, note, sources, symmetric: true, spares })
}

fn open_xdp(interface: &str, options: &Options, mode: af_xdp::Mode) -> Result<Opened, OpenError> {
    let xdp = options.xdp(mode);
    let mut tags = "";
    // Before frames come: no conversation is to change its queue.
    let spread = spread(interface, options);
    let opened = match af_xdp::open(interface, &xdp) {
        Err(af_xdp::Refusal::VlanOffload(_)) if options.adjust => {
            ethtool::set_rx_vlan_offload(interface, false)
                .map_err(|error| af_xdp::Refusal::Io("switching VLAN offload off", error))
                .and_then(|()| af_xdp::open(interface, &xdp))
                .inspect(|_| tags = ", VLAN offload switched off")
        }
        other => other,
    };
    let opened = opened.map_err(|refusal| refusal.of(interface))?;
    let sources = boxed(opened.sources);
    let spares = Spares::new(interface, u16::try_from(sources.len()).unwrap_or(u16::MAX), None)?;
    let mut note = format!("{}{tags}", opened.note);
    match &spread {
        _ if sources.len() == 1 => {}
        Ok(by) => by.iter().for_each(|by| note.push_str(&format!(", {by}"))),
        Err((_, apart)) => {
            let apart = apart.to_string().replace("IFACE", interface);
            note.push_str(&format!(", workers hand frames over: {apart}"));
        }
    }
    // A card on its own spreads frames by a hash that knows no symmetry.
    let symmetric = sources.len() == 1 || matches!(spread, Ok(Some(_)));
    Ok(Opened { method: Method::AfXdp, note, sources, symmetric, spares })
}

/// Opens an interface again that was removed and is back, after all rights were given
/// up: by the sockets in reserve, whatever the method was before.
///
/// # Errors
/// It is not back, or there is no socket left ([`OpenError::needs_restart`]).
pub fn reopen(
    interface: &str,
    options: &Options,
    queues: u16,
    spares: &mut Spares,
) -> Result<Vec<Box<dyn Source>>, OpenError> {
    spares.open(interface, af_packet::Options { queues, ..options.packet() }).map(boxed)
}

fn boxed(sources: Vec<impl Source + 'static>) -> Vec<Box<dyn Source>> {
    sources.into_iter().map(|source| -> Box<dyn Source> { Box::new(source) }).collect()
}

/// An interface cannot be opened: what, why, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{interface}: {what}")]
pub struct OpenError {
    interface: String,
    what: String,
    spent: bool,
}

impl OpenError {
    /// In the words of the caller.
    pub fn new(interface: &str, what: impl Into<String>) -> Self {
        Self { interface: interface.to_owned(), what: what.into(), spent: false }
    }

    /// What is wrong, without the interface's name.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// There is no interface of this name.
    fn missing(interface: &str) -> Self {
        Self::new(interface, "no such interface; `ip link` lists those there are")
    }

    /// All sockets in reserve are used up.
    fn spent(interface: &str) -> Self {
        let what = "removed too often, no socket in reserve is left; restart auscult";
        Self { spent: true, ..Self::new(interface, what) }
    }

    /// Whether it is only that the card takes VLAN tags out, which can be switched off.
    #[must_use]
    pub fn is_of_offload(&self) -> bool {
        self.what.contains(af_xdp::Refusal::OFFLOAD)
    }

    /// Whether only a process with new rights can open it.
    #[must_use]
    pub const fn needs_restart(&self) -> bool {
        self.spent
    }

    /// A method of capture failed.
    fn from_io(interface: &str, method: &str, error: io::Error) -> Self {
        let remedy = match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => {
                "; run as root, or give the program CAP_NET_RAW and CAP_NET_ADMIN, for af-xdp CAP_BPF too"
            }
            Some(libc::ENOMEM | libc::ENOBUFS) => {
                "; there is no memory for the ring, make it smaller"
            }
            Some(libc::EMFILE) => "; raise the limit of open files: LimitNOFILE, or `ulimit -n`",
            _ => "",
        };
        Self::new(interface, format!("{method} cannot capture ({error}){remedy}"))
    }
}
