//! BindRequest and its answer (RFC 4511 §4.2): whether a password goes over the wire readable,
//! and NTLM's part in a logon.

use super::super::ber::{self, OCTET_STRING};
use super::super::{Error, Reader, Sink, Who, ntlm};
use super::{ENUMERATED, INTEGER};
use crate::observe::Key;

/// `yes`: a password was sent that anybody on the way can read.
pub(super) const CLEAR_LOGIN: Key = Key::new("ldap.clear_login");
/// `yes`: the server compared it.
pub(super) const TAKES: Key = Key::new("ldap.takes_clear_login");

/// Whether a BindResponse (§4.2.2) says that the password was right or wrong, not that the
/// server wants none that can be read.
pub(super) fn compares(contents: &[u8]) -> Result<bool, Error> {
    /// success, invalidCredentials (§4.1.9).
    const COMPARED: [&[u8]; 2] = [&[0], &[49]];
    let result = ber::expect(&mut Reader::new(contents), ENUMERATED, "resultCode")?;
    Ok(COMPARED.contains(&result))
}

/// BindRequest (§4.2): version, name, and a password or a token. True where that is a
/// password.
pub(super) fn request(contents: &[u8], out: &mut dyn Sink) -> Result<bool, Error> {
    let mut r = Reader::new(contents);
    ber::expect(&mut r, INTEGER, "version")?;
    let name = ber::expect(&mut r, OCTET_STRING, "name")?;
    match ber::any(&mut r, "authentication")? {
        // Without name or password it is anonymous (RFC 4513 §5.1).
        (0x80, password) if !name.is_empty() && !password.is_empty() => {
            out.fact(Who::Sender, &CLEAR_LOGIN, "yes");
            return Ok(true);
        }
        // SASL, or NTLM as Windows once put it in (MS-ADTS §5.1.1.1.3).
        (0xa3 | 0x8a | 0x8b, token) => ntlm::read(token, out)?,
        _ => {}
    }
    Ok(false)
}
