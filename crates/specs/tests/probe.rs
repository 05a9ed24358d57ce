#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_specs::{FaultCode, Faults, ProbeSpec};
use serde_json::{Value, json};

#[test]
fn every_step_round_trips() {
    let document = json!({"steps": [
        {"step": "echo", "value": {"a": [1, null]}},
        {"step": "sleep", "sleep_ms": 5},
        {"step": "allocate", "allocate_bytes": 1024},
        {"step": "emit_metrics", "name": "loss", "count": 3},
        {"step": "write_artifact", "name": "a.bin", "bytes": 0},
        {"step": "fail", "message": "no", "retryable": true},
        {"step": "crash", "how": {"exit_code": 3}},
        {"step": "crash", "how": {"signal": 11}},
        {"step": "crash", "how": "panic"},
    ]});
    let spec = ProbeSpec::from_value(&document).unwrap();
    assert_eq!(serde_json::to_value(&spec).unwrap(), document);
}

#[test]
fn limits_hold() {
    use FaultCode::*;
    let table: Vec<(Value, &str, FaultCode)> = vec![
        (json!({}), "steps", OutOfRange),
        (json!({"steps": vec![json!({"step": "echo"}); 101]}), "steps", OutOfRange),
        (json!({"steps": [{"step": "sleep"}]}), "steps[0].sleep_ms", Required),
        (json!({"steps": [{"step": "sleep", "sleep_ms": -1}]}), "steps[0].sleep_ms", OutOfRange),
        (json!({"steps": [{"step": "crush"}]}), "steps[0].step", UnknownValue),
        (
            json!({"steps": [{"step": "write_artifact", "name": "../x", "bytes": 1}]}),
            "steps[0].name",
            OutOfRange,
        ),
        (json!({"steps": [{"step": "crash", "how": {}}]}), "steps[0].how", Conflict),
        (json!({"steps": [{"step": "echo", "vale": 1}]}), "steps[0].vale", UnknownField),
    ];
    for (document, field, code) in table {
        let Faults(faults) = ProbeSpec::from_value(&document).unwrap_err();
        assert_eq!((faults[0].field.as_str(), faults[0].code), (field, code), "{document}");
        assert_eq!(faults.len(), 1, "{document}");
    }
}
