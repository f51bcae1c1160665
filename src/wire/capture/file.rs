//! One capture: opened, told apart by its first bytes, and walked to its end.

use std::fs;
use std::io::{self, BufReader, Cursor, IsTerminal as _, Read};
use std::ops::ControlFlow;
use std::path::Path;

use super::error::{Broken, Codec, OpenError, Reason};
use super::pcap::{self, Pcap};
use super::pcapng::Pcapng;
use super::window::{Bytes, Counted, Counter, Memory, Stream, Whole};
use super::{Batch, Frame, Step, Totals, offset};
use crate::observe::text::is_printable;

/// Takes a batch of frames and the bytes of the file read so far; may stop the run.
type Each<'c> = dyn FnMut(&[Frame<'_>], u64) -> ControlFlow<()> + 'c;

/// Largest zstd window that is unpacked, as a power of two: 128 MiB, what the zstd
/// tool itself takes without being asked. A file that names a larger one is refused.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Compressed bytes read at once.
const PACKED: usize = 64 * 1024;

/// An opened capture: pcap or pcapng, plain, gzip or zstd.
pub struct File(Reading<'static>);

impl File {
    /// Opens a capture and reads its header. `-` is standard input.
    ///
    /// # Errors
    /// It cannot be opened, is not a capture, or is one that is not read here.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let name = if path == Path::new("-") { "standard input".into() } else { printable(path) };
        Reading::begin(name, Opened::find(path)).map(Self)
    }

    /// A capture in memory, compressed or not.
    ///
    /// # Errors
    /// It is not a capture, or one that is not read here.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, OpenError> {
        let size = Some(offset(bytes.len()));
        let opened = match Codec::of(&bytes) {
            None => Ok(Opened { source: Box::new(Memory(bytes)), codec: None, read: None, size }),
            Some(_) => Opened::stream(Cursor::new(bytes), size),
        };
        Reading::begin(name.into(), opened).map(Self)
    }

    /// Bytes of the file on disk, for progress; none for a pipe.
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        self.0.input.size
    }

    /// Calls `each` with batches of 1 to [`BATCH`](super::BATCH) frames and the bytes
    /// of the file read so far, until the end or until it breaks.
    ///
    /// # Errors
    /// The capture is cut or corrupt; everything before that was delivered.
    pub fn run(self, each: &mut Each<'_>) -> Result<Totals, Broken> {
        self.0.run(each)
    }
}

/// Runs over a capture in memory, compressed or not.
///
/// # Errors
/// It is not a capture (then at byte 0), cut or corrupt; everything before that was delivered.
pub fn parse_bytes(bytes: &[u8], each: &mut Each<'_>) -> Result<Totals, Broken> {
    let size = Some(offset(bytes.len()));
    let codec = Codec::of(bytes);
    let opened = match codec {
        None => Ok(Opened { source: Box::new(Memory(bytes)), codec, read: None, size }),
        Some(_) => Opened::stream(bytes, size),
    };
    Reading::begin("memory".into(), opened)
        .map_err(|OpenError { name, reason }| Broken {
            name,
            byte: 0,
            codec,
            reason,
            totals: Totals::default(),
        })?
        .run(each)
}

impl Codec {
    /// The compression that a file begins with.
    fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // A skippable frame, which parallel zstd tools put first (RFC 8878 §3.1.2).
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// The bytes of a capture, found and unpacked.
struct Opened<'a> {
    source: Box<dyn Bytes + 'a>,
    codec: Option<Codec>,
    /// Bytes of the file read so far, where that is not the offset of the walk.
    read: Option<Counter>,
    size: Option<u64>,
}

impl<'a> Opened<'a> {
    /// Tells what a path is and picks the way to read it.
    fn find(path: &Path) -> Result<Self, Reason> {
        if path == Path::new("-") {
            if io::stdin().is_terminal() {
                return Err(Reason::Terminal);
            }
            return Self::stream(io::stdin(), None);
        }
        let mut file = fs::File::open(path)?;
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(Reason::Directory);
        }
        let size = meta.is_file().then_some(meta.len());
        // A length of zero is also what a special file system says of what it makes up.
        if size.is_some_and(|size| size > 0) {
            let mut head = Vec::new();
            Read::take(&mut file, 4).read_to_end(&mut head)?;
            io::Seek::rewind(&mut file)?;
            if let (None, Some(length)) = (Codec::of(&head), size) {
                // Read into a buffer that stays in a core's cache: half the cost of a
                // map, whose every page the kernel must enter into a table.
                let source = Box::new(Stream::new(Whole::new(file, length), None));
                return Ok(Self { source, codec: None, read: None, size });
            }
        }
        Self::stream(file, size)
    }

    /// A stream, unpacked if it begins as something compressed.
    fn stream(input: impl Read + Send + 'a, size: Option<u64>) -> Result<Self, Reason> {
        let counter = Counter::default();
        let mut input = Counted { input, counter: counter.clone() };
        let mut head = Vec::new();
        Read::take(&mut input, 4).read_to_end(&mut head)?;
        let codec = Codec::of(&head);
        let input = Cursor::new(head).chain(input);
        let packed = |input| BufReader::with_capacity(PACKED, input);
        let source: Box<dyn Bytes + 'a> = match codec {
            None => Box::new(Stream::new(input, codec)),
            Some(Codec::Gzip) => {
                let unpacked = flate2::bufread::MultiGzDecoder::new(packed(input));
                Box::new(Stream::new(unpacked, codec))
            }
            Some(Codec::Zstd) => {
                let mut unpacked = zstd::stream::read::Decoder::with_buffer(packed(input))?;
                unpacked.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(Stream::new(unpacked, codec))
            }
        };
        Ok(Self { source, codec, read: Some(counter), size })
    }
}

/// The two formats.
enum Walk {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Walk {
    /// The format that begins with these bytes, and the offset of its first item.
    fn begin(head: &[u8]) -> Result<(Self, u64), Reason> {
        if Pcap::begins(head) {
            Ok((Self::Pcap(Pcap::new(head)?), offset(pcap::HEADER)))
        } else if Pcapng::begins(head) {
            Ok((Self::Pcapng(Pcapng::new()), 0))
        } else if head.is_empty() {
            Err(Reason::Empty)
        } else {
            let (is, remedy) = what_else(head);
            Err(Reason::NotCapture(is, remedy))
        }
    }

    fn walk<'a>(&mut self, window: &'a [u8], batch: &mut Batch<'a>) -> (usize, Step) {
        match self {
            Self::Pcap(pcap) => pcap.walk(window, batch),
            Self::Pcapng(pcapng) => pcapng.walk(window, batch),
        }
    }

    fn behind(&self) -> u64 {
        match self {
            Self::Pcap(_) => 0,
            Self::Pcapng(pcapng) => pcapng.behind(),
        }
    }
}

/// A capture being walked.
struct Reading<'a> {
    name: String,
    input: Opened<'a>,
    walk: Walk,
    /// Offset of the walk.
    at: u64,
}

impl<'a> Reading<'a> {
    fn begin(name: String, opened: Result<Opened<'a>, Reason>) -> Result<Self, OpenError> {
        let begun = opened.and_then(|mut input| {
            let head = input.source.window(0, pcap::HEADER);
            let empty = head.is_empty();
            match Walk::begin(head) {
                Ok((walk, at)) => Ok((input, walk, at)),
                // What cannot be read or unpacked is not empty.
                Err(reason) => Err(input.source.fault().filter(|_| empty).unwrap_or(reason)),
            }
        });
        match begun {
            Ok((input, walk, at)) => Ok(Self { name, input, walk, at }),
            Err(reason) => Err(OpenError { name, reason }),
        }
    }

    fn run(mut self, each: &mut Each<'_>) -> Result<Totals, Broken> {
        let mut totals = Totals::default();
        let mut want = 1;
        let broken = loop {
            let window = self.input.source.window(self.at, want);
            let read = self.input.read.as_ref().map(Counter::get);
            let mut rest = window;
            let mut batch = Batch::new();
            let step = loop {
                batch.len = 0;
                let (used, step) = self.walk.walk(rest, &mut batch);
                rest = rest.get(used..).unwrap_or_default();
                self.at = self.at.saturating_add(offset(used));
                totals.frames = totals.frames.saturating_add(offset(batch.len));
                totals.bytes = self.at;
                if let Walk::Pcapng(walk) = &self.walk {
                    (totals.skipped, totals.skipped_link) = (walk.skipped, walk.skipped_link);
                }
                if batch.len > 0 && each(batch.frames(), read.unwrap_or(self.at)).is_break() {
                    return Ok(totals);
                }
                if !matches!(step, Step::Full) {
                    break step;
                }
            };
            let have = rest.len();
            let ended = window.len() < want;
            want = match step {
                Step::Full => 1,
                Step::Skip(bytes) => {
                    self.at = self.at.saturating_add(bytes);
                    1
                }
                Step::Bad(reason) => break reason,
                Step::Need { bytes, item } if ended => {
                    if let Some(fault) = self.input.source.fault() {
                        break fault;
                    }
                    if have == 0 && self.walk.behind() == 0 {
                        return Ok(totals);
                    }
                    break Reason::Cut { item, have, need: bytes };
                }
                Step::Need { bytes, .. } => bytes,
            };
        };
        let byte = self.at.saturating_sub(self.walk.behind());
        Err(Broken { name: self.name, byte, codec: self.input.codec, reason: broken, totals })
    }
}

/// What a file is that is not a capture, and what to do with it.
fn what_else(head: &[u8]) -> (&'static str, &'static str) {
    const UNPACK: &str = "unpack it first";
    const CONVERT: &str = "convert it with editcap";
    match head {
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => ("packed twice", UNPACK),
        [b'P', b'K', 3 | 5, ..] => ("a ZIP archive", UNPACK),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => ("an xz archive", UNPACK),
        [b'B', b'Z', b'h', ..] => ("a bzip2 archive", UNPACK),
        [b'7', b'z', 0xbc, 0xaf, ..] => ("a 7-Zip archive", UNPACK),
        [0x04, 0x22, 0x4d, 0x18, ..] => ("an lz4 archive", UNPACK),
        [b's', b'n', b'o', b'o', b'p', 0, ..] => ("a snoop file", CONVERT),
        [b'G', b'M', b'B', b'U', ..] => ("a Network Monitor file", CONVERT),
        [b'S', b'Q', b'L', b'i', b't', b'e', ..] => ("a database", "name a pcap or pcapng file"),
        _ if head.iter().all(|b| matches!(b, 9 | 10 | 13 | 0x20..=0x7e)) => {
            ("text", "name a pcap or pcapng file")
        }
        _ => ("in an unknown format", "name a pcap or pcapng file"),
    }
}

/// A path as it may reach a terminal.
fn printable(path: &Path) -> String {
    path.to_string_lossy().chars().map(|c| if is_printable(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests;
