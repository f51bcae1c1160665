//! Lines at the end of a file.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{Access, OFlags, access};
use rustix::io::Errno;

/// Appends lines; they are on the disk afterwards, or none of them is. The file is opened
/// anew each time, so that it may be moved away.
pub(super) fn append(path: &Path, lines: &[String]) -> io::Result<()> {
    let is_other = std::fs::metadata(path).is_ok_and(|it| !it.is_file());
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o640);
    match is_other {
        // Nobody at the other end of a pipe is a failure, and not waited for.
        true => options.custom_flags(OFlags::NONBLOCK.bits().cast_signed()),
        false => options.read(true),
    };
    let mut file = options.open(path)?;
    let (end, is_file) = file.metadata().map(|it| (it.len(), it.is_file()))?;
    let mut text = String::new();
    if end > 0 && is_file {
        // A line that a crash has cut is ended, so that the next one stands for itself.
        file.seek(SeekFrom::Start(end.saturating_sub(1)))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let written = file.write_all(text.as_bytes()).and_then(|()| match is_file {
        true => file.sync_data(),
        false => file.flush(),
    });
    if written.is_err() && is_file {
        // Half a line of a full disk would be there twice.
        let _ = file.set_len(end);
    }
    written
}

/// Whether lines could be appended, without doing it.
pub(super) fn can_append(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match access(path, Access::WRITE_OK) {
        Err(Errno::NOENT) => Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_for_themselves() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alerts");
        let lines = ["a".to_owned(), "b".to_owned()];
        append(&path, &lines).unwrap();
        append(&path, &lines[1..]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\nb\n");
        std::fs::write(&path, "cu").unwrap();
        append(&path, &lines[..1]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "cu\na\n");
        assert!(append(Path::new("/dev/full"), &lines).is_err());
        let pipe = dir.path().join("pipe");
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, fifo, 0o600.into(), 0).unwrap();
        assert!(append(&pipe, &lines).is_err(), "nobody reads");
        assert!(append(&dir.path().join("no/alerts"), &lines).is_err());
        assert!(can_append(&path).is_ok() && can_append(&dir.path().join("new")).is_ok());
        assert!(std::fs::read(dir.path().join("new")).is_err(), "nothing was made");
        assert!(can_append(&dir.path().join("no/alerts")).is_err());
    }
}
