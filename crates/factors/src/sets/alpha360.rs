use crate::error::FactorError;
use crate::named::NamedExpr;

/// The bars that a row of Alpha360 looks back on, the newest among them.
const BARS: usize = 60;

const PRICES: [&str; 5] = ["close", "open", "high", "low", "vwap"];

/// Names and expressions of Qlib's Alpha360, in Qlib's order and spelling
/// (`qlib.contrib.data.loader.Alpha360DL`): field by field from the oldest bar to the newest.
pub fn alpha360_sources() -> Vec<(String, String)> {
    let prices = PRICES.iter().flat_map(|field| history(field, "$close"));
    prices.chain(history("volume", "($volume+1e-12)")).collect()
}

/// One field's last bars, each divided by the newest bar's `unit`.
fn history(field: &str, unit: &str) -> impl Iterator<Item = (String, String)> {
    (0..BARS).rev().map(move |bars| {
        let value = match bars {
            0 => format!("${field}"),
            _ => format!("Ref(${field}, {bars})"),
        };
        (format!("{}{bars}", field.to_uppercase()), format!("{value}/{unit}"))
    })
}

/// Qlib's Alpha360: the last 60 bars of five prices and the volume, in units of the newest close
/// and the newest volume.
pub fn alpha360() -> Result<Vec<NamedExpr>, FactorError> {
    let parsed = |(name, source): (String, String)| NamedExpr::parse(&name, &source);
    alpha360_sources().into_iter().map(parsed).collect()
}
