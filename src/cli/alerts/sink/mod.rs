//! Hands alerts to one receiver. What is handed over counts only when the receiver has
//! taken it, as far as its protocol can say so.

mod file;
mod stream;
mod syslog;
mod webhook;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustls::ClientConfig;
use tracing::warn;

use super::receiver::{Place, Shape, Target};
use crate::cli::Failure;
use crate::store::Alert;
use crate::view::alert::{cef, json, syslog as rfc5424};

/// A receiver that answers nothing for so long has not taken it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a datagram may be long.
const DATAGRAM: usize = 8192;

/// Whether a receiver is there and will not have this, whatever is tried.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidInput
}

/// One receiver.
pub(super) struct Sink {
    target: Target,
    sensor: String,
    tls: Option<Arc<ClientConfig>>,
    /// It has ended a connection as its protocol wants it.
    closes: AtomicBool,
}

impl Sink {
    pub(super) fn new(target: Target, sensor: String) -> Result<Self, Failure> {
        let said = |why: String| Failure::Said(format!("{}: {why}", target.shown()));
        let tls = match target.is_tls() {
            true => Some(stream::config(target.ca.as_deref()).map_err(said)?),
            false => None,
        };
        Ok(Self { target, sensor, tls, closes: AtomicBool::new(false) })
    }

    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    /// Says at once where the file of a receiver cannot be written, not with its first alert.
    pub(super) fn look_ahead(&self) {
        if let Place::File(path) = &self.target.place
            && let Err(error) = file::can_append(path)
        {
            warn!(
                "{}: cannot be written ({error}); check its rights, and for the service \
                 `ReadWritePaths=`: it may write its state directory alone",
                self.target.shown()
            );
        }
    }

    /// How long it may turn out afterwards that what was handed over was not taken after
    /// all: a file that is synced and a server that says 200 have it; of a stream it is
    /// only known that it was read, of a datagram not even that.
    pub(super) const fn doubt(&self) -> Duration {
        match self.target.place {
            Place::Udp(_) | Place::Tcp { .. } => PATIENCE,
            Place::Web { .. } | Place::File(_) => Duration::ZERO,
        }
    }

    /// Hands over all of them, in order.
    pub(super) fn deliver(&self, alerts: &[Alert]) -> io::Result<()> {
        let lines = || -> Vec<String> { alerts.iter().map(|it| self.line(it)).collect() };
        match &self.target.place {
            Place::Udp(server) => {
                let lines: Vec<_> = alerts.iter().map(|it| self.short(it)).collect();
                syslog::datagrams(server, &lines)
            }
            Place::Tcp { server, .. } => {
                syslog::stream(server, (self.tls.as_ref(), &self.closes), &lines())
            }
            Place::File(path) => file::append(path, &lines()),
            Place::Web { server, path, .. } => {
                let body = webhook::body(alerts, &self.sensor);
                let request = webhook::request(&self.target, server, path, &body);
                webhook::post(server, self.tls.as_ref(), &request)
            }
        }
    }

    /// What fits into a datagram: its fields are cut, not what stands around them.
    fn short(&self, alert: &Alert) -> String {
        let mut line = self.line(alert);
        let mut alert = alert.clone();
        for most in [512, 128, 32] {
            if line.len() <= DATAGRAM {
                break;
            }
            for text in [
                &mut alert.label,
                &mut alert.subject,
                &mut alert.before,
                &mut alert.after,
                &mut alert.summary,
                &mut alert.evidence,
            ] {
                text.truncate(text.floor_char_boundary(most));
            }
            line = self.line(&alert);
        }
        line
    }

    fn line(&self, alert: &Alert) -> String {
        match self.target.shape {
            Shape::Syslog => rfc5424(alert, &self.sensor),
            Shape::Cef => cef(alert, &self.sensor),
            Shape::Json => json(alert, &self.sensor),
        }
    }
}
