//! Options that belong to another kind of backtest are refused, not passed over.

use super::{Folder, alphafleet, template};

const FLEET: [(&str, Option<&str>); 6] = [
    ("--capital", Some("5000")),
    ("--benchmark", Some("A")),
    ("--session", Some("01890000-0000-7000-8000-000000000000")),
    ("--set", Some("lot=1")),
    ("--watch", None),
    ("--idempotency-key", Some("k")),
];

const LOCAL: [(&str, Option<&str>); 8] = [
    ("--data", Some("bars.csv")),
    ("--adjustment", Some("none")),
    ("--adjustment", Some("backward")),
    ("--members", Some("in_index")),
    ("--signals", Some("scores.csv")),
    ("--actions", Some("actions.csv")),
    ("--groups", Some("groups.csv")),
    ("--out", Some("out")),
];

/// Runs it and answers what it said; it must be refused as a mistake of the caller.
fn refused(args: &[&str], (option, value): (&str, Option<&str>)) -> String {
    let given: Vec<&str> = args.iter().copied().chain([option]).chain(value).collect();
    let refused = alphafleet(&given);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{given:?}: {said}");
    assert!(said.contains(option), "{given:?}: {said}");
    said
}

#[test]
fn options_of_the_fleet_are_refused_here_with_a_remedy() {
    let folder = Folder::new();
    let plan = folder.plan(&template("equal_weight"));
    let (data, out) = (folder.path("bars.parquet"), folder.path("out"));
    let paths = [&plan, &data, &out].map(|path| path.to_str().unwrap());
    let local = ["backtest", "--local", paths[0], "--data", paths[1], "--out", paths[2]];
    let dated: Vec<&str> =
        local.iter().copied().chain(["--from", "2016-02-01", "--to", "2016-03-01"]).collect();
    for option in FLEET {
        for args in [&local[..], &dated] {
            let said = refused(args, option);
            assert!(said.contains("belongs to a backtest on the fleet"), "{said}");
            assert!(said.contains("with --local, "), "{said}");
        }
    }
    assert!(!out.exists());
}

#[test]
fn options_of_a_local_run_are_refused_on_the_fleet_with_a_remedy() {
    let fleet = ["backtest", "momentum", "--from", "2016-02-01", "--to", "2016-03-01"];
    for option in LOCAL {
        let said = refused(&fleet, option);
        assert!(said.contains("belongs to --local"), "{said}");
        assert!(said.contains("on the fleet, "), "{said}");
    }
}

#[test]
fn templates_take_no_options() {
    for args in [&["backtest", "--template", "equal_weight"][..], &["backtest", "--list-templates"]]
    {
        for option in FLEET.into_iter().chain(LOCAL) {
            let said = refused(args, option);
            assert!(said.contains("belongs to"), "{said}");
        }
        for option in ["--from", "--to"] {
            refused(args, (option, Some("2016-02-01")));
        }
        refused(args, ("--sweep", Some("sweep.toml")));
    }
}

#[test]
fn actions_and_adjusted_prices_are_refused_together() {
    let folder = Folder::new();
    let actions = folder.path("actions.csv");
    std::fs::write(&actions, "instrument,date,split\nA,2016-02-01,2\n").unwrap();
    let plan = template("equal_weight");
    for adjustment in ["backward", "forward"] {
        let given = ["--actions", actions.to_str().unwrap(), "--adjustment", adjustment];
        let refused = folder.backtest(&plan, &given);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        for words in ["--actions", &format!("--adjustment {adjustment}"), "twice", "leave one"] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
}
