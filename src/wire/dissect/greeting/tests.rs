use super::super::testing::{facts, stream};
use super::super::{by_name, torture};
use super::*;

#[test]
fn a_file_server() {
    let segments: &[(u8, &[u8])] = &[
        (b'S', b"220-FileZilla Server 0.9.60 beta FTP\r\n220 CANARY\r\n"),
        (b'C', b"USER CANARY\r\n"),
        (b'S', b"331 Password required for CANARY\r\n"),
        (b'C', b"PASS CANARY\r\n"),
        (b'S', b"230 Logged on CANARY\r\n"),
        (b'C', b"SYST\r\n"),
        (b'S', b"215 UNIX emulated by FileZilla\r\n"),
        (b'C', b"CWD /CANARY\r\nSTOR CANARY.dcm\r\n"),
        (b'S', b"150 CANARY\r\n"),
    ];
    let expected = [
        "S ftp.banner=FileZilla Server 0.9.60 beta FTP",
        "C ftp.clear_login=yes",
        "S ftp.takes_clear_login=yes",
        "S ftp.system=UNIX emulated by FileZilla",
    ];
    assert_eq!(facts(&stream("ftp", segments)), expected);
    torture::stream("ftp", &segments[..6], &[]);
}

#[test]
fn a_mail_server() {
    let segments: &[(u8, &[u8])] = &[
        (b'S', b"220 mail.example.com ESMTP Postfix (Ubuntu)\r\n"),
        (b'C', b"EHLO CT-WS-1.rad.example\r\n"),
        (b'S', b"250-mail.example.com\r\n250 AUTH PLAIN\r\n"),
        (b'C', b"AUTH PLAIN Q0FOQVJZ\r\n"),
        (b'C', b"MAIL FROM:<CANARY@example.com>\r\n"),
    ];
    let expected = [
        "S smtp.banner=mail.example.com ESMTP Postfix (Ubuntu)",
        "C smtp.hostname=ct-ws-1.rad.example",
        "C smtp.clear_login=yes",
        "S smtp.takes_clear_login=yes",
    ];
    assert_eq!(facts(&stream("smtp", segments)), expected);
    torture::stream("smtp", segments, &["CANARY", "Q0FO"]);
    let literal: &[(u8, &[u8])] = &[(b'S', b"220 ESMTP\r\n"), (b'C', b"EHLO [10.0.0.1]\r\n")];
    assert_eq!(facts(&stream("smtp", literal)), ["S smtp.banner=ESMTP"]);
}

#[test]
fn mailboxes() {
    let pop: &[(u8, &[u8])] = &[
        (b'S', b"+OK Dovecot POP3 ready.\r\n"),
        (b'C', b"USER CANARY\r\n"),
        (b'S', b"+OK\r\n"),
        (b'C', b"PASS CANARY\r\n"),
    ];
    let expected = [
        "S pop3.banner=Dovecot POP3 ready.",
        "C pop3.clear_login=yes",
        "S pop3.takes_clear_login=yes",
    ];
    assert_eq!(facts(&stream("pop3", pop)), expected);
    torture::stream("pop3", pop, &["CANARY"]);
    let imap: &[(u8, &[u8])] = &[
        (b'S', b"* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot IMAP ready.\r\n"),
        (b'C', b"a1 LOGIN CANARY CANARY\r\n"),
    ];
    let expected = [
        "S imap.banner=Dovecot IMAP ready.",
        "C imap.clear_login=yes",
        "S imap.takes_clear_login=yes",
    ];
    assert_eq!(facts(&stream("imap", imap)), expected);
    torture::stream("imap", imap, &["CANARY"]);
}

#[test]
fn encryption_is_another_protocol() {
    let segments: &[(u8, &[u8])] = &[
        (b'S', b"220 mx ESMTP\r\n"),
        (b'C', b"STARTTLS\r\n"),
        (b'S', b"220 go ahead\r\n"),
        (b'C', b"AUTH PLAIN CANARY\r\n"),
    ];
    assert_eq!(facts(&stream("smtp", segments)), ["S smtp.banner=mx ESMTP"]);
}

#[test]
fn greetings_are_told_apart() {
    let ask = |name: &str, bytes: &[u8], src_port| {
        let Body::Stream { probe, .. } = &by_name(name).unwrap().body else { unreachable!() };
        probe(&Opening { bytes, src_port, dst_port: 50000, from_start: true })
    };
    assert_eq!(ask("ftp", b"220 (vsFTPd 3.0.3)\r\n", 2121), Verdict::Yes);
    assert_eq!(ask("ftp", b"220 Welcome\r\n", 21), Verdict::Yes);
    assert_eq!(ask("ftp", b"220 Welcome\r\n", 2121), Verdict::No);
    assert_eq!(ask("ftp", b"22", 21), Verdict::More);
    assert_eq!(ask("ftp", b"2200 ftp\r\n", 21), Verdict::No);
    assert_eq!(ask("smtp", b"220 mx ESMTP\r\n", 2525), Verdict::Yes);
    assert_eq!(ask("smtp", b"220 (vsFTPd 3.0.3)\r\n", 21), Verdict::No);
    assert_eq!(ask("pop3", b"+OK ready\r\n", 9999), Verdict::No);
    assert_eq!(ask("imap", b"* OK ready\r\n", 143), Verdict::Yes);
    assert_eq!(ask("imap", b"* OK ready\r\n", 9999), Verdict::No);
}

#[test]
fn only_well_known_accounts_are_told_and_only_by_kind() {
    let login = |name: &str, answer: &'static [u8]| {
        let name = format!("USER {name}\r\n");
        let segments: &[(u8, &[u8])] = &[
            (b'S', b"220 ftp\r\n"),
            (b'C', name.as_bytes()),
            (b'S', b"331 Password\r\n"),
            (b'C', b"PASS CANARY\r\n"),
            (b'S', answer),
        ];
        facts(&stream("ftp", segments)).split_off(3)
    };
    let told = ["S ftp.takes_known_account=maker"];
    assert_eq!(login("Insite", b"230 ok\r\n"), told);
    assert!(login("insite", b"530 no\r\n").is_empty(), "turned away");
    assert!(login("tanaka", b"230 ok\r\n").is_empty(), "a person");
}

#[test]
fn the_password_of_nobody_is_none() {
    let clear = |name: &str| {
        let name = format!("USER {name}\r\n");
        let segments: &[(u8, &[u8])] = &[
            (b'S', b"220 ftp\r\n"),
            (b'C', name.as_bytes()),
            (b'S', b"331 Password\r\n"),
            (b'C', b"PASS CANARY@hospital.example\r\n"),
        ];
        facts(&stream("ftp", segments)).iter().filter(|it| it.contains("clear_login")).count()
    };
    assert_eq!((clear("anonymous"), clear("ftp"), clear("tanaka")), (0, 0, 2));
}
