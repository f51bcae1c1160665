//! AF_XDP on a pair of virtual interfaces: every byte arrives, faults have their
//! names, nothing is sent and nothing stays behind. Needs root; says so and passes
//! where there is none.
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

mod nets;

use std::time::{Duration, Instant};

use auscult::wire::capture::LinkType;
use auscult::wire::capture::live::af_xdp::{Mode, Opened, Options, Refusal, XskSource, open};
use auscult::wire::capture::live::ethtool::{rx_queues, rx_vlan_offload, set_rx_vlan_offload};
use auscult::wire::capture::live::{Fault, Source};
use nets::{FAR, NEAR, Nets};

const BRIEF: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(5);

/// The namespaces, unless this machine cannot have them.
fn nets(queues: u32) -> Option<Nets> {
    match Nets::new(queues) {
        Ok(nets) => {
            let offload = nets.near(|| set_rx_vlan_offload(NEAR, false));
            offload.expect("the offload can be switched off");
            Some(nets)
        }
        Err(reason) => {
            eprintln!("skipped: {reason}");
            None
        }
    }
}

fn opened(nets: &Nets, mode: Mode) -> Opened {
    let options = Options { frames: 1024, mode, ..Options::default() };
    nets.near(|| open(NEAR, &options)).expect("it opens")
}

/// A frame to somebody else, of this length, that differs from all others.
fn frame(number: u32, length: usize) -> Vec<u8> {
    let mut frame = vec![0x02, 0, 0, 0, 0, 9, 0x02, 0, 0, 0, 0, 1, 0x88, 0xb5];
    frame.extend(number.to_be_bytes());
    frame.extend((frame.len()..length).map(|at| (at as u32 * 7 + number) as u8));
    frame
}

fn tagged(number: u32, length: usize, tpid: u16, vlan: u16) -> Vec<u8> {
    let mut frame = frame(number, length - 4);
    let [a, b] = tpid.to_be_bytes();
    let [c, d] = vlan.to_be_bytes();
    frame.splice(12..12, [a, b, c, d]);
    frame
}

/// What arrives until there are as many frames, or for too long.
fn receive(source: &mut XskSource, count: usize) -> Vec<Vec<u8>> {
    let (mut all, start, mut last) = (Vec::new(), Instant::now(), None);
    while all.len() < count && start.elapsed() < LONG {
        let mut lent = 0;
        let said = source.receive(BRIEF, &mut |batch| {
            assert!((1..=64).contains(&batch.len()));
            lent += batch.len();
            for frame in batch {
                assert_eq!(frame.link, LinkType::Ethernet);
                assert_eq!(frame.wire_len as usize, frame.bytes.len());
                let (number, at) = last.replace((frame.number, frame.at)).unwrap_or((0, frame.at));
                assert!(number == 0 || frame.number == number + 1, "numbered one by one");
                assert!(frame.at >= at && frame.at.seconds() > 1_600_000_000, "time goes on");
                all.push(frame.bytes.to_vec());
            }
        });
        assert_eq!(said.expect("frames come"), lent);
    }
    all
}

/// A mix of lengths and tags.
fn mix(count: u32) -> Vec<Vec<u8>> {
    let one = |n| match n % 5 {
        0 => frame(n, 60),
        1 => frame(n, 1514),
        2 => tagged(n, 64, 0x8100, 101),
        3 => tagged(n, 1518, 0x8100, 0x2000 | 4094),
        _ => frame(n, 61 + n as usize % 1400),
    };
    (0..count).map(one).collect()
}

fn every_byte_arrives(mode: Mode, way: &str) {
    let Some(nets) = nets(1) else { return };
    let Opened { mut sources, note } = opened(&nets, mode);
    assert!(note.starts_with(way) && note.contains("1 queue,"), "{note}");
    let [source] = sources.as_mut_slice() else { panic!("one source a queue") };
    let far = nets.count_at_far_end();
    // Several times the buffers there are: each must come back.
    for round in 0..5 {
        let sent = mix(900 + round);
        nets.send(&sent);
        assert!(receive(source, sent.len()) == sent, "round {round} arrives as it was sent");
    }
    assert!(receive(source, 0).is_empty());
    assert_eq!(source.loss(), Default::default());
    assert_eq!(far(), 0, "nothing is sent");
}

#[test]
fn native_mode_delivers_every_byte() {
    every_byte_arrives(Mode::Auto, "native, ");
}

#[test]
fn generic_mode_delivers_every_byte() {
    every_byte_arrives(Mode::Generic, "generic, ");
}

#[test]
fn jumbo_frames_arrive_whole() {
    for mode in [Mode::Native, Mode::Generic] {
        let Some(nets) = nets(1) else { return };
        nets.ip(&["link", "set", NEAR, "mtu", "9000"]);
        nets.far_ip(&["link", "set", FAR, "mtu", "9000"]);
        let mut source = opened(&nets, mode).sources.remove(0);
        let lengths = [60, 1514, 3839, 3840, 3841, 4096, 7680, 7681, 9014];
        let sent: Vec<_> = (0..200).map(|n| frame(n, lengths[n as usize % 9])).collect();
        for _ in 0..10 {
            nets.send(&sent);
            assert!(receive(&mut source, sent.len()) == sent, "{mode:?}");
        }
        assert_eq!(source.loss(), Default::default(), "{mode:?}");
    }
}

#[test]
fn all_queues_together_have_everything() {
    let Some(nets) = nets(2) else { return };
    assert_eq!(nets.near(|| rx_queues(NEAR)).expect("the driver says"), 2);
    let Opened { mut sources, note } = opened(&nets, Mode::Auto);
    assert!(sources.len() == 2 && note.contains("2 queues"), "{note}");
    let mut sent = mix(600);
    nets.send(&sent);
    let mut arrived = Vec::new();
    let start = Instant::now();
    while arrived.len() < sent.len() && start.elapsed() < LONG {
        for source in &mut sources {
            let each = &mut |batch: &[auscult::wire::capture::Frame<'_>]| {
                arrived.extend(batch.iter().map(|frame| frame.bytes.to_vec()));
            };
            source.receive(BRIEF, each).expect("frames come");
        }
    }
    sent.sort();
    arrived.sort();
    assert!(sent == arrived, "{} of {}", arrived.len(), sent.len());
}

#[test]
fn too_slow_a_reader_is_told_what_it_lost() {
    let Some(nets) = nets(1) else { return };
    let mut source = opened(&nets, Mode::Auto).sources.remove(0);
    let sent = mix(1024 + 300);
    nets.send(&sent);
    let arrived = receive(&mut source, sent.len().min(1024));
    let loss = source.loss();
    let lost = loss.ring_full + loss.fill_empty + loss.invalid + loss.cut;
    assert_eq!(arrived.len() as u64 + lost, sent.len() as u64, "{loss:?}");
    nets.send(&sent[..64]);
    assert!(receive(&mut source, 64) == sent[..64], "and it goes on");
}

#[test]
fn down_is_not_gone() {
    let Some(nets) = nets(1) else { return };
    let mut source = opened(&nets, Mode::Auto).sources.remove(0);
    nets.ip(&["link", "set", NEAR, "down"]);
    for _ in 0..3 {
        assert!(matches!(source.receive(BRIEF, &mut |_| {}), Err(Fault::Down)));
    }
    let options = Options::default();
    assert!(matches!(nets.near(|| open(NEAR, &options)), Err(Refusal::Down)));
    nets.ip(&["link", "set", NEAR, "up"]);
    let sent = mix(100);
    nets.send(&sent);
    assert!(receive(&mut source, sent.len()) == sent, "frames come again");
    nets.ip(&["link", "set", NEAR, "down"]);
    nets.ip(&["link", "set", NEAR, "name", "other0", "up"]);
    assert!(matches!(source.receive(BRIEF, &mut |_| {}), Ok(0)), "its name does not matter");
    nets.ip(&["link", "del", "other0"]);
    for _ in 0..3 {
        assert!(matches!(source.receive(BRIEF, &mut |_| {}), Err(Fault::Gone)));
    }
}

#[test]
fn nothing_stays_on_the_interface() {
    let Some(nets) = nets(1) else { return };
    for mode in [Mode::Native, Mode::Generic] {
        let opened = opened(&nets, mode);
        let shown = nets.ip(&["-d", "link", "show", "dev", NEAR]);
        assert!(shown.contains("xdp") && shown.contains("promiscuity 1"), "{shown}");
        drop(opened);
        let shown = nets.ip(&["-d", "link", "show", "dev", NEAR]);
        assert!(!shown.contains("prog/xdp") && shown.contains("promiscuity 0"), "{shown}");
    }
}

#[test]
fn an_interface_is_had_by_one() {
    let Some(nets) = nets(1) else { return };
    let first = opened(&nets, Mode::Native);
    for mode in [Mode::Auto, Mode::Native, Mode::Generic] {
        let options = Options { mode, ..Options::default() };
        assert!(matches!(nets.near(|| open(NEAR, &options)), Err(Refusal::Busy)), "{mode:?}");
    }
    // Given up while the second one waits for it.
    std::thread::scope(|scope| {
        let second = scope.spawn(|| opened(&nets, Mode::Native));
        std::thread::sleep(Duration::from_millis(200));
        drop(first);
        assert_eq!(second.join().expect("it waits").sources.len(), 1);
    });
}

#[test]
fn the_vlan_offload_is_seen_and_switched() {
    let Some(nets) = nets(1) else { return };
    nets.near(|| {
        assert!(!rx_vlan_offload(NEAR).expect("asked"));
        set_rx_vlan_offload(NEAR, true).expect("switched on");
        assert!(rx_vlan_offload(NEAR).expect("asked"));
        assert!(matches!(open(NEAR, &Options::default()), Err(Refusal::VlanOffload(_))));
        set_rx_vlan_offload(NEAR, false).expect("switched off");
        assert!(open(NEAR, &Options::default()).is_ok());
    });
}
