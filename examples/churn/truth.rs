//! What is true of the capture, for `examples/accuracy`.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::mirror::SECOND;
use crate::play::Play;
use crate::talk::{maker, modality};
use crate::world::{Kind, PACS, Stack};

/// Product and release by build.
fn system(stack: Stack) -> Option<&'static str> {
    let Stack::Windows { build } = stack else { return None };
    Some(match build {
        19044 => "Windows 10 21H2",
        19045 => "Windows 10 22H2",
        22631 => "Windows 11 23H2",
        26100 => "Windows 11 24H2",
        _ => "Windows Server 2022",
    })
}

impl<T: Write> Play<T> {
    /// What can be known of a device from the capture.
    fn facts(&self, number: usize) -> Map<String, Value> {
        let (it, shown) = (&self.world.devices[number], &self.shown[number]);
        let mut facts = Map::new();
        let mut say = |name: &str, value: &str| facts.insert(name.to_owned(), value.into());
        if shown.name {
            say("hostname", &it.name);
        }
        if shown.fqdn && it.member {
            say("fqdn", &it.fqdn());
        }
        match (it.stack, it.kind) {
            (Stack::Windows { build }, _) if shown.build => {
                say("os_family", "Windows");
                say("os", system(it.stack).unwrap_or_default());
                say("os_build", &format!("10.0.{build}"));
            }
            (Stack::Windows { .. }, _) => {
                say("os_family", "Windows");
            }
            (Stack::Apple, _) => {
                say("os_family", "iOS");
            }
            (Stack::Linux, Kind::Phone) => {
                say("os_family", "Android");
            }
            (Stack::Linux, _) => {
                say("os_family", "Linux");
            }
        }
        if shown.images {
            say("ae_title", &self.world.ae_title(number));
            say("modality", modality(number));
            say("vendor", maker(it.maker));
            say("serial", &it.serial);
            say("station", &it.name);
        }
        if number == PACS {
            say("ae_title", &self.world.ae_title(number));
        }
        facts
    }

    /// Writes the truth file, one device a line.
    pub(crate) fn truth(&self, capture: &str, seed: u64, to: &mut impl Write) -> io::Result<()> {
        let capture = json!(capture);
        writeln!(to, "{{\"capture\": {capture}, \"seed\": {seed}, \"hosts\": [")?;
        for (number, (it, shown)) in self.world.devices.iter().zip(&self.shown).enumerate() {
            let seconds = |at: u64| at / SECOND;
            let tenures: Vec<Value> = shown
                .tenures
                .iter()
                .map(|t| {
                    json!([t.ip, t.vlan, seconds(t.from), seconds(t.to), t.bound.map(seconds)])
                })
                .collect();
            let seen = it.cards.iter().zip(&shown.cards).filter(|(_, seen)| **seen);
            let macs: Vec<String> = seen.map(|(card, _)| card.mac.to_string()).collect();
            let first = shown.tenures.first();
            let line = json!({
                "mac": macs.first(), "ip": first.map(|t| t.ip), "vlan": first.map(|t| t.vlan),
                "facts": self.facts(number),
                "unit": number, "kind": format!("{:?}", it.kind).to_lowercase(), "macs": macs,
                "spoke": shown.token || !macs.is_empty(), "shares_name": it.shares_name,
                "behind": it.behind, "tenures": tenures,
            });
            let comma = if number + 1 < self.world.devices.len() { "," } else { "" };
            writeln!(to, "{line}{comma}")?;
        }
        let conflicts: Vec<Value> = self
            .world
            .conflicts
            .iter()
            .map(|[a, b]| json!({ "ip": self.world.devices[*a].fixed, "units": [a, b] }))
            .collect();
        let routers: Vec<String> = self
            .world
            .routers
            .iter()
            .chain(&self.world.pair)
            .chain([&crate::world::CORE])
            .map(ToString::to_string)
            .collect();
        let start = crate::mirror::EPOCH;
        writeln!(
            to,
            "], \"start\": {start}, \"conflicts\": {}, \"routers\": {}}}",
            json!(conflicts),
            json!(routers)
        )
    }
}
