//! What only a driver knows of its interface: how many receive queues it has, and
//! whether it takes VLAN tags out of frames (ioctl SIOCETHTOOL; linux/ethtool.h).
//! What `ethtool -l` and `ethtool -k` show.

use std::io;

use super::device::ethtool;

/// Commands of SIOCETHTOOL.
const GET_DRIVER: u32 = 0x03;
const GET_STRINGS: u32 = 0x1b;
const GET_STRING_SETS: u32 = 0x37;
const GET_FEATURES: u32 = 0x3a;
const SET_FEATURES: u32 = 0x3b;
const GET_CHANNELS: u32 = 0x3c;

/// The set of strings that names features (ETH_SS_FEATURES).
const FEATURE_NAMES: u32 = 4;
/// Bytes of a name in a set (ETH_GSTRING_LEN).
const NAME: usize = 32;
/// More features than this no kernel has; 64 in 2026.
const MOST_FEATURES: usize = 1024;
/// Features whose state is in one word.
const BITS: usize = 32;

/// Customer and service tags (802.1Q, 802.1ad), as the kernel names the features.
const VLAN_FEATURES: [&str; 2] = ["rx-vlan-hw-parse", "rx-vlan-stag-hw-parse"];

/// Name of the driver, like `ixgbe` or `veth`.
///
/// # Errors
/// The driver does not say, or there is no such interface.
pub fn driver(interface: &str) -> io::Result<String> {
    // struct ethtool_drvinfo: command, four names of 32 bytes, and so on: 196 bytes.
    let mut answer = [0_u32; 49];
    if let Some(command) = answer.first_mut() {
        *command = GET_DRIVER;
    }
    // SAFETY: the answer is a struct ethtool_drvinfo, as long as this.
    unsafe { ethtool(interface, &mut answer)? };
    let bytes: Vec<u8> = answer.iter().skip(1).flat_map(|word| word.to_ne_bytes()).collect();
    Ok(bytes.first_chunk().map(text).unwrap_or_default())
}

/// A name of a driver or a feature, up to its closing zero.
fn text(name: &[u8; NAME]) -> String {
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(NAME);
    String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned()
}

/// Receive queues of an interface: those for reception alone and the combined ones.
///
/// # Errors
/// The driver does not say (EOPNOTSUPP), or there is no such interface.
pub fn rx_queues(interface: &str) -> io::Result<u32> {
    // struct ethtool_channels: 4 maxima, then rx, tx, other, combined.
    let mut channels = [0_u32; 9];
    if let Some(command) = channels.first_mut() {
        *command = GET_CHANNELS;
    }
    // SAFETY: the answer is a struct ethtool_channels, nine numbers.
    unsafe { ethtool(interface, &mut channels)? };
    let [_, _, _, _, _, rx, _, _, combined] = channels;
    Ok(rx.saturating_add(combined))
}

/// Whether the card takes VLAN tags out of received frames, of which AF_XDP then sees
/// nothing.
///
/// # Errors
/// The driver does not say, or there is no such interface.
pub fn rx_vlan_offload(interface: &str) -> io::Result<bool> {
    Ok(!rx_vlan_features(interface)?.is_empty())
}

/// The features that take VLAN tags out and are on, by the names that ethtool(8) takes.
pub(super) fn rx_vlan_features(interface: &str) -> io::Result<Vec<&'static str>> {
    let features = Features::read(interface)?;
    let on = features.vlan.iter().filter(|(bit, _)| features.is_on(*bit));
    Ok(on.map(|&(_, name)| name).collect())
}

/// Lets the card take VLAN tags out of received frames, or stops it. Needs
/// `CAP_NET_ADMIN`. Some drivers restart the interface for it.
///
/// # Errors
/// No rights, or the driver cannot (EOPNOTSUPP).
pub fn set_rx_vlan_offload(interface: &str, on: bool) -> io::Result<()> {
    let features = Features::read(interface)?;
    // struct ethtool_sfeatures: command, words, then per word: valid, requested.
    let mut command = vec![0_u32; features.words().saturating_mul(2).saturating_add(2)];
    let words = u32::try_from(features.words()).unwrap_or_default();
    for (field, value) in command.iter_mut().zip([SET_FEATURES, words]) {
        *field = value;
    }
    for &(bit, _) in &features.vlan {
        // Service tags are left alone when there is nothing to stop: few cards know them.
        if features.is_on(bit) == on || (on && !features.may_change(bit)) {
            continue;
        }
        let (word, mask) = place(bit);
        let at = word.saturating_mul(2).saturating_add(2);
        for (field, value) in command.iter_mut().skip(at).zip([mask, if on { mask } else { 0 }]) {
            *field |= value;
        }
    }
    // SAFETY: the kernel only reads this command.
    unsafe { ethtool(interface, &mut command)? };
    // The kernel accepts what the driver then refuses.
    if !on && rx_vlan_offload(interface)? {
        return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
    }
    Ok(())
}

/// The features of an interface.
struct Features {
    /// Numbers and names of those that take out VLAN tags.
    vlan: Vec<(usize, &'static str)>,
    /// Per 32 features: available, requested, active, never changed.
    state: Vec<[u32; 4]>,
}

impl Features {
    fn read(interface: &str) -> io::Result<Self> {
        let names = feature_names(interface)?;
        let words = names.len().div_ceil(BITS);
        let mut answer = vec![0_u32; words.saturating_mul(4).saturating_add(2)];
        let command = [GET_FEATURES, u32::try_from(words).unwrap_or_default()];
        for (field, value) in answer.iter_mut().zip(command) {
            *field = value;
        }
        // SAFETY: the kernel writes as many words as the command says there is room for.
        unsafe { ethtool(interface, &mut answer)? };
        let (state, _) = answer.get(2..).unwrap_or_default().as_chunks();
        let known = |name: &String| VLAN_FEATURES.into_iter().find(|vlan| vlan == name);
        let vlan = (0..).zip(&names).filter_map(|(bit, name)| Some((bit, known(name)?)));
        Ok(Self { vlan: vlan.collect(), state: state.to_vec() })
    }

    fn words(&self) -> usize {
        self.state.len()
    }

    fn is_on(&self, bit: usize) -> bool {
        let (word, mask) = place(bit);
        self.state.get(word).is_some_and(|[_, _, active, _]| active & mask != 0)
    }

    fn may_change(&self, bit: usize) -> bool {
        let (word, mask) = place(bit);
        self.state.get(word).is_some_and(|[available, ..]| available & mask != 0)
    }
}

/// Word and bit of a feature.
fn place(bit: usize) -> (usize, u32) {
    let shift = u32::try_from(bit % BITS).unwrap_or_default();
    (bit / BITS, 1_u32.wrapping_shl(shift))
}

/// Names of all features that the running kernel knows, in the order of their bits.
fn feature_names(interface: &str) -> io::Result<Vec<String>> {
    // struct ethtool_sset_info: command, reserved, 64-bit mask, length of each set in it.
    let mask = (1_u64 << FEATURE_NAMES).to_ne_bytes();
    let (halves, _) = mask.as_chunks();
    let mut sets = [GET_STRING_SETS, 0, 0, 0, 0];
    for (field, half) in sets.iter_mut().skip(2).zip(halves) {
        *field = u32::from_ne_bytes(*half);
    }
    // SAFETY: the answer has one length, for the one set in the mask.
    unsafe { ethtool(interface, &mut sets)? };
    let [.., length] = sets;
    let count = usize::try_from(length).unwrap_or(usize::MAX).min(MOST_FEATURES);
    // struct ethtool_gstrings: command, set, length, names. Room for more than were
    // counted: the kernel writes all it has.
    let mut answer = vec![0_u32; MOST_FEATURES.saturating_mul(NAME / 4).saturating_add(3)];
    for (field, value) in answer.iter_mut().zip([GET_STRINGS, FEATURE_NAMES, length]) {
        *field = value;
    }
    // SAFETY: the names of features are fixed in a kernel, and there is room for
    // several times as many as any kernel has.
    unsafe { ethtool(interface, &mut answer)? };
    let bytes: Vec<u8> = answer.iter().skip(3).flat_map(|word| word.to_ne_bytes()).collect();
    let (names, _) = bytes.as_chunks::<NAME>();
    Ok(names.iter().take(count).map(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_have_their_names() {
        let names = feature_names("lo").unwrap();
        for wanted in VLAN_FEATURES {
            assert_eq!(names.iter().filter(|name| *name == wanted).count(), 1, "{names:?}");
        }
    }

    #[test]
    fn the_loopback_takes_no_tags_out() {
        assert!(!rx_vlan_offload("lo").unwrap());
    }

    #[test]
    fn a_missing_interface_is_missing() {
        let error = rx_vlan_offload("no-such-if0").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
    }

    #[test]
    fn bits_lie_in_words() {
        assert_eq!(place(0), (0, 1));
        assert_eq!(place(31), (0, 1 << 31));
        assert_eq!(place(32), (1, 1));
    }
}
