//! Every `.test` of `sim/scripts` played: what is below its line must be what happens. `make flows` writes them again.
//!
//! The scripts are ours, in the styles of public deployments; together they have to run nearly all of their lines, and the table
//! in `sim/scripts/README.md` says which of the functions and variables that public scripts use most they exercise.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sim::rehearsal::{Coverage, FileCoverage, Line, rehearse};

#[path = "../../script/tests/m4/mod.rs"]
mod m4;
mod ranking;
use ranking::{FUNCTIONS, TRANSFORMATIONS, VARIABLES};

/// What a script may leave out: a line that only a fault of ours reaches.
const PERCENT_OF_ONE: usize = 88;
/// And what all of them may together.
const PERCENT_OF_ALL: usize = 98;

/// Variants of the stock templates that are rehearsed: the template, the switches that are on, the script. Of the
/// residential one all that need no module that is still to be built; trunking and the balancer need one in any case.
const VARIANTS: &[(&str, &[&str], &str)] = &[(
    include_str!("../../script/testdata/stock/residential.m4"),
    &["ENABLE_TCP", "VM_DIVERSION"],
    "stock_residential.cfg",
)];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

fn files(extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|own| own == extension));
    files.sort();
    files
}

fn rewrites() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

#[test]
fn every_stock_variant_is_what_its_template_gives() {
    for (template, switches, name) in VARIANTS {
        let known = m4::switches(template);
        let of_template = |switch: &&str| known.contains(switch);
        assert!(switches.iter().all(of_template), "{name}: {known:?}");
        let rendered = m4::render(template, switches);
        let (first, rest) = rendered.split_once("\n# ").unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        let on = switches.join(" and ");
        let text =
            format!("{first} The stock template with {on}, written by `make flows`.\n{rest}");
        let file = folder().join(name);
        if rewrites() {
            fs::write(&file, &text).unwrap();
        }
        let written = fs::read_to_string(file).unwrap();
        assert_eq!(written, text, "`make flows` writes it again");
    }
}

#[test]
fn every_script_does_what_its_tests_say_and_nearly_every_line_of_it_runs() {
    let mut coverage = Coverage::default();
    let mut wrong = String::new();
    for file in files("test") {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let played = rehearse(&file).unwrap_or_else(|fault| panic!("{fault}"));
        coverage.merge(&played.coverage);
        if played.passed() {
            continue;
        }
        if rewrites() {
            fs::write(&file, &played.updated).unwrap();
            continue;
        }
        let _ = writeln!(wrong, "{name}:");
        for line in played.difference {
            let _ = match line {
                Line::Step(line) => writeln!(wrong, "@@ {line} @@"),
                Line::Both(line) => writeln!(wrong, " {line}"),
                Line::Missing(line) => writeln!(wrong, "-{line}"),
                Line::New(line) => writeln!(wrong, "+{line}"),
            };
        }
    }
    assert!(wrong.is_empty(), "{wrong}\n`make flows` writes them again");
    let table = table(&coverage);
    let page = folder().join("README.md");
    if rewrites() {
        fs::write(&page, &table).unwrap();
    }
    assert_eq!(
        fs::read_to_string(page).unwrap(),
        table,
        "`make flows` writes it again"
    );
    let low = |file: &&FileCoverage| file.percent() < PERCENT_OF_ONE;
    if let Some(file) = coverage.files.values().find(low) {
        let missed: Vec<_> = file.missed().collect();
        panic!("lines {missed:?} never run of:\n{}", file.text);
    }
    let (run, lines) = coverage.files.values().fold((0, 0), |(run, lines), file| {
        (run + file.run(), lines + file.lines())
    });
    assert!(
        run * 100 >= lines * PERCENT_OF_ALL,
        "only {run} of {lines} lines run"
    );
}

#[test]
fn there_are_fifty_scripts_and_each_has_a_test_with_several_steps() {
    let tests = files("test");
    let texts: Vec<String> = tests
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let named: BTreeSet<&str> = texts
        .iter()
        .flat_map(|text| text.lines().take_while(|line| *line != "---"))
        .filter_map(|line| line.strip_prefix("script "))
        .map(|name| name.trim().rsplit('/').next().unwrap())
        .collect();
    let scripts = files("cfg");
    for script in &scripts {
        let name = script.file_name().unwrap().to_str().unwrap();
        assert!(named.contains(name), "{name} has no test");
    }
    assert!(scripts.len() + 1 >= 50, "{} scripts", scripts.len());
}

#[test]
fn the_same_file_is_the_same_result() {
    for name in [
        "residential_two_shards.test",
        "failover_gateways.test",
        "edge_and_core.test",
    ] {
        let play = || rehearse(&folder().join(name)).unwrap().actual;
        assert_eq!(play(), play());
    }
}

/// The table of `sim/scripts/README.md`.
fn table(coverage: &Coverage) -> String {
    let mut out = String::from(
        "<!-- Written by `make flows`; the lists are in `sim/tests/ranking/mod.rs`. -->\n\n# Scripts that are rehearsed\n\n\
         Scripts in the styles of public deployments, each with its tests: `tandem test sim/scripts` plays them all.\n\
         `docs/testing-scripts.md` tells the format.\n\n",
    );
    let _ = writeln!(
        out,
        "| script | lines that run | what it is |\n|---|---|---|"
    );
    for (name, file) in &coverage.files {
        let first = file.text.lines().next().unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | {} of {} | {} |",
            short(name),
            file.run(),
            file.lines(),
            first.trim_start_matches(['#', ' '])
        );
    }
    for (title, names) in [
        ("functions", FUNCTIONS),
        ("variables", VARIABLES),
        ("transformations", TRANSFORMATIONS),
    ] {
        let mut used = String::new();
        let mut waiting = String::new();
        let (mut covered, mut waits) = (0, 0);
        let mut nowhere = Vec::new();
        for (name, module) in names {
            let scripts: Vec<&str> = coverage
                .files
                .iter()
                .filter(|(_, file)| runs(file, name))
                .map(|(file, _)| short(file))
                .collect();
            match (scripts.is_empty(), module.is_empty()) {
                (false, _) => {
                    covered += 1;
                    let shown = &scripts[..scripts.len().min(4)];
                    let more = match scripts.len() - shown.len() {
                        0 => String::new(),
                        more => format!(" and {more} more"),
                    };
                    let _ = writeln!(used, "| `{name}` | {}{more} |", shown.join(", "));
                }
                (true, false) => {
                    waits += 1;
                    let _ = writeln!(waiting, "| `{name}` | {module} |");
                }
                (true, true) => nowhere.push(*name),
            }
        }
        let _ = writeln!(
            out,
            "\n## The most used {title}: {covered} run here, {waits} wait for a module\n\n| name | scripts |\n|---|---|\n{used}"
        );
        assert!(
            nowhere.is_empty(),
            "no line that runs uses {nowhere:?}, and they are built"
        );
        if waits > 0 {
            let _ = writeln!(out, "| name | waits for |\n|---|---|\n{waiting}");
        }
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn short(name: &str) -> &str {
    name.rsplit_once("scripts/")
        .map_or(name, |(_, name)| name)
        .trim_start_matches("../")
}

/// Whether a line that ran holds this name as a word of the script.
fn runs(file: &FileCoverage, name: &str) -> bool {
    let bare = name.trim_end_matches("()").trim_end_matches('}');
    let bracketed = bare.replacen('$', "$(", 1);
    let lines = (1u32..).zip(file.text.lines());
    lines
        .filter(|(number, line)| {
            file.hits.get(number).is_some_and(|hits| *hits > 0)
                && !line.trim_start().starts_with('#')
        })
        .any(|(_, line)| {
            let found = |name: &str| {
                line.match_indices(name)
                    .any(|(at, _)| is_use(line, at, name))
            };
            found(bare) || (bare.starts_with('$') && found(&bracketed))
        })
}

fn is_use(line: &str, at: usize, name: &str) -> bool {
    let is_word =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let (before, behind) = (&line[..at], &line[at + name.len()..]);
    let next = behind.bytes().next();
    if is_word(next) {
        return false;
    }
    match name.as_bytes()[0] {
        b'$' => true,
        b'{' => matches!(next, Some(b'}' | b',')),
        _ => {
            next == Some(b'(')
                && !is_word(before.bytes().last())
                && !before.ends_with('$')
                && !before.ends_with("$(")
        }
    }
}
