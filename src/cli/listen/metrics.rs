//! What is counted, for Prometheus: `GET /metrics` in the text format, on an address of
//! the administrator's choice and off without one. It tells numbers and the names of
//! interfaces, protocols and fields; nothing from the wire can be among them.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::sensor::Look;

/// Longest request.
const REQUEST: usize = 4096;
/// A client has so long for its request and to take the answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Clients at a time; of more, those that came first are dropped.
const CLIENTS: usize = 32;
/// Clients are looked at this often, while there are any.
const TICK: Duration = Duration::from_millis(5);
/// Clients that the kernel keeps waiting, as the standard library has it.
const BACKLOG: i32 = 128;
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counters whose names have parts: what they begin with, the metric, what it is, the
/// labels of the other parts.
const FAMILIES: [(&str, &str, &str, &[&str]); 7] = [
    ("lost.", "frames_lost", "Frames on the port that nobody read", &["reason"]),
    ("duplicates.", "frames_duplicate", "Frames seen more than once, read once", &["reason"]),
    ("malformed.", "frames_malformed", "Frames with an unreadable header", &["reason"]),
    ("queue.", "observations_dropped", "Observations without room on the way", &["reason"]),
    ("protocol.", "protocol_conversations", "Conversations by protocol", &["protocol"]),
    ("unreadable.", "messages_unreadable", "Unreadable messages", &["protocol", "reason"]),
    ("acks.", "acks_missed", "TCP acknowledgements of bytes that never passed", &["reason"]),
];

/// What is shown.
struct Snapshot {
    look: Look,
    at: Instant,
    edition: String,
}

/// The endpoint; it is bound before rights are given up and serves after.
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    /// No interface has the address yet; it is served as soon as one has.
    pub(super) ahead: bool,
    listener: TcpListener,
    patience: Duration,
}

/// Where the endpoint finds what it shows.
#[derive(Clone, Default)]
pub(super) struct Board(Arc<Mutex<Option<Arc<Snapshot>>>>);

impl Board {
    pub(super) fn show(&self, look: &Look, edition: &str) {
        let (look, at, edition) = (look.clone(), Instant::now(), edition.to_owned());
        let snapshot = Some(Arc::new(Snapshot { look, at, edition }));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    fn text(&self) -> Option<String> {
        let snapshot = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        snapshot.map(|snapshot| text(&snapshot))
    }
}

/// An address as it may be written: a port alone is one of this machine; anything else
/// is written out. Names are never looked up.
pub(super) fn address(written: &str) -> Result<SocketAddr, String> {
    let port = written.parse().map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    match port.or_else(|_| written.parse()) {
        // The system would take any, and another one each time.
        Ok(address) if address.port() == 0 => Err("0 is no port; write one from 1 to 65535".into()),
        Ok(address) => Ok(address),
        Err(_) => {
            let written = written.escape_debug();
            Err(format!("`{written}` is no address; write PORT, 127.0.0.1:PORT or [::1]:PORT"))
        }
    }
}

impl Endpoint {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let (listener, ahead) = match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                (bind_ahead(address)?, true)
            }
            bound => (bound?, false),
        };
        Ok(Self { address: listener.local_addr()?, ahead, listener, patience: PATIENCE })
    }

    /// Answers from now on, on a thread of its own.
    pub(super) fn serve(self, board: Board) -> io::Result<()> {
        let serve = move || {
            let mut clients = VecDeque::new();
            loop {
                self.turn(&mut clients, &board);
            }
        };
        std::thread::Builder::new().name("metrics".into()).spawn(serve).map(drop)
    }

    /// Takes in who waits and goes on with all: nobody waits for another. With nobody
    /// there it waits for somebody.
    fn turn(&self, clients: &mut VecDeque<Client>, board: &Board) {
        let mut waits = clients.is_empty();
        for _ in 0..CLIENTS {
            match self.listener.set_nonblocking(!waits).and_then(|()| self.accept()) {
                Ok(mut client) => {
                    if client.go_on(board) {
                        clients.push_back(client);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // No descriptors, no memory: a moment later, perhaps.
                Err(_) => {
                    std::thread::sleep(10 * TICK);
                    break;
                }
            }
            // Who says nothing makes room for who just came.
            if clients.len() > CLIENTS {
                clients.pop_front();
            }
            waits = false;
        }
        clients.retain_mut(|client| client.go_on(board));
        if !clients.is_empty() {
            std::thread::sleep(TICK);
        }
    }

    fn accept(&self) -> io::Result<Client> {
        let (stream, _) = self.listener.accept()?;
        stream.set_nonblocking(true)?;
        let (came, patience) = (Instant::now(), self.patience);
        Ok(Client { stream, came, patience, head: Vec::new(), answer: None })
    }
}

/// Listens on an address that no interface has (IP_FREEBIND, ip(7)): a network may come up
/// later than this, when there is no right left to try again.
fn bind_ahead(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    match address.is_ipv4() {
        true => sockopt::set_ip_freebind(&socket, true)?,
        false => sockopt::set_ipv6_freebind(&socket, true)?,
    }
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Somebody connected.
struct Client {
    stream: TcpStream,
    came: Instant,
    patience: Duration,
    /// Of the request.
    head: Vec<u8>,
    /// What is still to be sent, once the request is there.
    answer: Option<VecDeque<u8>>,
}

impl Client {
    /// Goes on as far as that goes now. False when there is no more to be done: who went
    /// away or is too slow gets no more.
    fn go_on(&mut self, board: &Board) -> bool {
        let waits = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        self.came.elapsed() < self.patience && self.step(board).map_or_else(waits, |()| false)
    }

    /// An error is that it has to wait, or anything worse.
    fn step(&mut self, board: &Board) -> io::Result<()> {
        while self.answer.is_none() {
            let mut some = [0; 1024];
            match self.stream.read(&mut some)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => self.head.extend_from_slice(some.get(..n).unwrap_or_default()),
            }
            if self.head.windows(4).any(|end| end == b"\r\n\r\n") {
                self.answer = Some(answer(&understand(&self.head), board).into());
            } else if self.head.len() >= REQUEST {
                self.answer = Some(answer(&Request::TooLong, board).into());
            }
        }
        let rest = self.answer.get_or_insert_default();
        while !rest.is_empty() {
            let written = self.stream.write(rest.as_slices().0)?;
            rest.drain(..written);
        }
        self.stream.shutdown(std::net::Shutdown::Write)
    }
}

fn answer(request: &Request, board: &Board) -> Vec<u8> {
    let (status, body) = match request {
        Request::Metrics => match board.text() {
            Some(text) => ("200 OK", text),
            None => ("503 Service Unavailable", "not yet\n".to_owned()),
        },
        Request::Elsewhere => ("404 Not Found", "there is /metrics\n".to_owned()),
        Request::Otherwise => ("405 Method Not Allowed", "there is GET\n".to_owned()),
        Request::TooLong => ("431 Request Header Fields Too Large", String::new()),
        Request::Garbage => ("400 Bad Request", String::new()),
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {TEXT}\r\nContent-Length: {length}\r\n\
         Allow: GET\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
    );
    answer.into_bytes()
}

/// What a client wants.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Metrics,
    Elsewhere,
    Otherwise,
    TooLong,
    Garbage,
}

fn understand(head: &[u8]) -> Request {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let Ok(line) = std::str::from_utf8(line) else { return Request::Garbage };
    let mut words = line.split(' ');
    let (method, path, version) = (words.next(), words.next(), words.next());
    match (method, path, version, words.next()) {
        (Some(method), Some(path), Some("HTTP/1.1" | "HTTP/1.0"), None)
            if path.starts_with('/') =>
        {
            let path = path.split('?').next().unwrap_or_default();
            match (method, path) {
                ("GET", "/metrics") => Request::Metrics,
                ("GET", _) => Request::Elsewhere,
                _ => Request::Otherwise,
            }
        }
        _ => Request::Garbage,
    }
}

/// Metrics being written: each with its help, type and samples.
#[derive(Default)]
struct Page(BTreeMap<String, (String, &'static str, Vec<String>)>);

impl Page {
    fn add(&mut self, name: &str, what: &str, kind: &'static str, labels: &[(&str, &str)], n: f64) {
        let name = format!("auscult_{name}");
        let labels: Vec<_> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let sample = format!("{name}{labels} {n}");
        self.0.entry(name).or_insert_with(|| (what.to_owned(), kind, Vec::new())).2.push(sample);
    }
}

fn escaped(value: &str) -> String {
    super::super::printable(value).replace('\\', "\\\\").replace('"', "\\\"")
}

fn text(snapshot: &Snapshot) -> String {
    let Snapshot { look, at, edition } = snapshot;
    let mut page = Page::default();
    let info = [("version", env!("CARGO_PKG_VERSION"))];
    page.add("build_info", "The program", "gauge", &info, 1.0);
    page.add("signatures_info", "The signatures", "gauge", &[("edition", edition)], 1.0);
    let published = look.published.map_or(f64::NAN, |at| at.elapsed().as_secs_f64());
    for (name, what, value) in [
        ("hosts", "Speakers remembered", number(look.hosts)),
        ("assets", "Assets last published", number(look.assets)),
        ("queue_portions", "Portions on the way to the census", number(look.queue.0)),
        ("queue_portions_max", "Portions that have room there", number(look.queue.1)),
        ("journal_bytes", "Bytes in the journal", number(look.journal_bytes)),
        ("publish_age_seconds", "Since assets were last published", published),
        ("census_age_seconds", "Since the census was last seen alive", at.elapsed().as_secs_f64()),
        (
            "inventory_writable",
            "1: the last write went well",
            f64::from(u8::from(look.unwritten.is_none())),
        ),
    ] {
        page.add(name, what, "gauge", &[], value);
    }
    let unjournaled = counted(look.unjournaled);
    let what = "Observations that found no room in the journal";
    page.add("journal_lost_total", what, "counter", &[], unjournaled);
    for port in &look.ports {
        let name = ("port", port.interface.as_str());
        let up = f64::from(u8::from(port.reads && port.fault.is_none()));
        page.add("port_up", "1: all workers read", "gauge", &[name], up);
        let method = [name, ("method", port.method.as_str())];
        page.add("capture_info", "How frames come", "gauge", &method, 1.0);
        let what = "Share of frames lost in the last minute of the clock that is over";
        page.add("loss_ratio", what, "gauge", &[name], port.lately.health.share());
        for (counter, n) in &port.counters {
            add_counter(&mut page, name, counter, counted(*n));
        }
    }
    let mut out = String::new();
    for (name, (what, kind, samples)) in page.0 {
        let _ = write!(out, "# HELP {name} {what}.\n# TYPE {name} {kind}\n");
        for sample in samples {
            let _ = writeln!(out, "{sample}");
        }
    }
    out
}

fn add_counter(page: &mut Page, port: (&str, &str), counter: &str, n: f64) {
    for (begin, metric, what, labels) in FAMILIES {
        let Some(rest) = counter.strip_prefix(begin) else { continue };
        let parts = rest.splitn(labels.len(), '.');
        let labels = [port].into_iter().chain(labels.iter().copied().zip(parts));
        let labels: Vec<_> = labels.collect();
        return page.add(&format!("{metric}_total"), what, "counter", &labels, n);
    }
    let name: String =
        counter.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let what = format!("Counter {counter} of a port");
    page.add(&format!("{name}_total"), &what, "counter", &[port], n);
}

#[allow(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn counted(n: u64) -> f64 {
    n as f64
}

#[allow(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn number(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::{Lately, PortLook};
    use crate::store::Health;

    fn snapshot() -> Snapshot {
        let counters = [("frames", 7), ("lost.ring", 2), ("unreadable.dns.name", 1)];
        let counters = counters.map(|(name, n)| (name.to_owned(), n)).into_iter().collect();
        let port = PortLook {
            interface: "a\"b".into(),
            counters,
            lately: Lately {
                at: 0,
                health: Health::of_counters([("frames", 7), ("lost.ring", 2)]),
            },
            reads: true,
            ahead: 0,
            method: "af-xdp".into(),
            turned: None,
            fault: None,
            needs_restart: false,
        };
        let look = Look { ports: vec![port], hosts: 3, ..Look::default() };
        Snapshot { look, at: Instant::now(), edition: "e".into() }
    }

    #[test]
    fn each_metric_has_help_and_type_once() {
        let text = text(&snapshot());
        for wanted in [
            "auscult_frames_total{port=\"a\\\"b\"} 7\n",
            "auscult_frames_lost_total{port=\"a\\\"b\",reason=\"ring\"} 2\n",
            "auscult_messages_unreadable_total{port=\"a\\\"b\",protocol=\"dns\",reason=\"name\"} 1\n",
            "auscult_hosts 3\n",
            "auscult_capture_info{port=\"a\\\"b\",method=\"af-xdp\"} 1\n",
            "auscult_publish_age_seconds NaN\n",
            "# TYPE auscult_frames_lost_total counter\n",
        ] {
            assert_eq!(text.matches(wanted).count(), 1, "{wanted}{text}");
        }
        let helps: Vec<_> = text.lines().filter(|line| line.starts_with("# HELP")).collect();
        let mut once = helps.clone();
        once.dedup();
        assert_eq!(once, helps);
        assert!(text.lines().all(|l| l.starts_with("# ") || l.starts_with("auscult_")), "{text}");
    }

    #[test]
    fn requests_are_understood_or_refused() {
        for (head, wanted) in [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", Request::Metrics),
            ("GET /metrics?a=b HTTP/1.0\r\n\r\n", Request::Metrics),
            ("GET /../etc/passwd HTTP/1.1\r\n\r\n", Request::Elsewhere),
            ("POST /metrics HTTP/1.1\r\n\r\n", Request::Otherwise),
            ("GET http://x/ HTTP/1.1\r\n\r\n", Request::Garbage),
            ("GET /metrics HTTP/1.1 x\r\n\r\n", Request::Garbage),
            ("PRI * HTTP/2.0\r\n\r\n", Request::Garbage),
            ("\0\r\n\r\n", Request::Garbage),
            ("\r\n\r\n", Request::Garbage),
        ] {
            assert_eq!(understand(head.as_bytes()), wanted, "{head:?}");
        }
        assert_eq!(understand(b"GET /\xff HTTP/1.1\r\n\r\n"), Request::Garbage);
    }

    /// An endpoint and what it shows; its turns are the test's.
    fn endpoint(patience: Duration) -> (Endpoint, Board) {
        let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (board, Snapshot { look, edition, .. }) = (Board::default(), snapshot());
        board.show(&look, &edition);
        (Endpoint { patience, ..endpoint }, board)
    }

    /// A client that never blocks.
    fn connect(endpoint: &Endpoint) -> TcpStream {
        let client = TcpStream::connect(endpoint.address).unwrap();
        client.set_nonblocking(true).unwrap();
        client
    }

    /// Closed, by whatever name the system has for it.
    fn is_closed(mut client: &TcpStream) -> bool {
        match client.read(&mut [0; 1]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    #[test]
    fn who_says_nothing_keeps_nobody_out() {
        let (endpoint, board) = endpoint(Duration::MAX);
        let mut clients = VecDeque::new();
        // Together with those below as many as the system lets wait to be accepted.
        let idle: Vec<_> = (0..3 * CLIENTS).map(|_| connect(&endpoint)).collect();
        let mut client = connect(&endpoint);
        // In two parts, with others between them.
        client.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
        let more: Vec<_> = (1..CLIENTS).map(|_| connect(&endpoint)).collect();
        while clients.back().is_none_or(|last: &Client| {
            last.stream.peer_addr().unwrap() != more.last().unwrap().local_addr().unwrap()
        }) {
            endpoint.turn(&mut clients, &board);
        }
        assert!(idle.iter().all(is_closed) && !is_closed(&client));
        client.write_all(b"\r\n").unwrap();
        let mut page = Vec::new();
        while client.read_to_end(&mut page).is_err() {
            endpoint.turn(&mut clients, &board);
        }
        let page = String::from_utf8(page).unwrap();
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("\nauscult_hosts 3\n"));
        assert!(!more.iter().any(is_closed));
    }

    #[test]
    fn patience_ends() {
        let (endpoint, board) = endpoint(Duration::ZERO);
        let client = connect(&endpoint);
        endpoint.turn(&mut VecDeque::new(), &board);
        assert!(is_closed(&client));
    }

    #[test]
    fn only_what_is_written_out_leaves_the_machine() {
        assert_eq!(address("9598").unwrap().to_string(), "127.0.0.1:9598");
        assert_eq!(address("[::1]:9598").unwrap().to_string(), "[::1]:9598");
        assert_eq!(address("10.1.2.3:9598").unwrap().to_string(), "10.1.2.3:9598");
        for none in
            ["", "0", "127.0.0.1:0", ":9598", "localhost:9598", "*:9598", "10.1.2.3", "70000"]
        {
            assert!(address(none).is_err(), "{none}");
        }
    }
}
