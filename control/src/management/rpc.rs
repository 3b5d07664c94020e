//! The envelope: JSON-RPC 2.0, one request a message, no batches.

use engine::Command;
use serde_json::{Value, json};

/// What is wrong with a request, or with what a command did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) data: Option<Value>,
}

pub(crate) const PARSE_ERROR: i64 = -32700;
pub(crate) const INVALID_REQUEST: i64 = -32600;
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
pub(crate) const INVALID_PARAMS: i64 = -32602;
pub(crate) const SERVER_ERROR: i64 = -32000;

impl Failure {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Failure {
        let message = match code {
            PARSE_ERROR => "Parse error".to_owned(),
            INVALID_REQUEST => "Invalid Request".to_owned(),
            METHOD_NOT_FOUND => "Method not found".to_owned(),
            INVALID_PARAMS => "Invalid params".to_owned(),
            SERVER_ERROR => "Server error".to_owned(),
            _ => message.into(),
        };
        Failure {
            code,
            message,
            data: None,
        }
    }

    pub(crate) fn with(code: i64, detail: impl Into<String>) -> Failure {
        let detail = detail.into();
        let mut failure = Failure::new(code, detail.clone());
        let is_standard = failure.message != detail;
        if is_standard && !detail.is_empty() {
            failure.data = Some(Value::String(detail));
        }
        failure
    }
}

/// A request that was understood.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) command: Command,
    /// `None`: a notification, which is never answered.
    pub(crate) id: Option<Value>,
}

/// Reads a request. The `Err` carries the answer's id as far as it is known.
pub(crate) fn read(text: &[u8]) -> Result<Call, Box<(Failure, Value)>> {
    let value: Value = serde_json::from_slice(text).map_err(|_| fail(PARSE_ERROR, Value::Null))?;
    let Value::Object(mut object) = value else {
        return Err(fail(INVALID_REQUEST, Value::Null));
    };
    let id = object.remove("id").unwrap_or(Value::Null);
    if !matches!(id, Value::Null | Value::String(_) | Value::Number(_)) {
        return Err(fail(INVALID_REQUEST, Value::Null));
    }
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(fail(INVALID_REQUEST, id));
    }
    let Some(Value::String(name)) = object.remove("method") else {
        return Err(fail(INVALID_REQUEST, id));
    };
    let mut parameters = Vec::new();
    match object.remove("params") {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) => {
            for value in list {
                flatten(None, value, &mut parameters);
            }
        }
        Some(Value::Object(named)) => {
            for (name, value) in named {
                flatten(Some(name), value, &mut parameters);
            }
        }
        Some(_) => return Err(fail(INVALID_PARAMS, id)),
    }
    Ok(Call {
        command: Command { name, parameters },
        id: (!id.is_null()).then_some(id),
    })
}

fn fail(code: i64, id: Value) -> Box<(Failure, Value)> {
    Box::new((Failure::new(code, ""), id))
}

/// A list under one name is that name several times.
fn flatten(name: Option<String>, value: Value, into: &mut Vec<(Option<String>, String)>) {
    match value {
        Value::Array(list) => list
            .into_iter()
            .for_each(|value| flatten(name.clone(), value, into)),
        Value::String(text) => into.push((name, text)),
        Value::Null => into.push((name, String::new())),
        other => into.push((name, other.to_string())),
    }
}

/// Writes an answer: one line, since clients read one.
pub(crate) fn write(result: Result<Value, Failure>, id: Value) -> Vec<u8> {
    let answer = match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "result": result, "id": id }),
        Err(failure) => {
            let mut error = json!({ "code": failure.code, "message": failure.message });
            if let Some(data) = failure.data {
                error["data"] = data;
            }
            json!({ "jsonrpc": "2.0", "error": error, "id": id })
        }
    };
    answer.to_string().into_bytes()
}
