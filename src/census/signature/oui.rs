//! Whose block a hardware address is from: the IEEE registries at full length.
//!
//! `signatures/oui.tsv` is generated (`signatures/oui/generate.py`). The name is the
//! registrant's, which is often the maker of the network chip and not of the device.

use std::sync::LazyLock;

use crate::net::Mac;

static TSV: &str = include_str!("../../../signatures/oui.tsv");

/// Block lengths of the registries, longest first: MA-S and IAB, MA-M, MA-L.
const LENGTHS: [u32; 3] = [36, 28, 24];

/// For each of [`LENGTHS`], blocks as numbers with their holder, sorted.
type Table = [Vec<(u64, &'static str)>; 3];

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for line in TSV.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, blocks)) = line.split_once('\t') else { continue };
        for block in blocks.split(' ') {
            let rows = match block.len() {
                9 => &mut table[0],
                7 => &mut table[1],
                6 => &mut table[2],
                _ => continue,
            };
            if let Ok(number) = u64::from_str_radix(block, 16) {
                rows.push((number, name));
            }
        }
    }
    for rows in &mut table {
        rows.sort_unstable();
    }
    table
});

/// The registered name of the holder of an address block.
///
/// `None` for addresses that name no maker: multicast, locally administered,
/// unassigned, or held by someone who is not published.
#[must_use]
pub fn vendor(mac: Mac) -> Option<&'static str> {
    if mac.is_multicast() || mac.is_local() || mac.is_zero() {
        return None;
    }
    let address = mac.0.iter().fold(0_u64, |number, &octet| number << 8 | u64::from(octet));
    TABLE.iter().zip(LENGTHS).find_map(|(rows, length)| {
        let block = address >> (48 - length);
        let at = rows.binary_search_by_key(&block, |&(number, _)| number).ok()?;
        rows.get(at).map(|&(_, name)| name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mac: &str) -> Option<&'static str> {
        vendor(mac.parse().unwrap())
    }

    #[test]
    fn blocks_match_at_full_length() {
        assert_eq!(of("00:09:fb:05:93:22"), Some("Philips Patient Monitoring"));
        assert_eq!(of("08:00:27:1d:a6:c2"), Some("PCS Systemtechnik GmbH"));
        // 28 bits: two neighbours in one 24-bit block of the registry itself.
        assert_eq!(of("1c:87:74:0f:ff:ff"), Some("Philips Personal Health Solutions"));
        assert_ne!(of("1c:87:74:1f:ff:ff"), Some("Philips Personal Health Solutions"));
        // 36 bits.
        assert_eq!(of("70:b3:d5:20:c1:23"), Some("Siemens Healthcare Diagnostics"));
        assert_ne!(of("70:b3:d5:20:d1:23"), Some("Siemens Healthcare Diagnostics"));
    }

    #[test]
    fn addresses_of_nobody() {
        assert_eq!(of("ff:ff:ff:ff:ff:ff"), None);
        assert_eq!(of("00:00:00:00:00:00"), None);
        assert_eq!(of("01:00:5e:00:00:01"), None);
        assert_eq!(of("0a:02:0e:28:30:c2"), None, "locally administered");
    }

    #[test]
    fn the_whole_registry_is_read() {
        let rows: usize = TABLE.iter().map(Vec::len).sum();
        assert!(rows > 50_000, "{rows} blocks");
        for rows in TABLE.iter() {
            assert!(rows.windows(2).all(|w| w[0].0 < w[1].0), "a block has two holders");
        }
    }
}
