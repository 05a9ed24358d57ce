use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::PlanFault;
use super::{Plan, PlanDraft};

/// Configurations a grid may have.
pub const MOST_CONFIGURATIONS: usize = 100_000;
const MOST_AXES: usize = 8;

/// What the layout of the data depends on, or what a run is judged by: it has to be one for all.
const FIXED: [&str; 5] = ["engine", "market", "period", "benchmark", "record_positions"];
/// What Qlib's engine can vary over one layout.
const OF_QLIB: [&str; 2] = ["strategy", "capital"];

/// A field of a plan and the values to try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// The field's path in the plan, such as `strategy.fast` or `costs.open_rate`.
    #[schemars(length(min = 1))]
    pub path: String,
    /// Numbers, texts or whole sections, none twice.
    #[schemars(length(min = 1))]
    pub values: Vec<Value>,
}

/// Every combination of the axes' values laid over one plan; the last axis varies fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    base: Value,
    axes: Vec<Axis>,
    len: usize,
}

impl Grid {
    /// # Errors
    /// Names the axis and the value (`axes[0].values[2]`): a field that the plan does not have or
    /// that is the same for all runs, a value that no combination can have, more than 100,000
    /// combinations or 8 axes. Combinations that are wrong by themselves, such as a fast average
    /// slower than the slow one, stay: [`Grid::plan`] says what is wrong with each.
    pub fn new(base: &Plan, axes: Vec<Axis>) -> Result<Self, PlanFault> {
        let len = size(&axes)?;
        for (at, axis) in axes.iter().enumerate() {
            check_path(base, &axes[..at], axis, at)?;
            check_values(axis, at)?;
        }
        let grid = Self { base: base.to_value(), axes, len };
        grid.check_plans()?;
        Ok(grid)
    }

    /// How many combinations there are; at least one.
    pub fn configurations(&self) -> usize {
        self.len
    }

    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The place of each axis' value in the combination.
    fn places(&self, configuration: usize) -> Vec<usize> {
        let mut rest = configuration;
        let mut places: Vec<usize> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let place = rest % axis.values.len();
                rest /= axis.values.len();
                place
            })
            .collect();
        places.reverse();
        places
    }

    /// The values of the axes in the combination.
    pub fn values(&self, configuration: usize) -> Vec<&Value> {
        let places = self.places(configuration);
        self.axes.iter().zip(places).map(|(axis, place)| &axis.values[place]).collect()
    }

    /// The combination's plan. Positions of every bar are not recorded.
    ///
    /// # Errors
    /// What is wrong with the combination, by the plan's own field.
    pub fn plan(&self, configuration: usize) -> Result<Plan, PlanFault> {
        let mut document = self.base.clone();
        for (axis, value) in self.axes.iter().zip(self.values(configuration)) {
            set(&mut document, &axis.path, value);
        }
        let draft = PlanDraft::from_value(&document)?;
        let period = draft
            .period()
            .ok_or_else(|| PlanFault::new("period", "required", "is absent; give start and end"))?;
        let mut plan = draft.complete(period);
        if let Plan::Event(event) = &mut plan {
            event.config.record_positions = false;
        }
        Ok(plan)
    }

    /// Refuses a value that no combination can have. A plain grid is through after a few plans.
    fn check_plans(&self) -> Result<(), PlanFault> {
        let mut open: Vec<Vec<Option<PlanFault>>> =
            self.axes.iter().map(|axis| vec![None; axis.values.len()]).collect();
        let mut seen: Vec<Vec<bool>> =
            self.axes.iter().map(|axis| vec![false; axis.values.len()]).collect();
        let mut left: usize = self.axes.iter().map(|axis| axis.values.len()).sum();
        for configuration in 0..self.len {
            if left == 0 {
                return Ok(());
            }
            let places = self.places(configuration);
            let news = places.iter().enumerate().any(|(axis, &place)| !seen[axis][place]);
            if !news {
                continue;
            }
            let found = self.plan(configuration).err();
            for (axis, place) in places.into_iter().enumerate() {
                match &found {
                    None if !seen[axis][place] => {
                        seen[axis][place] = true;
                        left -= 1;
                    }
                    Some(fault) if !seen[axis][place] && concerns(fault, &self.axes[axis]) => {
                        open[axis][place].get_or_insert_with(|| fault.clone());
                    }
                    _ => {}
                }
            }
        }
        self.first_refused(&seen, open)
    }

    fn first_refused(
        &self,
        seen: &[Vec<bool>],
        faults: Vec<Vec<Option<PlanFault>>>,
    ) -> Result<(), PlanFault> {
        let refused = |named: bool| {
            seen.iter().enumerate().find_map(|(axis, seen)| {
                let place = (0..seen.len())
                    .find(|&place| !seen[place] && faults[axis][place].is_some() == named)?;
                Some((axis, place))
            })
        };
        // A value whose own field is at fault first: others are refused with it.
        let Some((axis, place)) = refused(true).or_else(|| refused(false)) else { return Ok(()) };
        let Axis { path, values } = &self.axes[axis];
        let inner = match &faults[axis][place] {
            Some(fault) => fault.clone(),
            None => match (0..self.len).find_map(|one| self.plan(one).err()) {
                Some(fault) => fault,
                None => return Ok(()),
            },
        };
        let message = format!("{path} = {} cannot be run: {inner}", values[place]);
        Err(PlanFault { field: format!("axes[{axis}].values[{place}]"), message, ..inner })
    }
}

/// Whether a fault is of the axis' own field; faults of strategies may leave out the section.
fn concerns(fault: &PlanFault, axis: &Axis) -> bool {
    fault.field == axis.path
        || fault.field.strip_prefix(axis.path.as_str()).is_some_and(|rest| rest.starts_with('.'))
        || axis.path.strip_prefix(fault.field.as_str()).is_some_and(|rest| rest.starts_with('.'))
}

fn size(axes: &[Axis]) -> Result<usize, PlanFault> {
    if axes.is_empty() || axes.len() > MOST_AXES {
        let message = format!("give 1 to {MOST_AXES} fields to vary, not {}", axes.len());
        return Err(PlanFault::new("axes", "out_of_range", message));
    }
    let mut len = 1_usize;
    for (at, axis) in axes.iter().enumerate() {
        if axis.values.is_empty() {
            let message = "has no value; give the values to try";
            return Err(PlanFault::new(&format!("axes[{at}].values"), "required", message));
        }
        len = len.saturating_mul(axis.values.len());
    }
    if len > MOST_CONFIGURATIONS {
        let message = format!(
            "make {len} combinations; at most {MOST_CONFIGURATIONS} can be run: leave out values"
        );
        return Err(PlanFault::new("axes", "out_of_range", message));
    }
    Ok(len)
}

fn check_path(base: &Plan, before: &[Axis], axis: &Axis, at: usize) -> Result<(), PlanFault> {
    let field = format!("axes[{at}].path");
    let path = axis.path.as_str();
    let first = path.split('.').next().unwrap_or_default();
    let of_qlib = matches!(base, Plan::Qlib(_));
    if FIXED.contains(&first) || path == "strategy.type" {
        let message = format!("{path} is the same for all runs of a sweep; vary another field");
        return Err(PlanFault::new(&field, "not_supported", message));
    }
    if of_qlib && !OF_QLIB.contains(&first) {
        let message = format!("with Qlib's engine a sweep varies {}", OF_QLIB.join(" and "));
        return Err(PlanFault::new(&field, "not_supported", message));
    }
    let inside = |outer: &str, inner: &str| {
        inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
    };
    if before.iter().any(|one| inside(&one.path, path) || inside(path, &one.path)) {
        let message = format!("{path} is varied by another axis already; join the two");
        return Err(PlanFault::new(&field, "conflict", message));
    }
    if !has_place(&base.to_value(), path) {
        let message = format!("the plan has no field {path:?}; name one as in strategy.topk");
        return Err(PlanFault::new(&field, "unknown_field", message));
    }
    Ok(())
}

fn check_values(axis: &Axis, at: usize) -> Result<(), PlanFault> {
    for (place, value) in axis.values.iter().enumerate() {
        let field = format!("axes[{at}].values[{place}]");
        if axis.values[..place].contains(value) {
            let message = format!("{} = {value} is there twice; leave one out", axis.path);
            return Err(PlanFault::new(&field, "conflict", message));
        }
        if value.is_null() {
            return Err(PlanFault::new(&field, "wrong_type", "is null; give a value"));
        }
    }
    Ok(())
}

/// Whether every folder of the path is an object of the document.
fn has_place(document: &Value, path: &str) -> bool {
    let mut place = document;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let Value::Object(fields) = place else { return false };
        match (fields.get(name), names.peek()) {
            // The last may be one that is left out when it is not set: the plan is read again.
            (_, None) => return !name.is_empty(),
            (Some(inner), Some(_)) => place = inner,
            (None, Some(_)) => return false,
        }
    }
    false
}

fn set(document: &mut Value, path: &str, value: &Value) {
    let mut place = document;
    let mut names = path.split('.').peekable();
    while let (Some(name), Value::Object(fields)) = (names.next(), place) {
        if names.peek().is_none() {
            fields.insert(name.to_owned(), value.clone());
            return;
        }
        let Some(inner) = fields.get_mut(name) else { return };
        place = inner;
    }
}

#[cfg(test)]
mod tests;
