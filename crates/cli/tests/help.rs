//! The binary explains itself.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn alphafleet(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alphafleet")).args(args).output().unwrap()
}

#[test]
fn help_names_every_verb_and_hides_the_childs() {
    let help = String::from_utf8(alphafleet(&["--help"]).stdout).unwrap();
    for verb in [
        "demo",
        "standalone",
        "migrate",
        "user",
        "data",
        "factors",
        "strategy",
        "train",
        "backtest",
        "session",
        "config",
    ] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(verb)), "{verb}: {help}");
    }
    assert!(!help.contains("child"), "{help}");
}

#[test]
fn help_says_which_rows_factors_are_computed_on() {
    let help = String::from_utf8(alphafleet(&["factors", "compute", "--help"]).stdout).unwrap();
    assert!(help.contains("those that Qlib gives on the same rows"), "{help}");
}

#[test]
fn an_unknown_verb_is_the_callers_mistake() {
    let refused = alphafleet(&["trian"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("train"));
}

#[test]
fn a_template_is_a_configuration() {
    let printed = alphafleet(&["strategy", "templates", "lightgbm_alpha158"]);
    let text = String::from_utf8(printed.stdout).unwrap();
    alphafleet_specs::StrategyConfig::from_toml(&text).unwrap();
}
