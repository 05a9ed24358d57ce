use std::collections::BTreeMap;

use alphafleet_specs::{
    BacktestRequest, BacktestSpec, BacktestSweepRequest, BacktestSweepSpec, FactorEvaluationSpec,
    FeatureComputationSpec, ProbeSpec, RemoteTrainRequest, TrainRequest, TrainingSpec,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use crate::{
    ClientFrame, LogPayload, MetricsPayload, ProgressPayload, ResourcesPayload, ServerFrame,
    StatePayload, api,
};

/// The JSON Schema (2020-12) of everything that travels, by type name. References between them
/// start with `prefix`, e.g. `#/components/schemas/`.
pub fn schemas(prefix: &str) -> BTreeMap<String, Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = format!("/{}", prefix.trim_matches(['#', '/'])).into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    visit(&mut generator);
    generator.take_definitions(true).into_iter().collect()
}

fn visit(generator: &mut SchemaGenerator) {
    add::<ClientFrame>(generator);
    add::<ServerFrame>(generator);
    add::<StatePayload>(generator);
    add::<ProgressPayload>(generator);
    add::<MetricsPayload>(generator);
    add::<LogPayload>(generator);
    add::<ResourcesPayload>(generator);
    add::<TrainingSpec>(generator);
    add::<BacktestSpec>(generator);
    add::<BacktestRequest>(generator);
    add::<BacktestSweepSpec>(generator);
    add::<BacktestSweepRequest>(generator);
    add::<TrainRequest>(generator);
    add::<RemoteTrainRequest>(generator);
    add::<ProbeSpec>(generator);
    add::<FactorEvaluationSpec>(generator);
    add::<FeatureComputationSpec>(generator);
    visit_api(generator);
}

fn visit_api(generator: &mut SchemaGenerator) {
    add::<api::ArtifactList>(generator);
    add::<api::AuditList>(generator);
    add::<api::BacktestComparison>(generator);
    add::<api::CallbackView>(generator);
    add::<api::CreateUser>(generator);
    add::<api::DatasetList>(generator);
    add::<api::DatasetVersionList>(generator);
    add::<api::ExperimentList>(generator);
    add::<api::FeatureBody>(generator);
    add::<api::FeatureList>(generator);
    add::<api::FeatureSetDetail>(generator);
    add::<api::FeatureSetList>(generator);
    add::<api::FeatureValueList>(generator);
    add::<api::FeatureVersionList>(generator);
    add::<api::FormulaBody>(generator);
    add::<api::FormulaView>(generator);
    add::<api::Health>(generator);
    add::<api::LogList>(generator);
    add::<api::Login>(generator);
    add::<api::MetricList>(generator);
    add::<api::ModelList>(generator);
    add::<api::ModelTypeList>(generator);
    add::<api::Problem>(generator);
    add::<api::Readiness>(generator);
    add::<api::ResourceList>(generator);
    add::<api::SessionBatch>(generator);
    add::<api::SessionList>(generator);
    add::<api::SessionStatus>(generator);
    add::<api::SetPassword>(generator);
    add::<api::Setup>(generator);
    add::<api::SetupStatus>(generator);
    add::<api::SocketStats>(generator);
    add::<api::SocketTicket>(generator);
    add::<api::StrategyBody>(generator);
    add::<api::StrategyList>(generator);
    add::<api::SubmitProbe>(generator);
    add::<api::SubmitProbes>(generator);
    add::<api::TaskAccepted>(generator);
    add::<api::TaskFrame>(generator);
    add::<api::TaskView>(generator);
    add::<api::TemplateList>(generator);
    add::<api::Token>(generator);
    add::<api::UserList>(generator);
    add::<api::WebhookSecret>(generator);
    add::<api::WorkerList>(generator);
}

fn add<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
