//! `textops`: the message that leaves.

use crate::harness::World;
use expect_test::{Expect, expect};

fn edit(actions: &str, expected: Expect) {
    let script = format!(
        r#"
        loadmodule "sl"
        loadmodule "tm"
        loadmodule "textops"
        route {{ {actions}
            t_relay(); }}
        "#
    );
    let mut world = World::new(&script).show(&["Content-Length"]);
    world.udp(2, "MESSAGE sip:bob@10.0.0.3\nContent-Type: text/plain\nX-Word: one two one\n\nfirst one\nsecond one\n");
    expected.assert_eq(&world.take());
}

#[test]
fn replaces_in_headers_and_body() {
    edit(
        r#"replace("two", "2"); replace_body("one", "1");"#,
        expect![[r#"
            > udp:10.0.0.3:5060
                MESSAGE sip:bob@10.0.0.3 SIP/2.0
                Content-Type: text/plain
                X-Word: one 2 one
                Content-Length: 21
                | first 1
                | second one
        "#]],
    );
    edit(
        r#"replace_body_all("^[a-z]+", "line"); search_append("X-Word: ", "zero ");"#,
        expect![[r#"
            > udp:10.0.0.3:5060
                MESSAGE sip:bob@10.0.0.3 SIP/2.0
                Content-Type: text/plain
                X-Word: zero one two one
                Content-Length: 20
                | line one
                | line one
        "#]],
    );
    edit(
        r#"replace_body_atonce("one\r\nsecond", "and"); subst("/one/three/g");"#,
        expect![[r#"
            > udp:10.0.0.3:5060
                MESSAGE sip:bob@10.0.0.3 SIP/2.0
                Content-Type: text/plain
                X-Word: three two three
                Content-Length: 17
                | first and three
        "#]],
    );
}

#[test]
fn substitutes_in_the_uri() {
    edit(
        r#"subst_user("/b(.)b/x\1x/"); subst_uri("/@10.0.0.3/@10.0.0.3:5070/");"#,
        expect![[r#"
            > udp:10.0.0.3:5070
                MESSAGE sip:xox@10.0.0.3:5070 SIP/2.0
                Content-Type: text/plain
                X-Word: one two one
                Content-Length: 23
                | first one
                | second one
        "#]],
    );
    edit(
        r#"if (!search("X-Word: +one") || search_body("third") || subst("/none//")) exit;"#,
        expect![[r#"
            > udp:10.0.0.3:5060
                MESSAGE sip:bob@10.0.0.3 SIP/2.0
                Content-Type: text/plain
                X-Word: one two one
                Content-Length: 23
                | first one
                | second one
        "#]],
    );
}
