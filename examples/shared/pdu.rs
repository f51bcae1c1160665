//! What DICOM's upper layer wraps everything into (PS3.8 §9.3).

/// An item of an association's PDU, with its 16-bit length.
pub(crate) fn item(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut item = vec![kind, 0];
    item.extend((body.len() as u16).to_be_bytes());
    item.extend(body);
    item
}

/// A PDU, with its 32-bit length.
pub(crate) fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut pdu = vec![kind, 0];
    pdu.extend((body.len() as u32).to_be_bytes());
    pdu.extend(body);
    pdu
}
