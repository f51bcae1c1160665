//! Fields of authentication: the realm that a server names, what tokens of NTLM say of
//! machines, and whether a well-known account is let in. Other credentials are not looked at.

use data_encoding::BASE64_NOPAD;

use super::super::{Sink, Who, ntlm};
use super::head::Asked;
use crate::observe::Key;

/// What kind of a well-known account the server let in by the Basic scheme.
pub(super) const TAKES_KNOWN: Key = Key::new("http.takes_known_account");
/// What kind of a well-known account logged on in JSON, where the server's status was good.
pub(super) const ANSWERS_KNOWN: Key = Key::new("http.answers_known_account");

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

/// Tells that the answer lets in who was asked for. Who is refused in JSON may be told so
/// with a good status, too.
pub(super) fn let_in(status: Option<u16>, asked: Option<Asked>, out: &mut dyn Sink) {
    let Some((200..=399, asked)) = status.zip(asked) else { return };
    for (key, kind) in [(&TAKES_KNOWN, asked.account), (&ANSWERS_KNOWN, asked.logon)] {
        if let Some(kind) = kind {
            out.fact(Who::Sender, key, kind);
        }
    }
}
