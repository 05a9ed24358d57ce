//! The figures of a run, group by group.

use super::account::Account;
use super::capacity::capacity;
use super::figure::{FigureGroup, Unit};
use super::qlib_risk::{indicators, risk};
use crate::intraday::Intraday;
use Unit::{Bars, Count, Fraction, Money, Ratio};
use alphafleet_backtest::BacktestError;
use alphafleet_backtest::analysis::{
    ActivityFigures, Drawdown, RelativeFigures, ReturnFigures, SharpeSample, TradeFigures,
    TradeMasterFigures, probabilistic_sharpe,
};
use alphafleet_backtest::plan::Outcome;

pub(super) fn figures(account: &Account<'_>) -> Result<Vec<FigureGroup>, BacktestError> {
    let returns = account.returns();
    let own = ReturnFigures::of(&returns, account.convention);
    let mut groups = vec![returns_group(&own, &returns), money(account)];
    if let Some(benchmark) = account.benchmark() {
        let relative = RelativeFigures::of(&returns, &benchmark, account.convention)?;
        groups.push(relative_group(&relative));
    }
    groups.push(activity(account));
    groups.push(trades(&TradeFigures::of(&account.trades)));
    groups.extend(capacity(account));
    groups.extend(risk(account));
    groups.extend(indicators(account));
    groups.push(trademaster(&account.trademaster()));
    if let Some(intraday) = account.intraday {
        state(intraday, &mut groups);
    }
    Ok(groups)
}

/// Annual figures whose conventions refer to others.
const BY_OTHERS: [&str; 3] = ["calmar", "benchmark_annual_return", "benchmark_sharpe"];

/// Says beside every annual figure what its bars a year are.
fn state(intraday: Intraday, groups: &mut [FigureGroup]) {
    for figure in groups.iter_mut().flat_map(|group| &mut group.figures) {
        let annual = figure.convention.contains("bars a year");
        if annual || BY_OTHERS.contains(&figure.name.as_ref()) {
            figure.convention = format!("{}; bars a year: {intraday}", figure.convention).into();
        }
    }
}

fn returns_group(own: &ReturnFigures, returns: &[f64]) -> FigureGroup {
    let fall = own.max_drawdown;
    let sample = SharpeSample::of(returns);
    let bars = |count: Option<usize>| count.map(|count| count as f64);
    FigureGroup::new("returns", "Return and risk")
        .with(Fraction, ("total_return", "Total return", "Π(1 + r) − 1 over the bars' returns after costs"), own.total_return)
        .with(Fraction, ("annual_return", "Annual return", "compound: Π(1 + r)^(bars a year / bars) − 1"), own.annual_return)
        .with(Fraction, ("annual_volatility", "Annual volatility", "standard deviation of r (n − 1) · √(bars a year)"), own.annual_volatility)
        .with(Ratio, ("sharpe", "Sharpe ratio", "mean(r − f) / standard deviation of r (n − 1) · √(bars a year), f the riskless rate of a bar"), own.sharpe)
        .with(Ratio, ("sortino", "Sortino ratio", "mean(r − f) · bars a year over √mean(min(r − f, 0)²) · √(bars a year)"), own.sortino)
        .with(Ratio, ("calmar", "Calmar ratio", "annual return over the depth of the deepest drawdown"), own.calmar)
        .with(Fraction, ("max_drawdown", "Maximum drawdown", "greatest fall of compounded wealth from its peak, as a fraction of the peak"), fall.map_or(0.0, |fall| fall.depth))
        .with(Bars, ("max_drawdown_length", "Drawdown length", "bars from the peak of the deepest drawdown to its recovery, or to the end"), bars(fall.map(|fall| fall.length)))
        .with(Bars, ("max_drawdown_recovery", "Drawdown recovery", "bars from the trough of the deepest drawdown to its recovery; none where it did not recover"), bars(fall.and_then(recovery)))
        .with(Fraction, ("value_at_risk", "Value at risk 95 %", "the return of a bar that 5 % of them are below, interpolated between ranks"), own.value_at_risk)
        .with(Fraction, ("conditional_value_at_risk", "Conditional value at risk 95 %", "mean of the lowest 5 % of the bars' returns, at least one"), own.conditional_value_at_risk)
        .with(Fraction, ("best_bar", "Best bar", "the greatest return of a bar"), own.best)
        .with(Fraction, ("worst_bar", "Worst bar", "the lowest return of a bar"), own.worst)
        .with(Fraction, ("positive_bars", "Positive bars", "part of the bars with a gain, of those with a gain or a loss"), own.positive_bars)
        .with(Ratio, ("skewness", "Skewness", "third standardised moment of r, of the population"), own.skewness)
        .with(Ratio, ("kurtosis", "Kurtosis", "fourth standardised moment of r, of the population; 3 for a normal distribution"), own.kurtosis)
        .with(Fraction, ("probabilistic_sharpe", "Probabilistic Sharpe ratio", "probability that the true Sharpe ratio is above 0 (Bailey and López de Prado 2012), of one trial"), sample.and_then(|sample| probabilistic_sharpe(sample, 0.0)))
}

fn recovery(fall: Drawdown) -> Option<usize> {
    fall.recovered.map(|recovered| recovered - fall.trough)
}

fn money(account: &Account<'_>) -> FigureGroup {
    let costs: f64 = account.days.iter().map(|day| day.costs).sum();
    let gain = account.final_equity() - account.plan.capital();
    let group = FigureGroup::new("account", "Account")
        .with(Money, ("final_equity", "Equity at the end", "cash and holdings at the last close"), account.final_equity())
        .with(Money, ("gain", "Gain", "equity at the end less capital; also the contributions of all instruments and the interest"), gain)
        .with(Money, ("costs", "Costs", "commissions, taxes and least costs of all fills, taken off the gain"), costs);
    let Outcome::Event(result) = account.outcome else { return group };
    let of = |value: fn(&alphafleet_backtest::Contribution) -> f64| {
        result.contributions.iter().map(value).sum::<f64>()
    };
    group
        .with(
            Money,
            ("interest", "Interest", "on cash over the run, paid on debit negative"),
            result.interest,
        )
        .with(
            Money,
            ("dividends", "Dividends", "received, paid on short positions negative"),
            of(|one| one.dividends),
        )
        .with(
            Money,
            ("borrow", "Borrowing", "paid for borrowed shares, negative"),
            of(|one| one.borrow),
        )
        .with(
            Count,
            (
                "liquidations",
                "Margin calls",
                "closes at which the account's positions had to be liquidated",
            ),
            result.liquidations as f64,
        )
}

fn relative_group(relative: &RelativeFigures) -> FigureGroup {
    let benchmark = &relative.benchmark;
    FigureGroup::new("relative", "Against the benchmark")
        .with(
            Fraction,
            (
                "benchmark_total_return",
                "Benchmark's total return",
                "Π(1 + b) − 1 over the benchmark's returns",
            ),
            benchmark.total_return,
        )
        .with(
            Fraction,
            ("benchmark_annual_return", "Benchmark's annual return", "compound, as the strategy's"),
            benchmark.annual_return,
        )
        .with(
            Fraction,
            (
                "benchmark_annual_volatility",
                "Benchmark's volatility",
                "standard deviation of b (n − 1) · √(bars a year)",
            ),
            benchmark.annual_volatility,
        )
        .with(
            Ratio,
            ("benchmark_sharpe", "Benchmark's Sharpe ratio", "as the strategy's"),
            benchmark.sharpe,
        )
        .with(
            Fraction,
            ("benchmark_max_drawdown", "Benchmark's drawdown", "as the strategy's"),
            benchmark.max_drawdown.map_or(0.0, |fall| fall.depth),
        )
        .with(
            Ratio,
            (
                "information_ratio",
                "Information ratio",
                "mean(r − b) / standard deviation of r − b (n − 1) · √(bars a year), r after costs",
            ),
            relative.information_ratio,
        )
        .with(
            Fraction,
            (
                "tracking_error",
                "Tracking error",
                "standard deviation of r − b (n − 1) · √(bars a year)",
            ),
            relative.tracking_error,
        )
        .with(
            Fraction,
            ("alpha", "Alpha", "compound: (1 + mean(r − f − beta · (b − f)))^(bars a year) − 1"),
            relative.alpha,
        )
        .with(Ratio, ("beta", "Beta", "cov(r, b) / var(b)"), relative.beta)
        .with(Ratio, ("correlation", "Correlation", "Pearson's, of r and b"), relative.correlation)
}

fn activity(account: &Account<'_>) -> FigureGroup {
    let years = account.convention.bars_per_year;
    let activity = ActivityFigures::of(&account.days, &account.fills, years);
    let group = FigureGroup::new("activity", "Activity")
        .with(Count, ("fills", "Fills", "orders or parts of orders that were dealt"), activity.fills as f64)
        .with(Fraction, ("mean_turnover", "Mean turnover", "mean over bars of the worth of fills over the equity before, buys and sells counted"), activity.mean_turnover)
        .with(Ratio, ("annual_turnover", "Annual turnover", "mean turnover · bars a year"), activity.annual_turnover)
        .with(Fraction, ("mean_exposure", "Mean exposure", "mean over bars of the gross position over the equity"), activity.mean_exposure)
        .with(Fraction, ("time_in_market", "Time in the market", "part of the bars that end with a position"), activity.time_in_market);
    if matches!(account.outcome, Outcome::Qlib(_)) {
        return group;
    }
    group
        .with(Money, ("commissions", "Commissions", "of all fills"), activity.commissions)
        .with(Money, ("taxes", "Taxes", "of all fills"), activity.taxes)
        .with(
            Money,
            (
                "slippage",
                "Slippage",
                "lost to prices worse than the bar's, which the fills' prices contain",
            ),
            activity.slippage,
        )
}

fn trades(trades: &TradeFigures) -> FigureGroup {
    FigureGroup::new("trades", "Trades")
        .with(
            Count,
            ("trades", "Trades", "positions from their first fill to the one that closed them"),
            trades.trades as f64,
        )
        .with(
            Fraction,
            ("win_rate", "Win rate", "part of the trades that gained, costs taken off"),
            trades.win_rate,
        )
        .with(
            Ratio,
            (
                "profit_factor",
                "Profit factor",
                "money gained over money lost, costs taken off; none without a loss",
            ),
            trades.profit_factor,
        )
        .with(
            Money,
            ("average_gain", "Average gain", "mean of the trades that gained"),
            trades.average_gain,
        )
        .with(
            Money,
            ("average_loss", "Average loss", "mean of the trades that lost"),
            trades.average_loss,
        )
        .with(
            Fraction,
            (
                "mean_trade_return",
                "Mean return",
                "mean over trades of the gain over what the opening fills were worth",
            ),
            trades.mean_return,
        )
        .with(
            Bars,
            (
                "mean_trade_bars",
                "Mean length",
                "mean over trades of the bars from first to last fill",
            ),
            trades.mean_bars,
        )
}

fn trademaster(figures: &TradeMasterFigures) -> FigureGroup {
    FigureGroup::new("trademaster", "As TradeMaster counts")
        .with(Fraction, ("total_return", "TR", "last over first equity − 1"), figures.total_return)
        .with(Ratio, ("sharpe", "SR", "mean(r) · √252 / std(r), std with ddof 0, 252 whatever the market"), figures.sharpe)
        .with(Ratio, ("calmar", "CR", "Σ r / MDD"), figures.calmar)
        .with(Ratio, ("sortino", "SoR", "Σ r / std(negative r) / √(bars + 1), std with ddof 0"), figures.sortino)
        .with(Fraction, ("max_drawdown", "MDD", "greatest fall from the highest equity so far, positive"), figures.max_drawdown)
        .with(Fraction, ("volatility", "VOL", "std(r) with ddof 0, not annualised"), figures.volatility)
        .with(Ratio, ("entropy", "ENT", "mean over bars of −Σ w ln w, w the shares of what is held; none without recorded positions"), figures.entropy)
        .prefixed("trademaster")
}
