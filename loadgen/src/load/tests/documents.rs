//! Every command that help and manual show is one that is understood.

use super::super::plan::{Plan, Request, Scenario, parse};
use super::super::usage::{USAGE, of};
use super::super::words::split;

const MANUAL: &str = include_str!("../../../../docs/load-generator.md");

/// The commands in a text: what begins with our name, lines that end with `\` joined.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    let commands = lines.filter(|line| line.starts_with("tandem-loadgen "));
    commands.map(str::to_owned).collect()
}

/// What stands in the first block of this language.
fn block(language: &str) -> &'static str {
    let (_, rest) = MANUAL.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

fn read(command: &str) -> Plan {
    match parse(split(command).unwrap().into_iter().map(Into::into)) {
        Ok(Request::Run(plan)) => *plan,
        Ok(Request::Help(_)) => panic!("asks for help: {command}"),
        Err(error) => panic!("{command}: {error}"),
    }
}

#[test]
fn the_commands_of_the_manual_are_understood() {
    let folder = std::env::temp_dir().join(format!("loadgen-manual-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("day.toml"), block("toml")).unwrap();
    std::fs::write(folder.join("users.csv"), block("csv")).unwrap();
    let place = |name: &str| folder.join(name).display().to_string();
    let plans: Vec<Plan> = commands(MANUAL)
        .iter()
        .map(|command| {
            let command = command.replace("day.toml", &place("day.toml"));
            read(&command.replace("users.csv", &place("users.csv")))
        })
        .collect();
    std::fs::remove_dir_all(folder).unwrap();
    assert!(plans.len() > 20, "{}", plans.len());
    let mix = plans.iter().find(|plan| plan.scenario == Scenario::Mix);
    assert_eq!(mix.unwrap().mix.len(), 4);
    assert!(
        plans.iter().any(|plan| plan.users == 3),
        "the list of users"
    );
}

#[test]
fn the_commands_of_each_verbs_help_are_understood() {
    use Scenario::*;
    for verb in [
        Call,
        Register,
        Options,
        Message,
        Connections,
        Uas,
        Forward,
        Baseline,
        Find,
        Compare,
    ] {
        let examples = commands(of(Some(verb)));
        // The first line says what it is.
        let examples = &examples[1..];
        assert!(!examples.is_empty(), "{verb:?}");
        let plans = examples.iter().map(|example| read(example));
        assert!(
            plans.map(|plan| plan.scenario).any(|of| of == verb),
            "{verb:?}"
        );
    }
}

#[test]
fn the_help_names_every_option_that_a_mix_knows() {
    for option in super::super::part::CHOICES
        .iter()
        .chain(&super::super::mix::ANSWERING)
    {
        assert!(USAGE.contains(&format!("--{option} ")), "--{option}");
        assert!(MANUAL.contains(&format!("`{option}`")), "`{option}`");
    }
}
