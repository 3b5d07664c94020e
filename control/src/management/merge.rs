//! One result out of what every shard said.
//!
//! Each shard answers about what it owns, so lists are joined. What is the same everywhere (`"OK"`,
//! names, a level, the value of a shared variable) stays once; only statistics are added. Entries of a list that
//! carry one name are one entry.

use engine::Command;
use serde_json::{Number, Value};

use super::rpc::Failure;

/// Commands whose numbers are counts of what each shard did or holds.
const COUNTING: [&str; 3] = ["get_statistics", "statistics:get", "get"];

/// The code of what a shard does not have.
const NOT_FOUND: i64 = 404;

/// What the shards have said so far.
#[derive(Debug)]
pub(crate) struct Merged {
    numbers: Numbers,
    result: Option<Value>,
    failure: Option<Failure>,
}

/// What two numbers in one place are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    /// Parts of one number.
    Added,
    /// One number, said twice.
    Alike,
}

impl Merged {
    /// Nothing yet.
    pub(crate) fn new(command: &Command) -> Merged {
        let numbers = if COUNTING.contains(&command.name.as_str()) {
            Numbers::Added
        } else {
            Numbers::Alike
        };
        Merged {
            numbers,
            result: None,
            failure: None,
        }
    }

    /// One more answer. A shard that knows nothing of a contact says so with an error; one that
    /// found it is right.
    pub(crate) fn add(&mut self, answer: Result<Value, Failure>) {
        match (answer, &mut self.result) {
            (Ok(value), Some(result)) => merge(self.numbers, result, value),
            (Ok(value), none) => *none = Some(value),
            // What is not found here may be elsewhere: whoever has it knows better what is wrong with it.
            (Err(failure), _) => match &self.failure {
                Some(before) if before.code != NOT_FOUND => {}
                _ => self.failure = Some(failure),
            },
        }
    }

    /// The result of all of them.
    pub(crate) fn into_result(self) -> Option<Result<Value, Failure>> {
        match (self.result, self.failure) {
            (Some(result), _) => Some(Ok(result)),
            (None, Some(failure)) => Some(Err(failure)),
            (None, None) => None,
        }
    }
}

fn merge(numbers: Numbers, into: &mut Value, other: Value) {
    match (into, other) {
        (Value::Object(into), Value::Object(other)) => {
            for (key, value) in other {
                match into.get_mut(&key) {
                    Some(there) => merge(numbers, there, value),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(other)) => {
            for value in other {
                let name = name_of(&value);
                let same = into.iter_mut().find(|there| match &value {
                    Value::Object(_) => name.is_some() && name_of(there) == name,
                    Value::String(_) => **there == value,
                    _ => false,
                });
                match (same, value) {
                    (Some(there), value @ Value::Object(_)) => merge(numbers, there, value),
                    (Some(_), _) => {}
                    (None, value) => into.push(value),
                }
            }
        }
        (Value::Number(into), Value::Number(other)) if numbers == Numbers::Added => {
            *into = sum(into, &other);
        }
        (into @ Value::Null, other) => *into = other,
        // The first shard speaks for all where there is nothing to add.
        _ => {}
    }
}

fn name_of(value: &Value) -> Option<String> {
    ["name", "Name"]
        .iter()
        .find_map(|key| value.get(key)?.as_str().map(str::to_owned))
}

fn sum(a: &Number, b: &Number) -> Number {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.saturating_add(b).into(),
        _ => Number::from_f64(a.as_f64().unwrap_or(0.0) + b.as_f64().unwrap_or(0.0))
            .unwrap_or_else(|| a.clone()),
    }
}
