//! Whether a speaker's program is of the maker of the images that it sends.
//!
//! Consoles of scanners use their maker's own implementation (PS3.7 §D.3.3.2). So do that
//! maker's archives, routers and workstations: who is asked for images, keeps those of
//! others or fetches them is none of the first.

use super::get;
use crate::census::host::{EquipmentFacts, Host};
use crate::census::signature::Book;
use crate::net::HostId;
use crate::observe::{FRESH, OLDER, Role, SENDS};

const IMPLEMENTATION: [&str; 2] = ["dicom.implementation_uid", "dicom.implementation_version"];

/// Query and retrieve (PS3.4 annex C) and worklists (annex K).
const QUERIES: [&str; 2] = ["1.2.840.10008.5.1.4.1.2.", "1.2.840.10008.5.1.4.31"];

/// Storage commitment (PS3.4 annex J): an archive promises to keep what scanners ask it for.
const COMMITMENT: &str = "1.2.840.10008.1.20.1";
const ASKS_COMMITMENT: &str = "N-ACTION-RQ storage-commitment";

/// Programs of a maker of scanners that make no images.
const NO_SCANNER: &[&str] = &[
    "cad-server",
    "cardiology-information",
    "dicom-router",
    "film-digitizer",
    "imaging-workstation",
    "media-burner",
    "pacs",
    "ris",
    "treatment-planning",
    "viewer",
    "vna",
    "worklist-server",
];

/// One company under the names of its time.
fn company(maker: &str) -> &str {
    match maker {
        "Acuson" => "Siemens Healthineers",
        "Aloka" | "Hitachi" => "Fujifilm",
        maker => maker,
    }
}

/// Whether the program and the image are of one maker, and nothing that the speaker does
/// is the part of an archive or a workstation.
pub(super) fn is_own(hosts: &[(&HostId, &Host)], facts: &EquipmentFacts, book: &Book) -> bool {
    let maker =
        get(facts, "dicom.manufacturer").and_then(|it| book.matches("dicom.manufacturer", it, &[]));
    let Some(maker) = maker.as_ref().and_then(|it| it.get("manufacturer")) else { return false };
    let mut agrees = false;
    for key in IMPLEMENTATION {
        for value in hosts.iter().flat_map(|(_, host)| host.values(key)) {
            let Some(found) = book.matches(key, value, &[]) else { continue };
            if found.get("device_class").is_some_and(|class| NO_SCANNER.contains(&class)) {
                return false;
            }
            match found.get("manufacturer") {
                Some(of) if company(of) == company(maker) => agrees = true,
                Some(_) => return false,
                None => {}
            }
        }
    }
    agrees && !hosts.iter().any(|(_, host)| keeps_or_fetches(host)) && !sends_old(hosts)
}

/// Whether all that it sends was made long ago: what a scanner sends once more stands beside
/// what it has just made.
fn sends_old(hosts: &[(&HostId, &Host)]) -> bool {
    let says =
        |age: &str| hosts.iter().any(|(_, host)| host.values(SENDS.as_str()).any(|it| it == age));
    says(OLDER) && !says(FRESH)
}

/// Whether it takes images from others, answers queries, or fetches.
fn keeps_or_fetches(host: &Host) -> bool {
    let queries = |uid: &str| QUERIES.iter().any(|class| uid.starts_with(class));
    let keeps = !host.facts_of("dicom.accepted_storage_classes").is_empty()
        || !host.facts_of("dicom.archive_sends").is_empty()
        || host.values("dicom.scp").any(queries)
        || host.values("http.serves").any(|it| it == "dicomweb")
        || commits(host)
        || takes_orders(host);
    // A worklist is asked for by scanners; the rest of queries by those who look at images.
    let fetches = host.values("dicom.scu").any(|uid| uid.starts_with(QUERIES[0]))
        || host
            .values("dicom.verb")
            .any(|it| it.starts_with("C-MOVE-") || it.starts_with("C-GET-"));
    keeps || fetches
}

/// Whether it promises to keep images, and is no scanner that a careless archive calls back
/// without changing roles (PS3.7 §D.3.3.4).
fn commits(host: &Host) -> bool {
    host.values("dicom.scp").any(|uid| uid == COMMITMENT)
        && !host.values("dicom.verb").any(|it| it == ASKS_COMMITMENT)
}

/// Whether it takes messages of HL7, as archives take orders and patients' changes: scanners
/// have those by worklists (IHE RAD TF-1, Scheduled Workflow).
fn takes_orders(host: &Host) -> bool {
    let mut services = host.services().iter();
    services.any(|((.., name, role), _)| &**name == "hl7" && *role == Role::Server)
}
