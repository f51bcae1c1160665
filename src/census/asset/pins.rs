//! What the site knows better: which cards and addresses are one device, and which are
//! not, whatever the wire says. A small file, read at the start and on SIGHUP.

use std::net::IpAddr;

use serde::Deserialize;

use super::identity::Identity;
use crate::net::Mac;

/// The file cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum BadPins {
    /// Not the TOML that it should be.
    #[error("line {line}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// Neither a MAC nor an IP address.
    #[error("`{0}` is neither a MAC nor an IP address")]
    Device(String),
    /// One device alone is neither the same as nor apart from others.
    #[error("`devices = [{0:?}]` names fewer than two devices")]
    Alone(String),
    /// Both at once.
    #[error("{0} and {1} are said to be the same and apart")]
    Both(String, String),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    same: Vec<Statement>,
    #[serde(default)]
    apart: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    devices: Vec<String>,
    #[serde(default)]
    reason: String,
}

/// What is said of some devices, and why.
#[derive(Debug)]
pub(super) struct Pin {
    pub(super) of: Vec<Identity>,
    pub(super) reason: String,
}

/// Everything that the site says.
#[derive(Debug, Default)]
pub struct Pins {
    same: Vec<Pin>,
    apart: Vec<Pin>,
}

impl Pins {
    /// Reads `[[same]]` and `[[apart]]` blocks with `devices` (MACs, or IP addresses for
    /// those behind a router) and a `reason`.
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn parse(text: &str) -> Result<Self, BadPins> {
        let Text { same, apart } = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            BadPins::Syntax { line, message: error.message().to_owned() }
        })?;
        let read = |all: Vec<Statement>| all.into_iter().map(pin).collect::<Result<Vec<_>, _>>();
        let pins = Self { same: read(same)?, apart: read(apart)? };
        for one in pins.same.iter().flat_map(|pin| &pin.of) {
            let all = pins.same_as(one);
            if let Some(other) = all.iter().find(|other| pins.is_apart(one, other)) {
                return Err(BadPins::Both(one.to_string(), other.to_string()));
            }
        }
        Ok(pins)
    }

    /// Everything that is the same as this, by one statement or through several.
    fn same_as<'p>(&'p self, one: &'p Identity) -> Vec<&'p Identity> {
        let mut all = vec![one];
        let mut seen = 0;
        while let Some(next) = all.get(seen).copied() {
            seen += 1;
            for other in self.same.iter().filter(|pin| pin.of.contains(next)).flat_map(|it| &it.of)
            {
                if !all.contains(&other) {
                    all.push(other);
                }
            }
        }
        all.split_off(1)
    }

    /// Nothing is said.
    pub(super) const fn is_empty(&self) -> bool {
        self.same.is_empty() && self.apart.is_empty()
    }

    /// Every device of which something is said.
    pub(super) fn devices(&self) -> impl Iterator<Item = &Identity> {
        self.same.iter().chain(&self.apart).flat_map(|pin| &pin.of)
    }

    pub(super) fn same(&self) -> &[Pin] {
        &self.same
    }

    /// Whether any of these was said to be another device than any of those.
    pub(super) fn are_apart<'i>(
        &self,
        mut these: impl Iterator<Item = &'i Identity>,
        those: impl Iterator<Item = &'i Identity> + Clone,
    ) -> bool {
        !self.apart.is_empty()
            && these.any(|one| those.clone().any(|other| self.is_apart(one, other)))
    }

    fn is_apart(&self, one: &Identity, other: &Identity) -> bool {
        one != other && self.apart.iter().any(|pin| pin.of.contains(one) && pin.of.contains(other))
    }
}

fn pin(Statement { devices, reason }: Statement) -> Result<Pin, BadPins> {
    if devices.len() < 2 {
        return Err(BadPins::Alone(devices.concat()));
    }
    let of = devices.into_iter().map(|text| {
        let mac = text.parse().ok().filter(|mac: &Mac| mac.is_unicast()).map(Identity::Mac);
        let ip = |ip: IpAddr| Identity::Address { sensor: 0, vni: 0, ip, since: None };
        mac.or_else(|| text.parse().ok().map(ip)).ok_or(BadPins::Device(text))
    });
    Ok(Pin { of: of.collect::<Result<_, _>>()?, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_is_one_and_what_is_not() {
        let pins = Pins::parse(
            "[[same]]\ndevices = ['00:09:fb:05:93:22', '10.2.0.9']\nreason = 'two cards'\n
             [[apart]]\ndevices = ['00:09:fb:05:93:22', '00:09:fb:05:93:23']",
        )
        .unwrap();
        let of = &pins.same()[0].of;
        assert_eq!((of.len(), of[1].to_string()), (2, "ip:10.2.0.9".to_owned()));
        let other = [Identity::Mac("00:09:fb:05:93:23".parse().unwrap())];
        assert!(pins.are_apart(of.iter(), other.iter()));
        assert!(!pins.are_apart(other.iter(), other.iter()));
        assert!(Pins::parse("").unwrap().same().is_empty());
    }

    #[test]
    fn mistakes_are_said() {
        let fault = |text: &str| Pins::parse(text).unwrap_err().to_string();
        assert!(fault("\n[[sam]]\n").starts_with("line 2: "), "{}", fault("\n[[sam]]\n"));
        assert!(fault("[[same]]\ndevices = ['10.0.0.1']").contains("fewer than two"));
        assert!(fault("[[same]]\ndevices = ['10.0.0.1', 'ws-7']").contains("`ws-7`"));
        let both = "[[same]]\ndevices = ['10.0.0.1', '10.0.0.2']\n[[apart]]\ndevices = ['10.0.0.2', '10.0.0.1']";
        assert!(fault(both).contains("the same and apart"));
        let chain = "[[same]]\ndevices = ['10.0.0.1', '10.0.0.2']\n[[same]]\ndevices = ['10.0.0.2', '10.0.0.3']\n[[apart]]\ndevices = ['10.0.0.1', '10.0.0.3']";
        assert!(fault(chain).contains("the same and apart"), "through another");
    }
}
