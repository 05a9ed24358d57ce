#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_market::{Panel, PanelBuilder, PanelRow, SyntheticMarket};
use chrono::{Days, NaiveDate, NaiveTime};
use proptest::prelude::*;

use super::*;

/// A panel of rows of `f` and `close`, one a bar, a value an instrument.
fn panel(factor: &[&[f64]], close: &[&[f64]]) -> Panel {
    let names: Vec<String> = (0..factor[0].len()).map(|at| format!("I{at:03}")).collect();
    named_panel(&names, factor, close)
}

fn named_panel(names: &[String], factor: &[&[f64]], close: &[&[f64]]) -> Panel {
    let mut builder = PanelBuilder::new(["f", "close"]);
    for (bar, (factor, close)) in factor.iter().zip(close).enumerate() {
        let date = NaiveDate::from_ymd_opt(2024, 1, 30).unwrap() + Days::new(bar as u64);
        for (instrument, (f, close)) in names.iter().zip(factor.iter().zip(*close)) {
            let time = date.and_time(NaiveTime::MIN);
            builder.push(PanelRow { instrument, time, values: &[*f, *close] }).unwrap();
        }
    }
    builder.build().unwrap()
}

fn parse(name: &str, source: &str) -> NamedExpr {
    NamedExpr::parse(name, source).unwrap()
}

fn short() -> EffectivenessOptions {
    EffectivenessOptions {
        horizons: vec![1],
        quantiles: 2,
        bar_series: true,
        ..EffectivenessOptions::default()
    }
}

fn near(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|f| (f - expected).abs() < 1e-6), "{found:?} is not {expected}");
}

/// Four instruments, five bars. The returns of the factor at bar 0 are from bar 1 to bar 2:
/// 0.1, 0.2, 0.3, 0.4; those at bar 1: 0.4, 0, 0, 0; those at bar 2: 0 throughout.
fn small() -> Panel {
    const NONE: f64 = f64::NAN;
    let factor: [&[f64]; 5] = [
        &[1.0, 2.0, 3.0, 4.0],
        &[1.0, 2.0, 4.0, 3.0],
        &[4.0, 3.0, 2.0, NONE],
        &[5.0, 5.0, 5.0, 5.0],
        &[NONE; 4],
    ];
    let after = [11.0, 12.0, 13.0, 14.0];
    let last = [11.0 * 1.4, 12.0, 13.0, 14.0];
    panel(&factor, &[&[10.0; 4], &[10.0; 4], &after, &last, &last])
}

#[test]
fn steps_give_the_figures_of_one_go() {
    let (panel, options) = (small(), short());
    let factors = ["$f", "-$f", "$f/$close", "Ref($f, 1)"].map(|source| parse(source, source));
    let mut evaluation = Evaluation::new(&panel, &factors, &options, 1).unwrap();
    let (mut judged, mut steps) = (vec![], vec![]);
    while evaluation.left() > 0 {
        let step = evaluation.judge(3).unwrap();
        steps.push(step.len());
        judged.extend(step);
    }
    assert_eq!((steps, evaluation.judge(3).unwrap()), (vec![3, 1], vec![]));
    let whole = evaluate(&panel, &factors, &options, 1).unwrap();
    assert_eq!(evaluation.report(judged), whole);
}

#[test]
fn a_small_market_by_hand() {
    let report = evaluate(&small(), &[parse("f", "$f")], &short(), 1).unwrap();
    let factor = &report.factors[0];
    let primary = &factor.horizons[0];

    // Bar 0: a line. Bar 1: the highest return belongs to the lowest factor, the rest are equal.
    // Bar 2 has equal returns, bar 3 equal factors and no return: no correlation.
    let series = primary.series.as_ref().unwrap();
    assert_eq!((series.ic.len(), &series.instruments), (5, &vec![4, 4, 0, 0, 0]));
    near(series.ic[0].map(f64::from), 1.0);
    near(series.rank_ic[0].map(f64::from), 1.0);
    // Σ(f − 2.5)(r − 0.1) = −0.6, over √(5 · 0.12)
    near(series.ic[1].map(f64::from), -0.6 / 0.6_f64.sqrt());
    // Return ranks 4, 2, 2, 2: Σ = −3, over √(5 · 3)
    near(series.rank_ic[1].map(f64::from), -3.0 / 15_f64.sqrt());
    near(primary.ic.mean, (1.0 - 0.6 / 0.6_f64.sqrt()) / 2.0);
    near(primary.ic.positive, 0.5);
    assert_eq!(primary.ic.skew, None);

    // Groups at bars 0, 1: two and two. Bar 2: of three, the middle one goes down.
    // Bottom: (0.15, 0.2, 0), top: (0.35, 0, 0).
    near(primary.quantiles.mean[0], 0.35 / 3.0);
    near(primary.quantiles.mean[1], 0.35 / 3.0);
    near(primary.quantiles.spread.mean, 0.0);
    assert_eq!(primary.quantiles.spread.bars, 3);
    assert_eq!(primary.quantiles.members, [Some(2.0), Some(5.0 / 3.0)]);

    // Bar 1: nobody new. Bar 2: the top is I000 (new); the bottom I001 and I002 (new).
    assert_eq!(factor.turnover.len(), 1);
    near(factor.turnover[0].top, 0.5);
    near(factor.turnover[0].bottom, 0.25);
    // 0.8, then of I000, I001, I002: −1.
    near(factor.turnover[0].rank_autocorrelation, -0.1);

    assert_eq!((factor.coverage.cells, factor.coverage.present), (20, 15));
    near(factor.coverage.mean, 0.75);
    assert_eq!((factor.coverage.least, factor.coverage.bars_without), (Some(0.0), 1));
    assert_eq!(factor.coverage.bars_constant, 1);
    assert_eq!(report.months, ["2024-01", "2024-02"]);
    assert!(primary.months.ic[0].is_some() && primary.months.ic[1].is_none());
    let curve: Vec<f64> = factor.curves.spread.iter().map(|&value| value.into()).collect();
    near(Some(curve[0]), 0.2);
    near(Some(curve[4]), 0.0);
    let codes: Vec<&str> = factor.findings.iter().map(|found| found.code.as_str()).collect();
    assert_eq!(codes, ["constant_factor", "few_instruments"]);
}

#[test]
fn equals_stay_in_one_group() {
    let factor: [&[f64]; 3] = [&[1.0, 1.0, 1.0, 2.0, 3.0, 3.0]; 3];
    let close: [&[f64]; 3] = [&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; 3];
    let panel = panel(&factor, &close);
    let options = EffectivenessOptions { quantiles: 3, ..short() };
    let report = evaluate(&panel, &[parse("f", "$f")], &options, 1).unwrap();
    let members = &report.factors[0].horizons[0].quantiles.members;
    assert_eq!(members, &[Some(3.0), Some(1.0), Some(2.0)]);
}

#[test]
fn nothing_to_judge_is_null_and_told() {
    let panel = small();
    let factors =
        [parse("none", "$f/0*0"), parse("constant", "$f*0"), parse("infinite", "$close/0")];
    let report = evaluate(&panel, &factors, &short(), 0).unwrap();
    let codes = |at: usize| -> Vec<&str> {
        report.factors[at].findings.iter().map(|found| found.code.as_str()).collect()
    };
    assert_eq!(codes(0), ["factor_without_values"]);
    assert_eq!(codes(1), ["constant_factor", "empty_quantiles"]);
    assert_eq!(codes(2), ["factor_without_values"]);
    assert_eq!(report.factors[2].coverage.infinite, 20);
    for factor in &report.factors {
        let primary = &factor.horizons[0];
        assert_eq!((primary.ic.bars, primary.ic.mean, primary.ic.t), (0, None, None));
        assert_eq!(primary.quantiles.mean, [None, None]);
        assert_eq!((primary.quantiles.spread.mean, primary.quantiles.monotonicity), (None, None));
        assert_eq!((factor.turnover[0].top, factor.half_life.ic), (None, None));
    }
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<EffectivenessReport>(&json).unwrap(), report);
}

#[test]
fn wrong_options_are_named() {
    let panel = small();
    let refused = |options: EffectivenessOptions| match options.validate(&panel) {
        Err(FactorError::InvalidOption { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let universe = |name: &str, members| NamedUniverse { name: name.to_owned(), members };
    let field = |name: &str| Members::Field(name.to_owned());
    let names =
        |names: &[&str]| Members::Instruments(names.iter().map(|&n| n.to_owned()).collect());
    let with = |universes| EffectivenessOptions { universes, ..short() };
    let cases = [
        (EffectivenessOptions { horizons: vec![], ..short() }, "horizons"),
        (EffectivenessOptions { horizons: vec![1, 0], ..short() }, "horizons[1]"),
        (EffectivenessOptions { horizons: vec![2, 2], ..short() }, "horizons[1]"),
        (EffectivenessOptions { horizons: vec![4], ..short() }, "horizons[0]"),
        (EffectivenessOptions { horizons: vec![usize::MAX], ..short() }, "horizons[0]"),
        (EffectivenessOptions { horizons: vec![1; 99], ..short() }, "horizons"),
        (EffectivenessOptions { price: "vwap".into(), ..short() }, "price"),
        (EffectivenessOptions { quantiles: 1, ..short() }, "quantiles"),
        (EffectivenessOptions { quantiles: 51, ..short() }, "quantiles"),
        (EffectivenessOptions { periods_per_year: 0.0, ..short() }, "periods_per_year"),
        (EffectivenessOptions { periods_per_year: f64::NAN, ..short() }, "periods_per_year"),
        (EffectivenessOptions { curve_points: 1, ..short() }, "curve_points"),
        (EffectivenessOptions { newey_west_lags: Some(5_000), ..short() }, "newey_west_lags"),
        (EffectivenessOptions { group_field: Some("sector".into()), ..short() }, "group_field"),
        (with(vec![universe(" ", field("f"))]), "universes[0].name"),
        (with(vec![universe("a", field("f")), universe("a", field("f"))]), "universes[1].name"),
        (with(vec![universe("a", field("g"))]), "universes[0].members"),
        (with(vec![universe("a", names(&[]))]), "universes[0].members"),
        (with(vec![universe("a", names(&["I000", "X"]))]), "universes[0].members"),
    ];
    for (options, expected) in cases {
        assert_eq!(refused(options), expected);
    }
    assert_eq!(short().validate(&panel), Ok(()));
}

#[test]
fn wrong_factors_are_named() {
    let panel = small();
    let code = |factors: &[NamedExpr], options: &EffectivenessOptions| {
        evaluate(&panel, factors, options, 1).unwrap_err().code()
    };
    assert_eq!(code(&[], &short()), "no_factor");
    assert_eq!(code(&[parse("a", "Ref($close, -1)")], &short()), "feature_looks_ahead");
    assert_eq!(code(&[parse("a", "$f"), parse("a", "$close")], &short()), "duplicate_factor_name");
    assert_eq!(code(&[parse("a", "$volume")], &short()), "unknown_field");
    let of_fractions = EffectivenessOptions { group_field: Some("close".into()), ..short() };
    assert_eq!(code(&[parse("a", "$f")], &of_fractions), "invalid_option");
}

#[test]
fn a_universe_of_all_is_the_whole() {
    let panel = small();
    let all = panel.instruments().to_vec();
    let universe = |name: &str, members| NamedUniverse { name: name.to_owned(), members };
    let options = EffectivenessOptions {
        universes: vec![
            universe("all", Members::Instruments(all)),
            universe("quoted", Members::Field("close".to_owned())),
            universe("one", Members::Instruments(vec!["I001".to_owned()])),
        ],
        ..short()
    };
    let report = evaluate(&panel, &[parse("f", "$f")], &options, 2).unwrap();
    let factor = &report.factors[0];
    for universe in &factor.universes[..2] {
        assert_eq!(universe.horizons[0].ic, factor.horizons[0].ic);
        assert_eq!(universe.horizons[0].rank_ic, factor.horizons[0].rank_ic);
    }
    assert_eq!(factor.universes[2].horizons[0].ic.bars, 0);
}

#[test]
fn the_planted_signal_is_found_and_threads_change_nothing() {
    let market = SyntheticMarket { instruments: 60, bars: 400, signal: 0.2, ..Default::default() };
    let panel = market.generate().unwrap();
    let signal = alphafleet_market::planted_signal(&panel);
    let panel = panel.with_field("signal", signal).unwrap();
    let factors = [parse("signal", "$signal"), parse("MA5", "Mean($close, 5)/$close")];
    let options = EffectivenessOptions::default();
    let report = evaluate(&panel, &factors, &options, 1).unwrap();
    let first = &report.factors[0].horizons[0];
    assert!(first.ic.mean.unwrap() > 0.1 && first.ic.t_newey_west.unwrap() > 5.0, "{first:?}");
    assert!(first.ic.p_value_newey_west.unwrap() < 1e-4);
    assert!(first.quantiles.spread.mean.unwrap() > 0.0);
    assert_eq!(evaluate(&panel, &factors, &options, 2).unwrap(), report);
}

/// Factor and prices of some instruments over some bars, with gaps and equals.
fn markets() -> impl Strategy<Value = (Vec<Vec<f64>>, Vec<Vec<f64>>)> {
    (4_usize..12, 6_usize..16).prop_flat_map(|(instruments, bars)| {
        let factor = prop_oneof![
            4 => (-40_i32..40).prop_map(|value| f64::from(value) / 8.0),
            1 => Just(f64::NAN)
        ];
        let close = prop_oneof![9 => 1.0_f64..100.0, 1 => Just(f64::NAN)];
        let rows = |value| prop::collection::vec(value, instruments);
        (
            prop::collection::vec(rows(factor.boxed()), bars),
            prop::collection::vec(rows(close.boxed()), bars),
        )
    })
}

fn rows(values: &[Vec<f64>]) -> Vec<&[f64]> {
    values.iter().map(Vec::as_slice).collect()
}

fn judge(panel: &Panel, source: &str) -> FactorEffectiveness {
    let options = EffectivenessOptions { horizons: vec![1, 3], quantiles: 3, ..short() };
    evaluate(panel, &[parse("f", source)], &options, 1).unwrap().factors.remove(0)
}

fn same(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        (a, b) => a == b,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_opposite_factor_has_the_opposite_ic((factor, close) in markets()) {
        let panel = panel(&rows(&factor), &rows(&close));
        let (plain, opposite) = (judge(&panel, "$f"), judge(&panel, "0-$f"));
        for (a, b) in plain.horizons.iter().zip(&opposite.horizons) {
            prop_assert!(same(a.ic.mean, b.ic.mean.map(|mean| -mean)));
            prop_assert!(same(a.rank_ic.mean, b.rank_ic.mean.map(|mean| -mean)));
            prop_assert!(same(a.ic.std, b.ic.std));
        }
        for (a, b) in plain.turnover.iter().zip(&opposite.turnover) {
            prop_assert!(same(a.rank_autocorrelation, b.rank_autocorrelation));
        }
    }

    #[test]
    fn a_rising_transform_leaves_ranks_and_quantiles((factor, close) in markets()) {
        let panel = panel(&rows(&factor), &rows(&close));
        let (plain, cubed) = (judge(&panel, "$f"), judge(&panel, "$f*$f*$f+7"));
        prop_assert_eq!(&plain.turnover, &cubed.turnover);
        for (a, b) in plain.horizons.iter().zip(&cubed.horizons) {
            prop_assert_eq!(&a.rank_ic, &b.rank_ic);
            prop_assert_eq!(&a.quantiles, &b.quantiles);
        }
    }

    #[test]
    fn the_instruments_order_is_nothing((factor, close) in markets()) {
        let names: Vec<String> = (0..factor[0].len()).map(|at| format!("I{at:03}")).collect();
        let reversed: Vec<String> = names.iter().rev().cloned().collect();
        let plain = judge(&named_panel(&names, &rows(&factor), &rows(&close)), "$f");
        let other = judge(&named_panel(&reversed, &rows(&factor), &rows(&close)), "$f");
        for (a, b) in plain.horizons.iter().zip(&other.horizons) {
            prop_assert!(same(a.ic.mean, b.ic.mean) && same(a.rank_ic.mean, b.rank_ic.mean));
            for (a, b) in a.quantiles.mean.iter().zip(&b.quantiles.mean) {
                prop_assert!(same(*a, *b));
            }
        }
        for (a, b) in plain.turnover.iter().zip(&other.turnover) {
            prop_assert!(same(a.top, b.top) && same(a.bottom, b.bottom));
        }
    }
}
