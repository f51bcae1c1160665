//! Names of makers: one company under many spellings.

use super::text::words;

/// Words that say what kind of company it is.
const FORMS: &[&str] = &[
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "corporate",
    "co",
    "company",
    "ltd",
    "limited",
    "gmbh",
    "ag",
    "kk",
    "kg",
    "llc",
    "bv",
    "sa",
    "oy",
    "ab",
    "as",
    "plc",
    "the",
    "headquarters",
    "international",
    "electronics",
    "technology",
    "technologies",
    "systems",
    "networks",
];

/// Spellings of one company, the first word that tells it apart.
const ALIASES: &[&[&str]] = &[
    &["hp", "hewlett packard", "hewlett packard enterprise"],
    &["hmd", "nokia", "hmd global"],
    &["lg", "lg mobile communications"],
    &["siemens", "siemens healthcare", "siemens healthineers", "siemens healthcare diagnostics"],
    &["philips", "philips medical", "philips patient monitoring", "philips healthcare"],
    &["fujifilm", "fuji photo film", "fujifilm healthcare"],
    &["canon medical", "toshiba medical", "canon mec", "toshiba mec"],
    &["ge", "ge healthcare", "ge medical"],
    &["icu medical", "hospira"],
    &["qnap", "icp"],
    &["pcs", "pcs systemtechnik", "pcs computer"],
    &["smc"],
    &["raspberry pi", "raspberry pi foundation", "raspberry pi trading"],
];

/// Words without the forms of companies.
fn core(name: &str) -> String {
    let all = words(name);
    let kept: Vec<_> = all.split(' ').filter(|word| !FORMS.contains(word)).collect();
    if kept.is_empty() { all } else { kept.join(" ") }
}

/// Whether two names are of one company: the same words, one the start of the
/// other, or known spellings.
pub(super) fn same(a: &str, b: &str) -> bool {
    let (a, b) = (core(a), core(b));
    let starts = |long: &str, short: &str| {
        long == short || long.strip_prefix(short).is_some_and(|rest| rest.starts_with(' '))
    };
    let alias = |name: &str, known: &&[&str]| known.iter().any(|k| starts(name, k));
    starts(&a, &b)
        || starts(&b, &a)
        || ALIASES.iter().any(|known| alias(&a, known) && alias(&b, known))
}
