//! Line charts as inline SVG; colours come from the page.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 30.0;

/// Values and the words beside them, from the lower end of an axis to the upper.
pub(super) type Ticks = Vec<(f64, String)>;

/// One line of a chart.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// A chart: the axes span their ticks.
pub(super) fn chart(title: &str, x: &Ticks, y: &Ticks, lines: &[Line]) -> String {
    let span = |ticks: &Ticks| {
        let low = ticks.first().map_or(0.0, |tick| tick.0);
        (
            low,
            (ticks.last().map_or(1.0, |tick| tick.0) - low).max(1e-9),
        )
    };
    let ((x0, dx), (y0, dy)) = (span(x), span(y));
    let at_x = |value: f64| LEFT + (value - x0) / dx * (WIDTH - LEFT - RIGHT);
    let at_y = |value: f64| HEIGHT - BOTTOM - (value - y0) / dy * (HEIGHT - TOP - BOTTOM);
    let mut out = format!("<figure><figcaption>{title}");
    for (number, line) in lines.iter().enumerate() {
        let _ = write!(
            out,
            " <span class=\"key k{}\">{}</span>",
            number % 6,
            line.name
        );
    }
    let _ = write!(
        out,
        "</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">"
    );
    for (value, word) in y {
        let (right, at) = (WIDTH - RIGHT, at_y(*value));
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{word}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    for (value, word) in x {
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{word}</text>",
            at_x(*value).min(WIDTH - 24.0),
            HEIGHT - 10.0
        );
    }
    for (number, line) in lines.iter().enumerate() {
        let points: Vec<_> = line
            .points
            .iter()
            .map(|&(x, y)| format!("{:.1},{:.1}", at_x(x), at_y(y)))
            .collect();
        let _ = write!(
            out,
            "<polyline class=\"l{}\" points=\"{}\"/>",
            number % 6,
            points.join(" ")
        );
    }
    out.push_str("</svg></figure>\n");
    out
}

/// From 0 to at least `most` in steps of 1, 2 or 5 times a power of ten.
pub(super) fn even_ticks(most: f64) -> Ticks {
    let rough = most.max(1.0) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let factor = factors.into_iter().find(|factor| factor * power >= rough);
    let step = (factor.unwrap_or(10.0) * power).max(1.0);
    let count = (most.max(1.0) / step).ceil() as u64;
    (0..=count)
        .map(|number| (number as f64 * step, format!("{}", number as f64 * step)))
        .collect()
}
