//! The only part that touches files: the overlay directory.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::{BookError, Fault};

/// Files of one directory that are read; more is not a signature folder.
const MAX_FILES: usize = 1024;
/// Bytes of one file: all built-in files together stay well below.
const MAX_BYTES: u64 = 4 << 20;

/// Names and texts of the `*.toml` files of a directory, sorted by name.
pub(in crate::census) fn directory(path: &Path) -> Result<Vec<(String, String)>, BookError> {
    let fault = |file: &str, what: String| {
        BookError(vec![Fault { file: file.to_owned(), line: 0, id: String::new(), what }])
    };
    let shown = path.display().to_string();
    let entries = fs::read_dir(path).map_err(|e| fault(&shown, e.to_string()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| fault(&shown, e.to_string()))?.file_name();
        if let Some(name) = name.to_str().filter(|n| n.ends_with(".toml") && !n.starts_with('.')) {
            names.push(name.to_owned());
        }
        if names.len() > MAX_FILES {
            return Err(fault(&shown, format!("more than {MAX_FILES} files")));
        }
    }
    names.sort_unstable();
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let mut text = String::new();
        File::open(path.join(&name))
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
            .map_err(|e| fault(&name, e.to_string()))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(fault(&name, format!("longer than {MAX_BYTES} bytes")));
        }
        files.push((name, text));
    }
    Ok(files)
}
