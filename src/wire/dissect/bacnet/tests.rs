use super::super::testing::{facts, packet, udp};
use super::super::torture;
use super::*;

const DEVICE_17: [u8; 5] = [0x0c, 0x02, 0, 0, 17];

fn bvlc(function: u8, body: &[u8]) -> Vec<u8> {
    [&[0x81, function][..], &(body.len() as u16 + 4).to_be_bytes(), body].concat()
}

fn said(message: &[u8]) -> Vec<String> {
    facts(&packet("bacnet", &udp(47808, 47808, message)).unwrap())
}

fn string(text: &[u8]) -> Vec<u8> {
    [&[0x75, text.len() as u8 + 1, 0][..], text].concat()
}

/// I-Am of device 17 of vendor 5.
fn i_am(npci: &[u8]) -> Vec<u8> {
    [npci, &[0x10, 0, 0xc4, 2, 0, 0, 17, 0x22, 1, 0xe0, 0x91, 0, 0x21, 5]].concat()
}

fn property_ack(number: u8, value: &[u8]) -> Vec<u8> {
    let head = [1, 0, 0x30, 7, 12];
    bvlc(10, &[&head[..], &DEVICE_17, &[0x19, number, 0x3e], value, &[0x3f]].concat())
}

fn multiple_ack() -> Vec<u8> {
    let mut body = vec![1, 0, 0x30, 7, 14];
    body.extend(DEVICE_17);
    body.push(0x1e);
    for (number, value) in
        [(77, string(b"AHU-3")), (28, string(b"CANARY")), (121, string("東計電算".as_bytes()))]
    {
        body.extend([0x29, number, 0x4e]);
        body.extend(value);
        body.push(0x4f);
    }
    // An error, a list inside a value, and the serial number, whose number has two bytes.
    body.extend([0x29, 70, 0x5e, 0x91, 2, 0x91, 32, 0x5f]);
    body.extend([0x29, 76, 0x4e, 0x0e, 0xc4, 2, 0, 0, 17, 0x0f, 0x4f]);
    body.extend([0x2a, 1, 0x74, 0x4e]);
    body.extend(string(b"SN0815"));
    body.extend([0x4f, 0x1f]);
    // Another object: an analog input.
    body.extend([0x0c, 0, 0, 0, 1, 0x1e, 0x29, 77, 0x4e]);
    body.extend(string(b"CANARY"));
    body.extend([0x4f, 0x1f]);
    bvlc(10, &body)
}

#[test]
fn a_head_alone_is_no_message() {
    let known = |bytes: &[u8]| probe(&udp(4800, 4000, bytes)) == Verdict::Yes;
    for function in 0..=12 {
        let body = [0, 0, 0, 0, 0, 0x54, 0, 0x54, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for n in [1, 3, 5, 7, 9, 11, 19] {
            assert!(!known(&bvlc(function, &body[..n])), "function {function}, {n} bytes");
        }
    }
    assert!(known(&bvlc(0, &[0, 0x30])) && !known(&bvlc(0, &[0, 0x31])));
    assert!(known(&bvlc(6, &[])) && known(&bvlc(5, &[0, 60])));
    assert!(known(&bvlc(7, &[0; 20])) && known(&bvlc(8, &[10, 0, 0, 1, 0xba, 0xc0])));
    // Who-Is-Router-To-Network; a type of message and of PDU that there are not.
    assert!(known(&bvlc(11, &[1, 0x80, 0])) && !known(&bvlc(11, &[1, 0x80, 0x20])));
    assert!(known(&bvlc(11, &[1, 0, 0x10, 8])) && !known(&bvlc(11, &[1, 0, 0x90, 8])));
}

#[test]
fn announces_itself() {
    let own = bvlc(11, &i_am(&[1, 0x20, 0xff, 0xff, 0, 0xff]));
    assert_eq!(said(&own), ["C bacnet.instance=17", "C bacnet.vendor_id=5"]);
    torture::packet("bacnet", &udp(47808, 47808, &own), &[]);
}

#[test]
fn what_is_passed_on_is_anothers() {
    let routed = bvlc(11, &i_am(&[1, 0x08, 0, 9, 1, 44]));
    assert_eq!(said(&routed), ["C bacnet.role=router"]);
    let forwarded = bvlc(4, &[&[10, 1, 0, 9, 0xba, 0xc0][..], &i_am(&[1, 0])].concat());
    assert!(said(&forwarded).is_empty());
}

#[test]
fn answers_what_is_read() {
    let expected = ["C bacnet.instance=17", "C bacnet.model_name=NAE5510"];
    assert_eq!(said(&property_ack(70, &string(b"NAE5510"))), expected);
    let expected = ["C bacnet.instance=17", "C bacnet.vendor_id=260"];
    assert_eq!(said(&property_ack(120, &[0x22, 1, 4])), expected);
    let wide = property_ack(44, &[0x75, 5, 4, 0, b'V', 0, b'2']);
    assert_eq!(said(&wide)[1], "C bacnet.firmware_revision=V2");
    assert_eq!(said(&property_ack(28, &string(b"CANARY"))), ["C bacnet.instance=17"]);
    let expected = [
        "C bacnet.instance=17",
        "C bacnet.object_name=AHU-3",
        "C bacnet.vendor_name=東計電算",
        "C bacnet.serial_number=SN0815",
    ];
    assert_eq!(said(&multiple_ack()), expected);
    torture::packet("bacnet", &udp(47808, 47808, &property_ack(70, &string(b"M"))), &[]);
    let ack = multiple_ack();
    let mut said = Vec::new();
    for end in 0..ack.len() {
        let cut = udp(47808, 47808, &ack[..end]);
        said.push(probe(&cut));
    }
    assert!(said.iter().all(|v| *v == Verdict::No), "its length does not fit");
}

#[test]
fn survives_anything() {
    // A damaged property number may make one property another, so no canary here.
    torture::packet("bacnet", &udp(47808, 47808, &multiple_ack()), &[]);
}

#[test]
fn who_serves_a_read() {
    let ask = bvlc(10, &[1, 4, 0, 5, 7, 12]);
    assert_eq!(side::answers(&ask), Some(false));
    assert_eq!(side::answers(&property_ack(70, &string(b"x"))), Some(true));
    assert_eq!(side::answers(&bvlc(11, &i_am(&[1, 0]))), Some(true));
    for other in [&b"\x81\x0b\x00\x09\x01"[..], b"\x82", b"", b"\x81\x0a\x00\x06\x02\x00"] {
        assert_eq!(probe(&udp(47808, 47808, other)), Verdict::No);
    }
}

#[test]
fn who_serves_is_told_by_the_message_not_by_the_port() {
    let told = |apdu: &[u8]| side::answers(&bvlc(10, &[&[1, 0], apdu].concat()));
    for own in [
        &[0x10, 0, 0xc4][..],
        &[0x10, 1],
        &[0x10, 2],
        &[0x30, 7, 12],
        &[0x20, 7, 15],
        &[0x50, 7, 12],
        &[0x60, 7, 1],
        &[0x41, 7, 0, 1],
        &[0x71, 7, 0],
        &[0x00, 5, 7, 1],
    ] {
        assert_eq!(told(own), Some(true), "{own:x?}");
    }
    for asks in [
        &[0x10, 8][..],
        &[0x10, 7],
        &[0x10, 6],
        &[0x00, 5, 7, 12],
        &[0x08, 5, 7, 0, 1, 15],
        &[0x40, 7, 0, 1],
        &[0x70, 7, 0],
        &[0x20, 7, 1],
        &[0x50, 7, 2],
    ] {
        assert_eq!(told(asks), Some(false), "{asks:x?}");
    }
    for neither in [&[0x10, 4][..], &[0x80], &[0x10], &[0x00, 5], &[]] {
        assert_eq!(told(neither), None, "{neither:x?}");
    }
    assert_eq!(side::answers(&bvlc(5, &[0, 60])), Some(false), "a foreign device registers");
    assert_eq!(side::answers(&bvlc(0, &[0, 0])), Some(true), "and is told the result");
    assert_eq!(side::answers(b""), None);
}
