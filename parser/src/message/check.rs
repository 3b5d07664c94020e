//! The full verdict on the core headers: RFC 3261 §16.3 step 1, RFC 4475.
//!
//! `Message::parse` has judged the structure; here every value that routing or matching stands on
//! is read once. What a script may never look at passes untouched.

use super::Message;
use super::index::Start;
use super::known::{AddressPlace, Known, ViaPlace};
use super::list::Elements;
use crate::grammar::{self, Cursor, TOKEN, WORD};
use crate::header::{media_type::MediaType, via::MAGIC_COOKIE};
use crate::limits::LIST_MAX;
use crate::uri::Scheme;
use crate::{Expected, Fault, FaultKind, HeaderName, Method, NameAddr, Uri, Via};

/// Schemes that a proxy can do something with although they are not SIP's: a script maps them.
const MAPPED_SCHEMES: [&[u8]; 4] = [b"urn", b"im", b"pres", b"cid"];

impl Message {
    /// The full verdict on the core headers; run it once a message. What it reads of the first Via, From and To is
    /// kept for the accessors.
    pub fn check(&mut self) -> Result<(), Fault> {
        self.index.known = self.read_core_headers()?;
        Ok(())
    }

    /// The same verdict without keeping anything.
    pub fn judge(&self) -> Result<(), Fault> {
        self.read_core_headers().map(drop)
    }

    fn read_core_headers(&self) -> Result<Known, Fault> {
        self.verdict().map_err(|mut fault| {
            fault.silent = self.is_never_answered();
            fault
        })
    }

    /// RFC 3261 §17.1: an ACK is never answered, and a response neither.
    pub(super) fn is_never_answered(&self) -> bool {
        !self.is_request() || self.method() == Method::Ack
    }

    fn verdict(&self) -> Result<Known, Fault> {
        if let Start::Request { uri, .. } = self.index.start {
            self.check_request_uri()
                .map_err(|fault| fault.shifted(uri.start.into()))?;
            self.check_method()?;
        }
        let known = Known {
            via: self.check_vias()?,
            from: self.check_one_address(HeaderName::From)?,
            to: self.check_one_address(HeaderName::To)?,
        };
        self.check_call_id()?;
        self.check_addresses(HeaderName::Contact, false)?;
        for name in [HeaderName::Route, HeaderName::RecordRoute, HeaderName::Path] {
            self.check_addresses(name, true)?;
        }
        self.check_content_type()?;
        Ok(known)
    }

    fn check_request_uri(&self) -> Result<(), Fault> {
        let text = self.request_uri();
        let uri = Uri::parse(text)?;
        if let Some(headers) = uri.headers {
            // §19.1.1: headers are not for a Request-URI. RFC 4475 §3.1.2.11.
            return Err(Fault::expected(
                Expected::End,
                text.len() - headers.len() - 1,
            ));
        }
        match uri.scheme {
            Scheme::Sip | Scheme::Sips | Scheme::Tel => Ok(()),
            Scheme::Other(name) => {
                let mapped = MAPPED_SCHEMES
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known));
                // A Route decides the next hop, whatever the Request-URI is.
                let routed = self.header(HeaderName::Route).is_some();
                if mapped || routed {
                    Ok(())
                } else {
                    Err(Fault::new(FaultKind::Scheme, 0))
                }
            }
        }
    }

    /// §8.1.1.5: the CSeq's method is the start line's.
    fn check_method(&self) -> Result<(), Fault> {
        let cseq = self.index.cseq_method;
        if cseq.of(self.bytes()) == self.method().as_bytes() {
            return Ok(());
        }
        let kind = FaultKind::MethodMismatch {
            known: self.method().is_known(),
        };
        Err(Fault::new(kind, cseq.start.into()).in_header(HeaderName::CSeq))
    }

    fn check_vias(&self) -> Result<Option<ViaPlace>, Fault> {
        // An empty line is no Via, and on top it would hide the one that a response goes by.
        if let Some(first) = self.header(HeaderName::Via)
            && first.value.is_empty()
        {
            let at = usize::from(first.value_span.start);
            return Err(Fault::expected(Expected::SipVersion, at).in_header(HeaderName::Via));
        }
        let mut elements = Elements::new(self, HeaderName::Via);
        let mut known = None;
        let mut top = true;
        let mut room = LIST_MAX;
        while let Some(via) = elements.read::<Via<'_>>() {
            let via = via?;
            take_room(&mut room, via.span.start, HeaderName::Via)?;
            // RFC 4475 §3.2.1: the cookie alone names no transaction.
            if top && via.value.branch().eq_ignore_ascii_case(MAGIC_COOKIE) {
                let at = self
                    .span_of(via.value.branch())
                    .map_or(via.span.start, |branch| branch.end);
                return Err(Fault::expected(Expected::Branch, at.into()).in_header(HeaderName::Via));
            }
            if top {
                known = ViaPlace::new(self.bytes(), via.span, &via.value);
            }
            top = false;
        }
        // Lines without a value in them are no Via.
        if top {
            Err(Fault::new(
                FaultKind::Missing(HeaderName::Via),
                self.headers_end().into(),
            ))
        } else {
            Ok(known)
        }
    }

    fn check_one_address(&self, name: HeaderName) -> Result<Option<AddressPlace>, Fault> {
        let Some(field) = self.header(name) else {
            return Ok(None);
        };
        let judged = NameAddr::parse(field.value).and_then(|address| {
            let offset = offset_of(field.value, address.addr_spec);
            Uri::judge(address.addr_spec).map_err(|fault| fault.shifted(offset))?;
            Ok(AddressPlace::new(self.bytes(), &address))
        });
        judged.map_err(|fault| fault.shifted(field.value_span.start.into()).in_header(name))
    }

    /// Route and its kin are name-addr always: without brackets it is unclear whose `lr` is.
    fn check_addresses(&self, name: HeaderName, brackets: bool) -> Result<(), Fault> {
        let mut elements = Elements::new(self, name);
        let mut room = LIST_MAX;
        while let Some(element) = elements.read::<NameAddr<'_>>() {
            let element = element?;
            take_room(&mut room, element.span.start, name)?;
            let address = element.value;
            if address.is_star() && name == HeaderName::Contact {
                continue;
            }
            let offset =
                usize::from(element.span.start) + offset_of(element.raw, address.addr_spec);
            if brackets && !address.bracketed {
                return Err(Fault::expected(Expected::Brackets, offset).in_header(name));
            }
            Uri::judge(address.addr_spec).map_err(|fault| fault.shifted(offset).in_header(name))?;
        }
        Ok(())
    }

    /// `word [@ word]`, §25.1.
    fn check_call_id(&self) -> Result<(), Fault> {
        let Some(field) = self.header(HeaderName::CallId) else {
            return Ok(());
        };
        let mut cursor = Cursor::new(field.value);
        let judged = cursor.some(WORD, Expected::Token).and_then(|_| {
            if cursor.eat(b'@') {
                cursor.some(WORD, Expected::Token)?;
            }
            cursor.end()
        });
        judged.map_err(|fault| {
            fault
                .shifted(field.value_span.start.into())
                .in_header(HeaderName::CallId)
        })
    }

    fn check_content_type(&self) -> Result<(), Fault> {
        let Some(field) = self.header(HeaderName::ContentType) else {
            return Ok(());
        };
        let judged = MediaType::parse(field.value).map(drop);
        judged.map_err(|fault| {
            fault
                .shifted(field.value_span.start.into())
                .in_header(HeaderName::ContentType)
        })
    }

    /// Whether a value is one token: a method, an option tag.
    #[must_use]
    pub fn is_token(text: &[u8]) -> bool {
        grammar::all(text, TOKEN)
    }
}

/// One element more of a list, if it has room for it.
fn take_room(room: &mut usize, at: u16, name: HeaderName) -> Result<(), Fault> {
    match room.checked_sub(1) {
        Some(left) => {
            *room = left;
            Ok(())
        }
        None => Err(Fault::new(FaultKind::TooLarge, at.into()).in_header(name)),
    }
}

fn offset_of(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().saturating_sub(whole.as_ptr().addr())
}
