//! Capture files into an inventory: `auscult read`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Worker;
use crate::census::Census;
use crate::census::activity::method::FILE_GAP;
use crate::census::asset::Tally;
use crate::store::{Error, Writer};
use crate::wire::capture::{Broken, File, Totals};

/// What was read so far is written this often, for views that look on; a capture that
/// was read in vain can be read again.
const WRITE_EVERY: Duration = Duration::from_secs(30);
/// Reading gets at least this many times as long as writing.
const READ_TIMES: u32 = 8;

/// Before the next file when the last write is at least this long ago (many small ones
/// are written together).
const WRITE_AFTER_FILE: Duration = Duration::from_secs(1);

/// Hears of progress and may ask to stop.
pub trait Watch {
    /// So many bytes of this file, frames and speakers in all; `Break` ends the reading.
    fn progress(&mut self, bytes: u64, frames: u64, hosts: usize) -> ControlFlow<()>;
}

/// Nobody watches.
impl Watch for () {
    fn progress(&mut self, _: u64, _: u64, _: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Reads captures one after the other into one inventory.
pub struct Reading {
    worker: Worker,
    census: Census,
    writer: Writer,
    counters: BTreeMap<(u32, String), u64>,
    before: BTreeMap<String, u64>,
    capture: u32,
    frames: u64,
    written: Instant,
    /// When it is written again.
    pause: Duration,
    /// What was last written.
    tally: Tally,
    /// The first write that failed: said at the end, after all was tried.
    failed: Option<Error>,
}

impl Reading {
    /// Into this inventory, with what the census knows already.
    #[must_use]
    pub fn new(census: Census, writer: Writer) -> Self {
        let mut worker = Worker::default();
        worker.name_users(census.keeps_users());
        Self {
            worker,
            census,
            writer,
            counters: BTreeMap::new(),
            before: BTreeMap::new(),
            capture: 0,
            frames: 0,
            written: Instant::now(),
            pause: WRITE_EVERY,
            tally: Tally::default(),
            failed: None,
        }
    }

    /// What is known so far.
    #[must_use]
    pub const fn census(&self) -> &Census {
        &self.census
    }

    /// Counters of all captures together.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<&str, u64> {
        let mut all = BTreeMap::new();
        for ((_, name), n) in &self.counters {
            *all.entry(name.as_str()).or_insert(0) += n;
        }
        all
    }

    /// Reads one capture to its end, or to where it breaks.
    ///
    /// # Errors
    /// Where and why the capture is broken; everything before is in the census.
    pub fn file(
        &mut self,
        path: &Path,
        file: File,
        watch: &mut dyn Watch,
    ) -> Result<Totals, Broken> {
        // A file that is done is kept, whatever comes with the next one. After the last
        // one everything is written anyway.
        if self.frames > 0 && self.written.elapsed() >= self.pause.min(WRITE_AFTER_FILE) {
            self.write();
        }
        let name = path.file_name().map_or_else(|| path.to_string_lossy(), |n| n.to_string_lossy());
        self.capture = self.census.capture(if name == "-" { "standard input" } else { &name });
        let mut first = true;
        let mut minute = None;
        let result = file.run(&mut |frames, bytes| {
            // Who records for a while between two frames has seen that there were none.
            for now in frames.iter().map(|frame| frame.at.minute()) {
                if minute != Some(now) {
                    if minute.is_none() {
                        self.census.seam(now);
                    }
                    let gap = minute.map_or(0, |before| now.saturating_sub(before));
                    let from = if (1..=FILE_GAP).contains(&gap) { now - gap } else { now };
                    self.census.watched(from, now.saturating_add(1));
                    minute = Some(now);
                }
            }
            if let (true, Some(frame)) = (std::mem::take(&mut first), frames.first()) {
                self.worker.turn_to(frame.at);
            }
            self.worker.read(frames);
            self.frames += u64::try_from(frames.len()).unwrap_or(0);
            self.take_in();
            if self.written.elapsed() >= self.pause {
                self.write();
            }
            watch.progress(bytes, self.frames, self.census.len())
        });
        if let Some(last) = minute {
            self.census.seam(last);
        }
        self.count();
        result
    }

    /// Moves observations from the wire to the census.
    fn take_in(&mut self) {
        self.census.apply_all(self.capture, self.worker.observed());
    }

    /// What this capture added to the counters.
    fn count(&mut self) {
        let now = self.worker.counters();
        for (name, n) in &now {
            let added = n.saturating_sub(self.before.get(name).copied().unwrap_or(0));
            if added > 0 {
                *self.counters.entry((self.capture, name.clone())).or_insert(0) += added;
            }
        }
        self.before = now;
        let (uncounted, untimely) = self.census.uncounted();
        for (name, n) in [
            ("hosts.refused", self.census.refused()),
            ("facts.refused", self.census.overflow()),
            ("activity.refused", uncounted),
            ("activity.untimely", untimely),
        ] {
            if n > 0 {
                self.counters.insert((self.capture, name.to_owned()), n);
            }
        }
    }

    fn write(&mut self) {
        let begun = Instant::now();
        self.census.put_in_order();
        match self.writer.write(&mut self.census, &self.counters) {
            Ok(published) => self.tally = published.tally,
            Err(error) => {
                self.failed.get_or_insert(error);
            }
        }
        self.written = Instant::now();
        self.pause = begun.elapsed().saturating_mul(READ_TIMES).max(WRITE_EVERY);
    }

    /// Closes what is open and writes everything; what is known then, and how many
    /// devices of which kind that is.
    ///
    /// # Errors
    /// The inventory could not be written; what was written before is kept.
    pub fn finish(mut self) -> Result<(Census, Tally), Error> {
        self.worker.finish();
        self.take_in();
        self.count();
        self.worker.rest();
        self.failed = None;
        self.write();
        while self.failed.is_none() && self.writer.is_stale() {
            self.write();
        }
        match self.failed {
            Some(error) => Err(error),
            None => {
                self.writer.close();
                Ok((self.census, self.tally))
            }
        }
    }
}
