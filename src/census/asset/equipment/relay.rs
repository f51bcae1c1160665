//! Who passes on the steps and worklists of others: a manager of performed steps (IHE RAD
//! TF-1, Performed Procedure Step Manager), a broker of worklists. It reports what others
//! perform, and says of it what they said.

use super::{PERFORMED_STEP, TELLING_NAME, WORKLIST, get, is_dicom, same_name};
use crate::census::host::{EquipmentFacts, Host};
use crate::net::HostId;
use crate::observe::{Origin, PASSES_ON};

/// Whether these speakers pass on what others perform: they take steps or answer worklists
/// (no acquisition device does), or told of a step that another speaker had told of before.
pub(super) fn passes_on(hosts: &[(&HostId, &Host)]) -> bool {
    let own = |ip: &str| hosts.iter().any(|(id, _)| id.ip.is_some_and(|it| it.to_string() == ip));
    hosts.iter().any(|(_, host)| {
        host.values("dicom.scp").any(|uid| [WORKLIST, PERFORMED_STEP].contains(&uid))
            || host.values("dicom.verb").any(|it| it == "C-FIND-RSP worklist")
            // The same device may report by two of its addresses.
            || host.values(PASSES_ON.as_str()).any(|ip| !own(ip))
    })
}

/// Whether a message describes the station of a step or of a worklist.
pub(super) fn is_of_station(facts: &EquipmentFacts) -> bool {
    get(facts, "dicom.sop_class").is_some_and(|uid| [WORKLIST, PERFORMED_STEP].contains(&uid))
}

/// Whether who tells of a station is it, as far as that is known: it calls itself as the
/// station, asks for worklists, or sends images as who made them. A manager of which the other
/// side is not seen does none of these.
pub(super) fn is_station(facts: &EquipmentFacts, hosts: &[(&HostId, &Host)]) -> bool {
    let Some(ae) = get(facts, "dicom.calling_ae") else { return true };
    let station = ["dicom.station_ae", "dicom.station_name"].map(|key| get(facts, key));
    let is_called = |name: &str| {
        name == ae || same_name(name, ae).is_some_and(|letters| letters >= TELLING_NAME)
    };
    let acquires = |host: &Host| {
        let makes = |origin: &Origin, it| *origin == Origin::Creator && is_dicom(it);
        host.values("dicom.scu").any(|uid| uid == WORKLIST)
            || host.values("dicom.verb").any(|it| it == "C-FIND-RQ worklist")
            || host.equipment.iter().any(|(origin, it, _)| makes(origin, it))
    };
    station == [None, None]
        || station.into_iter().flatten().any(is_called)
        || hosts.iter().any(|(_, host)| acquires(host))
}

/// Whether a speaker reports steps of a station that it is not, as far as that is known.
pub(super) fn reports_another(hosts: &[(&HostId, &Host)]) -> bool {
    let mut all = hosts.iter().flat_map(|(_, host)| &host.equipment);
    all.any(|(origin, facts, _)| {
        *origin == Origin::Own && is_of_station(facts) && !is_station(facts, hosts)
    })
}
