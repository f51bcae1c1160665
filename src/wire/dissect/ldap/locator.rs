//! The domain controller locator: "LDAP ping" and its answer (MS-ADTS §6.3.3, §6.3.1.9).

use super::super::ber::{self, OCTET_STRING, SEQUENCE};
use super::super::{Error, Reader, Sink, Who};
use super::{COMPUTER, DC_LEVEL, DNS_HOSTNAME, DOMAIN, SERVICE, SITE};

/// Filter elements that are looked at: a ping has some six.
const MAX_ELEMENTS: usize = 32;
/// AND and equalityMatch of a filter (RFC 4511 §4.5.1.7).
const AND: u8 = 0xa0;
const EQUALITY: u8 = 0xa3;
/// LOGON_SAM_LOGON_RESPONSE_EX and the same for an unknown account (§6.3.1.1).
const RESPONSES: [u16; 2] = [23, 25];
/// Newest version of Windows Server that a controller says it is at least (§6.3.1.2),
/// as domainControllerFunctionality numbers them.
const LEVELS: [(u32, &str); 4] = [(0x1_0000, "7"), (0x8000, "6"), (0x4000, "5"), (0x1000, "3")];
/// Labels of one name, and jumps in it.
const MAX_LABELS: usize = 32;

/// SearchRequest: only one that looks for Netlogon is a ping, and names who asks.
pub(super) fn request(contents: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(contents);
    if !ber::expect(&mut r, OCTET_STRING, "baseObject")?.is_empty() {
        return Ok(());
    }
    for field in ["scope", "derefAliases", "sizeLimit", "timeLimit", "typesOnly"] {
        ber::any(&mut r, field)?;
    }
    let (tag, filter) = ber::any(&mut r, "filter")?;
    let mut attributes = Reader::new(ber::expect(&mut r, SEQUENCE, "attributes")?);
    let wanted = ber::expect(&mut attributes, OCTET_STRING, "attribute")?;
    if tag != AND || !wanted.eq_ignore_ascii_case(b"netlogon") {
        return Ok(());
    }
    // Groups within groups lie in a row here: their contents are read as elements too.
    let mut open = vec![Reader::new(filter)];
    for _ in 0..MAX_ELEMENTS {
        let Some(last) = open.last_mut() else { break };
        if last.is_empty() {
            open.pop();
            continue;
        }
        match ber::any(last, "filter")? {
            (AND, inner) => open.push(Reader::new(inner)),
            (EQUALITY, pair) => {
                let mut pair = Reader::new(pair);
                let name = ber::expect(&mut pair, OCTET_STRING, "attributeDesc")?;
                let value = ber::expect(&mut pair, OCTET_STRING, "assertionValue")?;
                let key = match name.to_ascii_lowercase().as_slice() {
                    b"host" => &COMPUTER,
                    b"dnsdomain" => &DOMAIN,
                    _ => continue,
                };
                let text = String::from_utf8_lossy(value);
                out.fact(Who::Sender, key, text.trim_end_matches('.'));
            }
            _ => {}
        }
    }
    Ok(())
}

/// NETLOGON_SAM_LOGON_RESPONSE_EX (§6.3.1.9). The user's name is passed over.
pub(super) fn response(value: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(value);
    if !RESPONSES.contains(&r.u16_le("Opcode")?) {
        return Ok(());
    }
    r.skip(2, "Sbz")?;
    let flags = r.u32_le("Flags")?;
    r.skip(16, "DomainGuid")?;
    name(&mut r)?; // DnsForestName
    let domain = name(&mut r)?;
    let host = name(&mut r)?;
    name(&mut r)?; // NetbiosDomainName
    let computer = name(&mut r)?;
    name(&mut r)?; // UserName
    let site = name(&mut r)?;
    out.fact(Who::Sender, &SERVICE, "active-directory");
    out.fact(Who::Sender, &DNS_HOSTNAME, &host);
    out.fact(Who::Sender, &DOMAIN, &domain);
    out.fact(Who::Sender, &COMPUTER, computer.trim_start_matches('\\'));
    out.fact(Who::Sender, &SITE, &site);
    if let Some((_, level)) = LEVELS.iter().find(|(bit, _)| flags & bit != 0) {
        out.fact(Who::Sender, &DC_LEVEL, level);
    }
    Ok(())
}

/// A name with pointers into the message (RFC 1035 §4.1.4), UTF-8 between dots.
fn name(r: &mut Reader<'_>) -> Result<String, Error> {
    let mut text = String::new();
    let mut at = *r;
    let mut jumped = false;
    for _ in 0..MAX_LABELS {
        match at.u8("label")? {
            0 => {
                if !jumped {
                    *r = at;
                }
                return Ok(text);
            }
            high @ 0xc0..=0xff => {
                let low = at.u8("pointer")?;
                if !jumped {
                    *r = at;
                    jumped = true;
                }
                let offset = u16::from_be_bytes([high & 0x3f, low]);
                at = at.at(usize::from(offset), "pointer")?;
            }
            length @ 1..=0x3f => {
                let label = at.take(usize::from(length), "label")?;
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&String::from_utf8_lossy(label));
            }
            _ => return Err(Error::invalid("label")),
        }
    }
    Err(Error::too_large("labels"))
}
