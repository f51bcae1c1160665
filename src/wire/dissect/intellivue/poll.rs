//! Results of a poll: whether a monitor measures a patient. Of numerics and waves only
//! the states are looked at; values stay unread but for the one that is no number.

use super::super::{Error, Reader};

/// ro_type: a remote operation result, and one that is linked to others.
const RESULT: u16 = 2;
const LINKED: u16 = 5;
/// CMD_CONFIRMED_ACTION.
const ACTION: u16 = 7;
/// NOM_ACT_POLL_MDIB_DATA and NOM_ACT_POLL_MDIB_DATA_EXT.
const POLL: u16 = 0x0c16;
const POLL_EXTENDED: u16 = 0xf13b;
/// NOM_ATTR_NU_VAL_OBS, NOM_ATTR_SA_VAL_OBS, and the compounds of both.
const NUMERIC: u16 = 0x0950;
const NUMERICS: u16 = 0x094b;
const WAVE: u16 = 0x096e;
const WAVES: u16 = 0x0967;
/// MeasurementState: invalid, unavailable, calibration, test data, demo data.
const NOT_OF_A_PATIENT: u16 = 0x8000 | 0x2000 | 0x1000 | 0x0800 | 0x0400;
/// The float that is no number.
const NAN: u32 = 0x007f_ffff;
/// Contexts, objects of one, attributes of one, parts of a compound.
const MAX_ENTRIES: u16 = 64;

/// Whether `operation`, what follows the session header, has a value of a patient.
pub(super) fn measures(operation: &[u8]) -> Result<bool, Error> {
    let mut r = Reader::new(operation);
    let kind = r.u16_be("ro_type")?;
    r.skip(2, "ROapdus length")?;
    match kind {
        RESULT => {}
        LINKED => r.skip(2, "linked_id")?,
        _ => return Ok(false),
    }
    r.skip(2, "invoke_id")?;
    if r.u16_be("command_type")? != ACTION {
        return Ok(false);
    }
    r.skip(8, "length, managed object")?;
    match r.u16_be("action_type")? {
        POLL => r.skip(4, "length, poll_number")?,
        POLL_EXTENDED => r.skip(6, "length, poll_number, sequence_no")?,
        _ => return Ok(false),
    }
    r.skip(12, "rel_time_stamp, abs_time_stamp")?;
    r.skip(6, "polled_obj_type, polled_attr_grp")?;
    let contexts = head(&mut r, "PollInfoList")?;
    for _ in 0..contexts {
        r.skip(2, "context_id")?;
        let objects = head(&mut r, "poll_info")?;
        for _ in 0..objects {
            r.skip(2, "obj_handle")?;
            let attributes = head(&mut r, "AttributeList")?;
            for _ in 0..attributes {
                let id = r.u16_be("attribute_id")?;
                let length = usize::from(r.u16_be("attribute length")?);
                if is_measured(id, Reader::new(r.take(length, "attribute_val")?))? {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// Count and length of a list; no more than will be followed.
fn head(r: &mut Reader<'_>, field: &'static str) -> Result<u16, Error> {
    let count = r.u16_be(field)?;
    r.skip(2, field)?;
    Ok(count.min(MAX_ENTRIES))
}

fn is_measured(id: u16, mut r: Reader<'_>) -> Result<bool, Error> {
    let many = match id {
        NUMERIC | WAVE => 1,
        NUMERICS | WAVES => head(&mut r, "compound")?,
        _ => return Ok(false),
    };
    for _ in 0..many {
        r.skip(2, "physio_id")?;
        let state = r.u16_be("state")?;
        let is_number = match id {
            NUMERIC | NUMERICS => {
                r.skip(2, "unit_code")?;
                r.u32_be("value")? & 0x00ff_ffff != NAN
            }
            _ => {
                let length = r.u16_be("array length")?;
                !r.take(usize::from(length), "array")?.is_empty()
            }
        };
        if is_number && state & NOT_OF_A_PATIENT == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{facts, packet, udp, works};
    use super::super::super::torture;
    use super::*;
    use crate::observe::Work;

    fn counted(count: u16, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&count.to_be_bytes()[..], &length, body].concat()
    }

    fn sized(head: &[u16], body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap();
        let head = head.iter().chain([&length]).flat_map(|n| n.to_be_bytes());
        head.chain(body.iter().copied()).collect()
    }

    fn answer(kind: u16, action: u16, id: u16, value: &[u8]) -> Vec<u8> {
        let list = [sized(&[0x0927], b"CANARY"), sized(&[id], value)].concat();
        let object = [&[0, 1][..], &counted(2, &list)].concat();
        let context = [&[0, 0][..], &counted(1, &object)].concat();
        let number = if action == POLL { 2 } else { 4 };
        let fixed = vec![0; number + 12 + 6];
        let reply = [fixed, counted(1, &context)].concat();
        let result = [&[0; 6][..], &sized(&[action], &reply)].concat();
        let linked: &[u8] = if kind == LINKED { &[1, 1] } else { &[] };
        let result = [linked, &sized(&[9, ACTION], &result)].concat();
        [&[0xe1, 0, 0, 2][..], &sized(&[kind], &result)].concat()
    }

    fn numeric(state: u16, value: u32) -> Vec<u8> {
        [&[0x41, 0x82][..], &state.to_be_bytes(), &[0xa, 0xa0], &value.to_be_bytes()].concat()
    }

    fn count(bytes: &[u8]) -> usize {
        let said = packet("intellivue", &udp(24105, 5000, bytes)).unwrap();
        assert!(facts(&said).is_empty());
        let works = works(&said);
        assert!(works.iter().all(|it| (it.0, it.1.work) == ("C", Work::Vitals)));
        works.len()
    }

    #[test]
    fn a_monitor_with_a_patient() {
        let pulse = numeric(0, 72);
        for kind in [RESULT, LINKED] {
            for action in [POLL, POLL_EXTENDED] {
                let bytes = answer(kind, action, NUMERIC, &pulse);
                assert_eq!(count(&bytes), 1, "{kind} {action:x}");
                torture::packet("intellivue", &udp(24105, 5000, &bytes), &["CANARY"]);
            }
        }
        let both = [numeric(0x8000, 0), numeric(0x4000, 120)].concat();
        assert_eq!(count(&answer(RESULT, POLL, NUMERICS, &counted(2, &both))), 1);
        let wave = [&[1, 0, 0, 0][..], &sized(&[], &[7; 20])].concat();
        assert_eq!(count(&answer(LINKED, POLL_EXTENDED, WAVE, &wave)), 1);
    }

    #[test]
    fn a_monitor_without_one() {
        for (state, value) in [(0x8000, 72), (0x2000, 72), (0x0400, 72), (0, NAN)] {
            let bytes = answer(RESULT, POLL, NUMERIC, &numeric(state, value));
            assert_eq!(count(&bytes), 0, "{state:x} {value:x}");
        }
        assert_eq!(count(&answer(RESULT, POLL, 0x0940, &numeric(0, 72))), 0);
        assert_eq!(count(&answer(RESULT, 0x0c17, NUMERIC, &numeric(0, 72))), 0);
        assert_eq!(count(&answer(1, POLL, NUMERIC, &numeric(0, 72))), 0, "a question");
    }
}
