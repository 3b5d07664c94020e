//! One result out of what every shard said.
//!
//! Each shard answers about what it owns, so lists are joined and numbers are added. What is the
//! same everywhere (`"OK"`, names) stays once. Entries of a list that carry one name are one entry.

use serde_json::{Number, Value};

use super::rpc::Failure;

/// What the shards have said so far.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    result: Option<Value>,
    failure: Option<Failure>,
}

impl Merged {
    /// One more answer. A shard that knows nothing of a contact says so with an error; one that
    /// found it is right.
    pub(crate) fn add(&mut self, answer: Result<Value, Failure>) {
        match (answer, &mut self.result) {
            (Ok(value), Some(result)) => merge(result, value),
            (Ok(value), none) => *none = Some(value),
            (Err(failure), _) => {
                self.failure.get_or_insert(failure);
            }
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

fn merge(into: &mut Value, other: Value) {
    match (into, other) {
        (Value::Object(into), Value::Object(other)) => {
            for (key, value) in other {
                match into.get_mut(&key) {
                    Some(there) => merge(there, value),
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
                    (Some(there), value @ Value::Object(_)) => merge(there, value),
                    (Some(_), _) => {}
                    (None, value) => into.push(value),
                }
            }
        }
        (Value::Number(into), Value::Number(other)) => *into = sum(into, &other),
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
