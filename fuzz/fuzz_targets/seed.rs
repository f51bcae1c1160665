//! `seed targets`: the names of all targets. `seed corpus CAPTURES CORPUS`: real input
//! for each of them, from the captures of a directory.
//!
//! All is built to be fuzzed and links only with the fuzzer, whose `main` it has; the
//! work is done, and the program ended, before that looks at its arguments.
#![no_main]

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs, io, process};

use auscult::wire::dissect::PROTOCOLS;
use auscult_fuzz::advisory_file::EXAMPLES;
use auscult_fuzz::lab::Harvest;
use auscult_fuzz::{dissector, frame, stream};

const TARGETS: [&str; 5] = ["capture_file", "frame", "stream", "signature_file", "advisory_file"];
/// A longer input teaches a fuzzer little and costs it much.
const LONGEST: usize = 8 * 1024;

libfuzzer_sys::fuzz_target!(init: make(), |_bytes: &[u8]| ());

fn make() {
    let done = seed();
    if let Err(error) = &done {
        eprintln!("{error}");
    }
    process::exit(i32::from(done.is_err()));
}

fn seed() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["targets"] => {
            for name in TARGETS.into_iter().chain(PROTOCOLS.iter().map(|p| p.name)) {
                println!("{name}");
            }
            Ok(())
        }
        ["corpus", captures, corpus] => fill(Path::new(captures), Path::new(corpus)),
        _ => Err(io::Error::other("seed targets | seed corpus CAPTURES CORPUS")),
    }
}

fn fill(captures: &Path, corpus: &Path) -> io::Result<()> {
    let write = |target: &str, inputs: &BTreeSet<Vec<u8>>| {
        let dir = corpus.join(target);
        fs::create_dir_all(&dir)?;
        inputs.iter().enumerate().try_for_each(|(n, input)| {
            fs::write(dir.join(format!("lab-{n:04}")), &input[..input.len().min(LONGEST)])
        })
    };
    let mut harvest = Harvest::default();
    let mut files = BTreeSet::new();
    for (_, bytes) in Harvest::captures(captures) {
        files.insert(bytes[..bytes.len().min(LONGEST)].to_vec());
        harvest.add(&bytes);
    }
    for entry in fs::read_dir(captures)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "gz" || e == "zst") {
            files.insert(fs::read(path)?.into_iter().take(LONGEST).collect());
        }
    }
    write("capture_file", &files)?;

    let mut frames = BTreeSet::new();
    for some in harvest.frames.chunks(4).step_by(7) {
        let mut input = Vec::new();
        for (link, cut, bytes) in some {
            frame::encode(&mut input, *link, *cut, bytes);
        }
        frames.insert(input);
    }
    write("frame", &frames)?;

    let mut streams = BTreeSet::new();
    for protocol in PROTOCOLS {
        let mut inputs = harvest.packets.remove(protocol.name).unwrap_or_default();
        for it in harvest.conversations.get(protocol.name).into_iter().flatten() {
            let mut input = dissector::encode(&it.messages());
            input[0] = inputs.len() as u8;
            inputs.insert(input);
            let all: Vec<_> = it.messages.iter().map(|m| (u8::from(m.0), &m.2[..])).collect();
            streams.insert(stream::encode(it.handshake, it.port, &all));
        }
        write(protocol.name, &inputs)?;
    }
    write("stream", &streams)?;

    let mut signatures = BTreeSet::new();
    let dir = captures.join("../../signatures");
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            // Some blocks of each file, with a value that one of them may know.
            let text = fs::read_to_string(&path)?;
            let blocks: Vec<&str> = text.split("\n\n").collect();
            for some in blocks.chunks(2).step_by(blocks.len() / 8 + 1) {
                signatures.insert(format!("{}\0Windows 10", some.join("\n\n")).into_bytes());
            }
        }
    }
    write("signature_file", &signatures)?;
    let files = EXAMPLES.map(|it| it.as_bytes().to_vec());
    write("advisory_file", &files.into_iter().collect())
}
