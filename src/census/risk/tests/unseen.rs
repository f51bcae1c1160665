//! What is not seen any more.

use super::*;

const SMB1: (&str, &str) = ("smb.dialect", "SMB1 NT LM 0.12");

impl Hospital {
    /// It is heard on these days after the first.
    fn is_there(&mut self, days: impl IntoIterator<Item = i64>) {
        for day in days {
            self.now = START + day * DAY;
            self.say(1, Observed::Present(Some(64)));
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
    // Others speak of it meanwhile, and name it.
    hospital.is_there([1, 2, 50]);
    for day in 51..63 {
        hospital.now = START + day * DAY;
        hospital.fact(("dns.name", "mr-1.hospital.example"));
    }
    assert_eq!(hospital.rules().0, ["smb1-server"]);
}

#[test]
fn other_signs_of_the_same_still_count_and_what_is_spoken_stays() {
    let mut hospital = Hospital::new();
    hospital.serves(104, "dicom");
    hospital.fact(("tls.version", "TLS 1.0"));
    hospital.fact(("smb.dialect", "SMB1 NT LANMAN 1.0"));
    hospital.is_there(1..=29);
    hospital.fact(SMB1);
    hospital.is_there(30..=40);
    let (found, _) = hospital.rules();
    let has = |rule: &str| found.iter().any(|it| it == rule);
    assert!(has("smb1-server") && has("unauthenticated-clinical"), "{found:?}");
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
