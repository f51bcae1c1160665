//! DHCP messages byte by byte (RFC 2131, RFC 2132).

use std::net::Ipv4Addr;

use auscult::net::Mac;

// Message types (RFC 2132 §9.6).
pub(crate) const DISCOVER: u8 = 1;
pub(crate) const OFFER: u8 = 2;
pub(crate) const REQUEST: u8 = 3;
pub(crate) const ACK: u8 = 5;
pub(crate) const RELEASE: u8 = 7;

/// A DHCP message (RFC 2131) under way.
pub(crate) struct Dhcp {
    bytes: Vec<u8>,
}

impl Dhcp {
    /// `addresses` are ciaddr, yiaddr and giaddr.
    pub(crate) fn new(kind: u8, xid: u32, addresses: [Ipv4Addr; 3], mac: Mac) -> Self {
        let answer = matches!(kind, OFFER | ACK);
        let [client, yours, relay] = addresses;
        let relayed = !relay.is_unspecified();
        let mut bytes = vec![if answer { 2 } else { 1 }, 1, 6, u8::from(relayed)];
        bytes.extend(xid.to_be_bytes());
        bytes.extend([0; 4]);
        for ip in [client, yours, Ipv4Addr::UNSPECIFIED, relay] {
            bytes.extend(ip.octets());
        }
        bytes.extend(mac.0);
        bytes.extend([0; 10 + 64 + 128]);
        bytes.extend([99, 130, 83, 99, 53, 1, kind]);
        Self { bytes }
    }

    pub(crate) fn option(mut self, code: u8, value: &[u8]) -> Self {
        if !value.is_empty() {
            self.bytes.extend([code, value.len() as u8]);
            self.bytes.extend(value);
        }
        self
    }

    /// Ends the options; at least as long as BOOTP (RFC 951).
    pub(crate) fn done(mut self) -> Vec<u8> {
        self.bytes.push(255);
        self.bytes.resize(self.bytes.len().max(300), 0);
        self.bytes
    }
}
