//! Seeded lives of an engine: whatever peers do, nobody panics, invariants hold, and everything ends.

mod support;

use engine::Engine;
use engine::random::Random;
use engine::statistics::{Counter, Statistics};
use support::{World, driver};

const SCRIPT: &str = r#"
route {
    if ($rm == "CANCEL") {
        t_relay();
        exit;
    }
    if (loose_route()) {
        t_relay();
        exit;
    }
    if ($rm == "ACK") {
        if (t_check_trans()) { t_relay(); }
        exit;
    }
    if ($rm == "OPTIONS") {
        send_reply(200, "Fine");
        exit;
    }
    if ($rm == "REGISTER") {
        t_newtran();
        exit;
    }
    if ($rm == "MESSAGE") {
        pause(700);
    }
    record_route();
    on_failure("failed");
    on_reply("answered");
    if ($rm == "SUBSCRIBE") {
        to("sip:bob@10.0.0.3");
        also("sip:carol@10.0.0.4");
    }
    t_relay();
}

failure_route[failed] {
    if ($rm == "INVITE") { pause(300); }
    to("sip:carol@10.0.0.4");
    t_relay();
}

onreply_route[answered] {
    if ($rs == 183) { drop; }
    if ($rs == 180) { pause(50); }
}
"#;

fn storm(seed: u64) -> Engine {
    let mut random = Random::new(seed);
    let len = random.below(1_500) as usize;
    let bytes: Vec<u8> = (0..len).map(|_| random.next_u64() as u8).collect();
    let engine = World::new(SCRIPT).engines.remove(0);
    driver::play(engine, &bytes).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"))
}

#[test]
fn whatever_peers_do_everything_ends() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = number("STORM_SEED").unwrap_or(0);
    let mut sums = Statistics::new();
    for seed in first..first + number("STORM_SEEDS").unwrap_or(150) {
        for (group, name, value) in storm(seed).core().statistics.iter() {
            let id = sums.register(group, name).unwrap();
            sums.add(id, value);
        }
    }
    // A storm in which nothing happens proves nothing.
    use Counter::*;
    for counter in [
        RequestsForwarded,
        ResponsesForwarded,
        RequestsFailed,
        Final2xx,
        Final3xx,
        Final4xx,
        Final5xx,
        Final6xx,
        Timeouts,
        RequestRetransmissions,
        OwnRetransmissions,
        ResponsesUnmatched,
        LateAnswers,
        SendFailures,
    ] {
        assert!(sums.get(counter) > 0, "{counter:?} never happened");
    }
}
