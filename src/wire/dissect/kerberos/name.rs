//! Names in Kerberos: a computer's may leave, a person's only through [`Sink::user`].

use super::super::ber::{self, OCTET_STRING, SEQUENCE};
use super::super::{Error, Reader, Sink, Who, winstr};
use super::{GENERAL_STRING, HOSTNAME, INTEGER, MAX_LIST, NETBIOS, fields, signed};

/// PrincipalName (§5.2.2): its strings.
pub(super) fn principal(mut r: Reader<'_>) -> Result<Vec<&[u8]>, Error> {
    let mut names = Vec::new();
    fields(Reader::new(ber::expect(&mut r, SEQUENCE, "PrincipalName")?), |field, mut r| {
        if field == 0xa1 {
            let mut list = Reader::new(ber::expect(&mut r, SEQUENCE, "name-string")?);
            while !list.is_empty() && names.len() < MAX_LIST {
                names.push(ber::expect(&mut list, GENERAL_STRING, "name-string")?);
            }
        }
        Ok(())
    })?;
    Ok(names)
}

/// Who logs on: a computer by its account, or a person.
pub(super) fn account(names: &[&[u8]], out: &mut dyn Sink) {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    match names {
        [name] => match name.strip_suffix(b"$").map(text) {
            Some(host) if is_host(&host) => out.fact(Who::Sender, &HOSTNAME, &host),
            None if is_person(names) => {
                out.user(Who::Sender, &text(name));
                out.session(Who::Sender);
            }
            _ => {}
        },
        [b"host", host] if is_host(&text(host)) => out.fact(Who::Sender, &HOSTNAME, &text(host)),
        _ => {}
    }
}

/// Whether it is a person's account, or what stands for one: not a computer's, and not
/// one of the realm itself.
pub(super) fn is_person(names: &[&[u8]]) -> bool {
    match names {
        [name] => !name.is_empty() && !name.ends_with(b"$") && *name != b"krbtgt",
        _ => false,
    }
}

fn is_host(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    !name.is_empty() && name.chars().all(plain)
}

/// HostAddresses (§5.2.5): Windows puts the computer's NetBIOS name there.
pub(super) fn addresses(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    fields(Reader::new(ber::expect(&mut r, SEQUENCE, "addresses")?), |_, r| {
        let mut kind = 0;
        fields(r, |field, mut r| {
            match field {
                0xa0 => kind = signed(ber::expect(&mut r, INTEGER, "addr-type")?),
                // Fifteen characters and a suffix, 20 for a workstation's.
                0xa1 if kind == NETBIOS => {
                    let name = ber::expect(&mut r, OCTET_STRING, "address")?;
                    let name = name.get(..15).unwrap_or(name).trim_ascii_end();
                    let name = winstr::oem(name);
                    if is_host(&name) {
                        out.fact(Who::Sender, &HOSTNAME, &name);
                    }
                }
                _ => {}
            }
            Ok(())
        })
    })
}
