use std::process::ExitCode;

use alphafleet_protocol::api::{FeatureBody, FeatureView};
use serde_json::{Value, json};

use super::connect::connect;
use super::session;
use crate::args::{CalculateFeatures, EvaluateFeatures, Features, Global, WorkOnFeatures};
use crate::client::{Api, FeatureWork, IdempotencyKey};
use crate::output;

pub async fn run(global: &Global, features: Features) -> anyhow::Result<ExitCode> {
    let api = connect(global)?;
    match features {
        Features::List => list(global, api.features().await?.items)?,
        Features::Create { name, expression, description, follow } => {
            let body = FeatureBody {
                name,
                formula: expression,
                kind: None,
                description,
                tags: Vec::new(),
                frequency: None,
                auto_compute: follow.is_some(),
                dataset_name: follow,
            };
            show(global, &api.create_feature(&body).await?)?;
        }
        Features::Show { feature } => show(global, &api.feature(&feature).await?)?,
        Features::Delete { feature } => {
            let found = api.feature(&feature).await?;
            api.delete_feature(&found).await?;
        }
        Features::Calculate(CalculateFeatures { work }) => {
            let document = specification(&work);
            return start(global, &api, FeatureWork::Calculate, &work, document).await;
        }
        Features::Evaluate(request) => {
            let document = evaluation(&request);
            return start(global, &api, FeatureWork::Evaluate, &request.work, document).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is not given is left to the server's defaults.
fn specification(work: &WorkOnFeatures) -> Value {
    let own: Vec<String> = work.features.iter().map(|name| format!("feature:{name}")).collect();
    let mut features = json!({});
    if let Some(set) = &work.set {
        features["set"] = json!(set);
    }
    if !own.is_empty() {
        features["expressions"] = json!(own);
    }
    json!({ "dataset": work.dataset, "features": features, "adjustment": work.adjustment })
}

fn evaluation(request: &EvaluateFeatures) -> Value {
    let mut document = specification(&request.work);
    if !request.horizons.is_empty() {
        document["horizons"] = json!(request.horizons);
    }
    document["quantiles"] = json!(request.quantiles);
    document["price"] = json!(request.price);
    document
}

async fn start(
    global: &Global,
    api: &Api,
    kind: FeatureWork,
    work: &WorkOnFeatures,
    document: Value,
) -> anyhow::Result<ExitCode> {
    let key = work.idempotency_key.clone().map_or_else(IdempotencyKey::fresh, IdempotencyKey);
    let started = api.start(kind, &document, &key).await?;
    if work.watch {
        return session::follow(global, api, started.id).await;
    }
    match global.json {
        true => output::json(&started)?,
        false => println!("session {}: alphafleet session watch {}", started.id, started.id),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(global: &Global, features: Vec<FeatureView>) -> anyhow::Result<()> {
    if global.json {
        return output::json(&features);
    }
    if features.is_empty() {
        println!("no features yet: alphafleet features create NAME 'Mean($close, 5)/$close'");
        return Ok(());
    }
    let rows = features.into_iter().map(|feature| {
        let follows = feature.dataset_name.filter(|_| feature.auto_compute).unwrap_or_default();
        [feature.name, feature.formula, feature.version.to_string(), follows]
    });
    let header = ["feature", "formula", "version", "follows"];
    println!("{}", output::table(header, &[2], rows.collect()));
    Ok(())
}

fn show(global: &Global, feature: &FeatureView) -> anyhow::Result<()> {
    if global.json {
        return output::json(feature);
    }
    println!("{} version {}, id {}", feature.name, feature.version, feature.id);
    println!("{}", feature.formula);
    println!("reads {}", feature.dependencies.join(", "));
    if let Some(dataset) = feature.dataset_name.as_ref().filter(|_| feature.auto_compute) {
        println!("computed on each new version of {dataset}");
    }
    if !feature.description.is_empty() {
        println!("{}", feature.description);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alphafleet_specs::{FactorEvaluationSpec, FeatureComputationSpec};
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn parsed(arguments: &str) -> Features {
        let arguments = format!("alphafleet features {arguments}");
        match Args::try_parse_from(arguments.split(' ')).unwrap().command {
            Command::Features(features) => features,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_computation_is_what_was_typed() {
        let Features::Calculate(request) =
            parsed("calculate --dataset us --feature a --feature b --adjustment none")
        else {
            panic!()
        };
        let spec = FeatureComputationSpec::from_value(&specification(&request.work)).unwrap();
        assert_eq!(
            (spec.features.references().join(" "), spec.features.set),
            ("a b".to_owned(), None)
        );
        assert_eq!(spec.to_value()["adjustment"], "none");
        let Features::Calculate(request) = parsed("calculate --dataset us --set alpha101") else {
            panic!()
        };
        let spec = FeatureComputationSpec::from_value(&specification(&request.work)).unwrap();
        assert_eq!(spec.to_value()["features"], json!({ "set": "alpha101" }));
    }

    #[test]
    fn an_evaluation_is_what_was_typed() {
        let Features::Evaluate(request) = parsed(
            "evaluate --dataset us --feature a --horizon 5 --horizon 1,2 --quantiles 10 --price open",
        ) else {
            panic!()
        };
        let spec = FactorEvaluationSpec::from_value(&evaluation(&request)).unwrap();
        assert_eq!((spec.horizons, spec.quantiles), (vec![5, 1, 2], 10));
        assert_eq!(spec.price, "open");
        let Features::Evaluate(request) = parsed("evaluate --dataset us --set alpha158") else {
            panic!()
        };
        let spec = FactorEvaluationSpec::from_value(&evaluation(&request)).unwrap();
        assert_eq!((spec.horizons, spec.quantiles), (vec![1, 2, 5, 10, 20], 5));
    }

    #[test]
    fn features_have_to_be_named() {
        let arguments = ["alphafleet", "features", "evaluate", "--dataset", "us"];
        assert!(Args::try_parse_from(arguments).is_err());
    }
}
