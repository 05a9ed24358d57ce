use std::fmt::Write;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleKind {
    Counter,
    Gauge,
}

/// One figure of `/metrics`. Samples of one name stand together and share kind and help.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Of letters, digits and `_`, e.g. `alphafleet_worker_jobs_total`.
    pub name: &'static str,
    pub help: &'static str,
    pub kind: SampleKind,
    pub labels: Vec<(&'static str, String)>,
    pub value: f64,
}

impl Sample {
    pub fn gauge(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, kind: SampleKind::Gauge, labels: Vec::new(), value }
    }

    pub fn counter(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, kind: SampleKind::Counter, labels: Vec::new(), value }
    }

    pub fn with(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((label, value.into()));
        self
    }
}

/// Writes samples in the text format of Prometheus.
pub fn render_samples(mut samples: Vec<Sample>) -> String {
    samples.sort_by_key(|sample| sample.name);
    let (mut text, mut last) = (String::new(), "");
    for sample in samples {
        if sample.name != last {
            let kind = match sample.kind {
                SampleKind::Counter => "counter",
                SampleKind::Gauge => "gauge",
            };
            let _ = writeln!(text, "# HELP {} {}", sample.name, sample.help);
            let _ = writeln!(text, "# TYPE {} {kind}", sample.name);
            last = sample.name;
        }
        let labels: Vec<String> = sample
            .labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(text, "{}{labels} {}", sample.name, sample.value);
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_together_and_labels_are_escaped() {
        let text = render_samples(vec![
            Sample::gauge("b", "bees", 1.5).with("queue", "a\"b"),
            Sample::counter("a", "ays", 2.0),
            Sample::gauge("b", "bees", 3.0).with("queue", "c"),
        ]);
        let expected = "# HELP a ays\n# TYPE a counter\na 2\n# HELP b bees\n# TYPE b gauge\n\
                        b{queue=\"a\\\"b\"} 1.5\nb{queue=\"c\"} 3\n";
        assert_eq!(text, expected);
    }
}
