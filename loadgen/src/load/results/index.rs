//! `tandem-loadgen index DIR`: the table of a folder of records, in its README.md, and a chart beside it.
//!
//! Everything before the line [`HERE`] is a person's and stays; everything after it comes from the records alone, so that
//! `--check` can say whether it is stale. The records of old days are Markdown files: they are listed by their titles.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use lexopt::prelude::{Long, Value as Word};
use serde_json::Value;

use super::page::{escape, micros, plain};
use super::read::{list, number};
use super::style::PALETTE;
use super::{Record, folder, open, save};
use crate::load::find;

/// Where the generated part begins.
const HERE: &str = "<!-- From here on written by `make bench-index`. -->";
const CHART: &str = "current.svg";
/// Records of a folder at most.
const RECORDS_MAX: usize = 10_000;

/// Writes the index, or says whether it is as it should be.
pub(in crate::load) fn index(arguments: &[OsString]) -> Result<bool, String> {
    let (mut directory, mut check) = (None, false);
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut read = || -> Result<(), lexopt::Error> {
        while let Some(argument) = parser.next()? {
            match argument {
                Long("check") => check = true,
                Word(path) if directory.is_none() => directory = Some(PathBuf::from(path)),
                other => return Err(other.unexpected()),
            }
        }
        Ok(())
    };
    read().map_err(|error| error.to_string())?;
    let directory = directory.ok_or("`index` needs the folder of the records")?;
    if !check {
        return write(&directory).map(|()| true);
    }
    let mut fresh = true;
    for (path, text) in &files(&directory)? {
        if fs::read_to_string(path).is_ok_and(|now| now == *text) {
            continue;
        }
        fresh = false;
        eprintln!(
            "{} is not what the records say: `make bench-index` writes it again",
            path.display()
        );
    }
    Ok(fresh)
}

/// Brings the index of a folder up to date, if it has one.
pub(super) fn update(directory: &Path) -> Result<(), String> {
    let readme = fs::read_to_string(directory.join("README.md"));
    match readme.is_ok_and(|text| text.contains(HERE)) {
        true => write(directory),
        false => Ok(()),
    }
}

fn write(directory: &Path) -> Result<(), String> {
    let files = files(directory)?;
    files.iter().try_for_each(|(path, text)| save(path, text))
}

/// The files of the index, as they should be.
fn files(directory: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let readme = directory.join("README.md");
    let before = fs::read_to_string(&readme).unwrap_or_default();
    let found = gather(directory)?;
    let head = before.split(HERE).next().unwrap_or("").trim_end();
    let mut files = vec![(readme, format!("{head}\n\n{HERE}\n\n{}", table(&found)))];
    files.extend(draw(&found).map(|drawn| (directory.join(CHART), drawn)));
    Ok(files)
}

/// What a folder holds: records by their place in it, and the titles of old ones.
struct Found {
    /// Newest first.
    records: Vec<(String, Record)>,
    /// Folders of many runs, by their name: the title of their README.md, and how many.
    many: BTreeMap<String, (String, usize)>,
    old: BTreeMap<String, String>,
}

fn gather(directory: &Path) -> Result<Found, String> {
    let mut found = Found {
        records: Vec::new(),
        many: BTreeMap::new(),
        old: BTreeMap::new(),
    };
    for (name, path) in entries(directory)? {
        if path.is_dir() {
            gather_folder(&mut found, &name, &path)?;
        } else if name.ends_with(".md") && name != "README.md" {
            found.old.insert(name, title(&path));
        }
    }
    found.records.reverse();
    Ok(found)
}

/// A folder is one record, or the many runs of one.
fn gather_folder(found: &mut Found, name: &str, folder: &Path) -> Result<(), String> {
    if let Ok(record) = open(&folder.join("record.json")) {
        if found.records.len() < RECORDS_MAX {
            found.records.push((format!("{name}/record.json"), record));
        }
        return Ok(());
    }
    let files = entries(folder)?;
    let files = files.iter().filter(|(file, _)| file.ends_with(".json"));
    // A profile or a statistic may lie there too.
    let runs = files.filter(|(_, path)| open(path).is_ok()).count();
    if runs > 0 && found.many.len() < RECORDS_MAX {
        let title = title(&folder.join("README.md"));
        found.many.insert(name.to_owned(), (title, runs));
    }
    Ok(())
}

/// The first heading of a Markdown file.
fn title(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let title = text.lines().find_map(|line| line.strip_prefix("# "));
    title.unwrap_or("without a title").to_owned()
}

/// Names and paths of a folder, in the order of their names.
fn entries(directory: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let shown = directory.display();
    let entries =
        fs::read_dir(directory).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let mut entries: Vec<(String, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .collect();
    entries.sort();
    Ok(entries)
}

/// `2026-11-24-epyc-2c-one-core/record.json`: the day, and what was measured. What a later record measures again on the
/// same machine has the same second half.
fn day_and_what(place: &str) -> (&str, &str) {
    let folder = place.strip_suffix("/record.json").unwrap_or(place);
    match folder.get(..10) {
        Some(day) if folder.as_bytes().get(10) == Some(&b'-') => (day, &folder[11..]),
        _ => ("", folder),
    }
}

type Records<'f> = Vec<&'f (String, Record)>;

/// The newest record of each thing that was measured, and all others.
fn newest(found: &Found) -> (Records<'_>, Records<'_>) {
    let mut known: Vec<&str> = Vec::new();
    found.records.iter().partition(|(place, _)| {
        let what = day_and_what(place).1;
        let is_new = !known.contains(&what);
        if is_new {
            known.push(what);
        }
        is_new
    })
}

fn table(found: &Found) -> String {
    let (current, earlier) = newest(found);
    let mut out = "## Current figures\n\n".to_owned();
    if current.is_empty() {
        out.push_str("No record of this kind yet: `tandem-loadgen ... --record WHAT` makes one.\n");
    } else {
        if draw(found).is_some() {
            let _ = writeln!(out, "![CPU time of a call by record]({CHART})\n");
        }
        rows(&mut out, &current);
    }
    if !earlier.is_empty() {
        out.push_str("\n## Earlier records\n\n");
        rows(&mut out, &earlier);
    }
    if !found.many.is_empty() {
        out.push_str("\n## Records of many runs\n\n");
        for (name, (title, runs)) in found.many.iter().rev() {
            let _ = writeln!(out, "* [{name}]({name}/): {title}, {runs} runs");
        }
    }
    if !found.old.is_empty() {
        out.push_str("\n## Records of old days\n\n");
        for (name, title) in found.old.iter().rev() {
            let _ = writeln!(out, "* [{name}]({name}): {title}");
        }
    }
    out
}

fn rows(out: &mut String, records: &[&(String, Record)]) {
    out.push_str("| day | what | machine | calls/s | failed | post-dial delay p50 / p99 | server, µs of CPU a call | verdict | |\n|---|---|---|---:|---:|---:|---:|---|---|\n");
    for (place, record) in records {
        let value = &record.value;
        let (day, what) = day_and_what(place);
        let figure =
            |path: &str, write: fn(f64) -> String| number(value, path).map_or("".to_owned(), write);
        let held = figure("/highest", |rate| format!("{} held", plain(rate)));
        let rate = match held.is_empty() {
            true => figure("/succeeded_per_second", plain),
            false => held,
        };
        let delay = ["p50", "p99"]
            .map(|name| figure(&format!("/times_us/post-dial delay (18x)/{name}"), micros));
        let delay = match delay[0].is_empty() {
            true => String::new(),
            false => delay.join(" / "),
        };
        let verdict = match value["good"].as_bool() {
            Some(true) => "passed",
            _ => "**FAILED**",
        };
        let cost = match ratio_of(value) {
            Some(ratio) => format!("A/B {ratio:.3}"),
            None => figure("/server_cpu/us_per_call", |us| format!("{us:.1}")),
        };
        let page = place.replace("record.json", "report.html");
        let folder = place.rsplit_once('/').map_or("", |(folder, _)| folder);
        let _ = writeln!(
            out,
            "| {day} | [{what}]({folder}/) | {} | {rate} | {} | {delay} | {} | {verdict} | [page]({page}) |",
            folder::machine(&value["machine"]),
            figure("/failed", plain),
            cost,
        );
    }
}

/// What a call costs A in terms of B, where two were compared.
fn ratio_of(value: &Value) -> Option<f64> {
    let rounds = list(&value["rounds"]).iter();
    let rounds: Vec<[Value; 2]> = rounds
        .map(|round| [round[0].clone(), round[1].clone()])
        .collect();
    let ratio = find::ratio(&rounds, "server_us_per_call")?;
    Some(find::median(&ratio.ratios))
}

/// What a call costs the server, by the newest record of each thing; `None` where none measured it.
fn draw(found: &Found) -> Option<String> {
    let (current, _) = newest(found);
    let bar = |(place, record): &&(String, Record)| {
        let cost = number(&record.value, "/server_cpu/us_per_call")?;
        Some((day_and_what(place).1.to_owned(), cost))
    };
    let costs: Vec<(String, f64)> = current.iter().filter_map(bar).collect();
    if costs.is_empty() {
        return None;
    }
    let most = costs
        .iter()
        .map(|cost| cost.1)
        .fold(0.0, f64::max)
        .max(1e-9);
    let height = costs.len() as f64 * ROW + 8.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"CPU time of a call by record\"><style>{PALETTE}text{{font:13px sans-serif;fill:var(--fg)}}rect{{fill:var(--c0)}}</style>\n"
    );
    for (number, (what, cost)) in costs.iter().enumerate() {
        let top = number as f64 * ROW;
        let width = (cost / most * (WIDTH - 8.0)).max(1.0);
        let _ = writeln!(
            out,
            "<text x=\"4\" y=\"{:.0}\">{}: {cost:.1} µs of CPU a call</text><rect x=\"4\" y=\"{:.0}\" width=\"{width:.1}\" height=\"14\" rx=\"2\"/>",
            top + 16.0,
            escape(what),
            top + 22.0
        );
    }
    Some(out + "</svg>\n")
}

const WIDTH: f64 = 640.0;
const ROW: f64 = 46.0;
