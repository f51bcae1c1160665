//! SSH identification string (RFC 4253 §4.2): `SSH-protoversion-softwareversion comments`.
//!
//! Servers may send other lines before it; each side says its own and nothing
//! behind it is read.

use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who, known,
};
use crate::observe::Key;

const BANNER: Key = Key::new("ssh.banner");
/// RFC 4253 §4.2: at most 255 characters with CR and LF.
const MAX_LINE: usize = 255;
/// Lines that a server may send first; more is another protocol.
const MAX_LINES: u8 = 20;

/// SSH as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "ssh",
    standard: "RFC 4253",
    keys: &[BANNER],
    ports: &[22],
    body: Body::Stream { probe, start: || Box::<Ssh>::default() },
};

fn probe(opening: &Opening<'_>) -> Verdict {
    let n = opening.bytes.len().min(4);
    match (opening.bytes.get(..n) == b"SSH-".get(..n), n) {
        (true, 4) => Verdict::Yes,
        (true, _) => Verdict::More,
        (false, _) => Verdict::No,
    }
}

#[derive(Default)]
struct Ssh {
    said: [bool; 2],
    lines: u8,
}

impl Dissector for Ssh {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        let side = usize::from(from == Side::Server);
        if self.said.get(side) == Some(&true) {
            return Ok(Progress::Skip(u64::MAX));
        }
        let Some(end) = bytes.iter().take(MAX_LINE).position(|&b| b == b'\n') else {
            return match bytes.len() {
                n if n >= MAX_LINE => Err(Error::too_large("identification string")),
                n => Ok(Progress::Need(n.saturating_add(1))),
            };
        };
        let line = bytes.get(..end).unwrap_or_default();
        if line.starts_with(b"SSH-") {
            out.fact(Who::Sender, &BANNER, known::ssh(&String::from_utf8_lossy(line)));
            if let Some(said) = self.said.get_mut(side) {
                *said = true;
            }
        } else {
            self.lines = self.lines.saturating_add(1);
            if self.lines > MAX_LINES {
                return Err(Error::too_large("lines before the identification string"));
            }
        }
        if self.said == [true; 2] {
            return Ok(Progress::Done);
        }
        Ok(Progress::Consumed(end.saturating_add(1)))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};

    #[test]
    fn both_banners() {
        let said = stream(
            "ssh",
            &[
                (b'S', b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n\0\0"),
                (b'C', b"SSH-2.0-dropbear_2012.55\r\n"),
            ],
        );
        assert_eq!(
            facts(&said),
            [
                "S ssh.banner=SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10",
                "C ssh.banner=SSH-2.0-dropbear_2012.55"
            ]
        );
    }
}
