//! AF_XDP on a pair of virtual interfaces: every byte arrives, faults have their
//! names, nothing is sent and nothing stays behind. Needs root; says so and passes
//! where there is none.

mod mirror;

use std::io::Write as _;
use std::time::{Duration, Instant};

use auscult::wire::capture::LinkType;
use auscult::wire::capture::live::af_xdp::{Mode, Opened, Options, Refusal, XskSource, open};
use auscult::wire::capture::live::ethtool::{rx_queues, rx_vlan_offload, set_rx_vlan_offload};
use auscult::wire::capture::live::rss::{Apart, make_symmetric};
use auscult::wire::capture::live::{self, Fault, Method, Source};
use auscult::wire::capture::privilege::confine_worker;
use mirror::{Mirror, PORT, must};

const BRIEF: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(5);

/// A cable for frames of ordinary length whose tags are left in, unless this machine
/// cannot have one.
fn mirror(queues: u16) -> Option<Mirror> {
    match Mirror::lay(queues) {
        Ok(mirror) => {
            let offload = mirror.inside(|| set_rx_vlan_offload(PORT, false));
            offload.expect("the offload can be switched off");
            mirror.ip(&["link", "set", PORT, "mtu", "1500"]);
            Some(mirror)
        }
        Err(reason) => {
            // Straight to standard error, which the test harness lets through.
            let _ = writeln!(std::io::stderr(), "skipped: {reason}");
            None
        }
    }
}

fn opened(mirror: &Mirror, mode: Mode) -> Opened {
    let options = Options { frames: 1024, mode, ..Options::default() };
    mirror.inside(|| open(PORT, &options)).expect("it opens")
}

fn one(mirror: &Mirror, mode: Mode) -> XskSource {
    opened(mirror, mode).sources.remove(0)
}

/// Sends frames from the far end, a few at a time so that no queue overflows.
fn send(mirror: &Mirror, frames: &[Vec<u8>]) {
    mirror.send(frames.iter().map(Vec::as_slice), 64);
}

/// What the kernel shows of the interface.
fn shown(mirror: &Mirror) -> String {
    must("ip", &["-n", &mirror.near, "-d", "link", "show", "dev", PORT]).expect("shown")
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
    let Some(mirror) = mirror(1) else { return };
    let Opened { mut sources, note } = opened(&mirror, mode);
    assert!(note.starts_with(way) && note.contains("1 queue,"), "{note}");
    let [source] = sources.as_mut_slice() else { panic!("one source a queue") };
    let before = mirror.sent_back();
    // Several times the buffers there are: each must come back.
    for round in 0..5 {
        let sent = mix(900 + round);
        send(&mirror, &sent);
        assert!(receive(source, sent.len()) == sent, "round {round} arrives as it was sent");
    }
    assert!(receive(source, 0).is_empty());
    assert_eq!(source.loss(), Default::default());
    assert_eq!(mirror.sent_back(), before, "nothing is sent");
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
        let Some(mirror) = mirror(1) else { return };
        mirror.ip(&["link", "set", PORT, "mtu", "9000"]);
        let mut source = one(&mirror, mode);
        let lengths = [60, 1514, 3839, 3840, 3841, 4096, 7680, 7681, 9014];
        let sent: Vec<_> = (0..200).map(|n| frame(n, lengths[n as usize % 9])).collect();
        for _ in 0..10 {
            send(&mirror, &sent);
            assert!(receive(&mut source, sent.len()) == sent, "{mode:?}");
        }
        assert_eq!(source.loss(), Default::default(), "{mode:?}");
    }
}

#[test]
fn all_queues_together_have_everything() {
    let Some(mirror) = mirror(2) else { return };
    assert_eq!(mirror.inside(|| rx_queues(PORT)).expect("the driver says"), 2);
    let Opened { mut sources, note } = opened(&mirror, Mode::Auto);
    assert!(sources.len() == 2 && note.contains("2 queues"), "{note}");
    let mut sent = mix(600);
    send(&mirror, &sent);
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
    let Some(mirror) = mirror(1) else { return };
    let mut source = one(&mirror, Mode::Auto);
    let sent = mix(1024 + 300);
    send(&mirror, &sent);
    let arrived = receive(&mut source, sent.len().min(1024));
    let loss = source.loss();
    let lost = loss.ring_full + loss.fill_empty + loss.invalid + loss.cut;
    assert_eq!(arrived.len() as u64 + lost, sent.len() as u64, "{loss:?}");
    send(&mirror, &sent[..64]);
    assert!(receive(&mut source, 64) == sent[..64], "and it goes on");
}

#[test]
fn down_is_not_gone() {
    let Some(mirror) = mirror(1) else { return };
    let mut source = one(&mirror, Mode::Auto);
    mirror.ip(&["link", "set", PORT, "down"]);
    for _ in 0..3 {
        assert!(matches!(source.receive(BRIEF, &mut |_| {}), Err(Fault::Down)));
    }
    let options = Options::default();
    assert!(matches!(mirror.inside(|| open(PORT, &options)), Err(Refusal::Down)));
    mirror.ip(&["link", "set", PORT, "up"]);
    let sent = mix(100);
    send(&mirror, &sent);
    assert!(receive(&mut source, sent.len()) == sent, "frames come again");
    mirror.ip(&["link", "set", PORT, "down"]);
    mirror.ip(&["link", "set", PORT, "name", "other0", "up"]);
    assert!(matches!(source.receive(BRIEF, &mut |_| {}), Ok(0)), "its name does not matter");
    mirror.ip(&["link", "del", "other0"]);
    for _ in 0..3 {
        assert!(matches!(source.receive(BRIEF, &mut |_| {}), Err(Fault::Gone)));
    }
}

#[test]
fn nothing_stays_on_the_interface() {
    let Some(mirror) = mirror(1) else { return };
    for mode in [Mode::Native, Mode::Generic] {
        let opened = opened(&mirror, mode);
        let state = shown(&mirror);
        assert!(state.contains("xdp") && state.contains("promiscuity 1"), "{state}");
        drop(opened);
        // A process that another test is just starting holds what is closed here until it is
        // what it is to be.
        let is_bare = |state: &str| !state.contains("xdp") && state.contains("promiscuity 0");
        let closed = Instant::now();
        let mut state = shown(&mirror);
        while !is_bare(&state) && closed.elapsed() < LONG {
            std::thread::sleep(BRIEF);
            state = shown(&mirror);
        }
        assert!(is_bare(&state), "{state}");
    }
}

#[test]
fn an_interface_is_had_by_one() {
    let Some(mirror) = mirror(1) else { return };
    let first = opened(&mirror, Mode::Native);
    for mode in [Mode::Auto, Mode::Native, Mode::Generic] {
        let options = Options { mode, ..Options::default() };
        assert!(matches!(mirror.inside(|| open(PORT, &options)), Err(Refusal::Busy)), "{mode:?}");
    }
    // Given up while the second one waits for it.
    std::thread::scope(|scope| {
        let second = scope.spawn(|| opened(&mirror, Mode::Native));
        std::thread::sleep(Duration::from_millis(200));
        drop(first);
        assert_eq!(second.join().expect("it waits").sources.len(), 1);
    });
}

#[test]
fn the_vlan_offload_is_seen_and_switched() {
    let Some(mirror) = mirror(1) else { return };
    mirror.inside(|| {
        assert!(!rx_vlan_offload(PORT).expect("asked"));
        set_rx_vlan_offload(PORT, true).expect("switched on");
        assert!(rx_vlan_offload(PORT).expect("asked"));
        assert!(matches!(open(PORT, &Options::default()), Err(Refusal::VlanOffload(_))));
        set_rx_vlan_offload(PORT, false).expect("switched off");
        assert!(open(PORT, &Options::default()).is_ok());
    });
}

#[test]
fn a_confined_worker_receives_and_sees_faults() {
    let Some(mirror) = mirror(1) else { return };
    let mut source = one(&mirror, Mode::Auto);
    let sent = mix(100);
    send(&mirror, &sent);
    let (confined, wait) = (std::sync::Barrier::new(2), &std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        let confined = &confined;
        let sent = &sent;
        let worker = scope.spawn(move || {
            confine_worker().expect("seccomp");
            assert!(receive(&mut source, sent.len()) == *sent);
            assert!(matches!(source.receive(BRIEF, &mut |_| {}), Ok(0)));
            assert_eq!(source.loss(), Default::default());
            confined.wait();
            wait.wait();
            assert!(matches!(source.receive(BRIEF, &mut |_| {}), Err(Fault::Down)));
        });
        confined.wait();
        mirror.ip(&["link", "set", PORT, "down"]);
        wait.wait();
        worker.join().expect("it works with few rights");
    });
}

/// A virtual cable hashes nothing, and says so; then workers hand frames over.
#[test]
fn queues_that_part_conversations_are_told() {
    let Some(mirror) = mirror(2) else { return };
    assert!(matches!(mirror.inside(|| make_symmetric(PORT)), Err(Apart::Silent)));
    let options = live::Options { method: Some(Method::AfXdp), ring: 2 << 20, ..<_>::default() };
    let opened = mirror.inside(|| live::open(PORT, &options)).expect("it opens");
    assert_eq!((opened.sources.len(), opened.symmetric), (2, false));
    let wanted = "workers hand frames over: the driver says nothing of its hash";
    assert!(opened.note.contains(wanted), "{}", opened.note);
}
