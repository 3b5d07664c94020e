//! DNS response messages: RFC 1035 §4, SRV of RFC 2782, NAPTR of RFC 3403.
//!
//! Reads the bytes of an answer to one question into [`Records`]. Trusts nothing: a length that
//! reaches past the end, a name that points in a circle or an answer to another question is a
//! malformed answer, and counts are bounded.

use std::net::{Ipv4Addr, Ipv6Addr};

use smallvec::SmallVec;

use crate::limits::{DNS_ALIASES_MAX, DNS_RECORDS_MAX};

/// A record type this room asks for, by its number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum RecordType {
    /// An IPv4 address.
    A = 1,
    /// An IPv6 address.
    Aaaa = 28,
    /// Servers of a service.
    Srv = 33,
    /// Services of a domain.
    Naptr = 35,
}

const CNAME: u16 = 5;
const SOA: u16 = 6;
const CLASS_INTERNET: u16 = 1;
const NAME_BYTES_MAX: usize = 255;
/// Compression pointers of one name; each has to point backwards, so this is generous.
const JUMPS_MAX: usize = 16;

/// A domain name in text: lower case, labels joined by dots, no final dot.
pub type Name = SmallVec<[u8; 64]>;

/// One server of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// Lowest first.
    pub priority: u16,
    /// Share among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The server.
    pub target: Box<[u8]>,
}

/// One service of a domain. Only those with flag `s` or `a` and no regular expression are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    /// Lowest first; decides before everything.
    pub order: u16,
    /// Lowest first among those of one order.
    pub preference: u16,
    /// Whether the replacement is an SRV name (`s`) or a host (`a`).
    pub to_srv: bool,
    /// `sip+d2u`, in lower case.
    pub service: Box<[u8]>,
    /// Where it goes on.
    pub replacement: Box<[u8]>,
}

/// What is known about a name and a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// There are none.
    Nothing,
    /// The server did not tell; worth asking again soon.
    Failed,
    /// Another name stands for it, and the answer did not say where that leads.
    Alias(Box<[u8]>),
    /// IPv4 addresses.
    A(SmallVec<[Ipv4Addr; 4]>),
    /// IPv6 addresses.
    Aaaa(SmallVec<[Ipv6Addr; 2]>),
    /// Servers, by priority.
    Srv(Vec<Srv>),
    /// Services, by order and preference.
    Naptr(Vec<Naptr>),
}

/// What an answer says, and for how many seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The records.
    pub records: Records,
    /// Seconds; `None` when the answer does not say (a negative one without SOA).
    pub ttl: Option<u32>,
}

/// Reads the answer to the question for `name` and `record_type`. `None`: malformed, or not the answer to it.
pub fn read(bytes: &[u8], name: &[u8], record_type: RecordType) -> Option<Reply> {
    let mut reader = Reader { bytes, at: 0 };
    let _id = reader.u16()?;
    let flags = reader.u16()?;
    let [questions, answers, authorities, _] =
        [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    let is_response = flags & 0x8000 != 0;
    if !is_response || questions > 1 {
        return None;
    }
    for _ in 0..questions {
        let asked = reader.name()?;
        let asked_type = reader.u16()?;
        let _class = reader.u16()?;
        if !asked.eq_ignore_ascii_case(name) || asked_type != record_type as u16 {
            return None;
        }
    }
    match flags & 0xf {
        0 => {}
        // RFC 2308 §2.1: an NXDOMAIN may still carry the CNAMEs that led to it; either way there is nothing.
        3 => {
            return Some(Reply {
                records: Records::Nothing,
                ttl: negative_ttl(&mut reader, answers, authorities),
            });
        }
        _ => {
            return Some(Reply {
                records: Records::Failed,
                ttl: None,
            });
        }
    }
    let after_question = reader.at;
    let mut wanted: Name = name.iter().map(u8::to_ascii_lowercase).collect();
    let mut ttl = u32::MAX;
    let mut aliases = 0;
    // A CNAME usually stands before what it leads to; each pass follows one further.
    loop {
        reader.at = after_question;
        let mut alias = None;
        let mut found = Found::new(record_type);
        for _ in 0..answers {
            let record = reader.record()?;
            if record.class != CLASS_INTERNET || record.owner != wanted {
                continue;
            }
            if record.record_type == record_type as u16 {
                found.take(bytes, &record)?;
                ttl = ttl.min(record.ttl);
            } else if record.record_type == CNAME {
                alias = Some((
                    Reader {
                        bytes,
                        at: record.data,
                    }
                    .name()?,
                    record.ttl,
                ));
            }
        }
        if !found.is_empty() {
            return Some(Reply {
                records: found.into_records(),
                ttl: Some(ttl),
            });
        }
        match alias {
            Some((target, alias_ttl)) if aliases < DNS_ALIASES_MAX => {
                aliases += 1;
                ttl = ttl.min(alias_ttl);
                wanted = target;
            }
            Some(_) => {
                return Some(Reply {
                    records: Records::Failed,
                    ttl: None,
                });
            }
            None => {
                reader.at = after_question;
                let negative = negative_ttl(&mut reader, answers, authorities);
                // Aliases without an end and without an SOA: the server did not look further.
                let records = if aliases > 0 && negative.is_none() {
                    Records::Alias(wanted.into_boxed_slice())
                } else {
                    Records::Nothing
                };
                let ttl = negative.or((aliases > 0).then_some(ttl));
                return Some(Reply { records, ttl });
            }
        }
    }
}

/// RFC 2308 §5: the lower of the SOA's own lifetime and its MINIMUM field.
fn negative_ttl(reader: &mut Reader<'_>, answers: u16, authorities: u16) -> Option<u32> {
    for _ in 0..answers {
        reader.record()?;
    }
    for _ in 0..authorities {
        let record = reader.record()?;
        if record.record_type == SOA {
            let end = record.data + record.length;
            let minimum = Reader {
                bytes: reader.bytes,
                at: end.checked_sub(4)?,
            }
            .u32()?;
            return Some(minimum.min(record.ttl));
        }
    }
    None
}

/// Collects the records of one type.
enum Found {
    A(SmallVec<[Ipv4Addr; 4]>),
    Aaaa(SmallVec<[Ipv6Addr; 2]>),
    Srv(Vec<Srv>),
    Naptr(Vec<Naptr>),
}

impl Found {
    fn new(record_type: RecordType) -> Self {
        match record_type {
            RecordType::A => Found::A(SmallVec::new()),
            RecordType::Aaaa => Found::Aaaa(SmallVec::new()),
            RecordType::Srv => Found::Srv(Vec::new()),
            RecordType::Naptr => Found::Naptr(Vec::new()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Found::A(list) => list.len(),
            Found::Aaaa(list) => list.len(),
            Found::Srv(list) => list.len(),
            Found::Naptr(list) => list.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(&mut self, bytes: &[u8], record: &Record) -> Option<()> {
        if self.len() >= DNS_RECORDS_MAX {
            return Some(());
        }
        let end = record.data + record.length;
        let mut data = Reader {
            bytes: bytes.get(..end)?,
            at: record.data,
        };
        match self {
            Found::A(list) => list.push(Ipv4Addr::from(data.u32()?)),
            Found::Aaaa(list) => list.push(Ipv6Addr::from(data.array::<16>()?)),
            Found::Srv(list) => {
                let (priority, weight, port) = (data.u16()?, data.u16()?, data.u16()?);
                let target = data.name()?;
                // RFC 2782: a target of "." says that the service is decidedly not there.
                if !target.is_empty() {
                    list.push(Srv {
                        priority,
                        weight,
                        port,
                        target: target.into_boxed_slice(),
                    });
                }
            }
            Found::Naptr(list) => {
                let (order, preference) = (data.u16()?, data.u16()?);
                let flags = data.text()?;
                let service = data.text()?.to_ascii_lowercase();
                let expression = data.text()?;
                let replacement = data.name()?;
                let to_srv = flags.eq_ignore_ascii_case(b"s");
                let is_usable =
                    (to_srv || flags.eq_ignore_ascii_case(b"a")) && expression.is_empty();
                if is_usable && !replacement.is_empty() {
                    let (service, replacement) =
                        (service.into_boxed_slice(), replacement.into_boxed_slice());
                    list.push(Naptr {
                        order,
                        preference,
                        to_srv,
                        service,
                        replacement,
                    });
                }
            }
        }
        Some(())
    }

    fn into_records(self) -> Records {
        match self {
            Found::A(list) => Records::A(list),
            Found::Aaaa(list) => Records::Aaaa(list),
            Found::Srv(mut list) => {
                list.sort_by_key(|srv| srv.priority);
                Records::Srv(list)
            }
            Found::Naptr(mut list) => {
                list.sort_by_key(|naptr| (naptr.order, naptr.preference));
                Records::Naptr(list)
            }
        }
    }
}

struct Record {
    owner: Name,
    record_type: u16,
    class: u16,
    ttl: u32,
    /// Where its data begins.
    data: usize,
    length: usize,
}

#[derive(Clone)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A character-string: RFC 1035 §3.3.
    fn text(&mut self) -> Option<&'a [u8]> {
        let [length] = self.array()?;
        self.take(usize::from(length))
    }

    /// A domain name, following compression (RFC 1035 §4.1.4).
    fn name(&mut self) -> Option<Name> {
        let mut name = Name::new();
        let mut jumps = 0;
        let mut behind = None;
        let mut at = self.at;
        loop {
            let length = *self.bytes.get(at)?;
            match length {
                0 => {
                    self.at = behind.unwrap_or(at + 1);
                    return Some(name);
                }
                1..=63 => {
                    let label = self.bytes.get(at + 1..at + 1 + usize::from(length))?;
                    if !name.is_empty() {
                        name.push(b'.');
                    }
                    name.extend(label.iter().map(u8::to_ascii_lowercase));
                    if name.len() > NAME_BYTES_MAX {
                        return None;
                    }
                    at += 1 + usize::from(length);
                }
                192..=255 => {
                    let low = *self.bytes.get(at + 1)?;
                    let target = usize::from(length & 0x3f) << 8 | usize::from(low);
                    behind.get_or_insert(at + 2);
                    jumps += 1;
                    // Only backwards, so it ends; and not often, so it ends soon.
                    if target >= at || jumps > JUMPS_MAX {
                        return None;
                    }
                    at = target;
                }
                _ => return None,
            }
        }
    }

    fn record(&mut self) -> Option<Record> {
        let owner = self.name()?;
        let (record_type, class, ttl) = (self.u16()?, self.u16()?, self.u32()?);
        let length = usize::from(self.u16()?);
        let data = self.at;
        self.take(length)?;
        // RFC 2181 §8: a lifetime with the top bit set counts as zero.
        let ttl = if ttl > i32::MAX as u32 { 0 } else { ttl };
        Some(Record {
            owner,
            record_type,
            class,
            ttl,
            data,
            length,
        })
    }
}

#[cfg(test)]
#[path = "tests/answer.rs"]
mod tests;
