//! Qlib's own figures under Qlib's own names.

use super::account::Account;
use super::figure::{Figure, FigureGroup, Unit};
use alphafleet_backtest::DayReport;
use alphafleet_backtest::plan::Outcome;
use alphafleet_backtest::qlib::{Accumulation, Indicators, QlibRisk, RiskAnalysis, risk_analysis};

/// `risk_analysis` of Qlib of returns, benchmark and their excess; for Qlib's engine 238 bars a
/// year, or 238 days of intraday bars, else the plan's.
pub(super) fn risk(account: &Account<'_>) -> Vec<FigureGroup> {
    let parts = match account.outcome {
        Outcome::Qlib(result) if account.intraday.is_none() => QlibRisk::of(&result.days),
        _ => of_account(account),
    };
    let mut group = FigureGroup::new("qlib_risk", "Risk analysis as in Qlib");
    let parts = [
        ("strategy_return", "Return before costs", Some(parts.strategy_return)),
        ("bench", "Benchmark", parts.bench),
        (
            "excess_return_without_cost",
            "Excess return before costs",
            parts.excess_return_without_cost,
        ),
        ("excess_return_with_cost", "Excess return after costs", parts.excess_return_with_cost),
    ];
    for (name, label, analysis) in parts {
        for figure in analysis.iter().flat_map(|analysis| rows(name, label, analysis)) {
            group.push(figure);
        }
    }
    vec![group]
}

fn of_account(account: &Account<'_>) -> QlibRisk {
    let analyse = |of: &dyn Fn(&DayReport) -> Option<f64>| {
        let returns: Option<Vec<f64>> = account.days.iter().map(of).collect();
        let years = account.convention.bars_per_year;
        returns.map(|returns| risk_analysis(&returns, years, Accumulation::Sum))
    };
    let before: Vec<f64> = account.days.iter().map(|day| day.return_before_costs).collect();
    QlibRisk {
        strategy_return: risk_analysis(
            &before,
            account.convention.bars_per_year,
            Accumulation::Sum,
        ),
        bench: analyse(&|day| day.benchmark),
        excess_return_without_cost: analyse(&|day| Some(day.return_before_costs - day.benchmark?)),
        excess_return_with_cost: analyse(&|day| Some(day.return_rate - day.benchmark?)),
    }
}

fn rows(name: &str, label: &str, analysis: &RiskAnalysis) -> [Figure; 5] {
    let RiskAnalysis { mean, std, annualized_return, information_ratio, max_drawdown } = *analysis;
    let figure = |part: &str, shown: &str, unit, value, convention: &'static str| Figure {
        name: format!("{name}.{part}").into(),
        label: format!("{label}: {shown}").into(),
        unit,
        value,
        convention: convention.into(),
    };
    let (fraction, ratio) = (Unit::Fraction, Unit::Ratio);
    [
        figure("mean", "mean", fraction, mean, "mean of the bars' returns"),
        figure("std", "standard deviation", fraction, std, "of the bars' returns (n − 1)"),
        figure(
            "annualized_return",
            "annual return",
            fraction,
            annualized_return,
            "mean · bars a year: returns are added up, not compounded",
        ),
        figure(
            "information_ratio",
            "information ratio",
            ratio,
            information_ratio,
            "mean / standard deviation · √(bars a year)",
        ),
        figure(
            "max_drawdown",
            "maximum drawdown",
            fraction,
            max_drawdown,
            "greatest fall of the running sum of returns",
        ),
    ]
}

/// `indicator_analysis` of Qlib with its default weights, the orders of each bar.
pub(super) fn indicators(account: &Account<'_>) -> Option<FigureGroup> {
    let Outcome::Qlib(result) = account.outcome else { return None };
    let orders: usize = result.indicators.iter().map(|row| row.count).sum();
    let mean = |of: fn(&Indicators) -> Option<f64>| {
        let weighted = |row: &Indicators| of(row).map(|value| value * row.count as f64);
        let sum: f64 = result.indicators.iter().filter_map(weighted).sum();
        (orders > 0).then(|| sum / orders as f64)
    };
    let group = FigureGroup::new("indicators", "Orders as Qlib counts")
        .with(
            Unit::Fraction,
            (
                "ffr",
                "Fulfil rate",
                "mean part of an order that was dealt, bars weighted by their orders",
            ),
            mean(|row| row.ffr),
        )
        .with(
            Unit::Ratio,
            ("pa", "Price advantage", "0, as orders are judged by their own deal price"),
            mean(|row| row.pa),
        )
        .with(
            Unit::Fraction,
            (
                "pos",
                "Positive rate",
                "part of the orders with a positive price advantage, bars weighted by their orders",
            ),
            mean(|row| row.pos),
        )
        .with(Unit::Count, ("orders", "Orders", "given over the run"), orders as f64)
        .prefixed("indicators");
    Some(group)
}
