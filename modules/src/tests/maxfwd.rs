//! `maxfwd`.

use crate::harness::World;
use expect_test::expect;

const SCRIPT: &str = r#"
    loadmodule "maxfwd"
    loadmodule "sl"
    loadmodule "signaling"
    route {
        if (!mf_process_maxfwd_header(10)) {
            send_reply(483, "Too Many Hops");
            exit;
        }
        $var(rc) = $rc;
        if (is_maxfwd_lt(5))
            xlog("L_ERR", "near the end\n");
        xlog("L_ERR", "rc $var(rc)\n");
        sl_send_reply(200, "OK");
    }
"#;

#[test]
fn counts_down_and_refuses_at_zero() {
    let mut world = World::new(SCRIPT);
    world.udp(2, "OPTIONS sip:192.0.2.1\nMax-Forwards: 1");
    world.udp(2, "OPTIONS sip:192.0.2.1\nMax-Forwards: 0\nCall-ID: other");
    world.udp(2, "OPTIONS sip:192.0.2.1\nMax-Forwards: 70\nCall-ID: third");
    expect![[r#"
        log -1: near the end
        log -1: rc 0
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
        > udp:10.0.0.2:5060
            SIP/2.0 483 Too Many Hops
        log -1: rc 0
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
    "#]]
    .assert_eq(&world.take());
}
