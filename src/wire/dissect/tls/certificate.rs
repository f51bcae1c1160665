//! The server's own certificate, the first of its chain (RFC 5246 §7.4.2; X.509 in
//! RFC 5280). Appliances name their maker and themselves here.

use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::AttributeTypeAndValue;

use super::super::reader::wide;
use super::super::winstr::hex;
use super::super::{Error, Reader, Sink, Who};
use crate::observe::Key;

/// Subject common name.
pub(super) const CN: Key = Key::new("tls.cert_cn");
/// Subject organisation.
pub(super) const O: Key = Key::new("tls.cert_o");
/// Subject organisational unit.
pub(super) const OU: Key = Key::new("tls.cert_ou");
/// Issuer organisation.
pub(super) const ISSUER_O: Key = Key::new("tls.cert_issuer_o");
/// DNS name of the subject alternative names; one fact each.
pub(super) const SAN: Key = Key::new("tls.cert_san");
/// Day on which it ends: `2036-11-19`.
pub(super) const NOT_AFTER: Key = Key::new("tls.cert_not_after");
/// `yes` when it names itself as its issuer, else `no`.
pub(super) const SELF_SIGNED: Key = Key::new("tls.cert_self_signed");
/// SHA-256 of its SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), as pins are made (RFC 7469 §2.4);
/// in hexadecimal. Whoever renews a certificate may keep its key.
pub(super) const KEY: Key = Key::new("tls.cert_key");
/// A key or a hash that is too weak: `rsa-1024`, `md5`, `sha1`; one fact each.
pub(super) const WEAK: Key = Key::new("tls.cert_weak");

/// Bits below which keys are weak (NIST SP 800-131A Rev. 2, §3).
const LEAST_RSA: usize = 2048;
const LEAST_EC: usize = 224;
/// Signatures over hashes of which two of one value can be made (RFC 9155, RFC 6151).
const WEAK_HASHES: [(&str, &str); 5] = [
    ("1.2.840.10040.4.3", "sha1"),
    ("1.2.840.10045.4.1", "sha1"),
    ("1.2.840.113549.1.1.2", "md2"),
    ("1.2.840.113549.1.1.4", "md5"),
    ("1.2.840.113549.1.1.5", "sha1"),
];

/// Alternative names that are told; shared hosting has hundreds.
const MAX_NAMES: usize = 4;

/// How much of a Certificate message holds the first certificate; none when its
/// length is not there yet.
pub(super) fn first(body: &[u8]) -> Option<usize> {
    let [_, _, _, a, b, c, ..] = *body else { return None };
    Some(wide(u32::from_be_bytes([0, a, b, c])).saturating_add(6))
}

/// Reads the first certificate of a Certificate message.
pub(super) fn read(body: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let Some(der) = body.get(6..).filter(|der| !der.is_empty()) else {
        return Ok(()); // An empty chain.
    };
    let mut length = Reader::new(body).at(3, "ASN.1Cert.length")?;
    let n = wide(u32::from_be_bytes([
        0,
        length.u8("ASN.1Cert.length")?,
        length.u8("ASN.1Cert.length")?,
        length.u8("ASN.1Cert.length")?,
    ]));
    let der = der.get(..n).ok_or(Error::short("ASN.1Cert"))?;
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|_| Error::invalid("ASN.1Cert"))?;
    let (subject, issuer) = (certificate.subject(), certificate.issuer());
    tell(&CN, subject.iter_common_name().next(), out);
    tell(&O, subject.iter_organization().next(), out);
    tell(&OU, subject.iter_organizational_unit().next(), out);
    tell(&ISSUER_O, issuer.iter_organization().next(), out);
    if let Ok(Some(names)) = certificate.subject_alternative_name() {
        let dns = names.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        });
        for name in dns.take(MAX_NAMES) {
            out.fact(Who::Sender, &SAN, name);
        }
    }
    let end = jiff::Timestamp::from_second(certificate.validity().not_after.timestamp());
    if let Ok(end) = end {
        out.fact(Who::Sender, &NOT_AFTER, &end.strftime("%Y-%m-%d").to_string());
    }
    let own = if subject.as_raw() == issuer.as_raw() { "yes" } else { "no" };
    out.fact(Who::Sender, &SELF_SIGNED, own);
    out.fact(Who::Sender, &KEY, &hex(&Sha256::digest(certificate.public_key().raw)));
    weaknesses(&certificate, out);
    Ok(())
}

fn weaknesses(certificate: &X509Certificate<'_>, out: &mut dyn Sink) {
    let weak = match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(("rsa", key.key_size(), LEAST_RSA)),
        Ok(PublicKey::EC(key)) => Some(("ec", key.key_size(), LEAST_EC)),
        _ => None,
    };
    // A key of no size is one that could not be read.
    if let Some((kind, bits, _)) = weak.filter(|(_, bits, least)| (1..*least).contains(bits)) {
        out.fact(Who::Sender, &WEAK, &format!("{kind}-{bits}"));
    }
    let signed = certificate.signature_algorithm.algorithm.to_id_string();
    if let Some((_, hash)) = WEAK_HASHES.iter().find(|(oid, _)| *oid == signed) {
        out.fact(Who::Sender, &WEAK, hash);
    }
}

/// Old devices use T61String and BMPString, which the library leaves as bytes.
fn tell(key: &Key, attribute: Option<&AttributeTypeAndValue<'_>>, out: &mut dyn Sink) {
    let Some(attribute) = attribute else { return };
    match attribute.as_str() {
        Ok(text) => out.fact(Who::Sender, key, text),
        Err(_) => {
            let bytes = attribute.as_slice();
            let set = match bytes.first() {
                Some(0) => encoding_rs::UTF_16BE,
                _ => encoding_rs::WINDOWS_1252,
            };
            out.fact(Who::Sender, key, &set.decode_without_bom_handling(bytes).0);
        }
    }
}
