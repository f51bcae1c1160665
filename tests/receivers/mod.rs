//! Receivers of alerts that can be killed at any moment: a listener of syslog by TCP, and
//! a web server. What one has taken is noted before it says so.

#![allow(dead_code, reason = "each test uses its own part")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Syslog,
    /// Syslog, but two of five connections are reset after some lines.
    Torn,
    /// Syslog, but every second connection is reset at once.
    Halting,
    Http,
    /// HTTP, but what holds this is refused.
    Picky(&'static str),
}

/// A receiver that may be up or down; what it took outlives that.
pub(crate) struct Receiver {
    speaks: Speaks,
    pub(crate) port: u16,
    pub(crate) took: Arc<Mutex<Vec<String>>>,
    up: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Receiver {
    /// Up, at a port of its own.
    pub(crate) fn new(speaks: Speaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let mut receiver = Self { speaks, port, took: Arc::default(), up: None };
        receiver.serve(listener);
        receiver
    }

    pub(crate) fn start(&mut self) {
        if self.up.is_none() {
            let listener = TcpListener::bind(("127.0.0.1", self.port)).expect("the same port");
            self.serve(listener);
        }
    }

    /// Killed: connections die with what was not read of them.
    pub(crate) fn kill(&mut self) {
        if let Some((dead, thread)) = self.up.take() {
            dead.store(true, Ordering::Relaxed);
            thread.join().expect("ended");
        }
    }

    pub(crate) fn took(&self) -> Vec<String> {
        self.took.lock().expect("whole").clone()
    }

    fn serve(&mut self, listener: TcpListener) {
        listener.set_nonblocking(true).expect("set");
        let (dead, took, speaks) =
            (Arc::new(AtomicBool::new(false)), Arc::clone(&self.took), self.speaks);
        let stop = Arc::clone(&dead);
        let thread = std::thread::spawn(move || {
            let connections = AtomicUsize::new(0);
            while !stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) if speaks == Speaks::Torn => {
                        let n = connections.fetch_add(1, Ordering::Relaxed);
                        // Numbers without a pattern that a batch could match.
                        let lines = 1 + (n.wrapping_add(1).wrapping_mul(0x9e37_79b9) >> 8) % 30;
                        match n % 5 {
                            0 | 2 => torn(stream, lines, &took),
                            _ => one(stream, Speaks::Syslog, &took, &stop),
                        }
                    }
                    Ok((stream, _)) if speaks == Speaks::Halting => {
                        match connections.fetch_add(1, Ordering::Relaxed) % 2 {
                            1 => torn(stream, 0, &took),
                            _ => one(stream, Speaks::Syslog, &took, &stop),
                        }
                    }
                    Ok((stream, _)) => one(stream, speaks, &took, &stop),
                    Err(_) => std::thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        self.up = Some((dead, thread));
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.kill();
    }
}

fn one(mut stream: TcpStream, speaks: Speaks, took: &Mutex<Vec<String>>, stop: &AtomicBool) {
    stream.set_nonblocking(false).expect("set");
    stream.set_read_timeout(Some(Duration::from_millis(5))).expect("set");
    let (mut bytes, mut buffer) = (Vec::new(), [0; 1500]);
    loop {
        // A process that dies takes with it what it has read and not yet noted.
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let end = match stream.read(&mut buffer) {
            Ok(0) => true,
            Ok(n) => {
                bytes.extend_from_slice(&buffer[..n]);
                // Slow, so that it is killed in the middle of things.
                std::thread::sleep(Duration::from_millis(1));
                false
            }
            Err(_) => false,
        };
        match speaks {
            Speaks::Syslog | Speaks::Torn | Speaks::Halting => {
                frames(&mut bytes, took, usize::MAX);
            }
            Speaks::Http | Speaks::Picky(_) => {
                if let Some(body) = body(&bytes) {
                    if matches!(speaks, Speaks::Picky(word) if body.contains(word)) {
                        let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
                        let _ = stream.write_all(answer);
                        return;
                    }
                    took.lock().expect("whole").push(body);
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    let _ = stream.write_all(answer);
                    return;
                }
            }
        }
        if end {
            let is_web = matches!(speaks, Speaks::Http | Speaks::Picky(_));
            assert!(is_web || bytes.is_empty() || bytes.len() < 20_000);
            return;
        }
    }
}

/// Takes some lines and goes with something unread: the connection is reset.
fn torn(mut stream: TcpStream, lines: usize, took: &Mutex<Vec<String>>) {
    stream.set_nonblocking(false).expect("set");
    let (mut bytes, mut byte, mut taken) = (Vec::new(), [0; 1], 0);
    while taken < lines && stream.read(&mut byte).is_ok_and(|n| n > 0) {
        bytes.extend(byte);
        taken += frames(&mut bytes, took, lines - taken);
    }
    // Something has come that nobody reads.
    let _ = stream.peek(&mut byte);
}

/// Takes whole frames of RFC 6587, so many at most.
fn frames(bytes: &mut Vec<u8>, took: &Mutex<Vec<String>>, most: usize) -> usize {
    let mut taken = 0;
    while taken < most
        && let Some(space) = bytes.iter().position(|b| *b == b' ')
    {
        let digits = std::str::from_utf8(&bytes[..space]).expect("a length");
        let length: usize = digits.parse().expect("a length");
        if bytes.len() < space + 1 + length {
            break;
        }
        let frame: Vec<u8> = bytes.drain(..=space + length).skip(space + 1).collect();
        took.lock().expect("whole").push(String::from_utf8(frame).expect("text"));
        taken += 1;
    }
    taken
}

/// The body of a request, when it is whole.
fn body(bytes: &[u8]) -> Option<String> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).expect("text");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let length: usize = length.expect("a length").parse().expect("a number");
    let body = bytes.get(end + 4..end + 4 + length)?;
    Some(String::from_utf8(body.to_vec()).expect("text"))
}
