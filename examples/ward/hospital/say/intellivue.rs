//! Philips IntelliVue monitors: Data Export Interface (Philips 4535 642 59271).

use auscult::net::Mac;

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

/// Session header of data.
const SESSION: [u8; 4] = [0xe1, 0, 0, 2];

fn remote(header: [u8; 4], kind: u16, body: &[u8]) -> Vec<u8> {
    [&header[..], &kind.to_be_bytes(), &sized(body)].concat()
}

/// Attribute list: count, length, and each with its code and length.
fn list(attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let all: Vec<u8> = attributes
        .iter()
        .flat_map(|(id, value)| [&id.to_be_bytes()[..], &sized(value)].concat())
        .collect();
    [&(attributes.len() as u16).to_be_bytes()[..], &sized(&all)].concat()
}

fn described(mac: Mac, serial: &str) -> Vec<u8> {
    let spec = |kind: u16, component: u16, value: &str| {
        [&kind.to_be_bytes()[..], &component.to_be_bytes(), &sized(value.as_bytes())].concat()
    };
    let specs = [
        spec(1, 8, &format!("{serial}\0\0")),
        spec(2, 8, "M8005A\0\0"),
        spec(4, 0x58, "L.01.18\0"),
    ];
    let specs = [&3_u16.to_be_bytes()[..], &sized(&specs.concat())].concat();
    let [a, b, c, d, e, f] = mac.0;
    list(&[
        (0x091e, sized(b"CANARY")),
        (0x0986, vec![0, 1, 0x11, 0x4d]),
        (0x0984, vec![0, 8, a, b, c, 0xff, 0xff, d, e, f]),
        (0x0928, [sized(b"Philips\0"), sized(b"M8005A\0\0")].concat()),
        (0x092d, specs),
    ])
}

fn event(header: [u8; 4], kind: u16, object: &[u8], attributes: &[u8]) -> Vec<u8> {
    let info = [object, attributes].concat();
    let mut report = vec![0, 0x21, 0, 0, 0, 0, 9, 0x45, 0x7f, 0];
    report.extend(kind.to_be_bytes());
    report.extend(sized(&info));
    let body = [&[0, 0, 0, 0][..], &sized(&report)].concat();
    remote(header, 1, &body)
}

/// Connect Indication: every monitor says who it is, whether a patient is there or not.
pub(crate) fn announces(mac: Mac, serial: &str) -> Vec<u8> {
    event([0, 0, 1, 0], 0x0d17, &[], &described(mac, serial))
}

/// Association: a client asks, the monitor grants.
pub(crate) fn associates() -> [Vec<u8>; 2] {
    let asks = vec![0x0d, 10, 5, 8, 0x13, 1, 0, 0x16, 1, 2, 0x80, 0];
    let mut grants = asks.clone();
    grants[0] = 0x0e;
    [asks, grants]
}

/// MDS Create Event: the monitor describes itself to the client.
pub(crate) fn creates(mac: Mac, serial: &str) -> Vec<u8> {
    event(SESSION, 0x0d06, &[0, 0x21, 0, 0, 0, 0], &described(mac, serial))
}

/// Single Poll Data Request of numeric values, and the result with a heart rate.
pub(crate) fn poll(number: u16, rate: u8) -> [Vec<u8>; 2] {
    // NOM_MOC_VMS_MDS, NOM_ACT_POLL_MDIB_DATA; then poll number and NOM_MOC_VMO_METRIC_NU.
    let action = |info: &[u8]| {
        [&[0, 0x21, 0, 0, 0, 0][..], &[0, 0, 0, 0], &[0x0c, 0x16], &sized(info)].concat()
    };
    let asked = [&number.to_be_bytes()[..], &[0, 1, 0, 6, 0, 0]].concat();
    let call = [&number.to_be_bytes()[..], &[0, 7], &sized(&action(&asked))].concat();
    // NOM_ATTR_NU_VAL_OBS: physiological id, state, unit, value.
    let value = vec![0x41, 0x82, 0, 0, 0x0a, 0xa0, 0, 0, 0, rate];
    let observed = [&[0, 0x2a][..], &list(&[(0x0950, value)])].concat();
    let polled = [&[0, 1][..], &sized(&observed)].concat();
    let context = [&[0, 0][..], &polled].concat();
    let contexts = [&[0, 1][..], &sized(&context)].concat();
    let mut info = number.to_be_bytes().to_vec();
    info.extend([0, 1, 0x7f, 0, 0x20, 0x26, 3, 2, 8, 0, 0, 0, 0, 1, 0, 6, 0, 0]);
    info.extend(contexts);
    let result = [&[0, 0x21, 0, 0, 0, 0, 0x0c, 0x16][..], &sized(&info)].concat();
    let answer = [&number.to_be_bytes()[..], &[0, 7], &sized(&result)].concat();
    [remote(SESSION, 1, &call), remote(SESSION, 2, &answer)]
}
