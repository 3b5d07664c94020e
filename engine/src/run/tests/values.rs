//! `$var` and `$avp`: script-language §8.2.

use std::path::Path;
use std::sync::Arc;

use super::{Bench, INVITE, Linked, check_body};
use crate::module::Registry;
use expect_test::expect;
use script::RouteKind;

#[test]
fn an_avp_is_a_stack() {
    check_body(
        r#"
        $avp(x) = "a"; $avp(x) = "b"; $avp(x) = "c";
        xlog("$avp(x) $(avp(x)[0]) $(avp(x)[1]) $(avp(x)[-1]) $(avp(x)[5])");
        xlog("$(avp(x)[*])");
        $(avp(x)[1]) = "B"; xlog("$(avp(x)[*])");
        $(avp(x)[append]) = "z"; xlog("$(avp(x)[*])");
        $avp(x) = NULL; xlog("$(avp(x)[*])");
        $(avp(x)[-1]) = NULL; xlog("$(avp(x)[*])");
        $avp(x) := "only"; xlog("$(avp(x)[*])");
        $avp(x) = 5; $(avp(x)[*]) = "again"; xlog("$(avp(x)[*])");
        $avp(x) := NULL; xlog("$(avp(x)[*])");
        $(avp(x)[3]) = "nowhere"; xlog("rc $rc $(avp(x)[*])");
        "#,
        expect![[r#"
            c c b a <null>
            c, b, a
            c, B, a
            c, B, a, z
            B, a, z
            B, a
            only
            again
            <null>
            warning: assignment failed test.cfg:13
            rc -1 <null>
        "#]],
    );
}

#[test]
fn names_and_indices_may_be_variables() {
    check_body(
        r#"
        $var(n) = "made"; $var(i) = 1;
        $avp($var(n)) = "first"; $avp($var(n)) = "second";
        xlog("$avp(made) $(avp($var(n))[$var(i)]) $(avp(made)[$var(i)]{s.toupper})");
        $var($var(n)) = 5;
        xlog("$var(made)");
        "#,
        expect![[r#"
            second first FIRST
            5
        "#]],
    );
}

#[test]
fn a_var_starts_at_0_and_keeps_its_value_for_the_next_run() {
    let mut bench = Bench::new(
        r#"route { xlog("$var(n) $var(s)"); $var(n) = $var(n) + 1; $var(s) = "from " + $ci; $avp(x) = 1; }"#,
        &Registry::new(),
    )
    .unwrap();
    let mut text = String::new();
    for _ in 0..2 {
        let ended = bench.run(RouteKind::Request, INVITE);
        text.push_str(&bench.listing(&ended));
        let super::Ended::Finished(run, _) = ended else {
            panic!("it does not wait")
        };
        let scene = bench.core.machine.end(run);
        bench.core.machine.give_scene(scene);
    }
    expect![[r#"
        0 0
        1 from a84b4c76e66710@10.0.0.1
    "#]]
    .assert_eq(&text);
}

#[test]
fn null_is_printed_and_passed_on() {
    check_body(
        r#"
        xlog("$avp(none) $(avp(none){s.len}) $(avp($avp(none)))");
        $var(x) = NULL;
        xlog("$var(x)");
        if ($var(x) == NULL) xlog("a var can be NULL");
        "#,
        expect![[r#"
            <null> <null> <null>
            <null>
            a var can be NULL
        "#]],
    );
}

#[test]
fn attributes_and_vars_end_at_their_bounds_and_replacing_takes_no_room() {
    check_body(
        r#"
        $var(text) = "0123456789"; $var(n) = 0;
        while ($var(n) < 12) { $var(text) = $var(text) + $var(text); $var(n) = $var(n) + 1; }
        xlog("$(var(text){s.len})");
        $var(n) = 0;
        while ($avp(big) = $var(text)) { $var(n) = $var(n) + 1; }
        xlog("$var(n) attributes of 40960 bytes, rc $rc");
        $avp(big) := NULL; $var(n) = 0;
        while ($var(n) < 100) { $avp(big) := $var(text); $var(n) = $var(n) + 1; }
        xlog("replaced $var(n) times, rc $rc");
        "#,
        expect![[r#"
            40960
            warning: assignment failed test.cfg:7
            6 attributes of 40960 bytes, rc 1
            replaced 100 times, rc 1
        "#]],
    );
}

#[test]
fn names_that_are_only_read_are_not_remembered() {
    let mut bench = Bench::new(
        r#"route {
            $var(name) = "first";
            xlog("$hdr($var(name)) $avp($var(name)) $var($var(name))");
            $var(name) = "second";
            $avp($var(name)) = "written";
            xlog("$avp($var(name))");
        }"#,
        &Registry::new(),
    )
    .unwrap();
    let ended = bench.run(RouteKind::Request, INVITE);
    expect![[r#"
        <null> <null> 0
        written
    "#]]
    .assert_eq(&bench.listing(&ended));
    let names = &bench.core.machine.names;
    assert_eq!(names.find(b"first"), None);
    assert!(names.find(b"second").is_some());
}

#[test]
fn transformations_that_multiply_end_in_null() {
    check_body(
        r#"
        $var(text) = "0123456789"; $var(n) = 0;
        while ($var(n) < 12) { $var(text) = $var(text) + $var(text); $var(n) = $var(n) + 1; }
        $var(many) = $(var(text){re.subst,/./$var(text)/g});
        xlog("$var(many)");
        $var(long) = $(var(text){s.encode.hexa}{s.encode.hexa}{s.encode.hexa}{s.encode.hexa}{s.encode.hexa}{s.encode.hexa}{s.encode.hexa}{s.encode.hexa});
        xlog("$var(long)");
        # A string of an expression is no format string: this is what a peer may have written.
        $var(written) = "$(mb{s.encode.hexa}{s.encode.hexa}{s.encode.hexa}{s.encode.hexa}{s.encode.hexa}{s.encode.hexa}{s.encode.hexa}{s.encode.hexa}{s.len})";
        xlog("$(var(written){s.eval})");
        $var(written) = "$(mb{s.encode.hexa}{s.len}) of $var(nobody)";
        xlog("$(var(written){s.eval})");
        "#,
        expect![[r#"
            <null>
            <null>
            <null>
            1872 of 0
        "#]],
    );
}

#[test]
fn a_var_that_cannot_be_assigned_keeps_its_value() {
    check_body(
        r#"
        $var(half) = "0123456789"; $var(n) = 0; $var(x) = "old";
        while ($var(n) < 16) { $var(half) = $var(half) + $var(half); $var(n) = $var(n) + 1; }
        $var(x) = $var(half) + $var(half);
        xlog("rc $rc $var(x)");
        "#,
        expect![[r#"
            warning: assignment failed test.cfg:5
            rc -1 old
        "#]],
    );
}

#[test]
fn a_value_is_replaced_though_there_is_no_room_for_one_more() {
    check_body(
        r#"
        $var(n) = 0;
        while ($avp(x) = "old") { $var(n) = $var(n) + 1; }
        $(avp(x)[0]) = "new";
        xlog("$var(n) $rc $avp(x) $(avp(x)[1])");
        "#,
        expect![[r#"
            warning: assignment failed test.cfg:4
            4096 1 new old
        "#]],
    );
}

#[test]
fn names_made_at_run_time_leave_room_for_those_of_the_next_script() {
    let mut bench = Bench::new(
        r#"route {
            $var(n) = 0;
            while ($var(n) < 8192) { $avp($var(n)) := NULL; $var(n) = $var(n) + 1; }
            $var(name) = "late";
            $avp($var(name)) = 1;
            $var($var(name)) = 1;
            xlog("$avp($var(name)) $var($var(name))");
        }"#,
        &Registry::new(),
    )
    .unwrap();
    let ended = bench.run(RouteKind::Request, INVITE);
    expect![[r#"
        error: scripts have made 8192 names of variables and routes at run time; further ones are refused until a restart
        warning: assignment failed test.cfg:5
        warning: assignment failed test.cfg:6
        <null> 0
    "#]].assert_eq(&bench.listing(&ended));
    let names = &mut bench.core.machine.names;
    assert_eq!(names.make(b"later"), None);
    let of_a_reload = names.intern(b"later").expect("a script's names have room");
    assert!((of_a_reload.0 as usize) < crate::limits::VARS_MAX);
}

#[test]
fn a_script_whose_names_find_no_room_does_not_load_and_leaves_none_behind() {
    let text = r#"route { $var(fresh) = 1; }"#;
    for taken in [crate::limits::VARS_MAX, crate::limits::NAMES_MAX] {
        let mut bench = Bench::new("route { exit; }", &Registry::new()).unwrap();
        let names = &mut bench.core.machine.names;
        while names.len() < taken {
            let name = names.len().to_string();
            names.intern(name.as_bytes()).unwrap();
        }
        let mut loader = script::InMemory::new("test.cfg", text);
        let compiled = Registry::new()
            .compile(
                Path::new("test.cfg"),
                &mut loader,
                &script::Options::default(),
            )
            .unwrap();
        let errors = Linked::again(
            Arc::new(compiled.program),
            &Registry::new(),
            names,
            &bench.linked,
        )
        .expect_err("no room")
        .to_string();
        assert!(
            errors.contains("test.cfg:1") && errors.contains("too many names"),
            "{errors}"
        );
        assert_eq!((names.len(), names.find(b"fresh")), (taken, None));
    }
}
