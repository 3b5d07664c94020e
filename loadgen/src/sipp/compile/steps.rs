//! Messages, pauses, labels.

use regex::bytes::Regex;

use super::super::chance::Distribution;
use super::super::program::{
    Expect, Kind, Next, Optional, Part, Pause, Recv, Send, Step, Template, What,
};
use super::super::xml::Element;
use super::attributes::Attributes;
use super::{Compiler, Jump};

const MEDIA: &str = "there is no media here; `[media_port]` names a port that nobody listens on";
const TRANSACTIONS: &str =
    "responses belong to the requests that have none yet, by method; an ACK takes `[branch-N]`";

impl Compiler<'_> {
    pub(super) fn send(&mut self, element: &Element) {
        let mut attributes = Attributes::of(element);
        self.step = self.steps.len();
        let retrans = self.milliseconds(&mut attributes, "retrans");
        if retrans == Some(0) {
            self.complain(element.at.clone(), "`retrans` of 0 ms", "T1, as 500");
        }
        let lost = self.lost(&mut attributes);
        self.refuse(&mut attributes, &["start_txn", "ack_txn"], TRANSACTIONS);
        let Some(data) = element.data.first().cloned() else {
            let help = "<send><![CDATA[ INVITE ... ]]></send>";
            self.complain(element.at.clone(), "a `send` without a message", help);
            return;
        };
        let template = self.message(data.clone());
        let first = template.parts.first();
        let (what, shown) = match first {
            Some(Part::Text(text)) => self.what(text, data.clone()),
            _ => (What::Computed, "[computed]".to_owned()),
        };
        let kind = Kind::Send(Send {
            template,
            what,
            retrans,
            shown,
        });
        self.push(element, &mut attributes, kind, lost);
    }

    /// What a message is, by its first words.
    fn what(&mut self, text: &[u8], at: std::ops::Range<usize>) -> (What, String) {
        let mut words = text.split(|&byte| byte == b' ' || byte == b'\r');
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        let shown = String::from_utf8_lossy(first).into_owned();
        match (first, second) {
            (b"SIP/2.0", status) => {
                let status = status.unwrap_or_default();
                (
                    What::Response,
                    String::from_utf8_lossy(status).trim().to_owned(),
                )
            }
            (_, None) => (What::Computed, shown),
            (b"ACK", _) => (What::Ack, shown),
            (b"CANCEL", _) => (What::Cancel(self.method(first, at)), shown),
            (method, _) => (What::Request(self.method(method, at)), shown),
        }
    }

    pub(super) fn recv(&mut self, element: &Element) {
        let mut attributes = Attributes::of(element);
        self.step = self.steps.len();
        let by_pattern = self.flag(&mut attributes, "regexp_match");
        let request = attributes.take("request");
        let response = attributes.take("response");
        let expect = match (request, response) {
            (Some(request), None) if by_pattern => match Regex::new(&request.value) {
                Ok(regex) => Expect::RequestLike(Box::new(regex)),
                Err(error) => {
                    let at = request.value_at.clone();
                    self.complain(at, "not a regular expression", short(&error));
                    return;
                }
            },
            (Some(request), None) => Expect::Request(request.value.trim().into()),
            (None, Some(response)) if by_pattern => {
                let help = "`regexp_match` is about `request`; name each response, optional";
                self.complain(response.at.clone(), "a response has no pattern", help);
                return;
            }
            (None, Some(response)) => match response.value.trim().parse() {
                Ok(status @ 100..=699) => Expect::Response(status),
                _ => {
                    let message = format!("`{}` is no status code", response.value);
                    self.complain(response.value_at.clone(), message, "100 to 699");
                    return;
                }
            },
            (Some(_), Some(response)) => {
                let message = "a `recv` waits for a request or a response, not both";
                self.complain(response.at.clone(), message, "");
                return;
            }
            (None, None) => {
                let help = "request=\"INVITE\" or response=\"200\"";
                self.complain(element.at.clone(), "a `recv` of nothing", help);
                return;
            }
        };
        let optional = match attributes.take("optional") {
            None => Optional::No,
            Some(attribute) => match attribute.value.as_str() {
                "true" => Optional::Yes,
                "global" => Optional::Global,
                "false" => Optional::No,
                other => {
                    let message = format!("`{other}` says not how optional it is");
                    self.complain(attribute.value_at.clone(), message, "true, false or global");
                    return;
                }
            },
        };
        let timeout = self.milliseconds(&mut attributes, "timeout");
        if let Some(label) = attributes.take("ontimeout") {
            self.jumps.push(Jump {
                step: self.step,
                label: label.value.clone(),
                at: label.value_at.clone(),
                on_timeout: true,
            });
        }
        let keeps_routes = self.flag(&mut attributes, "rrs");
        self.uses.routes |= keeps_routes;
        let keeps_challenge = self.flag(&mut attributes, "auth");
        // Of media only; nothing here reads a session description.
        self.flag(&mut attributes, "ignoresdp");
        self.refuse(&mut attributes, &["response_txn"], TRANSACTIONS);
        let lost = self.lost(&mut attributes);
        let kind = Kind::Recv(Recv {
            expect,
            optional,
            timeout,
            on_timeout: None,
            chain_timeout: None,
            keeps_routes,
            keeps_challenge,
            keeps_message: false,
        });
        self.push(element, &mut attributes, kind, lost);
    }

    pub(super) fn pause(&mut self, element: &Element) {
        let mut attributes = Attributes::of(element);
        self.step = self.steps.len();
        let fixed = self.milliseconds(&mut attributes, "milliseconds");
        let variable = attributes.take("variable");
        // It says that a pause may be absurdly long; ours are bounded by a day.
        self.flag(&mut attributes, "sanity_check");
        let distribution = self.distribution(element, &mut attributes);
        let given = [fixed.is_some(), variable.is_some(), distribution.is_some()];
        if given.iter().filter(|&&given| given).count() > 1 {
            self.complain(
                element.at.clone(),
                "a `pause` that says twice how long",
                "milliseconds, variable or distribution",
            );
        }
        let pause = match (fixed, variable, distribution) {
            (Some(fixed), ..) => Pause::For(Distribution::Fixed(f64::from(fixed))),
            (_, Some(variable), _) => {
                Pause::Variable(self.read_variable(&variable.value, variable.value_at.clone()))
            }
            (.., Some(distribution)) => Pause::For(distribution),
            _ => Pause::Default,
        };
        self.push(element, &mut attributes, Kind::Pause(pause), 0.0);
    }

    /// Of a pause, or of the action `sample`.
    pub(super) fn distribution(
        &mut self,
        element: &Element,
        attributes: &mut Attributes<'_>,
    ) -> Option<Distribution> {
        let name = attributes.take("distribution");
        // The bare forms of old.
        let name = match name {
            Some(name) => name.value.as_str(),
            None if element.attributes.iter().any(|one| one.name == "min") => "uniform",
            None if element.attributes.iter().any(|one| one.name == "stdev") => "normal",
            None => return None,
        };
        let mut need = |compiler: &mut Self, key: &'static str| {
            let number = compiler.number(attributes, key);
            if number.is_none() {
                let message = format!("a distribution `{name}` needs `{key}`");
                compiler.complain(element.at.clone(), message, "");
            }
            number.unwrap_or(1.0)
        };
        let found = match name {
            "fixed" => Distribution::Fixed(need(self, "value")),
            "uniform" => Distribution::Uniform {
                min: need(self, "min"),
                max: need(self, "max"),
            },
            "normal" => Distribution::Normal {
                mean: need(self, "mean"),
                deviation: need(self, "stdev"),
            },
            "lognormal" => Distribution::LogNormal {
                mean: need(self, "mean"),
                deviation: need(self, "stdev"),
            },
            "exponential" => Distribution::Exponential {
                mean: need(self, "mean"),
            },
            "weibull" => Distribution::Weibull {
                lambda: need(self, "lambda"),
                k: need(self, "k"),
            },
            "pareto" => Distribution::Pareto {
                k: need(self, "k"),
                minimum: need(self, "x_m"),
            },
            other => {
                let message = format!("the distribution `{other}` is not supported");
                let help = "fixed, uniform, normal, lognormal, exponential, weibull, pareto";
                self.complain(element.at.clone(), message, help);
                return None;
            }
        };
        if let Distribution::Uniform { min, max } = found
            && min > max
        {
            self.complain(element.at.clone(), "`min` is above `max`", "");
        }
        Some(found)
    }

    pub(super) fn nop(&mut self, element: &Element) {
        let mut attributes = Attributes::of(element);
        self.step = self.steps.len();
        self.push(element, &mut attributes, Kind::Nop, 0.0);
    }

    pub(super) fn timewait(&mut self, element: &Element) {
        let mut attributes = Attributes::of(element);
        self.step = self.steps.len();
        let time = self.milliseconds(&mut attributes, "milliseconds");
        if time.is_none() {
            let help = "milliseconds=\"4000\"";
            self.complain(element.at.clone(), "a `timewait` of no time", help);
        }
        let kind = Kind::TimeWait(time.unwrap_or(0));
        self.push(element, &mut attributes, kind, 0.0);
    }

    pub(super) fn label(&mut self, element: &Element) {
        let mut attributes = Attributes::of(element);
        if let Some(id) = self.required(&mut attributes, "id") {
            let step = self.steps.len() as u32;
            if self.labels.insert(id.value.clone(), step).is_some() {
                let message = format!("a second label `{}`", id.value);
                self.complain(id.value_at.clone(), message, "");
            }
        }
        self.no_more(&attributes);
    }

    /// What all steps can have; and the step is there.
    fn push(&mut self, element: &Element, attributes: &mut Attributes<'_>, kind: Kind, lost: f64) {
        let start_timer = attributes.take("start_rtd");
        let start_timer = start_timer.and_then(|timer| self.timer(timer));
        let stop_timer = attributes.take("rtd");
        let stop_timer = stop_timer.and_then(|timer| self.timer(timer));
        let repeats_timer = self.flag(attributes, "repeat_rtd");
        let counter = attributes.take("counter");
        let counter = counter.and_then(|counter| self.counter(counter));
        let next = self.next(attributes);
        let when = attributes.take("condexec");
        let inverse = self.flag(attributes, "condexec_inverse");
        let when = when.map(|when| {
            let id = self.read_variable(&when.value, when.value_at.clone());
            (id, !inverse)
        });
        let gap = self.flag(attributes, "crlf");
        self.flag(attributes, "hide");
        attributes.take("display");
        self.refuse(
            attributes,
            &["play_pcap_audio", "play_pcap_video", "rtp_stream"],
            MEDIA,
        );
        self.no_more(attributes);
        let takes_actions = matches!(kind, Kind::Recv(_) | Kind::Send(_) | Kind::Nop);
        let mut actions = Vec::new();
        for child in &element.children {
            if child.name == "action" && takes_actions {
                self.actions(child, &mut actions);
            } else {
                let message = format!("`{}` does not belong into a `{}`", child.name, element.name);
                self.complain(child.at.clone(), message, "");
            }
        }
        if !matches!(kind, Kind::Send(_))
            && let Some(data) = element.data.first()
        {
            let message = format!("a `{}` has no text", element.name);
            self.complain(data.clone(), message, "");
        }
        self.steps.push(Step {
            line: self.source.line_of(element.at.start) as u32,
            kind,
            when,
            start_timer,
            stop_timer,
            repeats_timer,
            counter,
            next,
            actions,
            lost,
            gap,
        });
    }

    fn next(&mut self, attributes: &mut Attributes<'_>) -> Option<Next> {
        let label = attributes.take("next");
        let test = attributes.take("test");
        let test = test.map(|test| self.read_variable(&test.value, test.value_at.clone()));
        let chance = self.number(attributes, "chance");
        if chance.is_some_and(|chance| !(0.0..=1.0).contains(&chance)) {
            let at = attributes
                .take("chance")
                .map(|chance| chance.value_at.clone());
            self.complain(at.unwrap_or(0..1), "a chance from 0 to 1", "");
        }
        let label = label?;
        self.jumps.push(Jump {
            step: self.step,
            label: label.value.clone(),
            at: label.value_at.clone(),
            on_timeout: false,
        });
        Some(Next {
            step: 0,
            test,
            chance: chance.unwrap_or(1.0),
        })
    }

    /// `lost="10"`: per cent.
    fn lost(&mut self, attributes: &mut Attributes<'_>) -> f64 {
        let lost = self.number(attributes, "lost").unwrap_or(0.0);
        if !(0.0..=100.0).contains(&lost) {
            let at = attributes.take("lost").map(|lost| lost.value_at.clone());
            self.complain(at.unwrap_or(0..1), "a share from 0 to 100 per cent", "");
        }
        lost / 100.0
    }

    /// A message of a `send`; its body begins behind the first empty line.
    fn message(&mut self, data: std::ops::Range<usize>) -> Template {
        self.lines(data)
    }
}

/// The last line of what the regex crate has to say.
pub(super) fn short(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().to_owned()
}
