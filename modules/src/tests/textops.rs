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

/// The Request-URI's user after the actions; its host is 10.0.0.3.
fn user_after(actions: &str) -> String {
    let script = format!(
        r#"
        loadmodule "textops"
        route {{ {actions}
            xlog("L_ERR", "$rc $rU"); }}
        "#
    );
    let mut world = World::new(&script);
    world.udp(2, "MESSAGE sip:bob@10.0.0.3\nX-A: one\n");
    let told = world.take();
    told.lines()
        .filter_map(|line| line.strip_prefix("log -1: "))
        .collect::<Vec<_>>()
        .join(" | ")
}

#[test]
fn variables_in_the_replacement_are_expanded_when_it_runs() {
    assert_eq!(
        user_after(r#"$var(x) = "0"; subst_user("/b(o)b/$var(x)-\1-$(hdr(X-A){s.len})-$rm/");"#),
        "1 0-o-3-MESSAGE"
    );
    // Each time anew, with the pattern of the first time.
    assert_eq!(
        user_after(
            r#"$var(i) = 0; while ($var(i) < 3) { subst_user("/$/$var(i)/"); $var(i) = $var(i) + 1; }"#
        ),
        "1 bob012"
    );
}

#[test]
fn what_a_variable_of_the_replacement_says_stands_for_itself() {
    // `\1`, a backslash and the delimiter mean nothing in it; NULL is nothing; `$$` is a dollar.
    edit(
        r#"$var(x) = 'a!\1\\z'; subst("!t(w)o!$var(x)+\1!");"#,
        expect![[r#"
            > udp:10.0.0.3:5060
                MESSAGE sip:bob@10.0.0.3 SIP/2.0
                Content-Type: text/plain
                X-Word: one a!\1\\z+w one
                Content-Length: 23
                | first one
                | second one
        "#]],
    );
    assert_eq!(
        user_after(r#"subst_user("/o/.$avp(none).$$/g");"#),
        "1 b..$b"
    );
    // A delimiter inside of a variable is the variable's.
    assert_eq!(
        user_after(r#"$avp(a/b) = "x"; subst_user("/o/$avp(a/b)/");"#),
        "1 bxb"
    );
}

#[test]
fn a_whole_expression_in_a_variable_is_taken_as_it_is() {
    assert_eq!(
        user_after(
            r#"$var(e) = '/o/0$rm/'; subst_user($var(e)); $var(e) = "/^/x/"; subst_user($var(e));"#
        ),
        "1 xb0$rmb"
    );
    assert_eq!(
        user_after(r#"$var(e) = "/o"; subst_user($var(e));"#),
        "-1 bob"
    );
}

#[test]
fn a_wrong_substitution_is_found_at_load() {
    for (expression, why) in [
        ("/a/$var(x)", "expected `/pattern/replacement/flags`"),
        ("/a/$nothing/", "unknown variable `$nothing`"),
        ("/a/$var(x)/q", "unknown flag `q`"),
        ("/(a/$var(x)/", "unclosed group"),
    ] {
        let script = format!("loadmodule \"textops\"\nroute {{ subst(\"{expression}\"); }}");
        let told = crate::harness::complaints(&script);
        assert!(told.contains(why), "{expression}: {told}");
    }
}
