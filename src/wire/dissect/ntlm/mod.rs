//! NT LAN Manager authentication (MS-NLMP): what the machines at both ends say of
//! themselves while a user logs on.
//!
//! Not a protocol of its own: its tokens travel in SMB, HTTP, RPC, LDAP, SQL. The
//! user's name leaves only through [`Sink::user`], responses are never read. Whether a version is one that
//! Windows really had is for the signatures to say: Samba and Java send constants.

#[cfg(test)]
pub(super) mod tests;

use super::winstr::{decode, utf16};
use super::{Error, Reader, Sink, Who};
use crate::observe::Key;

/// `major.minor.build` of the client (MS-NLMP §2.2.2.10).
pub(super) const VERSION: Key = Key::new("ntlm.version");
/// `major.minor.build` of the server.
pub(super) const SERVER_VERSION: Key = Key::new("ntlm.server_version");
/// NetBIOS name of the server.
pub(super) const COMPUTER: Key = Key::new("ntlm.computer");
/// NetBIOS name of the domain that the machine belongs to.
pub(super) const DOMAIN: Key = Key::new("ntlm.domain");
/// DNS name of the server.
pub(super) const FQDN: Key = Key::new("ntlm.fqdn");
/// NetBIOS name of the client.
pub(super) const WORKSTATION: Key = Key::new("ntlm.workstation");
/// `domain` or `standalone`: whether the server has joined a domain.
pub(super) const MEMBERSHIP: Key = Key::new("ntlm.membership");

/// Every key of a protocol that carries NTLM: its own, then these.
macro_rules! keys_with {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            $crate::wire::dissect::ntlm::VERSION,
            $crate::wire::dissect::ntlm::SERVER_VERSION,
            $crate::wire::dissect::ntlm::COMPUTER,
            $crate::wire::dissect::ntlm::DOMAIN,
            $crate::wire::dissect::ntlm::FQDN,
            $crate::wire::dissect::ntlm::WORKSTATION,
            $crate::wire::dissect::ntlm::MEMBERSHIP,
        ]
    };
}
pub(super) use keys_with;

const SIGNATURE: &[u8] = b"NTLMSSP\0";
/// NTLMSSP_NEGOTIATE_UNICODE (MS-NLMP §2.2.2.5, bit A).
const UNICODE: u32 = 0x0000_0001;
/// NTLMSSP_NEGOTIATE_OEM_DOMAIN_SUPPLIED (bit K).
const DOMAIN_SUPPLIED: u32 = 0x0000_1000;
/// NTLMSSP_NEGOTIATE_OEM_WORKSTATION_SUPPLIED (bit L).
const WORKSTATION_SUPPLIED: u32 = 0x0000_2000;
/// NTLMSSP_NEGOTIATE_VERSION (bit T).
const HAS_VERSION: u32 = 0x0200_0000;
/// More AV pairs than MS-NLMP §2.2.2.1 has identifiers.
const MAX_AV_PAIRS: usize = 32;
/// A NetBIOS name has 15 characters, a DNS name 255.
const MAX_NAME: usize = 2 * 255;

/// Reads the first NTLM message inside `token`, bare or wrapped in SPNEGO
/// (RFC 4178); a token without one, as of Kerberos, says nothing.
///
/// # Errors
/// The field that cannot be read.
pub(super) fn read(token: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let Some(message) = find(token) else { return Ok(()) };
    let mut r = Reader::new(message);
    r.skip(SIGNATURE.len(), "Signature")?;
    match r.u32_le("MessageType")? {
        1 => negotiate(r, out),
        2 => challenge(r, out),
        3 => authenticate(r, out),
        _ => Err(Error::invalid("MessageType")),
    }
}

/// The NTLM message inside a token, from its signature on.
fn find(token: &[u8]) -> Option<&[u8]> {
    let at = token.windows(SIGNATURE.len()).position(|w| w == SIGNATURE)?;
    token.get(at..)
}

/// NEGOTIATE_MESSAGE (§2.2.1.1).
fn negotiate(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let flags = r.u32_le("NegotiateFlags")?;
    if r.is_empty() {
        return Ok(()); // The shortest form ends here.
    }
    let domain = Field::read(&mut r, "DomainNameFields")?;
    let workstation = Field::read(&mut r, "WorkstationFields")?;
    version(r, flags, &[domain, workstation], &VERSION, out)?;
    // Both are in the OEM character set whatever the flags say.
    if flags & WORKSTATION_SUPPLIED != 0 {
        out.fact(Who::Sender, &WORKSTATION, &decode(workstation.of(&r, "Workstation")?, false));
    }
    if flags & DOMAIN_SUPPLIED != 0 {
        out.fact(Who::Sender, &DOMAIN, &decode(domain.of(&r, "DomainName")?, false));
    }
    Ok(())
}

/// CHALLENGE_MESSAGE (§2.2.1.2). TargetName is not read: TargetInfo says it better.
fn challenge(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let target = Field::read(&mut r, "TargetNameFields")?;
    let flags = r.u32_le("NegotiateFlags")?;
    r.skip(16, "ServerChallenge")?;
    if r.is_empty() {
        return Ok(()); // NT 4 ends here.
    }
    let info = Field::read(&mut r, "TargetInfoFields")?;
    version(r, flags, &[target, info], &SERVER_VERSION, out)?;
    target_info(info.of(&r, "TargetInfo")?, out)
}

/// AV_PAIR sequence (§2.2.2.1); its text is always UTF-16.
fn target_info(info: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(info);
    let (mut computer, mut domain) = (String::new(), String::new());
    for _ in 0..MAX_AV_PAIRS {
        if r.is_empty() {
            break;
        }
        let id = r.u16_le("AvId")?;
        let len = r.u16_le("AvLen")?;
        let value = r.take(usize::from(len), "AvPair Value")?;
        let value = value.get(..value.len().min(MAX_NAME)).unwrap_or_default();
        match id {
            0 => break,
            1 => computer = utf16(value),
            2 => domain = utf16(value),
            3 => out.fact(Who::Sender, &FQDN, &utf16(value)),
            _ => {}
        }
    }
    out.fact(Who::Sender, &COMPUTER, &computer);
    if computer.is_empty() || domain.is_empty() {
        return Ok(());
    }
    // A machine that has joined no domain is its own (§2.2.2.1, MsvAvNbDomainName).
    if computer.eq_ignore_ascii_case(&domain) {
        out.fact(Who::Sender, &MEMBERSHIP, "standalone");
    } else {
        out.fact(Who::Sender, &DOMAIN, &domain);
        out.fact(Who::Sender, &MEMBERSHIP, "domain");
    }
    Ok(())
}

/// AUTHENTICATE_MESSAGE (§2.2.1.3). Of its six fields only the workstation is
/// looked into; the others are a person's.
fn authenticate(mut r: Reader<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let lm = Field::read(&mut r, "LmChallengeResponseFields")?;
    let nt = Field::read(&mut r, "NtChallengeResponseFields")?;
    let domain = Field::read(&mut r, "DomainNameFields")?;
    let user = Field::read(&mut r, "UserNameFields")?;
    let workstation = Field::read(&mut r, "WorkstationFields")?;
    let fields = [lm, nt, domain, user, workstation];
    // The oldest clients stop here, without session key and flags, and speak OEM.
    let shortest = fields.iter().filter(|f| f.len > 0).map(|f| f.offset).min();
    let flags = if shortest.is_some_and(|at| at < 64) {
        0
    } else {
        let key = Field::read(&mut r, "EncryptedRandomSessionKeyFields")?;
        let flags = r.u32_le("NegotiateFlags")?;
        let [lm, nt, domain, user, workstation] = fields;
        version(r, flags, &[lm, nt, domain, user, workstation, key], &VERSION, out)?;
        flags
    };
    // A name that lies over a person's field would let that field out.
    if [lm, nt, domain, user].iter().any(|f| f.overlaps(workstation)) {
        return Err(Error::invalid("WorkstationFields"));
    }
    let name = workstation.of(&r, "Workstation")?;
    let unicode = flags & UNICODE != 0;
    out.fact(Who::Sender, &WORKSTATION, &decode(name, unicode));
    // A capture that ends before them is no reason to say less of the computer.
    let text = |field: Field, name| decode(field.of(&r, name).unwrap_or_default(), unicode);
    let (domain, user) = (text(domain, "DomainName"), text(user, "UserName"));
    // A computer's own account is no person's, and without a name nobody logs on.
    if !user.is_empty() && !user.ends_with('$') {
        out.session(Who::Sender);
    }
    if domain.is_empty() {
        out.user(Who::Sender, &user);
    } else if !user.is_empty() {
        out.user(Who::Sender, &format!("{domain}\\{user}"));
    }
    Ok(())
}

/// VERSION (§2.2.2.10), where the flag says that it is there and no field's
/// payload lies over it.
fn version(
    mut r: Reader<'_>,
    flags: u32,
    fields: &[Field],
    key: &Key,
    out: &mut dyn Sink,
) -> Result<(), Error> {
    let end = r.position().saturating_add(8);
    let covered = fields.iter().any(|f| f.len > 0 && f.offset < end);
    if flags & HAS_VERSION == 0 || covered {
        return Ok(());
    }
    let (major, minor) = (r.u8("ProductMajorVersion")?, r.u8("ProductMinorVersion")?);
    let build = r.u16_le("ProductBuild")?;
    if (major, minor, build) != (0, 0, 0) {
        out.fact(Who::Sender, key, &format!("{major}.{minor}.{build}"));
    }
    Ok(())
}

/// Length and place of a payload (§2.2.1.1: Len, MaxLen, BufferOffset).
#[derive(Clone, Copy)]
struct Field {
    len: usize,
    offset: usize,
}

impl Field {
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, Error> {
        let len = usize::from(r.u16_le(field)?);
        r.skip(2, field)?;
        let offset = usize::try_from(r.u32_le(field)?).map_err(|_| Error::too_large(field))?;
        Ok(Self { len, offset })
    }

    const fn overlaps(self, other: Self) -> bool {
        self.offset < other.offset.saturating_add(other.len)
            && other.offset < self.offset.saturating_add(self.len)
    }

    /// Its bytes, counted from the start of the message.
    fn of<'a>(self, message: &Reader<'a>, field: &'static str) -> Result<&'a [u8], Error> {
        if self.len == 0 {
            return Ok(&[]);
        }
        message.at(self.offset, field)?.take(self.len, field)
    }
}
