//! Expressions and groups in scripts, and their management.

use engine::files::InMemory;
use expect_test::expect;

use crate::harness::{World, complaints, complaints_with};

const FILE: &str = "### agents
[0]

# soft
^Twinkle/1
^SIP Communicator
 ^ignored
\t^ignored

[7]
^1\\d{3}$
^((\\+|00)34)?900\\d{6}$\r
(?i)^sales
";

fn files(text: &str) -> InMemory {
    InMemory::default().with("/etc/groups", text)
}

#[test]
fn perls_expressions_match() {
    let mut world = World::new(
        r#"
        loadmodule "regex"
        route {
            $var(p) = "^(\w+)-\1$$";
            if (pcre_match("one-one", $var(p))) xlog("back reference\n");
            if (!pcre_match("one-two", $var(p))) xlog("not this one: $rc\n");
            if (pcre_match("user1234", "^user(?!5)[1-4]+$$")) xlog("look ahead\n");
            if (!pcre_match("USER", "user")) xlog("case counts\n");
            if (pcre_match("USER", "(?i)user")) xlog("unless told\n");
            if (!pcre_match("a\nb", "^b|a.b")) xlog("one line\n");
            $var(broken) = "(";
            pcre_match("x", $var(broken));
            xlog("$rc\n");
            pcre_match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "^(a|a)*\1?b$$");
            xlog("$rc\n");
        }
        "#,
    );
    world.udp(2, "OPTIONS sip:192.0.2.1");
    expect![[r#"
        log 2: back reference
        log 2: not this one: -1
        log 2: look ahead
        log 2: case counts
        log 2: unless told
        log 2: one line
        log -1: pcre_match: `(`: Parsing error at position 1: Opening parenthesis without closing parenthesis test.cfg:12
        log 2: -1
        log -1: pcre_match: Error executing regex: Max limit for backtracking count exceeded test.cfg:14
        log 2: -1
    "#]].assert_eq(&world.take());
}

#[test]
fn flags_are_those_of_all_expressions() {
    let mut world = World::with_files(
        r##"
        loadmodule "regex"
        modparam("regex", "file", "/etc/groups")
        modparam("regex", "pcre_caseless", 1)
        modparam("regex", "pcre_multiline", 1)
        modparam("regex", "pcre_dotall", 1)
        modparam("regex", "pcre_extended", 1)
        route {
            if (pcre_match("USER", "user")) xlog("case\n");
            if (pcre_match("a\nb", "^b")) xlog("lines\n");
            if (pcre_match("a\nb", "a.b")) xlog("dot\n");
            if (pcre_match("ab", "a b")) xlog("blanks\n");
            if (pcre_match_group("X-LITE", 0)) xlog("group\n");
        }
        "##,
        1,
        files("[0]\n^ x - lite $\n"),
    );
    world.udp(2, "OPTIONS sip:192.0.2.1");
    expect![[r#"
        log 2: case
        log 2: lines
        log 2: dot
        log 2: blanks
        log 2: group
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn groups_are_counted_from_0_whatever_their_brackets_say() {
    let script = r#"
        loadmodule "regex"
        modparam("regex", "file", "/etc/groups")
        route {
            pcre_match_group($rU); xlog("0: $rc\n");
            pcre_match_group($rU, 1); xlog("1: $rc\n");
            $var(g) = 2;
            pcre_match_group($rU, $var(g)); xlog("2: $rc\n");
        }
    "#;
    let mut world = World::with_files(script, 2, files(FILE));
    for (number, user) in ["Twinkle%2F1", "1234", "0034900123456", "SALES", "12345"]
        .iter()
        .enumerate()
    {
        world.udp(
            2,
            &format!(
                "OPTIONS sip:{}@192.0.2.1\nCall-ID: {number}",
                user.replace("%2F", "/")
            ),
        );
    }
    world.files = files("[0]\n^12345$");
    world.command("regex_reload", &[]);
    world.udp(2, "OPTIONS sip:12345@192.0.2.1\nCall-ID: n");
    world.files = files("[0]\n^(");
    world.command("regex:reload", &[]);
    world.udp(2, "OPTIONS sip:12345@192.0.2.1\nCall-ID: o");
    world.command("regex:match_group", &[("string", "12345"), ("group", "0")]);
    world.command("regex_match_group", &[("string", "12346"), ("group", "0")]);
    world.command("regex_match_group", &[("string", "1"), ("group", "1")]);
    world.command("regex:match", &[("string", "x1"), ("pcre_regex", "\\d$")]);
    world.command("regex_match", &[("string", "x1"), ("pcre_regex", "[")]);
    expect![[r#"
        log 2: 0: 1
        log 2: 1: -1
        log -1: pcre_match_group: there is no group 2, the file has 2 test.cfg:8
        log 2: 2: -1
        log 2: 0: -1
        log 2: 1: 1
        log -1: pcre_match_group: there is no group 2, the file has 2 test.cfg:8
        log 2: 2: -1
        log 2: 0: -1
        log 2: 1: 1
        log -1: pcre_match_group: there is no group 2, the file has 2 test.cfg:8
        log 2: 2: -1
        log 2: 0: -1
        log 2: 1: 1
        log -1: pcre_match_group: there is no group 2, the file has 2 test.cfg:8
        log 2: 2: -1
        log 2: 0: -1
        log 2: 1: -1
        log -1: pcre_match_group: there is no group 2, the file has 2 test.cfg:8
        log 2: 2: -1
        answer "OK"
        answer "OK"
        log 2: 0: 1
        log -1: pcre_match_group: there is no group 1, the file has 1 test.cfg:6
        log 2: 1: -1
        log -1: pcre_match_group: there is no group 2, the file has 1 test.cfg:8
        log 2: 2: -1
        answer 500 /etc/groups: line 2: `^(`: Parsing error at position 2: Opening parenthesis without closing parenthesis
        answer 500 /etc/groups: line 2: `^(`: Parsing error at position 2: Opening parenthesis without closing parenthesis
        log 2: 0: 1
        log -1: pcre_match_group: there is no group 1, the file has 1 test.cfg:6
        log 2: 1: -1
        log -1: pcre_match_group: there is no group 2, the file has 1 test.cfg:8
        log 2: 2: -1
        answer "Match"
        answer "Match"
        answer "Not Match"
        answer "Not Match"
        answer 400 there is no group 1, the file has 1
        answer 400 there is no group 1, the file has 1
        answer "Match"
        answer "Match"
        answer 400 `[`: Parsing error at position 1: Invalid character class
        answer 400 `[`: Parsing error at position 1: Invalid character class
    "#]].assert_eq(&world.take());
}

#[test]
fn without_a_file_there_are_no_groups() {
    let mut world = World::new(
        r#"
        loadmodule "regex"
        route { pcre_match_group("x"); xlog("$rc\n"); }
        "#,
    );
    world.udp(2, "OPTIONS sip:192.0.2.1");
    world.command("regex_reload", &[]);
    expect![[r#"
        log -1: pcre_match_group: no file is set test.cfg:3
        log 2: -1
        answer 400 no file is set
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn what_is_wrong_with_a_file_or_an_expression_is_said_at_start() {
    let with = |params: &str, text: &str| {
        let script = format!(
            "loadmodule \"regex\"\nmodparam(\"regex\", \"file\", \"/etc/groups\")\n{params}\nroute {{ exit; }}"
        );
        complaints_with(&script, files(text))
    };
    let mut all = with("", "^before\n[0]\n");
    all += &with("", "[0]\n^fine\n[1]\n# nothing\n");
    all += &with("", "[0]\n(\n)\n");
    all += &with("modparam(\"regex\", \"max_groups\", 1)", "[0]\na\n[1]\nb");
    all += &with(
        "modparam(\"regex\", \"group_max_size\", 9)",
        "[0]\nabc\nd\ne",
    );
    all += &with("modparam(\"regex\", \"max_groups\", 0)", "[0]\na");
    all += &complaints(
        "loadmodule \"regex\"\nmodparam(\"regex\", \"file\", \"/no\")\nroute { exit; }",
    );
    all += &complaints("loadmodule \"regex\"\nroute { pcre_match($ru, \"(a\"); }");
    expect![[r#"
        parse error in test.cfg:1:12-13: module `regex`: /etc/groups: line 1: an expression before the first `[0]`
        1 error
        parse error in test.cfg:1:12-13: module `regex`: /etc/groups: line 3: the group is empty
        1 error
        parse error in test.cfg:1:12-13: module `regex`: /etc/groups: line 2: `(`: Parsing error at position 1: Opening parenthesis without closing parenthesis
        1 error
        parse error in test.cfg:1:12-13: module `regex`: /etc/groups: line 3: more than 1 groups (max_groups)
        1 error
        parse error in test.cfg:1:12-13: module `regex`: /etc/groups: line 3: the group is longer than 9 bytes (group_max_size)
        1 error
        parse error in test.cfg:3:33-34: parameter `max_groups` of module regex: 0 is not at least 1
        1 error
        parse error in test.cfg:1:12-13: module `regex`: cannot read `/no`: no such file
        1 error
        parse error in test.cfg:2:25-29: parameter 2 of `pcre_match`: Parsing error at position 2: Opening parenthesis without closing parenthesis
        1 error
    "#]].assert_eq(&all);
}
