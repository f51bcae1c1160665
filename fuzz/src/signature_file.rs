//! Any text as a file of signatures, and any value as a fact. A file is taken or
//! refused with its faults; a question always has an answer, by one who was asked.
//!
//! Input: the file, a zero byte, the value.

use auscult::census::signature::{Book, Source};

/// Reads `input` as a file of signatures and asks them.
pub fn run(input: &[u8]) {
    let mut parts = input.splitn(2, |&b| b == 0).map(String::from_utf8_lossy);
    let file = parts.next().unwrap_or_default();
    let value = parts.next().unwrap_or_default();
    let name = if file.contains("[class") { "classes.toml" } else { "fuzz.toml" };
    match Book::from_sources(&[Source { name, text: &file }]) {
        Ok(book) => ask(&book, &value),
        Err(faults) => {
            assert!(!faults.0.is_empty(), "refused without a fault");
            let lines = file.split('\n').count();
            for fault in faults.0 {
                assert!(fault.line <= lines, "fault in line {} of {lines}", fault.line);
            }
        }
    }
}

fn ask(book: &Book, value: &str) {
    // Signatures of the file stand before the built-in ones, or took the place of one.
    for signature in book.iter().filter(|s| s.file == "fuzz.toml").take(64) {
        let others: Vec<_> = signature.when.iter().map(|(k, _)| (k.as_str(), value)).collect();
        for key in signature.keys.iter().take(8) {
            for value in [value, &signature.id, &signature.source] {
                if let Some(found) = book.matches(key, value, &others) {
                    assert!(found.signature.keys.contains(key), "answers what it is not asked");
                    for (name, _, confidence) in found.said() {
                        assert!((0.0..=1.0).contains(&confidence), "{name}: sure by {confidence}");
                    }
                }
            }
        }
    }
    for key in ["dicom.manufacturer", "http.user_agent", "mac.oui"] {
        let _ = book.matches(key, value, &[]);
    }
}
