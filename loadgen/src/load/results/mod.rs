//! Records rendered again: `tandem-loadgen report RECORD.json... -o report.html`.
//!
//! A record is what `--json` wrote. The page is made from that text alone, so that a report can be drawn years
//! later; a figure that a record lacks is shown as not measured. No state.

mod chart;
mod page;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use lexopt::prelude::*;
use serde_json::Value as Json;

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

/// The page of one run, from the text of its record.
pub(super) fn write_page(to: &Path, json: &str) -> Result<(), String> {
    let record = parse("this run".to_owned(), json)?;
    save(to, &page::page(&[record]))
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

fn save(to: &Path, page: &str) -> Result<(), String> {
    fs::write(to, page).map_err(|error| format!("cannot write {}: {error}", to.display()))
}
