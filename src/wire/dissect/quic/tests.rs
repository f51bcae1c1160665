use data_encoding::HEXLOWER;

use super::super::testing::{facts, packet, udp};
use super::super::tls::tests::client_hello;
use super::super::torture;
use super::*;

const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

/// RFC 9001 §A.1 and RFC 9369 §A.1.
#[test]
fn published_keys() {
    let keys = |version| {
        let Keys { key, iv, hp } = Keys::of(version, &ID).unwrap();
        [HEXLOWER.encode(&key), HEXLOWER.encode(&iv), HEXLOWER.encode(&hp)]
    };
    let one = [
        "1f369613dd76d5467730efcbe3b1a22d",
        "fa044b2f42a3fd3b46fb255c",
        "9f50449e04a0e810283a1e9933adedd2",
    ];
    assert_eq!(keys(Version::One), one);
    let two = [
        "8b1a0bc121284290a29e0971b5cd045d",
        "91f73e2351d8fa91660e909f",
        "45b95e15235d6f45a6b19cbcb0294ba9",
    ];
    assert_eq!(keys(Version::Two), two);
}

/// A first packet with these frames, filled up and protected.
fn initial(version: Version, frames: &[u8]) -> Vec<u8> {
    let keys = Keys::of(version, &ID).unwrap();
    let (first, number) = match version {
        Version::One => (0xc3, [0, 0, 0, 1]),
        Version::Two => (0xd3, [0x6b, 0x33, 0x43, 0xcf]),
    };
    // Packet number of four bytes, 1182 bytes with it and the tag: 1200 in all.
    let mut head = vec![first];
    head.extend(number);
    head.push(8);
    head.extend(ID);
    head.extend([0, 0, 0x44, 0x9e, 0, 0, 0, 2]);
    let at = head.len() - 4;
    let mut frames = frames.to_vec();
    frames.resize(1162, 0);
    let sealed = keys.seal(2, &head, &frames);
    let mut datagram = [head, sealed].concat();
    let sample = datagram[at + 4..at + 20].try_into().unwrap();
    let mask = keys.mask(sample);
    datagram[0] ^= mask[0] & 0x0f;
    for (byte, mask) in datagram[at..at + 4].iter_mut().zip(&mask[1..]) {
        *byte ^= mask;
    }
    datagram
}

fn frame(offset: usize, data: &[u8]) -> Vec<u8> {
    let two = |n: usize| (u16::try_from(n).unwrap() | 0x4000).to_be_bytes();
    [&[6], &two(offset)[..], &two(data.len()), data].concat()
}

#[test]
fn whom_a_client_asks_for() {
    let hello = client_hello(0x0303, b"PACS.example", &[0x0304]);
    for (version, number) in [(Version::One, "1"), (Version::Two, "2")] {
        // In pieces, out of order, with padding and a ping between them.
        let frames = [frame(60, &hello[60..]), vec![0, 0, 1], frame(0, &hello[..60])].concat();
        let datagram = initial(version, &frames);
        assert_eq!(datagram.len(), 1200);
        let it = udp(50000, 443, &datagram);
        let said = facts(&packet("quic", &it).unwrap());
        let host = "C quic.requests_host=pacs.example";
        assert_eq!(said[..2], [format!("C quic.version={number}"), host.to_owned()]);
        assert!(said[2].starts_with("C quic.ja4=q13d"), "{said:?}");
        assert_eq!(answers(&it), Some(false));
    }
}

#[test]
fn a_part_of_a_hello() {
    let hello = client_hello(0x0303, b"pacs.example", &[0x0304]);
    let cut = hello.len() - 4;
    let datagram = initial(Version::One, &frame(0, &hello[..cut]));
    let said = facts(&packet("quic", &udp(50000, 443, &datagram)).unwrap());
    assert_eq!(said, ["C quic.version=1", "C quic.requests_host=pacs.example"]);
    let behind = initial(Version::One, &frame(100, &hello[100..]));
    let said = facts(&packet("quic", &udp(50000, 443, &behind)).unwrap());
    assert_eq!(said, ["C quic.version=1"]);
}

#[test]
fn only_what_opens_is_quic() {
    let hello = client_hello(0x0303, b"CANARY.example", &[0x0304]);
    let datagram = initial(Version::One, &frame(0, &hello));
    let mut damaged = datagram.clone();
    for at in 0..damaged.len() {
        damaged[at] ^= 1;
        assert_eq!(probe(&udp(50000, 443, &damaged)), Verdict::No, "byte {at}");
        damaged[at] ^= 1;
    }
    assert_eq!(probe(&udp(50000, 443, &datagram[..1199])), Verdict::No);
    torture::packet("quic", &udp(50000, 443, &datagram), &[]);
    // Frames of any kind are read to their end, or given up.
    torture::shake(&frame(0, &hello), &[], |bytes, _| crypto(bytes).map(|_| ()));
}
