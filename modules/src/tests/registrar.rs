//! `registrar` and `usrloc`: bindings made, told, found, on one shard and on two.

use crate::harness::World;
use expect_test::expect;

const SCRIPT: &str = r#"
    loadmodule "sl"
    loadmodule "signaling"
    loadmodule "tm"
    loadmodule "sipmsgops"
    loadmodule "usrloc"
    loadmodule "registrar"
    modparam("registrar", "max_contacts", 2)
    modparam("registrar", "retry_after", 30)
    modparam("usrloc", "timer_interval", 10)
    route {
        if (is_method("REGISTER")) {
            save("location");
            exit;
        }
        if (is_method("OPTIONS")) {
            if (is_registered("location"))
                sl_send_reply(200, "Registered");
            else
                sl_send_reply(404, "Not Registered");
            exit;
        }
        if (is_method("MESSAGE")) {
            if (remove("location", "$ru", "sip:bob@10.0.0.4"))
                sl_send_reply(200, "Removed");
            else
                sl_send_reply(404, "Nothing to remove");
            exit;
        }
        if (!lookup("location", "method-filtering")) {
            t_reply(404, "Not Found $rc");
            exit;
        }
        t_relay();
    }
"#;

fn register(world: &mut World, call_id: &str, cseq: u32, headers: &str) {
    let branch = format!("{call_id}{cseq}");
    world.udp(
        3,
        &format!(
            "REGISTER sip:example.com
            Via: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bK{branch}
            From: <sip:bob@example.com>;tag=a3
            To: <sip:bob@example.com>
            Call-ID: {call_id}
            CSeq: {cseq} REGISTER
            {}",
            headers.replace('|', "\n")
        ),
    );
}

#[test]
fn tells_all_bindings_and_what_is_left_of_them() {
    let mut world = World::new(SCRIPT);
    register(
        &mut world,
        "r1",
        1,
        "Contact: <sip:bob@10.0.0.3>;expires=100;q=0.5",
    );
    world.wait(10_000);
    register(
        &mut world,
        "r2",
        1,
        "Contact: <sip:bob@10.0.0.4>|Expires: 300",
    );
    world.wait(80_000);
    register(&mut world, "r3", 1, "");
    world.wait(10_000);
    register(&mut world, "r4", 1, "");
    expect![[r#"
        > udp:10.0.0.3:5060
            SIP/2.0 200 OK
            Contact: <sip:bob@10.0.0.3>;expires=100;q=0.5
            Date: Tue, 14 Nov 2023 22:13:20 GMT
        > udp:10.0.0.3:5060
            SIP/2.0 200 OK
            Contact: <sip:bob@10.0.0.3>;expires=90;q=0.5, <sip:bob@10.0.0.4>;expires=300
            Date: Tue, 14 Nov 2023 22:13:30 GMT
        > udp:10.0.0.3:5060
            SIP/2.0 200 OK
            Contact: <sip:bob@10.0.0.3>;expires=10;q=0.5, <sip:bob@10.0.0.4>;expires=220
            Date: Tue, 14 Nov 2023 22:14:50 GMT
        > udp:10.0.0.3:5060
            SIP/2.0 200 OK
            Contact: <sip:bob@10.0.0.4>;expires=210
            Date: Tue, 14 Nov 2023 22:15:00 GMT
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn refusals_say_why() {
    let mut world = World::new(SCRIPT);
    register(
        &mut world,
        "r1",
        5,
        "Contact: <sip:bob@10.0.0.3>;expires=10",
    );
    register(&mut world, "r1", 6, "Contact: *");
    register(
        &mut world,
        "r1",
        7,
        "Contact: <sip:bob@10.0.0.3>, <sip:bob@10.0.0.4>, <sip:bob@10.0.0.5>",
    );
    register(&mut world, "r1", 8, "Contact: <sip:bob@10.0.0.3>");
    register(&mut world, "r1", 7, "Contact: <sip:bob@10.0.0.3>;expires=0");
    register(&mut world, "r2", 1, "Contact: *|Expires: 0");
    expect![[r#"
        > udp:10.0.0.3:5060
            SIP/2.0 423 Interval Too Brief
            P-Registrar-Error: Interval Too Brief
            Min-Expires: 60
        > udp:10.0.0.3:5060
            SIP/2.0 400 Bad Request
            P-Registrar-Error: Invalid use of * contact
        > udp:10.0.0.3:5060
            SIP/2.0 503 Service Unavailable
            P-Registrar-Error: Too many registered contacts
            Retry-After: 30
        > udp:10.0.0.3:5060
            SIP/2.0 200 OK
            Contact: <sip:bob@10.0.0.3>;expires=3600
            Date: Tue, 14 Nov 2023 22:13:20 GMT
        > udp:10.0.0.3:5060
            SIP/2.0 400 Bad Request
            P-Registrar-Error: Invalid CSeq number
        > udp:10.0.0.3:5060
            SIP/2.0 200 OK
            Date: Tue, 14 Nov 2023 22:13:20 GMT
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_call_goes_to_all_contacts_that_take_its_method() {
    let mut world = World::new(SCRIPT).show(&["Via"]);
    register(
        &mut world,
        "r1",
        1,
        "Contact: <sip:bob@10.0.0.3>;q=0.2, <sip:bob@10.0.0.4:5070>;methods=\"INVITE\"",
    );
    world.take();
    world.udp(2, "INVITE sip:bob@example.com");
    world.udp(2, "SUBSCRIBE sip:bob@example.com\nCall-ID: call-2");
    world.udp(2, "INVITE sip:carol@example.com\nCall-ID: call-3");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
            Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKINVITE-call-1
        > udp:10.0.0.4:5070
            INVITE sip:bob@10.0.0.4:5070 SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.1:5060;branch=*
            Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKINVITE-call-1
            Max-Breadth: 30
        > udp:10.0.0.3:5060
            INVITE sip:bob@10.0.0.3 SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.1:5060;branch=*
            Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKINVITE-call-1
            Max-Breadth: 30
        > udp:10.0.0.3:5060
            SUBSCRIBE sip:bob@10.0.0.3 SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.1:5060;branch=*
            Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKSUBSCRIBE-call-2
        > udp:10.0.0.2:5060
            SIP/2.0 404 Not Found -1
            Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKINVITE-call-3
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn another_shard_asks_the_owner() {
    let story = |shards| {
        let mut world = World::of_shards(SCRIPT, shards);
        // Enough Call-IDs that some land on a shard that does not own bob.
        for number in 0..6 {
            register(
                &mut world,
                &format!("r{number}"),
                1,
                "Contact: <sip:bob@10.0.0.3>;expires=300",
            );
            world.udp(
                2,
                &format!("OPTIONS sip:bob@example.com\nCall-ID: o{number}"),
            );
            world.udp(
                2,
                &format!("INVITE sip:bob@example.com\nCall-ID: i{number}"),
            );
        }
        world.udp(2, "OPTIONS sip:carol@example.com\nCall-ID: o9");
        world.take()
    };
    let (one, two) = (story(1), story(2));
    assert!(one.contains("SIP/2.0 200 Registered") && one.contains("INVITE sip:bob@10.0.0.3"));
    assert_eq!(one, two);
}

#[test]
fn bindings_are_removed_and_counted() {
    let mut world = World::of_shards(SCRIPT, 2);
    register(
        &mut world,
        "r1",
        1,
        "Contact: <sip:bob@10.0.0.3>, <sip:bob@10.0.0.4>",
    );
    world.take();
    world.udp(2, "MESSAGE sip:bob@example.com\nCall-ID: m1");
    world.udp(2, "MESSAGE sip:bob@example.com\nCall-ID: m2");
    world.command(
        "ul_show_contact",
        &[("table_name", "location"), ("aor", "bob")],
    );
    world.command("ul_rm", &[("table_name", "location"), ("aor", "bob")]);
    world.command("ul_dump", &[]);
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 Removed
        > udp:10.0.0.2:5060
            SIP/2.0 404 Nothing to remove
        answer 404 AOR not found
        answer {"AOR":"bob","Contacts":[{"Contact":"sip:bob@10.0.0.3","Callid":"r1","Expires":3600,"CSeq":1,"Cflags":0,"Methods":4294967295,"Latency":0}]}
        answer 404 AOR not found
        answer "OK"
        answer {"Domains":[]}
        answer {"Domains":[{"name":"location","AORs":[]}]}
    "#]].assert_eq(&world.take());
}

#[test]
fn what_the_script_says_of_a_contact_is_stored_with_it() {
    let mut world = World::new(
        r#"
        loadmodule "sl"
        loadmodule "signaling"
        loadmodule "tm"
        loadmodule "sipmsgops"
        loadmodule "usrloc"
        loadmodule "registrar"
        modparam("usrloc", "nat_bflag", "NAT")
        modparam("registrar", "received_avp", "$avp(rcv)")
        modparam("registrar", "sock_hdr_name", "X-Socket")
        route {
            if (is_method("REGISTER")) {
                $avp(rcv) = "sip:" + $si + ":" + $sp;
                setbflag("NAT");
                save("location", "socket-header,path-lazy");
                exit;
            }
            if (!lookup("location"))
                exit;
            xlog("L_ERR", "to $ru by $du from $socket_out, flags $bf\n");
            add_sock_hdr("X-Socket");
            t_relay();
        }
        "#,
    );
    register(
        &mut world,
        "r1",
        1,
        "Contact: <sip:bob@172.16.0.9>|X-Socket: udp:198.51.100.1:5060",
    );
    world.udp(2, "MESSAGE sip:bob@example.com");
    register(
        &mut world,
        "r1",
        2,
        "Contact: <sip:bob@172.16.0.9>|Path: <sip:10.0.0.8;lr>, <sip:10.0.0.7;lr>|Supported: path",
    );
    world.udp(2, "MESSAGE sip:bob@example.com\nCall-ID: call-2");
    expect![[r#"
        > udp:10.0.0.3:5060
            SIP/2.0 200 OK
            Contact: <sip:bob@172.16.0.9>;expires=3600;received="sip:10.0.0.3:5060"
            Date: Tue, 14 Nov 2023 22:13:20 GMT
        log -1: to sip:bob@172.16.0.9 by sip:10.0.0.3:5060 from udp:198.51.100.1:5060, flags NAT
        > udp:10.0.0.3:5060
            MESSAGE sip:bob@172.16.0.9 SIP/2.0
            X-Socket: udp:192.0.2.1:5060
        > udp:10.0.0.3:5060
            SIP/2.0 200 OK
            Contact: <sip:bob@172.16.0.9>;expires=3600;received="sip:10.0.0.3:5060"
            Path: <sip:10.0.0.8;lr>
            Path: <sip:10.0.0.7;lr>
            Date: Tue, 14 Nov 2023 22:13:20 GMT
        log -1: to sip:bob@172.16.0.9 by sip:10.0.0.8;lr from udp:192.0.2.1:5060, flags NAT
        > udp:10.0.0.8:5060
            MESSAGE sip:bob@172.16.0.9 SIP/2.0
            Route: <sip:10.0.0.8;lr>,<sip:10.0.0.7;lr>
            X-Socket: udp:192.0.2.1:5060
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn commands_leave_out_the_domain_where_it_does_not_count_and_know_the_tables_of_the_script() {
    let mut world = World::of_shards(SCRIPT, 2);
    let carol = ("aor", "carol@127.0.0.1");
    let add = |table| {
        [
            ("table_name", table),
            carol,
            ("contact", "sip:carol@10.0.0.9"),
            ("expires", "60"),
            ("q", "1"),
            ("flags", "0"),
            ("cflags", "0"),
            ("methods", "4294967295"),
        ]
    };
    let named = [("table_name", "location"), carol];
    world.command("ul_rm", &named);
    world.command("ul_add", &add("nosuchtable"));
    world.command("ul_add", &add("location"));
    world.command("ul_show_contact", &named);
    world.command("ul_rm", &named);
    world.command("ul_rm", &named);
    expect![[r#"
        answer 404 AOR not found
        answer 404 AOR not found
        answer 404 Table not found
        answer 404 Table not found
        answer "OK"
        answer "OK"
        answer 404 AOR not found
        answer {"AOR":"carol","Contacts":[{"Contact":"sip:carol@10.0.0.9","Q":"1.000","Callid":"dfjrewr12386fd6-343@tandem.mi","User-agent":"Tandem MI Server","Expires":60,"CSeq":1,"Cflags":0,"Methods":4294967295,"Latency":0}]}
        answer 404 AOR not found
        answer "OK"
        answer 404 AOR not found
        answer 404 AOR not found
    "#]].assert_eq(&world.take());
}
