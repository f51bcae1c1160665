use super::super::netbios::encode;
use super::super::ntlm::tests::{authenticate_message, challenge_of, wide};
use super::super::testing::{facts, stream};
use super::super::torture;
use crate::observe::{Observed, Sign};

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u32).to_be_bytes()[..], message].concat()
}

fn smb1(command: u8, status: u32, flags: u8, words: &[u8], data: &[u8]) -> Vec<u8> {
    let mut m = b"\xffSMB".to_vec();
    m.push(command);
    m.extend(status.to_le_bytes());
    m.extend([flags, 0x01, 0xc8]); // Flags2 with UNICODE
    m.resize(32, 0);
    m.push((words.len() / 2) as u8);
    m.extend(words);
    m.extend((data.len() as u16).to_le_bytes());
    m.extend(data);
    framed(&m)
}

/// UTF-16 strings, each terminated.
fn strings(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|t| [wide(t), vec![0, 0]].concat()).collect()
}

fn dialects() -> Vec<u8> {
    let names: [&[u8]; 3] = [b"\x02LANMAN1.0\0", b"\x02NT LM 0.12\0", b"\x02SMB 2.???\0"];
    smb1(0x72, 0, 0x18, &[], &names.concat())
}

fn extended_setup(blob: &[u8], natives: &[&str], request: bool, status: u32) -> Vec<u8> {
    let mut words = vec![0xff, 0, 0, 0];
    if request {
        words.extend([0; 10]);
        words.extend((blob.len() as u16).to_le_bytes());
        words.extend([0; 8]);
    } else {
        words.extend([0, 0]);
        words.extend((blob.len() as u16).to_le_bytes());
    }
    let mut data = blob.to_vec();
    if (32 + 1 + words.len() + 2 + data.len()) % 2 == 1 {
        data.push(0);
    }
    data.extend(strings(natives));
    smb1(0x73, status, if request { 0x18 } else { 0x98 }, &words, &data)
}

fn smb2(command: u16, status: u32, flags: u32, body: &[u8]) -> Vec<u8> {
    let mut m = b"\xfeSMB\x40\0\0\0".to_vec();
    m.extend(status.to_le_bytes());
    m.extend(command.to_le_bytes());
    m.extend([1, 0]);
    m.extend(flags.to_le_bytes());
    m.resize(64, 0);
    m.extend(body);
    framed(&m)
}

fn setup2(blob: &[u8], request: bool, status: u32) -> Vec<u8> {
    let mut body = if request { vec![25, 0] } else { vec![9, 0] };
    body.resize(if request { 12 } else { 4 }, 0);
    let offset = 64 + body.len() + 4 + if request { 8 } else { 0 };
    body.extend((offset as u16).to_le_bytes());
    body.extend((blob.len() as u16).to_le_bytes());
    body.resize(offset - 64, 0);
    body.extend(blob);
    smb2(1, status, u32::from(!request), &body)
}

fn smb1_conversation() -> Vec<(u8, Vec<u8>)> {
    let mut words = vec![1, 0, 0x0f];
    words.resize(19, 0);
    words.extend(0x8000_e3fd_u32.to_le_bytes());
    words.resize(34, 0);
    let natives =
        ["Windows Embedded Standard 7601 Service Pack 1", "Windows Embedded Standard 6.1"];
    let client = ["Windows 2002 Service Pack 3 2600", "Windows 2002 5.1"];
    let path = smb1(0x75, 0, 0x18, &[], &strings(&["CANARY\\share"]));
    vec![
        (b'C', dialects()),
        (b'S', smb1(0x72, 0, 0x98, &words, &[0; 16])),
        (b'S', extended_setup(&challenge_of("RAD"), &natives, false, 0xc000_0016)),
        (b'C', extended_setup(&authenticate_message(), &client, true, 0)),
        (b'S', extended_setup(b"", &natives, false, 0)),
        (b'C', path),
    ]
}

fn lend(conversation: &[(u8, Vec<u8>)]) -> Vec<(u8, &[u8])> {
    conversation.iter().map(|(who, bytes)| (*who, &bytes[..])).collect()
}

#[test]
fn smb1_names_both_systems() {
    let conversation = smb1_conversation();
    let said = facts(&stream("smb", &lend(&conversation)));
    let expected = [
        "C smb.client_dialects=SMB1 NT LM 0.12",
        "C smb.client_dialects=SMB 2.???",
        "C smb.agreed_dialect=SMB1 NT LM 0.12",
        "S smb.dialect=SMB1 NT LM 0.12",
        "S smb.signing=required",
        "S smb.native_os=Windows Embedded Standard 7601 Service Pack 1",
        "S smb.native_lanman=Windows Embedded Standard 6.1",
        "S ntlm.server_version=6.1.7601",
        "S ntlm.fqdn=mr-console.rad.example",
        "S ntlm.computer=MR-CONSOLE",
        "S ntlm.domain=RAD",
        "S ntlm.membership=domain",
        "C smb.native_os=Windows 2002 Service Pack 3 2600",
        "C smb.native_lanman=Windows 2002 5.1",
        "C ntlm.version=10.0.17763",
        "C ntlm.workstation=READING-3",
        "S smb.native_os=Windows Embedded Standard 7601 Service Pack 1",
        "S smb.native_lanman=Windows Embedded Standard 6.1",
    ];
    assert_eq!(said, expected);
}

#[test]
fn smb1_without_extended_security() {
    let mut words = vec![1, 0, 0x03];
    words.resize(33, 0);
    words.push(8);
    let challenge = [&b"CHALLENG"[..], &strings(&["WORKGROUP", "SCANNER-7"])].concat();
    let mut setup = vec![0xff, 0, 0, 0];
    setup.resize(14, 0);
    setup.extend([8, 0, 8, 0]);
    setup.resize(26, 0);
    // 32 + 1 + 26 + 2 + 16 is odd: one byte of padding.
    let names = strings(&["CANARY", "CANARY", "Windows 5.1", "Windows 2002"]);
    let data = [&b"CANARY12CANARY34\0"[..], &names].concat();
    // A tree connect chained to it, behind its data.
    let mut chained = smb1(0x73, 0, 0x18, &setup, &data);
    chained.extend(b"\x04\xff\0\0\0\0\0\x01\0\x0e\0\0\\\\CANARY\0A:\0");
    chained[3] = (chained.len() - 4) as u8;
    let mut answer = smb1(0x72, 0, 0x98, &words, &challenge);
    answer[4 + 11] = 0; // no UNICODE flag, as some servers
    let conversation = [
        (b'C', dialects()),
        (b'S', answer),
        (b'C', chained),
        (
            b'S',
            smb1(0x73, 0, 0x98, &[0xff, 0, 0, 0, 0, 0], &{
                [&[0][..], &strings(&["Unix", "Samba 3.0.37", "WORKGROUP"])].concat()
            }),
        ),
    ];
    let said = facts(&stream("smb", &lend(&conversation)));
    let expected = [
        "C smb.agreed_dialect=SMB1 NT LM 0.12",
        "S smb.dialect=SMB1 NT LM 0.12",
        "S smb.signing=disabled",
        "S smb.domain=WORKGROUP",
        "S smb.hostname=SCANNER-7",
        "C smb.native_os=Windows 5.1",
        "C smb.native_lanman=Windows 2002",
        "S smb.native_os=Unix",
        "S smb.native_lanman=Samba 3.0.37",
        "S smb.domain=WORKGROUP",
    ];
    assert_eq!(said[2..], expected);
    torture::stream("smb", &lend(&conversation), &["CANARY"]);
}

#[test]
fn smb2_and_what_follows() {
    let mut request = vec![36, 0, 3, 0];
    request.resize(36, 0);
    request.extend([0x02, 0x02, 0x10, 0x02, 0x11, 0x03]);
    let response = [65, 0, 1, 0, 0x02, 0x03, 0, 0];
    let create = smb2(5, 0, 0, &wide("CANARY.dcm"));
    let conversation = [
        (b'C', smb2(0, 0, 0, &request)),
        (b'S', smb2(0, 0, 1, &response)),
        (b'S', setup2(&challenge_of("mr-console"), false, 0xc000_0016)),
        (b'C', setup2(&authenticate_message(), true, 0)),
        (b'C', create),
        (b'S', setup2(b"", false, 0)),
    ];
    let said = facts(&stream("smb", &lend(&conversation)));
    let expected = [
        "C smb.client_dialects=SMB 3.1.1",
        "S smb.dialect=SMB 3.0.2",
        "S smb.signing=enabled",
        "S ntlm.server_version=6.1.7601",
        "S ntlm.fqdn=mr-console.rad.example",
        "S ntlm.computer=MR-CONSOLE",
        "S ntlm.membership=standalone",
        "C ntlm.version=10.0.17763",
        "C ntlm.workstation=READING-3",
    ];
    assert_eq!(said, expected);
    torture::stream("smb", &lend(&conversation), &["CANARY", "NARY"]);
}

#[test]
fn a_server_says_since_when_it_runs() {
    let runs = |now: u64, start: u64| {
        let mut response = vec![65, 0, 1, 0, 0x02, 0x03, 0, 0];
        response.resize(40, 0);
        response.extend(now.to_le_bytes());
        response.extend(start.to_le_bytes());
        let conversation = [(b'S', smb2(0, 0, 1, &response))];
        let said = stream("smb", &lend(&conversation));
        torture::stream("smb", &lend(&conversation), &[]);
        said.iter().find_map(|(who, what)| match what {
            Observed::Booted(at, Sign::Smb) if who == "S" => Some(1_700_000_000 - at.seconds()),
            _ => None,
        })
    };
    let now = 133_444_532_000_000_000;
    assert_eq!(runs(now, now - 36_000_000_000), Some(3600));
    assert_eq!(runs(now, 0), None, "not told");
    assert_eq!(runs(now, now + 1), None);
    assert_eq!(runs(now, now - 1), None, "the time of the answer");
    assert_eq!(runs(now, 1), None, "four centuries");
}

#[test]
fn session_request_names_the_caller() {
    let names = [encode("*SMBSERVER", 0x20), encode("CT-CONSOLE", 0)].concat();
    let mut request = vec![0x81, 0, 0, names.len() as u8];
    request.extend(names);
    let conversation = [(b'C', request), (b'S', vec![0x82, 0, 0, 0]), (b'C', dialects())];
    let said = facts(&stream("smb", &lend(&conversation)));
    assert_eq!(said[0], "C smb.calling_name=CT-CONSOLE");
    assert_eq!(said.len(), 3);
    torture::stream("smb", &lend(&conversation), &[]);
}

#[test]
fn survives_anything() {
    torture::stream("smb", &lend(&smb1_conversation()), &["CANARY", "NARY"]);
}
