//! What scripts ask about bindings without changing the message, and `remove`.

use engine::module::{Args, Context, Verdict};

use super::Registrar;
use crate::usrloc::binding::Binding;
use crate::usrloc::update::is_equivalent;
use crate::usrloc::{Ask, Asked, Question, Told, Usrloc};

impl Registrar {
    /// Whether the address has a binding. Without one it is the Request-URI's, of a REGISTER the To's.
    pub(super) fn is_registered(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        self.any(cx, args.str(0), args.maybe_str(1), |_| true)
    }

    /// Whether the address has a binding with this contact, or this Call-ID.
    pub(super) fn is_contact_registered(
        &mut self,
        cx: &mut Context<'_>,
        args: Args<'_>,
    ) -> Verdict {
        let (contact, call_id) = (args.maybe_str(2), args.maybe_str(3));
        let message = cx.message;
        let first = message
            .contacts()
            .next()
            .map(|element| element.value.addr_spec);
        // With neither, the message's own Contact is meant.
        let contact = contact.or(if call_id.is_none() { first } else { None });
        self.any(cx, args.str(0), args.maybe_str(1), |binding| {
            contact.is_none_or(|contact| is_equivalent(binding.contact, contact))
                && call_id.is_none_or(|call_id| binding.call_id == call_id)
        })
    }

    /// Whether the address has a binding that was registered from this host.
    pub(super) fn is_ip_registered(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let mut host = Vec::new();
        args.value(2).write(&mut host);
        self.any(cx, args.str(0), args.maybe_str(1), |binding| {
            binding.is_reached_at(&host)
        })
    }

    /// Forgets bindings of the address: all, or those that fit contact, next hop and instance.
    pub(super) fn remove(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let ask = Ask::Remove {
            contact: args.str(2),
            next_hop: args.str(3),
            instance: args.str(4),
        };
        match self.ask(cx, args.str(0), Some(args.str(1)), ask) {
            Ok(told) => Verdict::of(told.removed > 0),
            Err(verdict) => verdict,
        }
    }

    fn any(
        &mut self,
        cx: &mut Context<'_>,
        table: &[u8],
        address: Option<&[u8]>,
        fits: impl Fn(&Binding<'_>) -> bool,
    ) -> Verdict {
        match self.ask(cx, table, address, Ask::List) {
            Ok(mut told) => Verdict::of(told.bindings.any(|binding| fits(&binding))),
            Err(verdict) => verdict,
        }
    }

    fn ask(
        &mut self,
        cx: &mut Context<'_>,
        table: &[u8],
        address: Option<&[u8]>,
        ask: Ask<'_>,
    ) -> Result<Told<'_>, Verdict> {
        let own = if cx.message.method() == parser::Method::Register {
            cx.message.to().addr_spec
        } else {
            cx.request_uri()
        };
        self.aor
            .key(address.unwrap_or(own), &mut self.key)
            .map_err(|_| Verdict::FAIL)?;
        let question = Question {
            table,
            aor: &self.key,
            ask,
        };
        let answer = &mut self.answer;
        match cx.with_module::<Usrloc, _>(|usrloc, cx| usrloc.ask(cx, &question, answer)) {
            Some(Asked::Waits(verdict)) => Err(verdict),
            Some(Asked::Answered) => Told::read(&self.answer).ok_or(Verdict::FAIL),
            Some(Asked::Failed) | None => Err(Verdict::FAIL),
        }
    }
}
