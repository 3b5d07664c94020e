use expect_test::expect;

use crate::harness::World;

#[test]
fn nobody_sleeps_for_more_than_an_hour() {
    let mut world = World::new(
        r#"
        loadmodule "cfgutils"
        route { sleep(3601); xlog("$rc\n"); sleep(2147483647); xlog("$rc\n"); }
        "#,
    );
    world.udp(2, "OPTIONS sip:a@192.0.2.1");
    expect![[r#"
        log -1: sleep: 3601 s are more than an hour test.cfg:3
        log 2: -1
        log -1: sleep: 2147483647 s are more than an hour test.cfg:3
        log 2: -1
    "#]]
    .assert_eq(&world.take());
}
