//! WS-Discovery 1.0 and 1.1 over UDP: medical devices of IEEE 11073 SDC, ONVIF cameras,
//! printers and computers say what they are when they start (Hello) and when they are
//! searched for (ProbeMatches, ResolveMatches).
//!
//! Told are types, endpoint, transport addresses without their paths, and of the scopes
//! those in [`scope`]; never the contexts of a patient or an operator.

mod scope;

use super::label::label;
use super::xml::{Event, Path, events, local, unescape};
use super::{Body, Error, Protocol, Sink, Verdict, Who};
use crate::observe::Key;
use crate::wire::packet::Packet;

/// Type of the device, without its prefix: `MedicalDevice`, `PrintDeviceType`.
const TYPE: Key = Key::new("wsd.type");
/// Address of the endpoint, a UUID that stays.
const ENDPOINT: Key = Key::new("wsd.endpoint");
/// `https://host:port` at which it is to be asked.
const ADDRESS: Key = Key::new("wsd.address");
/// A type that it looks for.
const SEARCHES: Key = Key::new("wsd.searches");

/// The protocol.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: "wsd",
    standard: "OASIS WS-Discovery 1.1",
    keys: &[
        TYPE,
        ENDPOINT,
        ADDRESS,
        SEARCHES,
        scope::ONVIF_NAME,
        scope::ONVIF_HARDWARE,
        scope::ONVIF_LOCATION,
        scope::ONVIF_MANUFACTURER,
        scope::SDC_LOCATION,
        scope::SDC_TYPE,
        scope::SDC_ROLE,
        scope::SDC_MANUFACTURER,
        scope::SDC_MODEL,
        scope::SDC_SERIAL,
        scope::SDC_SOFTWARE,
        scope::SDC_HARDWARE,
        scope::SDC_NAME,
    ],
    ports: &[3702],
    body: Body::Datagram { probe, answers, read },
};

/// Where an envelope names the namespace of discovery, at the latest.
const MAX_HEAD: usize = 2048;
/// Types, scopes and addresses that are looked at.
const MAX_ITEMS: usize = 48;
/// Both editions; a longer address of either has it as its beginning.
const NAMESPACES: &[&str] = &[
    "http://schemas.xmlsoap.org/ws/2005/04/discovery",
    "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01",
];

fn probe(packet: &Packet<'_>) -> Verdict {
    let payload = packet.payload;
    let begin = payload.strip_prefix(b"\xef\xbb\xbf").unwrap_or(payload).trim_ascii_start();
    let is_xml = begin.starts_with(b"<");
    let head =
        || String::from_utf8_lossy(begin.get(..begin.len().min(MAX_HEAD)).unwrap_or_default());
    let speaks = |head: &str| {
        head.contains("Envelope") && NAMESPACES.iter().any(|known| head.contains(known))
    };
    if is_xml && speaks(&head()) { Verdict::Yes } else { Verdict::No }
}

/// What the body is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Announces,
    Matches,
    Searches,
}

fn kind(name: &str) -> Option<Kind> {
    match name {
        "Hello" => Some(Kind::Announces),
        "ProbeMatch" | "ResolveMatch" => Some(Kind::Matches),
        "Probe" | "Resolve" => Some(Kind::Searches),
        _ => None,
    }
}

fn answers(packet: &Packet<'_>) -> Option<bool> {
    let text = String::from_utf8_lossy(packet.payload);
    let found = events(&text).find_map(|event| match event {
        Event::Open { name, .. } => kind(name),
        _ => None,
    })?;
    Some(found != Kind::Searches)
}

fn read(packet: &Packet<'_>, out: &mut dyn Sink) -> Result<(), Error> {
    let text = String::from_utf8_lossy(packet.payload);
    let text = text.trim_start_matches('\u{feff}');
    let mut path = Path::default();
    let (mut matches, mut about, mut facts) = (0_usize, None, Vec::new());
    for event in events(text) {
        path.follow(event).ok_or(Error::too_large("Envelope"))?;
        match event {
            Event::Open { name, .. } => {
                if let Some(found) = kind(name).filter(|_| path.contains("Body")) {
                    matches = matches.saturating_add(1);
                    about = Some(found);
                }
            }
            Event::Text(text) => {
                if let Some(about) = about {
                    item(about, &path, &unescape(text), &mut facts);
                }
            }
            Event::Close => {}
        }
    }
    // A discovery proxy answers for many.
    let proxy = facts.iter().any(|(key, value)| *key == TYPE && value == "DiscoveryProxy");
    if matches != 1 || (proxy && about == Some(Kind::Matches)) {
        return Ok(());
    }
    for (key, value) in &facts {
        out.fact(Who::Sender, key, value);
    }
    Ok(())
}

fn item(about: Kind, path: &Path<'_>, text: &str, facts: &mut Vec<(Key, String)>) {
    let words = || text.split_ascii_whitespace().take(MAX_ITEMS);
    let mut say = |key: Key, value: &str| {
        if let Some(value) = label(value).filter(|_| facts.len() < MAX_ITEMS) {
            facts.push((key, value.to_owned()));
        }
    };
    match (about, path.last()) {
        (Kind::Searches, "Types") => words().for_each(|it| say(SEARCHES, local(it))),
        (Kind::Searches, _) => {}
        (_, "Types") => words().for_each(|it| say(TYPE, local(it))),
        (_, "Scopes") => {
            for (key, value) in words().filter_map(scope::read) {
                say(key, &value);
            }
        }
        (_, "XAddrs") => words().filter_map(place).for_each(|it| say(ADDRESS, it)),
        (_, "Address") if path.ends_with(&["EndpointReference", "Address"]) => {
            if let Some(uuid) = text.trim().strip_prefix("urn:uuid:") {
                say(ENDPOINT, uuid);
            }
        }
        _ => {}
    }
}

/// `scheme://host:port` of a URL.
fn place(url: &str) -> Option<&str> {
    let authority = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let end = authority.find(['/', '?', '#']).unwrap_or(authority.len());
    let whole = url.len().checked_sub(authority.len())?.checked_add(end)?;
    // Somebody's password may stand before the host.
    url.get(..whole).filter(|place| !place.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, packet, udp};
    use super::super::torture;
    use super::*;

    fn envelope(body: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\"><s:Header><a:MessageID>urn:uuid:CANARY\
</a:MessageID></s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
    }

    fn said(text: &str) -> Vec<String> {
        facts(&packet("wsd", &udp(3702, 50000, text.as_bytes())).unwrap())
    }

    const MEDICAL: &str = "<d:Hello><a:EndpointReference><a:Address>\
urn:uuid:053b9f8f-0aa5-5290-8797-351f901ebd74</a:Address></a:EndpointReference>\
<d:Types>dpws:Device mdpws:MedicalDevice</d:Types>\
<d:Scopes>sdc.mds.pkp:1.2.840.10004.20701.1.1 sdc.ctxt.loc:/sdc.ctxt.loc.detail/H%2F%2F%2FICU%2F%2FBed%204?\
fac=H&amp;poc=ICU&amp;bed=Bed%204 sdc.ctxt.pat:/x/CANARY sdc.ctxt.opr:/CANARY sdc.cdc.type:///69965 \
sdc.mds.prodspec:Acme%20Medical:531970 sdc.mds.prodspec:SN-77:531972,urn:oid:1.3.111.2.11073.10101.3 \
sdc.mds.attr:PatMon%2003:67886 http://CANARY</d:Scopes>\
<d:XAddrs>https://10.0.0.1:6464/CANARY http://user@CANARY/</d:XAddrs></d:Hello>";

    #[test]
    fn a_medical_device_says_hello() {
        let text = envelope(MEDICAL);
        assert_eq!(
            said(&text),
            [
                "C wsd.endpoint=053b9f8f-0aa5-5290-8797-351f901ebd74",
                "C wsd.type=Device",
                "C wsd.type=MedicalDevice",
                "C wsd.sdc_role=1.2.840.10004.20701.1.1",
                "C wsd.sdc_location=H/ICU/Bed 4",
                "C wsd.sdc_type=69965",
                "C wsd.sdc_manufacturer=Acme Medical",
                "C wsd.sdc_serial=SN-77",
                "C wsd.sdc_name=PatMon 03",
                "C wsd.address=https://10.0.0.1:6464",
            ]
        );
        assert_eq!(answers(&udp(3702, 3702, text.as_bytes())), Some(true));
    }

    #[test]
    fn endures() {
        // A slash that is damaged may make a path part of a host, so without one.
        let text = envelope(&MEDICAL.replace("/CANARY http://user@CANARY/", "/ "));
        torture::packet("wsd", &udp(3702, 3702, text.as_bytes()), &["CANARY"]);
    }

    #[test]
    fn a_camera_and_a_printer_answer() {
        let camera = "<d:ProbeMatches><d:ProbeMatch><d:Types>dn:NetworkVideoTransmitter</d:Types>\
<d:Scopes>onvif://www.onvif.org/type/ptz onvif://www.onvif.org/hardware/IPC-1%2B \
onvif://www.onvif.org/name/Acme%20Cam onvif://www.onvif.org/location/country/jp</d:Scopes>\
</d:ProbeMatch></d:ProbeMatches>";
        assert_eq!(
            said(&envelope(camera)),
            [
                "C wsd.type=NetworkVideoTransmitter",
                "C wsd.onvif_hardware=IPC-1+",
                "C wsd.onvif_name=Acme Cam",
                "C wsd.onvif_location=country/jp"
            ]
        );
        let printer = "<d:ResolveMatches><d:ResolveMatch><d:Types>wsdp:Device wprt:PrintDeviceType\
</d:Types></d:ResolveMatch></d:ResolveMatches>";
        assert_eq!(said(&envelope(printer)), ["C wsd.type=Device", "C wsd.type=PrintDeviceType"]);
    }

    #[test]
    fn who_searches_and_who_answers_for_others() {
        let search = envelope("<d:Probe><d:Types>pub:Computer</d:Types></d:Probe>");
        assert_eq!(said(&search), ["C wsd.searches=Computer"]);
        assert_eq!(answers(&udp(50000, 3702, search.as_bytes())), Some(false));
        let one = "<d:ProbeMatch><d:Types>x:A</d:Types></d:ProbeMatch>";
        let two = envelope(&format!("<d:ProbeMatches>{one}{one}</d:ProbeMatches>"));
        assert!(said(&two).is_empty());
        let proxy = "<d:ProbeMatch><d:Types>d:DiscoveryProxy x:A</d:Types></d:ProbeMatch>";
        assert!(said(&envelope(proxy)).is_empty());
    }

    #[test]
    fn others_are_not_recognised() {
        for text in ["", "<html>", "<s:Envelope xmlns:s='x'>", "NOTIFY * HTTP/1.1\r\n"] {
            assert_eq!(probe(&udp(3702, 3702, text.as_bytes())), Verdict::No, "{text}");
        }
    }
}
