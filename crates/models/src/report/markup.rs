use std::fmt::Write;

/// Text as it may stand between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // HTML has no place for them, not even escaped.
            control if control.is_control() && !"\n\t".contains(control) => {
                escaped.push('\u{fffd}');
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// The page up to its content; the style sheets are plain CSS.
pub fn opening(title: &str, styles: &[&str]) -> String {
    let mut out =
        String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    let _ = write!(
        out,
        "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
        escape(title),
        styles.concat()
    );
    out
}

/// A section without content is left out.
pub fn section(out: &mut String, title: &str, content: &str) {
    if !content.is_empty() {
        let _ = write!(out, "<section>\n<h2>{}</h2>\n{content}\n</section>\n", escape(title));
    }
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Four places for figures of the usual size, whole numbers for large ones, three significant
/// digits for others.
pub fn figure(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if !value.is_finite() => "–".to_owned(),
        Some(value) if value == 0.0 || (1e-3..1e3).contains(&value.abs()) => {
            minus(&format!("{value:.4}"))
        }
        Some(value) if (1e3..1e15).contains(&value.abs()) => {
            let sign = if value < 0.0 { "−" } else { "" };
            format!("{sign}{}", grouped(value.abs().round() as u64))
        }
        Some(value) => minus(&format!("{value:.2e}")),
    }
}

/// Four places whatever the size, for figures that stand side by side; large ones as [`figure`].
pub fn fixed(value: Option<f64>) -> String {
    match value {
        Some(small) if small.abs() < 5e-5 => "0.0000".to_owned(),
        Some(usual) if usual.abs() < 1e3 => minus(&format!("{usual:.4}")),
        other => figure(other),
    }
}

/// A text with the typographic minus for hyphens.
pub fn minus(text: &str) -> String {
    text.replace('-', "−")
}

/// Seconds as a person says them.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A table: heads with true are of numbers and stand right. Cells are markup already.
pub fn table(heads: &[(&str, bool)], rows: impl Iterator<Item = Vec<String>>) -> String {
    let class = |number: bool| if number { " class=\"number\"" } else { "" };
    let mut out = String::from("<div class=\"scroll\"><table><thead><tr>");
    for (head, number) in heads {
        let _ = write!(out, "<th{}>{}</th>", class(*number), escape(head));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (cell, (_, number)) in row.iter().zip(heads) {
            let _ = write!(out, "<td{}>{cell}</td>", class(*number));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}
