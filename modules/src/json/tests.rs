//! Documents in scripts, each case as its log lines.

use expect_test::{Expect, expect};

use super::documents::{Documents, Refusal, Value};
use super::path::Path;
use crate::harness::{World, complaints};
use engine::module::PathText;

/// Runs these statements and shows what they log.
#[track_caller]
fn logs(statements: &str, expected: Expect) {
    expected.assert_eq(&run("", statements));
}

fn run(params: &str, statements: &str) -> String {
    let mut world = World::new(&format!(
        "loadmodule \"json.so\"\n{params}\nroute {{\n{statements}\n}}"
    ));
    world.udp(2, "OPTIONS sip:192.0.2.1");
    world.take()
}

#[test]
fn numbers_and_texts_are_read_as_such_and_the_rest_as_json() {
    logs(
        r#"
        $json(o) := "{\"n\": 41, \"s\": \"te\\\"xt/1\", \"t\": true, \"f\": false, \"z\": null, \"d\": 1.50, \"a\": [1, [], {}], \"e\": {\"k\": \"v/w\"}}";
        $var(sum) = $json(o/n) + 1;
        xlog("$var(sum) $json(o/s) $json(o/t) $json(o/f) $json(o/z) $json(o/d) $json(o/a) $json(o/e)\n");
        xlog("$json(o/missing) $json(o/n/deeper) $json(o/a[3]) $json(o/a/key) $json(nowhere)\n");
        if ($json(o/missing) == NULL) xlog("missing is NULL\n");
        if ($json(o/z) != NULL) xlog("null is not NULL\n");
        xlog("$json(o)\n");
        xlog("$json_compact(o)\n");
        xlog("$json_compact_noescape(o)\n");
        xlog("$json_pretty(o)\n");
        xlog("$json_pretty(o/s) $json_compact(o/n)\n");
        "#,
        expect![[r#"
            log 2: 42 te"xt/1 true false null 1.5 [ 1, [ ], { } ] { "k": "v\/w" }
            log 2: <null> <null> <null> <null> <null>
            log 2: missing is NULL
            log 2: null is not NULL
            log 2: { "n": 41, "s": "te\"xt\/1", "t": true, "f": false, "z": null, "d": 1.5, "a": [ 1, [ ], { } ], "e": { "k": "v\/w" } }
            log 2: {"n":41,"s":"te\"xt\/1","t":true,"f":false,"z":null,"d":1.5,"a":[1,[],{}],"e":{"k":"v\/w"}}
            log 2: {"n":41,"s":"te\"xt/1","t":true,"f":false,"z":null,"d":1.5,"a":[1,[],{}],"e":{"k":"v/w"}}
            log 2: {
              "n":41,
              "s":"te\"xt\/1",
              "t":true,
              "f":false,
              "z":null,
              "d":1.5,
              "a":[
                1,
                [],
                {}
              ],
              "e":{
                "k":"v\/w"
              }
            }
            log 2: te"xt/1 41
        "#]],
    );
}

#[test]
fn a_scalar_is_stored_as_it_is_and_text_is_parsed() {
    logs(
        r#"
        $json(o) := "{}";
        $json(o/int) = 5;
        $json(o/text) = "5";
        $json(o/quoted) = "[1]";
        $json(o/parsed) := "[1, 2]";
        $json(o/true) := "true";
        $json(o/copy) := $json(o/parsed);
        $json(o/with blank) = "a\nb";
        $json(o/port) = $sp;
        $json(whole) = "text";
        xlog("$json_compact(o) $json(whole)\n");
        $json(o/int) = "other";
        $json(o/text) = NULL;
        $json(o/not there) = NULL;
        xlog("$json_compact(o)\n");
        $json(o) = NULL;
        xlog("$json(o)\n");
        "#,
        expect![[r#"
            log 2: {"int":5,"text":"5","quoted":"[1]","parsed":[1,2],"true":true,"copy":[1,2],"with blank":"a\nb","port":5060} text
            log 2: {"int":"other","quoted":"[1]","parsed":[1,2],"true":true,"copy":[1,2],"with blank":"a\nb","port":5060}
            log 2: <null>
        "#]],
    );
}

#[test]
fn arrays_grow_at_the_end_and_close_up_where_something_goes() {
    logs(
        r#"
        $json(a) := "[]";
        $json(a[]) = 1;
        $json(a[]) = "two";
        $json(a[]) := "{\"three\": [3]}";
        $json(a[2]/three[-1]) = 33;
        $json(a[2]/three[]) = 34;
        xlog("$json_compact(a) $json(a[-1]) $json(a[-3]) $json(a[-4])\n");
        $json(a[1]) = NULL;
        $json(a[-1]) = NULL;
        xlog("$json_compact(a)\n");
        "#,
        expect![[r#"
            log 2: [1,"two",{"three":[33,34]}] { "three": [ 33, 34 ] } 1 <null>
            log 2: [1]
        "#]],
    );
}

#[test]
fn what_cannot_be_assigned_fails_and_changes_nothing() {
    logs(
        r#"
        $json(o) := "{\"a\": [1]}";
        $json(o) := "{\"a\": ";
        xlog("$rc\n");
        $json(o/a) := "word";
        xlog("$rc\n");
        $json(o/b/c) = 1;
        xlog("$rc\n");
        $json(o/a[1]) = 1;
        xlog("$rc\n");
        $json(o/a/key) = 1;
        xlog("$rc\n");
        $json(o[]) = 1;
        xlog("$rc\n");
        $json(nowhere/a) = 1;
        xlog("$rc\n");
        $json(o/a[x]) = 1;
        xlog("$rc\n");
        $json(o/a[0) = 1;
        xlog("$rc\n");
        $(json(o)[0]) = 1;
        xlog("$rc\n");
        $json(o/a[0]) = 2;
        xlog("$rc $json_compact(o)\n");
        "#,
        expect![[r#"
            log -1: $json(o): not JSON: EOF while parsing a value at line 1 column 6 test.cfg:6
            log 1: assignment failed test.cfg:6
            log 2: -1
            log -1: $json(o/a): not JSON: expected value at line 1 column 1 test.cfg:8
            log 1: assignment failed test.cfg:8
            log 2: -1
            log 2: $json(o/b/c): there is no such place test.cfg:10
            log 1: assignment failed test.cfg:10
            log 2: -1
            log 2: $json(o/a[1]): there is no such place test.cfg:12
            log 1: assignment failed test.cfg:12
            log 2: -1
            log 2: $json(o/a/key): there is no such place test.cfg:14
            log 1: assignment failed test.cfg:14
            log 2: -1
            log 2: $json(o[]): there is no such place test.cfg:16
            log 1: assignment failed test.cfg:16
            log 2: -1
            log 2: $json(nowhere/a): there is no such place test.cfg:18
            log 1: assignment failed test.cfg:18
            log 2: -1
            log -1: $json(o/a[x]): an index is not a number test.cfg:20
            log 1: assignment failed test.cfg:20
            log 2: -1
            log -1: $json(o/a[0): `]` is missing test.cfg:22
            log 1: assignment failed test.cfg:22
            log 2: -1
            log -1: $json(o): an index in brackets is for reading test.cfg:24
            log 1: assignment failed test.cfg:24
            log 2: -1
            log 2: 1 {"a":[2]}
        "#]],
    );
}

#[test]
fn keys_and_indexes_may_be_variables_and_are_one_element_whatever_they_say() {
    logs(
        r#"
        $json(o) := "{\"list\": [{\"a/b\": 1}, {\"a\": {\"b\": 2}}], \"x.keys\": 3}";
        $var(i) = 0;
        $var(k) = "a/b";
        xlog("$json(o/list[$var(i)]/$var(k)) $json(o/list[1]/a/b) $json(o/list[1]/$var(k))\n");
        $var(i) = -1;
        $json(o/list[$var(i)]/$var(k)) = "new";
        xlog("$json_compact(o/list[1])\n");
        $var(l) = "list";
        xlog("$(json(o/$var(l)[0]){s.len}) $json(o/x.keys)\n");
        $var(name) = "o";
        xlog("$json($var(name)/list[0]/$var(k))\n");
        $var(k) = NULL;
        xlog("$json(o/$var(k))\n");
        $json(o/$var(k)) = 1;
        xlog("$rc\n");
        $var(part) = "st";
        xlog("$json_compact(o/li$var(part)[0])\n");
        "#,
        expect![[r#"
            log 2: 1 2 <null>
            log 2: {"a":{"b":2},"a\/b":"new"}
            log 2: 13 3
            log 2: 1
            log 2: <null>
            log 1: assignment failed test.cfg:18
            log 2: -1
            log 2: {"a\/b":1}
        "#]],
    );
}

#[test]
fn values_and_keys_are_walked_through() {
    logs(
        r#"
        $json(o) := "{\"a\": 1, \"b\": \"two\", \"c\": [3, {\"d\": null}, null, 4]}";
        for ($var(k) in $(json(o.keys)[*])) xlog("key $var(k)\n");
        for ($var(v) in $(json(o.values)[*])) xlog("value $var(v)\n");
        for ($var(v) in $(json(o)[*])) xlog("also $var(v)\n");
        for ($json(j) in $(json(o/c)[*])) xlog("json $json(j) $json(j/d)\n");
        for ($var(v) in $(json(o/a)[*])) xlog("never $var(v)\n");
        for ($var(v) in $(json(nowhere)[*])) xlog("never $var(v)\n");
        $var(i) = 0;
        while ($json(o/c[$var(i)])) {
            $var(i) = $var(i) + 1;
        }
        xlog("$var(i)\n");
        "#,
        expect![[r#"
            log 2: key a
            log 2: key b
            log 2: key c
            log 2: value 1
            log 2: value two
            log 2: value [ 3, { "d": null }, null, 4 ]
            log 2: also 1
            log 2: also two
            log 2: also [ 3, { "d": null }, null, 4 ]
            log 2: json 3 <null>
            log 2: json { "d": null } null
            log 2: json null <null>
            log 2: json 4 <null>
            log 2: 4
        "#]],
    );
}

#[test]
fn a_link_is_the_same_value_under_two_names() {
    logs(
        r#"
        $json(b) := "[{},{},{}]";
        json_link($json(stub), $json(b[0]));
        $json(stub/ana) = "are";
        $json(stub/ar) := "[]";
        $json(stub/ar[]) = 1;
        $json(stub/ar[]) = 2;
        $json(stub/ar[]) = 3;
        $json(b[0]/ar[0]) = NULL;
        xlog("$json(stub) $json(b)\n");
        $json(stub) = NULL;
        xlog("$json(stub) $json(b)\n");
        $var(i) = 0;
        json_link($json(b[2]), $json(b[$var(i)]));
        $json(b[2]/ana) = 1;
        xlog("$json(b)\n");
        if (!json_link($json(b[0]/me), $json(b)))
            xlog("no circle: $rc\n");
        if (!json_link($json(b[0]/me), $json(nowhere)))
            xlog("nothing to link: $rc\n");
        "#,
        expect![[r#"
            log 2: { "ana": "are", "ar": [ 2, 3 ] } [ { "ana": "are", "ar": [ 2, 3 ] }, { }, { } ]
            log 2: <null> [ { "ana": "are", "ar": [ 2, 3 ] }, { }, { } ]
            log 2: [ { "ana": 1, "ar": [ 2, 3 ] }, { }, { "ana": 1, "ar": [ 2, 3 ] } ]
            log -1: $json(b[0]/me): it would hold itself test.cfg:20
            log 2: no circle: -1
            log 2: $json(b[0]/me): there is no such place test.cfg:22
            log 2: nothing to link: -1
        "#]],
    );
}

#[test]
fn objects_are_merged() {
    logs(
        r#"
        json_merge("{\"a\": 1, \"o\": {\"x\": 1, \"y\": [1]}}", "{\"o\": {\"y\": [2], \"z\": null}, \"b\": 2}", $var(out));
        xlog("$rc $var(out)\n");
        $json(m) := $var(out);
        json_merge($json(m), "{\"a\": {}}", $json(text));
        xlog("$json(text)\n");
        json_merge("[1]", "{}", $var(out));
        xlog("$rc\n");
        json_merge("{", "{}", $var(out));
        xlog("$rc $var(out)\n");
        "#,
        expect![[r#"
            log 2: 1 { "a": 1, "o": { "x": 1, "y": [ 2 ], "z": null }, "b": 2 }
            log 2: { "a": { }, "o": { "x": 1, "y": [ 2 ], "z": null }, "b": 2 }
            log -1: json_merge: both have to be objects test.cfg:10
            log 2: -1
            log -1: json_merge: not JSON: EOF while parsing an object at line 1 column 1 test.cfg:12
            log 2: -1 { "a": 1, "o": { "x": 1, "y": [ 2 ], "z": null }, "b": 2 }
        "#]],
    );
}

#[test]
fn long_numbers_end_at_32_bits_or_are_text() {
    let statements = r#"
        $json(n) := "[2147483647, 2147483648, -2147483649, 18446744073709551615, 1e3]";
        $var(small) = $json(n[0]);
        xlog("$var(small) $json(n[1]) $json(n[2]) $json(n[3]) $json(n[4]) $json(n)\n");
        $var(sum) = $json(n[1]) - 1;
        xlog("$var(sum)\n");
    "#;
    expect![[r#"
        log 2: 2147483647 2147483647 -2147483648 2147483647 1000.0 [ 2147483647, 2147483648, -2147483649, 18446744073709551615, 1000.0 ]
        log 2: 2147483646
        log 2: 2147483647 2147483648 -2147483649 18446744073709551615 1000.0 [ 2147483647, 2147483648, -2147483649, 18446744073709551615, 1000.0 ]
        log 1: assignment failed test.cfg:8
        log 2: 0
    "#]].assert_eq(
        &(run("", statements) + &run("modparam(\"json\", \"enable_long_quoting\", 1)", statements)),
    );
}

#[test]
fn a_run_that_waits_keeps_its_documents_and_leaves_a_copy() {
    let mut world = World::new(
        r#"
        loadmodule "json"
        loadmodule "cfgutils"
        route {
            if ($rU == "slow") {
                $json(d) := "{\"of\": \"slow\"}";
                usleep(500000);
                $json(d/after) = 1;
                xlog("slow has $json(d)\n");
                exit;
            }
            xlog("fast finds $json(d)\n");
            $json(d) := "{\"of\": \"fast\"}";
            xlog("fast has $json(d)\n");
        }
        "#,
    );
    world.udp(2, "OPTIONS sip:slow@192.0.2.1\nCall-ID: 1");
    world.udp(2, "OPTIONS sip:fast@192.0.2.1\nCall-ID: 2");
    world.wait(600);
    world.udp(2, "OPTIONS sip:fast@192.0.2.1\nCall-ID: 3");
    expect![[r#"
        log 2: fast finds { "of": "slow" }
        log 2: fast has { "of": "fast" }
        log 2: slow has { "of": "slow", "after": 1 }
        log 2: fast finds { "of": "slow", "after": 1 }
        log 2: fast has { "of": "fast" }
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_link_is_between_json_variables() {
    expect![[r#"
        parse error in test.cfg:4:23-30: parameter 1 of `json_link` is a `$json(...)`
        parse error in test.cfg:5:33-36: parameter 2 of `json_link` is a variable
        parse error in test.cfg:6:13-18: `$json` needs a name in parentheses: `$json(...)`
        3 errors
    "#]]
    .assert_eq(&complaints(
        r#"
        loadmodule "json"
        route {
            json_link($var(x), $json(a));
            json_link($json(a), "b");
            $json = 1;
        }
        "#,
    ));
}

#[test]
fn documents_have_bounds_and_give_back_what_they_took() {
    let mut documents = Documents::default();
    let path = |text: &'static str| Path::parse(PathText::new(text.as_bytes())).unwrap();
    let list = documents.add(Value::Array(Vec::new())).unwrap();
    documents.put(&path("a"), list).unwrap();
    let full = loop {
        let one = match documents.add(Value::Text(vec![b'x'; 1000].into())) {
            Ok(one) => one,
            Err(refusal) => break refusal,
        };
        documents.put(&path("a[]"), one).unwrap();
    };
    assert_eq!(full, Refusal::Full);
    assert_eq!(documents.size().1, super::limits::BYTES_MAX / 1000 * 1000);
    documents.remove(&path("a")).unwrap();
    assert_eq!(documents.size(), (0, 0));
    // Twice as much at each level: no text can be that long.
    let mut level = documents.add(Value::Text((*b"laughs").into())).unwrap();
    documents.put(&path("a"), level).unwrap();
    for _ in 0..40 {
        let pair = documents.add(Value::Array(Vec::new())).unwrap();
        documents.put(&path("b"), pair).unwrap();
        for _ in 0..2 {
            let null = documents.add(Value::Null).unwrap();
            documents.put(&path("b[]"), null).unwrap();
        }
        documents.link(&path("b[0]"), &path("a")).unwrap();
        documents.link(&path("b[1]"), &path("a")).unwrap();
        documents.link(&path("a"), &path("b")).unwrap();
        level = pair;
    }
    let mut out = Vec::new();
    assert!(!super::render(
        &documents,
        level,
        super::Form::Compact,
        &mut out
    ));
    assert_eq!(
        documents.link(&path("b[0]"), &path("a")),
        Err(Refusal::Circle)
    );
    documents.remove(&path("a")).unwrap();
    documents.remove(&path("b")).unwrap();
    assert_eq!(documents.size(), (0, 0));
}

#[test]
fn a_list_of_links_has_the_bounds_of_a_list_of_values() {
    let mut documents = Documents::default();
    let path = |text: &'static str| Path::parse(PathText::new(text.as_bytes())).unwrap();
    let one = documents.add(Value::Text((*b"x").into())).unwrap();
    documents.put(&path("one"), one).unwrap();
    let list = documents.add(Value::Array(Vec::new())).unwrap();
    documents.put(&path("list"), list).unwrap();
    let append = |documents: &mut Documents| documents.link(&path("list[]"), &path("one"));
    let mut links = 0;
    let refusal = loop {
        match append(&mut documents) {
            Ok(()) => links += 1,
            Err(refusal) => break refusal,
        }
        assert!(links <= super::limits::VALUES_MAX);
    };
    assert_eq!(refusal, Refusal::Full);
    assert_eq!(links, super::limits::VALUES_MAX - 2);
    assert_eq!(documents.add(Value::Null), Err(Refusal::Full));
    // What goes makes room, for one each.
    documents.remove(&path("list[0]")).unwrap();
    assert_eq!(append(&mut documents), Ok(()));
    assert_eq!(append(&mut documents), Err(Refusal::Full));
    documents.remove(&path("list")).unwrap();
    assert_eq!(documents.size(), (1, 1));
    documents.remove(&path("one")).unwrap();
    assert_eq!(documents.size(), (0, 0));
}
