//! How the card of a mirror port is set: `auscult doctor -i`. It is looked at and left
//! as it is; `auscult listen` changes for AF_XDP what is in its way.

use std::io;

use super::{Check, Grade};
use crate::wire::capture::live::ethtool::{rx_queues, rx_vlan_offload};
use crate::wire::capture::live::host::{self, Voice, uses};
use crate::wire::capture::live::rss::{Apart, Symmetry, symmetry};

/// Checks of an interface's card.
#[must_use]
pub fn checks(interface: &str) -> Vec<Check> {
    let queues = rx_queues(interface).unwrap_or(1);
    let spread = if queues > 1 { Some(symmetry(interface)) } else { None };
    vec![
        voice(uses(interface), host::voice(interface).unwrap_or_default()),
        offload(interface, rx_vlan_offload(interface)),
        queued(interface, queues, spread),
    ]
}

/// Whether the host itself sends anything on the interface.
fn voice(used: Option<String>, speaks: Voice) -> Check {
    let name = "silence";
    if let Some(why) = used {
        let remedy = "a mirror port has no address and nothing built on it, and then is silent: `ip addr flush dev IFACE`";
        return Check::new(name, Grade::Bad, format!("{why}, so it may send on it"), remedy);
    }
    if speaks == Voice::default() {
        return Check::new(name, Grade::Good, "the host sends nothing on it", "");
    }
    let remedy = match (speaks.arp, speaks.ipv6) {
        (true, false) => {
            "`auscult listen` switches that off, unless with --keep-card; so does `ip link set dev IFACE arp off`"
        }
        (false, _) => {
            "`auscult listen` switches that off, unless with --keep-card; so does `sysctl -w net/ipv6/conf/IFACE/disable_ipv6=1`"
        }
        _ => {
            "`auscult listen` switches that off, unless with --keep-card; so do `ip link set dev IFACE arp off` and `sysctl -w net/ipv6/conf/IFACE/disable_ipv6=1`"
        }
    };
    Check::new(name, Grade::Note, format!("the host may send {speaks} on it"), remedy)
}

/// Whether the card takes VLAN tags out of frames.
fn offload(interface: &str, on: io::Result<bool>) -> Check {
    match on {
        Ok(true) => Check::new(
            "VLAN offload",
            Grade::Note,
            "the card takes VLAN tags out; af-packet puts them back",
            "for af-xdp `auscult listen` switches that off, and it stays off: `ethtool -K IFACE rxvlan on` undoes it",
        ),
        Ok(false) => {
            let found = format!(
                "off, tags stay in their frames (`ethtool -K {interface} rxvlan on` undoes what a sensor with af-xdp has set)"
            );
            Check::new("VLAN offload", Grade::Good, found, "")
        }
        Err(error) => {
            let found = format!("the driver does not say ({error})");
            Check::new("VLAN offload", Grade::Good, found, "")
        }
    }
}

/// Whether the card's queues keep both directions of a conversation together.
fn queued(interface: &str, queues: u32, spread: Option<Result<Symmetry, Apart>>) -> Check {
    let (grade, found) = match spread {
        None => (Grade::Good, "one receive queue".to_owned()),
        Some(Ok(by)) => {
            (Grade::Good, format!("{queues} receive queues, both directions come to one ({by})"))
        }
        Some(Err(apart)) => {
            let apart = apart.to_string().replace("IFACE", interface);
            (Grade::Note, format!("{queues} receive queues, and {apart}"))
        }
    };
    let remedy = "for af-xdp `auscult listen` makes the hash symmetric where the driver lets it, and it stays so; `ethtool -L IFACE combined 1` makes it one queue; af-packet needs neither";
    Check::new("queues", grade, found, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listen_changes_is_told_with_how_to_undo_it() {
        let on = offload("eth7", Ok(true));
        assert_eq!(on.grade, Grade::Note);
        assert!(on.remedy.contains("it stays off: `ethtool -K IFACE rxvlan on`"), "{}", on.remedy);
        let off = offload("eth7", Ok(false));
        assert_eq!(off.grade, Grade::Good);
        assert!(off.found.contains("`ethtool -K eth7 rxvlan on`"), "{}", off.found);
    }

    #[test]
    fn a_port_on_which_the_host_speaks_is_told() {
        let speaks = Voice { arp: true, ipv6: true };
        let note = voice(None, speaks);
        assert!(note.grade == Grade::Note && note.remedy.contains("arp off"), "{note:?}");
        assert_eq!(voice(None, Voice::default()).grade, Grade::Good);
        let used = voice(Some("the host has an address here".into()), speaks);
        assert!(used.grade == Grade::Bad && used.remedy.contains("flush dev IFACE"), "{used:?}");
    }

    #[test]
    fn queues_that_part_a_conversation_are_told() {
        assert_eq!(queued("eth7", 1, None).grade, Grade::Good);
        let kept = queued("eth7", 4, Some(Ok(Symmetry::Key)));
        assert_eq!((kept.grade, kept.remedy), (Grade::Good, ""));
        let apart = queued("eth7", 4, Some(Err(Apart::Fields("tcp4"))));
        assert_eq!(apart.grade, Grade::Note);
        assert!(apart.found.contains("4 receive queues"), "{}", apart.found);
        assert!(apart.found.contains("ethtool -N eth7 rx-flow-hash tcp4 sd"), "{}", apart.found);
        assert!(apart.remedy.contains("ethtool -L IFACE combined 1"), "{}", apart.remedy);
    }
}
