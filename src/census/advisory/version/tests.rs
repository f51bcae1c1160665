//! Versions and ranges as they stand in published advisories.

use super::*;
use Answer::{Inside, Outside, Unknown};

#[test]
fn ranges_are_answered_both_ways_or_not_at_all() {
    let table = [
        ("<= 9.33", "9.33", Inside),
        ("<= 9.33", "9.5", Inside),
        ("<= 9.33", "9.34", Outside),
        ("<= 9.33", "9.33.1", Unknown),
        ("<= 9.33", "9", Unknown),
        ("<= 9.0", "9", Inside),
        ("<= 9.33", "B.01", Unknown),
        ("<=12.1.3", "12.1.3.0", Inside),
        ("< 8.2.2", "8.2.1.9", Inside),
        ("< 8.2.2", "8.2.2", Outside),
        ("< 8.2.2", "8.2.2.5", Outside),
        ("< 8.2.2", "8.2.2 beta", Unknown),
        ("< 8.2.2", "8.10", Outside),
        ("< 3.6.7", "3.6.2", Inside),
        ("< 3.6.7", "3.6.7", Outside),
        ("< 3.6.7", "3.7.0", Outside),
        ("< 3.6.7", "", Unknown),
        ("< B.06.18", "B.06.17", Inside),
        ("< B.06.18", "A.09.99", Inside),
        ("< B.06.18", "B.06.18", Outside),
        ("< B.06.18", "C.01.00", Outside),
        ("< B.06.18", "6.18", Unknown),
        ("<=N", "M.04.07", Inside),
        ("<=N", "N.01.02", Inside),
        ("<=N", "P.00.42", Outside),
        ("<=N", "12.1", Unknown),
        ("<= L81", "L80", Inside),
        ("<= L81", "L82", Outside),
        ("<= U61 |<= L81", "L90", Unknown),
        ("<= U61 |<= L81", "U61", Inside),
        ("<= 012U000061", "012U000060", Inside),
        ("<= 012U000061", "012U000070", Outside),
        ("<= 012U000061", "028U000060", Unknown),
        ("<= R4.1L1", "R4.1L2", Outside),
        ("<= R4.1L1", "R3.3L1", Inside),
        ("<= VM5.0", "VM4.1", Inside),
        ("<= VM5.0", "VM9.0.3", Outside),
        ("<= VM5.0", "5.0", Unknown),
        (">= 4.01 | <= 4.34", "4.07", Inside),
        (">= 4.01 | <= 4.34", "4.35", Outside),
        (">= 4.01 | <= 4.34", "3.9", Outside),
        (">= 2.0", "2.0.1", Inside),
        (">= 2.0", "1.9", Outside),
        ("1.1.7.333 | 2.1.1.3069", "2.1.1.3069", Inside),
        ("1.1.7.333 | 2.1.1.3069", "2.2", Outside),
        ("1.1.7.333 | 2.1.1.3069", "2.0", Unknown),
        ("9.7", "9.7", Inside),
        ("9.7", "9.6", Unknown),
        ("3120", "3121", Unknown),
        ("3120", "3120", Inside),
        ("12.2.x", "12.2.1.5", Inside),
        ("12.2.x", "12.3", Outside),
        ("<= 12.2.x.x", "12.2.9.9", Inside),
        ("<= 12.2.x.x", "12.3.0.0", Outside),
        ("2.X", "2.4", Inside),
        ("< 3.x", "3.1", Outside),
        ("BT03 | BT04 | BT06", "BT04", Inside),
        ("BT03 | BT04 | BT06", "BT05", Unknown),
        ("BT03 | BT04 | BT06", "BT09", Outside),
        ("HD 16 | HD23", "HD23", Inside),
        ("Rev B-M", "Rev C", Inside),
        ("Rev B-M", "N", Outside),
        ("Rev B-M", "A", Outside),
        ("2.3.6 and  below", "2.3.6", Inside),
        ("2.3.6 and  below", "2.4", Outside),
        ("< 1.8.4 Service Pack 01", "1.8.3", Inside),
        ("<=2023.3_Build_9342", "2023.3 Build 9341", Inside),
        ("<=2023.3_Build_9342", "2024.1", Outside),
        ("vers:generic/>=1.0|<2.0", "1.5", Inside),
        ("vers:generic/>=1.0|<2.0", "2.0", Outside),
        ("<V2.1", "v2.0", Inside),
        // From one to another, in the words and signs that are written for it.
        ("4.0 - 4.5", "V4.1", Inside),
        ("4.0 - 4.5", "4.0", Inside),
        ("4.0 - 4.5", "4.5", Inside),
        ("4.0 - 4.5", "4.5.1", Unknown),
        ("4.0 - 4.5", "3.9", Outside),
        ("4.0 - 4.5", "4.6", Outside),
        ("4.0-4.5", "V4.1", Inside),
        ("4.0-4.5", "4.6", Outside),
        ("V4.0-V4.5", "V4.1", Inside),
        ("V4.0 to V4.5", "V4.1", Inside),
        ("4.0 TO 4.5", "4.1", Inside),
        ("4.0 through 4.5", "4.1", Inside),
        ("4.0 through 4.5", "4.6", Outside),
        ("V4.0..V4.5", "V4.1", Inside),
        ("4.0 \u{2013} 4.5", "4.1", Inside),
        ("4.0\u{2013}4.5", "4.6", Outside),
        ("1.0 | 4.0 - 4.5", "4.1", Inside),
        ("4 - 5", "4.1", Inside),
        ("12.2.x - 12.4.x", "12.4.9", Inside),
        ("VE11A-VE11C", "VE11B", Inside),
        ("VE11A-VE11C", "VE11E", Outside),
        ("BT02-BT06", "BT04", Inside),
        ("4.0 - 4.5 (with an option)", "4.1", Unknown),
        ("4.0 - 4.5 (with an option)", "4.6", Outside),
        ("4.0+", "V4.1", Inside),
        ("4.0+", "4.0", Inside),
        ("4.0+", "3.9", Outside),
        ("4.0 and later", "4.1", Inside),
        ("4.5 or earlier", "4.1", Inside),
        ("< V5 | >= V4", "V4.1", Inside),
        ("< V5 | >= V4", "V5", Outside),
        ("< V5 | >= V4", "V3.9", Outside),
        ("<= 2.0 | >= 3.0", "2.5", Outside),
        ("<= 2.0 | >= 3.0", "3.5", Inside),
        // A dash, a blank and a letter that belong to one version.
        (">= 2018-1 | <= 2021-1", "2019-2", Inside),
        ("2018-1", "2018-1", Inside),
        ("<=5.17.1-754993421", "5.17.1-754993420", Inside),
        ("4.0-rc1", "4.0-rc1", Inside),
        ("4.0-B", "4.0-B", Inside),
        ("3002 S3", "3002 S3", Inside),
        ("1.1.3 MR Build 11", "1.1.3 MR Build 11", Inside),
        ("<= S4 A.07.107", "S4 A.07.106", Inside),
        ("4.20 SR1", "4.20 SR1", Inside),
        // More than any machine's number holds.
        ("< 2.20260131120000000000000", "2.20260131115959999999999", Inside),
        ("< 2.20260131120000000000000", "2.20260131120000000000000", Outside),
        ("< 2.20260131120000000000000", "2.9", Inside),
        ("<= 18446744073709551616.0", "18446744073709551615", Inside),
        ("<= 18446744073709551616.0", "018446744073709551617", Outside),
        // Conditions that nobody sees: never inside, still outside.
        ("<= 1.54 (integrated into a bridge)", "1.50", Unknown),
        ("<= 1.54 (integrated into a bridge)", "1.55", Outside),
        ("6.x (Wireless Battery Modules (16 | 16D38)", "6.05", Unknown),
        ("9.x model 35700BAX3", "9.1", Unknown),
        ("9.x model 35700BAX3", "10.0", Outside),
        ("<=11.2 on Windows 8.1 with IIS 7.5", "11.0", Unknown),
        // All of them: whoever reads a version may read a later one.
        ("vers:all/*", "1.0", Unknown),
        ("* (end-of-life 2011)", "1.0", Unknown),
    ];
    for (range, version, answer) in table {
        let versions = Versions::parse(range).unwrap_or_else(|| panic!("{range}"));
        assert_eq!(versions.answer(version), answer, "{version} in {range} ({versions})");
    }
}

#[test]
fn what_is_no_range_is_not_parsed() {
    for text in [
        "",
        "<  july 1 2017",
        "distributed  < april 1, 2018",
        "<8/30/2024",
        "2131 and 2141",
        "2nd Edition",
        "A10 < A11",
        "A.01 <= C.0x | 4.0",
        "v17 | v17D19 >= 20D29 | <= 20D32",
        "Windows 10 Professional Operating System U.S. release",
        "with wireless option (shipped between two days)",
        "(Release 1.3.2 1.4.0)",
        "MMT-1711 | MMT-1712",
        "Version B, Firmware A.01.09",
        ">= 9 | <= 3",
        // A range, or a version, or several: nobody knows, so nobody is cleared.
        "4.5 - 4.0",
        "4.5-4.0",
        "4.0 4.5",
        "V4.0 V4.5",
        "4.0_4.5",
        "4.0 or 4.5",
        "4.0 a 4.5",
        "4.0 up to 4.5 beta",
        "4.0, 4.5",
        "4.0 & 4.5",
        "4.0+4.5",
        "1.0+build7",
        "5.17-19",
        "1-4",
        "VE11A-C",
        "2020-01-02",
        "4.0-",
        "-4.5",
        "up to 4.5",
        "HD 16 18",
        "<= 4.0 - 4.5",
        "<= 4.0-4.5",
        "4.0 - 4.5 - 5.0",
        "4.0 - Build 7",
        "<= Ü1",
        &"9".repeat(65),
    ] {
        assert_eq!(Versions::parse(text), None, "{text}");
    }
}

/// What cannot be compared may still be the very text that a device says.
#[test]
fn a_text_is_itself() {
    for (leaf, read, is) in [
        ("syngo MR E11", "syngo MR E11", true),
        ("syngo MR E11", "SYNGO  MR E11", true),
        ("syngo MR D13 | syngo MR E11", "syngo MR E11", true),
        ("syngo MR E11", "syngo MR E11A", false),
        ("syngo MR E11 (with an option)", "syngo MR E11", false),
        ("all versions", "all versions", false),
        ("", "", false),
    ] {
        assert_eq!(Versions::is_named(leaf, read), is, "{leaf} {read}");
    }
}

/// Hostile texts end in some answer.
#[test]
fn nothing_panics() {
    let pieces = [
        "<", "<=", ">", "|", "1", "x", "B", ".", "Rev ", "-", "(", ")", "é", "vers:", "/", "*", "+",
    ];
    let mut texts = vec![String::new(); 1];
    for _ in 0..3 {
        let longer =
            texts.iter().flat_map(|it| pieces.iter().map(move |more| format!("{it}{more}")));
        texts = longer.collect();
        for text in &texts {
            let parsed = Versions::parse(text);
            let _ = parsed.map(|it| (it.answer(text), it.to_string()));
            let _ = Versions::parse("<= 9.33").map(|it| it.answer(text));
        }
    }
    assert_eq!(Versions::parse(&"1|".repeat(70)), None);
    assert_eq!(Versions::parse(&"1.".repeat(4000)), None);
}
