use serde_json::{Value, json};

/// One figure, from several runs of the same work.
pub struct Measurement {
    name: String,
    values: Vec<f64>,
    unit: &'static str,
    params: Value,
}

impl Measurement {
    pub fn new(name: &str, unit: &'static str, mut values: Vec<f64>, params: Value) -> Self {
        assert!(!values.is_empty(), "{name} has no value");
        values.sort_by(f64::total_cmp);
        Self { name: name.to_owned(), values, unit, params }
    }

    pub fn median(&self) -> f64 {
        self.values[self.values.len() / 2]
    }

    /// How many times the peer's figure this one is.
    pub fn over(&self, peer: &Self) -> Self {
        let name = format!("{} / {}", self.name, peer.name);
        Self::new(&name, "ratio", vec![self.median() / peer.median()], Value::Null)
    }

    pub fn print(&self) {
        let (min, max) = (self.values[0], self.values[self.values.len() - 1]);
        let line = json!({
            "name": self.name, "value": rounded(self.median()), "unit": self.unit,
            "n": self.values.len(), "min": rounded(min), "max": rounded(max),
            "params": self.params,
        });
        println!("{line}");
    }
}

/// To three decimals, small ratios to three digits.
fn rounded(value: f64) -> f64 {
    let zeros = if value == 0.0 { 0 } else { (-value.abs().log10()).floor().max(0.0) as i32 };
    let unit = 10_f64.powi(3 + zeros);
    (value * unit).round() / unit
}

/// The value that so many of a hundred do not exceed.
pub fn percentile(values: &mut [f64], hundredth: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * hundredth / 100.0).ceil() as usize;
    values[place.clamp(1, values.len()) - 1]
}
