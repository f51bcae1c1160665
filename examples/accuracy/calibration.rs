//! Whether a confidence means what it says: of all values that the register shows and
//! the truth can judge, how many are right at each confidence.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::scoring::{Finding, Score, Verdict};

/// Least confidence of a band, and the share that should be right in it.
const BANDS: &[(f64, &str, Option<f64>)] = &[
    (0.9, "0.9-1.0", Some(0.98)),
    (0.8, "0.8-0.9", None),
    (0.6, "0.6-0.8", None),
    (0.4, "0.4-0.6", None),
];
/// Counted from frames, not inferred: these have no confidence worth the name.
const COUNTED: &[&str] = &["services", "mac_vendor"];

/// Right, vague and wrong in one band.
#[derive(Clone, Copy, Default)]
pub(crate) struct Band {
    right: u32,
    vague: u32,
    wrong: u32,
}

impl Band {
    /// Right of right and wrong.
    fn share(self) -> Option<f64> {
        let all = self.right + self.wrong;
        (all > 0).then(|| f64::from(self.right) / f64::from(all))
    }
}

/// The bands over all these scores.
pub(crate) fn bands(scores: &[&Score]) -> Vec<Band> {
    let mut bands = vec![Band::default(); BANDS.len()];
    for score in scores {
        // A family is judged only where the product is not.
        let judged: BTreeSet<&str> = score
            .findings
            .iter()
            .filter(|f| f.field == "os_name" && f.verdict != Verdict::Unjudged)
            .map(|f| f.host.as_str())
            .collect();
        let counts = |f: &&Finding| match f.field {
            "os_family" => !judged.contains(f.host.as_str()),
            field => !COUNTED.contains(&field),
        };
        for finding in score.findings.iter().filter(counts) {
            let Some(sure) = finding.confidence else { continue };
            let band = BANDS.iter().position(|(least, ..)| sure >= least - 1e-6);
            let Some(band) = band.and_then(|at| bands.get_mut(at)) else { continue };
            match finding.verdict {
                Verdict::Right => band.right += 1,
                Verdict::Vague => band.vague += 1,
                Verdict::Wrong => band.wrong += 1,
                Verdict::Missing | Verdict::Unjudged => {}
            }
        }
    }
    bands
}

/// The table.
pub(crate) fn text(bands: &[Band], to: &mut impl Write) -> io::Result<()> {
    writeln!(
        to,
        "\n{:<17} {:>7} {:>7} {:>7} {:>8}",
        "confidence", "right", "vague", "wrong", "right"
    )?;
    for (band, (_, name, aim)) in bands.iter().zip(BANDS) {
        let share = band.share().map_or_else(|| "-".to_owned(), |s| format!("{:.1} %", 100.0 * s));
        let aim = aim.map(|a| format!("  (aim {:.0} %)", 100.0 * a)).unwrap_or_default();
        let Band { right, vague, wrong } = band;
        writeln!(to, "{name:<17} {right:>7} {vague:>7} {wrong:>7} {share:>8}{aim}")?;
    }
    Ok(())
}

/// For programs.
pub(crate) fn json(bands: &[Band]) -> Value {
    let rows = bands.iter().zip(BANDS).map(|(b, (_, name, _))| {
        let row =
            json!({ "right": b.right, "vague": b.vague, "wrong": b.wrong, "share": b.share() });
        ((*name).to_owned(), row)
    });
    Value::Object(rows.collect())
}
