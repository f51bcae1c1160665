//! Laboratory results as LIS02-A2 records in LIS01-A2 frames.

use crate::hospital::clock::dtm;

const ENQ: u8 = 5;
const EOT: u8 = 4;
/// What the host answers to everything.
pub(crate) const ACK: &[u8] = &[6];

/// The transmissions of one message, each of which the host acknowledges: ENQ, the frames;
/// then EOT, which it does not.
pub(crate) fn message(sender: &str, number: u64, done: u64, sent: u64) -> Vec<Vec<u8>> {
    let (done, sent) = (dtm(done), dtm(sent));
    let records = [
        format!("H|\\^&|||{sender}|||||host||P|1|{sent}"),
        format!("P|1||CANARYP{number}||CANARY{number}^WARD||19280118|M"),
        format!("O|1|CANARYS{number}||^^^GLU|R||{done}||||N||||SER"),
        format!("R|1|^^^GLU|5.9|mmol/L||N||F||CANARYOP||{done}|1"),
        format!("R|2|^^^K|4.1|mmol/L||N||F||CANARYOP||{done}|1"),
        "L|1|N".to_owned(),
    ];
    let mut all = vec![vec![ENQ]];
    for (record, n) in records.iter().zip(1_u8..) {
        let text = format!("{}{record}\r\x03", char::from(b'0' + n % 8));
        let sum = text.bytes().fold(0_u8, u8::wrapping_add);
        all.push(format!("\x02{text}{sum:02X}\r\n").into_bytes());
    }
    all.push(vec![EOT]);
    all
}
