//! Association establishment (PS3.8 §9.3.2–9.3.4, PS3.7 Annex D): who calls whom,
//! with what software, to do what.
//!
//! The titles in an acceptance only echo the request (PS3.8 §9.3.3): that the
//! called host accepted is what makes the called title its own.

use super::items::{Body, Presentation, Role, User};
use super::syntax::Encoding;
use super::uid;
use crate::observe::Key;
use crate::wire::dissect::{Error, Reader, Side, Sink, Who};

/// Own title of an application entity.
pub(super) const AE_TITLE: Key = Key::new("dicom.ae_title");
/// Implementation Class UID: software, never one machine (PS3.7 §D.3.3.2).
pub(super) const IMPLEMENTATION_UID: Key = Key::new("dicom.implementation_uid");
/// Implementation Version Name.
pub(super) const IMPLEMENTATION_VERSION: Key = Key::new("dicom.implementation_version");
/// Longest PDU that it takes, in bytes; 0 is unlimited (PS3.8 §D.1).
pub(super) const MAX_PDU: Key = Key::new("dicom.max_pdu");
/// A SOP class that it uses.
pub(super) const SCU: Key = Key::new("dicom.scu");
/// A SOP class that it provides.
pub(super) const SCP: Key = Key::new("dicom.scp");
/// How many storage classes it proposes.
pub(super) const PROPOSED_STORAGE: Key = Key::new("dicom.proposed_storage_classes");
/// How many storage classes it accepts.
pub(super) const ACCEPTED_STORAGE: Key = Key::new("dicom.accepted_storage_classes");
/// Type of the user identity that it sends (PS3.7 §D.3.3.7); the identity itself stays unread.
pub(super) const USER_IDENTITY: Key = Key::new("dicom.user_identity");
/// Source and reason of a rejection: `1/7` (PS3.8 Table 9-21).
pub(super) const REJECT: Key = Key::new("dicom.reject");

/// A host with more storage classes than this is told by their number; one with
/// fewer, by each of them. Modalities propose one to eight.
const FEW_STORAGE: usize = 16;

/// What was agreed on a connection.
#[derive(Debug, Default)]
pub(super) struct Association {
    /// Who asked for it; none when that was not seen.
    pub(super) requestor: Option<Side>,
    /// Title of the requestor.
    pub(super) calling_ae: Option<String>,
    /// Title that the requestor believes the acceptor to have.
    called_ae: Option<String>,
    contexts: Vec<Context>,
    /// The last N-GET asked a printer or display for its attributes.
    pub(super) asked_device: bool,
}

#[derive(Debug)]
struct Context {
    id: u8,
    class: String,
    encoding: Option<Encoding>,
}

impl Association {
    /// How data sets of a presentation context are written; none when not agreed in sight.
    pub(super) fn encoding(&self, id: u8) -> Option<Encoding> {
        self.contexts.iter().find(|context| context.id == id)?.encoding
    }

    /// A-ASSOCIATE-RQ, the whole PDU.
    pub(super) fn request(
        &mut self,
        from: Side,
        pdu: &[u8],
        out: &mut dyn Sink,
    ) -> Result<(), Error> {
        let body = Body::read(pdu)?;
        *self = Self {
            requestor: Some(from),
            calling_ae: body.calling_ae.map(str::to_owned),
            called_ae: body.called_ae.map(str::to_owned),
            ..Self::default()
        };
        tell(out, &AE_TITLE, body.calling_ae);
        tell_user(&body.user, out);
        let mut users = Classes::default();
        let mut providers = Classes::default();
        for context in &body.contexts {
            let class = context.class.unwrap_or_default();
            // The requestor is user, unless role selection says otherwise (PS3.7 §D.3.3.4).
            let role = body.user.role(class).unwrap_or(Role { class, scu: true, scp: false });
            users.add(class, role.scu);
            providers.add(class, role.scp);
            let class = class.to_owned();
            self.contexts.push(Context { id: context.id, class, encoding: None });
        }
        users.tell(&SCU, Some(&PROPOSED_STORAGE), out);
        providers.tell(&SCP, None, out);
        Ok(())
    }

    /// A-ASSOCIATE-AC, the whole PDU.
    pub(super) fn accept(
        &mut self,
        from: Side,
        pdu: &[u8],
        out: &mut dyn Sink,
    ) -> Result<(), Error> {
        let body = Body::read(pdu)?;
        if self.requestor.is_none() {
            self.requestor = Some(if from == Side::Client { Side::Server } else { Side::Client });
            self.calling_ae = body.calling_ae.map(str::to_owned);
            self.called_ae = body.called_ae.map(str::to_owned);
        }
        tell(out, &AE_TITLE, self.called_ae.as_deref());
        tell_user(&body.user, out);
        let accepted = || body.contexts.iter().filter(|context| context.result == 0);
        for Presentation { id, transfer_syntax, .. } in accepted() {
            let encoding = transfer_syntax.map(Encoding::of);
            match self.contexts.iter_mut().find(|context| context.id == *id) {
                Some(known) => known.encoding = encoding,
                None => self.contexts.push(Context { id: *id, class: String::new(), encoding }),
            }
        }
        let mut users = Classes::default();
        let mut providers = Classes::default();
        for context in &self.contexts {
            if accepted().any(|answer| answer.id == context.id) {
                let class = &context.class;
                // An accepted role is the requestor's; the acceptor has the other one.
                let role = body.user.role(class).unwrap_or(Role { class, scu: true, scp: false });
                users.add(class, role.scp);
                providers.add(class, role.scu);
            }
        }
        users.tell(&SCU, None, out);
        providers.tell(&SCP, Some(&ACCEPTED_STORAGE), out);
        Ok(())
    }
}

/// A-ASSOCIATE-RJ, the whole PDU.
pub(super) fn reject(pdu: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
    let mut r = Reader::new(pdu).at(8, "source")?;
    let (source, reason) = (r.u8("source")?, r.u8("reason")?);
    out.fact(Who::Sender, &REJECT, &format!("{source}/{reason}"));
    Ok(())
}

/// SOP classes in one role.
#[derive(Default)]
struct Classes<'a> {
    storage: Vec<&'a str>,
    others: Vec<&'a str>,
}

impl<'a> Classes<'a> {
    fn add(&mut self, class: &'a str, played: bool) {
        let classes = if uid::is_storage(class) { &mut self.storage } else { &mut self.others };
        if played && !class.is_empty() && !classes.contains(&class) {
            classes.push(class);
        }
    }

    /// Says each class. Storage in the reversed role is only how C-GET comes by its
    /// instances: it is said where there is a `count` of it.
    fn tell(&self, key: &Key, count: Option<&Key>, out: &mut dyn Sink) {
        let said = count.is_some() && self.storage.len() <= FEW_STORAGE;
        let storage = if said { self.storage.as_slice() } else { &[] };
        // A toolkit proposes every private class that it ever heard of.
        let private = self.others.iter().filter(|class| uid::is_private(class)).take(FEW_STORAGE);
        let standard = self.others.iter().filter(|class| !uid::is_private(class));
        for class in standard.chain(private).chain(storage) {
            out.fact(Who::Sender, key, class);
        }
        if let Some(count) = count.filter(|_| !self.storage.is_empty()) {
            out.fact(Who::Sender, count, &self.storage.len().to_string());
        }
    }
}

fn tell_user(user: &User<'_>, out: &mut dyn Sink) {
    tell(out, &IMPLEMENTATION_UID, user.implementation_uid);
    tell(out, &IMPLEMENTATION_VERSION, user.implementation_version);
    tell(out, &MAX_PDU, user.max_pdu.map(|max| max.to_string()).as_deref());
    tell(out, &USER_IDENTITY, user.identity.map(|kind| kind.to_string()).as_deref());
}

fn tell(out: &mut dyn Sink, key: &Key, value: Option<&str>) {
    if let Some(value) = value {
        out.fact(Who::Sender, key, value);
    }
}
