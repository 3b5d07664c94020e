//! What is asked of the shard that owns an address, and what it says: the same bytes whether the
//! owner is this shard or another.

use super::binding::{Binding, Bindings};
use super::bytes::{Reader, put_text};
use super::table::Table;
use super::update::{Refused, Update, is_equivalent};

/// A question about one address-of-record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// The table: `location`.
    pub(crate) table: &'a [u8],
    /// The address.
    pub(crate) aor: &'a [u8],
    /// What is asked.
    pub(crate) ask: Ask<'a>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask<'a> {
    /// All bindings.
    List,
    /// Change them as a REGISTER says. The contacts are written behind it.
    Update(Update<'a>, &'a [u8]),
    /// Forget those that fit; an empty text fits any.
    Remove {
        /// An equivalent contact URI.
        contact: &'a [u8],
        /// The host that it was received from or names.
        next_hop: &'a [u8],
        /// The `+sip.instance`.
        instance: &'a [u8],
    },
    /// Add or replace one binding, written behind it; there is no CSeq to compare.
    Put(&'a [u8]),
}

/// What the owner says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    /// Why nothing was changed, when something should have been.
    pub(crate) refused: Option<Refused>,
    /// Bindings that a removal took.
    pub(crate) removed: u32,
    /// The bindings that the address has now.
    pub(crate) bindings: Bindings<'a>,
}

impl<'a> Question<'a> {
    /// Appends it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_text(out, self.table);
        put_text(out, self.aor);
        match &self.ask {
            Ask::List => out.push(0),
            Ask::Update(update, contacts) => {
                out.push(1);
                update.write(contacts, out);
            }
            Ask::Remove {
                contact,
                next_hop,
                instance,
            } => {
                out.push(2);
                for text in [contact, next_hop, instance] {
                    put_text(out, text);
                }
            }
            Ask::Put(binding) => {
                out.push(3);
                out.extend_from_slice(binding);
            }
        }
    }

    /// Reads what [`Question::write`] wrote.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Question<'a>> {
        let mut reader = Reader::new(bytes);
        let (table, aor) = (reader.text()?, reader.text()?);
        let ask = match reader.byte()? {
            0 => Ask::List,
            1 => Ask::Update(Update::read(reader)?, b""),
            2 => Ask::Remove {
                contact: reader.text()?,
                next_hop: reader.text()?,
                instance: reader.text()?,
            },
            3 => Ask::Put(reader.rest()),
            _ => return None,
        };
        Some(Question { table, aor, ask })
    }
}

/// Does what is asked and appends the answer.
pub(super) fn answer(table: &mut Table, question: &Question<'_>, now: u32, out: &mut Vec<u8>) {
    let (mut refused, mut removed) = (None, 0);
    match &question.ask {
        Ask::List => {}
        Ask::Update(update, contacts) => {
            // Read from a letter the contacts are already in the update.
            let update = if contacts.is_empty() {
                *update
            } else {
                Update {
                    contacts: Bindings::new(contacts),
                    ..*update
                }
            };
            refused = table.update(question.aor, now, &update).err();
        }
        Ask::Remove {
            contact,
            next_hop,
            instance,
        } => {
            let fits = |binding: &Binding<'_>| {
                (contact.is_empty() || is_equivalent(binding.contact, contact))
                    && (next_hop.is_empty() || binding.is_reached_at(next_hop))
                    && (instance.is_empty() || binding.instance == *instance)
            };
            removed = forget(table, question.aor, fits);
        }
        Ask::Put(bytes) => put(table, question.aor, Bindings::new(bytes)),
    }
    out.push(match refused {
        None => 0,
        Some(Refused::Cseq) => 1,
        Some(Refused::TooMany) => 2,
        Some(Refused::Repeated) => 3,
    });
    out.extend_from_slice(&removed.to_be_bytes());
    for binding in table
        .bindings(question.aor)
        .filter(|binding| !binding.is_expired(now))
    {
        binding.write(out);
    }
}

impl<'a> Told<'a> {
    /// Reads what the owner wrote.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Told<'a>> {
        let mut reader = Reader::new(bytes);
        let refused = match reader.byte()? {
            0 => None,
            1 => Some(Refused::Cseq),
            2 => Some(Refused::TooMany),
            3 => Some(Refused::Repeated),
            _ => return None,
        };
        let removed = reader.fixed()?;
        Some(Told {
            refused,
            removed,
            bindings: Bindings::new(reader.rest()),
        })
    }
}

fn forget(table: &mut Table, aor: &[u8], fits: impl Fn(&Binding<'_>) -> bool) -> u32 {
    let mut removed = 0;
    let Ok(()) = table.rewrite::<std::convert::Infallible>(aor, |old, rewrite| {
        for binding in old {
            if fits(&binding) {
                removed += 1;
            } else {
                rewrite.push(&binding);
            }
        }
        Ok(())
    });
    removed
}

fn put(table: &mut Table, aor: &[u8], new: Bindings<'_>) {
    let Ok(()) = table.rewrite::<std::convert::Infallible>(aor, |old, rewrite| {
        for binding in old.filter(|binding| {
            !new.clone()
                .any(|new| is_equivalent(new.contact, binding.contact))
        }) {
            rewrite.push(&binding);
        }
        new.for_each(|binding| rewrite.push(&binding));
        Ok(())
    });
}
