//! What the server counts itself, as a command prints it.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Counters of a record at most; a server has some hundreds.
const COUNTERS_MAX: usize = 4096;

/// The counters by name.
pub(in crate::load) type Counted = BTreeMap<String, f64>;

/// Asks by a shell command.
pub(in crate::load) fn ask(command: &str) -> Result<Counted, String> {
    let done = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("--server-counters: cannot run `{command}`: {error}"))?;
    let counted = parse(&String::from_utf8_lossy(&done.stdout));
    if !done.status.success() || counted.is_empty() {
        let status = done.status;
        return Err(format!(
            "--server-counters: `{command}` printed no counter ({status})"
        ));
    }
    Ok(counted)
}

/// What changed: before and after.
pub(in crate::load) fn changed(before: &Counted, after: &Counted) -> BTreeMap<String, [f64; 2]> {
    let pairs = after.iter().map(|(name, &after)| {
        let before = before.get(name).copied().unwrap_or(0.0);
        (name.clone(), [before, after])
    });
    pairs
        .filter(|(_, [before, after])| before != after)
        .collect()
}

/// JSON with numbers in it, or lines of `name = 7`, `name: 7`, `name:: 7` or `name 7`.
fn parse(text: &str) -> Counted {
    let mut counted = Counted::new();
    match serde_json::from_str::<Value>(text) {
        Ok(value) => flatten("", &value, &mut counted),
        Err(_) => {
            for line in text.lines() {
                let number = |(name, number): (&str, &str)| {
                    let name = name.trim().trim_end_matches(['=', ':']).trim();
                    let number: f64 = number.trim_matches([',', '"']).parse().ok()?;
                    (!name.is_empty() && number.is_finite()).then(|| (name.to_owned(), number))
                };
                let line = line.trim().replace(['=', '\t'], " ");
                counted.extend(line.rsplit_once(' ').and_then(number));
            }
        }
    }
    while counted.len() > COUNTERS_MAX {
        counted.pop_last();
    }
    counted
}

fn flatten(name: &str, value: &Value, counted: &mut Counted) {
    let below = |key: &str| match name {
        "" => key.to_owned(),
        _ => format!("{name}.{key}"),
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                flatten(&below(key), value, counted);
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                flatten(&below(&at.to_string()), value, counted);
            }
        }
        // Management interfaces print counts as text now and then.
        Value::String(text) => {
            counted.extend(text.parse().ok().map(|number| (name.to_owned(), number)))
        }
        _ => counted.extend(value.as_f64().map(|number| (name.to_owned(), number))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let counted = parse(text)
            .into_iter()
            .map(|(name, count)| format!("{name} {count}"));
        counted.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn reads_what_servers_print() {
        assert_eq!(
            told("core:rcv_requests = 10\ntm:2xx_transactions:: 7\n# comment\n"),
            "core:rcv_requests 10, tm:2xx_transactions 7"
        );
        assert_eq!(
            told(r#"{"core:rcv_requests":"10","tm":{"inuse":3},"list":[1,null]}"#),
            "core:rcv_requests 10, list.0 1, tm.inuse 3"
        );
        assert_eq!(
            told("\"tm:received_replies = 12\",\n"),
            "\"tm:received_replies 12"
        );
        assert_eq!(told("no counters here"), "");
    }

    #[test]
    fn only_what_changed_is_kept() {
        let before = parse("a = 1\nb = 2\n");
        let after = parse("a = 1\nb = 5\nnew = 3\n");
        let changed = changed(&before, &after);
        assert_eq!(
            changed.into_iter().collect::<Vec<_>>(),
            [("b".to_owned(), [2.0, 5.0]), ("new".to_owned(), [0.0, 3.0])]
        );
    }

    #[test]
    fn a_command_that_prints_nothing_is_said_to() {
        assert_eq!(ask("echo a = 7").unwrap()["a"], 7.0);
        assert!(ask("true").unwrap_err().contains("printed no counter"));
    }
}
