use std::path::Path;
use std::process::ExitCode;

use alphafleet_protocol::api::{StrategyBody, StrategyView};
use alphafleet_specs::StrategyConfig;
use anyhow::Context;
use serde_json::Value;

use super::connect::connect;
use crate::args::{Global, Strategy, StrategySource};
use crate::failure::Usage;
use crate::output;

pub async fn run(global: &Global, strategy: Strategy) -> anyhow::Result<ExitCode> {
    let api = connect(global)?;
    match strategy {
        Strategy::Create { name, description, source } => {
            let config = configuration(source)?;
            let body = StrategyBody { name, description, config };
            show(global, &api.create_strategy(&body).await?)?;
        }
        Strategy::List => list(global, api.strategies().await?.items)?,
        Strategy::Show { strategy } => show(global, &api.strategy(&strategy).await?)?,
        Strategy::Update { strategy, source } => {
            let found = api.strategy(&strategy).await?;
            let config = configuration(source)?;
            let (name, description) = (found.name.clone(), found.description.clone());
            let body = StrategyBody { name, description, config };
            show(global, &api.update_strategy(&found, &body).await?)?;
        }
        Strategy::Delete { strategy } => {
            let found = api.strategy(&strategy).await?;
            api.delete_strategy(&found).await?;
        }
        Strategy::Templates { name } => templates(global, name)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn configuration(source: StrategySource) -> anyhow::Result<Value> {
    match source.config {
        Some(file) => read(&file),
        None => Ok(template(&source.template.unwrap_or_default())?),
    }
}

fn template(wanted: &str) -> Result<Value, Usage> {
    let templates = alphafleet_specs::templates();
    let known = templates.iter().map(|known| known.name).collect::<Vec<_>>().join(", ");
    let found = templates.into_iter().find(|template| template.name == wanted);
    found
        .map(|template| template.configuration)
        .ok_or_else(|| Usage(format!("no template '{wanted}': there are {known}")))
}

/// A training configuration from TOML or, by its ending, JSON.
fn read(file: &Path) -> anyhow::Result<Value> {
    let unreadable = |error| Usage(format!("{} cannot be read: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let faulty = || format!("{} is not a training configuration", file.display());
    if file.extension().is_some_and(|ending| ending == "json") {
        let document = serde_json::from_str(&text)
            .map_err(|error| Usage(format!("{} is not JSON: {error}", file.display())))?;
        return Ok(StrategyConfig::from_value(&document).with_context(faulty)?.to_value());
    }
    Ok(StrategyConfig::from_toml(&text).with_context(faulty)?.to_value())
}

fn templates(global: &Global, name: Option<String>) -> anyhow::Result<()> {
    if let Some(name) = name {
        let configuration = template(&name)?;
        if global.json {
            return output::json(&configuration);
        }
        print!("{}", toml::to_string_pretty(&without_nulls(&configuration))?);
        return Ok(());
    }
    let templates = alphafleet_specs::templates();
    if global.json {
        return output::json(&templates);
    }
    let rows = templates.into_iter();
    let rows = rows.map(|template| [template.name.to_owned(), template.description]);
    println!("{}", output::table(["template", "what"], &[], rows.collect()));
    Ok(())
}

fn list(global: &Global, strategies: Vec<StrategyView>) -> anyhow::Result<()> {
    if global.json {
        return output::json(&strategies);
    }
    if strategies.is_empty() {
        println!("no strategies yet: alphafleet strategy create NAME --template lightgbm_alpha158");
        return Ok(());
    }
    let rows = strategies.into_iter().map(|strategy| {
        let sessions = format!("{} ({} active)", strategy.total_sessions, strategy.active_sessions);
        [strategy.name, strategy.strategy_type, sessions, strategy.id.to_string()]
    });
    println!("{}", output::table(["strategy", "model", "sessions", "id"], &[2], rows.collect()));
    Ok(())
}

fn show(global: &Global, strategy: &StrategyView) -> anyhow::Result<()> {
    if global.json {
        return output::json(strategy);
    }
    println!("{} ({}), id {}", strategy.name, strategy.strategy_type, strategy.id);
    print!("{}", toml::to_string_pretty(&without_nulls(&strategy.config))?);
    Ok(())
}

/// TOML has no null; an absent key says the same.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}
