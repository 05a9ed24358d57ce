#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_market::{Panel, PanelBuilder, PanelRow, SyntheticMarket};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use proptest::prelude::*;

use crate::{FactorStream, NamedExpr, alpha158, compute, compute_keeping};

/// Every operator that keeps something, alone and upon another one, and windows and lags beyond
/// all bars.
const FORMULAS: [&str; 39] = [
    "$close/Ref($close, 3)",
    "Ref(Mean($close, 4), 7) - Ref($open, 100000)",
    "Delta(EMA($close, 5), 2)",
    "EMA($close, 9) - EMA($close, 0.3)",
    "EMA(EMA($close, 4), 6)",
    "EMA($close, 0)",
    "Mean($close, 5)/$close",
    "Mean($close, 0)",
    "Sum($volume*2.5, 13)",
    "Count($close > Ref($close, 1), 12)",
    "Std($close, 20)",
    "Std(Mean($close, 7), 9)",
    "Var($close, 0)",
    "Skew($close, 11)",
    "Kurt($close, 0)",
    "Mad($close, 8)",
    "Mad(EMA($close, 3), 0)",
    "Max($close, 10) - Min(EMA($open, 3), 21)",
    "IdxMax($close, 6) + IdxMin($close, 0)",
    "Slope($close, 14)",
    "Rsquare($close, 10)",
    "Resi(Mean($close, 2), 17)",
    "Slope($close, 0)",
    "Quantile($close, 30, 0.8)",
    "Rank($close, 130)",
    "Rank(Std($close, 3), 10)",
    "Med($close, 0)",
    "Product($close/Ref($close, 1), 5)",
    "WMA($close, 6) + DecayLinear($open, 9)",
    "Cov($close, $volume, 16)",
    "Corr($close, Log($volume+1), 9)",
    "Corr(Mean($close, 3), EMA($volume, 4), 12)",
    "Ref($close, 0)",
    "If($close > Ref($close, 1), Slope($close, 4), Med($open, 3))",
    "CSRank(Mean($close, 3))",
    "Mean(CSZScore($close/$open), 4)",
    "CSScale(EMA(CSRank($close), 4), 2)",
    "RSI($close, 5)",
    "Mean($close, 90000)",
];

type Bars = Vec<Option<[f64; 3]>>;

fn day(bar: usize) -> NaiveDateTime {
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    (first + Days::new(bar as u64)).and_time(NaiveTime::MIN)
}

/// The bars of a market before one of them.
fn until(market: &[(String, Bars)], end: usize) -> Panel {
    let mut builder = PanelBuilder::new(["close", "open", "volume"]);
    for (instrument, bars) in market {
        for (bar, values) in bars.iter().take(end).enumerate() {
            if let Some(values) = values {
                builder.push(PanelRow { instrument, time: day(bar), values }).unwrap();
            }
        }
    }
    builder.build().unwrap()
}

fn bars() -> impl Strategy<Value = Bars> {
    let price = prop_oneof![
        8 => (1u32..4000).prop_map(|cents| f64::from(cents) / 100.0),
        // Values that repeat, vanish or are missing alone.
        2 => Just(7.0),
        1 => Just(-0.0),
        1 => Just(0.0),
        1 => Just(f64::NAN),
    ];
    let bar = (price.clone(), price, 0u32..50);
    let bar = bar.prop_map(|(close, open, volume)| [close, open, f64::from(volume)]);
    prop::collection::vec(prop::option::weighted(0.85, bar), 1..180)
}

/// Instruments that begin late, end early, pause and come back; the first one has every bar.
fn market() -> impl Strategy<Value = Vec<(String, Bars)>> {
    let instrument = (0usize..150, bars());
    prop::collection::vec(instrument, 1..12).prop_map(|found| {
        let shifted = |(gap, bars): (usize, Bars)| -> Bars {
            std::iter::repeat_n(None, gap).chain(bars).collect()
        };
        let mut market: Vec<(String, Bars)> = Vec::new();
        for (at, one) in found.into_iter().enumerate() {
            market.push((format!("I{at:02}"), shifted(one)));
        }
        let days = market.iter().map(|(_, bars)| bars.len()).max().unwrap();
        let all = (0..days).map(|bar| Some([2.0 + (bar % 9) as f64, 1.5, 1.0 + (bar % 4) as f64]));
        market.push(("EVER".to_owned(), all.collect()));
        market
    })
}

fn named(sources: &[&str]) -> Vec<NamedExpr> {
    sources.iter().map(|source| NamedExpr::parse(source, source).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn going_on_from_a_full_run_gives_the_bits_of_another_one(
        market in market(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        changing: bool,
    ) {
        // Whoever has volume belongs to a universe that changes.
        let until = |market: &[(String, Bars)], end: usize| match changing {
            true => until(market, end).with_members("volume").unwrap(),
            false => until(market, end),
        };
        let days = market.iter().map(|(_, bars)| bars.len()).max().unwrap();
        let mut edges: Vec<usize> = cuts.iter().map(|cut| 1 + cut.index(days)).collect();
        edges.push(days);
        edges.sort_unstable();
        let exprs = named(&FORMULAS);
        let whole = until(&market, days);
        let all = compute(&whole, &exprs, 1).unwrap();
        let (first, mut states) = compute_keeping(&until(&market, edges[0]), &exprs, 2).unwrap();
        prop_assert_eq!(states.len(), exprs.len());
        let early = compute(&until(&market, edges[0]), &exprs, 1).unwrap();
        for column in 0..exprs.len() {
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(first.column(column)), bits(early.column(column)));
        }
        for &edge in &edges[1..] {
            let panel = until(&market, edge);
            for (column, expr) in exprs.iter().enumerate() {
                let one = std::slice::from_ref(expr);
                let mut stream = FactorStream::restore(one, &states[column], &panel).unwrap();
                let frame = stream.advance::<f32>(&panel, 1).unwrap();
                for (at, name) in panel.instruments().iter().enumerate() {
                    let place = whole.instruments().binary_search(name).unwrap();
                    for bar in frame.listed(at) {
                        let ours = frame.column(0)[frame.cell(at, bar).unwrap()];
                        let theirs = all.column(column)[all.cell(place, bar).unwrap()];
                        prop_assert!(
                            ours.to_bits() == theirs.to_bits(),
                            "{} of {name} at {bar} after {edges:?}: {ours}, all at once {theirs}",
                            expr.name
                        );
                    }
                }
                states[column] = stream.save().unwrap();
            }
        }
    }

    #[test]
    fn a_broken_state_is_an_error_and_never_a_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        formula in 0..FORMULAS.len(),
    ) {
        let market = SyntheticMarket { instruments: 3, bars: 40, ..SyntheticMarket::default() };
        let panel = market.generate().unwrap();
        let exprs = named(&FORMULAS[formula..=formula]);
        let (_, states) = compute_keeping(&panel, &exprs, 1).unwrap();
        let cut = at.index(states[0].len());
        let error = FactorStream::restore(&exprs, &states[0][..cut], &panel).unwrap_err();
        prop_assert_eq!(error.code(), "state_unreadable");
        let mut bytes = states[0].clone();
        bytes[cut] = byte;
        // Another number in the middle may go unnoticed here: files of states have a checksum.
        let _ = FactorStream::restore(&exprs, &bytes, &panel);
    }
}

#[test]
fn states_are_small_whatever_the_windows() {
    let market = SyntheticMarket { instruments: 16, bars: 500, ..SyntheticMarket::default() };
    let panel = market.generate().unwrap();
    let mut exprs = alpha158().unwrap();
    exprs.push(NamedExpr::parse("long", "Corr($close, $volume, 400)/Std($open, 9000000)").unwrap());
    let (frame, states) = compute_keeping(&panel, &exprs, 1).unwrap();
    let column = frame.rows() * size_of::<f32>();
    for (expr, state) in exprs.iter().zip(&states) {
        assert!(state.len() < column, "{}: {} of {column}", expr.name, state.len());
    }
    let all: usize = states.iter().map(Vec::len).sum();
    assert!(all * 10 < column * states.len(), "{all} of {}", column * states.len());
}

#[test]
fn a_stream_grows_with_its_bars_and_not_with_its_windows() {
    // Two million bars of a column would be 128 MB a group.
    let exprs = named(&["Mean($close, 2000000)", "Corr($close, Ref($close, 9000000), 5000000)"]);
    let market = SyntheticMarket { instruments: 2, bars: 300, ..SyntheticMarket::default() };
    let panel = market.generate().unwrap();
    let mut stream = FactorStream::new(&exprs).unwrap();
    let frame = stream.push::<f32>(&panel, 1).unwrap();
    let all = compute(&panel, &exprs, 1).unwrap();
    assert_eq!(frame.column(0), all.column(0));
    assert!(frame.column(1).iter().all(|value| value.is_nan()));
    assert!(stream.longest < 1000);
}

#[test]
fn an_instrument_that_began_before_is_refused() {
    let bars = |from: usize, to: usize| -> Bars {
        (0..to).map(|bar| (bar >= from).then_some([1.0, 2.0, 3.0])).collect()
    };
    let exprs = named(&["EMA($close, 3)"]);
    let past = until(&[("A".to_owned(), bars(0, 5))], 5);
    let (_, states) = compute_keeping(&past, &exprs, 1).unwrap();
    let next = [("A".to_owned(), bars(0, 8)), ("B".to_owned(), bars(4, 8))];
    let panel = until(&next, 8);
    let mut stream = FactorStream::restore(&exprs, &states[0], &panel).unwrap();
    let error = stream.advance::<f32>(&panel, 1).unwrap_err();
    assert_eq!(error.code(), "instrument_began_before");
}

#[test]
fn what_moves_ahead_and_back_is_refused() {
    let exprs = named(&["Ref(Mean(Ref($close, -3), 5), 6)"]);
    let code = FactorStream::new(&exprs).unwrap_err().code();
    assert_eq!(code, "feature_not_incremental");
    let panel = until(&[("A".to_owned(), vec![Some([1.0, 2.0, 3.0]); 9])], 9);
    let error = compute_keeping(&panel, &exprs, 1).unwrap_err();
    assert_eq!(error.code(), "feature_not_incremental");
}
