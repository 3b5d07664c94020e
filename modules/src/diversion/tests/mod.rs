//! `diversion`: what stands in the header, and in which order.

use crate::harness::{World, complaints};
use expect_test::expect;

const SCRIPT: &str = r#"
    loadmodule "tm"
    loadmodule "sipmsgops"
    loadmodule "diversion"
    modparam("diversion", "suffix", ";privacy=full")
    route {
        add_diversion("user-busy");
        add_diversion("no answer", "sip:sales@example.com", 2);
        if (!add_diversion("x\"y"))
            xlog("L_ERR", "not that reason\n");
        if (!add_diversion("unknown", "nobody"))
            xlog("L_ERR", "not that URI\n");
        $ru = "sip:carol@10.0.0.4";
        t_relay();
    }
"#;

#[test]
fn the_latest_is_on_top_and_the_first_is_who_was_called() {
    let mut world = World::new(SCRIPT);
    world.udp(
        2,
        "OPTIONS sip:bob@10.0.0.3\nDiversion: <sip:old@example.com>;reason=unknown",
    );
    expect![[r#"
        log -1: not that reason
        log -1: not that URI
        > udp:10.0.0.4:5060
            OPTIONS sip:carol@10.0.0.4 SIP/2.0
            Diversion: <sip:sales@example.com>;reason="no answer";counter=2;privacy=full
            Diversion: <sip:bob@10.0.0.3>;reason=user-busy;privacy=full
            Diversion: <sip:old@example.com>;reason=unknown
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_suffix_is_part_of_a_line() {
    let script = "loadmodule \"diversion\"\nmodparam(\"diversion\", \"suffix\", \";a\\r\\nX: y\")\nroute { exit; }";
    expect![[r#"
        parse error in test.cfg:2:33-45: parameter `suffix` of module diversion: it ends a line: the suffix is part of one
        1 error
    "#]].assert_eq(&complaints(script));
}
