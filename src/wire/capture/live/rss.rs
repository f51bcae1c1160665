//! Which queue a card gives a frame to (RSS, receive side scaling): a hash of its
//! addresses and ports chooses. By the usual key, question and answer come to different
//! queues; here the card is told to treat both alike. What `ethtool -x`, `-X` and
//! `-n rx-flow-hash` show and set (SIOCETHTOOL; linux/ethtool.h).

use std::io;

use super::device::ethtool;

/// Commands of SIOCETHTOOL.
const GET_FIELDS: u32 = 0x29;
const GET_HASH: u32 = 0x46;
const SET_HASH: u32 = 0x47;

/// 32-bit words of `struct ethtool_rxfh` before its table and key, and of `struct
/// ethtool_rxnfc`.
const HEADER: usize = 6;
const FLOW: usize = 48;
/// The table of queues stays as it is (ETH_RXFH_INDIR_NO_CHANGE).
const SAME_TABLE: u32 = u32::MAX;
/// The Toeplitz hash (ETH_RSS_HASH_TOP).
const TOEPLITZ: u8 = 1;
/// What is hashed is made symmetric first (RXH_XFRM_SYM_XOR, RXH_XFRM_SYM_OR_XOR;
/// Linux 6.8 and 6.15).
const SYMMETRIC_XOR: u8 = 1;
const SYMMETRIC: u8 = SYMMETRIC_XOR | 2;
/// A Toeplitz key that repeats after 16 bits gives both directions one hash: addresses
/// and ports are whole multiples of that apart.
const KEY: [u8; 2] = [0x6d, 0x5a];
/// Longer tables and keys no card has: 4 Ki queues, some hundred bytes.
const MOST: u32 = 1 << 16;

/// Flows whose fields may be chosen, as ethtool(8) calls them, and their numbers.
const FLOWS: [(&str, u32); 4] = [("tcp4", 1), ("udp4", 2), ("tcp6", 5), ("udp6", 6)];
/// Fields of a hash: destination MAC; source and destination address; the halves of the
/// first word of the transport header, which are the ports (RXH_*).
const MAC: u64 = 1 << 1;
const ADDRESSES: u64 = 1 << 4 | 1 << 5;
const PORTS: u64 = 1 << 6 | 1 << 7;

/// How both directions of a conversation are kept together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symmetry {
    /// By a key that repeats.
    Key,
    /// By what is hashed (symmetric-xor and its like).
    Xor,
}

impl std::fmt::Display for Symmetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key => "symmetric key",
            Self::Xor => "symmetric-xor",
        })
    }
}

/// Both directions are not kept together. Half a sentence.
#[derive(Debug, thiserror::Error)]
pub enum Apart {
    /// It could be, as far as is known.
    #[error("the hash of the card is not symmetric")]
    Hash,
    /// A flow is hashed by one side alone.
    #[error("the card hashes {0} by one side alone (`ethtool -N IFACE rx-flow-hash {0} sd`)")]
    Fields(&'static str),
    /// There is nothing to set.
    #[error("the driver says nothing of its hash")]
    Silent,
    /// It said yes and did otherwise.
    #[error("the card does not keep the hash that it is given")]
    Lost,
    /// The process may not.
    #[error("setting the hash of the card needs CAP_NET_ADMIN")]
    Denied,
    /// Anything else.
    #[error("the driver refuses a symmetric hash ({0})")]
    Io(io::Error),
}

impl From<io::Error> for Apart {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EOPNOTSUPP) => Self::Silent,
            Some(libc::EPERM | libc::EACCES) => Self::Denied,
            _ => Self::Io(error),
        }
    }
}

/// Whether both directions of a conversation come to one queue, and by what.
///
/// # Errors
/// They do not, or nobody says.
pub fn symmetry(interface: &str) -> Result<Symmetry, Apart> {
    let found = Hash::read(interface)?.symmetry().ok_or(Apart::Hash)?;
    fields(interface).map(|()| found)
}

/// Sees to it, unless it is so already. It stays so until somebody sets it otherwise.
/// Needs `CAP_NET_ADMIN`.
///
/// # Errors
/// The card cannot, or the process may not.
pub fn make_symmetric(interface: &str) -> Result<Symmetry, Apart> {
    let before = Hash::read(interface)?;
    // A key cannot mend what is hashed; nothing is changed in vain.
    fields(interface)?;
    if let Some(already) = before.symmetry() {
        return Ok(already);
    }
    let mut why = Apart::Silent;
    for way in [Symmetry::Key, Symmetry::Xor] {
        let Some(mut command) = before.command(way) else { continue };
        // SAFETY: the kernel only reads this command.
        match unsafe { ethtool(interface, &mut command) } {
            Ok(()) => match Hash::read(interface)?.symmetry() {
                Some(now) => return Ok(now),
                // The kernel accepts what some drivers then leave.
                None => why = Apart::Lost,
            },
            // Why the first way failed says more: few drivers know the second.
            Err(error) if matches!(why, Apart::Silent) => why = error.into(),
            Err(_) => {}
        }
    }
    Err(why)
}

/// How a card hashes.
#[derive(Debug, PartialEq, Eq)]
struct Hash {
    function: u8,
    transform: u8,
    key: Vec<u8>,
}

impl Hash {
    fn read(interface: &str) -> io::Result<Self> {
        let mut sizes = asking(0, 0);
        // SAFETY: without room for table and key, only the header is written.
        unsafe { ethtool(interface, &mut sizes)? };
        let [_, _, table, key, ..] = sizes.as_slice() else { return Ok(Self::of(&[])) };
        let mut answer = asking((*table).min(MOST), (*key).min(MOST));
        // SAFETY: there is room for table and key as long as the header says; the kernel
        // refuses any other length.
        unsafe { ethtool(interface, &mut answer)? };
        Ok(Self::of(&answer))
    }

    /// Of an answer: header, table of a word a slot, key.
    fn of(answer: &[u32]) -> Self {
        let word = |at: usize| answer.get(at).copied().unwrap_or_default();
        let [function, transform, ..] = word(4).to_ne_bytes();
        let slots = usize::try_from(word(2)).unwrap_or(usize::MAX);
        let length = usize::try_from(word(3)).unwrap_or(usize::MAX);
        let key = answer.iter().skip(HEADER.saturating_add(slots));
        let key = key.flat_map(|word| word.to_ne_bytes()).take(length).collect();
        Self { function, transform, key }
    }

    fn symmetry(&self) -> Option<Symmetry> {
        let mut pairs = self.key.chunks(KEY.len());
        let first = pairs.next();
        let repeats = first.is_some_and(|first| pairs.all(|pair| first.starts_with(pair)));
        if self.transform & SYMMETRIC != 0 {
            Some(Symmetry::Xor)
        } else {
            (self.function == TOEPLITZ && repeats).then_some(Symmetry::Key)
        }
    }

    /// What sets it, where it can be set at all. All that is not named stays.
    fn command(&self, way: Symmetry) -> Option<Vec<u32>> {
        let length = match way {
            Symmetry::Key => self.key.len(),
            Symmetry::Xor => 0,
        };
        if length == 0 && way == Symmetry::Key {
            return None;
        }
        let function = if self.function == TOEPLITZ { 0 } else { TOEPLITZ };
        // Kernels that know no transformations want a zero here.
        let transform = if way == Symmetry::Xor { SYMMETRIC_XOR } else { 0 };
        let mut command = vec![SET_HASH, 0, SAME_TABLE, u32::try_from(length).ok()?];
        command.extend([u32::from_ne_bytes([function, transform, 0, 0]), 0]);
        let key: Vec<u8> = KEY.into_iter().cycle().take(length.next_multiple_of(4)).collect();
        let (words, _) = key.as_chunks();
        command.extend(words.iter().map(|word| u32::from_ne_bytes(*word)));
        Some(command)
    }
}

/// Asks for the hash, with room for a table of so many slots and a key of so many bytes.
fn asking(slots: u32, key: u32) -> Vec<u32> {
    let mut command = vec![GET_HASH, 0, slots, key, 0, 0];
    let more = slots.saturating_add(key.div_ceil(4));
    command.resize(HEADER.saturating_add(usize::try_from(more).unwrap_or_default()), 0);
    command
}

/// Whether all flows are hashed by both sides alike.
fn fields(interface: &str) -> Result<(), Apart> {
    for (name, flow) in FLOWS {
        let mut answer = [0_u32; FLOW];
        for (field, value) in answer.iter_mut().zip([GET_FIELDS, flow]) {
            *field = value;
        }
        // SAFETY: the answer is a struct ethtool_rxnfc, as long as this.
        match unsafe { ethtool(interface, &mut answer) } {
            Ok(()) if !alike(data(&answer)) => return Err(Apart::Fields(name)),
            // What cannot be asked cannot be chosen either: then it is all of them.
            _ => {}
        }
    }
    Ok(())
}

/// The 64-bit `data` after command and flow.
fn data(answer: &[u32; FLOW]) -> u64 {
    let [_, _, a, b, ..] = answer.map(u32::to_ne_bytes);
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a, b);
    u64::from_ne_bytes([a0, a1, a2, a3, b0, b1, b2, b3])
}

fn alike(fields: u64) -> bool {
    let both = |pair: u64| fields & pair == pair || fields & pair == 0;
    both(ADDRESSES) && both(PORTS) && fields & MAC == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer as a driver gives it: two queues in a table of four slots.
    fn answer(function: u8, transform: u8, key: &[u8]) -> Vec<u32> {
        let mut answer = asking(4, u32::try_from(key.len()).unwrap());
        answer[4] = u32::from_ne_bytes([function, transform, 0, 0]);
        answer[6..10].copy_from_slice(&[0, 1, 0, 1]);
        for (word, four) in answer[10..].iter_mut().zip(key.chunks(4)) {
            *word = u32::from_ne_bytes(std::array::from_fn(|n| four.get(n).copied().unwrap_or(9)));
        }
        answer
    }

    #[test]
    fn a_hash_is_symmetric_by_its_key_or_by_what_is_hashed() {
        let of = |function, transform, key: &[u8]| {
            Hash::of(&answer(function, transform, key)).symmetry()
        };
        let good = [0x6d, 0x5a].repeat(20);
        assert_eq!(of(TOEPLITZ, 0, &good), Some(Symmetry::Key));
        assert_eq!(of(TOEPLITZ, 0, &good[..39]), Some(Symmetry::Key), "of an odd length");
        let mut bad = good.clone();
        bad[38] ^= 1;
        assert_eq!(of(TOEPLITZ, 0, &bad), None);
        assert_eq!(of(2, 0, &good), None, "another hash");
        assert_eq!(of(TOEPLITZ, 1, &bad), Some(Symmetry::Xor));
        assert_eq!(of(TOEPLITZ, 2, &bad), Some(Symmetry::Xor));
        assert_eq!(of(TOEPLITZ, 0, &[]), None);
        assert_eq!(Hash::of(&[]).symmetry(), None);
    }

    #[test]
    fn what_is_set_is_what_is_then_read() {
        let before = Hash { function: 2, transform: 0, key: vec![7; 42] };
        let command = before.command(Symmetry::Key).unwrap();
        assert_eq!(command[..4], [0x47, 0, u32::MAX, 42]);
        assert_eq!(command[4].to_ne_bytes(), [TOEPLITZ, 0, 0, 0]);
        assert_eq!(command.len(), 6 + 11, "a key of 42 bytes begins a twelfth word");
        // The kernel keeps its table; the key comes back behind it.
        let mut back = asking(2, 42);
        back[4] = u32::from_ne_bytes([TOEPLITZ, 0, 0, 0]);
        back[8..].copy_from_slice(&command[6..]);
        assert_eq!(Hash::of(&back).key.len(), 42);
        assert_eq!(Hash::of(&back).symmetry(), Some(Symmetry::Key));
        let xor = before.command(Symmetry::Xor).unwrap();
        assert_eq!(xor[2..], [u32::MAX, 0, u32::from_ne_bytes([TOEPLITZ, 1, 0, 0]), 0]);
        // A Toeplitz hash is left one, and without a key there is none to set.
        let bare = Hash { function: TOEPLITZ, transform: 0, key: Vec::new() };
        assert_eq!(bare.command(Symmetry::Key), None);
        assert_eq!(bare.command(Symmetry::Xor).unwrap()[4].to_ne_bytes(), [0, 1, 0, 0]);
    }

    /// The Toeplitz hash of Microsoft's RSS, bit by bit.
    fn toeplitz(key: &[u8], input: &[u8]) -> u32 {
        let bit = |bytes: &[u8], n: usize| u32::from(bytes[n / 8] >> (7 - n % 8) & 1);
        let window = |at: usize| (0..32).fold(0, |w, n| w << 1 | bit(key, at + n));
        (0..input.len() * 8).filter(|&n| bit(input, n) == 1).fold(0, |hash, n| hash ^ window(n))
    }

    #[test]
    fn both_directions_have_one_hash_by_this_key_and_two_by_the_usual_one() {
        let usual = [
            0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
            0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
            0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
        ];
        // An example of the specification: 66.9.149.187:2794 to 161.142.100.80:1766.
        let (a, b) = ([66, 9, 149, 187], [161, 142, 100, 80]);
        let (p, q) = (2794_u16.to_be_bytes(), 1766_u16.to_be_bytes());
        let there = [&a[..], &b, &p, &q].concat();
        let back = [&b[..], &a, &q, &p].concat();
        assert_eq!(toeplitz(&usual, &there), 0x51cc_c178);
        assert_ne!(toeplitz(&usual, &there), toeplitz(&usual, &back));
        let key = KEY.repeat(20);
        assert_eq!(toeplitz(&key, &there), toeplitz(&key, &back));
        assert_ne!(toeplitz(&key, &there), toeplitz(&key, &[&a[..], &b, &p, &p].concat()));
    }

    #[test]
    fn a_flow_hashed_by_one_side_is_none() {
        assert!(alike(0) && alike(ADDRESSES) && alike(ADDRESSES | PORTS));
        for wrong in [1 << 4, 1 << 5, ADDRESSES | 1 << 6, ADDRESSES | PORTS | MAC] {
            assert!(!alike(wrong), "{wrong:#x}");
        }
        let mut answer = [0; FLOW];
        let halves = (ADDRESSES | 1 << 40).to_ne_bytes();
        let (words, _) = halves.as_chunks();
        answer[2] = u32::from_ne_bytes(words[0]);
        answer[3] = u32::from_ne_bytes(words[1]);
        assert_eq!(data(&answer), ADDRESSES | 1 << 40);
    }

    #[test]
    fn who_has_no_hash_says_so() {
        assert!(matches!(symmetry("lo"), Err(Apart::Silent)));
        assert!(matches!(make_symmetric("lo"), Err(Apart::Silent)));
        assert!(matches!(symmetry("no-such-if0"), Err(Apart::Io(_))));
    }
}
