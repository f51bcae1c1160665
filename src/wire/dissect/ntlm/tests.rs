use super::super::torture::{facts_of, shake};
use super::*;

/// UTF-16LE.
pub(in crate::wire::dissect) fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn message(
    kind: u32,
    fixed: usize,
    parts: &[(usize, &[u8])],
    flags_at: usize,
    flags: u32,
) -> Vec<u8> {
    let mut m = vec![0; fixed];
    m[..8].copy_from_slice(SIGNATURE);
    m[8..12].copy_from_slice(&kind.to_le_bytes());
    m[flags_at..flags_at + 4].copy_from_slice(&flags.to_le_bytes());
    for (at, payload) in parts {
        let (len, offset) = (payload.len() as u16, m.len() as u32);
        m[*at..at + 2].copy_from_slice(&len.to_le_bytes());
        m[at + 2..at + 4].copy_from_slice(&len.to_le_bytes());
        m[at + 4..at + 8].copy_from_slice(&offset.to_le_bytes());
        m.extend_from_slice(payload);
    }
    m
}

/// A challenge of a machine `MR-CONSOLE` with Windows 7 SP1 in `domain`.
pub(in crate::wire::dissect) fn challenge_of(domain: &str) -> Vec<u8> {
    let mut info = Vec::new();
    for (id, text) in [(2_u16, domain), (1, "MR-CONSOLE"), (3, "mr-console.rad.example")] {
        let text = wide(text);
        info.extend(id.to_le_bytes());
        info.extend((text.len() as u16).to_le_bytes());
        info.extend(text);
    }
    info.extend([0; 4]);
    let mut m = message(2, 56, &[(12, &wide(domain)), (40, &info)], 20, HAS_VERSION | UNICODE);
    m[48..56].copy_from_slice(&[6, 1, 0xb1, 0x1d, 0, 0, 0, 15]);
    m
}

/// An authentication with a canary for user, domain and responses.
pub(in crate::wire::dissect) fn authenticate_message() -> Vec<u8> {
    let (user, domain) = (wide("CANARYuser"), wide("CANARYdomain"));
    let parts: [(usize, &[u8]); 5] = [
        (28, &domain),
        (36, &user),
        (44, &wide("READING-3")),
        (12, b"CANARY-lm-response-24byt"),
        (20, b"CANARY-nt-response"),
    ];
    let mut m = message(3, 88, &parts, 60, HAS_VERSION | UNICODE);
    m[64..72].copy_from_slice(&[10, 0, 0x63, 0x45, 0, 0, 0, 15]);
    m
}

fn said(token: &[u8]) -> Vec<String> {
    facts_of(|out| read(token, out)).unwrap()
}

#[test]
fn challenge_names_the_server() {
    assert_eq!(
        said(&challenge_of("RAD")),
        [
            "ntlm.server_version=6.1.7601",
            "ntlm.fqdn=mr-console.rad.example",
            "ntlm.computer=MR-CONSOLE",
            "ntlm.domain=RAD",
            "ntlm.membership=domain",
        ]
    );
    assert!(said(&challenge_of("mr-console")).contains(&"ntlm.membership=standalone".into()));
}

#[test]
fn authenticate_names_the_machine_and_nobody() {
    let expected = ["ntlm.version=10.0.17763", "ntlm.workstation=READING-3"];
    assert_eq!(said(&authenticate_message()), expected);
    let spnego = [&b"\xa1\x82\x01\x00\x30\x82NTLMSS"[..], &authenticate_message()].concat();
    assert_eq!(said(&spnego), expected);
}

#[test]
fn negotiate_with_and_without_version() {
    let mut m = message(1, 40, &[(24, b"PACS1"), (16, b"RAD")], 12, HAS_VERSION | 0x3000);
    m[32..40].copy_from_slice(&[5, 1, 0x28, 0x0a, 0, 0, 0, 15]);
    let all = ["ntlm.version=5.1.2600", "ntlm.workstation=PACS1", "ntlm.domain=RAD"];
    assert_eq!(said(&m), all);
    m[15] = 0; // no version flag
    assert_eq!(said(&m), all[1..]);
    // An old client puts its payload where the version would be.
    let over = message(1, 32, &[(24, b"PACS1"), (16, b"RAD")], 12, HAS_VERSION | 0x3000);
    assert_eq!(said(&over), all[1..]);
    assert!(said(b"\x60\x82 kerberos").is_empty());
}

#[test]
fn survives_anything() {
    for token in [challenge_of("RAD"), authenticate_message()] {
        shake(&token, &["NAR"], |bytes, out| read(bytes, out));
    }
}

/// Keeps nothing but users.
#[derive(Default)]
struct Users(Vec<String>, usize);

impl Sink for Users {
    fn observe(&mut self, who: Who, what: crate::observe::Observed<'_>) {
        if let crate::observe::Observed::Use(it) = what {
            assert_eq!((who, it.work), (Who::Sender, crate::observe::Work::Session));
            self.1 += 1;
        }
    }

    fn user(&mut self, _: Who, name: &str) {
        self.0.push(name.to_owned());
    }
}

#[test]
fn a_user_leaves_by_one_way_alone() {
    let mut users = Users::default();
    read(&authenticate_message(), &mut users).unwrap();
    assert_eq!((users.0.len(), users.1), (1, 1));
    assert!(users.0[0].contains("CANARY"), "{users:?}", users = users.0);
}
