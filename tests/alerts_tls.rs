//! TLS to receivers of alerts: a certificate of the authority that was named is believed,
//! any other is not.

mod lab;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

fn openssl(dir: &Path, args: &[&str]) -> bool {
    let mut command = Command::new("openssl");
    command.args(args).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// An authority, and certificates of it: for this machine's address, and for another.
fn certify(dir: &Path) -> bool {
    let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ca"];
    let of = ["-keyout", "ca.key", "-out", "ca.pem"];
    let other = ["-keyout", "other.key", "-out", "other.pem"];
    let ask = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=siem"];
    let asked = ["-keyout", "key.pem", "-out", "ask.pem"];
    let sign = ["x509", "-req", "-in", "ask.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-days"];
    let signed = ["2", "-CAcreateserial", "-extfile", "names", "-out", "cert.pem"];
    std::fs::write(dir.join("names"), "subjectAltName = IP:127.0.0.1\n").expect("written");
    std::fs::write(dir.join("others"), "subjectAltName = IP:192.0.2.7,DNS:siem\n")
        .expect("written");
    let other_name = ["2", "-CAcreateserial", "-extfile", "others", "-out", "wrong.pem"];
    // Until now.
    let expired = ["0", "-CAcreateserial", "-extfile", "names", "-out", "expired.pem"];
    openssl(dir, &[&new[..], &of].concat())
        && openssl(dir, &[&new[..], &other].concat())
        && openssl(dir, &[&ask[..], &asked].concat())
        && openssl(dir, &[&sign[..], &signed].concat())
        && openssl(dir, &[&sign[..], &other_name].concat())
        && openssl(dir, &[&sign[..], &expired].concat())
}

/// Serves so many connections, and gives what came with each.
fn serve(dir: &Path, answer: &'static [u8], times: usize) -> (u16, Arc<Mutex<Vec<String>>>) {
    serve_as(dir, "cert.pem", answer, times)
}

/// The same with a certificate.
fn serve_as(
    dir: &Path,
    certificate: &str,
    answer: &'static [u8],
    times: usize,
) -> (u16, Arc<Mutex<Vec<String>>>) {
    serve_so(dir, certificate, answer, times, |_| true)
}

/// The same, and ends TLS with those connections with which it should.
fn serve_so(
    dir: &Path,
    certificate: &str,
    answer: &'static [u8],
    times: usize,
    ends: fn(usize) -> bool,
) -> (u16, Arc<Mutex<Vec<String>>>) {
    let certificate = CertificateDer::from_pem_file(dir.join(certificate)).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a pair");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let took: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&took);
    std::thread::spawn(move || {
        for n in 0..times {
            let (stream, _) = listener.accept().expect("a connection");
            let server = ServerConnection::new(Arc::clone(&config)).expect("a server");
            let mut stream = StreamOwned::new(server, stream);
            let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
            // Until it ends; or, of a request, until its last brace.
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                bytes.extend_from_slice(&buffer[..n]);
                if !answer.is_empty() && bytes.ends_with(b"}]}") {
                    break;
                }
            }
            noted.lock().expect("whole").push(String::from_utf8_lossy(&bytes).into_owned());
            let _ = stream.write_all(answer);
            if ends(n) {
                stream.conn.send_close_notify();
            }
            let _ = stream.flush();
        }
    });
    (port, took)
}

/// Runs the program in a directory, on the inventory there.
fn auscult(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
    command.args(args).args(["--db", "a.db", "--config", "a.toml"]).current_dir(dir);
    command.output().expect("runs")
}

/// A directory with certificates and an inventory that has alerts to tell; none, and said
/// so, where certificates cannot be made.
fn site() -> Option<TempDir> {
    let site = tempfile::tempdir().expect("a directory");
    let dir = site.path();
    if !certify(dir) {
        let _ = writeln!(std::io::stderr(), "skipped: no certificates without openssl");
        return None;
    }
    std::fs::write(dir.join("a.toml"), "").expect("written");
    read(dir, "windows.pcap");
    read(dir, "bedside.pcap");
    Some(site)
}

fn read(dir: &Path, capture: &str) {
    let path = lab::capture(capture).display().to_string();
    assert!(auscult(dir, &["read", "-q", &path]).status.success());
}

#[test]
fn only_the_authority_that_was_named_is_believed() {
    let Some(site) = site() else { return };
    let dir = site.path();
    let run = |args: &[&str]| auscult(dir, args);
    let (syslog, frames) = serve(dir, b"", 2);
    let (web, requests) = serve(dir, b"HTTP/1.1 204 No Content\r\n\r\n", 2);
    std::fs::write(dir.join("secret"), "quiet\n").expect("written");
    for (ca, status) in [("other.pem", 1), ("ca.pem", 0)] {
        let config = format!(
            "[[alerts.to]]\nname = 's'\nkind = 'syslog'\naddress = 'tls://127.0.0.1:{syslog}'\n\
             ca_file = '{ca}'\n[[alerts.to]]\nname = 'w'\nkind = 'webhook'\nca_file = '{ca}'\n\
             url = 'https://127.0.0.1:{web}/hook?a=b'\nsecret_file = 'secret'\n"
        );
        std::fs::write(dir.join("a.toml"), config).expect("written");
        let out = run(&["alerts", "--deliver", "--state", "state"]);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(status), "{ca}: {said}");
        assert_eq!(said.contains("not believed; name that by `ca_file`"), status == 1, "{said}");
        assert!(!said.contains("quiet") && !said.contains("hook?"), "{said}");
    }
    let (frames, requests) = (frames.lock().expect("whole"), requests.lock().expect("whole"));
    assert_eq!((frames[0].as_str(), requests[0].as_str()), ("", ""), "nothing before it is sure");
    assert!(frames[1].contains(" auscult - new_device [auscult@32473 id="), "{}", frames[1]);
    assert!(requests[1].starts_with("POST /hook?a=b HTTP/1.1\r\nHost: 127.0.0.1:"));
    assert!(requests[1].contains("\r\nX-Auscult-Signature: sha256="), "{}", requests[1]);
}

/// The end of TCP can be anybody's who stands between: a receiver that has ended TLS once
/// gets what is cut off afterwards again.
#[test]
fn what_is_cut_off_in_between_is_told_again() {
    let Some(site) = site() else { return };
    let dir = site.path();
    // Ends the first connection as TLS does, the second as TCP does, and so on.
    let (port, took) = serve_so(dir, "cert.pem", b"", 4, |n| n % 2 == 0);
    let config = format!(
        "[[alerts.to]]\nname = 's'\nkind = 'syslog'\naddress = 'tls://127.0.0.1:{port}'\n\
         ca_file = 'ca.pem'\n"
    );
    std::fs::write(dir.join("a.toml"), config).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
    command.args(["alerts", "--deliver", "--follow", "--state", "state", "--config", "a.toml"]);
    command.args(["--db", "a.db"]).current_dir(dir).stderr(Stdio::null());
    let mut deliverer = command.spawn().expect("started");
    let count = |n: usize| {
        let begun = std::time::Instant::now();
        while took.lock().expect("whole").len() < n && begun.elapsed().as_secs() < 60 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        took.lock().expect("whole").clone()
    };
    count(1);
    read(dir, "names.pcap");
    let all = count(3);
    deliverer.kill().expect("killed");
    deliverer.wait().expect("ended");
    let id = |it: Option<(&str, &str)>| {
        let (id, _) = it.expect("an element").1.split_once('"').expect("an id");
        id.parse::<u32>().expect("a number")
    };
    let first = |text: &String| id(text.split_once("[auscult@32473 id=\""));
    let last = |text: &String| id(text.rsplit_once("[auscult@32473 id=\""));
    assert!(all.len() >= 3, "{} connections", all.len());
    // From where it began, or from what was certain by then.
    assert!(first(&all[2]) <= last(&all[1]), "{all:?}");
}

/// Serves no TLS: says something else, and goes.
fn goes(says: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            // Amid the handshake: the first words of it were read.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(says);
        }
    });
    port
}

#[test]
fn who_is_not_whom_the_site_has_named_gets_nothing_and_costs_nothing() {
    let Some(site) = site() else { return };
    let dir = site.path();
    let run = |args: &[&str]| auscult(dir, args);
    let deliver = |port: u16| {
        let config = format!(
            "[[alerts.to]]\nname = 's'\nkind = 'syslog'\naddress = 'tls://127.0.0.1:{port}'\n\
             ca_file = 'ca.pem'\n"
        );
        std::fs::write(dir.join("a.toml"), config).expect("written");
        let out = run(&["alerts", "--deliver", "--state", "state"]);
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let (wrong, to_wrong) = serve_as(dir, "wrong.pem", b"", 1);
    // Its only second is over.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let (old, to_old) = serve_as(dir, "expired.pem", b"", 1);
    let others = [
        (wrong, "another name", "not valid for name"),
        (old, "expired", "expired"),
        (goes(b""), "goes in the handshake", "handshake"),
        (goes(b"220 siem ESMTP\r\n"), "no TLS", "does not speak TLS"),
        (goes(b"\x15\x03\x03\x00\x02\x02\x28"), "an alert", "HandshakeFailure"),
    ];
    for (port, who, why) in others {
        let (code, said) = deliver(port);
        assert_eq!(code, Some(1), "{who}: {said}");
        let line = said.lines().find(|line| line.contains("not taken")).unwrap_or_default();
        assert!(line.contains(why) && line.contains("s (127.0.0.1"), "{who}: {said}");
    }
    for took in [to_wrong, to_old] {
        assert!(took.lock().expect("whole").iter().all(String::is_empty), "nothing is told");
    }
    // The right one gets all of it afterwards.
    let (right, took) = serve(dir, b"", 1);
    let (code, said) = deliver(right);
    assert_eq!(code, Some(0), "{said}");
    assert!(took.lock().expect("whole")[0].contains(" auscult - new_device "));
}
