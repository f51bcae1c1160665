//! Nothing that the register says of the committed captures may be wrong.

#[path = "../examples/accuracy/scoring/mod.rs"]
mod scoring;

use std::path::Path;

use scoring::{Score, Verdict};

#[test]
fn the_register_is_right_about_the_lab() {
    let mut score = Score::default();
    let moving = score.folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/lab"));
    assert!(moving.is_empty());
    assert!(score.faults.is_empty(), "{:?}", score.faults);
    assert!(score.files > 0 && score.hosts >= 20, "{} hosts", score.hosts);
    let wrong: Vec<String> = score
        .with(Verdict::Wrong)
        .into_iter()
        .map(|f| {
            let sure = f.confidence.unwrap_or_default();
            let (field, host, truth, claim, why) = (f.field, &f.host, &f.truth, &f.claim, &f.why);
            format!("{field} {host}: is {truth:?}, said {claim:?} at {sure:.2} ({why})")
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    // A register that says nothing is never wrong.
    for (field, least) in [("found", 0.9), ("os_build", 0.9), ("hostname", 0.8)] {
        let (_, count) = score.table().into_iter().find(|(name, _)| *name == field).unwrap();
        assert_eq!(count.precision(), Some(1.0), "{field}: {count:?}");
        assert!(count.recall().is_some_and(|r| r >= least), "{field}: {count:?}");
    }
}
