//! Kerberos 5 (RFC 4120 §5.4), as Windows asks for tickets.

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const STRING: u8 = 0x1b;
const SEQUENCE: u8 = 0x30;
/// The house's realm.
const REALM: &str = "WARD.EXAMPLE";

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = body.len() as u16;
    let mut all = vec![tag];
    match length {
        0..128 => all.push(length as u8),
        _ => {
            all.push(0x82);
            all.extend(length.to_be_bytes());
        }
    }
    all.extend(body);
    all
}

fn number(n: u8) -> Vec<u8> {
    tlv(INTEGER, &[&[n]])
}

fn name(kind: u8, parts: &[&str]) -> Vec<u8> {
    let parts: Vec<u8> = parts.iter().flat_map(|it| tlv(STRING, &[it.as_bytes()])).collect();
    let parts = tlv(SEQUENCE, &[&parts]);
    tlv(SEQUENCE, &[&tlv(0xa0, &[&number(kind)]), &tlv(0xa1, &[&parts])])
}

fn realm() -> Vec<u8> {
    tlv(STRING, &[REALM.as_bytes()])
}

/// AS-REQ of an account, or TGS-REQ for a service, which does not say for whom.
fn request(tag: u8, client: Option<&str>, service: &[&str]) -> Vec<u8> {
    let etypes: Vec<u8> = [18, 17, 23].into_iter().flat_map(number).collect();
    let client = client.map(|it| tlv(0xa1, &[&name(1, &[it])])).unwrap_or_default();
    let body = tlv(
        SEQUENCE,
        &[
            &tlv(0xa0, &[&[3, 5, 0, 0x40, 0x81, 0, 0x10]]),
            &client,
            &tlv(0xa2, &[&realm()]),
            &tlv(0xa3, &[&name(2, service)]),
            &tlv(0xa5, &[&tlv(0x18, &[b"20370913024805Z"])]),
            &tlv(0xa7, &[&tlv(INTEGER, &[&[0x11, 0x22, 0x33, 0x44]])]),
            &tlv(0xa8, &[&tlv(SEQUENCE, &[&etypes])]),
        ],
    );
    let kind = if tag == 0x6a { 10 } else { 12 };
    let fields = [tlv(0xa1, &[&number(5)]), tlv(0xa2, &[&number(kind)]), tlv(0xa4, &[&body])];
    tlv(tag, &[&tlv(SEQUENCE, &[&fields.concat()])])
}

/// AS-REP or TGS-REP: a ticket for an account, which is named in the clear.
fn reply(tag: u8, client: &str, service: &[&str]) -> Vec<u8> {
    let sealed = |length: usize| {
        let text = vec![0xc5; length];
        tlv(SEQUENCE, &[&tlv(0xa0, &[&number(18)]), &tlv(0xa2, &[&tlv(OCTETS, &[&text])])])
    };
    let ticket = tlv(
        SEQUENCE,
        &[
            &tlv(0xa0, &[&number(5)]),
            &tlv(0xa1, &[&realm()]),
            &tlv(0xa2, &[&name(2, service)]),
            &tlv(0xa3, &[&sealed(180)]),
        ],
    );
    let kind = if tag == 0x6b { 11 } else { 13 };
    let fields = [
        tlv(0xa0, &[&number(5)]),
        tlv(0xa1, &[&number(kind)]),
        tlv(0xa3, &[&realm()]),
        tlv(0xa4, &[&name(1, &[client])]),
        tlv(0xa5, &[&tlv(0x61, &[&ticket])]),
        tlv(0xa6, &[&sealed(120)]),
    ];
    tlv(tag, &[&tlv(SEQUENCE, &[&fields.concat()])])
}

/// An account logs on: question and answer.
pub(crate) fn log_on(account: &str) -> [Vec<u8>; 2] {
    let service = ["krbtgt", REALM];
    [request(0x6a, Some(account), &service), reply(0x6b, account, &service)]
}

/// An account wants to use a server.
pub(crate) fn use_of(account: &str, server: &str) -> [Vec<u8>; 2] {
    let service = ["cifs", server];
    [request(0x6c, None, &service), reply(0x6d, account, &service)]
}
