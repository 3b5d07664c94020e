//! Records rendered again: `tandem-loadgen report RECORD.json... -o report.html`.
//!
//! A record is what `--json` wrote. The page is made from that text alone, so that a report can be drawn years
//! later; a figure that a record lacks is shown as not measured. No state.

mod chart;
mod charts;
mod comparison;
mod date;
mod folder;
mod index;
mod ladder;
mod page;
mod read;
mod search;
mod style;
mod tables;
mod terms;

#[cfg(test)]
mod tests;

pub(super) use index::index;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use lexopt::prelude::*;
use serde_json::Value as Json;

use super::plan::Plan;
use super::record::FORMAT;

/// The oldest records that this renders.
const OLDEST: u64 = 1;
/// Most records on one page.
const RECORDS: usize = 16;

/// A record and what to call it.
#[derive(Debug)]
struct Record {
    name: String,
    value: Json,
}

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// One run, or the last of a search.
    Run,
    /// A search that found nothing.
    Search,
    /// Two servers by turns.
    Comparison,
}

impl Record {
    fn sort(&self) -> Sort {
        if self.value["rounds"].is_array() {
            Sort::Comparison
        } else if self.value["search"].is_array() && !self.value["started"].is_u64() {
            Sort::Search
        } else {
            Sort::Run
        }
    }

    /// What is to be said of it in one sentence.
    fn sentence(&self) -> String {
        let value = &self.value;
        if let Some(objection) = value["objections"][0].as_str() {
            return objection.to_owned();
        }
        let count = |path: &str| read::number(value, path).map(page::plain);
        if let Some(highest) = count("/highest") {
            return format!("{highest} calls per second held without a failed call");
        }
        if self.sort() == Sort::Comparison {
            return format!("{} rounds by turns", read::list(&value["rounds"]).len());
        }
        let noun = match value["scenario"].as_str() {
            Some("register") => "registrations",
            Some("options" | "message") => "requests",
            Some("mix") => "calls and requests",
            _ => "calls",
        };
        match (count("/started"), count("/succeeded"), count("/rate")) {
            (Some(started), ..) if started == "0" => {
                let moved = count("/datagrams/sent").unwrap_or_default();
                let came = count("/answering/incoming").unwrap_or_default();
                format!("{came} calls came in, {moved} datagrams were sent")
            }
            (Some(started), Some(succeeded), Some(rate)) => {
                let delay = read::number(value, "/times_us/post-dial delay (18x)/p99");
                let delay =
                    delay.map(|us| format!(", 99 % heard it ring within {}", page::micros(us)));
                format!(
                    "{succeeded} of {started} {noun} succeeded at {rate} per second{}",
                    delay.unwrap_or_default()
                )
            }
            _ => "what it was is not recorded".to_owned(),
        }
    }
}

/// The verb `report`: its arguments without the program's and its own name.
pub(super) fn report(arguments: Vec<OsString>) -> Result<(), String> {
    let (mut files, mut to) = (Vec::<PathBuf>::new(), None);
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut read = || -> Result<(), lexopt::Error> {
        while let Some(argument) = parser.next()? {
            match argument {
                Short('o') | Long("output") => to = Some(PathBuf::from(parser.value()?)),
                Value(file) => files.push(file.into()),
                other => return Err(other.unexpected()),
            }
        }
        Ok(())
    };
    read().map_err(|error| error.to_string())?;
    let to = to.ok_or("`report` needs -o FILE.html")?;
    if files.is_empty() || files.len() > RECORDS {
        return Err(format!("`report` takes 1 to {RECORDS} records"));
    }
    let records: Result<Vec<_>, _> = files.iter().map(|file| open(file)).collect();
    save(&to, &page::page(&records?))
}

/// Whether what a run leaves will have its place.
pub(super) fn check(plan: &Plan) -> Result<(), String> {
    folder::check(plan)
}

/// Writes what a run left wherever the plan wants it.
pub(super) fn keep(plan: &Plan, json: &str) -> Result<(), String> {
    keep_at(plan.json.as_deref(), plan.html.as_deref(), json)?;
    match &plan.record {
        Some(what) => folder::write(plan, what, json),
        None => Ok(()),
    }
}

/// The record, and the page that is drawn of it.
pub(super) fn keep_at(
    record: Option<&Path>,
    page: Option<&Path>,
    json: &str,
) -> Result<(), String> {
    if let Some(path) = record {
        save(path, json)?;
    }
    if let Some(path) = page {
        let record = parse("this run".to_owned(), json)?;
        save(path, &page::page(&[record]))?;
    }
    Ok(())
}

fn open(file: &Path) -> Result<Record, String> {
    let shown = file.display();
    let text = fs::read_to_string(file).map_err(|error| format!("cannot read {shown}: {error}"))?;
    // `record.json` says nothing; its folder does.
    let folder = file
        .parent()
        .and_then(Path::file_name)
        .filter(|_| file.ends_with("record.json"));
    let name = folder.or(file.file_stem()).unwrap_or_default();
    parse(name.to_string_lossy().into_owned(), &text).map_err(|error| format!("{shown}: {error}"))
}

fn parse(name: String, text: &str) -> Result<Record, String> {
    let value: Json = serde_json::from_str(text).map_err(|error| format!("no record: {error}"))?;
    match value["format"].as_u64() {
        Some(OLDEST..=FORMAT) => Ok(Record { name, value }),
        Some(other) => Err(format!(
            "a record of format {other}, known are {OLDEST} to {FORMAT}"
        )),
        None => Err("no record: it has no `format`".to_owned()),
    }
}

fn save(to: &Path, text: &str) -> Result<(), String> {
    fs::write(to, text).map_err(|error| format!("cannot write {}: {error}", to.display()))
}
