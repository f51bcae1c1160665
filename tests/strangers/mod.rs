//! Lines that anybody can fill as he likes: in each stands a name, and none may stay.

use std::process::Command;

use etherparse::PacketBuilder;

/// A name that is no word of any product.
const NAME: &str = "ZWIRNLACHS";

fn frame(sender: u8, tcp: Option<(u32, u32, bool)>, ports: (u16, u16), bytes: &[u8]) -> Vec<u8> {
    let (own, other) = ([10, 8, 0, sender], [10, 8, 0, sender ^ 0x80]);
    let macs = ([2, 0, 0, 0, 0, sender], [2, 0, 0, 0, 0, sender ^ 0x80]);
    let builder = PacketBuilder::ethernet2(macs.0, macs.1).ipv4(own, other, 64);
    let mut all = Vec::new();
    match tcp {
        None => builder.udp(ports.0, ports.1).write(&mut all, bytes),
        Some((seq, 0, true)) => builder.tcp(ports.0, ports.1, seq, 8192).syn().write(&mut all, b""),
        Some((seq, ack, true)) => {
            builder.tcp(ports.0, ports.1, seq, 8192).syn().ack(ack).write(&mut all, b"")
        }
        Some((seq, ack, false)) => {
            builder.tcp(ports.0, ports.1, seq, 8192).ack(ack).psh().write(&mut all, bytes)
        }
    }
    .expect("written");
    all
}

/// A conversation of client and server: what each says in turn.
fn stream(n: u8, port: u16, says: &[(bool, String)]) -> Vec<Vec<u8>> {
    let (client, server) = ((n, (40_000, port)), (n ^ 0x80, (port, 40_000)));
    let mut at = [1000_u32, 5000];
    let mut all = vec![
        frame(client.0, Some((at[0], 0, true)), client.1, b""),
        frame(server.0, Some((at[1], at[0] + 1, true)), server.1, b""),
    ];
    at = at.map(|it| it + 1);
    for (by_server, text) in says {
        let (of, to) = (usize::from(*by_server), usize::from(!by_server));
        let who = if *by_server { server } else { client };
        all.push(frame(who.0, Some((at[of], at[to], false)), who.1, text.as_bytes()));
        at[of] += u32::try_from(text.len()).expect("short");
    }
    all
}

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("short");
    assert!(length < 128);
    [&[tag, length], value].concat()
}

/// An agent's answer about one object of its system group.
fn system(object: u8, value: &str) -> Vec<u8> {
    let name = tlv(6, &[0x2b, 6, 1, 2, 1, 1, object, 0]);
    let row = tlv(0x30, &[name, tlv(4, value.as_bytes())].concat());
    let zero = tlv(2, &[0]);
    let pdu = tlv(0xa2, &[tlv(2, &[1]), zero.clone(), zero, tlv(0x30, &row)].concat());
    tlv(0x30, &[tlv(2, &[1]), tlv(4, b"public"), pdu].concat())
}

fn radius(attributes: &[(u8, &str)]) -> Vec<u8> {
    let all: Vec<u8> = attributes
        .iter()
        .flat_map(|(kind, value)| {
            [&[*kind, u8::try_from(value.len() + 2).expect("short")], value.as_bytes()].concat()
        })
        .collect();
    let length = u16::try_from(20 + all.len()).expect("short");
    [&[1, 7], &length.to_be_bytes()[..], &[0x41; 16], &all].concat()
}

fn all() -> Vec<Vec<u8>> {
    let http = |text: String| text.replace('\n', "\r\n");
    let mut n = 0;
    let mut all = Vec::new();
    let mut streams = |port: u16, says: Vec<(bool, String)>| {
        n += 1;
        all.extend(stream(n, port, &says));
    };
    for text in ["OpenSSH_7.4 N", "OpenSSH_7.4-N", "x N", "N", "N_", "N_1.2", "N-1.2", "Acme_1.2 N"]
    {
        let text = text.replace('N', NAME);
        streams(
            22,
            vec![(true, format!("SSH-2.0-{text}\r\n")), (false, format!("SSH-2.0-{text}\r\n"))],
        );
    }
    for text in
        ["N FTP server (Version 6.4) ready", "N NET+OS 7.4 FTP server", "(vsFTPd 3.0.3) N", "N"]
    {
        streams(21, vec![(true, format!("220 {}\r\n", text.replace('N', NAME)))]);
    }
    streams(25, vec![(true, format!("220 mx1.h.example ESMTP {NAME}\r\n"))]);
    streams(23, vec![(true, format!("Welcome to {NAME} 7\r\nlogin: "))]);
    let agents = [
        "App/1.0 (N)",
        "N",
        "N T",
        "Mozilla/5.0 (N; Windows NT 10.0) N",
        "Windows N",
        "N/1.0",
        "Mozilla/5.0 N/1.0",
        "NViewer/2.1",
        "N-Viewer/v2",
    ];
    for agent in agents {
        let agent = agent.replace('N', NAME);
        let ask = format!("GET / HTTP/1.1\nHost: h\nUser-Agent: {agent}\n\n");
        let answer = format!(
            "HTTP/1.1 401 No\nServer: {agent}\nX-Powered-By: {agent}\n\
             WWW-Authenticate: Basic realm=\"{agent}\"\nContent-Length: 0\n\n"
        );
        streams(80, vec![(false, http(ask)), (true, http(answer))]);
        let ask = format!("DESCRIBE rtsp://10.8.0.1/ RTSP/1.0\nCSeq: 1\nUser-Agent: {agent}\n\n");
        let answer = format!(
            "RTSP/1.0 401 No\nCSeq: 1\nServer: {agent}\n\
             WWW-Authenticate: Basic realm=\"{agent}\"\nContent-Length: 0\n\n"
        );
        streams(554, vec![(false, http(ask)), (true, http(answer))]);
    }
    let mut datagram = |ports: (u16, u16), bytes: &[u8]| {
        n += 1;
        all.push(frame(n, None, ports, bytes));
    };
    for (object, text) in [(1, "Room 4 N"), (1, "N"), (4, "N"), (4, "Dr. N, 555"), (5, "Room 4 N")]
    {
        datagram((161, 40_000), &system(object, &text.replace('N', NAME)));
    }
    let register = format!(
        "REGISTER sip:h SIP/2.0\nVia: SIP/2.0/UDP 10.8.0.1:5060;branch=z9hG4bK1\n\
         From: <sip:1@h>;tag=1\nTo: <sip:1@h>\nCall-ID: 1\nCSeq: 1 REGISTER\n\
         User-Agent: Phone {NAME}\nContent-Length: 0\n\n"
    );
    datagram((5060, 5060), http(register).as_bytes());
    let notify = format!(
        "NOTIFY * HTTP/1.1\nHOST: 239.255.255.250:1900\nNT: upnp:rootdevice\n\
         NTS: ssdp:alive\nSERVER: Linux/3 UPnP/1.0 {NAME}\nUSN: uuid:1\n\n"
    );
    datagram((1900, 1900), http(notify).as_bytes());
    let search = format!("M-SEARCH * HTTP/1.1\nST: ssdp:all\nUSER-AGENT: {NAME}\n\n");
    datagram((1900, 1900), http(search).as_bytes());
    let called = format!("00-11-22-33-44-55:{NAME}");
    let station = (31, "00-09-5C-41-20-99");
    datagram((40_000, 1812), &radius(&[(1, "x"), station, (30, &called), (87, "Gi1/0/1")]));
    all
}

fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    for (frame, n) in frames.iter().zip(0_u32..) {
        let length = u32::try_from(frame.len()).expect("short");
        for word in [1_760_000_000 + n / 50, n % 50 * 20_000, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

#[test]
fn no_line_of_a_stranger_leaves_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let (db, capture) = (dir.path().join("auscult.db"), dir.path().join("strangers.pcap"));
    let bytes = pcap(&all());
    assert!(super::holds(&bytes, NAME.as_bytes()));
    std::fs::write(&capture, bytes).unwrap();
    for args in [&["read", "-v"][..], &["register"], &["risk"], &["alerts"]] {
        let mut run = Command::new(env!("CARGO_BIN_EXE_auscult"));
        run.args(args).arg("--db").arg(&db).args((args[0] == "read").then_some(&capture));
        let out = run.output().expect("runs");
        let said = [out.stdout, out.stderr].concat();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&said));
        super::assert_clean(args[0], &said, &[NAME.to_owned()]);
    }
    let kept: Vec<u8> = ["", "-wal"]
        .iter()
        .flat_map(|kind| {
            std::fs::read(dir.path().join(format!("auscult.db{kind}"))).unwrap_or_default()
        })
        .collect();
    for key in ["ssh.banner", "ftp.banner", "http.user_agent", "rtsp.server", "sip.user_agent"] {
        assert!(super::holds(&kept, key.as_bytes()), "{key} was read");
    }
    super::assert_clean("the inventory", &kept, &[NAME.to_owned()]);
}

/// What is cut from lines in which programs name themselves may be a name; what signatures
/// look for in them is none. A word that is missing here belongs into `signatures/words.txt`.
#[test]
fn what_signatures_look_for_is_no_name() {
    use auscult::census::signature::Book;
    use auscult::wire::dissect::line::{LINES, kept};
    let book = Book::builtin();
    let mut lost = Vec::new();
    for (signature, key) in book.iter().flat_map(|it| it.keys.iter().map(move |k| (it, k))) {
        for example in signature.examples.iter().filter(|_| LINES.contains(&key.as_str())) {
            let others: Vec<_> =
                example.with.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let said = |text: &str| {
                let of = |it: Option<auscult::census::signature::Match<'_>>| {
                    it.map(|it| format!("{} {:?} {:?}", it.signature.id, it.set, it.hints))
                };
                (of(book.matches(key, text, &others)), of(book.exposes(key, text)))
            };
            let left = kept(key, &example.value).unwrap_or_default();
            if said(&left) != said(&example.value) {
                lost.push(format!("{key}: {} → {left}", example.value));
            }
        }
    }
    assert!(lost.is_empty(), "{} examples:\n{}", lost.len(), lost.join("\n"));
}
