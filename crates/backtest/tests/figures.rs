//! Figures of performance against empyrical-reloaded 0.7.1, quantstats 0.0.86, TradeMaster's
//! formulas, arch 8.0.0, SciPy and pandas, on random and on awkward series.
//! `scripts/backtest-fixtures.py figures` writes the reference; `CHECKS.md` lists what is compared.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use alphafleet_backtest::analysis::{
    Convention, RealityCheckConfig, RelativeFigures, ReturnFigures, SharpeSample, TradeFigures,
    TradeMasterFigures, deflated_sharpe, drawdowns, max_drawdown, monthly_returns,
    probabilistic_sharpe, reality_check, rolling_figures, yearly_returns,
};
use alphafleet_backtest::{DayReport, Side, Trade};
use alphafleet_market::business_days;
use chrono::NaiveDate;
use serde::Deserialize;

/// Relative to the larger of both; figures that are zero but for rounding are equal.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
    tables: Tables,
    reality_check: Vec<Drawn>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    returns: Vec<f64>,
    benchmark: Option<Vec<f64>>,
    bars_per_year: f64,
    risk_free: f64,
    empyrical: BTreeMap<String, Option<f64>>,
    quantstats: BTreeMap<String, Option<f64>>,
    numpy: BTreeMap<String, Option<f64>>,
    trademaster: BTreeMap<String, Option<f64>>,
    tests: Option<BTreeMap<String, f64>>,
}

#[derive(Deserialize)]
struct Tables {
    case: String,
    window: usize,
    monthly: Vec<f64>,
    yearly: Vec<f64>,
    rolling_sharpe: Vec<f64>,
    rolling_volatility: Vec<f64>,
    rolling_drawdown: Vec<f64>,
    falls: Vec<(usize, usize, usize, f64)>,
}

#[derive(Deserialize)]
struct Drawn {
    excess: Vec<Vec<f64>>,
    block: f64,
    p_value: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("data/figures.json")).unwrap()
}

impl Case {
    fn convention(&self) -> Convention {
        Convention { bars_per_year: self.bars_per_year, risk_free: self.risk_free }
    }

    fn packages(&self) -> [(&'static str, &BTreeMap<String, Option<f64>>); 4] {
        [
            ("empyrical", &self.empyrical),
            ("quantstats", &self.quantstats),
            ("numpy", &self.numpy),
            ("trademaster", &self.trademaster),
        ]
    }

    fn ours(&self, name: &str) -> Option<f64> {
        if let Some(name) = name.strip_prefix("trades.") {
            return traded(&self.returns, name);
        }
        if let Some(name) = name.strip_prefix("trademaster.") {
            return as_trademaster(&self.returns, name);
        }
        let own = ReturnFigures::of(&self.returns, self.convention());
        let relative = self.benchmark.as_ref().map(|benchmark| {
            RelativeFigures::of(&self.returns, benchmark, self.convention()).unwrap()
        });
        let of_relative = |figure: fn(&RelativeFigures) -> Option<f64>| figure(&relative.unwrap());
        match name {
            "total_return" => own.total_return,
            "annual_return" => own.annual_return,
            "annual_volatility" => own.annual_volatility,
            "sharpe" => own.sharpe,
            "sortino" => own.sortino,
            "calmar" => own.calmar,
            // The report says 0 for a run that never fell.
            "max_drawdown" => Some(own.max_drawdown.map_or(0.0, |fall| fall.depth)),
            "value_at_risk" => own.value_at_risk,
            "conditional_value_at_risk" => own.conditional_value_at_risk,
            "positive_bars" => own.positive_bars,
            "best" => own.best,
            "worst" => own.worst,
            "skewness" => own.skewness,
            "kurtosis" => own.kurtosis,
            "beta" => of_relative(|relative| relative.beta),
            "alpha" => of_relative(|relative| relative.alpha),
            "information_ratio" => of_relative(|relative| relative.information_ratio),
            "tracking_error" => of_relative(|relative| relative.tracking_error),
            "correlation" => of_relative(|relative| relative.correlation),
            other => panic!("{other} is not a figure"),
        }
    }
}

/// A figure of trades that gained what each bar returned.
fn traded(returns: &[f64], name: &str) -> Option<f64> {
    let trade = |(bar, &gain): (usize, &f64)| Trade {
        instrument: 0,
        side: Side::Buy,
        opened: bar,
        closed: bar,
        quantity: 1.0,
        entry_price: 1.0,
        exit_price: 1.0 + gain,
        gain,
        costs: 0.0,
        return_rate: gain,
    };
    let figures = TradeFigures::of(&returns.iter().enumerate().map(trade).collect::<Vec<_>>());
    match name {
        "profit_factor" => figures.profit_factor,
        "average_gain" => figures.average_gain,
        "average_loss" => figures.average_loss,
        other => panic!("{other} is not a figure of trades"),
    }
}

fn as_trademaster(returns: &[f64], name: &str) -> Option<f64> {
    let mut equity = vec![1000.0];
    for change in returns {
        equity.push(equity[equity.len() - 1] * (1.0 + change));
    }
    let figures = TradeMasterFigures::of(&equity, []);
    match name {
        "total_return" => figures.total_return,
        "sharpe" => figures.sharpe,
        "calmar" => figures.calmar,
        "sortino" => figures.sortino,
        "max_drawdown" => figures.max_drawdown,
        "volatility" => figures.volatility,
        other => panic!("{other} is not TradeMaster's"),
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1e-6)
}

fn agree(ours: Option<f64>, theirs: Option<f64>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => near(ours, theirs),
        (ours, theirs) => ours.is_none() && theirs.is_none(),
    }
}

/// Package, case and figure: the package answers with a number, and we say that there is none.
const DIFFERENT: &[(&str, &str, &str)] = &[
    // Nothing varies, so that they divide by what rounding leaves, or by TradeMaster's 1e-10.
    ("quantstats", "constant", "beta"),
    ("quantstats", "constant", "information_ratio"),
    ("quantstats", "constant", "sharpe"),
    ("numpy", "constant", "correlation"),
    ("trademaster", "constant", "trademaster.sortino"),
    // They take zero for what is not defined.
    ("quantstats", "all_zero", "positive_bars"),
    ("quantstats", "all_zero", "trades.profit_factor"),
    ("trademaster", "all_zero", "trademaster.sortino"),
    ("quantstats", "flat_benchmark", "beta"),
    ("quantstats", "one_day", "beta"),
    ("trademaster", "one_day", "trademaster.sortino"),
];

#[test]
fn figures_are_those_of_the_usual_packages() {
    let reference = reference();
    let (mut compared, mut different) = (0, Vec::new());
    for case in &reference.cases {
        for (package, figures) in case.packages() {
            for (name, &theirs) in figures {
                compared += 1;
                let ours = case.ours(name);
                if !agree(ours, theirs) {
                    assert_eq!(ours, None, "{package} {} {name}: {theirs:?}", case.name);
                    different.push((package, case.name.as_str(), name.as_str()));
                }
            }
        }
    }
    assert_eq!(different, DIFFERENT);
    assert!(compared > 300, "{compared}");
}

#[test]
fn the_probability_of_skill_is_that_of_quantstats_and_of_the_paper() {
    let mut compared = 0;
    for case in &reference().cases {
        let Some(tests) = &case.tests else { continue };
        let own = SharpeSample::of(&case.returns).unwrap();
        assert!(near(own.sharpe, tests["sharpe"]), "{}", case.name);
        // Both packages correct the moments for the size of the sample, the paper does not.
        let sample =
            SharpeSample { skewness: tests["skewness"], kurtosis: tests["kurtosis"], ..own };
        assert!(near(probabilistic_sharpe(sample, 0.0).unwrap(), tests["probabilistic"]));
        assert!(near(deflated_sharpe(sample, 50, 0.002).unwrap().unwrap(), tests["deflated"]));
        compared += 1;
    }
    assert_eq!(compared, 3);
}

/// Both draw 20,000 times, each with its own generator: three standard errors of the difference of
/// two such parts are at most 0.015.
#[test]
fn the_reality_check_is_that_of_arch() {
    let reference = reference();
    assert_eq!(reference.reality_check.len(), 3);
    for Drawn { excess, block, p_value } in &reference.reality_check {
        let config = RealityCheckConfig { resamples: 20_000, mean_block: *block, seed: 3 };
        let ours = reality_check(excess, config).unwrap();
        assert!((ours.p_value - p_value).abs() < 0.015, "{ours:?} {p_value}");
    }
}

fn days(returns: &[f64]) -> Vec<DayReport> {
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    let day = |(time, &return_rate)| DayReport {
        time,
        equity: 1.0,
        cash: 1.0,
        value: 0.0,
        gross: 0.0,
        return_rate,
        return_before_costs: return_rate,
        turnover: 0.0,
        costs: 0.0,
        benchmark: None,
        drawdown: 0.0,
    };
    business_days(first, returns.len()).into_iter().zip(returns).map(day).collect()
}

#[test]
fn months_years_and_windows_are_those_of_the_usual_packages() {
    let Reference { cases, tables, .. } = reference();
    let case = cases.iter().find(|case| case.name == tables.case).unwrap();
    let days = days(&case.returns);
    let all_near = |ours: Vec<f64>, theirs: &[f64]| {
        assert_eq!(ours.len(), theirs.len());
        assert!(ours.iter().zip(theirs).all(|(&ours, &theirs)| near(ours, theirs)));
    };
    all_near(monthly_returns(&days).iter().map(|row| row.return_rate).collect(), &tables.monthly);
    all_near(yearly_returns(&days).iter().map(|row| row.return_rate).collect(), &tables.yearly);
    let rolling = rolling_figures(&days, tables.window, case.convention()).unwrap();
    let of = |figure: fn(&alphafleet_backtest::analysis::RollingFigures) -> Option<f64>| {
        rolling.iter().map(|row| figure(row).unwrap()).collect::<Vec<_>>()
    };
    all_near(of(|row| row.sharpe), &tables.rolling_sharpe);
    all_near(of(|row| row.annual_volatility), &tables.rolling_volatility);
    all_near(of(|row| row.max_drawdown), &tables.rolling_drawdown);
}

#[test]
fn falls_begin_and_end_where_those_of_quantstats_do() {
    let Reference { cases, tables, .. } = reference();
    let case = cases.iter().find(|case| case.name == tables.case).unwrap();
    let ours = drawdowns(&case.returns);
    assert_eq!(ours.len(), tables.falls.len());
    assert!(ours.len() > 10);
    for (ours, &(first, valley, last, depth)) in ours.iter().zip(&tables.falls) {
        // Theirs is below its peak from the first bar to the last; ours says peak and recovery.
        let below = (ours.peak.map_or(0, |peak| peak + 1), ours.recovered.map(|bar| bar - 1));
        assert_eq!(below.0, first, "{ours:?}");
        assert_eq!(below.1.unwrap_or(case.returns.len() - 1), last, "{ours:?}");
        assert_eq!(ours.trough, valley);
        assert!(near(ours.depth, depth), "{ours:?} {depth}");
        let end = ours.recovered.unwrap_or(case.returns.len() - 1);
        assert_eq!(ours.length, ours.peak.map_or(end + 1, |peak| end - peak));
    }
    let deepest = tables.falls.iter().map(|fall| fall.3).fold(0.0, f64::min);
    assert!(near(max_drawdown(&case.returns).unwrap().depth, deepest));
}

#[test]
fn drawdowns_have_a_beginning_and_an_end() {
    let falls = drawdowns(&[-0.1, 0.2, 0.1, -0.5, 0.2, 1.0, -0.1]);
    let places: Vec<_> = falls.iter().map(|f| (f.peak, f.trough, f.recovered, f.length)).collect();
    let expected = [(None, 0, Some(1), 2), (Some(2), 3, Some(5), 3), (Some(5), 6, None, 1)];
    assert_eq!(places, expected);
    assert!((falls[1].depth + 0.5).abs() < 1e-12);
    assert!(drawdowns(&[0.1, 0.0, 0.2]).is_empty());
}

#[test]
fn what_is_not_defined_is_none() {
    let convention = Convention::default();
    let none = ReturnFigures::of(&[], convention);
    assert_eq!((none.total_return, none.sharpe, none.value_at_risk), (None, None, None));
    let still = ReturnFigures::of(&[0.0; 5], convention);
    assert_eq!((still.total_return, still.annual_volatility), (Some(0.0), Some(0.0)));
    assert_eq!((still.sharpe, still.sortino, still.calmar), (None, None, None));
    assert_eq!((still.skewness, still.max_drawdown, still.positive_bars), (None, None, None));
    // Once everything is lost there is no yearly rate.
    assert_eq!(ReturnFigures::of(&[0.1, -1.5], convention).annual_return, None);
    let unequal = RelativeFigures::of(&[0.1], &[0.1, 0.2], convention);
    assert_eq!(unequal.unwrap_err().code(), "shape_mismatch");
    let flat = RelativeFigures::of(&[0.1, 0.2], &[0.0, 0.0], convention).unwrap();
    assert_eq!((flat.beta, flat.alpha, flat.correlation), (None, None, None));
}

/// Worked out by hand: returns 0.1, −0.1, 0.2, −0.05 of 100.
#[test]
fn trademaster_counts_its_own_way() {
    let equity = [100.0, 110.0, 99.0, 118.8, 112.86];
    let weights: [&[f64]; 2] = [&[0.5, 0.5], &[1.0]];
    let figures = TradeMasterFigures::of(&equity, weights);
    let near = |found: Option<f64>, expected: f64| {
        let found = found.unwrap();
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    };
    let variance =
        (0.0625_f64.powi(2) + 0.1375_f64.powi(2) + 0.1625_f64.powi(2) + 0.0875_f64.powi(2)) / 4.0;
    near(figures.total_return, 0.1286);
    near(figures.volatility, variance.sqrt());
    near(figures.sharpe, 0.0375 * 252.0_f64.sqrt() / variance.sqrt());
    near(figures.max_drawdown, 0.1);
    near(figures.calmar, 1.5);
    near(figures.sortino, 0.15 / 0.025 / 5.0_f64.sqrt());
    near(figures.entropy, 2.0_f64.ln() / 2.0);
}
