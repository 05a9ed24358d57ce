use alphafleet_market::{PRICE_FIELDS, fill_factors};

use super::folder::Series;

/// How a field follows the factor: Qlib's fields are `price × factor` and `volume / factor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Price,
    Volume,
    Other,
}

impl Kind {
    pub fn of(field: &str) -> Self {
        match field {
            "volume" => Self::Volume,
            _ if PRICE_FIELDS.contains(&field) => Self::Price,
            _ => Self::Other,
        }
    }

    pub fn adjusted(self, raw: f64, factor: f64) -> f64 {
        match self {
            Self::Price => raw * factor,
            Self::Volume => raw / factor,
            Self::Other => raw,
        }
    }

    pub fn raw(self, adjusted: f64, factor: f64) -> f64 {
        match self {
            Self::Price => adjusted / factor,
            Self::Volume => adjusted * factor,
            Self::Other => adjusted,
        }
    }
}

/// Turns one instrument's adjusted prices and volumes back to raw ones, as the import of files
/// does; without a `factor` nothing changes. Series in double precision are raw already. Answers
/// whether there was anything to turn. `names` are the fields of `series`.
pub(crate) fn to_raw(names: &[&str], series: &mut [Option<Series>], calendar: usize) -> bool {
    let factor = names.iter().position(|&name| name == "factor");
    let Some(factor) = factor.and_then(|at| series[at].as_ref()) else { return false };
    let mut factors = vec![f64::NAN; calendar];
    factors[factor.start..factor.start + factor.values.len()].copy_from_slice(&factor.values);
    fill_factors(&mut factors);
    let mut turned = false;
    for (name, series) in names.iter().zip(series) {
        let Some(series) = series.as_mut().filter(|series| !series.exact) else { continue };
        let kind = Kind::of(name);
        turned |= kind != Kind::Other;
        for (value, &factor) in series.values.iter_mut().zip(&factors[series.start..]) {
            *value = kind.raw(*value, factor);
        }
    }
    turned
}
