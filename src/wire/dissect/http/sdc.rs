//! What a provider of IEEE 11073 SDC reports: whether it measures a patient. The values
//! stay unread.

use super::super::xml::{Event, Path, attribute};

/// Messages in which a provider reports what it measures (11073-10207 §6.8).
const REPORTS: [&str; 3] = ["EpisodicMetricReport", "PeriodicMetricReport", "WaveformStream"];

/// Whether this is the quality of a value that is a patient's: MetricQuality (11073-10207
/// §5.4.44) in a MetricValue of a report.
pub(super) fn is_measured(event: Event<'_>, path: &Path<'_>) -> bool {
    let Event::Open { name: "MetricQuality", attributes, .. } = event else { return false };
    let validity = attribute(attributes, "Validity").unwrap_or_default();
    let mode = attribute(attributes, "Mode");
    matches!(validity.as_ref(), "Vld" | "Vldated" | "Qst")
        && !matches!(mode.as_deref(), Some("Demo" | "Test"))
        && path.contains("Body")
        && path.contains("MetricValue")
        && REPORTS.iter().any(|name| path.contains(name))
}
