use chrono::TimeZone as _;
use expect_test::expect;

use super::*;

fn entry(level: i8, line: &'static [u8]) -> Entry<'static> {
    Entry {
        // In whatever zone this machine is.
        time: Local.with_ymd_and_hms(2026, 2, 3, 4, 5, 6).unwrap(),
        shard: 2,
        level,
        line,
        prefix: "lab:",
        host: "pbx1",
        process: 77,
    }
}

const FORMATS: [LogFormat; 3] = [LogFormat::PlainText, LogFormat::Json, LogFormat::JsonCee];

/// The end of a time of RFC 3339 differs from zone to zone.
fn without_zone(text: &str) -> String {
    match text.split_once("04:05:06.000000") {
        Some((before, after)) => format!("{before}04:05:06.000000{}", &after[6..]),
        None => text.to_owned(),
    }
}

#[test]
fn a_line_looks_on_standard_error_as_it_was_asked_for() {
    let mut out = Vec::new();
    for format in FORMATS {
        entry(-1, b"a \"peer\" said \x07\xff\nFeb  3 lies ").for_standard_error(format, &mut out);
    }
    let text: Vec<_> = String::from_utf8_lossy(&out)
        .lines()
        .map(without_zone)
        .collect();
    expect![[r#"
        Feb  3 04:05:06 [2] ERROR: lab:a "peer" said \x07�\x0aFeb  3 lies
        {"time": "Feb  3 04:05:06", "pid": 77, "shard": 2, "level": "ERROR", "prefix": "lab", "message": "a \"peer\" said \u0007�\nFeb  3 lies"}
        {"time": "2026-02-03T04:05:06.000000", "host": "pbx1", "pname": "tandem", "pid": 77, "shard": 2, "pri": "ERROR", "msg": "lab:a \"peer\" said \u0007�\nFeb  3 lies"}"#]].assert_eq(&text.join("\n"));
}

#[test]
fn a_line_looks_in_the_system_log_as_it_was_asked_for() {
    let syslog = Syslog {
        name: "edge".to_owned(),
        facility: 16,
    };
    let text: Vec<_> = FORMATS
        .map(|format| entry(2, b"all is well").for_syslog(&syslog, format))
        .iter()
        .map(|line| without_zone(&String::from_utf8_lossy(line)))
        .collect();
    expect![[r#"
        <133>Feb  3 04:05:06 edge[77]: lab:all is well
        <133>Feb  3 04:05:06 edge[77]: {"time": "Feb  3 04:05:06", "pid": 77, "shard": 2, "level": "NOTICE", "prefix": "lab", "message": "all is well"}
        <133>Feb  3 04:05:06 edge[77]: @cee: {"time": "2026-02-03T04:05:06.000000", "host": "pbx1", "pname": "edge", "pid": 77, "shard": 2, "pri": "NOTICE", "msg": "lab:all is well"}"#]].assert_eq(&text.join("\n"));
}
