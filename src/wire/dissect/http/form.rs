//! Forms that somebody has filled in (`application/x-www-form-urlencoded`): only whether one
//! of their fields is a password, by its name. What is filled in is not read.

use super::super::{Sink, Who};
use crate::observe::Key;

/// `yes`: a password is sent in a form, which nothing encrypts.
pub(super) const CLEAR: Key = Key::new("http.clear_form_login");
/// `yes`: the server takes it so.
pub(super) const TAKES: Key = Key::new("http.takes_clear_form_login");

/// Names of fields for passwords, as web pages of devices and frameworks call them.
const PASSWORDS: &[&[u8]] = &[
    b"j_password",
    b"loginpassword",
    b"pass",
    b"passwd",
    b"password",
    b"passwort",
    b"pwd",
    b"user_password",
    b"userpassword",
    b"userpwd",
];
/// Bytes of a form that are looked at: those of a logon are few.
const LOOKED_AT: usize = 4096;

/// Tells whether a password is in it.
pub(super) fn tell(bytes: &[u8], out: &mut dyn Sink) {
    let fields = bytes.get(..LOOKED_AT).unwrap_or(bytes).split(|&b| b == b'&');
    let is_password = |field: &[u8]| {
        let mut parts = field.splitn(2, |&b| b == b'=');
        let name = parts.next().unwrap_or_default();
        let is_filled = parts.next().is_some_and(|value| !value.trim_ascii().is_empty());
        is_filled && PASSWORDS.iter().any(|it| it.eq_ignore_ascii_case(name))
    };
    if fields.into_iter().any(is_password) {
        out.fact(Who::Sender, &CLEAR, "yes");
        out.fact(Who::Receiver, &TAKES, "yes");
    }
}
