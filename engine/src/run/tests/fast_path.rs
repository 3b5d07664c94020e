//! A run that never waits allocates nothing once everything has its working size.

use super::{Bench, INVITE, flow, message};
use crate::module::Registry;
use crate::run::{Ended, begin, execute};
use script::RouteKind;

#[test]
fn a_run_that_does_not_wait_allocates_nothing() {
    let script = r#"
        route {
            if ($rU == NULL || $rd !~ "example") exit;
            $var(x) = "user " + $rU + " of " + $rd;
            $avp(list) = $var(x); $avp(list) = $cs; $avp(list) := $(ru{uri.user}{s.toupper});
            for ($var(one) in $(avp(list)[*])) { $var(i) = $var(i) + 1; }
            switch ($rm) { case "INVITE": route(sub, $fU, 7); break; default: exit; }
            setflag("F"); setbflag("B");
            prefix("00"); $rd = "other.example.com"; $du = "sip:10.1.1.1:5060";
            xlog("$var(x) $avp(list) $rc $si $(fu{s.len})");
        }
        route[sub] { if ($param(1) =~ "^a" && $param(2) == 7) return(3, $param(1)); return(-1); }
    "#;
    let mut bench =
        Bench::new(script, &Registry::new()).unwrap_or_else(|errors| panic!("{errors}"));
    let route = bench.linked.route(RouteKind::Request, b"").unwrap();
    let mut allocations = u64::MAX;
    for _ in 0..20 {
        let message = message(INVITE);
        let Bench {
            core,
            modules,
            linked,
            outbox,
        } = &mut bench;
        outbox.clear();
        let counted = allocation_counter::measure(|| {
            let scene = core.machine.take_scene(message, flow());
            let run = begin(core, RouteKind::Request, scene, None, None);
            let Ended::Finished(run, _) = execute(run, route, core, modules, linked, outbox) else {
                panic!("it waits")
            };
            let scene = core.machine.end(run);
            core.machine.give_scene(scene);
        });
        allocations = counted.count_total;
        assert_eq!(outbox.outputs().len(), 1, "it reached its end");
    }
    assert_eq!(allocations, 0);
}
