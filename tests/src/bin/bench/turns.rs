use std::collections::BTreeMap;

use serde_json::Value;

use crate::measurement::Measurement;
use crate::peer::Peer;

/// Values by name.
pub type Figures = BTreeMap<String, Vec<f64>>;

/// What ours and its peers gave, turn by turn: whatever else the machine does meets them alike.
pub struct Turns(Figures);

impl Turns {
    /// Each turn is ours first, then every peer's that has turns left.
    pub fn take(
        turns: usize,
        mut ours: impl FnMut() -> Figures,
        peers: impl IntoIterator<Item = Option<Peer>>,
    ) -> Self {
        let mut peers: Vec<Peer> = peers.into_iter().flatten().collect();
        let mut all = Figures::new();
        for _ in 0..turns {
            let mut answers = vec![ours()];
            answers.extend(peers.iter_mut().filter_map(Peer::turn));
            for (name, values) in answers.into_iter().flatten() {
                all.entry(name).or_default().extend(values);
            }
        }
        Self(all)
    }

    /// A figure with its unit, if anyone gave it.
    pub fn measurement(
        &self,
        name: &str,
        unit: &'static str,
        params: &Value,
    ) -> Option<Measurement> {
        let values = self.0.get(name)?;
        Some(Measurement::new(name, unit, values.clone(), params.clone()))
    }

    /// How many times the peer's figure ours is, turn by turn.
    pub fn ratio(&self, ours: &str, peer: &str) -> Option<Measurement> {
        let (numbers, theirs) = (&self.0[ours], self.0.get(peer)?);
        let ratios = numbers.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        Some(Measurement::new(&format!("{ours} / {peer}"), "ratio", ratios, Value::Null))
    }

    /// Ends the benchmark unless peer and ours came to the same, up to a part of it.
    pub fn agree(&self, ours: &str, peer: &str, tolerance: f64) {
        let (numbers, Some(theirs)) = (&self.0[ours], self.0.get(peer)) else { return };
        assert!(!theirs.is_empty() && numbers.len() >= theirs.len(), "{ours} and {peer}");
        for (a, b) in numbers.iter().zip(theirs) {
            assert!((a - b).abs() <= tolerance * b.abs(), "{ours} is {a}, {peer} is {b}");
        }
    }
}

/// A figure that is one number.
pub fn figure(name: &str, value: f64) -> (String, Vec<f64>) {
    (name.to_owned(), vec![value])
}
