//! Baxter SIGMA Spectrum infusion pumps: the diagnostic terminal of their wireless battery
//! module (telnet; ICSMA-22-251-01) names the pump before it asks for a login. Lines as
//! in the fingerprint that Rapid7's recog has of it. What follows the login is not read.

use super::label::label;
use super::{
    Body, Dissector, Error, Opening, Progress, Protocol, Recovery, Side, Sink, Verdict, Who,
};
use crate::observe::Key;

/// The product that the terminal names.
const PRODUCT: Key = Key::new("spectrum.product");
/// Serial number of the pump.
const SERIAL: Key = Key::new("spectrum.serial");
/// Software of the pump.
const SOFTWARE: Key = Key::new("spectrum.software_version");
/// Software of the wireless battery module.
const MODULE: Key = Key::new("spectrum.module_software");
/// Address of the module's radio.
const MAC: Key = Key::new("spectrum.mac");

/// The terminal as a protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "spectrum",
    standard: "RFC 854; CISA ICSMA-22-251-01",
    keys: &[PRODUCT, SERIAL, SOFTWARE, MODULE, MAC],
    ports: &[],
    body: Body::Stream { probe, start: || Box::<Spectrum>::default() },
};

const WELCOME: &[u8] = b"Welcome to the SIGMA Spectrum";
/// Options that are negotiated before the text, at three bytes each (RFC 854).
const MAX_OPTIONS: usize = 16;
/// Longest line.
const MAX_LINE: usize = 256;
/// Lines before the login.
const MAX_LINES: u8 = 16;

/// Behind the negotiation of options: IAC, verb, option.
fn text(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    for _ in 0..MAX_OPTIONS {
        match rest {
            [0xff, 0xfb..=0xfe, _, behind @ ..] | [b'\r' | b'\n' | 0, behind @ ..] => rest = behind,
            _ => break,
        }
    }
    rest
}

/// Whether the terminal begins to speak like this; telnet asks, too.
pub(super) fn begins(bytes: &[u8]) -> Verdict {
    let seen = text(bytes);
    let n = seen.len().min(WELCOME.len());
    match (seen.get(..n) == WELCOME.get(..n), n == WELCOME.len()) {
        (true, true) => Verdict::Yes,
        (true, false) => Verdict::More,
        (false, _) => Verdict::No,
    }
}

fn probe(opening: &Opening<'_>) -> Verdict {
    begins(opening.bytes)
}

/// The lines of the server.
#[derive(Default)]
struct Spectrum {
    lines: u8,
}

impl Dissector for Spectrum {
    fn dissect(&mut self, from: Side, bytes: &[u8], out: &mut dyn Sink) -> Result<Progress, Error> {
        if from == Side::Client {
            return Ok(Progress::Skip(u64::MAX));
        }
        let Some(end) = bytes.iter().take(MAX_LINE).position(|&b| b == b'\n') else {
            let ended = bytes.len() >= MAX_LINE || text(bytes).starts_with(b"login:");
            return Ok(match ended {
                true => Progress::Done,
                false => Progress::Need(bytes.len().saturating_add(1)),
            });
        };
        self.lines = self.lines.saturating_add(1);
        let line = text(bytes.get(..end).unwrap_or_default());
        if self.lines > MAX_LINES || line.starts_with(b"login:") {
            return Ok(Progress::Done);
        }
        tell(&String::from_utf8_lossy(line), out);
        Ok(Progress::Consumed(end.saturating_add(1)))
    }

    fn gap(&mut self, _: Side) -> Recovery {
        Recovery::Stop
    }
}

fn tell(line: &str, out: &mut dyn Sink) {
    let mut say = |key: &Key, value: &str| {
        if let Some(value) = label(value) {
            out.fact(Who::Sender, key, value);
        }
    };
    if line.starts_with("Welcome to the SIGMA Spectrum") {
        say(&PRODUCT, "SIGMA Spectrum");
    } else if let Some((mac, software)) =
        line.strip_prefix("MAC Address: ").and_then(|it| it.split_once(" SW: "))
    {
        say(&MAC, &mac.replace('-', ":").to_ascii_lowercase());
        say(&MODULE, software);
    } else if let Some((serial, software)) =
        line.strip_prefix("Sigma Spectrum SN: ").and_then(|it| it.split_once(" SW: "))
    {
        say(&SERIAL, serial);
        say(&SOFTWARE, software.trim_start_matches('v'));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, stream};
    use super::super::torture;
    use super::*;

    const BANNER: &[u8] = b"\xff\xfb\x01\xff\xfb\x03\r\nWelcome to the SIGMA Spectrum Diagnostic \
Terminal\r\n\r\nWireless Battery Module (802.11a/b/g/n)\r\nMAC Address: 00-40-9D-12-34-56 SW: 20 D29\r\n\
Sigma Spectrum SN: 1234567 SW: v8.00.01\r\nRadio up since: Fri Mar  1 03:14:24 2019\r\n\r\nlogin: \
CANARY\r\nSigma Spectrum SN: CANARY SW: CANARY\r\n";

    #[test]
    fn a_pump_names_itself() {
        assert_eq!(
            facts(&stream("spectrum", &[(b'S', BANNER), (b'C', b"CANARY\r\n")])),
            [
                "S spectrum.product=SIGMA Spectrum",
                "S spectrum.mac=00:40:9d:12:34:56",
                "S spectrum.module_software=20 D29",
                "S spectrum.serial=1234567",
                "S spectrum.software_version=8.00.01"
            ]
        );
    }

    #[test]
    fn endures() {
        let whole = BANNER.split(|&b| b == b':').count();
        assert!(whole > 1);
        let before = BANNER.windows(6).position(|it| it == b"login:").unwrap() + 6;
        torture::stream("spectrum", &[(b'S', &BANNER[..before])], &["CANARY"]);
    }

    #[test]
    fn recognition() {
        let ask = |bytes| probe(&Opening { bytes, src_port: 23, dst_port: 2, from_start: true });
        assert_eq!(ask(BANNER), Verdict::Yes);
        assert_eq!(ask(b"\xff\xfb\x01Welcome to the"), Verdict::More);
        assert_eq!(ask(b"\xff\xfb\x01login: "), Verdict::No);
        assert_eq!(ask(b"Welcome to this host\r\n"), Verdict::No);
    }
}
