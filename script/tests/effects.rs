//! What a server says that it does with global parameters, and what a script's author hears of it.

use std::path::Path;

use expect_test::{Expect, expect};
use script::known::Everything;
use script::{Effect, InMemory, Options, compile};

const EFFECTS: &[(&str, Effect)] = &[
    ("socket", Effect::Any),
    ("socket/tag", Effect::Any),
    ("alias", Effect::Any),
    ("syslog_facility", Effect::Any),
    ("auto_aliases", Effect::Only(0)),
];

fn check(script: &str, expected: Expect) {
    let script = format!("loadmodule \"proto_udp.so\"\n{script}\nroute {{ exit; }}\n");
    let compiled = |options: &Options| {
        let mut loader = InMemory::new("a.cfg", script.as_str());
        compile(Path::new("a.cfg"), &mut loader, &mut Everything, options)
            .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
    };
    let silent = compiled(&Options::default()).warnings;
    let said = compiled(&Options {
        effects: Some(EFFECTS),
    });
    let news: String = said
        .warnings
        .list
        .iter()
        .filter(|one| !silent.list.contains(one))
        .map(|one| format!("{}:{} {}\n", one.line, one.column, one.reason))
        .collect();
    expected.assert_eq(&news);
}

#[test]
fn what_has_its_effect_is_not_spoken_of() {
    check(
        "socket=udp:127.0.0.1:5060 tag one\nalias=udp:a.example\nauto_aliases=no\nlog_facility=LOG_LOCAL0",
        expect![""],
    );
}

#[test]
fn what_does_nothing_is_a_warning_where_it_is_written() {
    check(
        "auto_aliases=yes\nexecmsgthreshold=5\nsocket=udp:127.0.0.1:5060 tag one frag allow-proxy\nalias=a.example accept_subdomain\ndst_blacklist = bad:{ 10.0.0.0/8 }",
        expect![[r#"
            2:1 `auto_aliases` has no effect: here it is always 0
            3:1 `exec_msg_threshold` has no effect here
            4:35 the option `frag` of `socket` has no effect here
            4:40 the option `proxy_protocol` of `socket` has no effect here
            5:17 the option `accept_subdomain` of `alias` has no effect here
            6:1 `dst_blacklist` has no effect here
        "#]],
    );
}
