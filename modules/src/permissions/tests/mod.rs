//! `permissions`: rules and addresses from files.

use engine::files::InMemory as Files;
use expect_test::expect;

use crate::harness::{World, complaints, complaints_with};

const SCRIPT: &str = r#"
    loadmodule "tm"
    loadmodule "permissions"
    modparam("permissions", "address_file", "trunks.list")
    modparam("permissions", "address_file", "inside=/etc/inside.list")
    route {
        if ($rU == "source") {
            if (check_source_address(1, $var(info)))
                xlog("in 1: $var(info)\n");
            if (!check_source_address(2))
                xlog("not in 2\n");
            if (get_source_group($var(group), "inside"))
                xlog("group $var(group)\n");
            if (check_address(0, "192.0.2.7", 5061, "tls", $var(info), "sip:a@b", "inside"))
                xlog("inside: $var(info)\n");
            if (!check_address(1, "10.0.0.2", 5061, "any") && !check_address(1, "nobody", 1, "udp") && !check_source_address(1, , , "none"))
                xlog("not\n");
            exit;
        }
        if (is_method("REGISTER")) {
            if (allow_register("register")) xlog("registers\n"); else xlog("registers not\n");
            exit;
        }
        append_branch("sip:second@example.com");
        if (allow_routing()) xlog("routes\n"); else xlog("routes not\n");
        if (allow_routing("base")) xlog("routes by base\n");
        $var(base) = "late";
        if (!allow_uri($var(base), "sip:secret@example.com;a=b")) xlog("not the secret\n");
        if (allow_uri($var(base), "sip:open@example.com")) xlog("the open\n");
    }
"#;

fn files() -> Files {
    Files::default()
        .with(
            "trunks.list",
            "1 10.0.0.0/8 5060 udp - carrier=a\n2 192.0.2.1\n",
        )
        .with(
            "/etc/inside.list",
            "7 10.0.0.2\n8 192.0.2.0/24 - tls sip:* x y\n",
        )
        .with("permissions.deny", "ALL : \"^sip:second@\"\n")
        .with("register.allow", "\"^sip:alice@example\\.com$\" : ALL\n")
        .with("register.deny", "ALL : \"@192\\.0\\.2\\.\"\n")
        .with("late.deny", "ALL : \"^sip:secret@example\\.com$\"\n")
}

fn world(shards: u16) -> World {
    let script = SCRIPT.replace(
        "loadmodule \"tm\"",
        "loadmodule \"tm\"\nloadmodule \"sipmsgops\"",
    );
    World::with_files(&script, shards, files())
}

#[test]
fn an_address_is_in_its_group() {
    let mut world = world(1);
    world.udp(2, "OPTIONS sip:source@192.0.2.1");
    expect![[r#"
        log 1: permissions: there is no `base.allow` and no `base.deny`: everything is allowed
        log 2: in 1: carrier=a
        log 2: not in 2
        log 2: group 7
        log 2: inside: x y
        log -1: check_address: no address, or no transport test.cfg:17
        log -1: permissions: there is no partition `none`: no address_file names it test.cfg:17
        log 2: not
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn all_pairs_must_be_allowed_or_none_denied() {
    let mut world = world(1);
    world.udp(2, "INVITE sip:first@example.com");
    world.udp(
        2,
        "REGISTER sip:example.com\nTo: <sip:alice@example.com>\nContact: <sip:a@192.0.2.5>",
    );
    world.udp(2, "REGISTER sip:example.com\nTo: <sip:bob@example.com>\nContact: <sip:b@192.0.2.5>, <sip:b@10.0.0.1>\nCall-ID: 2");
    world.udp(2, "REGISTER sip:example.com\nTo: <sip:bob@example.com>\nContact: <sip:b@10.0.0.1>\nCall-ID: 3");
    expect![[r#"
        log 1: permissions: there is no `base.allow` and no `base.deny`: everything is allowed
        log 2: routes not
        log 2: routes by base
        log 2: not the secret
        log 2: the open
        log 2: registers
        log 2: registers not
        log 2: registers
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn rules_of_which_no_file_is_there_are_told_at_start() {
    let mut world = World::with_files(
        r#"
        loadmodule "permissions"
        modparam("permissions", "default_allow_file", "typo.allow")
        route {
            if (allow_routing() && allow_uri("half", "sip:b@example.com") && allow_uri($rU, "sip:b@example.com"))
                xlog("all\n");
        }
        "#,
        2,
        Files::default().with("half.deny", "ALL : \"^sip:c@\"\n"),
    );
    world.udp(2, "OPTIONS sip:nobody@192.0.2.1");
    expect![[r#"
        log 1: permissions: there is no `typo.allow` and no `permissions.deny`: everything is allowed
        log 2: all
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_base_name_out_of_a_message_leads_to_no_folder_above() {
    let mut world = World::with_files(
        r#"
        loadmodule "permissions"
        route {
            if (!allow_uri("lists/written", "sip:b@example.com")) xlog("written not\n");
            $var(rc) = allow_uri($rU, "sip:b@example.com");
            $var(again) = allow_routing($rU);
            xlog("$rU: $var(rc) $var(again)\n");
        }
        "#,
        1,
        Files::default()
            .with("lists/written.deny", "ALL : ALL\n")
            .with("../lists/secret.allow", "ALL : ALL\n")
            .with("plain.allow", "ALL : ALL\n"),
    );
    for (number, user) in ["plain", "%2e%2e", "..", "a/b", "/etc/a", "../lists/secret"]
        .iter()
        .enumerate()
    {
        world.udp(
            2,
            &format!("OPTIONS sip:{user}@192.0.2.1\nCall-ID: {number}"),
        );
    }
    world.command(
        "allow_uri",
        &[
            ("basename", "../lists/secret"),
            ("uri", "sip:a@b"),
            ("contact", "sip:a@b"),
        ],
    );
    expect![[r#"
        log 2: written not
        log 2: plain: 1 1
        log 2: written not
        log 2: %2e%2e: 1 1
        log 2: written not
        log -1: permissions: `..`: a base name out of a variable has no `..` test.cfg:5
        log -1: permissions: `..`: a base name out of a variable has no `..` test.cfg:6
        log 2: ..: -1 -1
        log 2: written not
        log 2: a/b: 1 1
        log 2: written not
        log 2: /etc/a: 1 1
        log 2: written not
        log -1: permissions: `../lists/secret`: a base name out of a variable has no `..` test.cfg:5
        log -1: permissions: `../lists/secret`: a base name out of a variable has no `..` test.cfg:6
        log 2: ../lists/secret: -1 -1
        answer 500 `../lists/secret`: a base name out of a variable has no `..`
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn base_names_out_of_messages_make_room_for_each_other() {
    let mut world = World::with_files(
        r#"
        loadmodule "permissions"
        route {
            if (!allow_uri($rU, "sip:b@example.com")) xlog("$rU not\n");
            if (!allow_uri("written", "sip:b@example.com")) xlog("written not\n");
        }
        "#,
        1,
        Files::default()
            .with("late.deny", "ALL : ALL\n")
            .with("written.deny", "ALL : ALL\n"),
    );
    for user in 0..2 * super::BASES_MAX {
        world.udp(2, &format!("OPTIONS sip:{user}@192.0.2.1\nCall-ID: {user}"));
    }
    world.take();
    // What the script writes down stays as it was read at start.
    world.files.put("written.deny", "");
    world.udp(2, "OPTIONS sip:late@192.0.2.1\nCall-ID: late");
    expect![[r#"
        log 2: late not
        log 2: written not
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn addresses_are_read_again_on_demand() {
    let mut world = world(2);
    world.command("address_dump", &[]);
    world.command("permissions:subnet_dump", &[("partition", "inside")]);
    world.files.put("trunks.list", "3 10.0.0.2\n");
    world.files.put("/etc/inside.list", "x\n");
    world.command("address_reload", &[]);
    world.command("address_reload", &[("partition", "default")]);
    world.command("address_dump", &[("partition", "default")]);
    world.command("address_reload", &[("partition", "outside")]);
    world.command(
        "allow_uri",
        &[
            ("basename", "register"),
            ("uri", "sip:bob@example.com"),
            ("contact", "sip:b@192.0.2.5"),
        ],
    );
    world.command(
        "allow_uri",
        &[
            ("basename", "register"),
            ("uri", "sip:bob@example.com"),
            ("contact", "sip:b@10.2.2.5"),
        ],
    );
    expect![[r#"
        log 1: permissions: there is no `base.allow` and no `base.deny`: everything is allowed
        answer {"Partitions":[{"name":"default","Destinations":[{"grp":2,"ip":"192.0.2.1","mask":32,"port":0,"proto":"any","pattern":"","context_info":""}]},{"name":"inside","Destinations":[{"grp":7,"ip":"10.0.0.2","mask":32,"port":0,"proto":"any","pattern":"","context_info":""}]}]}
        answer null
        answer {"Partitions":[{"name":"inside","Destinations":[{"grp":8,"ip":"192.0.2.0","mask":24,"port":0,"proto":"tls","pattern":"sip:*","context_info":"x y"}]}]}
        answer null
        answer 500 `/etc/inside.list`: line 1: `x` is no group: a number from 1
        answer 500 `/etc/inside.list`: line 1: `x` is no group: a number from 1
        answer "OK"
        answer "OK"
        answer {"Partitions":[{"name":"default","Destinations":[{"grp":3,"ip":"10.0.0.2","mask":32,"port":0,"proto":"any","pattern":"","context_info":""}]}]}
        answer null
        answer 404 No such partition
        answer 404 No such partition
        answer 403 Forbidden
        answer 403 Forbidden
        answer "OK"
        answer "OK"
    "#]].assert_eq(&world.take());
}

#[test]
fn what_cannot_be_is_said_at_load() {
    let with = |param: &str, value: &str| {
        complaints(&format!(
            "loadmodule \"permissions\"\nmodparam(\"permissions\", \"{param}\", \"{value}\")\nroute {{ allow_routing(\"b\"); }}"
        ))
    };
    let text = with("db_url", "mysql://a:b@localhost/opensips")
        + &with("partition", "in: table_name=address")
        + &with("address_file", "missing.list")
        + &complaints_with(
            "loadmodule \"permissions\"\nroute { allow_routing(\"b\"); }",
            Files::default().with("b.deny", "ALL"),
        )
        + &complaints("loadmodule \"permissions\"\nroute { check_source_address(1); }");
    expect![[r#"
        parse error in test.cfg:2:35-67: parameter `db_url` of module permissions: `db_url` needs SQL, which is not built yet; `address_file` names a file with the rows
        1 error
        parse error in test.cfg:2:38-62: parameter `partition` of module permissions: `partition` needs SQL, which is not built yet; `address_file` names a file with the rows
        1 error
        parse error in test.cfg:1:12-13: module `permissions`: cannot read `missing.list`: no such file
        1 error
        parse error in test.cfg:1:12-13: module `permissions`: `b.deny`: line 1: `:` is missing before ``
        1 error
        parse error in test.cfg:1:12-13: module `permissions`: the script asks for addresses, and no `address_file` names any
        1 error
    "#]].assert_eq(&text);
}
