//! A binding (RFC 3261 §10.2): one contact of an address-of-record, and its bytes.
//!
//! A [`Binding`] is a view: it borrows from the table's record, from a letter or from the REGISTER
//! it was read from, and is copied freely. The same bytes are the storage and the letter between
//! shards: numbers are variable-length, an absent text costs one byte, so a usual binding takes
//! about 40 bytes more than its texts.

use super::bytes::{Reader, put_number, put_text};

/// One binding. Texts that are absent are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Binding<'a> {
    /// The contact URI, without angle brackets.
    pub(crate) contact: &'a [u8],
    /// The Call-ID of the REGISTER that made or refreshed it.
    pub(crate) call_id: &'a [u8],
    /// The User-Agent of that REGISTER.
    pub(crate) user_agent: &'a [u8],
    /// The URI of where that REGISTER came from, when the contact itself is not reachable.
    pub(crate) received: &'a [u8],
    /// The Path values (RFC 3327), first hop first, joined by commas.
    pub(crate) path: &'a [u8],
    /// The `+sip.instance` (RFC 5626), without quotes.
    pub(crate) instance: &'a [u8],
    /// What the script attached (`attr_avp`).
    pub(crate) attr: &'a [u8],
    /// The CSeq number of that REGISTER.
    pub(crate) cseq: u32,
    /// When it ends, in seconds since the epoch.
    pub(crate) expires: u32,
    /// When it was made or refreshed, in seconds since the epoch.
    pub(crate) modified: u32,
    /// In thousandths; `None` when it said nothing.
    pub(crate) q: Option<u16>,
    /// Which methods it takes, by their bit; all ones when it said nothing.
    pub(crate) methods: u32,
    /// The branch flags that were set when it was saved; a lookup restores them.
    pub(crate) branch_flags: u32,
    /// The socket that received the REGISTER, plus one; zero is "any".
    pub(crate) socket: u16,
    /// The connection that the REGISTER came by, where it is to be kept; zero is "none".
    pub(crate) connection: u64,
    /// The `reg-id` (RFC 5626), plus one; zero is "none".
    pub(crate) reg_id: u32,
}

impl<'a> Binding<'a> {
    /// Whether it has ended at `now`.
    pub(crate) fn is_expired(&self, now: u32) -> bool {
        self.expires <= now
    }

    /// Whether requests for it go to this host: where it was received from, or else what it names.
    pub(crate) fn is_reached_at(&self, host: &[u8]) -> bool {
        let uri = if self.received.is_empty() {
            self.contact
        } else {
            self.received
        };
        match (parser::Uri::parse(uri), parser::Host::parse(host)) {
            (Ok(uri), Ok(parser::Host::Name(name))) => uri.host_text.eq_ignore_ascii_case(name),
            (Ok(uri), Ok(address)) => uri.host == address,
            _ => false,
        }
    }

    /// Appends its bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for text in [
            self.contact,
            self.call_id,
            self.user_agent,
            self.received,
            self.path,
            self.instance,
            self.attr,
        ] {
            put_text(out, text);
        }
        out.extend_from_slice(&self.expires.to_be_bytes());
        out.extend_from_slice(&self.modified.to_be_bytes());
        // Fixed, so that a refresh finds room in the record it replaces.
        out.extend_from_slice(&self.cseq.to_be_bytes());
        put_number(out, self.q.map_or(0, |q| u64::from(q) + 1));
        put_number(out, u64::from(!self.methods));
        put_number(out, u64::from(self.branch_flags));
        put_number(out, u64::from(self.socket));
        put_number(out, self.connection);
        put_number(out, u64::from(self.reg_id));
    }

    /// Reads what [`Binding::write`] wrote. `None` at the end or when the bytes are not a binding.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Option<Binding<'a>> {
        Some(Binding {
            contact: reader.text()?,
            call_id: reader.text()?,
            user_agent: reader.text()?,
            received: reader.text()?,
            path: reader.text()?,
            instance: reader.text()?,
            attr: reader.text()?,
            expires: reader.fixed()?,
            modified: reader.fixed()?,
            cseq: reader.fixed()?,
            q: (reader.number()? as u16).checked_sub(1),
            methods: !(reader.number()? as u32),
            branch_flags: reader.number()? as u32,
            socket: reader.number()? as u16,
            connection: reader.number()?,
            reg_id: reader.number()? as u32,
        })
    }
}

/// The bindings of a record or a letter, one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bindings<'a>(Reader<'a>);

impl<'a> Bindings<'a> {
    /// Over bytes that [`Binding::write`] wrote.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Bindings(Reader::new(bytes))
    }
}

impl<'a> Iterator for Bindings<'a> {
    type Item = Binding<'a>;

    fn next(&mut self) -> Option<Binding<'a>> {
        if self.0.is_empty() {
            return None;
        }
        Binding::read(&mut self.0)
    }
}
