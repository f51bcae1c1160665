use super::super::testing::{padded, read};
use super::*;

const ORDERS: [Order; 2] = [Order::Little, Order::Big];

/// Time of one frame stamped `stamp` on an interface with these options.
fn nanos(order: Order, options: &[Vec<u8>], stamp: u64) -> i64 {
    let blocks =
        [order.section(), order.interface(1, 0, options), order.enhanced(0, stamp, 1, b"x")];
    let (seen, end) = read(&blocks.concat());
    assert_eq!(end.unwrap().frames, 1);
    seen[0].nanos
}

#[test]
fn resolutions_and_offsets() {
    for order in ORDERS {
        let resolution = |byte: u8| order.option(9, &[byte]);
        assert_eq!(nanos(order, &[], 1_500_000), 1_500_000_000);
        assert_eq!(nanos(order, &[resolution(0)], 3), 3_000_000_000);
        assert_eq!(nanos(order, &[resolution(9)], 1 << 40), 1 << 40);
        assert_eq!(nanos(order, &[resolution(12)], 5_000), 5);
        assert_eq!(nanos(order, &[resolution(127)], u64::MAX), 0);
        assert_eq!(nanos(order, &[resolution(0x80 | 10)], 512), 500_000_000);
        assert_eq!(nanos(order, &[resolution(0x80 | 32)], 3 << 31), 1_500_000_000);
        assert_eq!(nanos(order, &[resolution(0xff)], u64::MAX), 0);
        assert_eq!(nanos(order, &[resolution(0)], u64::MAX), i64::MAX);
        let offset = |seconds: i64| order.option(14, &order.put64(seconds.cast_unsigned()));
        // A name before it, which needs padding, and an end of options that hides the last.
        let end = vec![0; 4];
        let options = [order.option(2, b"eth0:"), offset(-2), end, resolution(9)];
        assert_eq!(nanos(order, &options, 5_000_000), 3_000_000_000);
        assert_eq!(nanos(order, &[offset(i64::MAX)], 1), i64::MAX);
    }
}

#[test]
fn a_short_option_is_corrupt() {
    let order = Order::Big;
    for option in [order.option(9, &[6, 6]), order.option(14, &[0; 4]), vec![0, 2, 0, 9, 1, 1]] {
        let (seen, end) = read(&[order.section(), order.interface(1, 0, &[option])].concat());
        assert!(seen.is_empty());
        assert!(matches!(end.unwrap_err().reason, Reason::Corrupt { field: "option length", .. }));
    }
}

#[test]
fn sections_have_their_own_order_and_interfaces() {
    let (little, big) = (Order::Little, Order::Big);
    let file = [
        little.section(),
        little.interface(1, 0, &[]),
        little.interface(101, 0, &[little.option(9, &[9])]),
        little.enhanced(1, 11, 2, b"b"),
        little.enhanced(0, 22, 2, b"a"),
        big.section(),
        big.interface(113, 0, &[]),
        big.enhanced(0, 33, 9, b"cccc"),
        little.section(),
        little.enhanced(0, 44, 1, b"d"),
    ];
    let (seen, end) = read(&file.concat());
    let got: Vec<_> = seen.iter().map(|s| (s.link, s.nanos, s.number, s.wire_len)).collect();
    assert_eq!(
        got,
        [
            (LinkType::RawIp, 11, 1, 2),
            (LinkType::Ethernet, 22_000, 2, 2),
            (LinkType::Cooked, 33_000, 3, 9)
        ]
    );
    assert_eq!(seen[2].bytes, b"cccc");
    // The interfaces of the first section are gone in the third.
    let broken = end.unwrap_err();
    let before: usize = file[..9].iter().map(Vec::len).sum();
    assert!(matches!(broken.reason, Reason::Corrupt { field: "interface id", value: 0, .. }));
    assert_eq!(broken.byte, u64::try_from(before).unwrap());
}

#[test]
fn simple_and_old_packets() {
    for order in ORDERS {
        let simple = |wire: u32, data: &[u8]| {
            order.block(SIMPLE_PACKET, &[order.put32(wire).to_vec(), padded(data)].concat())
        };
        let mut old = order.put16(0).to_vec();
        old.extend(order.put16(77));
        old.extend([0, 9, 3, 3].map(|n| order.put32(n)).concat());
        old.extend(padded(b"old"));
        let file = [
            order.section(),
            order.interface(1, 6, &[]),
            order.block(OLD_PACKET, &old),
            simple(5, b"short"),
            simple(900, b"longer"),
        ];
        let (seen, end) = read(&file.concat());
        assert_eq!(end.unwrap().frames, 3);
        let got: Vec<_> =
            seen.iter().map(|s| (&s.bytes[..], s.wire_len, s.nanos, s.number)).collect();
        assert_eq!(
            got,
            [(&b"old"[..], 3, 9_000, 1), (b"short", 5, 9_000, 2), (b"longer", 900, 9_000, 3)]
        );
    }
}

#[test]
fn other_blocks_are_passed_over_whatever_their_length() {
    let order = Order::Big;
    let (section, interface) = (order.section(), order.interface(1, 0, &[]));
    let packet = order.enhanced(0, 1, 1, b"x");
    // Longer than a stream holds and than a block that is read may be.
    let large = order.block(0x0bad, &vec![0xaa; 5_000_000]);
    let file = [section, interface, order.block(4, b"names"), large, packet].concat();
    let (seen, end) = read(&file);
    assert_eq!((seen.len(), end.unwrap().frames), (1, 1));
    let packed = zstd::encode_all(&file[..], 1).unwrap();
    assert_eq!(read(&packed).0, seen);
}

#[test]
fn a_cut_inside_a_block_passed_over_is_told_at_its_start() {
    let order = Order::Little;
    let large = order.block(0x0bad, &vec![0xaa; 5_000_000]);
    let file = [order.section(), large].concat();
    for end in [28 + 12, 28 + 13, file.len() - 4, file.len() - 1] {
        let broken = read(&file[..end]).1.unwrap_err();
        assert!(matches!(broken.reason, Reason::Cut { .. }), "{broken}");
        assert_eq!(broken.byte, 28);
        let packed = zstd::encode_all(&file[..end], 1).unwrap();
        assert_eq!(read(&packed).1.unwrap_err().byte, 28);
    }
    let mut file = file;
    *file.last_mut().unwrap() ^= 1;
    let packed = zstd::encode_all(&file[..], 1).unwrap();
    for file in [&file, &packed] {
        let broken = read(file).1.unwrap_err();
        assert!(matches!(broken.reason, Reason::Corrupt { field: "trailing block length", .. }));
        assert_eq!(broken.byte, 28);
    }
}

#[test]
fn frames_of_an_unread_link_type_are_counted() {
    let order = Order::Little;
    let file = [
        order.section(),
        order.interface(127, 0, &[]),
        order.interface(1, 0, &[]),
        order.enhanced(0, 1, 1, b"radio"),
        order.enhanced(1, 2, 1, b"wire"),
        order.enhanced(0, 3, 1, b"radio"),
    ];
    let (seen, end) = read(&file.concat());
    let totals = end.unwrap();
    assert_eq!((totals.frames, totals.skipped, totals.skipped_link), (1, 2, Some(127)));
    assert_eq!((seen[0].number, &seen[0].bytes[..]), (2, &b"wire"[..]));
}

#[test]
fn lengths_that_cannot_be() {
    let order = Order::Big;
    let with = |block: Vec<u8>| [order.section(), order.interface(1, 0, &[]), block].concat();
    let head =
        |total: u32| [order.put32(6), order.put32(total), [0; 4], order.put32(total)].concat();
    let mut wrong_end = order.enhanced(0, 1, 1, b"x");
    *wrong_end.last_mut().unwrap() ^= 4;
    let kept = [0, 0, 1, 9, 9].map(|n| order.put32(n)).concat();
    for (block, what) in [
        (head(0), "block total length"),
        (head(8), "block total length"),
        (head(33), "block total length"),
        (head(LONGEST_BLOCK + 4), "block total length"),
        (order.block(6, &[0; 16]), "block total length"),
        (order.block(1, &[0; 4]), "block total length"),
        (wrong_end, "trailing block length"),
        (order.block(6, &[&kept[..], &[0; 8]].concat()), "captured packet length"),
        (order.block(3, &order.put32(5)), "captured packet length"),
    ] {
        let (seen, end) = read(&with(block));
        let broken = end.unwrap_err();
        assert!(seen.is_empty());
        assert_eq!(broken.byte, 28 + 20);
        assert!(
            matches!(broken.reason, Reason::Corrupt { field, .. } if field == what),
            "{what}: {broken}"
        );
    }
}

#[test]
fn a_section_must_say_its_order_and_version() {
    let mut file = Order::Little.section();
    file[8] = 0;
    let broken = read(&file).1.unwrap_err();
    assert!(matches!(broken.reason, Reason::Corrupt { field: "byte-order magic", .. }));
    let mut file = Order::Little.section();
    file[12] = 2;
    let broken = read(&file).1.unwrap_err();
    assert!(matches!(broken.reason, Reason::Version { format: "pcapng", major: 2, .. }));
}
