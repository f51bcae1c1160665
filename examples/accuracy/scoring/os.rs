//! Names of operating systems: what a text may mean.

use super::text::words;

/// Products, the longer first; what people write, and the name that counts.
const PRODUCTS: &[(&str, &str)] = &[
    ("windows server 2012 r2", "windows server 2012 r2"),
    ("windows server 2012", "windows server 2012"),
    ("windows server 2008 r2", "windows server 2008 r2"),
    ("windows server 2008", "windows server 2008"),
    ("windows server 2003 r2", "windows server 2003"),
    ("windows server 2003", "windows server 2003"),
    ("windows server 2016", "windows server 2016"),
    ("windows server 2019", "windows server 2019"),
    ("windows server 2022", "windows server 2022"),
    ("windows server 2025", "windows server 2025"),
    ("windows server", "windows server"),
    ("windows 2000", "windows 2000"),
    ("windows xp", "windows xp"),
    ("windows vista", "windows vista"),
    ("windows 7", "windows 7"),
    ("windows 8.1", "windows 8.1"),
    ("windows 8", "windows 8"),
    ("windows 10", "windows 10"),
    ("windows 11", "windows 11"),
    ("mac os x", "macos"),
    ("os x", "macos"),
    ("macos", "macos"),
    ("ipados", "ios"),
    ("ios", "ios"),
    ("android", "android"),
    ("debian", "debian"),
    ("ubuntu", "ubuntu"),
    ("qts", "qts"),
    ("red hat enterprise linux", "rhel"),
    ("centos", "centos"),
];

/// Families by a word in the name.
const FAMILIES: &[(&str, &str)] = &[
    ("windows", "windows"),
    ("macos", "apple"),
    ("mac os", "apple"),
    ("os x", "apple"),
    ("ios", "apple"),
    ("ipados", "apple"),
    ("apple", "apple"),
    ("android", "android"),
    ("linux", "linux"),
    ("unix", "linux"),
    ("debian", "linux"),
    ("ubuntu", "linux"),
    ("centos", "linux"),
    ("red hat", "linux"),
    ("fedora", "linux"),
    ("suse", "linux"),
    ("raspbian", "linux"),
    ("raspberry pi os", "linux"),
    ("alpine", "linux"),
    ("openwrt", "linux"),
    ("qts", "linux"),
    ("synology", "linux"),
    ("bsd", "bsd"),
];

/// One system that a text may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct System {
    /// The product; empty when only a family is named.
    pub(super) product: String,
    /// Service pack or release, in words; empty when not said.
    pub(super) version: String,
}

/// The family of a system.
pub(super) fn family(text: &str) -> Option<&'static str> {
    let text = format!(" {} ", text.to_lowercase().replace(['/', '(', ')', ','], " "));
    FAMILIES.iter().find(|(word, _)| text.contains(&format!(" {word}"))).map(|(_, f)| *f)
}

/// All systems that a text may mean: "Windows 7 SP1 (or 2008 R2 SP1)" is two.
pub(super) fn systems(text: &str) -> Vec<System> {
    // "…, build 19045 = Windows 10 22H2": what stands behind is what it means.
    let text = match text.split_once(" = ") {
        Some((before, after)) if !before.contains('(') => after,
        _ => text,
    };
    let text = text.replace("(or ", "/ ");
    let main = match text.split_once(" (") {
        Some((main, _)) => main,
        None => &text,
    };
    main.replace(" or ", " / ").split(" / ").map(one).filter(|s| !s.product.is_empty()).collect()
}

fn one(part: &str) -> System {
    let part = part.to_lowercase().replace(['(', ')', ','], " ");
    let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
    let part = match part.split(' ').next().unwrap_or_default() {
        "server" => format!("windows {part}"),
        "2003" | "2008" | "2012" | "2016" | "2019" => format!("windows server {part}"),
        "7" | "8" | "8.1" | "10" | "11" | "xp" | "vista" => format!("windows {part}"),
        _ => part,
    };
    let found = PRODUCTS.iter().find(|(name, _)| {
        part.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    let Some((name, product)) = found else {
        return System { product: String::new(), version: String::new() };
    };
    System { product: (*product).to_owned(), version: release(&part[name.len()..]) }
}

/// Service pack or release in what follows the product's name.
fn release(rest: &str) -> String {
    let kept: Vec<&str> = rest
        .split_whitespace()
        .filter(|word| word.chars().any(|c| c.is_ascii_digit()) && *word != "x64")
        .collect();
    if rest.contains("ltsc") || rest.contains("ltsb") {
        return ltsc(&kept.join(" ")).to_owned();
    }
    kept.first().map(|word| (*word).to_owned()).unwrap_or_default()
}

/// The release that a long-term edition is of.
fn ltsc(year: &str) -> &str {
    match year {
        "2015" => "1507",
        "2016" => "1607",
        "2019" => "1809",
        "2021" => "21h2",
        other => other,
    }
}

/// Releases of Windows 10 that one build number cannot tell apart.
const SINCE_2004: &[&str] = &["2004", "20h2", "21h1", "21h2", "22h2"];

/// Whether a claimed version is the true one, or one of its range (`20H1..22H2`).
pub(super) fn same_version(truth: &str, claim: &str) -> bool {
    let claim = claim.to_lowercase();
    if let Some((from, to)) = truth.split_once("..") {
        let at = |v: &str| {
            let v = if v == "20h1" { "2004" } else { v };
            SINCE_2004.iter().position(|known| *known == v)
        };
        let parts: Vec<_> = words(&claim).split(' ').filter_map(at).collect();
        return match (at(from), at(to)) {
            (Some(from), Some(to)) => {
                !parts.is_empty() && parts.iter().all(|p| (from..=to).contains(p))
            }
            _ => false,
        };
    }
    let (truth, claim) = (words(truth), words(&claim));
    // "10.15.7" is a "10.15"; the other way round it is vague, not wrong.
    truth == claim || claim.strip_prefix(&truth).is_some_and(|rest| rest.starts_with(' '))
}
