//! Truth files: hosts of a capture with what is true of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// One file of `truth/`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Truth {
    /// The capture, relative to the folder.
    capture: String,
    /// Present where addresses change hands: what `examples/churn` made besides.
    #[serde(default)]
    pub(crate) routers: Option<Vec<String>>,
    /// The hosts in it.
    pub(crate) hosts: Vec<Host>,
    /// Short name, for messages.
    #[serde(skip)]
    pub(crate) name: String,
    /// Where the capture was found.
    #[serde(skip)]
    pub(crate) path: PathBuf,
    /// The truth file itself.
    #[serde(skip)]
    pub(crate) file: PathBuf,
}

/// One host.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Host {
    /// Its own MAC; none where the capture shows only a router's, or none.
    pub(crate) mac: Option<String>,
    /// Its address.
    pub(crate) ip: Option<String>,
    /// What is true, by name.
    facts: BTreeMap<String, Value>,
    /// What a careless reader would conclude.
    #[serde(default)]
    pub(crate) must_not_conclude: Vec<String>,
}

impl Host {
    /// A fact as text; none when absent, null or empty.
    pub(crate) fn fact(&self, name: &str) -> Option<&str> {
        self.facts.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Whether the truth says that there is no such value.
    pub(crate) fn has_none(&self, name: &str) -> bool {
        self.facts.get(name).is_some_and(Value::is_null)
    }

    /// Address, or MAC where it has none.
    pub(crate) fn label(&self) -> &str {
        self.ip.as_deref().or(self.mac.as_deref()).unwrap_or("?")
    }
}

/// All truth files below a folder, by name, and what is wrong with the others.
pub(super) fn load(dir: &Path) -> (Vec<Truth>, Vec<String>) {
    let (mut truths, mut faults) = (Vec::new(), Vec::new());
    let listed = match fs::read_dir(dir.join("truth")) {
        Ok(listed) => listed,
        Err(error) => {
            return (truths, vec![format!("{}: {error}", dir.join("truth").display())]);
        }
    };
    let mut files: Vec<PathBuf> = listed
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    for file in files {
        match one(dir, &file) {
            Ok(truth) => truths.push(truth),
            Err(fault) => faults.push(format!("{}: {fault}", file.display())),
        }
    }
    (truths, faults)
}

fn one(dir: &Path, file: &Path) -> Result<Truth, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let mut truth: Truth = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    truth.path = find(dir, &truth.capture).ok_or("its capture is not there")?;
    truth.file = file.to_owned();
    truth.name = truth.capture.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(truth)
}

/// The capture below the folder, or below one that the folder is in; by its path or,
/// beside `truth/`, by its name.
fn find(dir: &Path, capture: &str) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    let name = Path::new(capture).file_name()?;
    dir.ancestors()
        .map(|above| above.join(capture))
        .chain([dir.join(name)])
        .find(|path| path.is_file())
}
