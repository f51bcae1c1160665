//! What is told because something did not come.

use super::*;
use crate::store::Health;

const HOUR: i64 = 3600;

/// A monitor and two others, heard every hour for some hours.
fn regular(policy: Policy, hours: i64) -> Site {
    let mut site = Site::new(policy);
    for hour in 0..hours {
        site.present([1, 2, MONITOR], hour * HOUR);
        site.publish();
    }
    site
}

#[test]
fn a_medical_device_falls_silent_and_comes_back() {
    let mut site = regular(policy(), 30);
    for hour in 30..53 {
        site.present([1], hour * HOUR);
        site.publish();
    }
    assert_eq!(site.kinds(), [], "not yet; and the other computer may be off as long as it likes");
    let mut site = site.again(policy());
    for hour in 53..60 {
        site.present([1], hour * HOUR);
        site.publish();
    }
    let alerts = site.alerts();
    assert_eq!(site.kinds(), [Kind::SilentDevice], "{alerts:?}");
    assert_eq!((&*alerts[0].address, alerts[0].severity), ("10.0.0.200", Severity::Warning));
    assert_eq!(alerts[0].before, Timestamp::new(29 * HOUR, 0).rfc3339());
    let mut site = site.again(policy());
    site.present([MONITOR], 61 * HOUR);
    site.publish();
    let last = site.alerts().pop().unwrap();
    assert_eq!((last.kind, last.resolves), (Kind::DeviceBack, Some(1)), "{last:?}");
    // Such a silence is nothing new any more.
    for hour in 62..62 + 40 {
        site.present([1], hour * HOUR);
        site.publish();
    }
    assert_eq!(site.alerts().len(), 2);
    for hour in 102..120 {
        site.present([1], hour * HOUR);
        site.publish();
    }
    assert_eq!(site.kinds()[2..], [Kind::SilentDevice]);
}

#[test]
fn who_is_not_seen_is_not_silent() {
    // The sensor stood still for a week.
    let mut site = regular(policy(), 30);
    site.present([1], 200 * HOUR);
    site.publish();
    // Its VLAN is not on the mirror any more, another is.
    let far = HostId { segment: Segment { vlan: 7, ..Segment::default() }, ..host(1) };
    for hour in 201..260 {
        site.say_as(far, hour * HOUR, Observed::Present(Some(64)));
        site.publish();
    }
    assert_eq!(site.kinds(), []);
    // Who was hardly ever there is not expected.
    let mut site = regular(policy(), 5);
    for hour in 5..60 {
        site.present([1], hour * HOUR);
        site.publish();
    }
    assert_eq!(site.kinds(), []);
}

/// All devices are looked at with each publication, also those that were there long ago, and
/// those whose frames have times that cannot be.
#[test]
fn neither_who_left_long_ago_nor_a_wrong_date_hides_a_silence() {
    let mut site = Site::new(policy());
    site.present([9], 0);
    site.publish();
    let day = 24 * HOUR;
    let begin = 60 * day;
    for hour in 0..30 {
        site.present([1, 2, MONITOR], begin + hour * HOUR);
        site.publish();
    }
    // In the year 2106.
    site.present([3], 4_291_747_200);
    site.publish();
    for hour in 30..60 {
        site.present([1], begin + hour * HOUR);
        site.publish();
    }
    let mut told = site.kinds();
    told.retain(|kind| *kind != Kind::NewDevice);
    assert_eq!(told, [Kind::SilentDevice], "{:?}", site.alerts());
    let alert = site.alerts().pop().unwrap();
    assert_eq!((&*alert.address, &*alert.after), ("10.0.0.200", "24"), "{alert:?}");
}

/// Who is heard in which minutes of a week: a computer always, but for ten hours in which
/// nobody watched; a monitor that is away twice, one that goes home each evening and leaves
/// for good, one that was there for five hours, and one that is back within the hour in which
/// its silence has lasted for as long as is told.
fn week() -> Vec<(u8, i64)> {
    let mut all = Vec::new();
    for hour in (0..168).filter(|hour| !(90..100).contains(hour)) {
        for minute in [3, 30] {
            let is_there = [
                (1, true),
                (MONITOR, !(40..75).contains(&hour) && !(110..164).contains(&hour)),
                (201, hour < 60 && (8..20).contains(&(hour % 24))),
                (202, hour < 5),
                (203, minute == 30 && hour >= 24 && !(50..74).contains(&hour)),
            ];
            let there = is_there.into_iter().filter(|it| it.1);
            all.extend(there.map(|(who, _)| (who, 60 * hour + minute)));
        }
    }
    all
}

/// What is told of a week that is written whenever so many minutes of it are there.
fn told_by(pieces: impl Fn(i64) -> i64) -> Vec<[String; 6]> {
    let mut site = Site::new(policy());
    let mut piece = None;
    for (who, minute) in week() {
        if piece.replace(pieces(minute)).is_some_and(|it| it != pieces(minute)) {
            site.writer.write(&mut site.census, &Counters::new()).unwrap();
        }
        site.say(who, 60 * minute, Observed::Present(Some(64)));
    }
    site.writer.write(&mut site.census, &Counters::new()).unwrap();
    let mut all = site.alerts();
    all.retain(|it| matches!(it.kind, Kind::SilentDevice | Kind::DeviceBack));
    let resolved = |it: &Alert| it.resolves.map(|id| all.iter().any(|of| of.id == id));
    let mut told: Vec<_> = all
        .iter()
        .map(|it| {
            let after = format!("{} {:?}", it.after, resolved(it));
            let kind = it.kind.name().to_owned();
            [it.at.rfc3339(), kind, it.mac.clone(), it.before.clone(), after, it.evidence.clone()]
        })
        .collect();
    told.sort_unstable();
    told
}

#[test]
fn a_week_that_is_read_tells_the_silences_of_one_that_is_listened_to() {
    let listened = told_by(|minute| minute);
    let short = |it: &[String; 6]| format!("{} {} {}", &it[0][8..16], it[1], &it[2][15..]);
    let shown: Vec<_> = listened.iter().map(short).collect();
    assert_eq!(
        shown,
        [
            "03T16:00 silent_device c8",
            "04T02:00 silent_device cb",
            "04T02:30 device_back cb",
            "04T03:03 device_back c8",
            "04T12:00 silent_device c9",
            // Its silence before was of 35 hours.
            "07T18:00 silent_device c8",
            "07T20:03 device_back c8",
        ],
        "{listened:#?}"
    );
    for (name, minutes) in [("an hour", 60), ("half a day", 720), ("a day", 1440)] {
        assert_eq!(told_by(|minute| minute / minutes), listened, "{name} at once");
    }
    // The first hour, and the rest of the week at once.
    assert_eq!(told_by(|minute| i64::from(minute >= 60)), listened);
}

fn brought(frames: u64, lost: u64) -> Health {
    let mut health = Health { observed: 1, ..Health::default() };
    (health.counts[0], health.counts[2]) = (frames, lost);
    health
}

#[test]
fn loss_on_a_port() {
    let mut site = Site::new(policy());
    site.present([1], 0);
    site.publish();
    let note = |site: &mut Site, seconds: std::ops::Range<i64>, lost| {
        for second in seconds {
            site.writer.note(0, second, &brought(10_000, lost));
        }
        site.writer.append(&site.census, 0, &[]).unwrap();
        site.publish();
    };
    note(&mut site, 0..130, 0);
    note(&mut site, 130..250, 1);
    assert_eq!(site.kinds(), [], "one in ten thousand is below the alarm");
    note(&mut site, 250..430, 100);
    let alerts = site.alerts();
    assert_eq!(site.told(), [(Kind::CaptureLoss, "port".to_owned())], "{alerts:?}");
    assert_eq!((alerts[0].repeats, alerts[0].at), (2, Timestamp::new(240, 0)));
    assert!(alerts[0].summary.contains('%'), "{:?}", alerts[0]);
    let mut site = site.again(policy());
    note(&mut site, 430..700, 0);
    assert_eq!(site.alerts().len(), 1, "nothing is looked at twice");
    assert_eq!(site.alerts()[0].repeats, 3);
}

#[test]
fn nobody_listens() {
    let mut site = Site::new(policy());
    site.present([1], 0);
    site.publish();
    let note = |site: &mut Site, ports: &[u32], seconds: std::ops::Range<i64>| {
        for second in seconds {
            ports.iter().for_each(|port| site.writer.note(*port, second, &brought(1, 0)));
        }
        site.writer.append(&site.census, 0, &[]).unwrap();
        site.publish();
    };
    site.census.capture("other");
    note(&mut site, &[0, 1], 0..130);
    // The sensor stood still for less than is told, then for more.
    note(&mut site, &[0, 1], 400..500);
    assert_eq!(site.kinds(), []);
    let mut site = site.again(policy());
    note(&mut site, &[0, 1], 4000..4130);
    let told = site.alerts();
    assert_eq!(site.kinds(), [Kind::CaptureGap, Kind::CaptureGap], "{told:?}");
    assert!(told[0].summary.contains("58 minutes") && told[0].subject.starts_with("port 1970"));
    // One port goes away, and comes back.
    note(&mut site, &[0], 4130..4600);
    let told = site.alerts();
    assert_eq!((told.len(), &*told[2].before), (3, "1970-01-01T01:08:50+00:00"), "{told:?}");
    assert!(told[2].summary.starts_with("nobody listens on other"), "{told:?}");
    note(&mut site, &[0, 1], 4600..4800);
    let last = site.alerts().pop().unwrap();
    assert_eq!((last.id, last.resolves, last.severity), (4, Some(3), Severity::Info));
}
