//! Management of `tm`: `t_uac_dlg`, `t_uac_cancel`, `t_reply`, `t_hash`.
//!
//! Every shard hears a command; the one that it is about acts, the others say that they have no such thing.

use std::io::Write as _;

use engine::agent::{self, AgentEvent, AgentOwner, OwnRequest};
use engine::input::{Answer, Ticket};
use engine::module::{CommandArgs, CommandResult, Context, Exports};
use engine::proxy::{ContextId, OwnReply};
use parser::Message;
use parser::writer::write_header_line;
use serde_json::json;

use super::Tm;

/// How long `t_uac_dlg` waits for the final response: a little less than whoever asked waits for the command.
const ANSWER_MS_MAX: u32 = 4_500;

pub(super) fn export(exports: &mut Exports<Tm>) {
    exports.command_as(
        "t_uac_dlg",
        "uac_dlg",
        &[
            &["method", "ruri", "headers"],
            &["method", "ruri", "headers", "next_hop"],
            &["method", "ruri", "headers", "socket"],
            &["method", "ruri", "headers", "body"],
            &["method", "ruri", "headers", "next_hop", "socket"],
            &["method", "ruri", "headers", "next_hop", "body"],
            &["method", "ruri", "headers", "socket", "body"],
            &["method", "ruri", "headers", "next_hop", "socket", "body"],
        ],
        Tm::uac_dlg,
    );
    exports.command_as(
        "t_uac_cancel",
        "uac_cancel",
        &[&["callid", "cseq"]],
        |_, cx, args, out| uac_cancel(cx, args, out),
    );
    exports.command_as(
        "t_reply",
        "reply",
        &[
            &["code", "reason", "trans_id", "to_tag"],
            &["code", "reason", "trans_id", "to_tag", "new_headers"],
            &["code", "reason", "trans_id", "to_tag", "body"],
            &[
                "code",
                "reason",
                "trans_id",
                "to_tag",
                "new_headers",
                "body",
            ],
        ],
        |_, cx, args, out| reply(cx, args, out),
    );
    exports.command_as("t_hash", "hash", &[&[]], |_, cx, _, out| hash(cx, out));
    exports.difference(
        "`t_uac_dlg` answers with the final response, or after 4.5 s with an error while the request goes on. \
         `t_reply` takes what `$T_id` shows as `trans_id`; a `to_tag` of `.` is ours. `t_hash` says how many \
         transactions each shard has: there are no buckets to show.",
    );
}

/// Another shard has it, or nobody.
fn elsewhere() -> (i32, String) {
    (404, "Not Found".to_owned())
}

fn bad(what: &str) -> (i32, String) {
    (400, what.to_owned())
}

impl Tm {
    fn uac_dlg(
        &mut self,
        cx: &mut Context<'_>,
        args: CommandArgs<'_>,
        out: &mut Vec<u8>,
    ) -> CommandResult {
        match cx.answer() {
            Some(Answer::Letter(answer)) => {
                out.extend_from_slice(answer);
                return Ok(());
            }
            Some(_) => return Err((408, "no final response yet; the request goes on".to_owned())),
            None => {}
        }
        let headers = Headers::read(args.text("headers"))?;
        let owner = match headers.call_id {
            "" => engine::input::ShardId(0),
            call_id => cx
                .core
                .owner
                .shard(cx.core.owner.hash_of_call(call_id.as_bytes())),
        };
        if owner != cx.shard() {
            return Err(elsewhere());
        }
        let socket = match args.get("socket") {
            None => None,
            Some(name) => {
                let socket = cx.core.sockets.find(name.as_bytes());
                Some(socket.ok_or_else(|| bad("no such socket of ours"))?.id)
            }
        };
        let ticket = cx
            .wait_ticket()
            .ok_or_else(|| (503, "too many wait already".to_owned()))?;
        let request = OwnRequest {
            method: args.text("method").as_bytes(),
            request_uri: args.text("ruri").as_bytes(),
            destination: args.text("next_hop").as_bytes(),
            from: headers.from.as_bytes(),
            to: headers.to.as_bytes(),
            call_id: headers.call_id.as_bytes(),
            cseq: headers.cseq,
            headers: &headers.others,
            content_type: headers.content_type.as_bytes(),
            body: args.text("body").as_bytes(),
            socket,
            owner: AgentOwner::Module {
                module: cx.slot(),
                token: ticket.0,
            },
            ..OwnRequest::default()
        };
        match cx.send_request(&request) {
            Ok(_) => {
                cx.wait_at_most(ANSWER_MS_MAX);
                Ok(())
            }
            Err(error) => {
                // Nobody will answer: the command ends here.
                cx.release_wait();
                let (code, reason) = error.status();
                Err((
                    i32::from(code),
                    String::from_utf8_lossy(reason).into_owned(),
                ))
            }
        }
    }

    /// A final response ends the command that waits for it.
    pub(super) fn answered(cx: &mut Context<'_>, event: &AgentEvent, response: Option<&Message>) {
        let AgentOwner::Module { token, .. } = event.owner else {
            return;
        };
        if event.code < 200 {
            return;
        }
        let reason = response.map_or_else(
            || parser::writer::reason_of(event.code).as_bytes(),
            Message::reason,
        );
        let status = format!("{} {}", event.code, String::from_utf8_lossy(reason));
        let text = response.map(|response| String::from_utf8_lossy(response.bytes()));
        let answer = json!({ "Status": status, "Message": text.unwrap_or_default() });
        let shard = cx.shard();
        cx.answer_ticket(shard, Ticket(token), answer.to_string().as_bytes());
    }
}

/// The header lines that whoever asks gives.
#[derive(Default)]
struct Headers<'a> {
    from: &'a str,
    to: &'a str,
    call_id: &'a str,
    cseq: u32,
    content_type: &'a str,
    others: Vec<u8>,
}

impl<'a> Headers<'a> {
    /// Content-Length, Via and Max-Forwards are ours to write.
    fn read(text: &'a str) -> Result<Headers<'a>, (i32, String)> {
        let mut headers = Headers::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| bad("a line of `headers` is no header"))?;
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "from" | "f" => headers.from = value,
                "to" | "t" => headers.to = value,
                "call-id" | "i" => headers.call_id = value,
                "cseq" => headers.cseq = number_of(value)?,
                "content-type" | "c" => headers.content_type = value,
                "content-length" | "l" | "via" | "v" | "max-forwards" => {}
                _ => write_header_line(line.as_bytes(), &mut headers.others),
            }
        }
        if headers.from.is_empty() || headers.to.is_empty() {
            return Err(bad("`headers` want a From and a To"));
        }
        Ok(headers)
    }
}

/// The number in `1 INVITE`.
fn number_of(cseq: &str) -> Result<u32, (i32, String)> {
    let number = cseq.split_whitespace().next().and_then(|n| n.parse().ok());
    number.ok_or_else(|| bad("a CSeq begins with a number"))
}

fn uac_cancel(cx: &mut Context<'_>, args: CommandArgs<'_>, out: &mut Vec<u8>) -> CommandResult {
    let cseq = number_of(args.text("cseq"))?;
    if !agent::cancel(cx.core, args.text("callid").as_bytes(), cseq, cx.outbox) {
        return Err(elsewhere());
    }
    out.extend_from_slice(b"\"OK\"");
    Ok(())
}

fn reply(cx: &mut Context<'_>, args: CommandArgs<'_>, out: &mut Vec<u8>) -> CommandResult {
    let code = args.text("code").parse().ok();
    let code = code
        .filter(|code| (100..700).contains(code))
        .ok_or_else(|| bad("a code is 100 to 699"))?;
    let id = transaction(cx, args.text("trans_id")).ok_or_else(elsewhere)?;
    let mut headers = Vec::new();
    for line in args.text("new_headers").lines() {
        write_header_line(line.as_bytes(), &mut headers);
    }
    let tag = args.text("to_tag").trim_matches('.');
    let reply = OwnReply {
        code,
        reason: args.text("reason").as_bytes(),
        to_tag: tag.as_bytes(),
        headers: &headers,
        body: args.text("body").as_bytes(),
    };
    if !cx.core.reply_to(id, &reply, cx.outbox) {
        return Err((
            500,
            "the transaction is answered, or a script works on it".to_owned(),
        ));
    }
    out.extend_from_slice(b"\"OK\"");
    Ok(())
}

/// The transaction that `$T_id` named so, when it is of this shard.
fn transaction(cx: &Context<'_>, text: &str) -> Option<ContextId> {
    let mut parts = text.split('.').map(|part| u32::from_str_radix(part, 16));
    let (shard, slot, generation) = (parts.next()?, parts.next()?, parts.next()?);
    let id = ContextId {
        slot: slot.ok()?,
        generation: generation.ok()?,
    };
    let is_ours = shard.ok()? == u32::from(cx.shard().0) && parts.next().is_none();
    (is_ours && cx.core.contexts.get(id).is_some()).then_some(id)
}

fn hash(cx: &mut Context<'_>, out: &mut Vec<u8>) -> CommandResult {
    let core = &*cx.core;
    let row = json!({ "Shards": [{
        "shard": cx.shard().0,
        "requests": core.contexts.len(),
        "server transactions": core.servers.len(),
        "client transactions": core.clients.len(),
    }] });
    // Writing into memory does not fail.
    let _ = write!(out, "{row}");
    Ok(())
}
