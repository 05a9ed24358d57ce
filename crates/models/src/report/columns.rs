use std::fmt::Write;

use super::chart::{BOTTOM, HEIGHT, LEFT, RIGHT, Scale, TOP, WIDTH, horizontal_grid, key_legend};
use super::markup::escape;

/// Share of a place that its columns fill.
const FILLED: f64 = 0.62;

/// Columns that stand side by side at each place.
pub(super) struct ColumnSeries<'a> {
    pub name: &'a str,
    /// A class of the page's style.
    pub class: &'static str,
    /// One a place; `None` leaves a gap.
    pub values: Vec<Option<f64>>,
}

/// A chart of columns from zero, for a few named places.
pub(super) struct Columns<'a> {
    pub title: &'a str,
    pub places: Vec<String>,
    pub series: Vec<ColumnSeries<'a>>,
}

/// The chart as inline SVG with its legend; nothing without a value.
pub(super) fn draw(columns: &Columns<'_>) -> String {
    let values = columns.series.iter().flat_map(|series| series.values.iter().copied().flatten());
    let (mut low, mut high) = (0.0_f64, 0.0_f64);
    let mut any = false;
    for value in values.filter(|value| value.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
        any = true;
    }
    if !any {
        return String::new();
    }
    let scale = Scale::padded((0.0, columns.places.len() as f64), (low, high));
    let mut out = String::from("<figure>");
    let keys = columns.series.iter().map(|series| (series.name, series.class));
    key_legend(&mut out, columns.title, keys.filter(|_| columns.series.len() > 1));
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escape(columns.title)
    );
    horizontal_grid(&mut out, &scale);
    let place = (WIDTH - LEFT - RIGHT) / columns.places.len() as f64;
    let width = (place * FILLED / columns.series.len() as f64).min(48.0);
    for (at, name) in columns.places.iter().enumerate() {
        let middle = LEFT + (at as f64 + 0.5) * place;
        let first = middle - width * columns.series.len() as f64 / 2.0;
        for (number, series) in columns.series.iter().enumerate() {
            let value = series.values.get(at).copied().flatten();
            if let Some(value) = value.filter(|value| value.is_finite()) {
                let x = first + number as f64 * width;
                column(&mut out, series.class, (x, width * 0.9), &scale, value);
            }
        }
        let _ = write!(
            out,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 8.0,
            escape(name)
        );
    }
    out.push_str("</svg></figure>");
    out
}

fn column(out: &mut String, class: &str, (x, width): (f64, f64), scale: &Scale, value: f64) {
    let (zero, end) = (scale.y(0.0), scale.y(value).clamp(TOP, HEIGHT - BOTTOM));
    let _ = write!(
        out,
        "<rect class=\"dot {class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
        zero.min(end),
        (zero - end).abs().max(0.5)
    );
}
