//! Scores whose times or days are not those of the bars.

use std::path::PathBuf;

use alphafleet_market::SyntheticMarket;
use serde_json::Value;

use super::{Folder, printed, template};

/// Scores of the market of [`Folder`], every day's time written by `time`.
fn scores(folder: &Folder, time: impl Fn(&str) -> String) -> PathBuf {
    let market = SyntheticMarket { instruments: 20, bars: 150, split: 0.0, ..Default::default() };
    let panel = market.generate().unwrap();
    let mut text = "instrument,datetime,score\n".to_owned();
    for (bar, day) in panel.calendar().iter().enumerate() {
        for (at, name) in panel.instruments().iter().enumerate() {
            let day = time(&day.date().to_string());
            text.push_str(&format!("{name},{day},{}\n", (at * 7 + bar * 3) % 11));
        }
    }
    let path = folder.path("timed.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn signal_weights() -> String {
    template("signal_weight")
}

#[test]
fn scores_with_a_time_of_day_are_taken_to_the_day() {
    let folder = Folder::new();
    let gain = |time: &dyn Fn(&str) -> String| -> (f64, String) {
        let path = scores(&folder, time);
        let done =
            folder.backtest(&signal_weights(), &["--json", "--signals", path.to_str().unwrap()]);
        let result: Value = serde_json::from_str(&printed(&done)).unwrap();
        let codes: Vec<_> = result["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| found["code"].as_str().unwrap())
            .collect();
        (result["metrics"]["gain"].as_f64().unwrap(), codes.join(" "))
    };
    let (plain, codes) = gain(&str::to_owned);
    assert!(plain != 0.0 && !codes.contains("scores_taken_to_day"), "{codes}");
    for ending in [" 23:59:59", " 15:00:00", " 00:00:00+08:00", "T00:00:00-05:00"] {
        let (timed, codes) = gain(&|day| format!("{day}{ending}"));
        assert_eq!(timed, plain, "{ending}");
        let noted = !ending.contains("00:00:00");
        assert_eq!(codes.contains("scores_taken_to_day"), noted, "{ending}: {codes}");
    }
}

#[test]
fn two_scores_of_a_day_are_refused() {
    let folder = Folder::new();
    let path = folder.path("doubled.csv");
    let market = SyntheticMarket { instruments: 20, bars: 150, split: 0.0, ..Default::default() };
    let name = market.generate().unwrap().instruments()[0].clone();
    let rows = format!("{name},2016-01-05 10:00:00,1\n{name},2016-01-05 15:00:00,2\n");
    std::fs::write(&path, format!("instrument,datetime,score\n{rows}")).unwrap();
    let refused = folder.backtest(&signal_weights(), &["--signals", path.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("two scores") && said.contains("2016-01-05"), "{said}");
}

#[test]
fn scores_that_end_before_the_run_or_begin_after_it_are_named() {
    let folder = Folder::new();
    let path = scores(&folder, str::to_owned);
    let text = std::fs::read_to_string(&path).unwrap();
    let only = |month: &str| {
        let rows =
            text.lines().filter(|line| line.starts_with("instrument") || line.contains(month));
        rows.map(|line| format!("{line}\n")).collect::<String>()
    };
    let said = |month: &str, plan: &str, more: &[&str]| {
        std::fs::write(&path, only(month)).unwrap();
        let args: Vec<&str> =
            more.iter().copied().chain(["--signals", path.to_str().unwrap()]).collect();
        let refused = folder.backtest(plan, &args);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(!said.contains("exchange start and end"), "{said}");
        said
    };
    let plain = signal_weights();
    let before = said("2016-02", &plain, &["--from", "2016-05-02"]);
    assert!(before.contains("--from 2016-05-02") && before.contains("2016-02-29"), "{before}");
    let after = said("2016-05", &plain, &["--to", "2016-02-01"]);
    assert!(after.contains("--to 2016-02-01") && after.contains("2016-05-0"), "{after}");
    let dated = format!("{plain}\n[period]\nstart = 2016-02-01\nend = 2016-03-31\n");
    let planned = said("2016-02", &dated, &["--from", "2016-05-02"]);
    assert!(planned.contains("the plan's period ends on 2016-03-31"), "{planned}");
    let refused = folder.backtest(&template("equal_weight"), &["--from", "2030-01-01"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("--from 2030-01-01") && said.contains("the data end"), "{said}");
}
