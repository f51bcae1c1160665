//! Every cap of the flow engine, each with its reason. Reaching one is counted
//! in [`super::Counts`], never an abort.

use crate::time::SECOND;

/// Conversations kept at once: a busy university hospital's core holds some
/// 300,000; a million leaves room for a scan or a flood. About 180 MiB when full,
/// taken from the system only as it is used.
pub const MAX_FLOWS: usize = 1 << 20;

/// TCP conversations with a dissector or under recognition at once. Most flows
/// leave this state within a few packets; long-lived DICOM and HL7 stay.
pub const MAX_CONVERSATIONS: usize = 1 << 16;

/// Bytes of one direction that a dissector may ask to see at once. The largest
/// message of interest is an HL7 result head or a certificate chain.
pub const MAX_BUFFER: usize = 256 * 1024;

/// Bytes kept of all conversations together, over which nothing more is buffered.
pub const MAX_BUFFERED_TOTAL: usize = 128 * 1024 * 1024;

/// Bytes of one direction held back behind a missing segment: a burst of a 1 Gb/s
/// sender over a reordering of 1 ms is 125 kB.
pub const MAX_PENDING_BYTES: usize = 128 * 1024;

/// Segments of one direction held back behind a missing one.
pub const MAX_PENDING_SEGMENTS: usize = 64;

/// Buffers larger than this are given back to the system when a message is done.
pub const KEEP_BUFFER: usize = 16 * 1024;

/// Bytes of each direction in which a protocol must make itself known.
pub const MAX_OPENING: usize = 4 * 1024;

/// Segments with payload, both directions, in which a protocol must make itself
/// known. A long-lived conversation joined in the middle gets as many.
pub const MAX_OPENING_SEGMENTS: u8 = 24;

/// UDP datagrams of a flow that are asked for their protocol.
pub const MAX_OPENING_DATAGRAMS: u8 = 6;

/// Idle TCP conversations: an HL7 or DICOM association may rest for an hour.
pub const IDLE_TCP: i64 = 7_200 * SECOND;

/// A TCP conversation of which only one side was ever seen: scans, SYN floods.
pub const IDLE_HALF_OPEN: i64 = 60 * SECOND;

/// After FIN of both sides or RST: late retransmissions still find their flow.
pub const LINGER: i64 = 15 * SECOND;

/// Idle UDP and other conversations (RFC 4787 REQ-5 asks NATs for two minutes).
pub const IDLE_UDP: i64 = 180 * SECOND;

/// Packet time that falls back by more than this is a new time; less is reordering
/// between queues and captures.
pub const CLOCK_STEP: i64 = 3_600 * SECOND;

/// A host that goes on talking is said to be present with its first packet of each
/// stretch of so many seconds since 1970: a minute of the clock, in which time on line is
/// counted.
pub const PRESENT_EVERY: u32 = 60;

/// The same observation of the same host is news again after this time.
pub const REPEAT_AFTER: i64 = 300 * SECOND;

/// Speakers of whom is remembered what was said of them within [`REPEAT_AFTER`]; 256
/// bytes each.
pub const SEEN_SPEAKERS: usize = 1 << 15;

/// Pieces of equipment of which is remembered that work was told of them within this minute:
/// the beds of some large hospitals, in 32 KiB.
pub const SEEN_PIECES: usize = 1 << 12;

/// Packets with which a conversation opens: in them most is said of its speakers.
pub const OPENING: u32 = 16;

/// Questions kept whose answers do not say whom they are about; under 1 KiB each. An
/// authentication server answers some hundred a second when a ward is switched on.
pub const MAX_QUESTIONS: usize = 1 << 12;

/// For so long an answer is waited for: access devices give up after a few attempts, and
/// their numbers come round again (RFC 5080 §2.2.1).
pub const ANSWER_WAIT: i64 = 30 * SECOND;

/// Who asks what in vain, remembered for an hour; 112 bytes each. A hospital of 20,000 devices
/// has some thousand that look for a server which is no more.
pub const MAX_IN_VAIN: usize = 1 << 14;

/// What was said of an asker's attempts is not said again for so long: whoever tries again
/// and again what is not there says nothing new.
pub const VAIN_EVERY: i64 = 3_600 * SECOND;

/// Datagrams of one conversation that may be a question which is asked again; more are a
/// stream to one who only listens (voice, video, logs).
pub const MAX_ATTEMPTS: u32 = 8;

/// Who asks for echoes and cards of the link in a step, remembered until it is known whether
/// the same are asked again; 144 bytes each. Only who asks several for the first time stays.
pub const MAX_ASKING: usize = 1 << 13;

/// For so long echoes and cards are counted together before it is judged who answered: they
/// answer within a second.
pub const ASKING: i64 = 10 * SECOND;

/// For so long it is awaited whether the same are asked again: monitors do so each few
/// minutes, hardly any less often than each quarter of an hour.
pub const LIST: i64 = 1_800 * SECOND;

/// Who asked whom for an echo or a card; 24 bytes each. Monitors of a hospital of 20,000
/// devices ask each of them, and each device asks for a few cards, of which a quarter counts.
pub const MAX_PAIRS: usize = 1 << 17;

/// Who asked whom is forgotten when they were not asked for so long: twice [`LIST`].
pub const PAIR_KEPT: i64 = 3_600 * SECOND;

/// So many who are asked for the first time in a step are no part of a list that a monitor
/// goes through evenly, where two of three are silent.
pub const AT_ONCE: u64 = 32;

/// Addresses to which an ICMP error came, 8 bytes each; one takes the place of another. Only
/// that answers pass here at all is read from it.
pub const MAX_REFUSED: usize = 1 << 12;

/// Bits of those who were asked for an echo for the first time in a step, below which nothing
/// is said: nearly every device asks for one other, its router or a server.
pub const LEAST_ECHOES: u32 = 2;

/// The same of cards, where an address of four sets a bit: after a start a device asks for
/// its router, its servers and a few neighbours.
pub const LEAST_CARDS: u32 = 3;
