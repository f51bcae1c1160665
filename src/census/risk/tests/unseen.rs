//! What is not seen any more.

use super::*;

const SMB1: (&str, &str) = ("smb.dialect", "SMB1 NT LM 0.12");

impl Hospital {
    /// It talks with another on these days after the first.
    fn is_there(&mut self, days: impl IntoIterator<Item = i64>) {
        for day in days {
            self.now = START + day * DAY;
            self.meets(9);
        }
    }

    fn rules(&self) -> (Vec<String>, Vec<(String, u32)>) {
        let it = self.assessment();
        let unseen = it.unseen.into_iter().map(|it| (it.rule, it.days));
        (it.findings.into_iter().map(|it| it.rule).collect(), unseen.collect())
    }
}

#[test]
fn what_was_not_seen_on_thirty_days_on_which_it_was_heard_does_not_count() {
    let mut hospital = Hospital::new();
    hospital.fact(SMB1);
    hospital.is_there(1..=29);
    assert_eq!(hospital.rules(), (vec!["smb1-server".to_owned()], Vec::new()));
    let before = hospital.assessment();
    hospital.is_there([30]);
    assert_eq!(hospital.rules(), (Vec::new(), vec![("smb1-server".to_owned(), 30)]));
    let it = hospital.assessment();
    assert!(before.score > 0.0 && it.score == 0.0, "{} {}", before.score, it.score);
    assert_eq!(it.unseen[0].last.seconds(), START + 2);
    // It is back.
    hospital.fact(SMB1);
    assert_eq!(hospital.rules(), (vec!["smb1-server".to_owned()], Vec::new()));
}

#[test]
fn who_was_not_heard_has_mended_nothing() {
    let mut hospital = Hospital::new();
    hospital.fact(SMB1);
    // Others speak of it meanwhile, and it is woken to say no more than that it is there.
    hospital.is_there([1, 2, 50]);
    for day in 3..50 {
        hospital.now = START + day * DAY;
        hospital.fact(("dns.name", "mr-1.hospital.example"));
        hospital.say(1, Observed::Present(Some(64)));
        hospital.say(1, Observed::Address([10, 0, 1, 1].into(), Lease::Arp));
    }
    assert_eq!(hospital.rules().0, ["smb1-server"]);
}

#[test]
fn the_worst_case_still_fears_it_unless_it_is_accepted() {
    let worst = |accepted: bool| {
        let mut hospital = Hospital::new();
        hospital.fact(MRI);
        hospital.fact(SMB1);
        if accepted {
            let mut book = RiskBook::builtin().clone();
            let text = "[[accepted]]\nrule = 'smb1-server'\nclass = 'mri'\nby = 'x'\n\
                        until = '2099-01-01'\nreason = 'y'\n";
            book.accepted = Accepted::parse(text, &book).expect("understood");
            hospital.census.judge_by(book);
        }
        let before = hospital.assessment();
        hospital.is_there(1..=30);
        let after = hospital.assessment();
        let says = after.assumed.iter().any(|it| it.contains("not seen any more"));
        (before.worst - after.worst, says, after.unseen.len())
    };
    assert_eq!(worst(false), (0.0, true, 1));
    assert_eq!(worst(true), (0.0, false, 0));
}

#[test]
fn a_certificate_that_was_replaced_in_time_never_ran_out() {
    // START is 2026-11-22.
    let rules = |last_shown: i64| {
        let mut hospital = Hospital::new();
        for day in [0, last_shown] {
            hospital.now = START + day * DAY;
            hospital.fact(("tls.cert_not_after", "2026-12-01"));
        }
        hospital.is_there(20..=24);
        let early = hospital.rules();
        hospital.is_there(25..=60);
        (early.0, hospital.rules().1.len())
    };
    assert_eq!(rules(5), (Vec::new(), 0));
    assert_eq!(rules(12), (vec!["certificate-expired".to_owned()], 1));
}

#[test]
fn other_signs_of_the_same_still_count_and_what_is_spoken_stays() {
    let mut hospital = Hospital::new();
    hospital.serves(104, "dicom");
    hospital.fact(("http.api", "fhir"));
    hospital.fact(("smb.dialect", "SMB1 NT LANMAN 1.0"));
    hospital.is_there(1..=29);
    hospital.fact(SMB1);
    hospital.is_there(30..=40);
    let (found, _) = hospital.rules();
    let has = |rule: &str| found.iter().any(|it| it == rule);
    assert!(has("smb1-server") && has("unauthenticated-clinical"), "{found:?}");
    assert!(has("cleartext-phi"), "{found:?}");
    let evidence = &hospital.assessment().findings;
    let smb = evidence.iter().find(|it| it.rule == "smb1-server").unwrap();
    assert_eq!(smb.evidence.len(), 2, "it is one exposure");
}

#[test]
fn a_site_says_how_long_it_waits() {
    let after = |days: u32, heard: i64| {
        let mut hospital = Hospital::new();
        hospital.fact(SMB1);
        hospital.is_there(1..=heard);
        let mut book = RiskBook::builtin().clone();
        book.limits.unseen_days = days;
        hospital.census.judge_by(book);
        hospital.rules().0.len()
    };
    assert_eq!([after(7, 6), after(7, 7), after(0, 200), after(63, 200)], [1, 0, 1, 0]);
}
