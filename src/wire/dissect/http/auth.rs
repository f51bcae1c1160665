//! Fields of authentication: the realm that a server names, and what tokens of NTLM say of
//! machines. Credentials are not looked at.

use data_encoding::BASE64_NOPAD;

use super::super::{Sink, ntlm};

/// `realm="…"` of the Basic or Digest scheme.
pub(super) fn realm(value: &str) -> Option<&str> {
    let lower = value.to_ascii_lowercase();
    if !lower.starts_with("basic") && !lower.starts_with("digest") {
        return None;
    }
    let at = lower.find("realm=")?.saturating_add("realm=".len());
    let rest = value.get(at..)?;
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split([',', ' ']).next(),
    }
}

/// `NTLM token` or `Negotiate token` (RFC 4559 §4). A token that cannot be read
/// says nothing; the head around it is still good.
pub(super) fn ntlm_token(value: &str, out: &mut dyn Sink) {
    let Some((scheme, token)) = value.split_once(' ') else { return };
    if scheme.eq_ignore_ascii_case("ntlm") || scheme.eq_ignore_ascii_case("negotiate") {
        let token = token.split(',').next().unwrap_or_default().trim().trim_end_matches('=');
        if let Ok(token) = BASE64_NOPAD.decode(token.as_bytes()) {
            let _ = ntlm::read(&token, out);
        }
    }
}
