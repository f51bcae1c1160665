//! All assets at once, as they are stored: views look at them without copying their text,
//! and on as many processors as there are.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use foldhash::fast::RandomState;

use super::activity::Activity;
use super::damage::Damage;
use super::inventory::{Known, Value, Why, of_asset, of_capture};
use super::leap::leap;
use super::readers::{Readers, side_by_side};
use super::record::{self, Attribute, Bare, Unreadable};
use super::{Error, Fault, Inventory};
use crate::time::Timestamp;

/// Bytes that are asked of the system at once: what grows is copied, and new memory is
/// the dearest part of a view.
const SLAB: usize = 1 << 19;
/// In which the assets are read.
pub(super) const PARTS: usize = 64;

/// One asset.
struct Row {
    id: String,
    identity: String,
    external: bool,
    first_seen: Timestamp,
    last_seen: Timestamp,
    /// In which slab its attributes are.
    slab: usize,
    /// And where; none while they are not written yet.
    at: Option<Range<usize>>,
}

/// Which assets are asked for.
enum Which<'w> {
    All,
    /// All, without their attributes.
    Bare,
    Among(HashSet<&'w str, RandomState>),
}

/// All assets as they were at one moment, in the order of their identities.
pub struct Shelf {
    damage: Damage,
    rows: Vec<Row>,
    slabs: Vec<Vec<u8>>,
    captures: BTreeMap<u32, String>,
    activity: HashMap<String, Activity, RandomState>,
}

impl Inventory {
    /// All assets, with what they did or without.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn shelf(&self, activity: bool) -> Result<Shelf, Error> {
        self.shelf_of(&Which::All, activity)
    }

    /// All assets without their attributes: whoever asks for none needs none of those rows.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn bare_shelf(&self) -> Result<Shelf, Error> {
        self.shelf_of(&Which::Bare, false)
    }

    /// Some assets, by their ids.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub fn shelf_among(&self, ids: &[&str]) -> Result<Shelf, Error> {
        self.shelf_of(&Which::Among(ids.iter().copied().collect()), false)
    }

    fn shelf_of(&self, which: &Which<'_>, activity: bool) -> Result<Shelf, Error> {
        let mut held = Readers::open(self, PARTS).hold()?;
        let parts = self.parts()?;
        let read = held.each(parts.len(), |inventory, at| inventory.part(which, parts.get(at)))?;
        let (mut rows, mut slabs) = (Vec::new(), Vec::new());
        for (some, slab) in read {
            let number = slabs.len();
            rows.extend(some.into_iter().map(|row| Row { slab: number, ..row }));
            slabs.push(slab);
        }
        rows.sort_unstable_by(|a, b| (&a.identity, &a.id).cmp(&(&b.identity, &b.id)));
        let sql = "SELECT id, name FROM capture";
        let named = |row: &rusqlite::Row<'_>| of_capture(row.get(0));
        let captures = self.whole_rows(sql, [], named, |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?))
        })?;
        let activity = if activity { self.activity(None)? } else { HashMap::default() };
        drop(held);
        let captures = captures.into_iter().collect();
        Ok(Shelf { damage: self.damage.clone(), rows, slabs, captures, activity })
    }

    /// From which number to which the assets of each part are.
    pub(super) fn parts(&self) -> Result<Vec<(i64, i64)>, Error> {
        let ends = "SELECT coalesce(min(number), 0), coalesce(max(number), 0) FROM asset";
        let ends = self.rows(ends, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        Ok(ends.into_iter().flat_map(parts).collect())
    }

    /// The assets from a number to another, and their attributes.
    fn part(
        &self,
        which: &Which<'_>,
        numbers: Option<&(i64, i64)>,
    ) -> Result<(Vec<Row>, Vec<u8>), Error> {
        let Some((first, last)) = numbers else { return Ok((Vec::new(), Vec::new())) };
        let is_other = |id: &str| matches!(which, Which::Among(ids) if !ids.contains(id));
        let rows = self.whole_rows(
            "SELECT number, id, identity, external, first_seen, last_seen FROM asset
             WHERE number BETWEEN ?1 AND ?2 ORDER BY number",
            [first, last],
            |row| of_asset(row.get(0)),
            |row| {
                if row.get_ref(1)?.as_str().is_ok_and(is_other) {
                    return Ok(None);
                }
                let it = Row {
                    id: row.get(1)?,
                    identity: row.get(2)?,
                    external: row.get(3)?,
                    first_seen: Timestamp(row.get(4)?),
                    last_seen: Timestamp(row.get(5)?),
                    slab: 0,
                    at: None,
                };
                Ok(Some((row.get::<_, i64>(0)?, it)))
            },
        )?;
        let (numbers, mut rows): (Vec<i64>, Vec<Row>) = rows.into_iter().flatten().unzip();
        if matches!(which, Which::Bare) {
            return Ok((rows, Vec::new()));
        }
        let mut slab = Vec::with_capacity(SLAB);
        let sql = "SELECT asset, attributes FROM known WHERE asset >= ?1 ORDER BY asset";
        leap(&self.connection, (sql, None), &numbers, |number, row| {
            let known = numbers.binary_search(&number).ok().and_then(|at| rows.get_mut(at));
            if let Some(known) = known {
                let from = slab.len();
                // What is no blob is damaged, as nothing is.
                slab.extend_from_slice(row.get_ref(1)?.as_blob().unwrap_or_default());
                known.at = Some(from..slab.len());
            }
            Ok(())
        })
        .map_err(|error| Error::new(&self.path, Fault::Read(error)))?;
        Ok((rows, slab))
    }
}

impl Shelf {
    /// All of them; where attributes are named only the shown values of these, without their
    /// reasons. Who has a damaged row is not among them ([`Inventory::passed_over`]).
    #[must_use]
    pub fn known(&self, wanted: Option<&[&str]>) -> Vec<Known<'_>> {
        let wanted = wanted.map(|names| Wanted::new(names, false));
        let one = |row| self.one(row, wanted.as_ref());
        let parts = side_by_side(&self.rows, |rows: &[Row]| -> Vec<_> {
            rows.iter().filter_map(one).collect()
        });
        parts.into_iter().flatten().collect()
    }

    /// Some of them, by their ids, with everything. Who has a damaged row is not among them.
    #[must_use]
    pub fn whole(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Known<'_>> {
        let some = self.rows.iter().filter(|row| is_wanted(&row.id));
        some.filter_map(|row| self.one(row, None)).collect()
    }

    /// All in parts, with the shown values of some attributes and one reason for each at most,
    /// each part made into something by itself, in order.
    pub fn parts<'s, T: Send>(
        &'s self,
        wanted: &[&str],
        make: impl Fn(Vec<Known<'s>>) -> T + Sync,
    ) -> Vec<T> {
        let wanted = Wanted::new(wanted, true);
        let one = |row| self.one(row, Some(&wanted));
        side_by_side(&self.rows, |rows: &'s [Row]| make(rows.iter().filter_map(one).collect()))
    }

    /// One of them; none when its row is damaged, which is noted.
    fn one<'s>(&'s self, row: &'s Row, wanted: Option<&Wanted<'_>>) -> Option<Known<'s>> {
        let read = self.read(row, wanted);
        read.inspect_err(|why| {
            let id = row.id.escape_debug();
            self.damage.note(format!("what is known of {id} (known) cannot be read: {why}"));
        })
        .ok()
    }

    fn read<'s>(
        &'s self,
        row: &'s Row,
        wanted: Option<&Wanted<'_>>,
    ) -> Result<Known<'s>, Unreadable> {
        let blob = row.at.clone().and_then(|at| self.slabs.get(row.slab)?.get(at));
        let values = match (blob, wanted) {
            (None, _) => Vec::new(),
            (Some(blob), Some(wanted)) => self.bare(blob, wanted)?,
            (Some(blob), None) => self.values(blob)?,
        };
        Ok(Known {
            id: Cow::Borrowed(&row.id),
            identity: Cow::Borrowed(&row.identity),
            external: row.external,
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            values,
            activity: self.activity.get(&row.id).cloned(),
        })
    }

    fn values<'s>(&'s self, blob: &'s [u8]) -> Result<Named<'s>, Unreadable> {
        let attributes: Vec<Attribute<'s>> = record::only(blob)?;
        let value = |it: record::ValueOf<'s>| Value {
            value: it.value,
            confidence: f64::from(it.confidence),
            shown: it.shown,
            reasons: it.reasons.into_iter().map(|why| self.reason(&why)).collect(),
        };
        let named = attributes.into_iter();
        let mut named: Named<'s> =
            named.map(|it| (it.name, it.values.into_iter().map(value).collect())).collect();
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(named)
    }

    /// The shown values of some attributes, with one reason at most where it is asked for.
    fn bare<'s>(&'s self, blob: &'s [u8], wanted: &Wanted<'_>) -> Result<Named<'s>, Unreadable> {
        let attributes: Vec<Bare<'s>> = record::only(blob)?;
        let value = |it: &record::BareValue<'s>| Value {
            value: Cow::Borrowed(it.value),
            confidence: f64::from(it.confidence),
            shown: true,
            reasons: it
                .reason
                .iter()
                .filter(|_| wanted.reasons)
                .map(|why| self.reason(why))
                .collect(),
        };
        let named = attributes.iter().filter(|it| wanted.names.contains(it.name));
        let shown = |it: &Bare<'s>| it.values.iter().filter(|it| it.shown).map(value).collect();
        Ok(named.map(|it| (Cow::Borrowed(it.name), shown(it))).collect())
    }

    fn reason<'s>(&'s self, why: &record::ReasonOf<'s>) -> Why<'s> {
        Why {
            signature: Cow::Borrowed(why.signature),
            key: Cow::Borrowed(why.key),
            value: Cow::Borrowed(why.value),
            confidence: f64::from(why.confidence),
            capture: self.captures.get(&why.capture).map_or("", String::as_str).into(),
            frame: why.frame,
            first_seen: why.first_seen,
        }
    }
}

/// Numbers from one to another in parts.
fn parts((first, last): (i64, i64)) -> impl Iterator<Item = (i64, i64)> {
    let wide = (last.abs_diff(first) / PARTS as u64).saturating_add(1);
    let begin = move |part: usize| first.checked_add_unsigned(wide.checked_mul(part as u64)?);
    let begins = (0..PARTS).map_while(begin).take_while(move |begin| *begin <= last);
    begins.map(move |begin| (begin, begin.saturating_add_unsigned(wide - 1).min(last)))
}

/// Which attributes are asked for, and whether their reasons are.
struct Wanted<'w> {
    names: HashSet<&'w str, RandomState>,
    reasons: bool,
}

impl<'w> Wanted<'w> {
    fn new(names: &[&'w str], reasons: bool) -> Self {
        Self { names: names.iter().copied().collect(), reasons }
    }
}

/// Values by attribute.
type Named<'s> = Vec<(Cow<'s, str>, Vec<Value<'s>>)>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_each_number_once() {
        for ends in [(0, 0), (0, 6), (0, 19_999), (-5, 1 << 20), (i64::MIN, i64::MAX)] {
            let all: Vec<_> = parts(ends).collect();
            assert!(all.len() <= PARTS, "{ends:?}: {}", all.len());
            assert_eq!((all[0].0, all[all.len() - 1].1), ends);
            assert!(all.windows(2).all(|it| it[0].1.checked_add(1) == Some(it[1].0)), "{ends:?}");
            assert!(all.iter().all(|(first, last)| first <= last));
        }
    }
}
