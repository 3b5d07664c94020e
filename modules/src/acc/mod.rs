//! `acc`: accounting records of transactions, to the log.
//!
//! A script arms accounting for a request; when the transaction is answered or fails, one line is
//! written. Databases, RADIUS and events are other places for the same record and not offered yet;
//! neither are CDRs, which need dialogs.
//!
//! What was armed, and the extra fields, go with the transaction as attributes of its request, under
//! names that no script can write. Owned, like the transaction, by the Call-ID.

mod armed;
mod extra;
mod record;

use engine::module::{Args, Context, Exports, Kind, Module, ParamValue, Routes, Shape, Verdict};
use engine::proxy::{TransactionEvent, TransactionEventKind};
use engine::run::{NameId, ValueRef, write_int};
use parser::Method;

use armed::Armed;
use extra::Extra;
use record::{Event, Record, comment};

/// The module.
#[derive(Debug)]
pub(crate) struct Acc {
    early_media: bool,
    report_cancels: bool,
    detect_direction: bool,
    log_level: i8,
    extra: Vec<Extra>,
    /// Under which attribute the flags of a transaction stand.
    armed_name: Option<NameId>,
    said: Said,
    line: Vec<u8>,
}

impl Module for Acc {
    const NAME: &'static str = "acc";

    fn new() -> Self {
        Acc {
            early_media: false,
            report_cancels: false,
            detect_direction: false,
            // L_NOTICE
            log_level: 2,
            extra: Vec::new(),
            armed_name: None,
            said: Said::default(),
            line: Vec::new(),
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.needs(&["tm"]);
        exports.param("early_media", Kind::Int, |acc, v| {
            flag(&mut acc.early_media, v)
        });
        exports.param("report_cancels", Kind::Int, |acc, v| {
            flag(&mut acc.report_cancels, v)
        });
        exports.param("detect_direction", Kind::Int, |acc, v| {
            flag(&mut acc.detect_direction, v)
        });
        exports.param("log_level", Kind::Int, Self::set_log_level);
        exports.param_list("extra_fields", Kind::Str, Self::add_extra_fields);

        let routes = Routes::REQUEST | Routes::FAILURE | Routes::BRANCH | Routes::LOCAL;
        let flags = Kind::Str.optional().check(armed::check_flags);
        exports.function(
            "do_accounting",
            &[
                Kind::Str.check(armed::check_types),
                flags,
                Kind::Str.optional(),
            ],
            routes,
            Self::arm,
        );
        exports.function(
            "drop_accounting",
            &[Kind::Str.optional().check(armed::check_types), flags],
            routes,
            Self::disarm,
        );
        exports.function("acc_log_request", &[Kind::Str], routes, Self::log_request);
        exports.set_variable(
            "acc_extra",
            Shape::NAMED,
            Self::read_extra,
            Self::write_extra,
        );
        exports.difference(
            "Records go to the log, in OpenSIPS's field order. Databases, AAA, events, call legs and CDRs (which \
             need dialogs) are refused at load by name.",
        );
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        self.armed_name = Some(cx.name(b"\0acc").ok_or("too many names")?);
        for field in &mut self.extra {
            field.start(cx)?;
        }
        Ok(())
    }

    fn on_transaction(&mut self, cx: &mut Context<'_>, event: &TransactionEvent) {
        let Some(armed) = self.armed(cx) else { return };
        match event.kind {
            TransactionEventKind::ReplySent { code, .. }
                if self.is_accounted(cx, event, armed, code) =>
            {
                self.write_answered(cx, event, code);
            }
            TransactionEventKind::Failed { code }
                if armed.missed && cx.message.method() == Method::Invite =>
            {
                self.write_missed(cx, event, code);
            }
            _ => {}
        }
    }
}

fn flag(field: &mut bool, value: ParamValue<'_>) -> Result<(), String> {
    *field = value.int() != 0;
    Ok(())
}

impl Acc {
    fn set_log_level(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        match value.int() {
            level @ -3..=4 => {
                self.log_level = level as i8;
                Ok(())
            }
            other => Err(format!(
                "{other} is not a log level, which are -3 (alert) to 4 (debug)"
            )),
        }
    }

    fn add_extra_fields(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        extra::parse(value.text(), &mut self.extra)
    }

    /// Arms the transaction of this request, now or when there is one.
    fn arm(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let is_cancel = cx.message.method() == Method::Cancel;
        if is_cancel && !self.report_cancels {
            return Verdict::OK;
        }
        let (Ok(()), Ok(asked)) = (armed::check_types(args.str(0)), Armed::parse(args.str(1)))
        else {
            return Verdict::FAIL;
        };
        let armed = self.armed(cx).unwrap_or_default().with(asked);
        cx.watch_transaction();
        self.keep(cx, armed)
    }

    /// Without flags nothing is left armed.
    fn disarm(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (Some(mut armed), Ok(dropped)) = (self.armed(cx), Armed::parse(args.str(1))) else {
            return Verdict::FAIL;
        };
        if args.has(1) {
            armed = armed.without(dropped);
            return self.keep(cx, armed);
        }
        if let Some(name) = self.armed_name {
            cx.scene.avps.remove_all(name);
        }
        Verdict::OK
    }

    /// A line at once, with the script's own code and reason: `acc_log_request("404 Not here")`.
    fn log_request(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (code, reason) = comment(args.str(0));
        let to_tag = cx.message.to_tag().unwrap_or_default();
        self.said.keep(0, reason, to_tag);
        self.said.code.clear();
        self.said.code.extend_from_slice(code);
        self.write(cx, Event::Requested);
        Verdict::OK
    }

    fn armed(&self, cx: &Context<'_>) -> Option<Armed> {
        Some(Armed::from_bits(
            cx.scene.avps.get(self.armed_name?)?.int()?,
        ))
    }

    fn keep(&self, cx: &mut Context<'_>, armed: Armed) -> Verdict {
        let Some(name) = self.armed_name else {
            return Verdict::FAIL;
        };
        Verdict::of(cx.scene.avps.set(name, ValueRef::Int(armed.bits())).is_ok())
    }

    /// Success always; failure when asked for; 18x with media when asked for.
    fn is_accounted(
        &self,
        cx: &Context<'_>,
        event: &TransactionEvent,
        armed: Armed,
        code: u16,
    ) -> bool {
        match code {
            300.. => armed.failed,
            200.. => true,
            180..190 => {
                self.early_media
                    && response(cx, event).is_some_and(|message| !message.body().is_empty())
            }
            _ => false,
        }
    }

    fn write_answered(&mut self, cx: &mut Context<'_>, event: &TransactionEvent, code: u16) {
        let Some(context) = cx.core.contexts.get(event.context) else {
            return;
        };
        self.said.keep(code, &context.reason, &context.to_tag);
        self.write(cx, Event::Answered);
    }

    fn write_missed(&mut self, cx: &mut Context<'_>, event: &TransactionEvent, code: u16) {
        match (response(cx, event), cx.core.contexts.get(event.context)) {
            (Some(message), _) => {
                self.said
                    .keep(code, message.reason(), message.to_tag().unwrap_or_default());
            }
            // It has gone to the caller already.
            (None, Some(context)) if context.status == code => {
                self.said.keep(code, &context.reason, &context.to_tag);
            }
            // Nobody answered, and the caller has not been told yet.
            (None, _) => self
                .said
                .keep(code, parser::writer::reason_of(code).as_bytes(), b""),
        }
        self.write(cx, Event::Missed);
    }

    /// Writes the record of the request in hand and of what was said to it.
    fn write(&mut self, cx: &mut Context<'_>, event: Event) {
        let message = cx.message;
        let method = message.method();
        let mut record = Record {
            time: cx.now.unix_s(),
            method: method.as_bytes(),
            from_tag: message.from_tag().unwrap_or_default(),
            to_tag: &self.said.to_tag,
            call_id: message.call_id(),
            code: &self.said.code,
            reason: &self.said.reason,
        };
        // A request of the callee inside the dialog: its From is the callee.
        if self.detect_direction && cx.scene.proxy.route.downstream == Some(false) {
            std::mem::swap(&mut record.from_tag, &mut record.to_tag);
        }
        self.line.clear();
        record.write(event, &mut self.line);
        for field in &self.extra {
            field.write(&cx.scene.avps, &mut self.line);
        }
        let line = &self.line;
        cx.outbox
            .log(self.log_level, |out| out.extend_from_slice(line));
    }
}

/// The answer that a record is about. Keeps its memory from one to the next.
#[derive(Debug, Default)]
struct Said {
    code: Vec<u8>,
    reason: Vec<u8>,
    to_tag: Vec<u8>,
}

impl Said {
    fn keep(&mut self, code: u16, reason: &[u8], to_tag: &[u8]) {
        self.code.clear();
        write_int(i32::from(code), &mut self.code);
        self.reason.clear();
        self.reason.extend_from_slice(reason);
        self.to_tag.clear();
        self.to_tag.extend_from_slice(to_tag);
    }
}

/// The response that an event is about, while it is kept.
fn response<'c>(cx: &'c Context<'_>, event: &TransactionEvent) -> Option<&'c parser::Message> {
    let context = cx.core.contexts.get(event.context)?;
    let branch = match event.kind {
        TransactionEventKind::ReplySent { branch, .. } => context.branch(branch?),
        _ => context.winning(),
    };
    Some(&branch?.response.as_ref()?.message)
}

#[cfg(test)]
mod tests;
