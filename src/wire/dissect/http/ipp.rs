//! Internet Printing Protocol (RFC 8010) in the body of an answer: what a printer says
//! of itself. Jobs, users, documents and the printer's own name and place are not read.

use super::super::label::label;
use super::super::{Error, Reader, Sink, Who};
use crate::observe::Key;

/// printer-make-and-model (RFC 8011 §5.4.9).
pub(super) const MODEL: Key = Key::new("ipp.make_and_model");
/// Maker, model and serial number of printer-device-id (PWG 5107.2): `MFG:x;MDL:y;SN:z`.
pub(super) const DEVICE_ID: Key = Key::new("ipp.device_id");
/// printer-firmware-string-version (PWG 5110.1).
pub(super) const FIRMWARE: Key = Key::new("ipp.firmware");

/// `yes`: tells its state as a printer does (RFC 8011 §5.4.11), whatever it calls itself.
pub(super) const STATE: Key = Key::new("ipp.printer_state");

/// printer-state is one of three, idle, processing and stopped, as an enum.
const ENUM: u8 = 0x23;

/// Delimiters of groups (RFC 8010 §3.5.1): the end, and the printer's attributes.
const END: u8 = 3;
const PRINTER: u8 = 4;
/// Attributes that are looked at; a printer has some 200, with their values more.
const MAX_ATTRIBUTES: usize = 2048;

/// A response: version, status, request, then groups of attributes (§3.1).
pub(super) fn read(body: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(body);
    let [major, _] = r.array("version-number")?;
    let status = r.u16_be("status-code")?;
    r.skip(4, "request-id")?;
    // Of an error nothing is to be read (RFC 8011 appendix B).
    if !matches!(major, 1 | 2) || status > 0x00ff {
        return Ok(());
    }
    let mut group = 0;
    for _ in 0..MAX_ATTRIBUTES {
        let tag = r.u8("tag")?;
        if tag == END {
            break;
        }
        if tag < 0x10 {
            group = tag;
            continue;
        }
        let len = usize::from(r.u16_be("name-length")?);
        let name = r.take(len, "name")?;
        let len = usize::from(r.u16_be("value-length")?);
        let value = r.take(len, "value")?;
        if (group, tag, name) == (PRINTER, ENUM, b"printer-state")
            && matches!(value, [0, 0, 0, 3..=5])
        {
            out.fact(Who::Sender, &STATE, "yes");
        }
        // Text and names without a language (§3.5.2).
        if group != PRINTER || !matches!(tag, 0x41 | 0x42) {
            continue;
        }
        let text = String::from_utf8_lossy(value);
        match name {
            b"printer-make-and-model" => tell(&MODEL, &text, out),
            b"printer-firmware-string-version" => tell(&FIRMWARE, &text, out),
            b"printer-device-id" => {
                let id = device_id(&text);
                if !id.is_empty() {
                    out.fact(Who::Sender, &DEVICE_ID, &id);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn tell(key: &Key, text: &str, out: &mut dyn Sink) {
    if let Some(text) = label(text) {
        out.fact(Who::Sender, key, text);
    }
}

/// The three parts of an IEEE 1284 device id that name the device, by their short names.
fn device_id(id: &str) -> String {
    let mut parts = Vec::new();
    for (short, names) in [
        ("MFG", ["MFG", "MANUFACTURER", "MFG"]),
        ("MDL", ["MDL", "MODEL", "MDL"]),
        ("SN", ["SN", "SERN", "SERIALNUMBER"]),
    ] {
        let value =
            id.split(';').filter_map(|part| part.split_once(':')).find_map(|(name, value)| {
                let known = names.iter().any(|known| name.trim().eq_ignore_ascii_case(known));
                label(value).filter(|_| known)
            });
        if let Some(value) = value {
            parts.push(format!("{short}:{value}"));
        }
    }
    parts.join(";")
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::super::torture;
    use super::*;

    fn attribute(tag: u8, name: &str, value: &str) -> Vec<u8> {
        let mut a = vec![tag];
        for part in [name, value] {
            a.extend((part.len() as u16).to_be_bytes());
            a.extend(part.bytes());
        }
        a
    }

    pub(in super::super) fn answer() -> Vec<u8> {
        let id = "MFG:HP;CMD:PJL;MDL:LaserJet M507;CLS:PRINTER;SN:PHB41877;DES:CANARY;";
        let parts = [
            b"\x02\0\0\0\0\0\0\x01\x01".to_vec(),
            attribute(0x47, "attributes-charset", "utf-8"),
            vec![2],
            attribute(0x42, "printer-make-and-model", "CANARY"),
            attribute(0x42, "job-originating-user-name", "CANARY"),
            vec![4],
            attribute(0x42, "printer-name", "CANARY"),
            attribute(0x41, "printer-location", "CANARY"),
            attribute(0x41, "printer-make-and-model", "HP LaserJet M507"),
            attribute(0x41, "printer-device-id", id),
            attribute(0x41, "printer-firmware-string-version", "2411097_049"),
            vec![3],
        ];
        parts.concat()
    }

    #[test]
    fn who_has_a_printers_state_is_one() {
        let with = |group, state: &str| {
            let head = b"\x01\x01\0\0\0\0\0\x01\x01".to_vec();
            let body = [head, vec![group], attribute(0x23, "printer-state", state), vec![3]];
            torture::facts_of(|out| read(&body.concat(), out)).unwrap()
        };
        assert_eq!(with(4, "\0\0\0\u{3}"), ["ipp.printer_state=yes"]);
        assert!(with(2, "\0\0\0\u{3}").is_empty() && with(4, "\0\0\0\u{9}").is_empty());
    }

    #[test]
    fn printer_describes_itself() {
        let expected = [
            "ipp.make_and_model=HP LaserJet M507",
            "ipp.device_id=MFG:HP;MDL:LaserJet M507;SN:PHB41877",
            "ipp.firmware=2411097_049",
        ];
        assert_eq!(torture::facts_of(|out| read(&answer(), out)).unwrap(), expected);
        // A damaged group or name may make another attribute of it, so no canary here.
        torture::shake(&answer(), &[], read);
        let mut refused = answer();
        refused[2] = 4;
        assert!(torture::facts_of(|out| read(&refused, out)).unwrap().is_empty());
    }
}
