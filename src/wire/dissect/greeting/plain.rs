//! What leaves of the lines of file servers: names of products and systems, versions. What
//! a site has written behind them is its own.

/// Programs whose greeting a site may lengthen.
const PROGRAMS: &[&str] = &["(vsFTPd", "FileZilla", "ProFTPD", "Serv-U"];
/// What their makers and distributions write.
const WORDS: &[&str] = &[
    "server",
    "version",
    "beta",
    "ftp",
    "ftp-server",
    "service",
    "ready",
    "ready.",
    "ready...",
    "(debian)",
    "(ubuntu)",
    "(netgear",
    "readynas)",
    "(proftpd",
    "default",
    "installation)",
];
/// Systems, as servers name them (RFC 959 §4.2, reply 215): longer names first.
const SYSTEMS: &[&str] = &[
    "UNIX Type: L8",
    "UNIX emulated by FileZilla",
    "UNIX",
    "Windows_NT",
    "VxWorks",
    "MACOS",
    "NETWARE",
    "OS/2",
    "OS/400",
    "QNX",
    "VMS",
    "MVS",
];

/// A greeting without what a site has written behind the version of a known program.
pub(super) fn greeting(text: &[u8]) -> &[u8] {
    if !PROGRAMS.iter().any(|it| text.starts_with(it.as_bytes())) {
        return text;
    }
    let mut end = 0_usize;
    for (n, word) in text.split_inclusive(|&b| b == b' ').enumerate() {
        let is_known = n == 0 || is_version(word.trim_ascii_end()) || {
            let word = word.trim_ascii_end();
            WORDS.iter().any(|it| word.eq_ignore_ascii_case(it.as_bytes()))
        };
        if !is_known {
            break;
        }
        end = end.saturating_add(word.len());
    }
    text.get(..end).unwrap_or(text).trim_ascii_end()
}

/// Programs that hand on mail.
const MAILERS: &[&str] = &["Exim", "(Exim", "Microsoft", "Postfix", "Sendmail"];
/// What they write beside their names.
const MAIL_WORDS: &[&str] = &[
    "esmtp",
    "smtp",
    "mail",
    "service,",
    "service",
    "version:",
    "ready",
    "at",
    "(debian)",
    "(debian/gnu)",
    "(ubuntu)",
];

/// The greeting of a mail server that is known: its name, the program, versions.
pub(super) fn mail(text: &[u8]) -> &[u8] {
    let is_mailer = |word: &[u8]| MAILERS.iter().any(|it| it.as_bytes() == word);
    let words = || text.split_inclusive(|&b| b == b' ');
    if !words().any(|word| is_mailer(word.trim_ascii_end())) {
        return text;
    }
    let is_known = |word: &[u8]| {
        let word = word.trim_ascii_end();
        let plain = word.strip_suffix(b";").or(word.strip_suffix(b",")).unwrap_or(word);
        let plain = plain.strip_prefix(b"(").unwrap_or(plain);
        word.is_empty()
            || is_mailer(word)
            || MAIL_WORDS.iter().any(|it| word.eq_ignore_ascii_case(it.as_bytes()))
            || plain.split(|&b| matches!(b, b'/' | b'_')).all(is_version)
    };
    let kept = words().enumerate().take_while(|(n, word)| *n == 0 || is_known(word));
    let end: usize = kept.map(|(_, word)| word.len()).sum();
    text.get(..end).unwrap_or(text).trim_ascii_end()
}

/// `1.3.5rc2`, `v15.1`, `3.0.5)`: numbers, and no more than two letters at a time.
fn is_version(word: &[u8]) -> bool {
    let word = word.strip_suffix(b")").unwrap_or(word);
    let word = word.strip_prefix(b"v").unwrap_or(word);
    let kinds = |a: &u8, b: &u8| a.is_ascii_alphabetic() == b.is_ascii_alphabetic();
    word.first().is_some_and(u8::is_ascii_digit)
        && word.len() <= 16
        && word.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'.')
        && word.chunk_by(kinds).all(|run| {
            let letters = run.first().is_some_and(u8::is_ascii_alphabetic);
            !letters || run.len() <= 2
        })
        && word.split(|&b| b == b'.').all(|part| part.len() <= 6)
}

/// The system that a server names.
pub(super) fn system(text: &[u8]) -> Option<&'static str> {
    let begins = |it: &&&str| {
        let behind = text.get(..it.len()).filter(|head| head.eq_ignore_ascii_case(it.as_bytes()));
        behind.is_some() && text.get(it.len()).is_none_or(|b| !b.is_ascii_alphanumeric())
    };
    SYSTEMS.iter().find(begins).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_version_stays() {
        for (text, kept) in [
            ("(vsFTPd 3.0.5) CANARY", "(vsFTPd 3.0.5)"),
            (
                "ProFTPD 1.3.5rc2 Server (Debian) [::ffff:10.0.0.1]",
                "ProFTPD 1.3.5rc2 Server (Debian)",
            ),
            ("ProFTPD 1.3.5 Server (CANARY)", "ProFTPD 1.3.5 Server"),
            ("ProFTPD CANARY", "ProFTPD"),
            ("FileZilla Server 0.9.60 beta FTP", "FileZilla Server 0.9.60 beta FTP"),
            ("FileZilla Server 1.2CANARY", "FileZilla Server"),
            ("FileZilla Server 19470311", "FileZilla Server"),
            ("Serv-U FTP Server v15.1 ready...", "Serv-U FTP Server v15.1 ready..."),
            (
                "RICOH Aficio MP 3351 FTP server (12.34) ready.",
                "RICOH Aficio MP 3351 FTP server (12.34) ready.",
            ),
        ] {
            assert_eq!(std::str::from_utf8(greeting(text.as_bytes())), Ok(kept));
        }
    }

    #[test]
    fn of_mail_servers_program_and_version_leave() {
        for (text, kept) in [
            ("mx1.h.example ESMTP Postfix CANARY", "mx1.h.example ESMTP Postfix"),
            (
                "mx1.h.example ESMTP Postfix (Debian/GNU) CANARY",
                "mx1.h.example ESMTP Postfix (Debian/GNU)",
            ),
            ("mx1.h.example ESMTP Exim 4.94 CANARY", "mx1.h.example ESMTP Exim 4.94"),
            ("mx1, ESMTP (Exim 4.94_2) Sat, 1 Nov", "mx1, ESMTP (Exim 4.94_2)"),
            (
                "mx Microsoft ESMTP MAIL Service, Version: 10.0.14393.4169 ready at  CANARY",
                "mx Microsoft ESMTP MAIL Service, Version: 10.0.14393.4169 ready at",
            ),
            ("mx ESMTP Sendmail 8.14.4/8.14.4; CANARY", "mx ESMTP Sendmail 8.14.4/8.14.4;"),
            ("mx ESMTP CANARY", "mx ESMTP CANARY"),
        ] {
            assert_eq!(std::str::from_utf8(mail(text.as_bytes())), Ok(kept));
        }
    }

    #[test]
    fn systems_are_known_ones() {
        for (text, known) in [
            ("UNIX Type: L8 CANARY", Some("UNIX Type: L8")),
            ("UNIX CANARY", Some("UNIX")),
            ("Windows_NT version 5.0", Some("Windows_NT")),
            ("UNIXCANARY", None),
            ("CANARY", None),
        ] {
            assert_eq!(system(text.as_bytes()), known, "{text}");
        }
    }
}
