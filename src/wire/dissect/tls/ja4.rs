//! JA4, the fingerprint of a TLS client, as FoxIO published it (technical details
//! of JA4; BSD 3-clause): `t13d1516h2_8daaf6152771_e5627efa2ab1`.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// What a client offers.
#[derive(Default)]
pub(in super::super) struct Offer {
    /// Highest version.
    pub(super) version: u16,
    /// Cipher suites in their order.
    pub(super) ciphers: Vec<u16>,
    /// Extension types in their order.
    pub(super) extensions: Vec<u16>,
    /// Signature algorithms in their order.
    pub(super) signatures: Vec<u16>,
    /// First protocol of ALPN; empty when there is none.
    pub(super) alpn: Vec<u8>,
}

/// Values that mean nothing and are sent to keep servers tolerant (RFC 8701).
pub(super) const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

impl Offer {
    /// The fingerprint; `t` is a client over TCP, `q` one over QUIC.
    pub(in super::super) fn fingerprint(&self, carrier: char) -> String {
        let plain = |values: &[u16]| -> Vec<u16> {
            values.iter().copied().filter(|v| !is_grease(*v)).collect()
        };
        let (mut ciphers, mut extensions) = (plain(&self.ciphers), plain(&self.extensions));
        let version = match self.version {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            _ => "00",
        };
        let sni = if extensions.contains(&0) { 'd' } else { 'i' };
        let [first, last] = ends(&self.alpn);
        let counts = [ciphers.len().min(99), extensions.len().min(99)];
        ciphers.sort_unstable();
        // Server name and ALPN change with the destination.
        extensions.retain(|kind| !matches!(kind, 0 | 16));
        extensions.sort_unstable();
        let mut behind = hex(&extensions);
        let signatures = plain(&self.signatures);
        if !signatures.is_empty() {
            behind.push('_');
            behind.push_str(&hex(&signatures));
        }
        let [c, e] = counts;
        format!(
            "{carrier}{version}{sni}{c:02}{e:02}{first}{last}_{}_{}",
            digest(&hex(&ciphers), ciphers.is_empty()),
            digest(&behind, extensions.is_empty())
        )
    }
}

/// First and last character of the protocol, or of its hexadecimal form when
/// either is no ASCII letter or digit.
fn ends(alpn: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (alpn.first(), alpn.last()) else { return ['0', '0'] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(first), char::from(last)];
    }
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    [digit(first >> 4), digit(last & 0x0f)]
}

fn hex(values: &[u16]) -> String {
    let mut text = String::with_capacity(values.len().saturating_mul(5));
    for (n, value) in values.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        let nibbles = [12, 8, 4, 0].map(|shift| u32::from(value >> shift & 0x0f));
        text.extend(nibbles.iter().filter_map(|nibble| char::from_digit(*nibble, 16)));
    }
    text
}

/// The first twelve digits of SHA-256, or zeros for nothing.
fn digest(text: &str, is_empty: bool) -> String {
    if is_empty {
        return "0".repeat(12);
    }
    Sha256::digest(text.as_bytes()).iter().take(6).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the publication.
    #[test]
    fn published_example() {
        let offer = Offer {
            version: 0x0304,
            ciphers: vec![
                0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
                0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x4a4a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005,
                0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
            ],
            signatures: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            alpn: b"h2".to_vec(),
        };
        assert_eq!(offer.fingerprint('t'), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn nothing_offered() {
        let offer = Offer { version: 0x0300, ..Offer::default() };
        assert_eq!(offer.fingerprint('t'), "ts3i000000_000000000000_000000000000");
    }

    #[test]
    fn alpn_ends() {
        assert_eq!(ends(b"http/1.1"), ['h', '1']);
        assert_eq!(ends(b"h"), ['h', 'h']);
        assert_eq!(ends(&[0xab]), ['a', 'b']);
        assert_eq!(ends(&[0xab, 0xcd]), ['a', 'd']);
        assert_eq!(ends(&[0x30, 0xab]), ['3', 'b']);
        assert_eq!(ends(b""), ['0', '0']);
    }

    #[test]
    fn grease() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa));
        assert!(!is_grease(0x0a1a) && !is_grease(0x0b0b) && !is_grease(0x1301));
    }
}
