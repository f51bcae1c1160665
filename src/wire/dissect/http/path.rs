//! What request targets and types of content say of an interface: its form, never what it
//! names. Segments that are no words of the standard stand as `{}`.

/// Medical types of content and the API that they belong to.
pub(super) const CONTENT_TYPES: &[(&str, &str)] = &[
    ("application/dicom+json", "dicomweb"),
    ("application/dicom+xml", "dicomweb"),
    ("application/dicom", "dicomweb"),
    ("application/fhir+json", "fhir"),
    ("application/fhir+xml", "fhir"),
    ("application/json+fhir", "fhir"),
    ("application/xml+fhir", "fhir"),
    ("x-application/hl7-v2+er7", ""),
    ("x-application/hl7-v2+xml", ""),
    ("x-application/hl7-v3+xml", ""),
    ("x-application/xml+cda", ""),
];
/// First path segments of DICOMweb services as products name them.
const DICOMWEB: &[&str] =
    &["dicom-web", "dicomweb", "dicom-rs", "wado-rs", "qido-rs", "stow-rs", "ups-rs", "wado"];
/// Resources and sub-resources of DICOMweb (DICOM PS3.18 §10, §11).
const DICOMWEB_WORDS: &[&str] = &[
    "studies",
    "series",
    "instances",
    "frames",
    "bulkdata",
    "bulk",
    "metadata",
    "rendered",
    "thumbnail",
    "pixeldata",
    "workitems",
    "subscribers",
    "state",
    "cancelrequest",
    "capabilities",
];
/// Resources of FHIR that tell what a client does.
const FHIR_WORDS: &[&str] = &[
    "metadata",
    "Patient",
    "Observation",
    "Device",
    "DeviceMetric",
    "DiagnosticReport",
    "ImagingStudy",
    "ServiceRequest",
    "Encounter",
    "MedicationRequest",
    "MedicationAdministration",
    "Communication",
    "DocumentReference",
    "Subscription",
    "Task",
    "Bundle",
];
/// Segments that are looked at.
const MAX_SEGMENTS: usize = 16;

/// `fhir`, `dicomweb`, `softether` or `wsman` (WS-Management, DMTF DSP0226: Windows Remote
/// Management, and controllers of servers), by the names of its path segments alone.
pub(super) fn api(target: &[u8]) -> Option<&'static str> {
    if matches!(target, b"/vpnsvc/connect.cgi" | b"/vpnsvc/vpn.cgi") {
        return Some("softether");
    }
    if segments(target).next() == Some(&b"wsman"[..]) {
        return Some("wsman");
    }
    segments(target).take(6).find_map(|segment| {
        let is = |name: &&str| segment.eq_ignore_ascii_case(name.as_bytes());
        match segment {
            _ if is(&"fhir") => Some("fhir"),
            _ if DICOMWEB.iter().any(is) => Some("dicomweb"),
            _ => None,
        }
    })
}

/// `GET /studies/{}/series`: none without a word of DICOMweb in it.
pub(super) fn dicomweb(method: &[u8], target: &[u8]) -> Option<String> {
    let method = verb(method)?;
    let word = |segment: &[u8]| {
        DICOMWEB_WORDS.iter().find(|it| segment.eq_ignore_ascii_case(it.as_bytes()))
    };
    let mut form = format!("{method} ");
    let mut begun = false;
    for segment in segments(target).take(MAX_SEGMENTS) {
        match word(segment) {
            Some(word) => {
                begun = true;
                form.push('/');
                form.push_str(word);
            }
            None if begun => form.push_str("/{}"),
            None => {}
        }
    }
    if begun {
        return Some(form);
    }
    // The older service by URI (PS3.18 §9) has all in its query.
    let last = segments(target).last()?;
    last.eq_ignore_ascii_case(b"wado").then(|| format!("{method} /wado"))
}

/// `GET Device`: the resource that is asked for.
pub(super) fn fhir(method: &[u8], target: &[u8]) -> Option<String> {
    let method = verb(method)?;
    let mut words = segments(target)
        .take(MAX_SEGMENTS)
        .filter_map(|segment| FHIR_WORDS.iter().find(|it| segment == it.as_bytes()));
    words.next().map(|word| format!("{method} {word}"))
}

fn verb(method: &[u8]) -> Option<&'static str> {
    let known = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"];
    known.into_iter().find(|it| it.as_bytes() == method)
}

/// What stands between slashes, before a query.
fn segments(target: &[u8]) -> impl Iterator<Item = &[u8]> {
    let path = target.split(|b| matches!(b, b'?' | b'#')).next().unwrap_or_default();
    path.split(|&b| b == b'/').filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_dicomweb() {
        let form = |method: &str, target: &str| dicomweb(method.as_bytes(), target.as_bytes());
        assert_eq!(
            form("GET", "/dicom-web/studies/1.2.3/series/4/instances/5/frames/1?x=CANARY").unwrap(),
            "GET /studies/{}/series/{}/instances/{}/frames/{}"
        );
        assert_eq!(form("POST", "/a/b/studies").unwrap(), "POST /studies");
        assert_eq!(form("GET", "/wado?studyUID=CANARY").unwrap(), "GET /wado");
        assert_eq!(form("GET", "/CANARY"), None);
        assert_eq!(form("CANARY", "/studies"), None);
    }

    #[test]
    fn resources_of_fhir() {
        let asked = |target: &str| fhir(b"GET", target.as_bytes());
        assert_eq!(asked("/fhir/R4/Patient/CANARY/Observation").unwrap(), "GET Patient");
        assert_eq!(asked("/fhir/metadata?_format=json").unwrap(), "GET metadata");
        assert_eq!(asked("/fhir/CANARY"), None);
    }

    #[test]
    fn interfaces_by_their_names() {
        assert_eq!(api(b"/orthanc/dicom-web/studies"), Some("dicomweb"));
        assert_eq!(api(b"/FHIR/Patient?x=/wado"), Some("fhir"));
        assert_eq!(api(b"/x?a=/fhir"), None);
        assert_eq!(api(b"/vpnsvc/connect.cgi"), Some("softether"));
        assert_eq!(api(b"/vpnsvc/"), None);
        assert_eq!(api(b"/wsman?PSVersion=5.1"), Some("wsman"));
        assert_eq!(api(b"/x/wsman"), None);
    }
}
