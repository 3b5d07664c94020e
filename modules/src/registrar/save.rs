//! `save`: a REGISTER from message to response.

use engine::input::SocketId;
use engine::module::{Args, Context, Verdict};
use parser::Message;

use super::Registrar;
use super::answer::{copy_path, write_contacts, write_path};
use super::aor::NoAor;
use super::contacts::{self, Common, Fault, Wanted};
use super::flags::SaveFlags;
use crate::sipmsgops::write_date;
use crate::usrloc::update::{Matching, Refused, Update};
use crate::usrloc::{Ask, Asked, Question, Told, Usrloc};

impl Registrar {
    /// 1: done. 0: refused and answered so, nothing is left to do for the script. -1: refused, or no
    /// answer could be sent, and the script has to answer.
    pub(super) fn save(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Ok(flags) = SaveFlags::parse(args.str(1)) else {
            return Verdict::FAIL;
        };
        match self.try_save(cx, &args, &flags) {
            Ok(Some(wait)) => wait,
            Ok(None) => {
                self.accepted += 1;
                self.accept(cx, &flags)
            }
            Err(fault) => {
                self.rejected += 1;
                self.refuse(cx, fault, &flags)
            }
        }
    }

    /// Has the bindings changed; what they are now stands in `self.answer`. `Some` when the run has to wait.
    fn try_save(
        &mut self,
        cx: &mut Context<'_>,
        args: &Args<'_>,
        flags: &SaveFlags<'_>,
    ) -> Result<Option<Verdict>, Fault> {
        let message = cx.message;
        let address = args.maybe_str(2).unwrap_or(message.to().addr_spec);
        self.aor
            .key(address, &mut self.key)
            .map_err(|why| match why {
                NoAor::Unreadable => Fault::Aor,
                NoAor::TooLong => Fault::AorTooLong,
            })?;
        self.written.clear();
        let wanted = match cx.answer() {
            // The owner has been asked before this run waited.
            Some(_) => Wanted::Fetch,
            None => self.read_contacts(cx, flags)?,
        };
        let (matching, cseq_delay) = match cx.module::<Usrloc>() {
            Some(usrloc) => (usrloc.matching(), usrloc.cseq_delay()),
            None => return Err(Fault::Unavailable),
        };
        let update = Update {
            call_id: message.call_id(),
            cseq: message.cseq().number,
            all: wanted == Wanted::RemoveAll,
            matching: flags.matching.map_or(matching, by_flag),
            contacts_max: flags.contacts_max.unwrap_or(self.contacts_max),
            force: flags.force,
            equal_cseq: self.equal_cseq,
            cseq_delay,
            ..Update::default()
        };
        let ask = match wanted {
            Wanted::Fetch => Ask::List,
            Wanted::RemoveAll | Wanted::Change => Ask::Update(update, &self.written),
        };
        let question = Question {
            table: args.str(0),
            aor: &self.key,
            ask,
        };
        let answer = &mut self.answer;
        let asked = cx.with_module::<Usrloc, _>(|usrloc, cx| usrloc.ask(cx, &question, answer));
        match asked {
            Some(Asked::Waits(verdict)) => return Ok(Some(verdict)),
            Some(Asked::Answered) => {}
            Some(Asked::Failed) | None => return Err(Fault::Unavailable),
        }
        match Told::read(&self.answer).ok_or(Fault::Unavailable)?.refused {
            // Done before: the same answer again.
            None | Some(Refused::Repeated) => Ok(None),
            Some(Refused::Cseq) => Err(Fault::Cseq),
            Some(Refused::TooMany) => Err(Fault::TooMany),
        }
    }

    fn read_contacts(
        &mut self,
        cx: &mut Context<'_>,
        flags: &SaveFlags<'_>,
    ) -> Result<Wanted, Fault> {
        let deviation = match self.expires_max_deviation {
            0 => 0,
            most => (cx.core.random.next_u64() % (2 * u64::from(most) + 1)) as i32 - most as i32,
        };
        let avp = |name: Option<engine::run::NameId>| {
            name.and_then(|name| cx.scene.avps.get(name))
                .and_then(|value| value.text())
                .unwrap_or_default()
        };
        let keep = self
            .tcp_persistent_mask
            .is_some_and(|mask| cx.scene.flags & mask != 0);
        let common = Common {
            now: cx.now.unix_s() as u32,
            received: avp(self.received_name),
            attr: avp(self.attr_name),
            branch_flags: cx.scene.targets.get(0).map_or(0, |target| target.flags),
            socket: self.socket(cx, flags).0 + 1,
            connection: if keep { cx.scene.flow.connection.0 } else { 0 },
            deviation,
        };
        contacts::read(
            cx.message,
            &self.contacts,
            flags,
            &common,
            &mut self.written,
        )
    }

    fn accept(&mut self, cx: &mut Context<'_>, flags: &SaveFlags<'_>) -> Verdict {
        if flags.no_reply {
            return Verdict::OK;
        }
        let now = cx.now.unix_s() as u32;
        let only: Option<&Message> = flags.only_request_contacts.then_some(cx.message);
        let headers = &mut cx.scene.proxy.reply_headers;
        if let Some(told) = Told::read(&self.answer) {
            write_contacts(
                told.bindings,
                only,
                self.received_parameter.as_bytes(),
                now,
                headers,
            );
        }
        write_path(cx.message, flags.path, headers);
        // RFC 3261 §10.3 step 8: phones without a clock set theirs by it.
        write_date(cx.now.unix_s(), headers);
        Verdict::of(cx.reply(200, b"OK"))
    }

    fn refuse(&mut self, cx: &mut Context<'_>, fault: Fault, flags: &SaveFlags<'_>) -> Verdict {
        if flags.no_reply {
            return Verdict::FAIL;
        }
        let (code, info) = fault.response();
        let headers = &mut cx.scene.proxy.reply_headers;
        let mut line = |text: String| headers.extend_from_slice(text.as_bytes());
        line(format!("P-Registrar-Error: {info}\r\n"));
        match fault {
            // RFC 3261 §21.4.17.
            Fault::TooBrief(least) => line(format!("Min-Expires: {least}\r\n")),
            // RFC 3327 §5.1: the Path goes back, so that whoever debugs this sees who put it there.
            Fault::PathUnsupported => {
                line("Unsupported: path\r\n".into());
                copy_path(cx.message, headers);
            }
            Fault::TooMany | Fault::Unavailable if self.retry_after > 0 => {
                line(format!("Retry-After: {}\r\n", self.retry_after));
            }
            _ => {}
        }
        if cx.reply(code, b"") {
            Verdict::Return(0)
        } else {
            Verdict::FAIL
        }
    }

    /// The socket that a REGISTER counts as received by: the one that received it, or the one that a
    /// proxy of ours before us has named in a header.
    fn socket(&self, cx: &Context<'_>, flags: &SaveFlags<'_>) -> SocketId {
        let named = cx
            .message
            .headers_called(self.sock_hdr_name.as_bytes())
            .next()
            .filter(|_| flags.socket_header)
            .and_then(|header| cx.core.sockets.find(header.value));
        named.map_or(cx.scene.flow.socket, |socket| socket.id)
    }

    /// Adds a header that names the receiving socket: `udp:192.0.2.1:5060`.
    pub(super) fn add_sock_hdr(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Some(socket) = cx.core.sockets.get(cx.scene.flow.socket) else {
            return Verdict::FAIL;
        };
        let line = [args.str(0), b": ", socket.name.as_bytes(), b"\r\n"].concat();
        cx.draft.append_header(&line);
        Verdict::OK
    }
}

/// `0`, `1` or `<parameter>`.
fn by_flag(text: &[u8]) -> Matching<'_> {
    match text {
        b"0" => Matching::Contact,
        b"1" => Matching::ContactAndCallId,
        name => Matching::Parameter(
            name.strip_prefix(b"<")
                .and_then(|name| name.strip_suffix(b">"))
                .unwrap_or(name),
        ),
    }
}
