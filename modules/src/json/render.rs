//! Documents as text, in the three forms that scripts know.

use super::documents::{Documents, Id, Value};
use super::limits::{DEPTH_MAX, TEXT_MAX};

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `{ "a": 1 }`
    Spaced,
    /// A member a line, two blanks a level.
    Pretty,
    /// `{"a":1}`
    Compact,
    /// The same, and `/` stays `/`.
    CompactNoEscape,
}

/// Appends a value. False if it is too long or too deep; what was written then is of no use.
pub(super) fn render(documents: &Documents, id: Id, form: Form, out: &mut Vec<u8>) -> bool {
    let end = out.len() + TEXT_MAX;
    let mut renderer = Renderer {
        documents,
        form,
        out,
        end,
    };
    renderer.value(id, 0)
}

struct Renderer<'a> {
    documents: &'a Documents,
    form: Form,
    out: &'a mut Vec<u8>,
    end: usize,
}

impl Renderer<'_> {
    fn value(&mut self, id: Id, depth: usize) -> bool {
        use std::io::Write;

        if depth > DEPTH_MAX || self.out.len() > self.end {
            return false;
        }
        let documents = self.documents;
        match documents.get(id) {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            // Writing into memory does not fail.
            Value::Number(number) => drop(write!(self.out, "{number}")),
            Value::Text(text) => self.text(text),
            Value::Array(list) => {
                self.out.push(b'[');
                for (place, one) in list.iter().enumerate() {
                    self.begin(place, depth + 1);
                    if !self.value(*one, depth + 1) {
                        return false;
                    }
                }
                self.end(list.len(), depth, b']');
            }
            Value::Object(members) => {
                self.out.push(b'{');
                for (place, (key, one)) in members.iter().enumerate() {
                    self.begin(place, depth + 1);
                    self.text(key);
                    self.out.push(b':');
                    if self.form == Form::Spaced {
                        self.out.push(b' ');
                    }
                    if !self.value(*one, depth + 1) {
                        return false;
                    }
                }
                self.end(members.len(), depth, b'}');
            }
        }
        self.out.len() <= self.end
    }

    fn begin(&mut self, place: usize, depth: usize) {
        if place > 0 {
            self.out.push(b',');
        }
        match self.form {
            Form::Spaced => self.out.push(b' '),
            Form::Pretty => self.line(depth),
            Form::Compact | Form::CompactNoEscape => {}
        }
    }

    fn end(&mut self, members: usize, depth: usize, bracket: u8) {
        match self.form {
            Form::Spaced => self.out.push(b' '),
            Form::Pretty if members > 0 => self.line(depth),
            Form::Pretty | Form::Compact | Form::CompactNoEscape => {}
        }
        self.out.push(bracket);
    }

    fn line(&mut self, depth: usize) {
        self.out.push(b'\n');
        self.out.resize(self.out.len() + 2 * depth, b' ');
    }

    fn text(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for &byte in text {
            let short = match byte {
                b'"' | b'\\' => byte,
                b'/' if self.form != Form::CompactNoEscape => byte,
                0x08 => b'b',
                0x0c => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0..0x20 => {
                    const DIGITS: &[u8; 16] = b"0123456789abcdef";
                    self.out.extend_from_slice(b"\\u00");
                    self.out.push(DIGITS[usize::from(byte >> 4)]);
                    self.out.push(DIGITS[usize::from(byte & 15)]);
                    continue;
                }
                _ => {
                    self.out.push(byte);
                    continue;
                }
            };
            self.out.extend_from_slice(&[b'\\', short]);
        }
        self.out.push(b'"');
    }
}
