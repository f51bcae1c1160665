//! What each device does in a day, by its number: 1 in 50 images, 1 in 20 tells results,
//! 1 in 8 watches a patient, every other is a desk, the rest are things that are on.

use auscult::census::Census;
use auscult::net::{HostId, Mac, Segment};
use auscult::observe::{
    Arrival, Equipment, Key, Observation, Observed, Origin, Sign, Study, Use, When, Work,
};
use auscult::time::Timestamp;

/// Devices of a segment.
const IN_SEGMENT: u32 = 100;

struct Speaker<'c> {
    census: &'c mut Census,
    host: HostId,
}

impl Speaker<'_> {
    fn say(&mut self, minute: i64, what: Observed<'static>) {
        let at = Timestamp::new(minute * 60, 0);
        self.census.apply(0, Observation { at, frame: 1, host: self.host, what });
    }

    fn is(&mut self, minute: i64, facts: &[(&'static str, String)]) {
        for (key, value) in facts {
            self.say(minute, Observed::Fact(Key::new(key), value.clone().into()));
        }
    }

    fn booted(&mut self, minute: i64, said: i64, sign: Sign) {
        self.say(said, Observed::Booted(Timestamp::new(minute * 60, 0), sign));
    }

    fn used(&mut self, minute: i64, work: Work, study: u64) {
        let study = Study(study);
        self.say(minute, Observed::Use(Use { work, study, step: study, when: When::Now }));
    }
}

/// A number that is the same in every run.
fn lot(seed: u64) -> u64 {
    let mut n = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
    for shift in [30, 27, 31] {
        n = (n ^ (n >> shift)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    n ^ (n >> 29)
}

/// One day that begins with this minute.
pub(crate) fn day(census: &mut Census, n: u32, base: i64) {
    let [_, b, c, d] = n.to_be_bytes();
    let vlan = u16::try_from(n / IN_SEGMENT % 4000 + 2).unwrap_or(1);
    let segment = Segment { vlan, ..Segment::default() };
    let mac = Some(Mac([0, 9, 0xfb, b, c, d]));
    let host = HostId { segment, mac, ip: Some([10, b, c, d].into()) };
    let seed = u64::from(n) << 32 | u64::try_from(base / 1440).unwrap_or(0);
    let some = |of: u64, most: u64| i64::try_from(lot(seed ^ (of << 48)) % most).unwrap_or(0);
    // Mondays are 4 days after the first of the count.
    let weekend = (base / 1440 + 3) % 7 >= 5;
    let mut it = Speaker { census, host };
    match n {
        _ if n.is_multiple_of(50) => {
            let facts = [
                ("dicom.manufacturer", "TOSHIBA".to_owned()),
                ("dicom.model", "Aquilion ONE".to_owned()),
                ("dicom.modality", "CT".to_owned()),
                ("dicom.serial", format!("K{:06}", n + 1000)),
                ("dicom.station_ae", format!("CT{n}")),
                ("dicom.calling_ae", format!("CT{n}")),
            ];
            let facts = facts.into_iter().map(|(k, v)| (Key::new(k), v.into())).collect();
            it.census.was_present(host, base, base + 1440);
            // Started anew on Mondays, and its agent tells since when it runs.
            let monday = base - (base / 1440 + 3) % 7 * 1440;
            it.booted(monday, base + 5, Sign::Snmp);
            it.say(base, Observed::Equipment(Equipment { origin: Origin::Creator, facts }));
            it.is(base, &[("dicom.scu", "1.2.840.10008.5.1.4.31".to_owned())]);
            let exams = if weekend { 4 } else { 20 + some(1, 10) };
            for exam in 0..exams {
                let begin = base + 30 + exam * 22 + some(2, 5);
                let study = lot(seed ^ (u64::try_from(exam).unwrap_or(0) << 40));
                it.used(begin, Work::StepBegun, study);
                it.used(begin + 8 + some(3, 10), Work::StepEnded, study);
            }
        }
        _ if n.is_multiple_of(20) => {
            it.census.was_present(host, base, base + 1440);
            it.is(base, &[("astm.sender", "c311^1".to_owned())]);
            for minute in (0..600).step_by(3) {
                it.used(base + minute + some(4, 2), Work::Result, 0);
            }
        }
        _ if n.is_multiple_of(8) => {
            it.census.was_present(host, base, base + 1440);
            it.is(base, &[("wsd.sdc_model", "CARESCAPE B650".to_owned())]);
            let stays = 300 + some(5, 900);
            for minute in 0..stays {
                it.used(base + minute, Work::Vitals, 0);
            }
        }
        _ if n % 2 == 1 => {
            // At a desk: started in the morning, on in the day with pauses, and asleep.
            if weekend && n % 4 == 1 {
                return;
            }
            // Every third is a Mac, of the others half no longer supported.
            let build = if n % 4 == 1 { "10.0.19045" } else { "6.1.7601" };
            match n % 3 {
                0 => it.is(base, &[("mdns.model", "iMac11,3".to_owned())]),
                _ => it.is(
                    base,
                    &[
                        ("dhcp.hostname", format!("PC{n}")),
                        ("dhcp.vendor_class", "MSFT 5.0".to_owned()),
                        ("ntlm.version", build.to_owned()),
                    ],
                ),
            }
            let mut at = base + some(6, 60);
            for done in [Arrival::Dhcp, Arrival::ArpProbe] {
                it.say(at, Observed::Arrives(done));
            }
            // One in three is asked for files, and says since when it runs.
            if n.is_multiple_of(3) {
                it.booted(at, at + 2, Sign::Smb);
            }
            while at < base + 620 {
                let on = 20 + some(u64::try_from(at & 0xff).unwrap_or(0), 90);
                it.census.was_present(host, at, at + on);
                it.used(at, Work::Session, 0);
                it.used(at + on - 1, Work::Session, 0);
                at += on + 1 + some(7, 15);
            }
        }
        _ if n.is_multiple_of(3) => {
            // Something that says a word every few minutes.
            let mut at = base;
            while at < base + 1440 {
                it.census.was_present(host, at, at + 1);
                at += 3 + some(u64::try_from(at & 0xff).unwrap_or(0), 5);
            }
        }
        _ => it.census.was_present(host, base, base + 1440),
    }
}
