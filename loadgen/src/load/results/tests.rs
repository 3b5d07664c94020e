//! Records in, parts of pages out.

use expect_test::expect;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::{Record, chart, charts, folder, index, page, parse, tables};
use crate::load::record;

const OLD: &str = r#"{"format":1,"good":true,"objections":[],"remarks":["late"],"rate":100.0,"started":200,"succeeded":200,
"failed":0,"causes":{},"seconds":[[100,90,0],[100,110,0]],"times_us":{"setup (200)":{"count":2,"buckets":[[150,1],[3000,1]]},
"post-dial delay (18x)":{"count":0,"p50":0,"buckets":[]}},"server_cpu":{"us_per_call":20.0},"machine":{"cpu":"A<B","governor":""},"command":"x & y"}"#;
const BAD: &str = r#"{"format":1,"good":false,"objections":["1 of 200 failed, 0 were allowed","too late"],"started":200,"failed":1,
"causes":{"rejected with 503":1},"server_cpu":{"us_per_call":50.0}}"#;

fn told(name: &str, text: &str) -> Record {
    parse(name.to_owned(), text).unwrap()
}

/// Delays of these calls, as a record holds them.
fn times(values: &[u64]) -> Value {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 120_000_000, 3).unwrap();
    values
        .iter()
        .for_each(|&value| histogram.record(value).unwrap());
    record::times(&histogram)
}

/// A run of three seconds in which something of everything happened.
fn eventful() -> Value {
    json!({
        "format": 2, "good": false, "objections": ["3 of 30 failed, 0 were allowed"], "remarks": [],
        "scenario": "call", "rate": 10.0, "started": 30, "succeeded": 27, "failed": 3, "offered_for_us": 3_000_000,
        "causes": {"rejected with 503": 2, "no response to INVITE in 32 s": 1}, "by_plan": {},
        "times_us": {"post-dial delay (18x)": times(&[200, 300, 90_000])},
        "rfc6076": {"SER_percent": 90.0, "SDD_failed": 0, "SRD_successful_us": times(&[200, 300])},
        "rfc7501": {"session_attempt_rate": 10.0, "registration_rate": null},
        "series": {
            "every_s": 1, "offered": [10, 10, 10], "started": [10, 9, 11], "answered": [9, 9, 9], "succeeded": [9, 9, 9],
            "by_plan": [0, 0, 0], "failed": [0, 2, 0], "causes": {"rejected with 503": [[1, 2]]},
            "repeated_by_us": [0, 4, 0], "repeated_by_the_peer": [0, 0, 1],
            "delay_p50_us": [200, null, 300], "delay_p99_us": [210, null, 90_000],
        },
        "samples": {
            "every_s": 1, "server_cores": [0.5, 0.6, 0.5], "generator_cores": [0.9, 0.9, 0.9],
            "server_resident_bytes": [1_048_576, 2_097_152, 3_145_728],
            "dropped_ours": [0, 7, 0], "dropped_target": [null, null, null], "dropped_anywhere": [0, 7, 0],
        },
        "server_memory_mib_per_minute": {"all": 60.0, "second_half": null},
        "traces": {"one_start_in": 4, "slowest": [{"started_at_us": 1_500_000, "setup_us": 90_000, "steps": [
            {"at_us": 10, "ours": true, "text": "INVITE"}, {"at_us": 90_000, "ours": false, "text": "200"}]}],
            "failed": {}},
        "server_counters": {"core:rcv_requests": [5, 35]},
        "machine": {"cpu": "A"}, "command": "tandem-loadgen call",
    })
}

#[test]
fn the_verdict_is_a_sentence_with_its_reason_and_then_the_rest() {
    expect![[r#"
        <section class="bad"><p class="verdict"><b>✗ FAILED</b> a&lt;b: 1 of 200 failed, 0 were allowed</p><ul><li>too late</ul></section>
        <section class="good"><p class="verdict"><b>✓ PASSED</b> fine: 200 of 200 calls succeeded at 100 per second</p><ul><li>note: late</ul></section>
    "#]]
    .assert_eq(&(page::verdict(&told("a<b", BAD)) + &page::verdict(&told("fine", OLD))));
}

#[test]
fn causes_are_a_table() {
    expect![[r#"
        <div class="wide"><table><tr><th>cause</th><th>calls</th><th>% of all</th></tr>
        <tr><td>rejected with 503</td><td>1</td><td>0.500</td></tr>
        </table></div>
    "#]]
    .assert_eq(&tables::causes(&told("bad", BAD).value));
}

#[test]
fn what_is_not_recorded_is_not_said_to_be_good() {
    let causes = |text: &str| tables::causes(&told("", text).value);
    assert!(causes(r#"{"format":2}"#).contains("not recorded"));
    assert!(causes(r#"{"format":2,"causes":{}}"#).contains("No call failed"));
}

#[test]
fn records_are_compared_and_what_is_absent_is_not_zero() {
    let records = [told("a", OLD), told("b", BAD)];
    let table = page::figures(&records.iter().collect::<Vec<_>>());
    assert!(table.contains("<td>20.00</td><td>50.00 <span class=\"no\">×2.50</span></td>"));
    assert!(table.contains("<td>server, MiB resident</td><td class=\"no\">not measured</td>"));
    // Nothing rang in either.
    assert!(!table.contains("post-dial delay"));
    assert!(table.contains("<td>succeeded</td><td>200</td><td class=\"no\">not measured</td>"));
}

#[test]
fn what_few_runs_measure_has_a_row_where_one_did() {
    let with = json!({ "format": 2, "held": { "open": 1000, "server_grew_per_call": 812.4 }, "connections": null });
    let (with, without) = (told("a", &with.to_string()), told("b", BAD));
    let row =
        "<tr><td>server, bytes a held call</td><td>812</td><td class=\"no\">not measured</td></tr>";
    assert!(page::figures(&[&with, &without]).contains(row));
    assert!(!page::figures(&[&with, &without]).contains("connections kept"));
    assert!(!page::figures(&[&without]).contains("held call"));
}

/// Titles of the charts of a page.
fn titles(page: &str) -> Vec<&str> {
    let figures = page.split("<figure><figcaption>").skip(1);
    figures
        .map(|figure| figure[..figure.find('<').unwrap()].trim_end())
        .collect()
}

/// Nothing is fetched, no value went wrong, and what the style calls a colour is there.
fn is_whole(page: &str) {
    for wrong in ["http", "src=", "NaN", "inf\"", "<script"] {
        assert!(!page.contains(wrong), "{wrong}");
    }
    assert!(page.contains("prefers-color-scheme:dark") && page.ends_with("</html>\n"));
}

#[test]
fn a_record_of_format_1_is_still_drawn() {
    let page = page::page(&[told("good", OLD)]);
    is_whole(&page);
    assert_eq!(titles(&page), ["Calls", "Times by percentile"]);
    assert!(page.contains("Not drawn: no call failed"));
    assert!(
        page.contains("A&lt;B") && page.contains("not offered here") && page.contains("x &amp; y")
    );
}

#[test]
fn everything_that_happened_has_its_chart() {
    let page = page::page(&[told("run", &eventful().to_string())]);
    is_whole(&page);
    assert_eq!(
        titles(&page),
        [
            "Calls",
            "Failures",
            "Post-dial delay",
            "Sent again",
            "Processor time",
            "Memory of the server",
            "Dropped by the kernel",
            "Times by percentile",
            "The slowest call that was followed: answered after 90.00 ms",
        ]
    );
    for words in [
        "Session Establishment Ratio",
        "90.000 %",
        "calls per second",
        "seconds from the start",
        "Session Attempt Rate",
        "core:rcv_requests",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // Not asked for is not 0.
    assert!(!page.contains("Registration Rate"));
}

#[test]
fn a_second_without_a_value_is_a_gap() {
    let page = page::page(&[told("run", &eventful().to_string())]);
    let delay = &page[page.find("Post-dial delay <").unwrap()..];
    let lines: Vec<&str> = delay.split("<path class=\"line l").skip(1).collect();
    // Two dots: the second between them has no call that rang.
    let drawn = lines.iter().find(|line| line.matches("h0.1").count() == 2);
    assert!(drawn.is_some(), "{delay}");
}

#[test]
fn runs_that_are_the_same_are_added_up() {
    let with = |values: &[u64]| {
        let mut value = eventful();
        value["times_us"]["post-dial delay (18x)"] = times(values);
        value
    };
    let records = [
        told("a", &with(&[100; 9]).to_string()),
        told("b", &with(&[100_000; 1]).to_string()),
    ];
    let drawn = charts::side_by_side(&records.iter().collect::<Vec<_>>());
    assert_eq!(titles(&drawn), ["post-dial delay (18x), by percentile"]);
    assert!(drawn.contains("</svg>a</span>") && drawn.contains("</svg>together</span>"));
    let page = page::page(&records);
    is_whole(&page);
}

#[test]
fn a_search_shows_what_was_held_and_what_was_lost() {
    let trial = |rate: f64, held: bool| {
        json!({ "rate": rate, "kind": "probe", "held": held, "why": if held { vec![] } else { vec!["9 calls <failed>"] },
                "failed": 0, "server_us_per_call": 80.0 })
    };
    let found = json!({ "format": 2, "good": true, "objections": [], "highest": 1500.0, "started": 90,
        "search": [trial(1000.0, true), trial(2000.0, false), trial(1500.0, true)] });
    let page = page::page(&[told("found", &found.to_string())]);
    is_whole(&page);
    assert!(page.contains("1\u{202f}500 calls per second held without a failed call"));
    assert_eq!(
        titles(&page)[..2],
        ["Rates that were tried", "What a call costs the server"]
    );
    let tried =
        &page[page.find("Rates that were tried").unwrap()..page.find("What a call costs").unwrap()];
    let marks = ["class=\"held\"", "class=\"lost\""].map(|mark| tried.matches(mark).count());
    assert_eq!(marks, [2, 1]);
    assert!(page.contains("9 calls &lt;failed&gt;"));
    let nothing = json!({ "format": 2, "good": false, "objections": ["no rate was held"], "search": [trial(9.0, false)] });
    let page = page::page(&[told("nothing", &nothing.to_string())]);
    is_whole(&page);
    assert!(
        page.contains("FAILED</b> nothing: no rate was held") && !page.contains("Why calls failed")
    );
}

#[test]
fn a_comparison_has_bars_with_what_lay_between_the_rounds() {
    let side = |cost: f64| json!({ "rate": 3000.0, "server_us_per_call": cost, "failed": 0, "held": true });
    let compared = json!({ "format": 2, "good": true, "objections": [], "servers": ["a", "b"],
        "rounds": [[side(40.0), side(80.0)], [side(50.0), side(90.0)], [side(42.0), side(84.0)]] });
    let page = page::page(&[told("both", &compared.to_string())]);
    is_whole(&page);
    assert_eq!(
        titles(&page),
        ["rate held, per second", "server CPU, µs a call"]
    );
    assert!(page.contains("A/B 0.500, 0.500 to 0.556 in single rounds"));
    assert_eq!(page.matches("class=\"whisker\"").count(), 4);
}

#[test]
fn axes_end_above_what_they_hold_and_words_are_short() {
    let words = |axis: chart::Axis| {
        axis.ticks
            .into_iter()
            .map(|tick| tick.1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(words(chart::even(97.0, "")), "0 50 100");
    assert_eq!(words(chart::even(12_300.0, "")), "0 5000 10k 15k");
    assert_eq!(words(chart::even(0.31, "")), "0 0.1 0.2 0.3 0.4");
    assert_eq!(words(chart::even(0.0, "")), "0 0.5 1");
    assert_eq!(
        words(chart::times(180.0, 2_500_000.0, "")),
        "100 µs 1 ms 10 ms 100 ms 1 s 10 s"
    );
    let (axis, unit) = chart::seconds(660.0);
    assert_eq!((axis.ends, unit), ((0.0, 11.0), 1.0 / 60.0));
    assert_eq!(axis.title, "minutes from the start");
    assert_eq!(words(axis), "0 5 10");
    assert_eq!(page::plain(1_234_567.4), "1\u{202f}234\u{202f}567");
}

#[test]
fn what_is_no_record_of_a_known_format_is_refused() {
    let refused = |text: &str| parse(String::new(), text).unwrap_err();
    assert_eq!(
        refused(r#"{"format":9}"#),
        "a record of format 9, known are 1 to 2"
    );
    assert_eq!(refused("{}"), "no record: it has no `format`");
}

/// A folder of its own, gone when the test ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("loadgen-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn index(&self, more: &[&str]) -> Result<bool, String> {
        let path = self.0.clone().into_os_string();
        let more = more.iter().map(Into::into);
        index(&std::iter::once(path).chain(more).collect::<Vec<_>>())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_index_has_the_newest_of_each_first_and_knows_when_it_is_stale() {
    let folder = Folder::new("index");
    let record = |good: bool, cost: f64| {
        json!({ "format": 2, "good": good, "started": 9, "succeeded": 9, "failed": 0, "succeeded_per_second": 1200.4,
            "server_cpu": {"us_per_call": cost}, "machine": {"cpu": "AMD EPYC", "cores": "2"},
            "times_us": {"post-dial delay (18x)": {"count": 2, "p50": 150, "p99": 2500}} }).to_string()
    };
    folder.write("README.md", "# Records\n\nA person's words.\n");
    folder.write("2026-11-24-epyc-2c-trunk/record.json", &record(true, 40.0));
    folder.write("2026-11-24-epyc-2c-trunk/profile.json", "{}");
    folder.write("2026-11-25-epyc-2c-trunk/record.json", &record(false, 38.5));
    folder.write("2026-11-23-epyc-2c-all/README.md", "# All at once\n");
    folder.write("2026-11-23-epyc-2c-all/01.json", &record(true, 1.0));
    folder.write("2026-11-23-epyc-2c-all/02.json", &record(true, 2.0));
    folder.write("2026-11-20-old.md", "text\n# The title\n");
    assert_eq!(folder.index(&["--check"]), Ok(false));
    assert_eq!(folder.index(&[]), Ok(true));
    expect![[r#"
        # Records

        A person's words.

        <!-- From here on written by `make bench-index`. -->

        ## Current figures

        ![CPU time of a call by record](current.svg)

        | day | what | machine | calls/s | failed | post-dial delay p50 / p99 | server, µs of CPU a call | verdict | |
        |---|---|---|---:|---:|---:|---:|---|---|
        | 2026-11-25 | [epyc-2c-trunk](2026-11-25-epyc-2c-trunk/) | epyc-2c | 1 200 | 0 | 150 µs / 2.50 ms | 38.5 | **FAILED** | [page](2026-11-25-epyc-2c-trunk/report.html) |

        ## Earlier records

        | day | what | machine | calls/s | failed | post-dial delay p50 / p99 | server, µs of CPU a call | verdict | |
        |---|---|---|---:|---:|---:|---:|---|---|
        | 2026-11-24 | [epyc-2c-trunk](2026-11-24-epyc-2c-trunk/) | epyc-2c | 1 200 | 0 | 150 µs / 2.50 ms | 40.0 | passed | [page](2026-11-24-epyc-2c-trunk/report.html) |

        ## Records of many runs

        * [2026-11-23-epyc-2c-all](2026-11-23-epyc-2c-all/): All at once, 2 runs

        ## Records of old days

        * [2026-11-20-old.md](2026-11-20-old.md): The title
    "#]]
    .assert_eq(&folder.read("README.md").replace('\u{202f}', " "));
    assert!(
        folder
            .read("current.svg")
            .contains("epyc-2c-trunk: 38.5 µs of CPU a call")
    );
    // Written again it is the same, and a new record makes it stale.
    assert_eq!(
        (folder.index(&["--check"]), folder.index(&[])),
        (Ok(true), Ok(true))
    );
    assert_eq!(folder.index(&["--check"]), Ok(true));
    folder.write("2026-11-26-new.md", "# New\n");
    assert_eq!(folder.index(&["--check"]), Ok(false));
}

#[test]
fn a_scenario_file_shows_its_steps() {
    let record = json!({ "format": 1, "good": true, "objections": [], "started": 3, "seconds": [[3, 3, 0]], "causes": {}, "steps": [
        { "step": 0, "line": 12, "kind": "send", "what": "INVITE", "messages": 3, "repeated": 1, "timeouts": 0, "unexpected": 0, "lost": 0 }] });
    let page = page::page(&[told("steps", &record.to_string())]);
    is_whole(&page);
    assert!(page.contains("<tr><td>12</td><td class=\"text\">send INVITE</td><td>3</td><td>1</td><td>0</td><td>0</td><td>0</td></tr>"));
}

#[test]
fn machines_are_named_by_their_processor() {
    let named = |cpu: &str| folder::machine(&json!({ "cpu": cpu, "cores": "2" }));
    assert_eq!(named("AMD EPYC"), "epyc-2c");
    assert_eq!(
        named("Intel(R) Xeon(R) Platinum 8488C CPU @ 2.40GHz"),
        "xeon-platinum-8488c-2c"
    );
    assert_eq!(named(""), "machine-2c");
}
