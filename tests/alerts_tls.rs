//! TLS to receivers of alerts: a certificate of the authority that was named is believed,
//! any other is not.

mod lab;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn openssl(dir: &Path, args: &[&str]) -> bool {
    let mut command = Command::new("openssl");
    command.args(args).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// An authority, and a certificate of it for this machine's address.
fn certify(dir: &Path) -> bool {
    let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ca"];
    let of = ["-keyout", "ca.key", "-out", "ca.pem"];
    let other = ["-keyout", "other.key", "-out", "other.pem"];
    let ask = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=siem"];
    let asked = ["-keyout", "key.pem", "-out", "ask.pem"];
    let sign = ["x509", "-req", "-in", "ask.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-days"];
    let signed = ["2", "-CAcreateserial", "-extfile", "names", "-out", "cert.pem"];
    std::fs::write(dir.join("names"), "subjectAltName = IP:127.0.0.1\n").expect("written");
    openssl(dir, &[&new[..], &of].concat())
        && openssl(dir, &[&new[..], &other].concat())
        && openssl(dir, &[&ask[..], &asked].concat())
        && openssl(dir, &[&sign[..], &signed].concat())
}

/// Serves so many connections, and gives what came with each.
fn serve(dir: &Path, answer: &'static [u8], times: usize) -> (u16, Arc<Mutex<Vec<String>>>) {
    let certificate = CertificateDer::from_pem_file(dir.join("cert.pem")).expect("a certificate");
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
        for _ in 0..times {
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
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    (port, took)
}

#[test]
fn only_the_authority_that_was_named_is_believed() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    if !certify(dir) {
        let _ = writeln!(std::io::stderr(), "skipped: no certificates without openssl");
        return;
    }
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
        command.args(args).args(["--db", "a.db", "--config", "a.toml"]).current_dir(dir);
        command.output().expect("runs")
    };
    std::fs::write(dir.join("a.toml"), "").expect("written");
    for capture in ["windows.pcap", "bedside.pcap"] {
        let path = lab::capture(capture).display().to_string();
        assert!(run(&["read", "-q", &path]).status.success());
    }
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
        assert!(!said.contains("quiet") && !said.contains("hook?"), "{said}");
    }
    let (frames, requests) = (frames.lock().expect("whole"), requests.lock().expect("whole"));
    assert_eq!((frames[0].as_str(), requests[0].as_str()), ("", ""), "nothing before it is sure");
    assert!(frames[1].contains(" auscult - new_device [auscult@32473 id="), "{}", frames[1]);
    assert!(requests[1].starts_with("POST /hook?a=b HTTP/1.1\r\nHost: 127.0.0.1:"));
    assert!(requests[1].contains("\r\nX-Auscult-Signature: sha256="), "{}", requests[1]);
}
