//! What belongs to a branch: `$tm.branch.*`, `$bavp`, branch flags, `t_get_branch_idx_by_attr`.

use expect_test::expect;

use super::world;

const SCRIPT: &str = r#"
    route {
        $ru = "sip:one@10.0.0.3";
        append_branch("sip:two@10.0.0.4");
        t_on_branch("out");
        t_on_reply("back");
        t_on_failure("none");
        t_relay();
    }
    branch_route[out] {
        setbflag("GW");
        if ($T_branch_idx == 1)
            resetbflag("GW");
        $bavp(seen) = "first";
        $bavp(seen) = "branch " + $T_branch_idx;
        if ($tm.branch.attr(side) == NULL)
            $tm.branch.attr(side) = 7;
        xlog("out $T_branch_idx: attr=$tm.branch.attr(side) gw=$tm.branch.flag(GW)\n");
    }
    onreply_route[back] {
        xlog("back $T_branch_idx: $T_ruri type=$tm.branch.type flags=$tm.branch.flags attr=$tm.branch.attr(side) bavp=$bavp(seen) all=$(bavp(seen)[*])\n");
        if (isbflagset("GW"))
            setbflag("ANSWERED");
        $bavp(code) = $rs;
    }
    failure_route[none] {
        xlog("failed $T_branch_idx: $T_reply_code flags=$tm.branch.flags of 0 [$(tm.branch.flags[0])] last $(tm.branch.last_received[-1]) bavp=$bavp(code) attr=$(tm.branch.attr(side)[0])/$(tm.branch.attr(side)[1])\n");
        $(tm.branch.attr(side)[0]) = NULL;
        $(tm.branch.flag(GW)[1]) = 1;
        xlog("then [$(tm.branch.attr(side)[0])] $(tm.branch.flag(GW)[1]) $(tm.branch.uri[5])\n");
    }
"#;

#[test]
fn flags_attributes_and_values_belong_to_one_branch() {
    let mut world = world(SCRIPT);
    world.udp(2, "INVITE sip:bob@example.com");
    world.respond(3, &world.last_request_to(3), "180 Ringing");
    world.respond(4, &world.last_request_to(4), "486 Busy");
    let invite = world.last_request_to(3);
    world.respond(3, &invite, "404 Not Found");
    expect![[r#"
        log 2: out 0: attr=7 gw=1
        log 2: out 1: attr=7 gw=0
        log 2: back 0: sip:one@10.0.0.3 type=sip flags=GW attr=7 bavp=branch 0 all=branch 0, first
        log 2: back 1: sip:two@10.0.0.4 type=sip flags= attr=7 bavp=branch 1 all=branch 1, first
        log 2: back 0: sip:one@10.0.0.3 type=sip flags=GW ANSWERED attr=7 bavp=branch 0 all=branch 0, first
        log 2: failed 0: 404 flags=GW ANSWERED of 0 [GW ANSWERED] last 486 bavp=404 attr=7/7
        log 2: then [<null>] 1 <null>
    "#]].assert_eq(&world.take_log());
}
