//! What is said on standard error: lines for people, lines with a level for the journal of
//! systemd, or an object a line. Only this layer says anything, never once per packet, and
//! the same thing only a few times a minute.

use std::collections::HashMap;
use std::fmt::{Debug, Write as _};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::printable;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Lines for people
    Text,
    /// Lines that begin with their level, as systemd's journal takes them
    Journald,
    /// One JSON object a line
    Json,
}

/// The same thing is said so often within [`A_WHILE`], then counted.
const OFTEN: u32 = 4;
const A_WHILE: Duration = Duration::from_secs(60);
/// Different things remembered to have been said.
const REMEMBERED: usize = 256;

static LINES: OnceLock<&'static Lines> = OnceLock::new();

/// Takes over what is said from now on; `most` is the least important level.
pub(super) fn begin(format: Option<Format>, most: Level) {
    let format = format.unwrap_or(if is_journal() { Format::Journald } else { Format::Text });
    let lines: &'static Lines = LINES.get_or_init(|| {
        Box::leak(Box::new(Lines { format, most, said: Mutex::new(Said::default()) }))
    });
    // Only the first of a process counts.
    let _ = tracing::subscriber::set_global_default(lines);
}

/// Says how often things were left unsaid whose while is over; of all, at the `end`.
pub(super) fn catch_up(end: bool) {
    let Some(lines) = LINES.get() else { return };
    let over = lines.said.lock().unwrap_or_else(PoisonError::into_inner).over(Instant::now(), end);
    for (level, message, times) in over {
        let message = format!("{message} ({times} times more)");
        lines.write(&Line { level, message, fields: Map::new() });
    }
}

/// What was asked for is not understood, in the words of who reads arguments. Where it goes
/// to the journal its lines have their level; otherwise this is false, and it is yet to be said.
pub(super) fn misunderstood(why: &str) -> bool {
    let is_for_journal = is_journal();
    if is_for_journal {
        begin(Some(Format::Journald), Level::ERROR);
        answer(Level::ERROR, why);
    }
    is_for_journal
}

/// Text of several lines that is the answer of a command, such as a summary.
pub(super) fn answer(level: Level, text: &str) {
    let Some(lines) = LINES.get() else { return };
    for line in text.lines().filter(|line| !line.is_empty()) {
        match lines.format {
            Format::Text => {
                let _ = writeln!(io::stderr(), "{line}");
            }
            _ => lines.write(&Line { level, message: line.to_owned(), fields: Map::new() }),
        }
    }
}

/// Whether standard error goes to systemd's journal, which `JOURNAL_STREAM` names by
/// device and inode (systemd.exec(5)).
fn is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let of = |(device, inode): (&str, &str)| Some((device.parse().ok()?, inode.parse().ok()?));
    let named: Option<(u64, u64)> = stream.split_once(':').and_then(of);
    let own = std::fs::metadata("/proc/self/fd/2").map(|file| (file.dev(), file.ino())).ok();
    named.is_some() && named == own
}

/// The one subscriber.
struct Lines {
    format: Format,
    most: Level,
    said: Mutex<Said>,
}

/// One line to be said.
struct Line {
    level: Level,
    message: String,
    fields: Map<String, Value>,
}

impl Line {
    fn shown(&self, format: Format) -> String {
        let message = printable(&self.message);
        let (name, number) = match self.level {
            Level::ERROR => ("error", 3),
            Level::WARN => ("warning", 4),
            Level::INFO => ("info", 6),
            _ => ("debug", 7),
        };
        match format {
            Format::Text => format!("auscult: {message}\n"),
            // The journal knows whose line it is.
            Format::Journald => format!("<{number}>{message}\n"),
            Format::Json => {
                let mut object = Map::new();
                object.insert("time".to_owned(), jiff::Timestamp::now().to_string().into());
                object.insert("level".to_owned(), name.into());
                object.insert("message".to_owned(), message.into());
                object.extend(self.fields.clone());
                format!("{}\n", Value::Object(object))
            }
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            self.fields.insert(field.name().to_owned(), printable(&format!("{value:?}")).into());
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.insert(field.name().to_owned(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name().to_owned(), printable(value).into());
    }
}

impl Lines {
    fn write(&self, line: &Line) {
        // Whoever reads it may be gone.
        let _ = io::stderr().write_all(line.shown(self.format).as_bytes());
    }
}

impl Subscriber for &'static Lines {
    fn enabled(&self, about: &Metadata<'_>) -> bool {
        about.is_event() && about.target().starts_with("auscult") && *about.level() <= self.most
    }

    fn event(&self, event: &Event<'_>) {
        let level = *event.metadata().level();
        let mut line = Line { level, message: String::new(), fields: Map::new() };
        event.record(&mut line);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_said = said.again(&line, Instant::now());
        drop(said);
        if is_said {
            self.write(&line);
        }
    }

    // No spans here.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What was said within the last while.
#[derive(Default)]
struct Said(HashMap<String, Times>);

struct Times {
    first: Instant,
    level: Level,
    said: u32,
    unsaid: u64,
}

impl Said {
    /// Whether to say this now.
    fn again(&mut self, line: &Line, now: Instant) -> bool {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&line.message) {
            self.0.retain(|_, times| now.saturating_duration_since(times.first) < A_WHILE);
            // So much that differs: better once too often than not at all.
            if self.0.len() >= REMEMBERED {
                return true;
            }
        }
        let begin = Times { first: now, level: line.level, said: 0, unsaid: 0 };
        let times = self.0.entry(line.message.clone()).or_insert(begin);
        if times.unsaid == 0 && now.saturating_duration_since(times.first) >= A_WHILE {
            (times.first, times.said) = (now, 0);
        }
        if times.said < OFTEN {
            times.said += 1;
            return true;
        }
        times.unsaid += 1;
        false
    }

    /// What was left unsaid in a while that is over.
    fn over(&mut self, now: Instant, end: bool) -> Vec<(Level, String, u64)> {
        let mut over = Vec::new();
        self.0.retain(|message, times| {
            let is_over = end || now.saturating_duration_since(times.first) >= A_WHILE;
            if is_over && times.unsaid > 0 {
                over.push((times.level, message.clone(), times.unsaid));
            }
            !is_over
        });
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> Line {
        Line { level: Level::WARN, message: message.to_owned(), fields: Map::new() }
    }

    #[test]
    fn the_same_is_said_a_few_times_and_then_counted() {
        let (mut said, now) = (Said::default(), Instant::now());
        let times = (0..100).filter(|_| said.again(&line("disk full"), now)).count();
        assert_eq!(times, usize::try_from(OFTEN).unwrap());
        assert!(said.again(&line("another thing"), now));
        assert!(said.over(now, false).is_empty());
        let later = now + A_WHILE;
        assert_eq!(said.over(later, false), [(Level::WARN, "disk full".to_owned(), 96)]);
        assert!(said.again(&line("disk full"), later), "and then said again");
        assert!(said.over(later, true).is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut said, now) = (Said::default(), Instant::now());
        assert!((0..10_000).all(|n| said.again(&line(&n.to_string()), now)));
        assert!(said.0.len() <= REMEMBERED);
    }

    #[test]
    fn every_format_is_one_line_whatever_is_in_it() {
        let nasty = line("eth0: \x1b[31mred\u{202e}\nsecond");
        for format in [Format::Text, Format::Journald, Format::Json] {
            let shown = nasty.shown(format);
            assert!(shown.ends_with('\n') && shown.lines().count() == 1, "{shown}");
            assert!(!shown.contains('\x1b') && !shown.contains('\u{202e}'), "{shown}");
        }
        assert!(nasty.shown(Format::Text).starts_with("auscult: eth0: "));
        assert!(nasty.shown(Format::Journald).starts_with("<4>eth0: "));
        let object: Value = serde_json::from_str(&nasty.shown(Format::Json)).unwrap();
        assert_eq!(object["level"], "warning");
    }
}
