//! Hostile input without a fuzzer: what the lab's captures hold, cut, flipped and
//! split, and every past finding, through the entry points of the fuzz targets. They
//! assert the promises; here the damage is made, the same in every run. How much
//! depends on a budget of bytes, so that this stays a matter of seconds.

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, dead_code, reason = "the library of the fuzz targets")]
mod inputs;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use auscult::census::signature::Book;
use auscult::observe::text::is_printable;
use auscult::sensor::Worker;
use auscult::store::{Inventory, Writer};
use auscult::time::Timestamp;
use auscult::view::register;
use auscult::wire::capture::{Frame, parse_bytes};
use auscult::wire::dissect::{Body, PROTOCOLS, Protocol, by_name};
use auscult::wire::flow::Engine;
use auscult::wire::packet::Front;
use inputs::dissector::{self, Message, conversation};
use inputs::lab::{Conversation, Harvest};
use inputs::{advisory_file, capture_file, frame, promise, signature_file, stream};

/// Protocols that nobody speaks in the lab's captures.
const UNSPOKEN: &[&str] = &["rexec", "rlogin", "rsh"];

/// Bytes of one protocol that each kind of damage may cost.
const BUDGET: usize = 64 << 20;

/// Longest conversation that is treated: what comes behind is data.
const LONGEST: usize = 32 * 1024;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

static CAPTURES: LazyLock<Vec<(String, Vec<u8>)>> =
    LazyLock::new(|| Harvest::captures(&root("pcaps/lab")));

static HARVEST: LazyLock<Harvest> = LazyLock::new(|| {
    let mut harvest = Harvest::default();
    CAPTURES.iter().for_each(|(_, bytes)| harvest.add(bytes));
    harvest
});

/// Messages of a conversation up to [`LONGEST`] bytes.
fn beginning(it: &Conversation) -> Vec<Message<'_>> {
    let mut room = LONGEST;
    let mut messages = it.messages();
    messages.retain(|message| {
        let fits = message.bytes.len() <= room;
        room = if fits { room - message.bytes.len() } else { 0 };
        fits
    });
    messages
}

/// The stream protocols with their conversations, each kind once.
fn spoken() -> impl Iterator<Item = (&'static Protocol, Vec<Vec<Message<'static>>>)> {
    HARVEST.conversations.iter().filter_map(|(name, all)| {
        let mut seen = BTreeSet::new();
        let all = all.iter().map(beginning);
        let all = all.filter(|it| !it.is_empty() && seen.insert(dissector::encode(it))).collect();
        Some((by_name(name)?, all))
    })
}

fn size(messages: &[Message<'_>]) -> usize {
    messages.iter().map(|m| m.bytes.len()).sum()
}

/// Every how many places damage is done, for `costs` of doing it at each place.
fn stride(costs: impl Iterator<Item = usize>) -> usize {
    costs.sum::<usize>() / BUDGET + 1
}

/// Same numbers in every run (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % below.max(1)
    }
}

#[test]
fn the_lab_speaks_every_protocol() {
    let wrong = PROTOCOLS.iter().map(|protocol| protocol.name).filter(|name| {
        let spoken = HARVEST.packets.contains_key(name) || HARVEST.conversations.contains_key(name);
        spoken == UNSPOKEN.contains(name)
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "spoken or not, against what is listed: {wrong:?}");
}

#[test]
fn what_is_said_does_not_depend_on_segments() {
    for (protocol, all) in spoken() {
        let stride = stride(all.iter().map(|it| size(it) * size(it)));
        let mut offset = 0;
        for messages in &all {
            let whole = conversation(protocol, messages, usize::MAX);
            for size in [1, 2, 7, 100, 1460] {
                let split = conversation(protocol, messages, size);
                assert_eq!(split, whole, "{}: in segments of {size}", protocol.name);
            }
            for (at, message) in messages.iter().enumerate() {
                let places = 1..message.bytes.len();
                for place in places.skip(offset % stride).step_by(stride) {
                    let (head, tail) = message.bytes.split_at(place);
                    let mut parts = messages.clone();
                    parts[at].bytes = head;
                    parts.insert(at + 1, Message { gap: false, bytes: tail, ..*message });
                    let split = conversation(protocol, &parts, usize::MAX);
                    assert_eq!(split, whole, "{}: {at} split at {place}", protocol.name);
                }
                offset += 1;
            }
        }
    }
}

#[test]
fn damaged_conversations() {
    for (protocol, all) in spoken() {
        let stride = stride(all.iter().map(|it| 6 * size(it) * size(it)));
        for (offset, messages) in all.iter().enumerate() {
            let mut input = dissector::encode(messages);
            input[0] = 250;
            damage(&mut input, stride, offset, |input| dissector::run(protocol, input));
        }
    }
}

#[test]
fn damaged_packets() {
    for (name, all) in &HARVEST.packets {
        let protocol = by_name(name).expect("registered");
        let stride = stride(all.iter().map(|input| 5 * input.len() * input.len()));
        for (offset, input) in all.iter().enumerate() {
            damage(&mut input.clone(), stride, offset, |input| dissector::run(protocol, input));
        }
    }
}

/// Cut at every place and changed at every place, at `stride`.
fn damage(input: &mut [u8], stride: usize, offset: usize, mut run: impl FnMut(&[u8])) {
    let places = (0..input.len()).skip(offset % stride).step_by(stride);
    for at in places.clone() {
        run(&input[..at]);
    }
    for at in places {
        let was = input[at];
        for is in [was ^ 1, was ^ 0x80, !was, 0] {
            input[at] = is;
            run(input);
        }
        input[at] = was;
    }
}

/// All frames of all captures in one life of the front and the engine.
#[test]
fn cut_frames() {
    // Places times two frames.
    let places: usize = HARVEST.frames.iter().map(|(_, _, bytes)| 2 * bytes.len()).sum();
    let stride = places / (BUDGET / 4) + 1;
    let (mut front, mut engine) = (Front::new(0), Engine::new(promise::FLOWS));
    let (mut number, mut said) = (0_u64, Vec::new());
    for (offset, (link, _, bytes)) in HARVEST.frames.iter().enumerate() {
        for end in (0..bytes.len()).skip(offset % stride).step_by(stride) {
            // Cut by the capture, and as if it had been no longer on the wire.
            for wire_len in [bytes.len(), end] {
                number += 1;
                let at = Timestamp(number as i64 * 1_000_000);
                let wire_len = wire_len as u32;
                let cut = Frame { at, link: *link, wire_len, number, bytes: &bytes[..end] };
                let sight = front.next(&cut);
                engine.packet(&sight.packet, None, &mut said);
                said.drain(..).for_each(|it| promise::of_observation(&it));
            }
        }
        promise::of_engine(&engine);
    }
    assert!(number > 10_000, "only {number} frames");
}

/// A capture is read as well behind another one as alone.
#[test]
fn captures_one_after_another() {
    let mut worker = Worker::default();
    let (_, capture) = CAPTURES.iter().find(|(name, _)| name == "hl7.pcap").expect("there");
    let mut read = |days: i64| {
        let earlier = days * 24 * 3_600 * auscult::time::SECOND;
        let end = parse_bytes(capture, &mut |frames, _| {
            for frame in frames {
                let at = Timestamp(frame.at.0 - earlier);
                worker.turn_to(at);
                worker.read(&[Frame { at, ..*frame }]);
            }
            ControlFlow::Continue(())
        });
        end.expect("reads");
        worker.finish();
        let said = worker.observed().map(|it| format!("{:?} {:?}", it.host, it.what));
        said.collect::<BTreeSet<_>>()
    };
    let first = read(0);
    assert!(first.len() > 100);
    assert_eq!(read(1), first);
}

/// Thousands of broken captures through the reader and the whole wire.
#[test]
fn broken_captures() {
    let mut dice = Dice(0x6175_7363_756c_7421);
    let mut worker = Worker::default();
    let mut observed = 0;
    for round in 0..3000 {
        let (_, capture) = &CAPTURES[round % CAPTURES.len()];
        // The header and a stretch of the rest.
        let mut bytes = capture[..capture.len().min(1000 + dice.next(24_000))].to_vec();
        for _ in 0..1 + dice.next(12) {
            // What is cut away entirely cannot be broken further.
            if bytes.is_empty() {
                break;
            }
            let at = dice.next(bytes.len());
            match dice.next(5) {
                0 => bytes[at] ^= 1 << dice.next(8),
                1 => bytes[at] = dice.next(256) as u8,
                2 => bytes.truncate(at.max(24)),
                3 => drop(bytes.drain(at..(at + dice.next(64)).min(bytes.len()))),
                _ => {
                    let from = dice.next(bytes.len());
                    let piece = bytes[from..(from + dice.next(200)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        capture_file::run(&bytes);
        let _ = parse_bytes(&bytes, &mut |frames, _| {
            worker.read(frames);
            for observation in worker.observed() {
                promise::of_observation(&observation);
                observed += 1;
            }
            ControlFlow::Continue(())
        });
        if round % 10 == 9 {
            worker.finish();
        }
    }
    worker.finish();
    worker.observed().for_each(|it| promise::of_observation(&it));
    assert!(observed > 3_000, "only {observed} observations");
}

/// All frames of the lab with bytes changed, at nonsense times, to the end: what the
/// census makes of it is written, read again, and shown; each row has its columns, and
/// no cell a control character.
#[test]
fn broken_frames_become_a_register() {
    let mut dice = Dice(0x7265_6769_7374_6572);
    let dir = tempfile::tempdir().expect("temporary directory");
    let db = dir.path().join("auscult.db");
    let mut writer = Writer::open(&db).expect("writable");
    let mut census = writer.restore(Arc::clone(Book::builtin())).expect("restores");
    let capture = census.capture("nonsense");
    let mut worker = Worker::default();
    let mut at = 1_700_000_000_000_000_000_i64;
    for (number, (link, _, bytes)) in (1..).zip(&HARVEST.frames) {
        let mut bytes = bytes.clone();
        for _ in 0..dice.next(4) {
            let place = dice.next(bytes.len());
            bytes[place] = dice.next(256) as u8;
        }
        at = match dice.next(2_000) {
            0 => i64::MAX - dice.next(1_000) as i64,
            1 => i64::MIN + dice.next(1_000) as i64,
            2 => -1,
            3..100 => 1_700_000_000_000_000_000 + dice.next(1 << 40) as i64 * 1_000,
            _ => at.saturating_add(dice.next(10_000_000) as i64),
        };
        let (at, link, wire_len) = (Timestamp(at), *link, bytes.len() as u32);
        worker.read(&[Frame { at, link, wire_len, number, bytes: &bytes }]);
        worker.observed().for_each(|it| census.apply(capture, it));
    }
    worker.finish();
    worker.observed().for_each(|it| census.apply(capture, it));
    assert!(census.hosts().len() > 100);
    writer.write(&mut census, &BTreeMap::new()).expect("writes");
    writer.close();

    let inventory = Inventory::open(&db).expect("opens");
    let all = register::Filter { external: true, ..register::Filter::default() };
    let (mut csv, mut json) = (Vec::new(), Vec::new());
    register::csv(&inventory, &all, &mut csv).expect("csv");
    register::json(&inventory, &all, &mut json).expect("json");
    let csv = String::from_utf8(csv).expect("UTF-8");
    assert!(csv.chars().all(|c| is_printable(c) || matches!(c, '\r' | '\n')), "unprintable");
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&json).expect("JSON");
    let assets = inventory.assets().expect("reads");
    assert_eq!(rows.len(), assets.len());
    for asset in &assets {
        let page = auscult::view::dossier::text(asset);
        assert!(page.chars().all(|c| is_printable(c) || c == '\n'), "{page:?}");
    }
}

/// Files to be imported, whole, cut anywhere and with any byte hurt.
#[test]
fn hurt_advisories() {
    let mut dice = Dice(0x6164_7669_736f_7279);
    let whole: Vec<u8> = advisory_file::EXAMPLES.join("\0").into_bytes();
    for file in advisory_file::EXAMPLES.map(str::as_bytes).into_iter().chain([&whole[..]]) {
        advisory_file::run(file);
        for _ in 0..60 {
            let mut hurt = file.to_vec();
            hurt.truncate(1 + dice.next(file.len()));
            let at = dice.next(hurt.len());
            hurt[at] ^= 1 << dice.next(8);
            advisory_file::run(&hurt);
        }
    }
}

/// What fuzzing once found stays mended: the inputs of `fuzz/regressions`.
#[test]
fn past_findings() {
    let mut replayed = 0;
    for target in std::fs::read_dir(root("fuzz/regressions")).expect("regressions").flatten() {
        let name = target.file_name().to_string_lossy().into_owned();
        if !target.path().is_dir() {
            continue;
        }
        for input in std::fs::read_dir(target.path()).expect("inputs").flatten() {
            let bytes = std::fs::read(input.path()).expect("input");
            match name.as_str() {
                "capture_file" => capture_file::run(&bytes),
                "frame" => frame::run(&bytes),
                "stream" => stream::run(&bytes),
                "signature_file" => signature_file::run(&bytes),
                "advisory_file" => advisory_file::run(&bytes),
                protocol => dissector::run(by_name(protocol).expect("a target"), &bytes),
            }
            replayed += 1;
        }
    }
    assert!(replayed > 0, "nothing to replay");
}

/// The conversations of the lab, whole and hurt, through the flow engine.
#[test]
fn hurt_streams() {
    let mut dice = Dice(0x7374_7265_616d_2121);
    let known = HARVEST.conversations.iter().filter(|(name, _)| !name.is_empty());
    for (_, all) in known {
        for it in all.iter().take(12) {
            let mut sent = 0;
            let messages: Vec<_> = it
                .messages
                .iter()
                .map_while(|m| {
                    sent += m.2.len();
                    (sent <= LONGEST).then_some((u8::from(m.0), &m.2[..]))
                })
                .collect();
            stream::run(&stream::encode(it.handshake, it.port, &messages));
            for harmless in [true, false, false] {
                let sizes = dice.next(1460) + 1;
                let hurt: Vec<_> = messages
                    .iter()
                    .flat_map(|(side, bytes)| bytes.chunks(sizes).map(|b| (*side, b)))
                    .map(|(side, bytes)| {
                        let harm = match dice.next(24) {
                            0 => stream::flag::TWICE,
                            1 => stream::flag::LATE,
                            2 if !harmless => stream::flag::LOST,
                            3 if !harmless => stream::flag::ASTRAY,
                            4 if !harmless => stream::flag::OVERLAP,
                            5..=9 if !harmless => stream::flag::ACK,
                            _ => 0,
                        };
                        (side | harm, bytes)
                    })
                    .collect();
                stream::run(&stream::encode(it.handshake, it.port, &hurt));
            }
        }
    }
}

/// The assertions bite: what breaks a promise is noticed.
#[test]
fn promises_are_kept_to() {
    use auscult::net::{HostId, Mac};
    use auscult::observe::{Key, Observation, Observed};
    let host = HostId { mac: Some(Mac([2, 0, 0, 0, 0, 1])), ..HostId::default() };
    let say = |what| Observation { at: Timestamp(0), frame: 1, host, what };
    let fact = |key, value: &str| say(Observed::Fact(Key::new(key), value.to_owned().into()));
    promise::of_observation(&fact("ssh.banner", "SSH-2.0-x"));
    for broken in [
        fact("ssh.banner", "\u{1b}[0m"),
        fact("ssh.banner", &"x".repeat(300)),
        fact("ssh.banner", ""),
        fact("nobody.says", "this"),
        Observation { host: HostId::default(), ..fact("ssh.banner", "SSH-2.0-x") },
    ] {
        let noticed = std::panic::catch_unwind(|| promise::of_observation(&broken));
        assert!(noticed.is_err(), "{broken:?}");
    }
    assert!(PROTOCOLS.iter().any(|p| matches!(p.body, Body::Stream { .. })));
}
