//! Filters: programs of the classic BPF that the kernel runs on every frame before it
//! copies any.

use std::ffi::c_ushort;
use std::io;
use std::os::fd::OwnedFd;

use libc::sock_filter;

use super::socket::set;

/// A filter for the frames of one interface.
#[derive(Clone, Debug)]
pub struct Filter {
    /// As it was written (pcap-filter(7)).
    expression: String,
    /// What the kernel runs.
    program: Vec<sock_filter>,
    ethernet: bool,
}

impl Filter {
    #[cfg(feature = "libpcap")]
    pub(super) const fn new(expression: String, program: Vec<sock_filter>, ethernet: bool) -> Self {
        Self { expression, program, ethernet }
    }

    /// As it was written.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// It was compiled for Ethernet frames, which is what packet sockets are read as.
    pub(super) const fn for_ethernet(&self) -> bool {
        self.ethernet
    }

    /// Puts it on a socket, for good once rights are given up: the option that takes it
    /// away is then refused.
    pub(super) fn attach(&self, socket: &OwnedFd) -> io::Result<()> {
        let len = c_ushort::try_from(self.program.len())
            .map_err(|_| io::Error::from(io::ErrorKind::ArgumentListTooLong))?;
        // The kernel reads as many instructions through the pointer, and keeps a copy.
        let program = libc::sock_fprog { len, filter: self.program.as_ptr().cast_mut() };
        set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }
}
