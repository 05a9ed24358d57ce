//! The import on real market data kept beside the project.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use alphafleet_datasets::{Import, ImportOptions, import_files};
use alphafleet_market::{Adjustment, Finding, FindingCode, Panel, adjust};

/// The file, or `None` where it is allowed to be missing.
fn shared(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")).join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", path.display());
    eprintln!("skipped: {} is missing", path.display());
    None
}

fn import(names: &[&str]) -> Option<Import> {
    let files: Option<Vec<_>> = names.iter().map(|name| shared(name)).collect();
    Some(import_files(&files?, &ImportOptions::default()).unwrap())
}

fn finding(import: &Import, code: FindingCode, column: Option<&str>) -> Finding {
    let mut found = import.findings.iter();
    let found = found.find(|f| f.code == code && f.column.as_deref() == column);
    found.unwrap_or_else(|| panic!("no {code} in {:#?}", import.findings)).clone()
}

fn has(import: &Import, code: FindingCode) -> bool {
    import.findings.iter().any(|finding| finding.code == code)
}

fn fields(panel: &Panel) -> String {
    panel.field_names().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_faults_of_real_stocks_become_findings() {
    let Some(import) = import(&["data/sp500_2013_2017.parquet"]) else { return };
    let panel = &import.panel;
    assert_eq!(panel.instruments().len(), 392);
    assert_eq!(import.rows, 486_758 - 538 - 1);
    assert_eq!(fields(panel), "adj_close close factor high low open volume vwap");
    assert_eq!(finding(&import, FindingCode::NullRows, None).count, 538);
    let doubled = finding(&import, FindingCode::DuplicateRows, None);
    assert_eq!((doubled.count, doubled.instrument.as_deref()), (1, Some("LVLT")));
    assert_eq!(finding(&import, FindingCode::ZeroVolume, Some("volume")).count, 628);
    assert_eq!(finding(&import, FindingCode::FlatBar, None).count, 630);
    assert!(has(&import, FindingCode::PriceOutsideRange));
    assert!(has(&import, FindingCode::DerivedColumn));
    assert!(
        !has(&import, FindingCode::HighBelowLow) && !has(&import, FindingCode::ConflictingRows)
    );
    assert!(import.findings.len() < 20, "{:#?}", import.findings);
    // One finding a code and column, the gravest first.
    assert!(import.findings.windows(2).all(|pair| pair[0].severity >= pair[1].severity));

    let (adjusted, _) = adjust(panel.clone(), Adjustment::Backward).unwrap();
    let (close, raw) = (adjusted.field("close").unwrap(), panel.field("adj_close").unwrap());
    for (close, raw) in close.iter().zip(raw) {
        assert!((close - raw).abs() <= 1e-9 * raw || (close.is_nan() && raw.is_nan()));
    }
}

#[test]
fn one_file_an_instrument_agrees_with_the_long_file() {
    let Some(two) = import(&["data/yahoo_MSFT.csv", "data/yahoo_AAPL.csv"]) else { return };
    let Some(all) = import(&["data/sp500_2013_2017.parquet"]) else { return };
    assert_eq!(two.panel.instruments(), ["AAPL", "MSFT"]);
    assert_eq!(two.sources[0].name, "yahoo_MSFT.csv");
    for name in two.panel.instruments() {
        let of = |panel: &Panel| {
            let index = panel.instruments().binary_search(name).unwrap();
            let times = panel.calendar().iter().copied();
            let close = panel.series("close", index).unwrap().iter().map(|price| price.to_bits());
            let bars = times.zip(close).filter(|(_, bits)| !f64::from_bits(*bits).is_nan());
            bars.collect::<Vec<_>>()
        };
        assert_eq!(of(&two.panel), of(&all.panel), "{name}");
    }
}

#[test]
fn trademaster_layouts_are_recognised() {
    let Some(btc) = import(&["data/trademaster/BTC.csv"]) else { return };
    assert_eq!(btc.panel.instruments(), ["BTC"]);
    assert_eq!(btc.rows, 2991);
    assert_eq!(finding(&btc, FindingCode::DailyTimes, Some("datetime")).count, 2991);
    assert_eq!(btc.panel.calendar()[0].to_string(), "2013-04-29 00:00:00");
    finding(&btc, FindingCode::MissingColumn, Some("volume"));
    let Some(dow) = import(&["data/trademaster/dj30_2020.csv"]) else { return };
    assert_eq!((dow.panel.instruments().len(), dow.rows), (29, 7337));
    assert!(dow.panel.field("zclose").is_some() && dow.panel.field("factor").is_some());
    let Some(futures) = import(&["data/trademaster/Future_5min.csv"]) else { return };
    assert_eq!((futures.panel.instruments().len(), futures.rows), (20, 20_370));
    assert!(futures.panel.field("open_interest").is_some());
    assert!(!has(&futures, FindingCode::DailyTimes));
    finding(&futures, FindingCode::NoAdjustmentFactor, Some("factor"));
}

/// Qlib's files hold adjusted prices: they are stored raw, and `Backward` gives the very
/// float32 values of the file again.
#[test]
fn qlib_files_come_back_exactly_under_backward_adjustment() {
    let Some(path) = shared("golden/qlib_alpha158/alpha158_input.parquet") else { return };
    let import = import_files(std::slice::from_ref(&path), &ImportOptions::default()).unwrap();
    assert_eq!((import.panel.instruments().len(), import.rows), (10, 23_180));
    finding(&import, FindingCode::AdjustedSource, Some("factor"));
    assert!(!has(&import, FindingCode::DerivedColumn));
    let (panel, _) = adjust(import.panel, Adjustment::Backward).unwrap();
    let source = alphafleet_datasets::read_table("golden", std::fs::read(path).unwrap()).unwrap();
    let mut compared = 0;
    for name in ["open", "high", "low", "close", "volume", "vwap"] {
        let values = source.column(name).unwrap().to_f64();
        for (row, expected) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            let index = panel.instruments().binary_search(&source.instruments[row]).unwrap();
            let bar = panel.calendar().binary_search(&source.times[row]).unwrap();
            let found = panel.series(name, index).unwrap()[bar];
            assert_eq!(found as f32, *expected as f32, "{name} row {row}");
            compared += 1;
        }
    }
    assert_eq!(compared, 6 * 23_180);
    let Some(market) = self::import(&["golden/qlib_backtest/ohlcv_u300x2500.parquet"]) else {
        return;
    };
    // 300 stocks and their index.
    assert_eq!((market.panel.instruments().len(), market.rows), (301, 730_269));
    finding(&market, FindingCode::AdjustedSource, Some("factor"));
}
