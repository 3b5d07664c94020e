//! From bytes to the main route: whose it is, whether it is SIP, what it belongs to.

use parser::{Fault, FaultKind, Frame, HeaderName, Message, Method, Peek};

use super::Engine;
use crate::input::{Flow, ShardId, Ticket};
use crate::jobs::Purpose;
use crate::limits::RETRY_AFTER_S;
use crate::outbox::{Outbox, Output};
use crate::proxy;
use crate::run;
use crate::statistics::Counter;
use crate::transaction::Matched;
use script::RouteKind;
use script::program::RouteId;

/// `$err.class` of what does not parse.
const ERROR_CLASS_PARSER: i32 = 1;

/// `$err.level` of a request that is lost while the server goes on.
const ERROR_LEVEL_MEDIUM: i32 = 3;

impl Engine {
    /// Takes a message from the network, or from the shard that received it.
    pub(super) fn receive(
        &mut self,
        frame: Frame,
        flow: Flow,
        from: Option<ShardId>,
        outbox: &mut Outbox,
    ) {
        if self.is_keep_alive(&frame, flow, outbox) {
            return;
        }
        // Steering has brought nearly all of them to the right shard: what is indexed here is used here.
        let (mut message, fault) = match Message::parse(frame) {
            Ok(message) => (message, None),
            Err(rejected) => (rejected.message, Some(rejected.fault)),
        };
        let hash = self.core.owner.hash(&Peek::from(&message));
        let owner = hash.map_or(self.core.shard, |hash| self.core.owner.shard(hash));
        outbox.about(hash.map_or(0, |hash| hash.0));
        match from {
            None if owner != self.core.shard => {
                self.core.statistics.count(Counter::HandoversSent);
                outbox.push(Output::Handover {
                    to: owner,
                    frame: message.into_frame(),
                    flow,
                });
                return;
            }
            None => {}
            Some(_) => {
                self.core.statistics.count(Counter::HandoversReceived);
                if owner != self.core.shard {
                    // Handed on once only: two shards that disagree must not play ball.
                    self.core.statistics.count(Counter::HandoversWrong);
                }
            }
        }
        if let Some(fault) = fault {
            return self.reject(message, &fault, flow, outbox);
        }
        if self.core.trace.on {
            self.core
                .trace
                .received(&self.core.sockets, &message, flow, outbox);
        }
        match message.check() {
            Err(fault) => self.reject(message, &fault, flow, outbox),
            Ok(()) if message.is_request() => self.receive_request(message, flow, outbox),
            Ok(()) => self.receive_response(message, flow, outbox),
        }
    }

    /// Keep-alives (RFC 5626 §3.5.1, §4.4.1): a double CRLF on a stream is answered by one; blanks
    /// and empty datagrams keep a NAT open and ask for nothing.
    fn is_keep_alive(&mut self, frame: &Frame, flow: Flow, outbox: &mut Outbox) -> bool {
        if !frame
            .iter()
            .all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0))
        {
            return false;
        }
        self.core.statistics.count(Counter::KeepAlives);
        if flow.transport.is_reliable() && frame.starts_with(b"\r\n\r\n") {
            outbox.send(flow, Ticket::NONE, |out| out.extend_from_slice(b"\r\n"));
        }
        true
    }

    /// What is malformed gets the response that RFC 3261 asks for, or silence; a script with an error route decides
    /// about requests whose first line is one.
    fn reject(&mut self, message: Message, fault: &Fault, flow: Flow, outbox: &mut Outbox) {
        let statistics = &mut self.core.statistics;
        let is_request = message.is_request();
        statistics.count(match fault.kind {
            FaultKind::NotSip => Counter::NotSip,
            FaultKind::Version => Counter::BadVersion,
            FaultKind::TooLarge | FaultKind::Truncated => Counter::TooLarge,
            FaultKind::Scheme => Counter::BadUris,
            FaultKind::MethodMismatch { known: false } => Counter::UnsupportedMethods,
            _ => Counter::BadHeaders,
        });
        statistics.count(if is_request {
            Counter::RequestsFailed
        } else {
            Counter::ResponsesFailed
        });
        let status = fault
            .status()
            .filter(|_| is_request && message.method() != Method::Ack);
        let has_first_line = !matches!(fault.kind, FaultKind::NotSip | FaultKind::Version);
        let error_route = self.linked.settings.error_route;
        let error_route = error_route.filter(|_| is_request && has_first_line);
        let bytes = message.bytes();
        let core = &mut self.core;
        match status {
            _ if error_route.is_some() => core.complain(
                &flow,
                bytes,
                format_args!("malformed request left to the error_route: {fault}"),
                outbox,
            ),
            Some(status) => core.complain(
                &flow,
                bytes,
                format_args!("malformed request answered {status}: {fault}"),
                outbox,
            ),
            None => core.complain(
                &flow,
                bytes,
                format_args!("malformed message dropped: {fault}"),
                outbox,
            ),
        }
        if let Some(route) = error_route {
            return self.run_error_route(route, message, fault, flow, outbox);
        }
        let Some(status) = status else { return };
        // The reason phrase tells the peer what is wrong, as RFC 3261 §21.4.1 asks. Our own words only.
        let reason = format!("{} ({fault})", parser::writer::reason_of(status));
        proxy::reply_stateless(
            &mut self.core,
            &message,
            &flow,
            status,
            reason.as_bytes(),
            b"",
            outbox,
        );
    }

    /// The error route, about a request that is malformed. Nothing answers it but that.
    fn run_error_route(
        &mut self,
        route: RouteId,
        message: Message,
        fault: &Fault,
        flow: Flow,
        outbox: &mut Outbox,
    ) {
        let code = fault.status().unwrap_or(400);
        let mut scene = self.core.machine.take_scene(message, flow);
        scene.proxy.purpose = Purpose::Request;
        let mut run = run::begin(&mut self.core, RouteKind::Error, scene, None, None);
        run.state.is_broken = true;
        run.state.error = run::ErrorInfo {
            class: ERROR_CLASS_PARSER,
            level: ERROR_LEVEL_MEDIUM,
            code: i32::from(code),
            reason: parser::writer::reason_of(code),
            info: fault.to_string().into(),
        };
        let ended = run::execute(
            run,
            route,
            &mut self.core,
            &mut self.modules,
            &self.linked,
            outbox,
        );
        self.finish(ended, outbox);
    }

    fn receive_request(&mut self, request: Message, flow: Flow, outbox: &mut Outbox) {
        self.core.statistics.count(Counter::RequestsReceived);
        proxy::accept_alias(&self.core, &request, &flow, outbox);
        let matched = self.core.match_request(&request, &flow, outbox);
        match matched {
            Matched::Retransmission | Matched::AckToFinal => return,
            Matched::AckTo2xx(id) => {
                self.core.in_hand.server = Some(id);
                if let Some(context) = self.core.servers.context(id) {
                    proxy::on_ack_2xx(&mut self.core, context);
                }
            }
            Matched::Cancel(id) => self.core.in_hand.server = Some(id),
            Matched::New if request.method() == Method::Ack => {
                if proxy::absorbs_ack(&mut self.core, &request) {
                    self.core.statistics.count(Counter::StatelessAcks);
                    return;
                }
                self.core.statistics.count(Counter::AcksUnmatched);
            }
            Matched::New => {
                if self.refuses(&request, flow, outbox) {
                    return;
                }
            }
        }
        let Some(route) = self.routes.main else {
            self.core.statistics.count(Counter::RequestsDropped);
            return;
        };
        let mut scene = self.core.machine.take_scene(request, flow);
        if matched != Matched::New {
            scene.proxy.matched = Some(matched);
        }
        self.run(
            RouteKind::Request,
            route,
            scene,
            None,
            None,
            Purpose::Request,
            outbox,
        );
    }

    /// What no script decides: overload, and extensions that the caller requires of a proxy.
    fn refuses(&mut self, request: &Message, flow: Flow, outbox: &mut Outbox) -> bool {
        if self.core.servers.is_overloaded(request) {
            self.core.statistics.count(Counter::Overloaded);
            proxy::complain_of_overload(&mut self.core, request, &flow, outbox);
            let retry = format!("Retry-After: {RETRY_AFTER_S}\r\n");
            proxy::reply_stateless(
                &mut self.core,
                request,
                &flow,
                503,
                b"",
                retry.as_bytes(),
                outbox,
            );
            return true;
        }
        // RFC 3261 §16.3, step 5. We understand no option tag that a proxy could be required to.
        // CANCEL and ACK are not judged (§20.29), and an ACK is never answered (§17.1.1.3).
        let is_judged = !matches!(request.method(), Method::Ack | Method::Cancel);
        if is_judged && request.header(HeaderName::ProxyRequire).is_some() {
            let what = format_args!("request answered 420: it has a Proxy-Require");
            self.core.complain(&flow, request.bytes(), what, outbox);
            let mut unsupported = b"Unsupported: ".to_vec();
            for (at, tag) in request.list(HeaderName::ProxyRequire).enumerate() {
                if at > 0 {
                    unsupported.extend_from_slice(b", ");
                }
                unsupported.extend_from_slice(tag.raw);
            }
            unsupported.extend_from_slice(b"\r\n");
            proxy::reply_stateless(
                &mut self.core,
                request,
                &flow,
                420,
                b"",
                &unsupported,
                outbox,
            );
            return true;
        }
        false
    }

    fn receive_response(&mut self, response: Message, flow: Flow, outbox: &mut Outbox) {
        self.core.statistics.count(Counter::ResponsesReceived);
        if self.core.proxy.settings.check_via && !proxy::is_to_us(&self.core, &response) {
            self.core.statistics.count(Counter::ResponsesDropped);
            let what = format_args!("response dropped: its top Via is not ours (check_via)");
            return self.core.complain(&flow, response.bytes(), what, outbox);
        }
        match self.routes.reply {
            // The unnamed onreply_route sees every response, before anybody knows whose it is.
            Some(route) => {
                let scene = self.core.machine.take_scene(response, flow);
                self.run(
                    RouteKind::Reply,
                    route,
                    scene,
                    None,
                    None,
                    Purpose::AnyReply,
                    outbox,
                );
            }
            None => self.deliver_response(response, flow, outbox),
        }
    }

    /// Gives a response to its transaction. What matches none is forwarded by its second Via, or
    /// dropped: the proxy core's judgement.
    pub(super) fn deliver_response(&mut self, response: Message, flow: Flow, outbox: &mut Outbox) {
        if let Err(stray) = self.core.match_response(response, flow, outbox) {
            proxy::on_stray_response(&mut self.core, stray, flow, outbox);
        }
    }
}
