//! Until when network gear and other systems are mended: each family of rows by version,
//! and what comes near and is none of them.

use super::*;

/// Whether what says this is mended, and until when.
fn of(key: &'static str, value: &'static str) -> (Option<Supported>, String) {
    let mut hospital = Hospital::new();
    hospital.fact((key, value));
    let it = hospital.assessment();
    let days: Vec<String> = it.support.into_iter().map(|until| until.end).collect();
    (it.supported, days.join(" "))
}

#[test]
fn families_are_told_by_version_and_their_neighbours_are_not() {
    let (yes, no) = (Some(Supported::Yes), Some(Supported::No));
    let nothing = (None, "");
    let described = "snmp.sysdescr";
    macro_rules! catalyst {
        ($version:literal) => {
            concat!(
                "Cisco IOS Software [X], Catalyst L3 Switch Software (CAT9K_IOSXE), Version ",
                $version,
                ", RELEASE SOFTWARE (fc2)"
            )
        };
    }
    macro_rules! freebsd {
        ($version:literal) => {
            concat!("FreeBSD fw ", $version, " FreeBSD ", $version, " x-n254617 GENERIC amd64")
        };
    }
    for (key, value, wanted) in [
        (described, catalyst!("17.6.5"), (no, "2024-07-30")),
        (described, catalyst!("17.15.1"), (yes, "2028-08-09")),
        (described, catalyst!("17.1.1"), (no, "2020-11-21")),
        // A train to come, and one before the table begins, which ended before its rows did.
        (described, catalyst!("17.21.1"), nothing),
        (described, catalyst!("16.9.4"), (no, "before 2023-07-31")),
        (
            described,
            "Arista Networks EOS version 4.30.2F running on an Arista Networks DCS-7050",
            (no, "2026-04-14"),
        ),
        (
            described,
            "Arista Networks EOS version 4.34.1F running on an Arista Networks DCS-7050",
            (yes, "2028-04-25"),
        ),
        (
            described,
            "Arista Networks EOS version 4.3.4 running on an Arista Networks DCS-7050",
            (no, "before 2024-04-15"),
        ),
        (
            described,
            "FreeBSD fw 13.2-RELEASE FreeBSD 13.2-RELEASE releng/13.2-n254617 GENERIC amd64",
            (no, "2024-06-30"),
        ),
        (
            described,
            "FreeBSD fw 13.20-RELEASE FreeBSD 13.20-RELEASE releng/13.20 GENERIC amd64",
            nothing,
        ),
        // No releases: they end with none.
        (described, freebsd!("13.2-STABLE"), nothing),
        (described, freebsd!("13.2-CURRENT"), nothing),
        (described, freebsd!("13.2-PRERELEASE"), nothing),
        (described, freebsd!("13.2-ALPHA3"), nothing),
        (described, freebsd!("13.2-BETA1"), nothing),
        (described, freebsd!("13.2-RC2"), nothing),
        (described, freebsd!("13.2-RELEASE-p4"), (no, "2024-06-30")),
        ("dhcp.vendor_class", "dhcpcd-9.4.1:FreeBSD-13.2-STABLE:amd64:x", nothing),
        ("dhcp.vendor_class", "dhcpcd-9.4.1:FreeBSD-13.2-RELEASE:amd64:x", (no, "2024-06-30")),
        // All rows of FreeBSD have ended, and the next one may run here.
        ("ssh.banner", "SSH-2.0-OpenSSH_9.3 FreeBSD-20230719", nothing),
        ("http.user_agent", "libdnf (Rocky Linux 9.3; generic; Linux.x86_64)", (yes, "2032-05-31")),
        ("http.user_agent", "libdnf (Rocky Linux 11.0; generic; Linux.x86_64)", nothing),
        ("http.user_agent", "libdnf (AlmaLinux 8.10; generic; Linux.x86_64)", (yes, "2029-03-01")),
        ("http.user_agent", "libdnf (AlmaLinux 88.1; generic; Linux.x86_64)", nothing),
    ] {
        let (state, days) = of(key, value);
        assert_eq!((state, days.as_str()), wanted, "{value}");
    }
}
