use std::collections::HashSet;

use alphafleet_market::Panel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::FactorError;

/// Most factors in one evaluation.
pub const MAX_FACTORS: usize = 2_000;
/// Most horizons in one evaluation.
pub const MAX_HORIZONS: usize = 20;
/// Longest horizon, in bars.
pub const MAX_HORIZON: usize = 1_000;
/// Most quantiles.
pub const MAX_QUANTILES: usize = 50;
/// Most named universes.
pub const MAX_UNIVERSES: usize = 50;
/// Most different values of the group field.
pub const MAX_GROUPS: usize = 200;
const MAX_CURVE_POINTS: usize = 10_000;
const MAX_NAME_CHARS: usize = 200;

/// What factors are held against, and how closely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EffectivenessOptions {
    /// Holding times in bars. The first is the primary one: curves, groups and the page's order
    /// are of it.
    pub horizons: Vec<usize>,
    /// The field that is bought and sold at, without the `$`. A factor known at the end of bar `t`
    /// is traded at bar `t + 1`: the return over `h` bars is `Ref($p,-(h+1))/Ref($p,-1)-1`.
    pub price: String,
    /// Groups of equal count that each bar's instruments are parted into.
    pub quantiles: usize,
    /// Bars in a year, for what is annualised: 252 for daily bars.
    pub periods_per_year: f64,
    /// Subsets of the instruments that are judged on their own too.
    pub universes: Vec<NamedUniverse>,
    /// A field of whole numbers that names each instrument's group at each bar, such as a sector's
    /// code.
    pub group_field: Option<String>,
    /// Lags of the Newey–West variance. Never fewer than the horizon less one; without it, as many
    /// as `⌊4 (n/100)^(2/9)⌋` of `n` bars, after Newey and West (1994).
    pub newey_west_lags: Option<usize>,
    /// Most points of a curve; longer series are thinned evenly.
    pub curve_points: usize,
    /// Whether each bar's IC is in the report.
    pub bar_series: bool,
}

/// A subset of the instruments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedUniverse {
    pub name: String,
    pub members: Members,
}

/// Who belongs to a universe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Members {
    /// These, at all times.
    Instruments(Vec<String>),
    /// At each bar those whose value of this field is neither missing nor 0.
    Field(String),
}

impl Default for EffectivenessOptions {
    fn default() -> Self {
        Self {
            horizons: vec![1, 2, 5, 10, 20],
            price: "close".to_owned(),
            quantiles: 5,
            periods_per_year: 252.0,
            universes: vec![],
            group_field: None,
            newey_west_lags: None,
            curve_points: 250,
            bar_series: false,
        }
    }
}

impl EffectivenessOptions {
    /// Refuses what cannot be computed over the panel; the error names the field.
    pub fn validate(&self, panel: &Panel) -> Result<(), FactorError> {
        self.validate_horizons(panel.calendar().len())?;
        known_field("price", &self.price, panel)?;
        within("quantiles", self.quantiles, 2, MAX_QUANTILES)?;
        within("curve_points", self.curve_points, 2, MAX_CURVE_POINTS)?;
        let yearly = self.periods_per_year;
        if !(yearly.is_finite() && yearly > 0.0) {
            return invalid("periods_per_year", format!("must be above 0, not {yearly}"));
        }
        if let Some(lags) = self.newey_west_lags {
            within("newey_west_lags", lags, 0, MAX_HORIZON)?;
        }
        if let Some(field) = &self.group_field {
            known_field("group_field", field, panel)?;
        }
        self.validate_universes(panel)
    }

    fn validate_horizons(&self, bars: usize) -> Result<(), FactorError> {
        within("horizons", self.horizons.len(), 1, MAX_HORIZONS)
            .or_else(|_| invalid("horizons", format!("give 1 to {MAX_HORIZONS} of them")))?;
        let mut seen = HashSet::new();
        for (at, &horizon) in self.horizons.iter().enumerate() {
            let field = format!("horizons[{at}]");
            within(&field, horizon, 1, MAX_HORIZON)?;
            if !seen.insert(horizon) {
                return invalid(field, format!("{horizon} is there twice"));
            }
            if horizon + 1 >= bars {
                let reason = format!(
                    "a return over {horizon} bars needs more than {} bars, the data has {bars}",
                    horizon + 1
                );
                return invalid(field, reason);
            }
        }
        Ok(())
    }

    fn validate_universes(&self, panel: &Panel) -> Result<(), FactorError> {
        within("universes", self.universes.len(), 0, MAX_UNIVERSES)?;
        let mut seen = HashSet::new();
        for (at, universe) in self.universes.iter().enumerate() {
            let name = format!("universes[{at}].name");
            if universe.name.trim().is_empty() || universe.name.chars().count() > MAX_NAME_CHARS {
                return invalid(name, format!("must have 1 to {MAX_NAME_CHARS} characters"));
            }
            if !seen.insert(&universe.name) {
                return invalid(name, format!("{} is there twice", universe.name));
            }
            let members = format!("universes[{at}].members");
            match &universe.members {
                Members::Field(field) => known_field(&members, field, panel)?,
                Members::Instruments(names) => known_instruments(&members, names, panel)?,
            }
        }
        Ok(())
    }
}

fn known_field(option: &str, field: &str, panel: &Panel) -> Result<(), FactorError> {
    if panel.field(field).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = panel.field_names().collect();
    invalid(option, format!("the data has no field {field}; it has: {}", known.join(", ")))
}

fn known_instruments(option: &str, names: &[String], panel: &Panel) -> Result<(), FactorError> {
    if names.is_empty() {
        return invalid(option, "names no instrument".to_owned());
    }
    match names.iter().find(|name| panel.instruments().binary_search(name).is_err()) {
        Some(name) => invalid(option, format!("the data has no instrument {name}")),
        None => Ok(()),
    }
}

fn within(field: &str, value: usize, least: usize, most: usize) -> Result<(), FactorError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    invalid(field, format!("must be {least} to {most}, not {value}"))
}

pub(super) fn invalid<T>(field: impl Into<String>, reason: String) -> Result<T, FactorError> {
    Err(FactorError::InvalidOption { field: field.into(), reason })
}
