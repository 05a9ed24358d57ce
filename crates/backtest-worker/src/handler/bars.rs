use alphafleet_backtest::plan::Plan;
use alphafleet_market::{Panel, is_index_code};
use alphafleet_models::Finding;
use alphafleet_specs::{BacktestSpec, Fundamentals, Universe};
use alphafleet_training_worker::{load, usable};
use alphafleet_worker::child::{Assignment, HandlerError};

/// The bars to trade, and what is known of them.
pub(super) struct Bars {
    pub panel: Panel,
    pub findings: Vec<Finding>,
    /// Name and version of their dataset.
    pub dataset: String,
    pub version: String,
}

/// Reads the job's dataset version and makes of it what a training makes: the instruments of the
/// universe, missing columns completed, prices adjusted. Benchmarks come along.
/// `reads`: what the runs read of the announcements beside the bars.
pub(super) fn read(
    assignment: &Assignment,
    spec: &BacktestSpec,
    reads: &Fundamentals,
) -> Result<Bars, HandlerError> {
    let loaded = load(&assignment.storage_url, &assignment.dataset()?, reads)?;
    let dataset = loaded.manifest.dataset_name.clone();
    let version = loaded.manifest.version_id.to_string();
    let universe = with_benchmarks(spec, &loaded.panel);
    let (panel, findings) = usable(&universe, spec.adjustment, false, loaded.into())?;
    Ok(Bars { panel, findings, dataset, version })
}

/// The universe and the instruments that are only compared with.
fn with_benchmarks(spec: &BacktestSpec, panel: &Panel) -> Universe {
    let universe = &spec.universe;
    let named = |name: &str| universe.include.iter().any(|included| included == name);
    let member = |name: &str| universe.contains(name) && (named(name) || !is_index_code(name));
    let benchmarks: &[String] = match &spec.plan {
        Plan::Qlib(config) => &config.benchmark,
        Plan::Event(event) => event.config.benchmark.as_slice(),
    };
    if benchmarks.iter().all(|name| member(name)) {
        return universe.clone();
    }
    let of_data = panel.instruments().iter().filter(|name| member(name)).cloned();
    // Names that the data lack stay, so that they are found to be missing.
    let unknown = universe.include.iter().filter(|name| !panel.instruments().contains(name));
    Universe {
        include: of_data.chain(unknown.cloned()).chain(benchmarks.iter().cloned()).collect(),
        exclude: universe
            .exclude
            .iter()
            .filter(|name| !benchmarks.contains(name))
            .cloned()
            .collect(),
        members: universe.members.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use alphafleet_market::{PanelBuilder, PanelRow};
    use chrono::NaiveDate;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_benchmark_comes_along_and_nothing_else() {
        let mut builder = PanelBuilder::new(vec!["close".to_owned()]);
        let time = NaiveDate::from_ymd_opt(2020, 1, 2).unwrap().and_hms_opt(0, 0, 0).unwrap();
        for instrument in ["A", "B", "C", "^DJI", "^GSPC"] {
            builder.push(PanelRow { instrument, time, values: &[1.0] }).unwrap();
        }
        let panel = builder.build().unwrap();
        let members = |benchmark: &str, universe: serde_json::Value| {
            let spec = BacktestSpec::from_value(&json!({
                "dataset": "d", "universe": universe,
                "plan": {
                    "period": { "start": "2020-01-02", "end": "2020-01-02" },
                    "strategy": { "type": "weights", "weighting": "equal" },
                    "benchmark": benchmark,
                },
            }))
            .unwrap();
            let universe = with_benchmarks(&spec, &panel);
            let names = panel.instruments().iter().filter(|name| universe.contains(name));
            names.cloned().collect::<Vec<_>>()
        };
        assert_eq!(members("^GSPC", json!({})), ["A", "B", "C", "^GSPC"]);
        assert_eq!(members("^GSPC", json!({ "exclude": ["A", "^GSPC"] })), ["B", "C", "^GSPC"]);
        assert_eq!(members("^GSPC", json!({ "include": ["A", "X"] })), ["A", "^GSPC"]);
        assert_eq!(members("A", json!({ "include": ["A", "B"] })), ["A", "B"]);
    }
}
