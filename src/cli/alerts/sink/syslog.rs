//! Syslog's transports: UDP (RFC 5426), TCP with octets counted (RFC 6587), TLS (RFC 5425).

use std::io::{self, Write as _};
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::ClientConfig;

use super::stream::{Stream, addresses, no_address};
use crate::cli::alerts::receiver::Server;

/// So long after a datagram it may be heard that nobody took it.
const REFUSAL: Duration = Duration::from_millis(50);

/// One connection for all of them. The receiver has read them when it closes after we
/// did: TCP alone says nothing of the kind.
pub(super) fn stream(
    server: &Server,
    (tls, closes): (Option<&Arc<ClientConfig>>, &AtomicBool),
    lines: &[String],
) -> io::Result<()> {
    let mut stream = Stream::connect(server, tls)?;
    stream.write_all(&framed(lines))?;
    stream.end()?;
    let is_closed = stream.until_closed().map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            io::Error::new(io::ErrorKind::TimedOut, "it does not close, so it may not have read")
        }
        _ => error,
    })?;
    // The end of TCP can be anybody's. Who has ended TLS before does so again.
    if closes.fetch_or(is_closed, Ordering::Relaxed) && !is_closed {
        let why = "TLS was not ended as before, so something may have been cut off";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
    }
    Ok(())
}

/// Each with its length before it (RFC 6587, section 3.4.1).
fn framed(lines: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(line.len().to_string().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(line.as_bytes());
    }
    bytes
}

/// A datagram each. That one was taken cannot be known; that nobody is there can, where
/// the receiver's machine says so.
pub(super) fn datagrams(server: &Server, lines: &[String]) -> io::Result<()> {
    let address = addresses(server)?.next().ok_or_else(no_address)?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    for line in lines {
        socket.send(line.as_bytes())?;
    }
    std::thread::sleep(REFUSAL);
    socket.take_error()?.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{Shutdown, TcpListener};

    use super::*;

    #[test]
    fn who_closes_without_reading_has_taken_nothing() {
        let sent = |reads: bool, after: u64| {
            let there = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = there.local_addr().unwrap().port();
            let receiver = std::thread::spawn(move || {
                let (mut stream, _) = there.accept().unwrap();
                if reads {
                    let mut all = String::new();
                    stream.read_to_string(&mut all).unwrap();
                    return all;
                }
                std::thread::sleep(Duration::from_millis(after));
                stream.shutdown(Shutdown::Write).unwrap();
                // Goes with something unread, long after both halves were closed.
                std::thread::sleep(Duration::from_millis(300));
                String::new()
            });
            let server = Server { host: "127.0.0.1".into(), port };
            let sent = stream(&server, (None, &AtomicBool::new(false)), &["a".to_owned()]);
            (sent.is_ok(), receiver.join().unwrap())
        };
        assert_eq!(sent(false, 0), (false, String::new()));
        assert_eq!(sent(false, 50), (false, String::new()));
        assert_eq!(sent(true, 0), (true, "1 a".to_owned()));
    }

    #[test]
    fn octets_are_counted() {
        let lines = ["<1>1 ü\n".to_owned(), "b".to_owned()];
        assert_eq!(framed(&lines), "8 <1>1 ü\n1 b".as_bytes());
    }

    #[test]
    fn nobody_at_a_port_takes_no_datagram() {
        let there = UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = Server { host: "127.0.0.1".into(), port: there.local_addr().unwrap().port() };
        datagrams(&server, &["a".to_owned()]).unwrap();
        assert_eq!(there.recv(&mut [0; 2]).unwrap(), 1);
        drop(there);
        assert!(datagrams(&server, &["a".to_owned()]).is_err());
    }
}
