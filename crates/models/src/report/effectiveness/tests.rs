#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_factors::{
    EffectivenessOptions, EffectivenessReport, Members, NamedExpr, NamedUniverse, evaluate,
};
use alphafleet_market::SyntheticMarket;
use alphafleet_testkit::page::check_tags;

use super::super::tests::HOSTILE;
use super::effectiveness_html;

/// A real evaluation of factors with these names, one of them without values.
fn report(names: &[&str]) -> EffectivenessReport {
    let market = SyntheticMarket { instruments: 12, bars: 80, ..Default::default() };
    let panel = market.generate().unwrap();
    let sources = ["$close/$open", "Mean($close, 5)/$close", "$close/0*0", "$volume*0"];
    let named = names.iter().zip(sources.iter().cycle());
    let factors: Vec<NamedExpr> =
        named.map(|(name, source)| NamedExpr::parse(name, source).unwrap()).collect();
    let members = Members::Instruments(panel.instruments()[..6].to_vec());
    let options = EffectivenessOptions {
        horizons: vec![1, 5],
        universes: vec![NamedUniverse { name: HOSTILE.to_owned(), members }],
        ..EffectivenessOptions::default()
    };
    evaluate(&panel, &factors, &options, 1).unwrap()
}

#[test]
fn the_page_is_whole_and_fetches_nothing() {
    let html = effectiveness_html(&report(&["a", "b", "c", "d"]), "synthetic");
    let tags = check_tags(&html).unwrap();
    // Four charts for each of the factors with values; the others have curves of zeros alone.
    assert!(tags.iter().filter(|tag| *tag == "svg").count() >= 8);
    for outside in ["http", "src=", "url(", "@import", "<script", "<link"] {
        assert!(!html.contains(outside), "{outside}");
    }
    for shown in ["Mean($close, 5)", "factor_without_values", "2016", "Rank IC by month"] {
        assert!(html.contains(shown), "{shown}");
    }
    assert!(!html.contains("NaN") && !html.contains(">inf"));
    for at in 0..4 {
        assert!(html.contains(&format!("href=\"#factor-{at}\"")));
        assert!(html.contains(&format!("id=\"factor-{at}\"")));
    }
}

#[test]
fn factors_come_by_the_size_of_their_rank_icir() {
    let report = report(&["a", "b", "c", "d"]);
    let ordered = report.by_rank_icir();
    let sizes: Vec<Option<f64>> =
        ordered.iter().map(|factor| factor.horizons[0].rank_ic.icir.map(f64::abs)).collect();
    assert!(sizes[0] >= sizes[1] && sizes[1].is_some(), "{sizes:?}");
    assert_eq!(sizes[2..], [None, None]);
}

#[test]
fn hostile_names_stay_text() {
    let html = effectiveness_html(&report(&[HOSTILE, "b"]), HOSTILE);
    let plain = effectiveness_html(&report(&["a", "b"]), "a");
    assert_eq!(check_tags(&html).unwrap(), check_tags(&plain).unwrap());
    assert!(!html.contains("<script") && !html.contains("alert('"));
    assert!(html.contains("&lt;script&gt;"));
}
