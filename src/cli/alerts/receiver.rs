//! To whom alerts go, as the configuration or `--to` says.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tracing::warn;

use super::config::Receiver;
use crate::cli::Failure;
use crate::store::Severity;

/// Longest secret, and longest header, in bytes.
const LONGEST: usize = 4096;

/// How an alert is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Syslog,
    Cef,
    Json,
}

/// Where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Udp(Server),
    Tcp { server: Server, tls: bool },
    Web { server: Server, tls: bool, path: String },
    File(PathBuf),
}

/// A machine and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// A receiver.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) place: Place,
    pub(super) least: Severity,
    /// Signs what a webhook gets.
    pub(super) secret: Option<Vec<u8>>,
    /// The header Authorization.
    pub(super) authorization: Option<String>,
    pub(super) ca: Option<PathBuf>,
}

/// Without what nobody should read.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Target {
    /// As the configuration says.
    pub(super) fn new(written: &Receiver) -> Result<Self, Failure> {
        let called = written.name.as_deref().unwrap_or(&written.kind).escape_debug().to_string();
        let wrong = |why: String| Failure::Said(format!("[[alerts.to]] {called}: {why}"));
        let needed = |key: &str, value: &Option<String>| {
            let needed = || wrong(format!("`{key}` is missing"));
            value.clone().ok_or_else(needed)
        };
        let place = match written.kind.as_str() {
            "syslog" | "cef" => needed("address", &written.address)?,
            "webhook" => needed("url", &written.url)?,
            "jsonl" => match &written.file {
                Some(path) => path.display().to_string(),
                None => return Err(wrong("`file` is missing".to_owned())),
            },
            _ => String::new(),
        };
        let given = [
            ("address", written.address.is_some(), &["syslog", "cef"][..]),
            ("url", written.url.is_some(), &["webhook"]),
            ("file", written.file.is_some(), &["jsonl"]),
            ("secret_file", written.secret_file.is_some(), &["webhook"]),
            ("authorization_file", written.authorization_file.is_some(), &["webhook"]),
            ("ca_file", written.ca_file.is_some(), &["syslog", "cef", "webhook"]),
        ];
        for (key, is_given, kinds) in given {
            if is_given && !kinds.contains(&written.kind.as_str()) && !place.is_empty() {
                return Err(wrong(format!("`{key}` is for {} only", kinds.join(" and "))));
            }
        }
        let mut target = Self::parse(&written.kind, &place).map_err(wrong)?;
        if let (Place::File(at), Some(path)) = (&mut target.place, &written.file) {
            at.clone_from(path);
        }
        if let Some(name) = &written.name {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
                return Err(wrong("a name is letters, digits, `-` and `_`, 64 at most".to_owned()));
            }
            target.name.clone_from(name);
        }
        if let Some(least) = &written.severity {
            target.least = least.parse().map_err(|why| wrong(format!("severity: {why}")))?;
        }
        let read = |path: &Option<PathBuf>| match path {
            None => Ok(None),
            Some(path) => secret(path).map(Some).map_err(wrong),
        };
        target.secret = read(&written.secret_file)?;
        target.ca.clone_from(&written.ca_file);
        if target.ca.is_some() && !target.is_tls() {
            return Err(wrong("`ca_file` is for tls:// and https:// only".to_owned()));
        }
        if let Some(header) = read(&written.authorization_file)? {
            let is_fit = |b: &u8| (0x20..0x7f).contains(b);
            let text = String::from_utf8(header).ok().filter(|it| it.bytes().all(|b| is_fit(&b)));
            let text = text.ok_or_else(|| {
                wrong("authorization_file: one line of printable ASCII".to_owned())
            })?;
            target.authorization = Some(text);
        }
        Ok(target)
    }

    /// As `--to KIND:ADDRESS` says.
    pub(super) fn ad_hoc(text: &str) -> Result<Self, String> {
        let (kind, place) = text.split_once(':').ok_or_else(|| {
            "KIND:ADDRESS, such as syslog:tcp://192.0.2.7:514 or jsonl:/tmp/alerts".to_owned()
        })?;
        Self::parse(kind, place)
    }

    fn parse(kind: &str, written: &str) -> Result<Self, String> {
        let (shape, place) = match kind {
            "syslog" => (Shape::Syslog, stream(written)?),
            "cef" => (Shape::Cef, stream(written)?),
            "webhook" => (Shape::Json, web(written)?),
            "jsonl" if !written.is_empty() => (Shape::Json, Place::File(written.into())),
            "jsonl" => return Err("name a file".to_owned()),
            other => {
                let other = other.escape_debug();
                return Err(format!("`{other}` is none of syslog, cef, jsonl, webhook"));
            }
        };
        // Where it goes makes the name, but cannot be read from it: a path may be a secret.
        let digest = HEXLOWER.encode(&Sha256::digest(written));
        let name = format!("{kind}-{}", digest.get(..12).unwrap_or_default());
        let (least, secret, authorization, ca) = (Severity::Info, None, None, None);
        Ok(Self { name, shape, place, least, secret, authorization, ca })
    }

    /// For lines: the machine, never the path of a URL.
    pub(super) fn shown(&self) -> String {
        match &self.place {
            Place::Udp(server) | Place::Tcp { server, .. } | Place::Web { server, .. } => {
                format!("{} ({server})", self.name)
            }
            Place::File(path) => format!("{} ({})", self.name, path.display()),
        }
    }

    /// Whether connections to it are encrypted.
    pub(super) const fn is_tls(&self) -> bool {
        matches!(self.place, Place::Tcp { tls: true, .. } | Place::Web { tls: true, .. })
    }
}

/// What a file holds, without the line feed at its end.
fn secret(path: &PathBuf) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("{shown}: {error}"))?;
    if is_open_to_others(path) {
        warn!("{shown}: everybody here can read this secret; `chmod o-rwx {shown}`");
    }
    let text = bytes.trim_ascii().to_vec();
    match text.len() {
        0 => Err(format!("{shown}: empty")),
        1..=LONGEST => Ok(text),
        _ => Err(format!("{shown}: longer than {LONGEST} bytes")),
    }
}

/// Whether others than its owner and group may read a file.
fn is_open_to_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o004 != 0)
}

/// `udp://host:port`, `tcp://…` (port 514), `tls://…` (6514).
fn stream(written: &str) -> Result<Place, String> {
    let allowed = "udp://host:port, tcp://host:port or tls://host:port";
    let (scheme, rest) = written.split_once("://").ok_or(allowed)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    match scheme {
        "udp" => Ok(Place::Udp(server(rest, 514)?)),
        "tcp" => Ok(Place::Tcp { server: server(rest, 514)?, tls: false }),
        "tls" => Ok(Place::Tcp { server: server(rest, 6514)?, tls: true }),
        _ => Err(allowed.to_owned()),
    }
}

/// `http://host:port/path?query`, `https://…`.
fn web(written: &str) -> Result<Place, String> {
    let (tls, rest) = match written.split_once("://") {
        Some(("https", rest)) => (true, rest),
        Some(("http", rest)) => (false, rest),
        _ => return Err("http://host/path or https://host/path".to_owned()),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if host.contains('@') {
        // Said without what it is.
        return Err("a user and a password do not stand in the URL; put `Basic ` and both in \
                    base64 into a file, and name it by `authorization_file`"
            .to_owned());
    }
    let path = path.split('#').next().unwrap_or_default();
    if !path.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("the path is not as in a URL: percent-encode it".to_owned());
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    let server = server(host, if tls { 443 } else { 80 })?;
    Ok(Place::Web { server, tls, path: format!("{slash}{path}") })
}

/// `host`, `host:port`, `[2001:db8::1]:port`.
fn server(written: &str, port: u16) -> Result<Server, String> {
    if written.contains('@') {
        return Err("host:port, without a user".to_owned());
    }
    let (host, rest) = match written.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or("an IPv6 address stands in brackets")?,
        None => written
            .split_at_checked(written.find(':').unwrap_or(written.len()))
            .unwrap_or((written, "")),
    };
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => port,
        Some(port) => port.parse().map_err(|_| "not a port".to_owned())?,
        None => return Err("not host:port".to_owned()),
    };
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || port == 0 || !host.chars().all(is_fit) {
        return Err("not a host's name or address".to_owned());
    }
    Ok(Server { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Target::ad_hoc(text).unwrap().place
    }

    fn server(host: &str, port: u16) -> Server {
        Server { host: host.to_owned(), port }
    }

    #[test]
    fn addresses_as_people_write_them() {
        assert_eq!(place("syslog:udp://siem"), Place::Udp(server("siem", 514)));
        let tls = Place::Tcp { server: server("2001:db8::1", 6514), tls: true };
        assert_eq!(place("cef:tls://[2001:db8::1]/"), tls);
        let path = "/a/b?c=d".to_owned();
        let web = Place::Web { server: server("10.0.0.1", 8443), tls: true, path };
        assert_eq!(place("webhook:https://10.0.0.1:8443/a/b?c=d#e"), web);
        let web = Place::Web { server: server("h", 80), tls: false, path: "/?x".to_owned() };
        assert_eq!(place("webhook:http://h?x"), web);
        assert_eq!(place("jsonl:/a/b"), Place::File("/a/b".into()));
        for bad in [
            "syslog",
            "syslog:siem:514",
            "syslog:http://siem",
            "webhook:ftp://h/",
            "jsonl:",
            "webhook:http://u:p@h/",
            "webhook:http://h/a b",
            "webhook:http://h\r\nX: y/",
            "x:y",
            "syslog:tcp://h:0",
            "syslog:tcp://h:x",
            "syslog:tcp://",
            "syslog:tcp://[::1",
            "webhook:http:///x",
        ] {
            assert!(Target::ad_hoc(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_with_where_it_belongs() {
        for url in ["http://u:secret@h/", "https://u:sec@ret@h:1/x?y@z"] {
            let why = Target::ad_hoc(&format!("webhook:{url}")).unwrap_err();
            assert!(why.contains("authorization_file") && !why.contains("sec"), "{why}");
        }
        assert!(Target::ad_hoc("webhook:http://h/@x?y@z").is_ok());
        let why = Target::ad_hoc("syslog:tcp://u:secret@h:514").unwrap_err();
        assert!(why.contains("user") && !why.contains("secret"), "{why}");
    }

    #[test]
    fn a_secret_that_everybody_can_read_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "s").unwrap();
        for (mode, open) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_open_to_others(&path), open, "{mode:o}");
        }
        assert!(
            !is_open_to_others(Path::new("/dev/null")) && !is_open_to_others(&dir.path().join("x"))
        );
    }

    #[test]
    fn the_path_of_a_url_is_not_shown() {
        let target = Target::ad_hoc("webhook:https://h/services/SECRET").unwrap();
        assert!(!target.shown().contains("SECRET") && !target.name.contains("SECRET"));
        let other = Target::ad_hoc("webhook:https://h/services/OTHER").unwrap();
        assert_ne!(target.name, other.name);
    }

    #[test]
    fn a_key_of_another_kind_is_a_mistake() {
        let written = Receiver {
            kind: "jsonl".to_owned(),
            file: Some("/tmp/x".into()),
            ..Receiver::default()
        };
        assert_eq!(Target::new(&written).unwrap().place, Place::File("/tmp/x".into()));
        let bad = Receiver { url: Some("http://h/".to_owned()), ..written.clone() };
        assert!(Target::new(&bad).is_err());
        let bad = Receiver { name: Some("../x".to_owned()), ..written.clone() };
        assert!(Target::new(&bad).is_err());
        let bad = Receiver { kind: "webhook".to_owned(), file: None, ..written };
        assert!(Target::new(&bad).is_err());
        let clear = Receiver {
            kind: "webhook".to_owned(),
            url: Some("http://h/".to_owned()),
            ca_file: Some("/tmp/x".into()),
            ..Receiver::default()
        };
        assert!(Target::new(&clear).is_err(), "nothing is checked by it");
    }
}
