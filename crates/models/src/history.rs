use serde::{Deserialize, Serialize};

/// One metric over the rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub name: String,
    /// Round, counted from 1, and value. A value that is not finite is kept as null in JSON.
    pub points: Vec<(u32, Option<f64>)>,
}

/// Every metric of a fit, each over its rounds, in the order they first appeared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(pub Vec<Series>);

impl History {
    pub fn push(&mut self, name: &str, round: u32, value: f64) {
        let point = (round, value.is_finite().then_some(value));
        match self.0.iter_mut().find(|series| series.name == name) {
            Some(series) => series.points.push(point),
            None => self.0.push(Series { name: name.to_owned(), points: vec![point] }),
        }
    }

    pub fn get(&self, name: &str) -> Option<&Series> {
        self.0.iter().find(|series| series.name == name)
    }

    /// What was known after `round`.
    pub(crate) fn until(&self, round: u32) -> Self {
        let mut history = self.clone();
        for series in &mut history.0 {
            series.points.retain(|(at, _)| *at <= round);
        }
        history.0.retain(|series| !series.points.is_empty());
        history
    }

    /// The first round at which `name` was lowest.
    pub(crate) fn lowest(&self, name: &str) -> Option<(u32, f64)> {
        let points = self.get(name)?.points.iter();
        points.filter_map(|(round, value)| value.map(|value| (*round, value))).fold(
            None,
            |best, point| match best {
                Some((_, value)) if value <= point.1 => best,
                _ => Some(point),
            },
        )
    }
}
