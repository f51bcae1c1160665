//! Those who flood an inventory with news.

use super::*;

#[test]
fn forged_times_get_no_further_than_a_publication_lets_them() {
    let mut site = Site::new(Policy { per_minute: 10, per_publication: 20, ..policy() });
    site.present([1], 0);
    site.publish();
    // Each in a minute of its own, some of them of another century.
    for n in 2..190 {
        let minute = i64::from(n) * if n % 2 == 0 { 1 } else { 1_000_000 };
        site.present([n], minute * 60);
    }
    site.publish();
    let alerts = site.alerts();
    assert_eq!(alerts.len(), 21);
    let more = &alerts[20];
    assert_eq!((more.kind, &*more.subject, &*more.after), (Kind::NewDevice, "more", "168"));
    assert!(more.summary.contains("168 more"), "{more:?}");
    // The next publication begins anew; another kind was never held back.
    site.present([190], 200 * 60);
    site.say(1, 200 * 60, serves(80, "http"));
    site.publish();
    let kinds = site.kinds();
    assert_eq!(kinds[21..].len(), 2, "{kinds:?}");
    assert!(kinds[21..].contains(&Kind::NewDevice) && kinds[21..].contains(&Kind::NewService));
}
