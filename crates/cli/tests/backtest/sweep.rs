//! Sweeps on files alone.

use serde_json::Value;

use super::{Folder, printed, template};

/// A market with two members of an index, one of which takes the other's place, and a sweep of
/// how much is invested.
fn folder() -> Folder {
    let folder = Folder::new();
    let mut text = "instrument,date,open,high,low,close,volume,in_index\n".to_owned();
    for day in 2..=19 {
        let members = [("A", u8::from(day < 9), day), ("B", u8::from(day >= 9), 30 - day)];
        for (name, member, price) in members {
            let bar = format!("{price},{price},{price},{price}");
            text.push_str(&format!("{name},2024-01-{day:02},{bar},1000,{member}\n"));
        }
    }
    std::fs::write(folder.path("members.csv"), text).unwrap();
    let axes = "[[axes]]\npath = \"strategy.exposure\"\nvalues = [0.5, 0.9]\n";
    std::fs::write(folder.path("sweep.toml"), axes).unwrap();
    folder
}

#[test]
fn a_sweep_heeds_the_members_and_says_what_the_prices_are() {
    let folder = folder();
    let equal = template("equal_weight").replace("every = 21", "every = 1");
    let sweep = folder.path("sweep.toml");
    let gain = |plan: &str, more: &[&str]| -> f64 {
        let args: Vec<&str> = ["--json"].into_iter().chain(more.iter().copied()).collect();
        let done = printed(&folder.backtest_on("members.csv", plan, &args));
        let result: Value = serde_json::from_str(&done).unwrap();
        result["metrics"]["total_return"].as_f64().unwrap()
    };
    let invested = |part: &str| equal.replace("exposure = 0.95", &format!("exposure = {part}"));
    let alone = |more: &[&str]| {
        let runs = ["0.5", "0.9"].map(|part| gain(&invested(part), more));
        runs.into_iter().fold(f64::MIN, f64::max)
    };
    let swept = ["--sweep", sweep.to_str().unwrap()];
    let members = ["--members", "in_index"];
    let both: Vec<&str> = swept.iter().chain(&members).copied().collect();
    let objective =
        format!("objective = \"total_return\"\n{}", std::fs::read_to_string(&sweep).unwrap());
    std::fs::write(&sweep, objective).unwrap();
    let (of_all, of_members) = (gain(&equal, &swept), gain(&equal, &both));
    assert_eq!((of_all, of_members), (alone(&[]), alone(&members)));
    assert!(of_members < of_all - 0.01, "what falls is bought late: {of_members} {of_all}");
    let report = std::fs::read_to_string(folder.path("out").join("report.json")).unwrap();
    gain(&equal, &both);
    let of_sweep = std::fs::read_to_string(folder.path("out").join("report.json")).unwrap();
    let prices = |text: &str| serde_json::from_str::<Value>(text).unwrap()["prices"].clone();
    assert_eq!(prices(&of_sweep), "as the files have them");
    assert_eq!(prices(&of_sweep), prices(&report));
    let page = std::fs::read_to_string(folder.path("out").join("report.html")).unwrap();
    assert!(page.contains("Prices: as the files have them."), "the page says so too");
    let refused =
        folder.backtest_on("members.csv", &equal, &["--sweep", swept[1], "--members", "no"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("--members: the data have no field $no"), "{said}");
}
