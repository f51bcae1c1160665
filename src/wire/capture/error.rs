//! What can be wrong with a capture: what, where, and what to do about it.

use std::fmt;
use std::io;

use super::Totals;

/// The capture cannot be opened, or is none.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct OpenError {
    /// The file as the user named it.
    pub name: String,
    /// What is wrong.
    #[source]
    pub reason: Reason,
}

/// The capture could be read up to a byte; every frame before it was delivered.
#[derive(Debug, thiserror::Error)]
pub struct Broken {
    /// The file as the user named it.
    pub name: String,
    /// Where the part begins that could not be read, in the uncompressed capture.
    pub byte: u64,
    /// How the file is compressed, if it is.
    pub codec: Option<Codec>,
    /// What is wrong.
    #[source]
    pub reason: Reason,
    /// What was delivered before.
    pub totals: Totals,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, byte, reason, totals, .. } = self;
        let of = if self.codec.is_some() { " of the uncompressed capture" } else { "" };
        write!(f, "{name}: stopped at byte {byte}{of}: {reason}; {} frames", totals.frames)?;
        f.write_str(" before it were read")
    }
}

/// How a capture file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// RFC 1952, one or several members.
    Gzip,
    /// RFC 8878, one or several frames.
    Zstd,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// What is wrong with a capture.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It does not exist.
    #[error("no such file; check the path")]
    Missing,
    /// Its mode forbids reading.
    #[error("not readable by this user; run as its owner or change its mode")]
    Forbidden,
    /// It is a directory.
    #[error("is a directory; name the capture files in it")]
    Directory,
    /// Standard input is a keyboard.
    #[error("is a terminal; pipe a capture into it")]
    Terminal,
    /// The system could not read it.
    #[error("cannot be read ({0}); check the disk or copy the file")]
    Io(#[source] io::Error),
    /// It has no bytes.
    #[error("is empty; capture again")]
    Empty,
    /// It is something else.
    #[error("is {0}, not a capture; {1}")]
    NotCapture(&'static str, &'static str),
    /// Another version of the format.
    #[error("is {format} version {major}.{minor}, which is not read; convert it with editcap")]
    Version {
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// Frames of a kind that is not read here.
    #[error(
        "link type {0}{name} is not read; capture on an Ethernet interface",
        name = link_name(*.0)
    )]
    Link(u16),
    /// The file ends inside something.
    #[error(
        "the {item} is cut, {have} of {need} bytes are there; copy the file again or use it as it is"
    )]
    Cut {
        /// What was being read.
        item: &'static str,
        /// Bytes that are there.
        have: usize,
        /// Bytes that it has.
        need: usize,
    },
    /// A number that cannot be.
    #[error("{field} is {value}, {allowed}; the file is corrupt here, copy it again")]
    Corrupt {
        /// The field, as the format calls it.
        field: &'static str,
        /// What it says.
        value: u64,
        /// What it may say.
        allowed: &'static str,
    },
    /// The decompressor cannot go on.
    #[error("the {codec} data cannot be unpacked ({error}); test it with {codec} -t")]
    Packed {
        /// The compression.
        codec: Codec,
        /// What the decompressor says.
        #[source]
        error: io::Error,
    },
    /// The file lost bytes while it was read.
    #[error("the file was shortened while it was read; read a copy")]
    Shortened,
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::IsADirectory => Self::Directory,
            _ => Self::Io(error),
        }
    }
}

/// What a link type is called that a user may meet, with a space in front.
const fn link_name(number: u16) -> &'static str {
    match number {
        9 | 50 | 51 => " (PPP)",
        104 => " (Cisco HDLC)",
        105 | 119 | 127 | 163 | 192 => " (Wi-Fi)",
        187 | 201 | 251 | 256 => " (Bluetooth)",
        189 | 220 | 249 => " (USB)",
        195 | 230 | 283 => " (IEEE 802.15.4)",
        227 => " (CAN)",
        239 => " (NFLOG)",
        253 => " (netlink)",
        _ => "",
    }
}
