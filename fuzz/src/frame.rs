//! Any frames, one after the other, through headers, fragments, flows and dissectors.
//! Every observation is clean, and memory stays bounded.
//!
//! Input: for each frame one byte that says its link type and whether the capture cut
//! it, one byte for the milliseconds since the one before, two for its length, its bytes.

use auscult::time::Timestamp;
use auscult::wire::capture::{Frame, LinkType};
use auscult::wire::flow::Engine;
use auscult::wire::packet::duplicate::Copy;
use auscult::wire::packet::{Front, Layer4};

use super::promise;

const LINKS: [LinkType; 5] =
    [LinkType::Ethernet, LinkType::RawIp, LinkType::Null, LinkType::Cooked, LinkType::Cooked2];
/// Set in a frame's first byte when it was longer on the wire.
const CUT: u8 = 0x80;

/// Appends a frame to an input.
pub fn encode(input: &mut Vec<u8>, link: LinkType, cut: bool, bytes: &[u8]) {
    let link = LINKS.iter().position(|l| *l == link).unwrap_or(0) as u8;
    let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
    input.extend([link | if cut { CUT } else { 0 }, 5]);
    input.extend((bytes.len() as u16).to_be_bytes());
    input.extend(bytes);
}

/// Reads the frames of `input`.
pub fn run(mut input: &[u8]) {
    let (mut front, mut engine) = (Front::new(0), Engine::new(promise::FLOWS));
    let (mut at, mut number, mut said) = (1_700_000_000_000_000_000_i64, 0, Vec::new());
    while let Some((&[kind, pause, high, low], rest)) = input.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (bytes, rest) = rest.split_at(len);
        input = rest;
        number += 1;
        at += i64::from(pause) * 1_000_000;
        let more = if kind & CUT == 0 { 0 } else { 200 };
        let link = LINKS[usize::from(kind & 0x7f) % LINKS.len()];
        let wire_len = bytes.len() as u32 + more;
        let sight = front.next(&Frame { at: Timestamp(at), link, wire_len, number, bytes });
        let mut packet = sight.packet;
        let routed = match sight.copy {
            Copy::First => None,
            Copy::Same => continue,
            Copy::Routed(segment) => Some(segment),
        };
        if sight.fragment {
            (packet.l4, packet.payload) = (Layer4::None, &[]);
        }
        engine.packet(&packet, routed, &mut said);
        promise::of_engine(&engine);
    }
    engine.finish(&mut said);
    said.iter().for_each(promise::of_observation);
    assert!(said.iter().all(|s| s.frame <= number), "a frame that never was");
    assert_eq!(front.counts().frames, number);
}
