//! What a local run says beside its figures.

use super::{Folder, printed, template};

#[test]
fn what_was_found_in_the_run_is_told() {
    let folder = Folder::new();
    let rule = template("rules").replace("And(Gt($close, Mean($close, 50)),", "And(Lt($close, 0),");
    let done = folder.backtest(&rule, &[]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(printed(&done).contains("report.html"));
    assert!(said.contains("nothing was ever dealt"), "{said}");
    let done = folder.backtest(&template("equal_weight"), &[]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!said.contains("nothing was ever dealt"), "{said}");
}

#[test]
fn a_mistake_in_a_rule_is_pointed_at() {
    let folder = Folder::new();
    let exit = "Lt($close, Mean($close, 50))";
    for (wrong, words) in [
        (
            "Lt($close, Mean($close 50))",
            &["at character 23", "expected", "                       ^"][..],
        ),
        (
            "Lt($close, Maen($close, 50))",
            &["unknown operator Maen at character 11", "           ^"],
        ),
        ("Ref($close, -2)", &["ahead"]),
    ] {
        let plan = template("rules").replace(exit, wrong);
        let refused = folder.backtest(&plan, &[]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("strategy.exit"), "{said}");
        for words in words {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
}

#[test]
fn a_benchmark_without_prices_is_named() {
    let folder = Folder::new();
    let mut text = "instrument,date,open,high,low,close,volume\n".to_owned();
    for day in 2..=9 {
        for name in ["A", "B"] {
            if name == "A" || day >= 5 {
                text.push_str(&format!("{name},2024-01-{day:02},10,10,10,10,1000\n"));
            }
        }
    }
    std::fs::write(folder.path("late.csv"), text).unwrap();
    let plan = format!("benchmark = \"B\"\n{}", template("equal_weight"));
    let done = folder.backtest_on("late.csv", &plan, &[]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    printed(&done);
    for words in ["benchmark B", "3 of the 8 bars", "2024-01-05"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
