//! A whole record as a folder: `record.json`, `report.html`, a README.md that says what it is, and what was attached.
//!
//! Written once: a folder that is there already is another record, and records are never edited.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::page::{self, Row, micros, plain};
use super::read::{list, number};
use super::{Record, date, index, parse, save};
use crate::load::plan::Plan;
use crate::load::record;

/// Where records are when nothing else is said.
const RECORDS: &str = "bench-results";
/// An attached file is a script or a profile, not a capture.
const ATTACHED_MAX: u64 = 4 << 20;

pub(super) fn write(plan: &Plan, what: &str, json: &str) -> Result<(), String> {
    let mut record = parse(String::new(), json)?;
    let folder = place(what, &record.value);
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    record.name = name.into_owned();
    let shown = folder.display();
    let parent = folder.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)
        .and_then(|()| fs::create_dir(&folder))
        .map_err(|error| format!("cannot make the record {shown}: {error}"))?;
    record.value["commit"] = Value::from(commit());
    save(
        &folder.join("record.json"),
        &format!("{:#}\n", record.value),
    )?;
    for file in &plan.attached {
        attach(file, &folder)?;
    }
    save(&folder.join("README.md"), &readme(plan, &record))?;
    save(&folder.join("report.html"), &page::page(&[record]))?;
    println!("record    {shown}");
    index::update(parent)
}

/// What stands against a record, before a long run is made for it.
pub(super) fn check(plan: &Plan) -> Result<(), String> {
    let Some(what) = &plan.record else {
        return Ok(());
    };
    let folder = place(what, &record::empty(plan));
    if folder.exists() {
        return Err(format!("{} is another record already", folder.display()));
    }
    plan.attached.iter().try_for_each(|file| {
        fs::metadata(file)
            .map(drop)
            .map_err(|error| format!("cannot attach {}: {error}", file.display()))
    })
}

/// The folder that is named, or the one of this day and machine.
fn place(what: &str, value: &Value) -> PathBuf {
    if what.contains('/') {
        return PathBuf::from(what);
    }
    let now = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_secs());
    let day = date::day(value["started_at_unix"].as_u64().unwrap_or(now));
    Path::new(RECORDS).join(format!("{day}-{}-{what}", machine(&value["machine"])))
}

/// Of the tree this is measured in; the server's, as a rule.
fn commit() -> Option<String> {
    let done = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output()
        .ok()?;
    let commit = String::from_utf8(done.stdout).ok()?;
    (done.status.success() && !commit.trim().is_empty()).then(|| commit.trim().to_owned())
}

/// A machine by its processor and its cores: `epyc-2c`.
pub(super) fn machine(machine: &Value) -> String {
    const EMPTY: [&str; 8] = [
        "amd",
        "intel",
        "r",
        "tm",
        "cpu",
        "core",
        "processor",
        "unknown",
    ];
    let model = machine["cpu"].as_str().unwrap_or("").to_lowercase();
    let words = model.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<&str> = words
        .filter(|word| !word.is_empty() && !EMPTY.contains(word))
        .take(3)
        .collect();
    let name = match words.is_empty() {
        true => "machine".to_owned(),
        false => words.join("-"),
    };
    format!("{name}-{}c", machine["cores"].as_str().unwrap_or("?"))
}

fn attach(file: &Path, folder: &Path) -> Result<(), String> {
    let shown = file.display();
    let size = fs::metadata(file).map(|metadata| metadata.len());
    let name = file
        .file_name()
        .ok_or_else(|| format!("{shown} is no file"))?;
    match size {
        Ok(..=ATTACHED_MAX) => {}
        Ok(bytes) => {
            return Err(format!(
                "{shown} has {bytes} bytes, {ATTACHED_MAX} are allowed"
            ));
        }
        Err(error) => return Err(format!("cannot attach {shown}: {error}")),
    }
    fs::copy(file, folder.join(name))
        .map(drop)
        .map_err(|error| format!("cannot attach {shown}: {error}"))
}

/// What the folder holds, for who opens it first.
fn readme(plan: &Plan, record: &Record) -> String {
    let value = &record.value;
    let good = value["good"].as_bool() == Some(true);
    let word = if good { "Passed" } else { "FAILED" };
    let mut out = format!(
        "# {}\n\n**{word}**: {}.\n\n",
        record.name,
        record.sentence()
    );
    for (list_name, before) in [("objections", ""), ("remarks", "Note: ")] {
        let skip = usize::from(list_name == "objections");
        for line in list(&value[list_name])
            .iter()
            .skip(skip)
            .filter_map(Value::as_str)
        {
            let _ = writeln!(out, "* {before}{line}");
        }
    }
    for note in &plan.notes {
        let _ = writeln!(out, "\n{note}\n");
    }
    if let Some(commit) = value["commit"].as_str() {
        let _ = writeln!(out, "\nCommit {commit}.");
    }
    let _ = writeln!(
        out,
        "\n```\n{}\n```\n",
        value["command"].as_str().unwrap_or("")
    );
    let figures: [Row; 8] = [
        ("highest rate held, 1/s", "/highest", plain),
        ("succeeded, 1/s", "/succeeded_per_second", plain),
        ("started", "/started", plain),
        ("failed", "/failed", plain),
        (
            "post-dial delay p50",
            "/times_us/post-dial delay (18x)/p50",
            micros,
        ),
        (
            "post-dial delay p99",
            "/times_us/post-dial delay (18x)/p99",
            micros,
        ),
        (
            "server, µs of CPU a call",
            "/server_cpu/us_per_call",
            |us| format!("{us:.1}"),
        ),
        (
            "server's memory, MiB a minute",
            "/server_memory_mib_per_minute/all",
            |mib| format!("{mib:.2}"),
        ),
    ];
    out.push_str("| figure | |\n|---|---:|\n");
    for (name, path, write) in figures {
        if let Some(figure) = number(value, path) {
            let _ = writeln!(out, "| {name} | {} |", write(figure));
        }
    }
    out.push_str("\n| machine | |\n|---|---|\n");
    for (name, value) in value["machine"].as_object().into_iter().flatten() {
        let value = value.as_str().filter(|value| !value.is_empty());
        let _ = writeln!(out, "| {name} | {} |", value.unwrap_or("not offered here"));
    }
    out.push_str("\n[report.html](report.html) has the charts, [record.json](record.json) everything; `tandem-loadgen report` draws it again.\n");
    for file in &plan.attached {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(out, "\n* [{name}]({name})");
    }
    out
}
