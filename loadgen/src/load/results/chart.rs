//! Charts as inline SVG. Colours come from the page's style, so that they follow its light and dark.
//!
//! Drawn 480 wide: two beside each other on a desk, one on a telephone, and letters stay legible on both.

use std::fmt::Write as _;

use super::page::escape;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 248.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 36.0;
/// Colours of the style.
const COLOURS: usize = 6;

/// Values and the words beside them, in order.
pub(super) struct Axis {
    pub(super) ticks: Vec<(f64, String)>,
    /// Between these it is drawn.
    pub(super) ends: (f64, f64),
    /// What is counted and in which unit.
    pub(super) title: String,
}

impl Axis {
    fn span(&self) -> (f64, f64) {
        let (low, high) = self.ends;
        (low, (high - low).max(1e-9))
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    Solid,
    Dashed,
}

/// One line of a chart. A value that was not measured leaves a gap.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, Option<f64>)>,
    pub(super) stroke: Stroke,
}

/// A single value that says one of two things.
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) good: bool,
    /// Shown when the pointer rests on it.
    pub(super) told: String,
}

/// A chart: its axes span their ticks.
pub(super) struct Chart<'c> {
    pub(super) title: &'c str,
    /// A sentence below the title.
    pub(super) note: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
    pub(super) marks: Vec<Mark>,
}

impl Chart<'_> {
    pub(super) fn draw(&self) -> String {
        let mut out = format!(
            "<figure><figcaption>{}{}{}</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escape(self.title),
            self.legend(),
            note(&self.note),
            escape(self.title)
        );
        self.grid(&mut out);
        for (number, line) in self.lines.iter().enumerate() {
            let dashed = match line.stroke {
                Stroke::Solid => "",
                Stroke::Dashed => " dashed",
            };
            let path = self.path(line);
            let _ = writeln!(
                out,
                "<path class=\"line l{}{dashed}\" d=\"{path}\"/>",
                number % COLOURS
            );
        }
        for mark in &self.marks {
            let (x, y) = (self.at_x(mark.x), self.at_y(mark.y));
            let told = escape(&mark.told);
            let _ = match mark.good {
                true => writeln!(
                    out,
                    "<circle class=\"held\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\"><title>{told}</title></circle>"
                ),
                false => writeln!(
                    out,
                    "<path class=\"lost\" d=\"M{:.1} {:.1}l9 9m0 -9l-9 9\"><title>{told}</title></path>",
                    x - 4.5,
                    y - 4.5
                ),
            };
        }
        out.push_str("</svg></figure>\n");
        out
    }

    fn legend(&self) -> String {
        if self.lines.len() < 2 {
            return String::new();
        }
        let key = |(number, line): (usize, &Line)| {
            let dashed = match line.stroke {
                Stroke::Solid => "",
                Stroke::Dashed => " dashed",
            };
            format!(
                " <span class=\"key\"><svg class=\"swatch\" viewBox=\"0 0 18 10\" aria-hidden=\"true\"><path class=\"line l{}{dashed}\" d=\"M0 5h18\"/></svg>{}</span>",
                number % COLOURS,
                escape(&line.name)
            )
        };
        self.lines.iter().enumerate().map(key).collect()
    }

    fn grid(&self, out: &mut String) {
        for (value, word) in &self.y.ticks {
            let (right, at) = (WIDTH - RIGHT, self.at_y(*value));
            let _ = writeln!(
                out,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{word}</text>",
                LEFT - 6.0,
                at + 4.0
            );
        }
        for (value, word) in &self.x.ticks {
            let at = self.at_x(*value);
            // A word at the right end would stand half outside.
            let is_last = at > WIDTH - RIGHT - 16.0;
            let (anchor, x) = match is_last {
                true => ("end", WIDTH - 2.0),
                false => ("middle", at),
            };
            let foot = HEIGHT - BOTTOM;
            let _ = writeln!(
                out,
                "<path class=\"grid\" d=\"M{at:.1} {foot}v4\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{word}</text>",
                foot + 17.0
            );
        }
        let _ = writeln!(
            out,
            "<text class=\"unit\" x=\"4\" y=\"12\">{}</text><text class=\"unit\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            escape(&self.y.title),
            (LEFT + WIDTH - RIGHT) / 2.0,
            HEIGHT - 4.0,
            escape(&self.x.title)
        );
    }

    fn path(&self, line: &Line) -> String {
        let (mut path, mut pen_is_down) = (String::new(), false);
        for (at, &(x, y)) in line.points.iter().enumerate() {
            let Some(y) = y else {
                pen_is_down = false;
                continue;
            };
            let command = if pen_is_down { 'L' } else { 'M' };
            let (px, py) = (self.at_x(x), self.at_y(y));
            let _ = write!(path, "{command}{px:.1} {py:.1}");
            // A value between gaps would be no line: it is a dot.
            let is_alone = line.points.get(at + 1).is_none_or(|next| next.1.is_none());
            if !pen_is_down && is_alone {
                path.push_str("h0.1");
            }
            pen_is_down = true;
        }
        path
    }

    fn at_x(&self, value: f64) -> f64 {
        let (low, span) = self.x.span();
        LEFT + ((value - low) / span).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn at_y(&self, value: f64) -> f64 {
        let (low, span) = self.y.span();
        HEIGHT - BOTTOM - ((value - low) / span).clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }
}

fn note(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("<span class=\"note\">{}</span>", escape(text))
}

/// From 0 to at least `most` in steps of 1, 2 or 5 times a power of ten; whole steps unless values are small.
pub(super) fn even(most: f64, title: &str) -> Axis {
    let most = if most > 0.0 { most } else { 1.0 };
    let rough = most / 4.0;
    let power = 10f64.powf(rough.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let factor = factors
        .into_iter()
        .find(|factor| factor * power >= rough * 0.999);
    let step = factor.unwrap_or(10.0) * power;
    let count = (most / step * 0.999).ceil().max(1.0) as u64;
    let ticks = (0..=count).map(|number| {
        let value = number as f64 * step;
        (value, short(value))
    });
    Axis {
        ticks: ticks.collect(),
        ends: (0.0, count as f64 * step),
        title: title.to_owned(),
    }
}

/// Powers of ten of microseconds, from that below `least` to that above `most`; the values are logarithms.
pub(super) fn times(least: f64, most: f64, title: &str) -> Axis {
    let low = least.max(1.0).log10().floor() as u32;
    let high = (most.max(1.0).log10().ceil() as u32).max(low + 1);
    let ticks = (low..=high).map(|power| {
        let (unit, name) = [(6, "s"), (3, "ms"), (0, "µs")][match power {
            6.. => 0,
            3..6 => 1,
            _ => 2,
        }];
        (
            f64::from(power),
            format!("{} {name}", 10u64.pow(power - unit)),
        )
    });
    Axis {
        ticks: ticks.collect(),
        ends: (f64::from(low), f64::from(high)),
        title: title.to_owned(),
    }
}

/// Seconds of a run, in the unit that suits its length; what a second is in that unit.
pub(super) fn seconds(most: f64) -> (Axis, f64) {
    let (unit, name) = match most {
        ..600.0 => (1.0, "seconds"),
        ..14_400.0 => (60.0, "minutes"),
        _ => (3600.0, "hours"),
    };
    let mut axis = even(most / unit, &format!("{name} from the start"));
    // It ends with the run.
    axis.ends.1 = most / unit;
    axis.ticks.retain(|tick| tick.0 <= most / unit * 1.001);
    (axis, 1.0 / unit)
}

/// A value of an axis: 12k, 1.5M, 0.25.
pub(super) fn short(value: f64) -> String {
    let (value, unit) = match value {
        1e6.. => (value / 1e6, "M"),
        1e4.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{unit}")
}

/// Beside each other: a value each, between what the runs lay.
pub(super) struct Bar<'b> {
    pub(super) name: &'b str,
    pub(super) value: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) told: String,
}

const BAR_HEIGHT: f64 = 30.0;

/// Lying bars from 0 on, with whiskers from the least to the most.
pub(super) fn bars(title: &str, note_text: &str, bars: &[Bar<'_>]) -> String {
    let most = bars.iter().map(|bar| bar.most).fold(0.0, f64::max);
    let axis = even(most, "");
    let end = axis.ends.1;
    let (left, right) = (30.0, 96.0);
    let at = |value: f64| left + value / end * (WIDTH - left - right);
    let height = bars.len() as f64 * BAR_HEIGHT + 24.0;
    let mut out = format!(
        "<figure><figcaption>{}{}</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n",
        escape(title),
        note(note_text),
        escape(title)
    );
    let foot = height - 20.0;
    for (value, word) in &axis.ticks {
        let x = at(*value);
        let _ = writeln!(
            out,
            "<path class=\"grid\" d=\"M{x:.1} 0V{foot}\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{word}</text>",
            height - 5.0
        );
    }
    for (number, bar) in bars.iter().enumerate() {
        let top = number as f64 * BAR_HEIGHT + 5.0;
        let middle = top + 10.0;
        let (x0, x1, least, most) = (at(0.0), at(bar.value), at(bar.least), at(bar.most));
        let _ = writeln!(
            out,
            "<text class=\"name\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text><rect class=\"f{}\" x=\"{x0:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"20\" rx=\"2\"/>",
            left - 6.0,
            middle + 4.0,
            escape(bar.name),
            number % COLOURS,
            (x1 - x0).max(1.0)
        );
        let _ = writeln!(
            out,
            "<path class=\"whisker\" d=\"M{least:.1} {middle}H{most:.1}M{least:.1} {}v8M{most:.1} {}v8\"/><text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            middle - 4.0,
            middle - 4.0,
            x1.max(most) + 6.0,
            middle + 4.0,
            escape(&bar.told)
        );
    }
    out.push_str("</svg></figure>\n");
    out
}
