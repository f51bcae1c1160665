//! Builders of associations, commands and data sets, and a bench that feeds them.

use crate::observe::{Observed, Use, text};
use crate::time::Timestamp;
use crate::wire::dissect::dicom::Dicom;
use crate::wire::dissect::{Dissector, Error, Progress, Recovery, Side, Sink, Who};

pub(super) const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(super) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub(super) const EXPLICIT_BIG: &str = "1.2.840.10008.1.2.2";
pub(super) const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
pub(super) const MR: &str = "1.2.840.10008.5.1.4.1.1.4";
pub(super) const WORKLIST: &str = "1.2.840.10008.5.1.4.31";
pub(super) const MPPS: &str = "1.2.840.10008.3.1.2.3.3";
pub(super) const PRINTER: &str = "1.2.840.10008.5.1.1.16";

/// A type, a reserved byte, a two-byte length, a value.
pub(super) fn item(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind, 0], &length[..], value].concat()
}

/// A type, a reserved byte, a four-byte length, a body.
pub(super) fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, 0], &length[..], body].concat()
}

/// User information: 52, 55, 51 and whatever else.
pub(super) fn user(uid: &str, version: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let items = [
        item(0x51, &16384_u32.to_be_bytes()),
        item(0x52, uid.as_bytes()),
        item(0x55, version.as_bytes()),
        more.concat(),
    ];
    item(0x50, &items.concat())
}

/// Role selection.
pub(super) fn role(class: &str, scu: u8, scp: u8) -> Vec<u8> {
    let length = u16::try_from(class.len()).unwrap().to_be_bytes();
    item(0x54, &[&length[..], class.as_bytes(), &[scu, scp]].concat())
}

fn associate(kind: u8, calling: &str, called: &str, items: &[Vec<u8>]) -> Vec<u8> {
    let names = format!("{called:<16}{calling:<16}");
    let context = item(0x10, b"1.2.840.10008.3.1.1.1");
    let fixed = [&[0, 1, 0, 0], names.as_bytes(), &[0; 32], &context].concat();
    pdu(kind, &[fixed, items.concat()].concat())
}

/// A-ASSOCIATE-RQ with contexts 1, 3, 5 … of these abstract syntaxes.
pub(super) fn request(calling: &str, called: &str, classes: &[&str], user: Vec<u8>) -> Vec<u8> {
    let context = |(i, class): (usize, &&str)| {
        let syntaxes = [item(0x30, class.as_bytes()), item(0x40, IMPLICIT.as_bytes())];
        item(0x20, &[&[u8::try_from(2 * i + 1).unwrap(), 0, 0, 0], &syntaxes.concat()[..]].concat())
    };
    let contexts: Vec<_> = classes.iter().enumerate().map(context).collect();
    associate(1, calling, called, &[contexts.concat(), user])
}

/// A-ASSOCIATE-AC with a result and a transfer syntax for contexts 1, 3, 5 …
pub(super) fn accept(answers: &[(u8, &str)], user: Vec<u8>) -> Vec<u8> {
    let context = |(i, (result, syntax)): (usize, &(u8, &str))| {
        let id = u8::try_from(2 * i + 1).unwrap();
        item(0x21, &[&[id, 0, *result, 0], &item(0x40, syntax.as_bytes())[..]].concat())
    };
    let contexts: Vec<_> = answers.iter().enumerate().map(context).collect();
    associate(2, "ECHOED", "ECHOED", &[contexts.concat(), user])
}

/// P-DATA-TF PDUs with one fragment of at most `size` bytes each.
pub(super) fn data(id: u8, command: bool, bytes: &[u8], size: usize) -> Vec<u8> {
    let mut pdus = Vec::new();
    let mut chunks = bytes.chunks(size).peekable();
    while let Some(chunk) = chunks.next() {
        let control = u8::from(command) | if chunks.peek().is_none() { 2 } else { 0 };
        let length = u32::try_from(chunk.len() + 2).unwrap().to_be_bytes();
        pdus.extend(pdu(4, &[&length[..], &[id, control], chunk].concat()));
    }
    pdus
}

/// How elements are written.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Vr {
    Implicit,
    Explicit,
    Big,
}

fn even(value: &[u8], pad: u8) -> Vec<u8> {
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(pad);
    }
    value
}

/// An element header.
pub(super) fn head(as_: Vr, tag: u32, vr: &str, length: u32) -> Vec<u8> {
    let (group, element) =
        (u16::try_from(tag >> 16).unwrap(), u16::try_from(tag & 0xffff).unwrap());
    let long = ["OB", "OW", "SQ", "UN", "UT"].contains(&vr);
    let short = u16::try_from(length).unwrap_or(0);
    let bytes: Vec<Vec<u8>> = match as_ {
        Vr::Implicit => vec![
            group.to_le_bytes().to_vec(),
            element.to_le_bytes().to_vec(),
            length.to_le_bytes().to_vec(),
        ],
        Vr::Explicit => vec![
            group.to_le_bytes().to_vec(),
            element.to_le_bytes().to_vec(),
            vr.as_bytes().to_vec(),
            if long {
                [[0; 2].to_vec(), length.to_le_bytes().to_vec()].concat()
            } else {
                short.to_le_bytes().to_vec()
            },
        ],
        Vr::Big => vec![
            group.to_be_bytes().to_vec(),
            element.to_be_bytes().to_vec(),
            vr.as_bytes().to_vec(),
            if long {
                [[0; 2].to_vec(), length.to_be_bytes().to_vec()].concat()
            } else {
                short.to_be_bytes().to_vec()
            },
        ],
    };
    bytes.concat()
}

/// An element, its value padded.
pub(super) fn element(as_: Vr, tag: u32, vr: &str, value: &[u8]) -> Vec<u8> {
    let value = even(value, if vr == "UI" { 0 } else { b' ' });
    [head(as_, tag, vr, u32::try_from(value.len()).unwrap()), value].concat()
}

/// A sequence of items, of undefined length or not.
pub(super) fn sequence(as_: Vr, tag: u32, items: &[Vec<u8>], undefined: bool) -> Vec<u8> {
    let mark = |element: u32, length: u32| {
        // Items have no VR in any encoding.
        let le = if as_ == Vr::Big { Vr::Big } else { Vr::Implicit };
        match le {
            Vr::Big => [
                &0xfffe_u16.to_be_bytes()[..],
                &u16::try_from(element).unwrap().to_be_bytes(),
                &length.to_be_bytes(),
            ]
            .concat(),
            _ => head(Vr::Implicit, 0xfffe_0000 | element, "", length),
        }
    };
    let mut body = Vec::new();
    for item in items {
        let length = u32::try_from(item.len()).unwrap();
        body.extend(mark(0xe000, if undefined { u32::MAX } else { length }));
        body.extend(item);
        if undefined {
            body.extend(mark(0xe00d, 0));
        }
    }
    if undefined {
        body.extend(mark(0xe0dd, 0));
    }
    let length = if undefined { u32::MAX } else { u32::try_from(body.len()).unwrap() };
    [head(as_, tag, "SQ", length), body].concat()
}

/// A command set: group length, then elements of group 0000 by element number.
pub(super) fn command(elements: &[(u32, &[u8])]) -> Vec<u8> {
    let set: Vec<u8> =
        elements.iter().flat_map(|(tag, value)| element(Vr::Implicit, *tag, "UI", value)).collect();
    let length = u32::try_from(set.len()).unwrap().to_le_bytes();
    [element(Vr::Implicit, 0, "UL", &length), set].concat()
}

/// A request of `field` on an affected class and instance, with a data set.
pub(super) fn affected(field: u16, class: &str, instance: &str) -> Vec<u8> {
    command(&[
        (0x0002, class.as_bytes()),
        (0x0100, &field.to_le_bytes()),
        (0x0110, &[1, 0]),
        (0x0800, &[0, 0]),
        (0x1000, instance.as_bytes()),
    ])
}

struct Collect {
    sender: char,
    now: i64,
    said: Vec<String>,
    works: Vec<(char, Use)>,
}

impl Sink for Collect {
    fn observe(&mut self, who: Who, what: Observed<'_>) {
        assert_eq!(who, Who::Sender);
        let line = match what {
            Observed::Fact(key, value) => format!("{}={}", key.as_str(), text::clean(&value)),
            Observed::Equipment(it) => {
                let fact = |(key, value): &(crate::observe::Key, std::borrow::Cow<'_, str>)| {
                    format!("{}={}", key.as_str().trim_start_matches("dicom."), text::clean(value))
                };
                let facts: Vec<_> = it.facts.iter().map(fact).collect();
                format!("{:?} {}", it.origin, facts.join("; "))
            }
            Observed::Use(it) => return self.works.push((self.sender, it)),
            other => format!("{other:?}"),
        };
        self.said.push(format!("{} {line}", self.sender));
    }

    fn now(&self) -> Timestamp {
        Timestamp::new(self.now, 0)
    }
}

/// Feeds segments as the flow engine does; what was said, and the error that ended it.
/// Lower-case sides come behind a gap. No more may ever be asked for than 256 KiB.
pub(super) fn run(segments: &[(u8, &[u8])]) -> (Vec<String>, Option<Error>) {
    let (out, error) = feed(segments.iter().map(|(who, bytes)| (*who, *bytes, 0)));
    (out.said, error)
}

/// The traces of work in segments, each with the second in which it came.
pub(super) fn works(segments: &[(u8, Vec<u8>, i64)]) -> Vec<(char, Use)> {
    feed(segments.iter().map(|(who, bytes, now)| (*who, bytes.as_slice(), *now))).0.works
}

fn feed<'a>(segments: impl Iterator<Item = (u8, &'a [u8], i64)>) -> (Collect, Option<Error>) {
    let mut dissector = Dicom::default();
    let mut out = Collect { sender: 'C', now: 0, said: Vec::new(), works: Vec::new() };
    let (mut left, mut skip): ([Vec<u8>; 2], [u64; 2]) = Default::default();
    for (who, bytes, now) in segments {
        out.now = now;
        let at = usize::from(who.eq_ignore_ascii_case(&b'S'));
        let side = [Side::Client, Side::Server][at];
        out.sender = ['C', 'S'][at];
        if who.is_ascii_lowercase() {
            left[at].clear();
            assert_eq!(dissector.gap(side), Recovery::Resync);
        }
        let pass = usize::try_from(skip[at]).unwrap_or(usize::MAX).min(bytes.len());
        skip[at] -= pass as u64;
        left[at].extend_from_slice(&bytes[pass..]);
        while !left[at].is_empty() {
            match dissector.dissect(side, &left[at], &mut out) {
                Err(error) => return (out, Some(error)),
                Ok(Progress::Consumed(n)) => {
                    assert!(n > 0 && n <= left[at].len());
                    left[at].drain(..n);
                }
                Ok(Progress::Need(n)) => {
                    assert!(n > left[at].len() && n <= 256 * 1024, "needs {n}");
                    break;
                }
                Ok(Progress::Skip(n)) => {
                    assert!(n > 0);
                    let now = usize::try_from(n).unwrap_or(usize::MAX).min(left[at].len());
                    left[at].drain(..now);
                    skip[at] = n - now as u64;
                }
                Ok(other) => panic!("{other:?}"),
            }
        }
    }
    (out, None)
}

/// As [`run`], for what must be read without error.
pub(super) fn said(segments: &[(u8, &[u8])]) -> Vec<String> {
    let (said, error) = run(segments);
    assert_eq!(error, None);
    said
}
