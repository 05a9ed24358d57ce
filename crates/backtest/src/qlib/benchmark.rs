use super::quotes::QlibMarket;
use crate::BacktestError;

/// The benchmark's return at every bar: the mean of `$close/Ref($close,1)-1` over its instruments,
/// 0 where none has one. In single precision, as Qlib computes it.
pub(crate) fn benchmark(
    market: &QlibMarket,
    names: &[String],
) -> Result<Option<Vec<f64>>, BacktestError> {
    if names.is_empty() {
        return Ok(None);
    }
    let mut pool = Vec::with_capacity(names.len());
    for name in names {
        let instrument = market.instruments.binary_search(name).map_err(|_| {
            BacktestError::UnknownInstrument { instrument: name.clone(), role: "benchmark" }
        })?;
        pool.push(&market.closes[instrument]);
    }
    // The first close lies before the period, unless the data begin with it.
    let before = usize::from(market.bars.start > 0);
    let change = |series: &[f32], step: usize| match (step + before).checked_sub(1) {
        Some(last) => series[step + before] / series[last] - 1.0,
        None => f32::NAN,
    };
    let mean = |step| {
        let changes: Vec<f64> = pool
            .iter()
            .map(|series| f64::from(change(series, step)))
            .filter(|change| !change.is_nan())
            .collect();
        let mean = if changes.is_empty() {
            0.0
        } else {
            (changes.iter().sum::<f64>() / changes.len() as f64) as f32
        };
        // Qlib compounds the bars of a step, of which there is one here: that alone rounds.
        f64::from((mean + 1.0) - 1.0)
    };
    Ok(Some((0..market.calendar.len()).map(mean).collect()))
}
