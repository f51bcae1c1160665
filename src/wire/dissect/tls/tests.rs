use super::super::testing::{facts, stream};
use super::super::torture;
use super::super::{Opening, Verdict};
use super::probe;

/// A certificate made for this test.
const CERTIFICATE: &str = "\
30820247308201eca003020102021412ed6d1b7c84fb8d0ab913cabd81b855ee0a9377300a06082a8648ce3d04\
0302305e310b300906035504061302444531153013060355040a0c0c41636d65204d65646963616c3112301006\
0355040b0c09526164696f6c6f67793124302206035504030c1b6d722d636f6e736f6c652e686f73706974616c\
2e6578616d706c65301e170d3236313132323035313933325a170d3336313131393035313933325a305e310b30\
0906035504061302444531153013060355040a0c0c41636d65204d65646963616c31123010060355040b0c0952\
6164696f6c6f67793124302206035504030c1b6d722d636f6e736f6c652e686f73706974616c2e6578616d706c\
653059301306072a8648ce3d020106082a8648ce3d0301070342000409c5fcd59fbbb83513257fa4d6f4a13995\
90184ca697fadc9dd228f551a03c316f9b15b799b79c45e9ec395018266c6b66ac51dd7bb39c59d524252cc568\
d61ca38187308184301d0603551d0e04160414469f89416d5abdd622f83c11ef5accc689e056f3301f0603551d\
23041830168014469f89416d5abdd622f83c11ef5accc689e056f3300f0603551d130101ff040530030101ff30\
310603551d11042a3028821b6d722d636f6e736f6c652e686f73706974616c2e6578616d706c6582036d723187\
040a000001300a06082a8648ce3d0403020349003046022100ae6a181bad8797559b598c767bc31aa581027c1d\
3f750c0f86982d4d8e244413022100cad8b44f351219bfddad047764f689988af65f82989d1b898bebc2d5a88c\
4091";

/// Another: 1024 bits of RSA, signed over SHA-1.
const WEAK: &str = "\
3082019a3082010302143a9236d6a6752ece47e133b9526a37e7e46d8b1c300d06092a864886f70d01010505\
00300c310a300806035504030c0161301e170d3236313132333034313030355a170d33363131323030343130\
30355a300c310a300806035504030c016130819f300d06092a864886f70d010101050003818d003081890281\
8100d4717c0c5c6b1b1df8c5198d9a9571b0601656bafc01c4cc4f61f07786f9e068030db3180d441b490e8c\
134e756eb0c79b91b36eb325413ad0292249380d0f93b600d06f73ca43ece37f30d4d9a6e0d1ee0da471d8ef\
0d8d8b4d4e0630126cdd65982d0bf8b0941e40af8e663c691a31cb659836826e161c54010f7cbb7040c10203\
010001300d06092a864886f70d010105050003818100a66fdb79b960b9e32f756f09f56d17ca09e877e9bb8c\
406bfec6acf316e7556f06c2c4c1b8fd3edfcfe3677c0b26147291a779d04aeeb71fbfcde3dc812cd40361a1\
9941c9411282ef3f460d54b1e5a8dd3aceb805edc9eaf5343529a1f42b69523e91d71974e2f2e561dd88f4b9\
ba3248341198925de73a39347c8e6b198ef5";

fn der() -> Vec<u8> {
    data_encoding::HEXLOWER.decode(CERTIFICATE.as_bytes()).unwrap()
}

fn sized(width: usize, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&length[4 - width..], body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &sized(3, body)[..]].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1], &sized(2, body)[..]].concat()
}

pub(in crate::wire::dissect) fn client_hello(
    version: u16,
    name: &[u8],
    versions: &[u16],
) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(sized(2, &[0x2a, 0x2a, 0x13, 0x01, 0xc0, 0x2f, 0x00, 0x2f]));
    body.extend([1, 0]);
    let mut extensions = Vec::new();
    if !name.is_empty() {
        extensions.extend([0, 0]);
        extensions.extend(sized(2, &sized(2, &[&[0], &sized(2, name)[..]].concat())));
    }
    extensions.extend([0, 13]);
    extensions.extend(sized(2, &sized(2, &[4, 3, 8, 4])));
    extensions.extend([0, 16]);
    extensions.extend(sized(2, &sized(2, &sized(1, b"http/1.1"))));
    if !versions.is_empty() {
        let versions: Vec<u8> = versions.iter().flat_map(|v| v.to_be_bytes()).collect();
        extensions.extend([0, 43]);
        extensions.extend(sized(2, &sized(1, &versions)));
    }
    body.extend(sized(2, &extensions));
    message(1, &body)
}

fn server_hello(version: u16, cipher: u16, extensions: &[u8]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([9; 32]);
    body.push(0);
    body.extend(cipher.to_be_bytes());
    body.push(0);
    body.extend(sized(2, extensions));
    message(2, &body)
}

fn chain() -> Vec<u8> {
    message(11, &sized(3, &[sized(3, &der()), sized(3, b"another")].concat()))
}

const CERTIFICATE_FACTS: [&str; 9] = [
    "S tls.cert_cn=mr-console.hospital.example",
    "S tls.cert_o=Acme Medical",
    "S tls.cert_ou=Radiology",
    "S tls.cert_issuer_o=Acme Medical",
    "S tls.cert_san=mr-console.hospital.example",
    "S tls.cert_san=mr1",
    "S tls.cert_not_after=2036-11-19",
    "S tls.cert_self_signed=yes",
    "S tls.cert_key=6286cd669626e6d0c50e6f4d1c56bf7b589d01e7f64019f9e47a469c07687134",
];

#[test]
fn tls12_with_its_certificate() {
    let hello = record(22, &client_hello(0x0303, b"PACS.hospital.example", &[]));
    let answer =
        record(22, &[server_hello(0x0303, 0xc02f, &[]), chain(), message(14, &[])].concat());
    // The client's certificate names a person.
    let person = record(22, &chain());
    let said = facts(&stream("tls", &[(b'C', &hello), (b'S', &answer), (b'C', &person)]));
    let mut expected = vec![
        "C tls.requests_host=pacs.hospital.example",
        "C tls.client_version=TLS 1.2",
        "C tls.ja4=t12d0303h1_54093f43ad55_ef95ca21a004",
        "S tls.version=TLS 1.2",
        "S tls.cipher=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ];
    expected.extend(CERTIFICATE_FACTS);
    assert_eq!(said, expected);
    // The same, with every byte of the messages in a record of its own.
    let messages = [server_hello(0x0303, 0xc02f, &[]), chain()].concat();
    let dust: Vec<u8> = messages.iter().flat_map(|b| record(22, &[*b])).collect();
    let said = facts(&stream("tls", &[(b'C', &hello), (b'S', &dust)]));
    assert_eq!(said, expected);
}

#[test]
fn a_weak_key_and_a_weak_hash() {
    let weak = data_encoding::HEXLOWER.decode(WEAK.as_bytes()).unwrap();
    let chain = message(11, &sized(3, &sized(3, &weak)));
    let answer = record(22, &[server_hello(0x0303, 0xc02f, &[]), chain].concat());
    let said = facts(&stream("tls", &[(b'S', &answer)]));
    assert_eq!(said[said.len() - 2..], ["S tls.cert_weak=rsa-1024", "S tls.cert_weak=sha1"]);
    torture::stream("tls", &[(b'S', &answer)], &[]);
}

#[test]
fn endures() {
    let hello = record(22, &client_hello(0x0303, b"pacs.example", &[0x0a0a, 0x0303]));
    let answer = record(22, &[server_hello(0x0303, 0xc02f, &[]), chain()].concat());
    torture::stream("tls", &[(b'C', &hello), (b'S', &answer)], &[]);
}

#[test]
fn tls13_hides_the_certificate() {
    let hello = record(22, &client_hello(0x0303, b"a.example", &[0x3a3a, 0x0304, 0x0303]));
    let answer =
        record(22, &[server_hello(0x0303, 0x1301, &[0, 43, 0, 2, 3, 4]), chain()].concat());
    let said = facts(&stream("tls", &[(b'C', &hello), (b'S', &answer)]));
    assert!(said.contains(&"C tls.client_version=TLS 1.3".into()));
    assert_eq!(said[3..], ["S tls.version=TLS 1.3", "S tls.cipher=TLS_AES_128_GCM_SHA256"]);
}

#[test]
fn old_clients() {
    let ssl3 = record(22, &client_hello(0x0300, b"", &[]));
    let said = facts(&stream("tls", &[(b'C', &ssl3)]));
    assert_eq!(said[0], "C tls.client_version=SSL 3.0");
    assert!(said[1].starts_with("C tls.ja4=ts3i0302h1_"));
    let mut v2 = vec![0x80, 9 + 3 + 16, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 4];
    v2.extend([5; 16]);
    assert_eq!(facts(&stream("tls", &[(b'C', &v2)])), ["C tls.client_version=TLS 1.0"]);
    torture::stream("tls", &[(b'C', &v2)], &[]);
}

#[test]
fn certificates_only_of_servers() {
    let answer = record(22, &[message(11, &sized(3, &sized(3, &der())))].concat());
    let hello = record(22, &client_hello(0x0303, b"x", &[]));
    let said = facts(&stream("tls", &[(b'C', &hello), (b'S', &answer)]));
    assert!(!said.iter().any(|line| line.contains("cert")));
}

#[test]
fn a_long_chain_needs_only_its_first_certificate() {
    let rest = vec![0; 3 * super::MAX_MESSAGE];
    let long = message(11, &sized(3, &[sized(3, &der()), sized(3, &rest)].concat()));
    let messages = [server_hello(0x0301, 0x002f, &[]), long].concat();
    let answer: Vec<u8> = messages.chunks(16384).flat_map(|part| record(22, part)).collect();
    let said = facts(&stream("tls", &[(b'S', &answer)]));
    assert_eq!(said[2..], CERTIFICATE_FACTS);
    // And a message that is too long is passed over.
    let huge = [message(4, &rest), server_hello(0x0301, 0x002f, &[]), chain()].concat();
    let hello = record(22, &server_hello(0x0301, 0x0005, &[]));
    let answer: Vec<u8> =
        hello.into_iter().chain(huge.chunks(16384).flat_map(|part| record(22, part))).collect();
    let said = facts(&stream("tls", &[(b'S', &answer)]));
    assert_eq!(said[4..], CERTIFICATE_FACTS);
}

#[test]
fn recognition() {
    let ask = |bytes: &[u8]| probe(&Opening { bytes, src_port: 1, dst_port: 2, from_start: true });
    assert_eq!(ask(&[22]), Verdict::More);
    assert_eq!(ask(&[22, 3, 1, 0, 200, 1]), Verdict::More);
    assert_eq!(ask(&[22, 3, 1, 0, 200, 1, 0]), Verdict::Yes);
    assert_eq!(ask(&[22, 4]), Verdict::No);
    assert_eq!(ask(&[22, 3, 1, 0, 200, 11, 0]), Verdict::No);
    assert_eq!(ask(&[23, 3, 3, 0, 40]), Verdict::No);
    assert_eq!(ask(&[0x80, 46, 1, 3, 0, 0, 4, 0, 0, 0, 16]), Verdict::No);
    assert_eq!(ask(b"GET / HTTP/1.1"), Verdict::No);
}
