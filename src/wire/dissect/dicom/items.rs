//! The items of association PDUs (PS3.8 §9.3.2.1–9.3.3.4, PS3.7 §D.3.3), typed
//! and bounded; what is of no interest, and any user identity, is not looked at.

use super::uid;
use crate::wire::dissect::{Error, Reader};

/// Presentation context ids are odd bytes.
const MAX_CONTEXTS: usize = 128;
/// Role selections followed: no more than SOP classes can be proposed.
const MAX_ROLES: usize = MAX_CONTEXTS;

/// An AE title (PS3.5 §6.2): ASCII without its padding; none when empty or not ASCII.
pub(super) fn ae_title(raw: &[u8]) -> Option<&str> {
    printable(raw).filter(|title| title.len() <= 16)
}

fn printable(raw: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(raw).ok()?.trim_matches([' ', '\0']);
    (!text.is_empty() && text.bytes().all(|b| matches!(b, b' '..=b'~'))).then_some(text)
}

/// Fixed part and items of a request or acceptance.
pub(super) struct Body<'a> {
    pub(super) called_ae: Option<&'a str>,
    pub(super) calling_ae: Option<&'a str>,
    pub(super) contexts: Vec<Presentation<'a>>,
    pub(super) user: User<'a>,
}

/// A presentation context item: proposed (20H) or answered (21H).
pub(super) struct Presentation<'a> {
    pub(super) id: u8,
    pub(super) result: u8,
    pub(super) class: Option<&'a str>,
    pub(super) transfer_syntax: Option<&'a str>,
}

impl<'a> Body<'a> {
    pub(super) fn read(pdu: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(pdu).at(10, "called AE title")?;
        let called_ae = ae_title(r.take(16, "called AE title")?);
        let calling_ae = ae_title(r.take(16, "calling AE title")?);
        r.skip(32, "reserved")?;
        let mut body = Self { called_ae, calling_ae, contexts: Vec::new(), user: User::default() };
        // Some pad the PDU.
        while r.remaining() >= 4 {
            let (kind, item) = item(&mut r)?;
            match kind {
                0x20 | 0x21 if body.contexts.len() < MAX_CONTEXTS => {
                    body.contexts.push(Presentation::read(item)?);
                }
                0x50 => body.user = User::read(item)?,
                _ => {}
            }
        }
        Ok(body)
    }
}

impl<'a> Presentation<'a> {
    fn read(item_value: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(item_value);
        let id = r.u8("presentation context id")?;
        r.skip(1, "presentation context")?;
        let result = r.u8("presentation context result")?;
        r.skip(1, "presentation context")?;
        let mut context = Self { id, result, class: None, transfer_syntax: None };
        while !r.is_empty() {
            match item(&mut r)? {
                (0x30, value) => context.class = uid::read(value),
                (0x40, value) => context.transfer_syntax = uid::read(value),
                _ => {}
            }
        }
        Ok(context)
    }
}

/// SCP/SCU role selection (PS3.7 §D.3.3.4).
#[derive(Clone, Copy)]
pub(super) struct Role<'a> {
    pub(super) class: &'a str,
    pub(super) scu: bool,
    pub(super) scp: bool,
}

/// User information item (PS3.7 §D.3.3).
#[derive(Default)]
pub(super) struct User<'a> {
    pub(super) max_pdu: Option<u32>,
    pub(super) implementation_uid: Option<&'a str>,
    pub(super) implementation_version: Option<&'a str>,
    pub(super) identity: Option<u8>,
    roles: Vec<Role<'a>>,
}

impl<'a> User<'a> {
    fn read(items: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(items);
        let mut user = Self::default();
        while !r.is_empty() {
            let (kind, value) = item(&mut r)?;
            let mut value_r = Reader::new(value);
            match kind {
                0x51 => user.max_pdu = Some(value_r.u32_be("maximum length")?),
                0x52 => user.implementation_uid = uid::read(value),
                0x55 => user.implementation_version = printable(value),
                0x58 => user.identity = Some(value_r.u8("user identity type")?),
                0x54 if user.roles.len() < MAX_ROLES => {
                    let length = value_r.u16_be("role selection UID length")?;
                    let class = uid::read(value_r.take(length.into(), "role selection UID")?);
                    let scu = value_r.u8("SCU role")? == 1;
                    let scp = value_r.u8("SCP role")? == 1;
                    user.roles.extend(class.map(|class| Role { class, scu, scp }));
                }
                _ => {}
            }
        }
        Ok(user)
    }

    pub(super) fn role(&self, class: &str) -> Option<Role<'a>> {
        self.roles.iter().find(|role| role.class == class).copied()
    }
}

/// One item: its type, its value (PS3.8 §9.3.1).
fn item<'a>(r: &mut Reader<'a>) -> Result<(u8, &'a [u8]), Error> {
    let kind = r.u8("item type")?;
    r.skip(1, "item")?;
    let length = r.u16_be("item length")?;
    Ok((kind, r.take(length.into(), "item value")?))
}
