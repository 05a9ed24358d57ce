use alphafleet_backtest::plan::{PlanTemplate, plan_templates};
use serde_json::json;

use crate::Template;

/// The templates of strategies that need no model, as configurations.
pub(crate) fn rule_templates() -> Vec<Template> {
    let rules = plan_templates().iter().filter(|template| !template.needs_signal);
    rules.filter_map(rule_template).collect()
}

fn rule_template(template: &PlanTemplate) -> Option<Template> {
    let plan = crate::document::toml(template.toml).ok()?;
    Some(Template {
        name: template.name,
        title: template.title,
        description: description(template.toml),
        configuration: json!({ "backtest": plan }),
    })
}

/// The comment that a template begins with.
fn description(toml: &str) -> String {
    let lines = toml.lines().map_while(|line| line.strip_prefix('#'));
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}
