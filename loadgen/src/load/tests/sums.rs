//! Whatever happens to them: what was started is the sum of all outcomes, in every part.

use std::process::ExitCode;

use super::loopback::{exit, free_port, record};

#[test]
fn a_mix_of_everything_through_a_server_that_loses_a_seventh_adds_up() {
    let (port, callee) = (free_port(), 35_000 + free_port() % 1_000 * 2);
    let line = format!(
        "forward 127.0.0.1:{callee} --listen 127.0.0.1:{port} --answer-sources 1 --drop-every 7 --duration 7s --quiet"
    );
    let forward = std::thread::spawn(move || exit(&line));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mix = std::env::temp_dir().join(format!("loadgen-sums-{port}.toml"));
    let path = mix.with_extension("json");
    std::fs::write(
        &mix,
        "rate = 600\nduration = \"1s\"\nring = \"10ms-400ms\"\nreject-share = 0.2\nno-answer-share = 0.1\nusers = 1\n\
         [[part]]\nscenario = \"call\"\nshare = 3\nhold = \"~50ms\"\npatience = \"700ms\"\nreinvite = \"20ms\"\n\
         [[part]]\nname = \"hasty\"\nscenario = \"call\"\ncancel = \"1ms-100ms\"\ncancel-share = 0.6\npatience = \"500ms\"\n\
         [[part]]\nscenario = \"message\"\n\
         [[part]]\nscenario = \"options\"\n",
    )
    .unwrap();
    let code = exit(&format!(
        "mix {} 127.0.0.1:{port} --listen 127.0.0.1:{callee} --trunk --unrouted --no-retransmit --seed 3 --drain 2s \
         --linger 500ms --quiet --json {}",
        mix.display(),
        path.display()
    ));
    let value = record(&path);
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(&mix).unwrap();
    assert_eq!(code, ExitCode::from(1), "a seventh is lost");
    assert_eq!(forward.join().unwrap(), ExitCode::SUCCESS);

    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    let sum = |name: &str| -> u64 {
        let counts = value[name].as_object().unwrap().values();
        counts.map(number).sum()
    };
    let (succeeded, by_plan, failed) = (number(&value["succeeded"]), sum("by_plan"), sum("causes"));
    assert_eq!(number(&value["started"]), 600, "{value:#}");
    assert_eq!(succeeded + by_plan + failed, 600, "{value:#}");
    assert_eq!(failed, number(&value["failed"]));
    assert!(succeeded > 100 && by_plan > 50 && failed > 100, "{value:#}");
    let mut sums = [0; 4];
    for part in value["parts"].as_array().unwrap() {
        let [started, succeeded, by_plan, failed] =
            ["started", "succeeded", "by_plan", "failed"].map(|name| number(&part[name]));
        let lost = number(&part["lost"]);
        assert_eq!(started, succeeded + by_plan + failed + lost, "{part:#}");
        for (sum, count) in sums
            .iter_mut()
            .zip([started, succeeded, by_plan, failed + lost])
        {
            *sum += count;
        }
    }
    assert_eq!(sums, [600, succeeded, by_plan, failed]);
}
