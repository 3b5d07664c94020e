//! What an `action` does.

use regex::bytes::RegexBuilder;

use super::super::diagnostic::nearest;
use super::super::limits::GROUPS_MAX;
use super::super::program::{
    Action, Arithmetic, Check, Compare, Operand, Search, Stop, Template, VariableId, Within,
};
use super::super::xml::Element;
use super::Compiler;
use super::attributes::Attributes;
use super::steps::short;

const ACTIONS: &str = "ereg, log, warning, assign, assignstr, add, subtract, multiply, divide, todouble, \
                       trim, sample, test, strcmp, verifyauth, jump, gettimeofday, exec";

impl Compiler<'_> {
    pub(super) fn actions(&mut self, action: &Element, out: &mut Vec<Action>) {
        for element in &action.children {
            let mut attributes = Attributes::of(element);
            let found = self.action(element, &mut attributes);
            self.no_more(&attributes);
            out.extend(found);
        }
    }

    fn action(&mut self, element: &Element, attributes: &mut Attributes<'_>) -> Option<Action> {
        use Arithmetic::{Add, Divide, Multiply, Subtract};
        match element.name.as_str() {
            "ereg" => self.search(attributes),
            "log" => {
                self.uses.log = true;
                self.text(attributes, "message").map(Action::Log)
            }
            "warning" => self.text(attributes, "message").map(Action::Warning),
            "assign" => {
                let to = self.assigned(attributes)?;
                Some(Action::Assign(to, self.operand(element, attributes)?))
            }
            "assignstr" => {
                let to = self.assigned(attributes)?;
                Some(Action::AssignText(to, self.text(attributes, "value")?))
            }
            "add" => self.arithmetic(element, attributes, Add),
            "subtract" => self.arithmetic(element, attributes, Subtract),
            "multiply" => self.arithmetic(element, attributes, Multiply),
            "divide" => self.arithmetic(element, attributes, Divide),
            "todouble" => {
                let to = self.assigned(attributes)?;
                Some(Action::ToDouble(to, self.looked_at(attributes)?))
            }
            "trim" => {
                let name = self.required(attributes, "assign_to")?;
                self.read_variable(&name.value, name.value_at.clone());
                let to = self.written_variable(&name.value, name.value_at.clone());
                Some(Action::Trim(to))
            }
            "sample" => {
                let to = self.assigned(attributes)?;
                let distribution = self.distribution(element, attributes);
                if distribution.is_none() {
                    let message = "a `sample` without a distribution";
                    self.complain(element.at.clone(), message, "");
                }
                Some(Action::Sample(to, distribution?))
            }
            "test" => self.test(element, attributes),
            "strcmp" => {
                let to = self.assigned(attributes)?;
                let left = self.looked_at(attributes)?;
                let right = match attributes.take("variable2") {
                    Some(name) => {
                        let id = self.read_variable(&name.value, name.value_at.clone());
                        Template::of_variable(id)
                    }
                    None => self.text(attributes, "value")?,
                };
                Some(Action::CompareText { to, left, right })
            }
            "verifyauth" => {
                let to = self.assigned(attributes)?;
                let user = self.text(attributes, "username")?;
                let password = self.text(attributes, "password")?;
                Some(Action::VerifyAuth { to, user, password })
            }
            "jump" => Some(Action::Jump(self.operand(element, attributes)?)),
            "gettimeofday" => {
                let list = self.required(attributes, "assign_to")?;
                let mut names = list.value.split(',');
                let mut next = |compiler: &mut Self| {
                    names
                        .next()
                        .map(|name| compiler.written_variable(name, list.value_at.clone()))
                };
                let (seconds, micros) = (next(self), next(self));
                Some(Action::TimeOfDay(seconds?, micros))
            }
            "exec" => self.exec(element, attributes),
            "setdest" | "closecon" | "setsource" => {
                let message = format!("`{}` is not supported", element.name);
                let help = "messages go to the TARGET, or to -rsa";
                self.skip(element, attributes, message, help)
            }
            "lookup" | "insert" | "replace" | "error" | "urlencode" | "urldecode"
            | "pauserestore" | "index" | "rtp_echo" | "substr" => {
                let message = format!("the action `{}` is not supported", element.name);
                let help = format!("supported: {ACTIONS}");
                self.skip(element, attributes, message, help)
            }
            other => {
                let message = format!("there is no action `{other}`");
                let help = match nearest(other, ACTIONS.split(", ")) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("supported: {ACTIONS}"),
                };
                self.skip(element, attributes, message, help)
            }
        }
    }

    /// One complaint is enough: its attributes are nobody's.
    fn skip(
        &mut self,
        element: &Element,
        attributes: &mut Attributes<'_>,
        message: String,
        help: impl Into<String>,
    ) -> Option<Action> {
        self.complain(element.at.clone(), message, help);
        attributes.take_all();
        None
    }

    fn exec(&mut self, element: &Element, attributes: &mut Attributes<'_>) -> Option<Action> {
        if let Some(command) = attributes.take("int_cmd") {
            let stop = match command.value.as_str() {
                "stop_now" => Stop::Now,
                "stop_gracefully" => Stop::Gracefully,
                "stop_call" => Stop::Call,
                other => {
                    let message = format!("`{other}` is no command");
                    let help = "stop_call, stop_gracefully, stop_now";
                    self.complain(command.value_at.clone(), message, help);
                    return None;
                }
            };
            return Some(Action::Stop(stop));
        }
        let (message, help) = match element.attributes.first().map(|one| one.name.as_str()) {
            Some("command") => (
                "commands of the shell are not run",
                "a process a call would be measured, not the server; use <log>",
            ),
            Some(name) if name.starts_with("rtp_") || name.starts_with("play_") => (
                "there is no media here",
                "leave it out: the call is the same to everybody but the ear",
            ),
            _ => ("`exec` of nothing known", "int_cmd=\"stop_call\""),
        };
        self.skip(element, attributes, message.to_owned(), help)
    }

    fn search(&mut self, attributes: &mut Attributes<'_>) -> Option<Action> {
        let pattern = self.required(attributes, "regexp")?;
        let any_case = self.flag(attributes, "case_indep");
        let start_line = self.flag(attributes, "start_line");
        let occurrence = self.number(attributes, "occurrence").unwrap_or(1.0) as i32;
        // `occurence` is how it was spelled for years.
        let old = self.number(attributes, "occurence").map(|old| old as i32);
        let header = attributes.take("header");
        let variable = attributes.take("variable");
        let place = attributes.take("search_in");
        let within = match place.map_or("msg", |place| place.value.as_str()) {
            "msg" => Within::Message,
            "body" => Within::Body,
            "hdr" => match header {
                Some(header) => Within::Header {
                    name: header.value.clone(),
                    occurrence: match old.unwrap_or(occurrence) {
                        0 => 1,
                        number => number,
                    },
                    any_case,
                    start_line,
                },
                None => {
                    let at = place.map_or(pattern.at.clone(), |place| place.at.clone());
                    self.complain(at, "which header?", "header=\"CSeq:\"");
                    return None;
                }
            },
            "var" => match variable {
                Some(name) => {
                    Within::Variable(self.read_variable(&name.value, name.value_at.clone()))
                }
                None => {
                    let at = place.map_or(pattern.at.clone(), |place| place.at.clone());
                    self.complain(at, "which variable?", "variable=\"1\"");
                    return None;
                }
            },
            other => {
                let at = place.map_or(pattern.at.clone(), |place| place.value_at.clone());
                let message = format!("nothing is searched in `{other}`");
                self.complain(at, message, "msg, hdr, body or var");
                return None;
            }
        };
        let check = match (
            self.flag(attributes, "check_it"),
            self.flag(attributes, "check_it_inverse"),
        ) {
            (true, false) => Some(Check::Found),
            (false, true) => Some(Check::NotFound),
            (false, false) => None,
            (true, true) => {
                let message = "`check_it` and `check_it_inverse` together never hold";
                self.complain(pattern.at.clone(), message, "");
                None
            }
        };
        let mut assign_to = Vec::new();
        if let Some(list) = attributes.take("assign_to") {
            for name in list.value.split(',') {
                assign_to.push(self.written_variable(name, list.value_at.clone()));
            }
            if assign_to.len() > GROUPS_MAX {
                let message = format!("more than {GROUPS_MAX} variables");
                self.complain(list.value_at.clone(), message, "");
            }
        }
        let regex = RegexBuilder::new(&pattern.value)
            .case_insensitive(any_case && !matches!(within, Within::Header { .. }))
            .unicode(false)
            .dot_matches_new_line(true)
            .build();
        match regex {
            Ok(regex) => Some(Action::Search(Box::new(Search {
                regex,
                within,
                check,
                assign_to,
            }))),
            Err(error) => {
                let at = pattern.value_at.clone();
                self.complain(at, "not a regular expression", short(&error));
                None
            }
        }
    }

    fn test(&mut self, element: &Element, attributes: &mut Attributes<'_>) -> Option<Action> {
        let to = self.assigned(attributes)?;
        let left = self.looked_at(attributes)?;
        let word = self.required(attributes, "compare")?;
        let compare = match word.value.as_str() {
            "equal" => Compare::Equal,
            "not_equal" => Compare::NotEqual,
            "greater_than" => Compare::Greater,
            "less_than" => Compare::Less,
            "greater_than_equal" => Compare::GreaterOrEqual,
            "less_than_equal" => Compare::LessOrEqual,
            other => {
                let message = format!("`{other}` compares nothing");
                let help = "equal, not_equal, greater_than, less_than, greater_than_equal, less_than_equal";
                self.complain(word.value_at.clone(), message, help);
                return None;
            }
        };
        let right = match attributes.take("variable2") {
            Some(name) => Operand::Variable(self.read_variable(&name.value, name.value_at.clone())),
            None => match self.number(attributes, "value") {
                Some(number) => Operand::Number(number),
                None => {
                    let help = "value=\"1\" or variable2=\"name\"";
                    self.complain(element.at.clone(), "a `test` with nothing", help);
                    return None;
                }
            },
        };
        Some(Action::Test {
            to,
            left,
            compare,
            right,
        })
    }

    fn arithmetic(
        &mut self,
        element: &Element,
        attributes: &mut Attributes<'_>,
        operation: Arithmetic,
    ) -> Option<Action> {
        let name = self.required(attributes, "assign_to")?;
        self.read_variable(&name.value, name.value_at.clone());
        let to = self.written_variable(&name.value, name.value_at.clone());
        let operand = self.operand(element, attributes)?;
        if operation == Arithmetic::Divide && operand == Operand::Number(0.0) {
            self.complain(element.at.clone(), "a division by zero", "");
        }
        Some(Action::Arithmetic(operation, to, operand))
    }

    /// `value="1"` or `variable="name"`.
    fn operand(&mut self, element: &Element, attributes: &mut Attributes<'_>) -> Option<Operand> {
        let value = self.number(attributes, "value");
        let variable = attributes.take("variable");
        match (value, variable) {
            (Some(value), None) => Some(Operand::Number(value)),
            (None, Some(name)) => Some(Operand::Variable(
                self.read_variable(&name.value, name.value_at.clone()),
            )),
            _ => {
                let message = format!("`{}` of what?", element.name);
                let help = "value=\"1\" or variable=\"name\"";
                self.complain(element.at.clone(), message, help);
                None
            }
        }
    }

    fn assigned(&mut self, attributes: &mut Attributes<'_>) -> Option<VariableId> {
        let name = self.required(attributes, "assign_to")?;
        Some(self.written_variable(&name.value, name.value_at.clone()))
    }

    fn looked_at(&mut self, attributes: &mut Attributes<'_>) -> Option<VariableId> {
        let name = self.required(attributes, "variable")?;
        Some(self.read_variable(&name.value, name.value_at.clone()))
    }

    /// An attribute with keywords in it.
    fn text(&mut self, attributes: &mut Attributes<'_>, name: &'static str) -> Option<Template> {
        let attribute = self.required(attributes, name)?;
        let (value, at) = (attribute.value.clone(), attribute.value_at.start);
        Some(self.inline(value.as_bytes(), at))
    }
}
