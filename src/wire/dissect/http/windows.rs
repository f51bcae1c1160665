//! What Windows tells of itself in SOAP: to who asks its remote management (DSP0226 §11,
//! Identify), and to the server from which it gets its updates ([MS-WUSP] §2.2.2.2.3,
//! RegisterComputer).

use super::super::xml::{Path, unescape};
use super::super::{Sink, Who};
use crate::observe::Key;

/// `10.0.17763`, out of `OS: 10.0.17763 SP: 0.0 Stack: 3.0`.
pub(super) const WSMAN_VERSION: Key = Key::new("wsman.os_version");
/// ComputerInfo: OSMajorVersion, OSMinorVersion and OSBuildNumber.
pub(super) const VERSION: Key = Key::new("wsus.os_version");
/// ComputerInfo/DnsName.
pub(super) const HOSTNAME: Key = Key::new("wsus.hostname");
/// ComputerInfo/ComputerManufacturer, as the firmware has it.
pub(super) const MANUFACTURER: Key = Key::new("wsus.manufacturer");
/// ComputerInfo/ComputerModel, as the firmware has it.
pub(super) const MODEL: Key = Key::new("wsus.model");
/// ComputerInfo/OSDescription: `Windows 10 Enterprise 2019 LTSC`.
pub(super) const DESCRIPTION: Key = Key::new("wsus.os_description");
/// ComputerInfo/OldProductType: 1 workstation, 2 domain controller, 3 server.
pub(super) const PRODUCT: Key = Key::new("wsus.product_type");

/// The action of a request in which a computer tells what it is.
pub(super) const REGISTERS: &str = "/ClientWebService/RegisterComputer";

/// Elements that are told as they stand.
pub(super) const ELEMENTS: &[(&[&str], Key)] = &[
    (&["computerInfo", "DnsName"], HOSTNAME),
    (&["computerInfo", "ComputerManufacturer"], MANUFACTURER),
    (&["computerInfo", "ComputerModel"], MODEL),
    (&["computerInfo", "OSDescription"], DESCRIPTION),
    (&["computerInfo", "OldProductType"], PRODUCT),
];

/// The three numbers of a version, in their order.
const NUMBERS: [&str; 3] = ["OSMajorVersion", "OSMinorVersion", "OSBuildNumber"];

/// Puts together what is told in parts, or takes apart what is told at once.
#[derive(Default)]
pub(super) struct Reader {
    numbers: [Option<u32>; 3],
}

impl Reader {
    /// One text of the document.
    pub(super) fn read(&mut self, path: &Path<'_>, text: &str, out: &mut dyn Sink) {
        if path.ends_with(&["IdentifyResponse", "ProductVersion"]) {
            let text = unescape(text);
            let version = text.strip_prefix("OS: ").and_then(|it| it.split(' ').next());
            if let Some(version) = version.filter(|it| is_version(it)) {
                out.fact(Who::Sender, &WSMAN_VERSION, version);
            }
            return;
        }
        let before = self.numbers;
        for (name, number) in NUMBERS.iter().zip(&mut self.numbers) {
            if number.is_none() && path.ends_with(&["computerInfo", name]) {
                *number = text.trim().parse().ok();
            }
        }
        if let [Some(major), Some(minor), Some(build)] = self.numbers
            && before != self.numbers
        {
            out.fact(Who::Sender, &VERSION, &format!("{major}.{minor}.{build}"));
        }
    }
}

/// Three numbers; who was not asked to say so answers with noughts.
fn is_version(text: &str) -> bool {
    let numbers = || text.split('.').map(str::parse::<u32>);
    numbers().count() == 3 && numbers().all(|it| it.is_ok()) && !text.starts_with("0.")
}
