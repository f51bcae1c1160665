//! In place of libpcap, where this is built without it.

use std::time::Duration;

use super::{Fault, Filter, Loss, OpenError, Source};
use crate::wire::capture::{Frame, LinkType};

/// There is none.
pub(super) enum Libpcap {}

impl Source for Libpcap {
    fn receive(&mut self, _: Duration, _: &mut dyn FnMut(&[Frame<'_>])) -> Result<usize, Fault> {
        match *self {}
    }

    fn loss(&mut self) -> Loss {
        match *self {}
    }
}

pub(super) const fn version() -> &'static str {
    ""
}

pub(super) fn open(
    interface: &str,
    _: usize,
    _: Option<&Filter>,
) -> Result<(Libpcap, LinkType), OpenError> {
    let what = "this auscult is built without libpcap; leave --capture pcap out";
    Err(OpenError::new(interface, what))
}

pub(super) fn compile(interface: &str, _: &str) -> Result<Filter, OpenError> {
    let what = "this auscult is built without libpcap, which filters need; leave --filter out";
    Err(OpenError::new(interface, what))
}
