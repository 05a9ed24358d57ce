use super::account::Account;
use super::figure::{FigureGroup, Unit};

/// Part of a bar's traded worth that a fill may be at capacity.
const FULL: f64 = 0.05;

/// How large the fills were beside what their bars traded; none where the data have no volume.
pub(super) fn capacity(account: &Account<'_>) -> Option<FigureGroup> {
    let volume = account.panel.field("volume")?;
    let close = account.panel.field("close")?;
    let bars = account.panel.calendar().len();
    let share = |fill: &alphafleet_backtest::Fill| {
        let cell = fill.instrument * bars + fill.bar;
        let traded = volume[cell] * close[cell] * account.multiplier;
        (traded > 0.0 && traded.is_finite()).then(|| fill.value / traded)
    };
    let shares: Vec<f64> = account.fills.iter().filter_map(share).collect();
    let mean = alphafleet_backtest::analysis::mean(&shares).filter(|mean| *mean > 0.0);
    let greatest = shares.iter().copied().max_by(f64::total_cmp);
    let group = FigureGroup::new("capacity", "Capacity")
        .with(
            Unit::Fraction,
            (
                "mean_participation",
                "Mean participation",
                "mean over fills of the fill's worth over $volume · $close of its bar; fills at bars without volume are left out",
            ),
            mean,
        )
        .with(
            Unit::Fraction,
            ("max_participation", "Greatest participation", "the greatest part of a bar's traded worth that a fill was"),
            greatest,
        )
        .with(
            Unit::Money,
            (
                "capacity",
                "Capacity",
                "starting capital at which the mean participation would be 5 %, fills growing in proportion to it: capital · 0.05 / mean participation",
            ),
            mean.map(|mean| account.plan.capital() * FULL / mean),
        );
    Some(group)
}
