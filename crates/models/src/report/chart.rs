use std::fmt::Write;

use super::markup::{escape, figure, minus};

pub(super) const WIDTH: f64 = 720.0;
pub(super) const HEIGHT: f64 = 260.0;
pub(super) const LEFT: f64 = 64.0;
pub(super) const RIGHT: f64 = 14.0;
pub(super) const TOP: f64 = 12.0;
pub(super) const BOTTOM: f64 = 30.0;
/// More points than this are thinned; a screen could not show them.
const POINTS_MAX: usize = 1_500;

/// A line of a chart, in order of x.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'a> {
    pub name: &'a str,
    /// A class of the page's style: `a`, `b`, `c`, or `r0` to `r9` from low to high.
    pub class: &'static str,
    pub points: Vec<(f64, f64)>,
}

/// What a chart shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart<'a> {
    pub title: &'a str,
    pub lines: Vec<Line<'a>>,
    /// Thin bars from zero behind the lines.
    pub bars: Vec<(f64, f64)>,
    /// An upright mark with its text.
    pub mark: Option<(f64, String)>,
    /// Text at some places of the x axis.
    pub x_labels: Vec<(f64, String)>,
}

/// Where values lie on the drawing.
pub(super) struct Scale {
    x: (f64, f64),
    y: (f64, f64),
}

impl Scale {
    fn of(chart: &Chart<'_>) -> Option<Self> {
        let lines = chart.lines.iter().flat_map(|line| &line.points);
        let (mut x, mut y) = (EMPTY, EMPTY);
        for (at, value) in lines.chain(&chart.bars).filter(|point| finite(point)) {
            x = (x.0.min(*at), x.1.max(*at));
            y = (y.0.min(*value), y.1.max(*value));
        }
        if x.0 > x.1 {
            return None;
        }
        if !chart.bars.is_empty() {
            y = (y.0.min(0.0), y.1.max(0.0));
        }
        let x = if x.1 > x.0 { x } else { (x.0 - 1.0, x.1 + 1.0) };
        Some(Self::padded(x, y))
    }

    /// Leaves some room below and above.
    pub(super) fn padded(x: (f64, f64), y: (f64, f64)) -> Self {
        let room = match y.1 - y.0 {
            height if height > 0.0 => height * 0.06,
            _ if y.0 == 0.0 => 1.0,
            _ => y.0.abs() * 0.1,
        };
        Self { x, y: (y.0 - room, y.1 + room) }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (value - self.x.0) / (self.x.1 - self.x.0) * (WIDTH - LEFT - RIGHT)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (value - self.y.0) / (self.y.1 - self.y.0) * (HEIGHT - TOP - BOTTOM)
    }
}

const EMPTY: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

fn finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

/// The chart as inline SVG with its legend; nothing without a point.
pub fn draw(chart: &Chart<'_>) -> String {
    let Some(scale) = Scale::of(chart) else { return String::new() };
    let mut out = String::from("<figure>");
    legend(&mut out, chart);
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escape(chart.title)
    );
    grid(&mut out, chart, &scale);
    let bar = bar_width(chart.bars.len());
    let zero = scale.y(0.0);
    if !chart.bars.is_empty() {
        let mut path = String::new();
        for (at, value) in chart.bars.iter().filter(|point| finite(point)) {
            let _ = write!(path, "M{:.1} {zero:.1}V{:.1}", scale.x(*at), scale.y(*value));
        }
        let _ = write!(out, "<path class=\"bars\" stroke-width=\"{bar:.2}\" d=\"{path}\"/>");
    }
    for line in &chart.lines {
        curve(&mut out, line, &scale);
    }
    if let Some((at, text)) = &chart.mark {
        let x = scale.x(*at);
        let (anchor, shift) = if x > WIDTH / 2.0 { ("end", -6.0) } else { ("start", 6.0) };
        let _ = write!(
            out,
            "<path class=\"mark\" d=\"M{x:.1} {TOP}V{:.1}\"/><text class=\"note\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            HEIGHT - BOTTOM,
            x + shift,
            TOP + 12.0,
            escape(text)
        );
    }
    out.push_str("</svg></figure>");
    out
}

/// Bars too close to be told apart leave no gaps, which would show as stripes.
fn bar_width(bars: usize) -> f64 {
    let place = (WIDTH - LEFT - RIGHT) / bars.max(1) as f64;
    if place < 3.0 { place.max(0.6) } else { (place * 0.7).min(12.0) }
}

fn legend(out: &mut String, chart: &Chart<'_>) {
    let drawn = chart.lines.iter().filter(|line| !line.points.is_empty());
    key_legend(out, chart.title, drawn.map(|line| (line.name, line.class)));
}

/// A chart's title, and name and class of each of its series.
pub(super) fn key_legend<'a>(
    out: &mut String,
    title: &str,
    keys: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let _ = write!(out, "<figcaption><span>{}</span>", escape(title));
    for (name, class) in keys {
        let _ = write!(out, "<span class=\"key {class}\">{}</span>", escape(name));
    }
    out.push_str("</figcaption>");
}

/// Lines across at round values, with their numbers.
pub(super) fn horizontal_grid(out: &mut String, scale: &Scale) {
    for value in ticks(scale.y) {
        let y = scale.y(value);
        let class = if value == 0.0 { "axis" } else { "grid" };
        let _ = write!(
            out,
            "<path class=\"{class}\" d=\"M{LEFT} {y:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0,
            tick_text(value)
        );
    }
}

fn grid(out: &mut String, chart: &Chart<'_>, scale: &Scale) {
    horizontal_grid(out, scale);
    for (number, (at, text)) in chart.x_labels.iter().enumerate() {
        let x = scale.x(*at).clamp(LEFT, WIDTH - RIGHT);
        let anchor = if x > WIDTH - 60.0 { "end" } else { "middle" };
        // A small drawing has room for every other one.
        let class = if number % 2 == 0 { "" } else { " class=\"between\"" };
        let _ = write!(
            out,
            "<text{class} x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            HEIGHT - 5.0,
            escape(text)
        );
    }
}

fn curve(out: &mut String, line: &Line<'_>, scale: &Scale) {
    let step = line.points.len().div_ceil(POINTS_MAX).max(1);
    let last = line.points.len().saturating_sub(1);
    let mut path = String::new();
    let mut drawing = false;
    for (at, point) in line.points.iter().enumerate() {
        if at % step != 0 && at != last {
            continue;
        }
        // A point without value leaves a gap.
        if finite(point) {
            let verb = if drawing { 'L' } else { 'M' };
            let _ = write!(path, "{verb}{:.1} {:.1}", scale.x(point.0), scale.y(point.1));
        }
        drawing = finite(point);
    }
    let _ = write!(out, "<path class=\"line {}\" d=\"{path}\"/>", line.class);
    if let [(x, y)] = line.points[..] {
        let (x, y) = (scale.x(x), scale.y(y));
        let _ = write!(
            out,
            "<circle class=\"dot {}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>",
            line.class
        );
    }
}

/// Round numbers inside the range, about five.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough)
        .unwrap_or(10.0 * power);
    let first = (low / step).ceil();
    let value = |at: u32| (first + f64::from(at)) * step;
    (0..12).map(value).take_while(|value| *value <= high).map(|value| value + 0.0).collect()
}

fn tick_text(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = figure(Some(value));
    if text.contains('e') || !text.contains('.') {
        return text;
    }
    minus(text.trim_end_matches('0').trim_end_matches('.'))
}
