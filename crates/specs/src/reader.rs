use std::cell::RefCell;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::expression::Flaw;
use crate::{Fault, FaultCode, Faults};

/// Where the readers of one document leave what they find wrong.
#[derive(Debug, Default)]
pub(crate) struct Findings(RefCell<Vec<Fault>>);

impl Findings {
    pub(crate) fn add(&self, field: &str, code: FaultCode, message: impl Into<String>) {
        self.0.borrow_mut().push(Fault::new(field, code, message));
    }

    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Faults> {
        let faults = self.0.into_inner();
        if faults.is_empty() { Ok(value) } else { Err(Faults(faults)) }
    }
}

/// Reads a whole document and reports all that is wrong with it.
pub(crate) fn read_document<T>(
    document: &Value,
    read: impl FnOnce(Reader<'_>) -> Option<T>,
) -> Result<T, Faults> {
    let findings = Findings::default();
    match Reader::open("", document, &findings).and_then(read) {
        Some(read) => findings.into_result(read),
        None => findings.into_result(()).and(Err(Faults(Vec::new()))),
    }
}

/// A real number's bounds; `open_start` excludes the lower one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) open_start: bool,
}

impl Bounds {
    pub(crate) const fn closed(min: f64, max: f64) -> Self {
        Self { min, max, open_start: false }
    }

    pub(crate) const fn above(min: f64, max: f64) -> Self {
        Self { min, max, open_start: true }
    }

    fn contains(self, value: f64) -> bool {
        value <= self.max && (value > self.min || (!self.open_start && value == self.min))
    }

    fn describe(self) -> String {
        let lower = if self.open_start { "above" } else { "from" };
        if self.max == f64::MAX {
            return format!("{lower} {}", self.min);
        }
        format!("{lower} {} to {}", self.min, self.max)
    }
}

/// Reads one JSON object field by field and goes on after a mistake, so that all are reported.
///
/// A field that is wrong yields its default; the document is refused in the end anyway. `null`
/// counts as absent.
pub(crate) struct Reader<'a> {
    path: String,
    fields: &'a Map<String, Value>,
    known: Vec<&'static str>,
    findings: &'a Findings,
}

impl<'a> Reader<'a> {
    pub(crate) fn open(path: &str, value: &'a Value, findings: &'a Findings) -> Option<Self> {
        match value {
            Value::Object(fields) => {
                Some(Self { path: path.to_owned(), fields, known: Vec::new(), findings })
            }
            other => {
                let path = if path.is_empty() { "$" } else { path };
                let message = format!("expected an object of fields, found {}", kind(other));
                findings.add(path, FaultCode::WrongType, message);
                None
            }
        }
    }

    pub(crate) fn findings(&self) -> &'a Findings {
        self.findings
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn fault(&self, name: &str, code: FaultCode, message: impl Into<String>) {
        self.findings.add(&self.path_of(name), code, message);
    }

    /// The faults of a document that stands under this name.
    pub(crate) fn faults_within(&self, name: &str, faults: Faults) {
        for Fault { field, code, message, at } in faults.0 {
            let inner = if field == "$" { name.to_owned() } else { format!("{name}.{field}") };
            let fault = Fault::new(self.path_of(&inner), code, message);
            self.findings.0.borrow_mut().push(Fault { at, ..fault });
        }
    }

    /// A fault of an expression.
    pub(crate) fn flaw(&self, name: &str, flaw: Flaw) {
        let fault = Fault::new(self.path_of(name), flaw.code, flaw.message);
        self.findings.0.borrow_mut().push(Fault { at: flaw.at, ..fault });
    }

    /// The value under any of a field's names; more than one of them is a fault.
    pub(crate) fn take(&mut self, names: &[&'static str]) -> Option<(&'static str, &'a Value)> {
        self.known.extend_from_slice(names);
        let fields = self.fields;
        let mut given = names.iter().filter_map(|&name| {
            fields.get(name).filter(|value| !value.is_null()).map(|value| (name, value))
        });
        let first = given.next();
        if let (Some((first, _)), Some((second, _))) = (first, given.next()) {
            let message = format!("means the same as {first}; give one of them");
            self.fault(second, FaultCode::Conflict, message);
        }
        first
    }

    pub(crate) fn gave(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| !value.is_null())
    }

    pub(crate) fn section(&mut self, name: &'static str) -> Option<Reader<'a>> {
        let (_, value) = self.take(&[name])?;
        Reader::open(&self.path_of(name), value, self.findings)
    }

    pub(crate) fn float(&mut self, names: &[&'static str], bounds: Bounds, default: f64) -> f64 {
        let Some((name, value)) = self.take(names) else { return default };
        let Some(number) = value.as_f64() else {
            self.wrong_type(name, "a number", value);
            return default;
        };
        if !bounds.contains(number) {
            let message = format!("{number} is out of range; give a number {}", bounds.describe());
            self.fault(name, FaultCode::OutOfRange, message);
            return default;
        }
        number
    }

    pub(crate) fn whole<T>(
        &mut self,
        names: &[&'static str],
        range: RangeInclusive<T>,
        default: T,
    ) -> T
    where
        T: Copy + PartialOrd + TryFrom<i64> + std::fmt::Display,
    {
        let Some((name, value)) = self.take(names) else { return default };
        let Some(number) = value.as_f64().filter(|number| number.fract() == 0.0) else {
            self.wrong_type(name, "a whole number", value);
            return default;
        };
        // Whole floats such as `10.0` are what some clients send for integers.
        let exact = value.as_i64().or_else(|| (number.abs() < 9e15).then_some(number as i64));
        match exact.and_then(|exact| T::try_from(exact).ok()).filter(|n| range.contains(n)) {
            Some(number) => number,
            None => {
                let (min, max) = (range.start(), range.end());
                let message =
                    format!("{value} is out of range; give a whole number from {min} to {max}");
                self.fault(name, FaultCode::OutOfRange, message);
                default
            }
        }
    }

    pub(crate) fn flag(&mut self, name: &'static str, default: bool) -> bool {
        let Some((name, value)) = self.take(&[name]) else { return default };
        value.as_bool().unwrap_or_else(|| {
            self.wrong_type(name, "true or false", value);
            default
        })
    }

    /// A text with something in it, trimmed.
    pub(crate) fn text(&mut self, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
        let (name, value) = self.take(names)?;
        let Some(text) = value.as_str() else {
            self.wrong_type(name, "a text", value);
            return None;
        };
        if text.trim().is_empty() {
            self.fault(name, FaultCode::Empty, "is empty; give a text or leave the field out");
            return None;
        }
        Some((name, text.trim()))
    }

    /// One of a few words, compared without case.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        names: &[&'static str],
        choices: &[(&str, T)],
        default: T,
    ) -> T {
        let Some((name, text)) = self.text(names) else { return default };
        let word = text.to_ascii_lowercase();
        match choices.iter().find(|(choice, _)| *choice == word) {
            Some(&(_, chosen)) => chosen,
            None => {
                let known = choices.iter().map(|(choice, _)| *choice).collect::<Vec<_>>();
                let message = format!("unknown value {text:?}; known are {}", known.join(", "));
                self.fault(name, FaultCode::UnknownValue, message);
                default
            }
        }
    }

    pub(crate) fn list(&mut self, name: &'static str) -> Option<&'a [Value]> {
        let (name, value) = self.take(&[name])?;
        if value.as_array().is_none() {
            self.wrong_type(name, "a list", value);
        }
        value.as_array().map(Vec::as_slice)
    }

    pub(crate) fn wrong_type(&self, name: &str, expected: &str, found: &Value) {
        let message = format!("expected {expected}, found {}", kind(found));
        self.fault(name, FaultCode::WrongType, message);
    }

    /// Reports the fields nobody asked for.
    pub(crate) fn finish(self) {
        self.finish_as("field", FaultCode::UnknownField);
    }

    pub(crate) fn finish_as(self, noun: &str, code: FaultCode) {
        for name in self.fields.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let remedy = match nearest(name, self.known.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => "remove it".to_owned(),
            };
            self.fault(name, code, format!("unknown {noun} {name:?}; {remedy}"));
        }
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => {
            let short: String = text.chars().take(40).collect();
            format!("the text {short:?}")
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The known word closest to `word`, if it is close enough to be a slip of the finger.
pub(crate) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    // A name far longer than any of ours is no slip, and the comparison is quadratic.
    if word.len() > 64 {
        return None;
    }
    let near = known.map(|candidate| (distance(word, candidate), candidate)).min()?;
    (near.0 <= 1 + word.len() / 4).then_some(near.1)
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
