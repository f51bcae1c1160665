//! What holds of everything that leaves the wire, whatever went in.

use auscult::observe::text::{MAX_CHARS, is_printable};
use auscult::observe::{Key, Observation, Observed};
use auscult::wire::dissect::PROTOCOLS;
use auscult::wire::flow::{Engine, limits};

/// Conversations that the engines of the targets have room for.
pub const FLOWS: usize = 64;

/// Most that one conversation may hold: both directions, read and waiting.
const MAX_HELD: usize = 2 * (limits::MAX_BUFFER + limits::MAX_PENDING_BYTES);

fn text(what: &Observed<'_>, value: &str) {
    assert!(value.chars().all(is_printable), "unprintable: {what:?}");
    assert!(value.chars().count() <= MAX_CHARS, "long: {what:?}");
}

fn key(key: &Key) {
    assert!(PROTOCOLS.iter().any(|p| p.keys.contains(key)), "no protocol declares {key:?}");
}

/// Text is printable and short, keys are declared, somebody is spoken of.
pub fn of_observation(observation: &Observation) {
    let Observation { host, what, .. } = observation;
    assert!(host.mac.is_some() || host.ip.is_some(), "about nobody: {what:?}");
    assert!(host.mac.is_none_or(|mac| mac.is_unicast()), "about a group: {host:?}");
    match what {
        Observed::Fact(name, value) => {
            key(name);
            text(what, value);
            assert!(!value.is_empty(), "says nothing: {what:?}");
        }
        Observed::Attached(at) => {
            text(what, &at.switch);
            text(what, &at.port);
        }
        Observed::Equipment(it) => {
            assert!(!it.facts.is_empty(), "says nothing: {what:?}");
            for (name, value) in it.facts.iter() {
                key(name);
                text(what, value);
            }
        }
        Observed::Service(_, _, name, _) => text(what, name),
        Observed::Present(_)
        | Observed::Address(..)
        | Observed::Peer(_)
        | Observed::Use(_)
        | Observed::UseOf(..)
        | Observed::Booted(..)
        | Observed::Asks(..)
        | Observed::Tries(..)
        | Observed::Arrives(_) => {}
    }
}

/// Memory stays within what the limits say.
pub fn of_engine(engine: &Engine) {
    assert!(engine.flows() <= FLOWS, "{} flows", engine.flows());
    let bound = MAX_HELD * engine.flows();
    assert!(engine.held() <= bound, "holds {} bytes, may hold {bound}", engine.held());
}
