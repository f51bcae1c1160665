//! Connections: plain, or with TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::PATIENCE;
use crate::cli::alerts::receiver::Server;

/// Where systems keep the certificates that they believe.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// So long our half stays open after the last word. Who ends his in that time has not heard
/// of our end, and has not read up to it: once both halves are closed a system no longer says
/// that what it had was thrown away.
const GRACE: Duration = Duration::from_millis(200);

/// Believes these authorities, or those that the system does.
pub(super) fn config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let found = || BUNDLES.map(Path::new).into_iter().find(|path| path.exists());
    let path = ca.or_else(found).ok_or("no certificates of authorities; name some by `ca_file`")?;
    let shown = path.display();
    let read = |why: rustls::pki_types::pem::Error| format!("{shown}: {why}");
    let mut roots = RootCertStore::empty();
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(read)?.collect();
    roots.add_parsable_certificates(all.map_err(read)?);
    if roots.is_empty() {
        return Err(format!("{shown}: no certificate in it"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// Where a receiver is. Its name is the only one that is ever looked up, by this process
/// and not by the sensor; the site has written it, and may write an address instead.
#[allow(clippy::disallowed_methods, reason = "the name of a receiver, never one from the wire")]
pub(super) fn addresses(server: &Server) -> io::Result<impl Iterator<Item = SocketAddr>> {
    Ok((server.host.as_str(), server.port).to_socket_addrs()?.take(4))
}

pub(super) fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no address of that name")
}

/// A connection to a receiver.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// To the first of its addresses that answers.
    pub(super) fn connect(server: &Server, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        let mut failed = no_address();
        let mut plain = None;
        for address in addresses(server)? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    plain = Some(stream);
                    break;
                }
                Err(error) => failed = error,
            }
        }
        let Some(mut plain) = plain else { return Err(failed) };
        plain.set_read_timeout(Some(PATIENCE))?;
        plain.set_write_timeout(Some(PATIENCE))?;
        plain.set_nodelay(true)?;
        let Some(config) = tls else { return Ok(Self::Plain(plain)) };
        let name = ServerName::try_from(server.host.clone()).map_err(io::Error::other)?;
        let mut client =
            ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        shake_hands(&mut client, &mut plain)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(client, plain))))
    }

    /// Says that nothing more comes, unless the other side has gone already.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.flush()?;
        self.stays()?;
        match self {
            Self::Plain(plain) => plain.shutdown(Shutdown::Write),
            Self::Tls(tls) => {
                tls.conn.send_close_notify();
                tls.flush()?;
                tls.sock.shutdown(Shutdown::Write)
            }
        }
    }

    /// Waits a moment for an end that comes too early to be an answer to ours.
    fn stays(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        let mut buffer = [0; 1024];
        loop {
            let left = GRACE.saturating_sub(begun.elapsed());
            if left.is_zero() {
                break;
            }
            self.socket().set_read_timeout(Some(left))?;
            match self.read(&mut buffer).map_err(|error| (error.kind(), error)) {
                Ok(0) | Err((io::ErrorKind::UnexpectedEof, _)) => {
                    let why = "it closed before we did, so it may not have read";
                    return Err(io::Error::new(io::ErrorKind::ConnectionAborted, why));
                }
                Err((io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut, _)) => break,
                Ok(_) | Err((io::ErrorKind::Interrupted, _)) => {}
                Err((_, error)) => return Err(error),
            }
        }
        self.socket().set_read_timeout(Some(PATIENCE))
    }

    const fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(plain) => plain,
            Self::Tls(tls) => &tls.sock,
        }
    }

    /// Waits until the other side says the same: it has read everything then. A process
    /// that died with something unread resets the connection instead. False when TCP ended
    /// and TLS did not say so, as the standard wants it and not everybody does.
    pub(super) fn until_closed(&mut self) -> io::Result<bool> {
        let begun = Instant::now();
        let mut buffer = [0; 1024];
        while begun.elapsed() < PATIENCE {
            match self.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// The whole of the handshake, before anything is said; what comes byte by byte takes no
/// longer than what does not come.
fn shake_hands(client: &mut ClientConnection, plain: &mut TcpStream) -> io::Result<()> {
    let begun = Instant::now();
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no answer to the TLS handshake");
    while client.is_handshaking() {
        while client.wants_write() {
            client.write_tls(plain)?;
        }
        if begun.elapsed() > PATIENCE {
            return Err(late());
        }
        match client.read_tls(plain) {
            Ok(0) => {
                let why = "it closed the connection in the TLS handshake";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => late(),
                    kind => io::Error::new(kind, format!("in the TLS handshake: {error}")),
                });
            }
        }
        if let Err(why) = client.process_new_packets() {
            // It is told why, where it still listens.
            let _ = client.write_tls(plain);
            return Err(io::Error::other(refusal(&why)));
        }
    }
    while client.wants_write() {
        client.write_tls(plain)?;
    }
    Ok(())
}

/// Why there is no TLS with it, and what to do.
fn refusal(why: &rustls::Error) -> String {
    use rustls::CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        NotValidYet, NotValidYetContext, Other, UnknownIssuer,
    };
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
    match why {
        InvalidCertificate(Other(other)) if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is one of an authority (CA:TRUE); give it one with CA:FALSE that \
             this authority has signed, and name the authority by `ca_file`"
                .into()
        }
        InvalidCertificate(UnknownIssuer | BadSignature) => {
            "its certificate is of an authority that is not believed; name that by `ca_file`".into()
        }
        InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            format!("{why}; name the receiver as its certificate does")
        }
        InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
        ) => format!("{why}; renew it, or set this machine's clock"),
        InvalidMessage(_) => format!("it does not speak TLS ({why}); check the port"),
        AlertReceived(_) => format!("it refused the TLS handshake ({why})"),
        _ => why.to_string(),
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(plain) => plain.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(plain) => plain.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(plain) => plain.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
