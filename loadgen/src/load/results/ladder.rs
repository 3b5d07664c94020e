//! Single calls as ladders: the slowest of those that were followed, and one of each failure.

use std::fmt::Write as _;

use serde_json::Value;

use super::page::{escape, micros};
use super::read::list;

const WIDTH: f64 = 480.0;
const LEFT: f64 = 110.0;
const RIGHT: f64 = 420.0;
const ROW: f64 = 26.0;
const HEAD: f64 = 30.0;

pub(super) fn ladders(value: &Value) -> String {
    let traces = &value["traces"];
    let mut out = String::new();
    if let Some(slowest) = list(&traces["slowest"]).first() {
        let setup = slowest["setup_us"].as_f64().map_or(String::new(), micros);
        out.push_str(&ladder(
            &format!("The slowest call that was followed: answered after {setup}"),
            slowest,
        ));
    }
    for (cause, call) in traces["failed"].as_object().into_iter().flatten() {
        out.push_str(&ladder(&format!("A call that failed: {cause}"), call));
    }
    if out.is_empty() {
        return out;
    }
    let every = traces["one_start_in"].as_u64().unwrap_or(1);
    let which = match every {
        1 => "All calls were followed".to_owned(),
        _ => format!("One call in {every} was followed"),
    };
    format!(
        "<h3>Single calls</h3>\n<p class=\"no\">{which}. Times are from the intended start; the longest wait is marked, the time that a call is held apart.</p>\n<div class=\"charts\">\n{out}</div>\n"
    )
}

fn ladder(title: &str, call: &Value) -> String {
    let steps = list(&call["steps"]);
    let height = HEAD + ROW * steps.len() as f64 + 12.0;
    let second = call["started_at_us"].as_f64().unwrap_or(0.0) / 1e6;
    let mut out = format!(
        "<figure><figcaption>{}<span class=\"note\">meant to start {second:.3} s into the run</span></figcaption>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n<text class=\"name\" x=\"{LEFT}\" y=\"14\" text-anchor=\"middle\">generator</text><text class=\"name\" x=\"{RIGHT}\" y=\"14\" text-anchor=\"middle\">target</text>\n<path class=\"life\" d=\"M{LEFT} 20V{height}M{RIGHT} 20V{height}\"/>\n",
        escape(title),
        escape(title)
    );
    let at = |number: usize| steps[number]["at_us"].as_f64().unwrap_or(0.0);
    let wait = |number: usize| at(number) - number.checked_sub(1).map_or(0.0, at);
    // What is between an answer and our BYE is the plan's.
    let is_planned =
        |number: usize| steps[number]["ours"] == true && steps[number]["text"] == "BYE";
    let waits = (0..steps.len()).filter(|&number| !is_planned(number));
    let longest = waits.max_by(|&a, &b| wait(a).total_cmp(&wait(b)));
    for (number, step) in steps.iter().enumerate() {
        let y = HEAD + ROW * number as f64 + 14.0;
        let (from, to, head) = match step["ours"].as_bool() {
            Some(true) => (LEFT, RIGHT - 1.0, -7.0),
            _ => (RIGHT, LEFT + 1.0, 7.0),
        };
        if longest == Some(number) && wait(number) > 0.0 {
            let _ = writeln!(
                out,
                "<path class=\"after\" d=\"M{LEFT} {:.1}V{y:.1}\"/>",
                y - ROW.min(y - 20.0)
            );
        }
        let class = if longest == Some(number) {
            " class=\"gap\""
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "<text{class} x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text><path class=\"arrow\" d=\"M{from} {y:.1}H{to}\"/><path class=\"head\" d=\"M{to} {y:.1}l{head} -3.5v7z\"/><text class=\"name\" x=\"{}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            LEFT - 10.0,
            y + 4.0,
            escape(&micros(at(number).max(1.0))),
            (LEFT + RIGHT) / 2.0,
            y - 4.0,
            escape(step["text"].as_str().unwrap_or(""))
        );
    }
    out.push_str("</svg></figure>\n");
    out
}
