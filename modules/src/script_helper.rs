//! `script_helper`: what every script does with a request first, done before the main route.
//!
//! An initial request gets our Record-Route and goes on to the script. A request inside a dialog follows its route set and
//! is relayed; the main route never sees it. Keeps no state.

use engine::module::{Context, Exports, Kind, Module, Verdict};
use engine::proxy::RelayOptions;
use parser::Method;

/// The module.
#[derive(Debug, Default)]
pub(crate) struct ScriptHelper;

/// The main route goes on with the request.
const NOT_TAKEN: Verdict = Verdict::FAIL;

/// The script ends here.
const DONE: Verdict = Verdict::Return(0);

impl Module for ScriptHelper {
    const NAME: &'static str = "script_helper";

    fn new() -> Self {
        ScriptHelper
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.param("use_dialog", Kind::Int, |_, value| match value.int() {
            0 => Ok(()),
            _ => Err("it needs the module dialog, which is not offered yet".to_owned()),
        });
        exports.param("create_dialog_flags", Kind::Str, |_, value| {
            match value.text() {
                "" => Ok(()),
                _ => Err("it needs the module dialog, which is not offered yet".to_owned()),
            }
        });
        // The prologue reads it while the script is compiled.
        exports.param("sequential_route", Kind::Str, |_, value| {
            match value.text() {
                "" => Err("it is empty; name a route or leave it out".to_owned()),
                _ => Ok(()),
            }
        });
        exports.prologue(
            "sequential_route",
            |_, cx, _| take(cx),
            |_, cx, _| cx.relay(&RelayOptions::default()),
            |_, cx, _| {
                // To an ACK there is no answer (RFC 3261 §17.1.1.3).
                Verdict::of(cx.message.method() != Method::Ack && cx.reply_error())
            },
        );
        exports.difference(
            "CANCEL goes to the main route, which knows what to do before its branches are stopped; REGISTER gets no \
             Record-Route (RFC 3261, section 10.3). What is inside a dialog and has no route through us is answered \
             404, as in the scripts that come with OpenSIPS.",
        );
    }
}

/// Fails: the main route goes on. Succeeds: it is to be relayed. 0: it has been answered, or nobody waits for an answer.
fn take(cx: &mut Context<'_>) -> Verdict {
    let method = cx.message.method();
    if method == Method::Cancel {
        return NOT_TAKEN;
    }
    if cx.message.to_tag().is_none() {
        if !matches!(method, Method::Register | Method::Ack) {
            cx.record_route(None);
        }
        return NOT_TAKEN;
    }
    if cx.loose_route() > 0 {
        return Verdict::OK;
    }
    if method == Method::Ack {
        // To a failure of ours, or to nothing that we know.
        return match cx.check_transaction() {
            Verdict::Return(known) if known > 0 => Verdict::OK,
            _ => DONE,
        };
    }
    cx.reply(404, b"Not here");
    DONE
}

#[cfg(test)]
mod tests {
    use crate::harness::{World, complaints};
    use expect_test::expect;

    const SCRIPT: &str = r#"
        loadmodule "tm"
        loadmodule "sl"
        loadmodule "rr"
        loadmodule "sipmsgops"
        loadmodule "script_helper"
        modparam("script_helper", "sequential_route", "inside")
        route {
            xlog("main: $rm $rc\n");
            if ($rm == "OPTIONS") {
                sl_send_reply(200, "Fine");
                exit;
            }
            t_relay();
        }
        route[inside] {
            xlog("inside: $rm $ru\n");
            if ($rm == "INFO") {
                sl_send_reply(415, "Not this");
                exit;
            }
            append_hf("X-Inside: yes\r\n");
        }
    "#;

    #[test]
    fn an_initial_request_is_record_routed_before_the_script() {
        let mut world = World::new(SCRIPT);
        world.udp(2, "INVITE sip:bob@10.0.0.3");
        world.udp(2, "OPTIONS sip:192.0.2.1\nCall-ID: o");
        world.udp(2, "REGISTER sip:10.0.0.3\nCall-ID: r");
        expect![[r#"
            log 2: main: INVITE 1
            > udp:10.0.0.2:5060
                SIP/2.0 100 Trying
            > udp:10.0.0.3:5060
                INVITE sip:bob@10.0.0.3 SIP/2.0
                Record-Route: <sip:192.0.2.1:5060;lr;ftag=a1;own=*>
            log 2: main: OPTIONS 1
            > udp:10.0.0.2:5060
                SIP/2.0 200 Fine
            log 2: main: REGISTER 1
            > udp:10.0.0.3:5060
                REGISTER sip:10.0.0.3 SIP/2.0
        "#]]
        .assert_eq(&world.take());
    }

    #[test]
    fn a_request_inside_a_dialog_is_relayed_and_the_script_does_not_see_it() {
        let mut world = World::new(SCRIPT).show(&["Max-Forwards"]);
        let to = "To: <sip:bob@example.com>;tag=b1";
        let route = "Route: <sip:192.0.2.1;lr>";
        world.udp(2, &format!("BYE sip:bob@10.0.0.3\n{to}\n{route}"));
        world.udp(
            2,
            &format!("INFO sip:bob@10.0.0.3\n{to}\n{route}\nCall-ID: i"),
        );
        // No route through us, and an ACK to nothing.
        world.udp(2, &format!("BYE sip:bob@10.0.0.3\n{to}\nCall-ID: n"));
        world.udp(2, &format!("ACK sip:bob@192.0.2.1\n{to}\nCall-ID: a"));
        // Its next hop has no address.
        world.udp(
            2,
            &format!("BYE sip:bob@nowhere.invalid\n{to}\n{route}\nCall-ID: f"),
        );
        world.wait(100);
        expect![[r#"
            log 2: inside: BYE sip:bob@10.0.0.3
            > udp:10.0.0.3:5060
                BYE sip:bob@10.0.0.3 SIP/2.0
                Max-Forwards: 69
                X-Inside: yes
            log 2: inside: INFO sip:bob@10.0.0.3
            > udp:10.0.0.2:5060
                SIP/2.0 415 Not this
            > udp:10.0.0.2:5060
                SIP/2.0 404 Not here
            log 2: inside: BYE sip:bob@nowhere.invalid
            > udp:10.0.0.2:5060
                SIP/2.0 478 Unresolvable destination
        "#]]
        .assert_eq(&world.take());
    }

    #[test]
    fn a_call_needs_nothing_else_in_the_script() {
        let mut world = World::new(
            r#"
            loadmodule "tm"
            loadmodule "script_helper"
            route { t_relay(); }
            "#,
        );
        world.udp(2, "INVITE sip:bob@10.0.0.3");
        let invite = world.last_request();
        world.respond(3, &invite, "200 OK");
        let own = invite
            .lines()
            .find_map(|line| line.strip_prefix("Record-Route: "))
            .expect("a Record-Route");
        let to = "To: <sip:bob@example.com>;tag=a3";
        world.udp(2, &format!("ACK sip:bob@10.0.0.3\n{to}\nRoute: {own}\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKack"));
        world.udp(
            2,
            &format!("BYE sip:bob@10.0.0.3\n{to}\nRoute: {own}\nCSeq: 2 BYE"),
        );
        expect![[r#"
            > udp:10.0.0.2:5060
                SIP/2.0 100 Trying
            > udp:10.0.0.3:5060
                INVITE sip:bob@10.0.0.3 SIP/2.0
                Record-Route: <sip:192.0.2.1:5060;lr;ftag=a1;own=*>
            > udp:10.0.0.2:5060
                SIP/2.0 200 OK
                Record-Route: <sip:192.0.2.1:5060;lr;ftag=a1;own=*>
            > udp:10.0.0.3:5060
                ACK sip:bob@10.0.0.3 SIP/2.0
            > udp:10.0.0.3:5060
                BYE sip:bob@10.0.0.3 SIP/2.0
        "#]]
        .assert_eq(&world.take());
    }

    #[test]
    fn what_needs_dialogs_or_a_route_that_is_missing_does_not_start() {
        let with = |param: &str| {
            complaints(&format!(
                "loadmodule \"script_helper\"\nmodparam(\"script_helper\", {param})\nroute {{ exit; }}"
            ))
        };
        let mut all = with("\"use_dialog\", 1");
        all += &with("\"create_dialog_flags\", \"B\"");
        all += &with("\"sequential_route\", \"nowhere\"");
        all += &with("\"sequential_route\", \"\"");
        all += &complaints("loadmodule \"script_helper\"\nroute { prologue_takes(); }");
        expect![[r#"
            parse error in test.cfg:2:41-42: parameter `use_dialog` of module script_helper: it needs the module dialog, which is not offered yet
            1 error
            parse error in test.cfg:2:50-53: parameter `create_dialog_flags` of module script_helper: it needs the module dialog, which is not offered yet
            1 error
            parse error in test.cfg:3:1-6: `route[nowhere]` is not defined
            1 error
            parse error in test.cfg:2:47-49: parameter `sequential_route` of module script_helper: it is empty; name a route or leave it out
            1 error
            parse error in test.cfg:2:9-23: `prologue_takes` is not offered by any loaded module
            1 error
        "#]].assert_eq(&all);
    }
}
