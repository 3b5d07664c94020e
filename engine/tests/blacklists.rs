//! Rules of blacklists that scripts add and remove reach every shard.

mod support;

use engine::limits::Limits;
use expect_test::{Expect, expect};
use support::{World, request};

const SCRIPT: &str = r#"
    dst_blacklist = bad/default,expire
    route {
        if ($rU == "add") add_blacklist_rule("bad", "10.0.0.3", 5060, "udp", "*never*", 60);
        else if ($rU == "remove") del_blacklist_rule("bad", "10.0.0.3", 5060, "udp", "*never*");
        xlog("$rU $rc");
        send_reply(200, "Fine");
    }"#;

#[track_caller]
fn is(world: &mut World, expected: Expect) {
    let mut text = String::new();
    for line in world.records.drain(..) {
        text.push_str(&line);
        text.push('\n');
    }
    for shard in 0..3 {
        let listed = world.command_to(shard, "list_blacklists", &[]);
        text.push_str(&format!("{shard} {listed}\n"));
    }
    expected.assert_eq(&text);
}

#[test]
fn whichever_shard_runs_the_script_all_shards_have_the_rule_and_lose_it() {
    let mut world = World::with(SCRIPT, 3, Limits::default());
    for call in ["a", "b", "c", "d", "e", "f", "i", "j", "k", "l", "m", "n"] {
        world.send(
            "alice",
            &request("OPTIONS", "sip:add@example.com", call, call, ""),
        );
    }
    let ladder = world.ladder();
    let shards = [1, 2].map(|shard| ladder.contains(&format!("hands over to shard {shard}")));
    assert_eq!(shards, [true, true], "{ladder}");
    is(
        &mut world,
        expect![[r#"
            add 1
            add 1
            add 1
            add 1
            add 1
            add 1
            add 1
            add 1
            add 1
            add 1
            add 1
            add 1
            0 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[{"negated":false,"IP":"10.0.0.3","Prefix":32,"Proto":"udp","Port":5060,"Match":"*never*","Expire":60}]}]}
            1 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[{"negated":false,"IP":"10.0.0.3","Prefix":32,"Proto":"udp","Port":5060,"Match":"*never*","Expire":60}]}]}
            2 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[{"negated":false,"IP":"10.0.0.3","Prefix":32,"Proto":"udp","Port":5060,"Match":"*never*","Expire":60}]}]}
        "#]],
    );
    for call in ["g", "h"] {
        world.send(
            "alice",
            &request("OPTIONS", "sip:remove@example.com", call, call, ""),
        );
    }
    is(
        &mut world,
        expect![[r#"
            remove 1
            remove -1
            0 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[]}]}
            1 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[]}]}
            2 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[]}]}
        "#]],
    );
    world.wait(40_000);
    world.is_calm();
}

#[test]
fn a_rule_ends_on_every_shard() {
    let mut world = World::with(SCRIPT, 3, Limits::default());
    world.send(
        "alice",
        &request("OPTIONS", "sip:add@example.com", "a", "a", ""),
    );
    world.wait(59_500);
    is(
        &mut world,
        expect![[r#"
            add 1
            0 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[{"negated":false,"IP":"10.0.0.3","Prefix":32,"Proto":"udp","Port":5060,"Match":"*never*","Expire":1}]}]}
            1 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[{"negated":false,"IP":"10.0.0.3","Prefix":32,"Proto":"udp","Port":5060,"Match":"*never*","Expire":1}]}]}
            2 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[{"negated":false,"IP":"10.0.0.3","Prefix":32,"Proto":"udp","Port":5060,"Match":"*never*","Expire":1}]}]}
        "#]],
    );
    world.wait(500);
    is(
        &mut world,
        expect![[r#"
            0 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[]}]}
            1 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[]}]}
            2 {"Lists":[{"name":"bad","flags":"expire,default","Rules":[]}]}
        "#]],
    );
}

#[test]
fn a_list_takes_a_bounded_number_of_rules_and_those_that_ended_make_room() {
    let mut world = World::new(
        r#"
        dst_blacklist = bad/expire
        route {
            $var(i) = 0;
            while ($var(i) < 1024) {
                $var(rc) = add_blacklist_rule("bad", "10.0.0.3", $var(i), "udp", , 1);
                $var(i) = $var(i) + 1;
            }
            xlog("the last: $var(rc)");
            $var(rc) = add_blacklist_rule("bad", "10.0.0.4");
            xlog("one more: $var(rc)");
            send_reply(200, "Fine");
        }"#,
    );
    let options = |call| request("OPTIONS", "sip:example.com", call, call, "");
    world.send("alice", &options("a"));
    world.wait(1_000);
    world.send("alice", &options("b"));
    let log = world.records.join("\n");
    expect![[r#"
        the last: 1
        one more: -1
        the last: 1
        one more: -1"#]]
    .assert_eq(&log);
}
