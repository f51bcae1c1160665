use super::super::ntlm::tests as tokens;
use super::super::testing::{facts, packet, stream, udp};
use super::super::{Opening, Verdict, torture};

fn framed(kind: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 8).unwrap().to_be_bytes();
    [&[kind, 1], &length[..], &[0, 0, 1, 0], data].concat()
}

/// Version and encryption.
fn prelogin(kind: u8, version: [u8; 6], encryption: u8) -> Vec<u8> {
    let options = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff];
    framed(kind, &[&options[..], &version, &[encryption]].concat())
}

fn login() -> Vec<u8> {
    let (mut heads, mut data) = (vec![0; 36], Vec::new());
    let names =
        ["CT-WS-1", "CANARY", "CANARY", "CANARY", "CANARY", "", ".Net SqlClient", "", "CANARY"];
    for name in names {
        let text = tokens::wide(name);
        heads.extend(u16::try_from(94 + data.len()).unwrap().to_le_bytes());
        heads.extend(u16::try_from(text.len() / 2).unwrap().to_le_bytes());
        data.extend(text);
    }
    heads.resize(94, 0);
    framed(0x10, &[heads, data].concat())
}

#[test]
fn a_logon_in_the_clear() {
    let asked = prelogin(0x12, [9, 0, 0, 0, 0, 0], 2);
    let answered = prelogin(0x04, [10, 50, 0x0f, 0xa0, 0, 0], 2);
    let token = [&[0xed, 0, 0][..], &tokens::challenge_of("RAD")].concat();
    let mut token = token;
    let length = u16::try_from(token.len() - 3).unwrap().to_le_bytes();
    token[1..3].copy_from_slice(&length);
    let (login, challenge) = (login(), framed(0x04, &token));
    let segments: &[(u8, &[u8])] =
        &[(b'C', &asked), (b'S', &answered), (b'C', &login), (b'S', &challenge)];
    let said = facts(&stream("mssql", segments));
    let expected = [
        "S mssql.version=10.50.4000",
        "C mssql.hostname=CT-WS-1",
        "C mssql.library=.Net SqlClient",
        "C mssql.clear_login=yes",
        "S mssql.takes_clear_login=yes",
        "S ntlm.server_version=6.1.7601",
    ];
    assert_eq!(said[..6], expected);
    // Damage may point the computer's name at another field; what is whole tells nobody.
    assert!(said.iter().all(|line| !line.contains("CANARY")));
    torture::stream("mssql", &[(b'C', &asked), (b'S', &answered)], &["CANARY"]);
    torture::stream("mssql", &[(b'C', &asked), (b'S', &answered), (b'S', &challenge)], &[]);
}

#[test]
fn a_logon_that_nothing_precedes() {
    let mut login = login();
    let length = u16::try_from(login.len() - 8).unwrap().to_le_bytes();
    login[8..10].copy_from_slice(&length);
    login[12..16].copy_from_slice(&[4, 0, 0, 0x74]);
    let said = facts(&stream("mssql", &[(b'C', &login)]));
    let login_of = ["C mssql.clear_login=yes", "S mssql.takes_clear_login=yes"];
    let names = ["C mssql.hostname=CT-WS-1", "C mssql.library=.Net SqlClient"];
    assert_eq!(said, [names, login_of].concat());
    // By a token: no password.
    let mut by_token = login.clone();
    by_token[8 + 36 + 8 + 2..8 + 36 + 8 + 4].copy_from_slice(&[0, 0]);
    assert_eq!(facts(&stream("mssql", &[(b'C', &by_token)])), names);
    let begins = |bytes: &[u8]| {
        super::probe(&Opening { bytes, src_port: 50000, dst_port: 50001, from_start: true })
    };
    assert_eq!((begins(&login), begins(&login[..9])), (Verdict::Yes, Verdict::More));
    login[8] ^= 1;
    assert_eq!(begins(&login), Verdict::No, "of another length");
}

#[test]
fn behind_encryption_nothing_is_read() {
    let asked = prelogin(0x12, [9, 0, 0, 0, 0, 0], 0);
    let answered = prelogin(0x04, [15, 0, 7, 0xd0, 0, 0], 1);
    let hello = framed(0x12, b"\x16\x03\x01CANARY");
    let said = stream("mssql", &[(b'C', &asked), (b'S', &answered), (b'C', &hello)]);
    assert_eq!(facts(&said), ["S mssql.version=15.0.2000"]);
}

#[test]
fn the_browser_names_server_and_instance() {
    let text =
        b"ServerName;PACS-DB;InstanceName;PACS;IsClustered;No;Version;15.0.2000.5;tcp;1433;;";
    let length = u16::try_from(text.len()).unwrap().to_le_bytes();
    let answer = [&[5], &length[..], text].concat();
    let it = udp(1434, 50000, &answer);
    let expected =
        ["C mssql.server_name=PACS-DB", "C mssql.instance=PACS", "C mssql.version=15.0.2000"];
    assert_eq!(facts(&packet("mssql-browser", &it).unwrap()), expected);
    torture::packet("mssql-browser", &it, &[]);
}
