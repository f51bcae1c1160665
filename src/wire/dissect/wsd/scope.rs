//! Scopes that say what a device is: ONVIF core specification §7.3.2.2, IEEE
//! 11073-20701 §9.3, IHE SDPi R0010 and R0011.

use percent::decoded;

use crate::observe::Key;

/// ONVIF: name of the device or its maker.
pub(super) const ONVIF_NAME: Key = Key::new("wsd.onvif_name");
/// ONVIF: model.
pub(super) const ONVIF_HARDWARE: Key = Key::new("wsd.onvif_hardware");
/// ONVIF: place.
pub(super) const ONVIF_LOCATION: Key = Key::new("wsd.onvif_location");
/// ONVIF: maker, as some devices have it.
pub(super) const ONVIF_MANUFACTURER: Key = Key::new("wsd.onvif_manufacturer");
/// SDC: facility, building, floor, point of care, room and bed.
pub(super) const SDC_LOCATION: Key = Key::new("wsd.sdc_location");
/// SDC: code of the device's kind (IEEE 11073-10101 where no other system is named).
pub(super) const SDC_TYPE: Key = Key::new("wsd.sdc_type");
/// SDC: purpose of its keys, an OID: service provider or consumer.
pub(super) const SDC_ROLE: Key = Key::new("wsd.sdc_role");
/// SDPi: maker.
pub(super) const SDC_MANUFACTURER: Key = Key::new("wsd.sdc_manufacturer");
/// SDPi: model.
pub(super) const SDC_MODEL: Key = Key::new("wsd.sdc_model");
/// SDPi: serial number.
pub(super) const SDC_SERIAL: Key = Key::new("wsd.sdc_serial");
/// SDPi: software version.
pub(super) const SDC_SOFTWARE: Key = Key::new("wsd.sdc_software_version");
/// SDPi: hardware version.
pub(super) const SDC_HARDWARE: Key = Key::new("wsd.sdc_hardware_version");
/// SDPi: name that the hospital gave it.
pub(super) const SDC_NAME: Key = Key::new("wsd.sdc_name");

/// Parts of a place, from the largest (IEEE 11073-20701 §9.4.1.2).
const PLACES: &[&str] = &["fac", "bldng", "flr", "poc", "rm", "bed"];

/// What one scope says; none when it is not known or not to be told.
pub(super) fn read(scope: &str) -> Option<(Key, String)> {
    if let Some(onvif) = scope.strip_prefix("onvif://www.onvif.org/") {
        let (name, value) = onvif.split_once('/')?;
        let key = match name {
            "name" => ONVIF_NAME,
            "hardware" => ONVIF_HARDWARE,
            "location" => ONVIF_LOCATION,
            "manufacturer" => ONVIF_MANUFACTURER,
            _ => return None,
        };
        return Some((key, decoded(value)?));
    }
    let (scheme, rest) = scope.split_once(':')?;
    match scheme {
        "sdc.mds.pkp" => {
            let is_oid = rest.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            is_oid.then(|| (SDC_ROLE, rest.to_owned()))
        }
        "sdc.ctxt.loc" => {
            let query = rest.split_once('?')?.1;
            let part = |name: &&str| {
                let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                let value = pairs.filter(|(key, _)| key == name).map(|(_, value)| value).next()?;
                // Another scope that runs on in it.
                if value.contains(['/', ':']) {
                    return None;
                }
                decoded(value).filter(|value| !value.is_empty())
            };
            let parts: Vec<String> = PLACES.iter().filter_map(part).collect();
            Some((SDC_LOCATION, parts.join("/")))
        }
        "sdc.cdc.type" => {
            // `/coding system/version/code`; the system is left out when it is 10101.
            let (system, code) = rest.strip_prefix('/')?.rsplit_once('/')?;
            let system = system.trim_end_matches('/');
            // Numbers there, and short names in makers' own systems: a word is free text.
            let is_part = |part: &str| {
                let is_number = part.bytes().all(|b| b.is_ascii_digit());
                (1..=if is_number { 10 } else { 4 }).contains(&part.len())
                    && part.bytes().all(|b| b.is_ascii_alphanumeric())
            };
            let is_code = |it: &str| it.len() <= 32 && it.split('_').all(is_part);
            let code = decoded(code).filter(|it| is_code(it))?;
            let system = decoded(system)?;
            let is_oid = |it: &str| {
                it.len() <= 64 && it.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'/')
            };
            match system.strip_prefix("urn:oid:") {
                None if system.is_empty() => Some((SDC_TYPE, code)),
                Some(oid) if is_oid(oid) => Some((SDC_TYPE, format!("{system}/{code}"))),
                _ => None,
            }
        }
        "sdc.mds.prodspec" | "sdc.mds.attr" => {
            let (value, code) = rest.split_once(':')?;
            let key = match (scheme, code.split(',').next()?) {
                ("sdc.mds.prodspec", "531969") => SDC_MODEL,
                ("sdc.mds.prodspec", "531970") => SDC_MANUFACTURER,
                ("sdc.mds.prodspec", "531972") => SDC_SERIAL,
                ("sdc.mds.prodspec", "531974") => SDC_HARDWARE,
                ("sdc.mds.prodspec", "531975") => SDC_SOFTWARE,
                ("sdc.mds.attr", "67886") => SDC_NAME,
                _ => return None,
            };
            Some((key, decoded(value)?))
        }
        _ => None,
    }
}

/// RFC 3986 §2.1.
mod percent {
    /// With `%20` undone; none when that is no text.
    pub(super) fn decoded(text: &str) -> Option<String> {
        let mut plain = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((&byte, behind)) = rest.split_first() {
            let digits = behind.get(..2).filter(|_| byte == b'%');
            let code = digits
                .and_then(|it| std::str::from_utf8(it).ok())
                .and_then(|it| u8::from_str_radix(it, 16).ok());
            plain.push(code.unwrap_or(byte));
            rest = if code.is_some() { behind.get(2..)? } else { behind };
        }
        String::from_utf8(plain).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scopes_say() {
        let said =
            |scope: &str| read(scope).map(|(key, value)| format!("{}={value}", key.as_str()));
        assert_eq!(
            said("sdc.cdc.type:/urn:oid:1.3.6.1.4.1.3592.2.1.1.0//DN_VMD").as_deref(),
            Some("wsd.sdc_type=urn:oid:1.3.6.1.4.1.3592.2.1.1.0/DN_VMD")
        );
        assert_eq!(said("sdc.cdc.type:///69650").as_deref(), Some("wsd.sdc_type=69650"));
        for text in ["///CANARY", "/urn:oid:1.2//CANARY", "/CANARY//69650", "/urn:oid:CANARY//1"] {
            assert_eq!(said(&format!("sdc.cdc.type:{text}")), None, "{text}");
        }
        assert_eq!(
            said("sdc.ctxt.loc:/r/x?bed=B%C3%A9&fac=F&bldng=&x=CANARY").as_deref(),
            Some("wsd.sdc_location=F/Bé")
        );
        for scope in [
            "sdc.ctxt.pat:/r/1?fac=x",
            "sdc.ctxt.opr:/r/1",
            "sdc.mds.pkp:x",
            "sdc.mds.prodspec:x:1",
            "onvif://www.onvif.org/name/%ff",
            "onvif://www.onvif.org/type/x",
            "sdc.ctxt.loc:/r/x",
            "%",
        ] {
            assert_eq!(said(scope), None, "{scope}");
        }
        assert_eq!(decoded("100%").as_deref(), Some("100%"));
    }
}
