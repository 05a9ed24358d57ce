use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::reader::{Findings, Reader, nearest};
use crate::{FaultCode, Faults};

const MOST_STEPS: usize = 100;
const MOST_SLEEP_MS: u64 = 3_600_000;
const MOST_BYTES: u64 = 1 << 40;
const MOST_ARTIFACT_BYTES: u64 = 1 << 30;
const MOST_METRICS: u32 = 1_000_000;
const LONGEST_TEXT: usize = 4_096;

/// A job that does what it is told, step by step: for tests, measurements and health checks of a
/// fleet.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProbeSpec {
    #[schemars(length(min = 1, max = 100))]
    pub steps: Vec<ProbeStep>,
}

/// One thing a probe does.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum ProbeStep {
    /// The value becomes the job's result; the last echo counts.
    Echo { value: Value },
    /// Wait, but end at once when cancelled.
    Sleep {
        #[schemars(range(min = 0, max = 3_600_000))]
        sleep_ms: u64,
    },
    /// Allocate so much memory, touch it and keep it until the job ends.
    Allocate {
        #[schemars(range(min = 1, max = 1_099_511_627_776_u64))]
        allocate_bytes: u64,
    },
    /// End the process without a word.
    Crash { how: Crash },
    /// Emit metrics of this name, one a step, with values 0, 1, 2, ….
    EmitMetrics {
        name: String,
        #[schemars(range(min = 1, max = 1_000_000))]
        count: u32,
    },
    /// Report a failure.
    Fail { message: String, retryable: bool },
    /// Write a file of so many bytes (each the low byte of its offset) and hand it over.
    WriteArtifact {
        name: String,
        #[schemars(range(min = 0, max = 1_073_741_824))]
        bytes: u64,
    },
}

/// How a probe's process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum Crash {
    /// With this exit code.
    ExitCode(#[schemars(range(min = 0, max = 255))] u8),
    /// By this signal, sent to itself.
    Signal(#[schemars(range(min = 1, max = 64))] u8),
    /// By a panic.
    Panic,
}

const STEPS: [&str; 7] =
    ["echo", "sleep", "allocate", "crash", "emit_metrics", "fail", "write_artifact"];

impl ProbeSpec {
    /// Reads a JSON document and reports everything that is wrong with it.
    pub fn from_value(document: &Value) -> Result<Self, Faults> {
        let findings = Findings::default();
        let steps = Reader::open("", document, &findings).map(read).unwrap_or_default();
        findings.into_result(Self { steps })
    }

    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

impl<'de> Deserialize<'de> for ProbeSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Self::from_value(&document).map_err(serde::de::Error::custom)
    }
}

fn read(mut reader: Reader<'_>) -> Vec<ProbeStep> {
    let list = reader.list("steps").unwrap_or_default();
    if list.is_empty() || list.len() > MOST_STEPS {
        let message = format!("{} steps; give 1 to {MOST_STEPS}", list.len());
        reader.fault("steps", FaultCode::OutOfRange, message);
        return Vec::new();
    }
    let opened = list.iter().enumerate().filter_map(|(at, value)| {
        let path = reader.path_of(&format!("steps[{at}]"));
        Reader::open(&path, value, reader.findings())
    });
    let steps = opened.filter_map(step).collect();
    reader.finish();
    steps
}

fn step(mut reader: Reader<'_>) -> Option<ProbeStep> {
    let Some((_, word)) = reader.text(&["step"]) else {
        let message = format!("say which step: {}", STEPS.join(", "));
        reader.fault("step", FaultCode::Required, message);
        return None;
    };
    let step = match word {
        "echo" => ProbeStep::Echo {
            value: reader.take(&["value"]).map_or(Value::Null, |(_, value)| value.clone()),
        },
        "sleep" => {
            ProbeStep::Sleep { sleep_ms: required(&mut reader, "sleep_ms", 0, MOST_SLEEP_MS) }
        }
        "allocate" => ProbeStep::Allocate {
            allocate_bytes: required(&mut reader, "allocate_bytes", 1, MOST_BYTES),
        },
        "crash" => ProbeStep::Crash { how: crash(&mut reader) },
        "emit_metrics" => ProbeStep::EmitMetrics {
            name: text(&mut reader, "name", "probe"),
            count: reader.whole(&["count"], 1..=MOST_METRICS, 1),
        },
        "fail" => ProbeStep::Fail {
            message: text(&mut reader, "message", "the probe was told to fail"),
            retryable: reader.flag("retryable", false),
        },
        "write_artifact" => ProbeStep::WriteArtifact {
            name: file_name(&mut reader),
            bytes: required(&mut reader, "bytes", 0, MOST_ARTIFACT_BYTES),
        },
        other => {
            let meant = nearest(other, STEPS.iter().copied());
            let remedy = match meant {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("known are {}", STEPS.join(", ")),
            };
            let message = format!("unknown step {other:?}; {remedy}");
            reader.fault("step", FaultCode::UnknownValue, message);
            return None;
        }
    };
    reader.finish();
    Some(step)
}

fn required(reader: &mut Reader<'_>, name: &'static str, min: u64, max: u64) -> u64 {
    if reader.take(&[name]).is_none() {
        let message = format!("give a whole number from {min} to {max}");
        reader.fault(name, FaultCode::Required, message);
    }
    reader.whole(&[name], min..=max, min)
}

fn text(reader: &mut Reader<'_>, name: &'static str, default: &str) -> String {
    let text = reader.text(&[name]).map_or(default, |(_, text)| text);
    if text.len() > LONGEST_TEXT {
        let message = format!("give at most {LONGEST_TEXT} bytes");
        reader.fault(name, FaultCode::OutOfRange, message);
    }
    text.to_owned()
}

/// A plain file name: it is created in the job's scratch folder and nowhere else.
fn file_name(reader: &mut Reader<'_>) -> String {
    let name = text(reader, "name", "probe.bin");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.starts_with('.') || name.len() > 128 || !name.chars().all(plain) {
        let message = "give a file name of letters, digits, '.', '-' and '_'";
        reader.fault("name", FaultCode::OutOfRange, message);
    }
    name
}

fn crash(reader: &mut Reader<'_>) -> Crash {
    match reader.take(&["how"]) {
        None => return Crash::Panic,
        Some((_, value)) if value.is_string() => {
            return reader.choice(&["how"], &[("panic", Crash::Panic)], Crash::Panic);
        }
        Some(_) => {}
    }
    let Some(mut inner) = reader.section("how") else { return Crash::Panic };
    let (code, signal) = (inner.take(&["exit_code"]), inner.take(&["signal"]));
    let crash = match (code, signal) {
        (Some(_), None) => Crash::ExitCode(inner.whole(&["exit_code"], 0..=255, 1)),
        (None, Some(_)) => Crash::Signal(inner.whole(&["signal"], 1..=64, 9)),
        _ => {
            let message = "give \"panic\", {\"exit_code\": …} or {\"signal\": …}";
            reader.fault("how", FaultCode::Conflict, message);
            Crash::Panic
        }
    };
    inner.finish();
    crash
}
