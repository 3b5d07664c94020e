//! What actions do.

use parser::Credentials;

use super::super::limits::{LOG_BYTES_MAX, TEXT_MAX, WARNINGS_SHOWN};
use super::super::message::{View, is_same, split};
use super::super::program::{Action, Arithmetic, Check, Compare, Operand, Search, Stop, Within};
use super::super::tally::Cause;
use super::super::value::{Value, number_of};
use super::{Call, End, World};
use crate::phone::digest::{self, Proof};

/// What comes of a list of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acted {
    On,
    Jump(u32),
    End(End),
}

impl<'p> World<'p> {
    /// `view` is the message that the step received, if it did.
    pub(super) fn act(
        &mut self,
        call: &mut Call,
        actions: &'p [Action],
        view: Option<&View<'_>>,
    ) -> Acted {
        let mut acted = Acted::On;
        for action in actions {
            match self.act_once(call, action, view) {
                Acted::On => {}
                // The last jump wins; what stands behind it is still done.
                Acted::Jump(to) => acted = Acted::Jump(to),
                Acted::End(end) => return Acted::End(end),
            }
        }
        acted
    }

    fn act_once(&mut self, call: &mut Call, action: &'p Action, view: Option<&View<'_>>) -> Acted {
        match action {
            Action::Search(search) => return self.search(call, search, view),
            Action::Log(text) => {
                let mut log = std::mem::take(&mut self.log);
                if log.len() < LOG_BYTES_MAX {
                    self.write_text(text, call, &mut log);
                    log.push(b'\n');
                } else {
                    self.tally.log_lost += 1;
                }
                self.log = log;
            }
            Action::Warning(text) => {
                self.tally.warnings += 1;
                if self.tally.warnings <= WARNINGS_SHOWN {
                    let mut line = Vec::new();
                    self.write_text(text, call, &mut line);
                    self.warnings
                        .push(String::from_utf8_lossy(&line).into_owned());
                }
            }
            Action::Assign(to, operand) => {
                let value = self.operand(call, *operand);
                self.assign(call, *to, Value::Number(value));
            }
            Action::AssignText(to, text) => {
                let mut value = Vec::new();
                self.write_text(text, call, &mut value);
                value.truncate(TEXT_MAX);
                self.assign(call, *to, Value::Text(value));
            }
            Action::Arithmetic(operation, to, operand) => {
                let (left, right) = (self.value(call, *to).number(), self.operand(call, *operand));
                let value = match operation {
                    Arithmetic::Add => left + right,
                    Arithmetic::Subtract => left - right,
                    Arithmetic::Multiply => left * right,
                    // By zero nothing comes out that a scenario could mean.
                    Arithmetic::Divide if right == 0.0 => left,
                    Arithmetic::Divide => left / right,
                };
                self.assign(call, *to, Value::Number(value));
            }
            Action::ToDouble(to, from) => {
                let value = match self.value(call, *from) {
                    Value::Text(text) => number_of(text),
                    Value::Unset => None,
                    other => Some(other.number()),
                };
                self.assign(call, *to, value.map_or(Value::Unset, Value::Number));
            }
            Action::Trim(id) => {
                if let Value::Text(text) = self.value(call, *id) {
                    let trimmed = text.trim_ascii().to_vec();
                    self.assign(call, *id, Value::Text(trimmed));
                }
            }
            Action::Sample(to, distribution) => {
                let value = distribution.sample(&mut self.random);
                self.assign(call, *to, Value::Number(value));
            }
            Action::Test {
                to,
                left,
                compare,
                right,
            } => {
                let (left, right) = (self.value(call, *left).number(), self.operand(call, *right));
                let holds = match compare {
                    Compare::Equal => left == right,
                    Compare::NotEqual => left != right,
                    Compare::Greater => left > right,
                    Compare::Less => left < right,
                    Compare::GreaterOrEqual => left >= right,
                    Compare::LessOrEqual => left <= right,
                };
                self.assign(call, *to, Value::Bool(holds));
            }
            Action::CompareText { to, left, right } => {
                let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                self.value(call, *left).write(&mut ours);
                self.write_text(right, call, &mut theirs);
                let order = ours.cmp(&theirs) as i8;
                self.assign(call, *to, Value::Number(f64::from(order)));
            }
            Action::VerifyAuth { to, user, password } => {
                let (mut name, mut secret) = (Vec::new(), Vec::new());
                self.write_text(user, call, &mut name);
                self.write_text(password, call, &mut secret);
                let kept = View::read(&call.last);
                let is_proved = view
                    .or(kept.as_ref())
                    .is_some_and(|view| proves(view, &name, &secret));
                self.assign(call, *to, Value::Bool(is_proved));
            }
            Action::Jump(operand) => {
                let to = self.operand(call, *operand);
                if !(0.0..self.program.steps.len() as f64).contains(&to) {
                    return Acted::End(End::Failed(Cause::Astray, call.step));
                }
                return Acted::Jump(to as u32);
            }
            Action::TimeOfDay(seconds, micros) => {
                let now = self.settings.epoch + self.now;
                self.assign(call, *seconds, Value::Number((now / 1_000_000) as f64));
                if let Some(micros) = micros {
                    self.assign(call, *micros, Value::Number((now % 1_000_000) as f64));
                }
            }
            Action::Stop(Stop::Call) => return Acted::End(End::Stopped),
            Action::Stop(stop) => self.stop = Some(*stop),
        }
        Acted::On
    }

    fn operand(&self, call: &Call, operand: Operand) -> f64 {
        match operand {
            Operand::Number(number) => number,
            Operand::Variable(id) => self.value(call, id).number(),
        }
    }

    fn search(&mut self, call: &mut Call, search: &Search, view: Option<&View<'_>>) -> Acted {
        let kept;
        let view = match view {
            Some(view) => Some(view),
            None => {
                kept = View::read(&call.last);
                kept.as_ref()
            }
        };
        let mut text = Vec::new();
        let found: Option<Vec<Option<Vec<u8>>>> = {
            let subject = match (&search.within, view) {
                (Within::Variable(id), _) => {
                    self.value(call, *id).write(&mut text);
                    Some(&text[..])
                }
                (Within::Message, Some(view)) => Some(view.bytes),
                (Within::Body, Some(view)) => Some(view.body()),
                (
                    Within::Header {
                        name,
                        occurrence,
                        any_case,
                        start_line,
                    },
                    Some(view),
                ) => header(view, name.as_bytes(), *occurrence, *any_case, *start_line),
                (_, None) => None,
            };
            if search.assign_to.is_empty() {
                subject
                    .is_some_and(|subject| search.regex.is_match(subject))
                    .then(Vec::new)
            } else {
                let captures = subject.and_then(|subject| search.regex.captures(subject));
                captures.map(|captures| {
                    let group = |place| captures.get(place).map(|one| one.as_bytes().to_vec());
                    (0..search.assign_to.len()).map(group).collect()
                })
            }
        };
        let holds = match search.check {
            Some(Check::Found) => found.is_some(),
            Some(Check::NotFound) => found.is_none(),
            None => true,
        };
        let is_found = found.is_some();
        let groups = found.unwrap_or_default();
        for (place, id) in search.assign_to.iter().enumerate() {
            let group = groups.get(place).cloned().flatten();
            let value = group.map_or(Value::Unset, |mut text| {
                text.truncate(TEXT_MAX);
                Value::Text(text)
            });
            self.assign(call, *id, value);
        }
        if holds {
            return Acted::On;
        }
        let cause = if is_found {
            Cause::Found
        } else {
            Cause::NotFound
        };
        Acted::End(End::Failed(cause, call.step))
    }
}

/// Whether a request holds the digest of this user and password, to whatever nonce it names.
fn proves(view: &View<'_>, user: &[u8], password: &[u8]) -> bool {
    let Some(method) = view.method() else {
        return false;
    };
    let mut answers = [&b"Authorization"[..], b"Proxy-Authorization"]
        .into_iter()
        .flat_map(|name| view.values(name))
        .filter_map(|value| Credentials::parse(value).ok());
    answers.any(|answer| {
        let proof = Proof {
            user,
            password,
            method,
            uri: answer.get(b"uri").unwrap_or_default(),
            body: view.body(),
            cnonce: answer.get(b"cnonce").unwrap_or_default(),
            count: 1,
        };
        let (algorithm, qop) = (answer.get(b"algorithm"), answer.get(b"qop"));
        let expected = digest::response(algorithm, qop, &answer, &proof);
        answer.get(b"username") == Some(user)
            && expected.is_some_and(|expected| answer.get(b"response") == Some(expected.as_bytes()))
    })
}

/// What stands behind a header's name, to the end of its line. A name that no header has is looked for anywhere in
/// the head, as scenario files use it for parameters.
fn header<'a>(
    view: &View<'a>,
    name: &[u8],
    occurrence: i32,
    any_case: bool,
    start_line: bool,
) -> Option<&'a [u8]> {
    let bare = name.trim_ascii();
    let bare = bare.strip_suffix(b":").unwrap_or(bare);
    let behind = |line: &'a [u8]| {
        let (found, _) = split(line)?;
        let colon = memchr::memchr(b':', line)?;
        (any_case || found == bare || is_same(found, bare)).then_some(&line[colon + 1..])
    };
    let found = match usize::try_from(occurrence) {
        Ok(number) => view.lines(bare).filter_map(behind).nth(number.max(1) - 1),
        Err(_) => {
            let lines: Vec<_> = view.lines(bare).filter_map(behind).collect();
            let back = occurrence.unsigned_abs() as usize;
            lines
                .len()
                .checked_sub(back)
                .and_then(|place| lines.get(place).copied())
        }
    };
    if found.is_some() || start_line || view.lines(bare).next().is_some() {
        return found;
    }
    let head = &view.bytes[..view.bytes.len() - view.body().len()];
    let wanted = usize::try_from(occurrence).unwrap_or(1).max(1);
    let mut at = 0;
    for number in 1.. {
        let place = find(&head[at..], name, any_case)?;
        let from = at + place + name.len();
        if number == wanted {
            let rest = &head[from..];
            let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            return Some(&rest[..end]);
        }
        at = from;
    }
    None
}

fn find(text: &[u8], word: &[u8], any_case: bool) -> Option<usize> {
    if !any_case || word.is_empty() {
        return memchr::memmem::find(text, word);
    }
    text.windows(word.len())
        .position(|window| window.eq_ignore_ascii_case(word))
}
