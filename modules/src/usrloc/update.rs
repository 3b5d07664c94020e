//! What a REGISTER does to the bindings of an address-of-record: RFC 3261 §10.3, steps 6 and 7.
//!
//! All of it or nothing: a REGISTER with three contacts never leaves two behind. Who may register,
//! and which expiry is granted, was decided before (`registrar`).

use super::CONTACTS_MAX;
use super::binding::{Binding, Bindings};
use super::bytes::{Reader, put_number, put_text};
use super::table::Table;
use parser::Uri;
use smallvec::SmallVec;

/// Which stored binding a contact of a REGISTER means (`matching_mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Matching<'a> {
    /// The one with an equivalent URI (RFC 3261 §19.1.4).
    #[default]
    Contact,
    /// The one with an equivalent URI and the same Call-ID.
    ContactAndCallId,
    /// The one whose URI has the same value for this parameter.
    Parameter(&'a [u8]),
}

/// What one REGISTER asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Update<'a> {
    /// Its Call-ID.
    pub(crate) call_id: &'a [u8],
    /// Its CSeq number.
    pub(crate) cseq: u32,
    /// `Contact: *`: forget all bindings.
    pub(crate) all: bool,
    /// The contacts, as [`Binding::write`] writes them. One that shall be removed ends in the past.
    pub(crate) contacts: Bindings<'a>,
    /// How contacts are recognised.
    pub(crate) matching: Matching<'a>,
    /// How many bindings an address may have; zero is [`CONTACTS_MAX`].
    pub(crate) contacts_max: u32,
    /// Whether too many push out the oldest, instead of being refused.
    pub(crate) force: bool,
    /// Whether an equal CSeq is as good as a higher one.
    pub(crate) equal_cseq: bool,
    /// For how many seconds a repeated REGISTER is taken for a retransmission.
    pub(crate) cseq_delay: u32,
}

/// Why nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A binding was made by a later REGISTER of the same Call-ID.
    Cseq,
    /// The address would have too many bindings.
    TooMany,
    /// This REGISTER has been done already: nothing to do, and nothing wrong.
    Repeated,
}

/// Bindings of one address that are handled without allocating.
const USUAL: usize = 8;

impl Table {
    /// Does what the REGISTER asks for.
    pub(crate) fn update(
        &mut self,
        aor: &[u8],
        now: u32,
        update: &Update<'_>,
    ) -> Result<(), Refused> {
        self.rewrite(aor, |old, rewrite| {
            let old: SmallVec<[Binding<'_>; USUAL]> =
                old.filter(|binding| !binding.is_expired(now)).collect();
            let kept = if update.all {
                wipe(&old, now, update)?
            } else {
                merge(&old, now, update)?
            };
            kept.iter().for_each(|binding| rewrite.push(binding));
            Ok(())
        })
    }
}

/// Step 6: everything goes, unless one binding is younger than the request.
fn wipe<'a>(
    old: &[Binding<'a>],
    now: u32,
    update: &Update<'_>,
) -> Result<SmallVec<[Binding<'a>; USUAL]>, Refused> {
    old.iter()
        .try_for_each(|binding| check_order(binding, now, update))?;
    Ok(SmallVec::new())
}

/// Step 7: each contact adds, refreshes or removes a binding.
fn merge<'a>(
    old: &[Binding<'a>],
    now: u32,
    update: &Update<'a>,
) -> Result<SmallVec<[Binding<'a>; USUAL]>, Refused> {
    for contact in update.contacts {
        let stored = old
            .iter()
            .find(|stored| is_same(stored, &contact, update.matching));
        stored.map_or(Ok(()), |stored| check_order(stored, now, update))?;
    }
    let mut kept: SmallVec<[Binding<'a>; USUAL]> = old.iter().copied().collect();
    for contact in update.contacts {
        let found = kept
            .iter()
            .position(|stored| is_same(stored, &contact, update.matching));
        match found {
            Some(place) if contact.is_expired(now) => drop(kept.remove(place)),
            Some(place) => kept[place] = contact,
            None if contact.is_expired(now) => {}
            None => kept.push(contact),
        }
    }
    let limit = match update.contacts_max as usize {
        0 => CONTACTS_MAX,
        limit => limit.min(CONTACTS_MAX),
    };
    if kept.len() > limit {
        // Fewer than before is always welcome, even when the limit was lowered meanwhile.
        if !update.force && kept.len() > old.len() {
            return Err(Refused::TooMany);
        }
        if update.force {
            push_out_oldest(&mut kept, limit);
        }
    }
    Ok(kept)
}

/// RFC 3261 §10.3: a binding made under the same Call-ID gives way to a higher CSeq only.
fn check_order(stored: &Binding<'_>, now: u32, update: &Update<'_>) -> Result<(), Refused> {
    if stored.call_id != update.call_id || update.cseq > stored.cseq {
        return Ok(());
    }
    if update.cseq < stored.cseq {
        return Err(Refused::Cseq);
    }
    if update.equal_cseq {
        return Ok(());
    }
    // The transaction that absorbed retransmissions may have ended; the binding says what was done.
    if now < stored.modified.saturating_add(update.cseq_delay) {
        Err(Refused::Repeated)
    } else {
        Err(Refused::Cseq)
    }
}

fn push_out_oldest(kept: &mut SmallVec<[Binding<'_>; USUAL]>, limit: usize) {
    while kept.len() > limit {
        let oldest = (0..kept.len())
            .min_by_key(|place| kept[*place].modified)
            .unwrap_or(0);
        kept.remove(oldest);
    }
}

/// Whether a contact means this stored binding.
fn is_same(stored: &Binding<'_>, contact: &Binding<'_>, matching: Matching<'_>) -> bool {
    match matching {
        Matching::Contact => is_equivalent(stored.contact, contact.contact),
        Matching::ContactAndCallId => {
            stored.call_id == contact.call_id && is_equivalent(stored.contact, contact.contact)
        }
        Matching::Parameter(name) => {
            match (
                parameter(stored.contact, name),
                parameter(contact.contact, name),
            ) {
                (Some(ours), Some(theirs)) => ours == theirs,
                // Without the parameter on either side only the URI is left to compare.
                (None, None) => is_equivalent(stored.contact, contact.contact),
                (Some(_), None) | (None, Some(_)) => false,
            }
        }
    }
}

/// RFC 3261 §19.1.4; bytes that are no URI are equal to themselves.
pub(crate) fn is_equivalent(left: &[u8], right: &[u8]) -> bool {
    if left == right {
        return true;
    }
    match (Uri::parse(left), Uri::parse(right)) {
        (Ok(left), Ok(right)) => left.equivalent(&right),
        _ => false,
    }
}

fn parameter<'a>(uri: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    Uri::parse(uri).ok()?.params.get(name)
}

impl<'a> Update<'a> {
    /// Appends it, for the shard that owns the address.
    pub(crate) fn write(&self, contacts: &[u8], out: &mut Vec<u8>) {
        put_text(out, self.call_id);
        out.extend_from_slice(&self.cseq.to_be_bytes());
        put_number(
            out,
            u64::from(self.all) | u64::from(self.force) << 1 | u64::from(self.equal_cseq) << 2,
        );
        put_number(out, u64::from(self.contacts_max));
        put_number(out, u64::from(self.cseq_delay));
        match self.matching {
            Matching::Contact => put_number(out, 0),
            Matching::ContactAndCallId => put_number(out, 1),
            Matching::Parameter(name) => {
                put_number(out, 2);
                put_text(out, name);
            }
        }
        out.extend_from_slice(contacts);
    }

    /// Reads what [`Update::write`] wrote.
    pub(crate) fn read(mut reader: Reader<'a>) -> Option<Update<'a>> {
        let call_id = reader.text()?;
        let cseq = reader.fixed()?;
        let flags = reader.number()?;
        let contacts_max = reader.number()? as u32;
        let cseq_delay = reader.number()? as u32;
        let matching = match reader.number()? {
            0 => Matching::Contact,
            1 => Matching::ContactAndCallId,
            _ => Matching::Parameter(reader.text()?),
        };
        Some(Update {
            call_id,
            cseq,
            all: flags & 1 != 0,
            contacts: Bindings::new(reader.rest()),
            matching,
            contacts_max,
            force: flags & 2 != 0,
            equal_cseq: flags & 4 != 0,
            cseq_delay,
        })
    }
}
