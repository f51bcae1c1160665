//! The DNS message (RFC 1035 §4), as DNS, mDNS and LLMNR share it.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::{Error, Reader};

/// A host's address (RFC 1035).
pub(in super::super) const A: u16 = 1;
/// Where a service is (RFC 6763 uses it for lists).
pub(in super::super) const PTR: u16 = 12;
/// Text.
pub(in super::super) const TXT: u16 = 16;
/// An IPv6 address (RFC 3596).
pub(in super::super) const AAAA: u16 = 28;
/// Host and port of a service (RFC 2782).
pub(in super::super) const SRV: u16 = 33;
/// Service binding of the web (RFC 9460).
pub(in super::super) const HTTPS: u16 = 65;

/// Records of one message that are read; a large mDNS response has some fifty.
const MAX_RECORDS: usize = 256;
/// RFC 1035 §3.1: 255 octets with their length bytes.
const MAX_NAME: usize = 255;

/// Header and body of a message. Copying it goes back to the first question.
#[derive(Clone, Copy)]
pub(in super::super) struct Message<'a> {
    flags: u16,
    /// Questions, answers, authority and additional records as announced.
    pub(in super::super) counts: [u16; 4],
    body: Reader<'a>,
}

impl<'a> Message<'a> {
    /// Reads the header (RFC 1035 §4.1.1).
    pub(in super::super) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        r.skip(2, "ID")?;
        let flags = r.u16_be("flags")?;
        let mut counts = [0; 4];
        for count in &mut counts {
            *count = r.u16_be("count")?;
        }
        Ok(Self { flags, counts, body: r })
    }

    /// QR.
    pub(in super::super) const fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// OPCODE; 0 is a standard query.
    pub(in super::super) const fn opcode(&self) -> u16 {
        (self.flags >> 11) & 0x0f
    }

    /// RD: the sender wants the whole answer, as a host does and a name server does not.
    pub(in super::super) const fn recursion_desired(&self) -> bool {
        self.flags & 0x0100 != 0
    }

    /// RA: the sender finds whole answers.
    pub(in super::super) const fn recursion_available(&self) -> bool {
        self.flags & 0x0080 != 0
    }

    /// RCODE; 0 is no error, 3 no such name.
    pub(in super::super) const fn rcode(&self) -> u16 {
        self.flags & 0x0f
    }

    /// The first question: name, type, class.
    pub(in super::super) fn question(&self) -> Result<(Name, u16, u16), Error> {
        let mut r = self.body;
        let name = Name::read(&mut r)?;
        Ok((name, r.u16_be("QTYPE")?, r.u16_be("QCLASS")?))
    }

    /// Calls `each` with the records of all three sections.
    pub(in super::super) fn records(
        &self,
        mut each: impl FnMut(&Record<'a>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut r = self.body;
        let [questions, records @ ..] = self.counts;
        for _ in 0..questions {
            Name::skip(&mut r)?;
            r.skip(4, "QTYPE, QCLASS")?;
        }
        let records: usize = records.into_iter().map(usize::from).sum();
        for _ in 0..records.min(MAX_RECORDS) {
            let name = Name::read(&mut r)?;
            let kind = r.u16_be("TYPE")?;
            r.skip(6, "CLASS, TTL")?;
            let len = usize::from(r.u16_be("RDLENGTH")?);
            let at = r;
            let data = r.take(len, "RDATA")?;
            each(&Record { name, kind, data, at })?;
        }
        Ok(())
    }
}

/// A resource record (RFC 1035 §4.1.3).
pub(in super::super) struct Record<'a> {
    /// Its owner.
    pub(in super::super) name: Name,
    /// TYPE.
    pub(in super::super) kind: u16,
    /// RDATA.
    pub(in super::super) data: &'a [u8],
    /// The message at RDATA, for names in it that point elsewhere.
    at: Reader<'a>,
}

impl Record<'_> {
    /// The address of an A or AAAA record.
    pub(in super::super) fn address(&self) -> Option<IpAddr> {
        match self.kind {
            A => self.data.as_array().map(|&a: &[u8; 4]| Ipv4Addr::from(a).into()),
            AAAA => self.data.as_array().map(|&a: &[u8; 16]| Ipv6Addr::from(a).into()),
            _ => None,
        }
    }

    /// The name that a PTR record points to.
    pub(in super::super) fn target(&self) -> Result<Name, Error> {
        Name::read(&mut { self.at })
    }

    /// Calls `each` with key and value of every string of a TXT record (RFC 6763 §6.3).
    pub(in super::super) fn pairs(&self, mut each: impl FnMut(&str, &[u8])) {
        let mut rest = self.data;
        while let Some((&n, tail)) = rest.split_first() {
            let Some((text, tail)) = tail.split_at_checked(usize::from(n)) else { break };
            if let Some(eq) = text.iter().position(|&b| b == b'=')
                && let Some((key, value)) = text.split_at_checked(eq)
                && let Ok(key) = std::str::from_utf8(key)
            {
                each(key, value.get(1..).unwrap_or_default());
            }
            rest = tail;
        }
    }
}

/// A domain name: its labels with dots between, in a fixed buffer.
pub(in super::super) struct Name {
    bytes: [u8; MAX_NAME],
    len: usize,
}

impl Name {
    /// Reads a name (RFC 1035 §4.1.4). A pointer must go to before the part that
    /// holds it, so there is an end; and no name is longer than the standard's.
    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut name = Self { bytes: [0; MAX_NAME], len: 0 };
        let mut part = *r;
        let mut start = part.position();
        let mut jumped = false;
        loop {
            let n = part.u8("label length")?;
            match n >> 6 {
                0 if n == 0 => break,
                0 => name.push(part.take(usize::from(n), "label")?)?,
                3 => {
                    let low = part.u8("name pointer")?;
                    let to = usize::from(u16::from_be_bytes([n & 0x3f, low]));
                    if !jumped {
                        *r = part;
                        jumped = true;
                    }
                    if to >= start {
                        return Err(Error::invalid("name pointer"));
                    }
                    start = to;
                    part = part.at(to, "name pointer")?;
                }
                _ => return Err(Error::invalid("label length")),
            }
        }
        if !jumped {
            *r = part;
        }
        Ok(name)
    }

    /// Passes over a name without following it.
    fn skip(r: &mut Reader<'_>) -> Result<(), Error> {
        loop {
            let n = r.u8("label length")?;
            match n >> 6 {
                0 if n == 0 => return Ok(()),
                0 => r.skip(usize::from(n), "label")?,
                3 => return r.skip(1, "name pointer"),
                _ => return Err(Error::invalid("label length")),
            }
        }
    }

    fn push(&mut self, label: &[u8]) -> Result<(), Error> {
        let dot: &[u8] = if self.len == 0 { b"" } else { b"." };
        for part in [dot, label] {
            let end = self.len.saturating_add(part.len());
            let room = self.bytes.get_mut(self.len..end).ok_or(Error::too_large("name"))?;
            room.copy_from_slice(part);
            self.len = end;
        }
        Ok(())
    }

    /// As text; bytes that are no UTF-8 are replaced.
    pub(in super::super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes.get(..self.len).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::dissect::reader::ErrorKind;

    fn name(bytes: &[u8], at: usize) -> Result<(String, usize), Error> {
        let mut r = Reader::new(bytes).at(at, "start")?;
        Name::read(&mut r).map(|n| (n.text().into_owned(), r.position()))
    }

    #[test]
    fn follows_pointers_backwards_only() {
        let bytes = b"\x03rad\x05local\x00\x02ct\xc0\x00\xff";
        assert_eq!(name(bytes, 11), Ok(("ct.rad.local".into(), 16)));
        assert_eq!(name(b"\xc0\x00", 0).unwrap_err().field, "name pointer");
        assert_eq!(name(b"\x01a\xc0\x00", 0).unwrap_err().field, "name pointer");
        assert_eq!(name(b"\xc0\x02\x00", 0).unwrap_err().field, "name pointer");
        assert_eq!(name(b"\x40a\x00", 0).unwrap_err().field, "label length");
        let long = [&b"\x3f"[..], &[b'a'; 63]].concat().repeat(5);
        assert_eq!(name(&long, 0).unwrap_err().kind, ErrorKind::TooLarge);
    }
}
