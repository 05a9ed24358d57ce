use std::process::ExitCode;

use alphafleet_backtest::plan::plan_templates;
use alphafleet_specs::document_from_toml;
use serde_json::json;

use crate::failure::Usage;
use crate::output;

/// Prints a template: TOML with its comments, or the document it stands for.
pub fn print(json: bool, name: &str) -> anyhow::Result<ExitCode> {
    let Some(template) = plan_templates().iter().find(|template| template.name == name) else {
        let known = plan_templates().iter().map(|known| known.name).collect::<Vec<_>>();
        let message =
            format!("--template {name}: there is no such; there are {}", known.join(", "));
        return Err(Usage(message).into());
    };
    match json {
        true => output::json(&document_from_toml(template.toml)?)?,
        false => print!("{}", template.toml),
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists the templates.
pub fn list(json: bool) -> anyhow::Result<ExitCode> {
    if json {
        let rows = plan_templates().iter().map(|template| {
            json!({
                "name": template.name,
                "title": template.title,
                "needs_signal": template.needs_signal,
            })
        });
        output::json(&rows.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = plan_templates().iter().map(|template| {
        let signal = if template.needs_signal { "needs --signals" } else { "" };
        [template.name, template.title, signal].map(str::to_owned)
    });
    println!("{}", output::table(["template", "what", ""], &[], rows.collect()));
    Ok(ExitCode::SUCCESS)
}
