//! What somebody logs on with: forms (`application/x-www-form-urlencoded`) and members of JSON
//! (RFC 8259), by the names of their fields. Only whether one is a password, and in JSON what
//! kind of a well-known account is named; nothing else of what is filled in.

use super::super::{Sink, Who, account};
use super::json;
use crate::observe::Key;

/// `yes`: a password is sent in a form, which nothing encrypts.
pub(super) const CLEAR: Key = Key::new("http.clear_form_login");
/// `yes`: the server takes it so.
pub(super) const TAKES: Key = Key::new("http.takes_clear_form_login");
/// The same in JSON.
pub(super) const CLEAR_JSON: Key = Key::new("http.clear_json_login");
pub(super) const TAKES_JSON: Key = Key::new("http.takes_clear_json_login");

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
/// Names of fields for accounts.
const ACCOUNTS: &[&str] = &[
    "account",
    "benutzername",
    "j_username",
    "login",
    "loginname",
    "name",
    "uid",
    "user",
    "user_name",
    "userid",
    "username",
];
/// Bytes of a body that are looked at: those of a logon are few.
const LOOKED_AT: usize = 4096;
/// Characters of a password; what is longer was encrypted before.
const MAX_PASSWORD: usize = 64;
/// Hexadecimal digits of MD5, SHA-1 and SHA-256: what was sent is a digest.
const DIGESTS: [usize; 3] = [32, 40, 64];

/// Tells whether a password is in it; gives the kind of a well-known account that logs on.
pub(super) fn tell(bytes: &[u8], out: &mut dyn Sink) -> Option<&'static str> {
    let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    // Some programs say that their JSON is a form.
    if matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return of_json(&String::from_utf8_lossy(bytes), out);
    }
    let is_password = |field: &[u8]| {
        let mut parts = field.splitn(2, |&b| b == b'=');
        let name = parts.next().unwrap_or_default();
        let is_filled = parts.next().is_some_and(|value| !value.trim_ascii().is_empty());
        is_filled && PASSWORDS.iter().any(|it| it.eq_ignore_ascii_case(name))
    };
    if bytes.split(|&b| b == b'&').any(is_password) {
        out.fact(Who::Sender, &CLEAR, "yes");
        out.fact(Who::Receiver, &TAKES, "yes");
    }
    None
}

fn of_json(text: &str, out: &mut dyn Sink) -> Option<&'static str> {
    let (mut password, mut kind) = (false, None);
    json::strings(text, |path, value| {
        let Some(name) = path.last() else { return };
        if PASSWORDS.iter().any(|it| it.eq_ignore_ascii_case(name.as_bytes())) {
            password |= is_readable(value);
        } else if ACCOUNTS.iter().any(|it| it.eq_ignore_ascii_case(name)) {
            kind = kind.or(account::kind(value.as_bytes()));
        }
    });
    if !password {
        return None;
    }
    out.fact(Who::Sender, &CLEAR_JSON, "yes");
    out.fact(Who::Receiver, &TAKES_JSON, "yes");
    kind
}

fn is_readable(password: &str) -> bool {
    let length = password.chars().count();
    let is_digest = DIGESTS.contains(&length) && password.bytes().all(|it| it.is_ascii_hexdigit());
    (1..=MAX_PASSWORD).contains(&length) && !is_digest
}

#[cfg(test)]
mod tests {
    use crate::wire::dissect::testing::{facts, stream};
    use crate::wire::dissect::torture;

    #[test]
    fn logons_in_json() {
        let talk = |kind: &str, body: &str, status: &str| {
            let length = body.len();
            let post = format!(
                "POST /login HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            let talk = [(b'C', post.as_bytes()), (b'S', answer.as_bytes())];
            torture::stream("http", &talk, &["CANARY"]);
            facts(&stream("http", &talk))
        };
        let clear = ["C http.clear_json_login=yes", "S http.takes_clear_json_login=yes"];
        let known = ["S http.answers_known_account=administrator"];
        let json = "application/json; charset=utf-8";
        let digest = "0123456789ABCDEF0123456789abcdef";
        let rows: &[(&str, &[&str])] = &[
            (r#"{"username":"CANARY","password":"CANARY"}"#, &clear),
            (r#"{"username":"admin","password":"CANARY"}"#, &[clear[0], clear[1], known[0]]),
            (
                r#"[{"cmd":"Login","param":{"User":{"userName":"ADMIN","Password":"CANARY"}}}]"#,
                &[clear[0], clear[1], known[0]],
            ),
            (r#"{"params":{"user":"CANARY","pwd":"CANARY","x":1}}"#, &clear),
            (r#"{"username":"admin","password":""}"#, &[]),
            (r#"{"username":"admin","password":null}"#, &[]),
            (r#"{"username":"admin","text":"password"}"#, &[]),
            (r#"{"rows":[{"password":"CANARY"}]}"#, &[]),
            ("{\"password\":\"CANARY", &[]),
        ];
        for (body, expected) in rows {
            assert_eq!(talk(json, body, "200 OK"), *expected, "{body}");
        }
        let hashed = format!(r#"{{"username":"admin","password":"{digest}"}}"#);
        assert_eq!(talk(json, &hashed, "200 OK"), [""; 0], "a digest is not readable");
        let long = format!(r#"{{"password":"{}"}}"#, "CANARY".repeat(20));
        assert_eq!(talk(json, &long, "200 OK"), [""; 0], "encrypted");
        let admin = r#"{"username":"admin","password":"CANARY"}"#;
        assert_eq!(talk(json, admin, "401 Unauthorized"), clear, "it was not let in");
        let both = [&clear[..], &known].concat();
        assert_eq!(talk("application/x-www-form-urlencoded", admin, "204 No"), both);
        assert_eq!(talk("text/plain", admin, "200 OK"), [""; 0], "another type");
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {json}\r\nContent-Length: 40\r\n\r\n{admin}");
        assert_eq!(facts(&stream("http", &[(b'S', answer.as_bytes())])), [""; 0], "an answer");
    }
}
