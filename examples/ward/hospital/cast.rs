//! Who is there: VLANs, devices, and how packets go from one to the other.

use std::net::Ipv4Addr;

use auscult::net::Mac;

use super::frame::Leg;
use super::mirror::End;
use super::say::dicom::{Dated, Machine};

/// The core router, in every VLAN that it is the gateway of.
pub(crate) const CORE: Mac = Mac([0x00, 0x1b, 0x54, 0x0c, 0x0e, 0x01]);
/// The router of the offices, and the VLAN in which the core sees it.
pub(crate) const EDGE: Mac = Mac([0x00, 0x1b, 0x54, 0x0c, 0x0e, 0x60]);
pub(crate) const TRANSIT: u16 = 90;
/// VLANs by their ids.
pub(crate) const SERVERS: u16 = 10;
pub(crate) const IMAGING: u16 = 20;
pub(crate) const ROOMS: u16 = 21;
pub(crate) const LABORATORY: u16 = 30;
pub(crate) const INTENSIVE: u16 = 40;
pub(crate) const WARDS: u16 = 50;
/// Of these the mirror shows only what their router hands on.
pub(crate) const OFFICES: u16 = 60;
/// The one that is not mirrored for some hours.
pub(crate) const THEATRES: u16 = 70;
pub(crate) const VLANS: &[u16] =
    &[SERVERS, IMAGING, ROOMS, LABORATORY, INTENSIVE, WARDS, OFFICES, THEATRES];

/// When a device has power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// Always, and talks by night as by day.
    Always,
    /// Always, but says little outside of opening hours.
    Standby,
    /// Switched off outside of opening hours.
    Day,
}

/// How the images of a modality become known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reports {
    /// Performed procedure steps, and images.
    Steps,
    /// Images, after each examination.
    Images,
    /// Images, in three parts while the examination goes on.
    Parts,
    /// All images of a day at two in the night.
    Nightly,
    /// Nothing that the network would show.
    Nothing,
}

/// A modality's habits.
#[derive(Clone)]
pub(crate) struct Modality {
    pub(crate) machine: Machine,
    pub(crate) reports: Reports,
    pub(crate) dated: Dated,
    /// Seconds by which its clock is wrong.
    pub(crate) skew: u64,
    /// Shortest and longest examination, and the longest pause between two, in minutes.
    pub(crate) pace: (u64, u64, u64),
    /// Also in the night and on closed days, at times.
    pub(crate) emergencies: bool,
    /// Sends to the gateway in place of the archive.
    pub(crate) through_gateway: bool,
    /// Sends every study to the second archive as well.
    pub(crate) twice: bool,
}

/// How results leave an analyser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Results {
    /// ASTM on one long conversation a day.
    Astm,
    /// ASTM, a conversation for each sample.
    AstmEach,
    /// HL7 ORU.
    Oru,
    /// HL7 OUL.
    Oul,
}

/// How a bedside device's values leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// Philips Data Export to a collector.
    Intellivue,
    /// HL7 of its own.
    Hl7,
    /// The maker's own protocol to a gateway, which sends HL7 for it.
    Gateway,
}

/// What a device is.
#[derive(Clone)]
pub(crate) enum Kind {
    Network,
    Archive,
    SecondArchive,
    Information,
    DicomGateway,
    Engine,
    LabSystem,
    Collector,
    Domain,
    Files,
    Management,
    Modality(Box<Modality>),
    Analyzer(Results, &'static str, String),
    Bedside(Values, bool),
    Workstation {
        always: bool,
    },
    Viewer,
    Printer,
    /// Says ARP and nothing else.
    Silent,
    /// Answers ARP for what is off.
    SleepProxy,
}

impl Kind {
    /// In a word, for the truth.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Archive => "archive",
            Self::SecondArchive => "second-archive",
            Self::Information => "ris",
            Self::DicomGateway => "dicom-gateway",
            Self::Engine => "interface-engine",
            Self::LabSystem => "lis",
            Self::Collector => "monitor-gateway",
            Self::Domain => "domain-controller",
            Self::Files => "file-server",
            Self::Management => "management",
            Self::Modality(_) => "modality",
            Self::Analyzer(..) => "analyzer",
            Self::Bedside(_, false) => "monitor",
            Self::Bedside(_, true) => "pump",
            Self::Workstation { .. } => "workstation",
            Self::Viewer => "viewer",
            Self::Printer => "printer",
            Self::Silent => "silent",
            Self::SleepProxy => "sleep-proxy",
        }
    }

    /// Whether what it sends is never work done at it.
    pub(crate) const fn is_infrastructure(&self) -> bool {
        matches!(
            self,
            Self::Network
                | Self::Archive
                | Self::SecondArchive
                | Self::Information
                | Self::DicomGateway
                | Self::Engine
                | Self::LabSystem
                | Self::Collector
                | Self::Domain
                | Self::Files
                | Self::Management
                | Self::Printer
                | Self::Silent
                | Self::SleepProxy
        )
    }
}

/// A device.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) mac: Mac,
    pub(crate) vlan: u16,
    pub(crate) power: Power,
    /// Its addresses, each with the time from which it has it.
    pub(crate) addresses: Vec<(u64, Ipv4Addr)>,
    pub(crate) leased: bool,
    pub(crate) windows: bool,
}

impl Device {
    pub(crate) fn ip(&self, at: u64) -> Ipv4Addr {
        let held = self.addresses.iter().rev().find(|(from, _)| *from <= at);
        held.or(self.addresses.first()).map_or(Ipv4Addr::UNSPECIFIED, |(_, ip)| *ip)
    }

    pub(crate) fn ttl(&self) -> u8 {
        if self.windows { 128 } else { 64 }
    }

    /// The name under which DICOM knows it.
    pub(crate) fn ae(&self) -> String {
        self.name.to_uppercase()
    }
}

/// Gateway of a VLAN.
pub(crate) fn gateway(vlan: u16) -> Ipv4Addr {
    Ipv4Addr::new(10, 10, vlan as u8, 1)
}

/// The router of a VLAN on its link.
pub(crate) const fn router(vlan: u16) -> Mac {
    if vlan == OFFICES { EDGE } else { CORE }
}

/// From one device to another: what the core's mirror shows of the way. Frames of the
/// offices themselves are never seen.
pub(crate) fn legs(from: &Device, to: &Device) -> Vec<Leg> {
    if from.vlan == to.vlan {
        let own = Leg { vlan: from.vlan, from: from.mac, to: to.mac, hops: 0 };
        return if from.vlan == OFFICES { Vec::new() } else { vec![own] };
    }
    let (mut all, mut hops) = (Vec::new(), 1);
    if from.vlan == OFFICES {
        all.push(Leg { vlan: TRANSIT, from: EDGE, to: CORE, hops: 1 });
        hops = 2;
    } else {
        all.push(Leg { vlan: from.vlan, from: from.mac, to: CORE, hops: 0 });
    }
    if to.vlan == OFFICES {
        all.push(Leg { vlan: TRANSIT, from: CORE, to: EDGE, hops });
    } else {
        all.push(Leg { vlan: to.vlan, from: CORE, to: to.mac, hops });
    }
    all
}

/// All devices, and where those stand that others talk to.
#[derive(Clone)]
pub(crate) struct Cast {
    pub(crate) devices: Vec<Device>,
}

impl Cast {
    /// The first of a kind.
    pub(crate) fn find(&self, kind: impl Fn(&Kind) -> bool) -> usize {
        self.devices.iter().position(|it| kind(&it.kind)).unwrap_or(0)
    }

    pub(crate) fn all(&self, kind: impl Fn(&Kind) -> bool) -> Vec<usize> {
        (0..self.devices.len()).filter(|at| kind(&self.devices[*at].kind)).collect()
    }

    pub(crate) fn named(&self, name: &str) -> Option<usize> {
        self.devices.iter().position(|it| it.name == name)
    }

    /// Two devices as ends of a conversation at a time.
    pub(crate) fn ends(&self, at: u64, client: usize, server: usize) -> [End; 2] {
        let (a, b) = (&self.devices[client], &self.devices[server]);
        let end = |own: &Device, other: &Device, owner| End {
            ip: own.ip(at),
            ttl: own.ttl(),
            owner,
            legs: legs(own, other),
        };
        [end(a, b, client), end(b, a, server)]
    }
}
