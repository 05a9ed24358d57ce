use serde_json::Value;

use super::{
    Adjustment, DatasetRef, Features, Label, Limits, Outputs, Processors, Segments, TrainingSpec,
    Universe, checkpoint_every_rounds, purged,
};
use crate::reader::{Reader, read_document};
use crate::{FaultCode, Faults, ModelSpec};

pub(super) const LONGEST_NAME: usize = 128;
const MOST_SECONDS: u32 = 604_800;
/// A computation starts no more.
pub(crate) const MOST_THREADS: u32 = alphafleet_factors::MOST_THREADS as u32;

pub(super) fn training(document: &Value) -> Result<TrainingSpec, Faults> {
    read_document(document, |reader| Some(read(reader)))
}

fn read(mut reader: Reader<'_>) -> TrainingSpec {
    let dataset = dataset(&mut reader);
    let model = reader.section("model").map(ModelSpec::read).unwrap_or_default();
    let model_type = model.model_type();
    let spec = TrainingSpec {
        dataset,
        universe: reader.section("universe").map(Universe::read).unwrap_or_default(),
        adjustment: adjustment(&mut reader),
        features: reader.section("features").map(Features::read).unwrap_or_default(),
        label: Label::read(&mut reader),
        segments: reader.section("segments").map(Segments::read).unwrap_or_default(),
        purge: reader.flag("purge", purged()),
        processors: match reader.section("processors") {
            Some(section) => Processors::read(section, model_type),
            None => Processors::of_model(model_type),
        },
        model,
        seed: seed(&mut reader),
        threads: reader.whole(&["threads"], 0..=MOST_THREADS, 0),
        outputs: reader.section("outputs").map(outputs).unwrap_or_default(),
        limits: reader.section("limits").map(limits).unwrap_or_default(),
        checkpoint_every_rounds: reader.whole(
            &["checkpoint_every_rounds"],
            0..=100_000,
            checkpoint_every_rounds(),
        ),
    };
    reader.finish();
    spec
}

/// `{"name": …, "version": …}`, or the name alone.
pub(crate) fn dataset(reader: &mut Reader<'_>) -> DatasetRef {
    let nothing = DatasetRef { name: String::new(), version: None };
    let Some((field, value)) = reader.take(&["dataset"]) else {
        let message = "say which dataset to use: {\"name\": …}";
        reader.fault("dataset", FaultCode::Required, message);
        return nothing;
    };
    if value.is_string() {
        let name = reader.text(&["dataset"]).map(|(_, name)| name.to_owned());
        return DatasetRef { name: short(reader, field, name), version: None };
    }
    let path = reader.path_of(field);
    let Some(mut inner) = Reader::open(&path, value, reader.findings()) else { return nothing };
    let name = inner.text(&["name"]).map(|(_, name)| name.to_owned());
    if name.is_none() && !inner.gave("name") {
        inner.fault("name", FaultCode::Required, "say which dataset to use");
    }
    let name = short(&inner, "name", name);
    let version = inner.text(&["version"]).map(|(_, version)| version.to_owned());
    let version = version.map(|version| short(&inner, "version", Some(version)));
    inner.finish();
    DatasetRef { name, version }
}

fn short(reader: &Reader<'_>, field: &str, text: Option<String>) -> String {
    let text = text.unwrap_or_default();
    if text.chars().count() > LONGEST_NAME || text.chars().any(char::is_control) {
        let message = format!("give at most {LONGEST_NAME} printable characters");
        reader.fault(field, FaultCode::OutOfRange, message);
    }
    text
}

/// LightGBM takes 31 bits.
fn seed(reader: &mut Reader<'_>) -> Option<u32> {
    reader.take(&["seed"]).is_some().then(|| reader.whole(&["seed"], 0..=2_147_483_647, 0))
}

pub(crate) fn adjustment(reader: &mut Reader<'_>) -> Adjustment {
    let choices = [
        ("none", Adjustment::None),
        ("backward", Adjustment::Backward),
        ("forward", Adjustment::Forward),
    ];
    reader.choice(&["adjustment"], &choices, Adjustment::default())
}

fn outputs(mut reader: Reader<'_>) -> Outputs {
    let outputs = Outputs { features: reader.flag("features", false) };
    reader.finish();
    outputs
}

pub(crate) fn limits(mut reader: Reader<'_>) -> Limits {
    let mut seconds = |name: &'static str| {
        reader.take(&[name]).is_some().then(|| reader.whole(&[name], 1..=MOST_SECONDS, 1))
    };
    let limits = Limits { soft_s: seconds("soft_s"), hard_s: seconds("hard_s") };
    if let (Some(soft), Some(hard)) = (limits.soft_s, limits.hard_s)
        && soft > hard
    {
        let message = format!("the soft limit ({soft} s) comes after the hard one ({hard} s)");
        reader.fault("soft_s", FaultCode::Conflict, message);
    }
    reader.finish();
    limits
}
