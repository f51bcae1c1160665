//! Starts in a recording of real software (`pcaps/lab/starts.py`): firmware, DHCP clients and
//! IPv6 stacks; and what only looks like a start.

mod lab;

use auscult::store::Inventory;

/// 2026-03-02T00:00:00Z, minute nought of the recording.
const BEGIN: i64 = 1_772_409_600;

/// Seconds since the begin at which a card's device started, with how it is told.
fn starts(inventory: &Inventory, mac: &str) -> Vec<(i64, String)> {
    let all = inventory.assets().unwrap();
    let own = all.iter().find(|it| it.shown("mac_addresses").any(|it| it.value == mac)).unwrap();
    let starts = inventory.starts(&own.id, None).unwrap().into_iter();
    starts
        .map(|it| {
            let how = it.how.split(':').next().unwrap_or_default();
            (it.at.seconds() - BEGIN, format!("{how} {} {}", it.by.join("+"), it.confidence))
        })
        .collect()
}

#[test]
fn firmware_and_networks_that_come_up_start_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let inventory = lab::read(&dir.path().join("a.db"), &[lab::capture("starts.pcap")]);
    let of = |mac| starts(&inventory, mac);
    // Its firmware asks some seconds after it got power, at the minutes 12 and 66.
    let boot = || "network boot DHCP 97".to_owned();
    assert_eq!(of("52:54:00:41:00:09"), [(12 * 60 + 2, boot()), (66 * 60 + 2, boot())]);
    // On at 15; renewed at 24, with a probe of its address; again on at 85, a minute after
    // the sensor had seen nothing for thirteen: nobody knows since when it was off.
    let plain = "came up ARP+DHCP+NDP 60".to_owned();
    assert_eq!(of("3c:d9:2b:41:00:07"), [(15 * 60, plain)]);
    // On at 27; its cable out from 33 to 38; off from 45 to 60.
    let notebook = || "came up DHCP+DHCPv6+NDP 60".to_owned();
    assert_eq!(of("00:21:70:41:00:08"), [(27 * 60, notebook()), (60 * 60, notebook())]);
    for always in ["00:0c:29:41:00:05", "00:08:74:41:00:06"] {
        assert_eq!(of(always), [], "{always}");
    }
}
