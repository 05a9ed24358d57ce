use std::path::Path;
use std::process::Command;

use alphafleet_testkit::rabbitmq;
use serde_json::{Value, json};

use crate::measurement::Measurement;

/// Celery on the same RabbitMQ, if a Python that has it is named.
pub fn celery(what: &str, broker: &rabbitmq::Server, unit: &'static str) -> Vec<Measurement> {
    let Some(python) = std::env::var_os("ALPHAFLEET_BENCH_PEER") else { return Vec::new() };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/bench-celery.py");
    let ran = Command::new(python).arg(script).args([what, broker.url()]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let figures: Value = serde_json::from_slice(&ran.stdout).expect("figures as JSON");
    let figure = |(name, values): (&String, &Value)| {
        let values = values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
        Measurement::new(
            &format!("celery {name}"),
            unit,
            values.collect(),
            json!({ "celery": what }),
        )
    };
    figures.as_object().unwrap().iter().map(figure).collect()
}
