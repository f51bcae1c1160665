//! All that is said of the programs and devices at both ends.

use super::super::ntlm;
use super::{auth, body, form, head, ipp};
use crate::observe::Key;

/// The keys of HTTP, and those of NTLM in its fields.
pub(super) const ALL: &[Key] = ntlm::keys_with![
    head::USER_AGENT,
    head::SERVER,
    head::POWERED_BY,
    head::AUTH_REALM,
    head::AUTH_SCHEME,
    head::TAKES_SCHEME,
    head::REQUESTS_HOST,
    head::API,
    head::SERVES,
    head::CONTENT_TYPE,
    head::DICOMWEB,
    head::FHIR,
    auth::TAKES_KNOWN,
    form::CLEAR,
    form::TAKES,
    body::MANUFACTURER,
    body::MODEL,
    body::MODEL_NUMBER,
    body::NAME,
    body::FIRMWARE,
    body::SERIAL,
    body::ONVIF_MANUFACTURER,
    body::ONVIF_MODEL,
    body::ONVIF_FIRMWARE,
    body::ONVIF_SERIAL,
    body::UPNP_MANUFACTURER,
    body::UPNP_MODEL,
    body::UPNP_MODEL_NUMBER,
    body::UPNP_SERIAL,
    body::UPNP_TYPE,
    ipp::MODEL,
    ipp::DEVICE_ID,
    ipp::FIRMWARE,
    body::FHIR_SOFTWARE,
    body::FHIR_SOFTWARE_NAME,
    body::FHIR_SOFTWARE_VERSION,
    body::FHIR_VERSION,
    body::WSMAN_VERSION,
];
