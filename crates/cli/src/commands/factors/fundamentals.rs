use std::path::Path;

use alphafleet_datasets::read_announcements;
use alphafleet_factors::{Expr, NamedExpr};
use alphafleet_market::{Announcements, Panel};
use serde_json::{Value, json};

use crate::failure::Usage;

/// The bars with the announcements beside them, and what is to be said of these.
pub fn attach(
    panel: Panel,
    file: Option<&Path>,
    exprs: &[NamedExpr],
) -> anyhow::Result<(Panel, Option<Value>)> {
    let Some(file) = file else {
        let reads = |named: &NamedExpr| {
            Some((named.name.clone(), named.expr.period_fields().first()?.to_string()))
        };
        return match exprs.iter().find_map(reads) {
            Some((name, field)) => Err(Usage(format!(
                "{name} reads $${field}: give --announcements FILE with its values by period"
            ))
            .into()),
            None => Ok((panel, None)),
        };
    };
    let announcements = read_announcements(file)?;
    for named in exprs {
        missing(file, &announcements, &named.expr)?;
    }
    let told = coverage(file, &panel, &announcements)?;
    Ok((panel.with_announcements(announcements), told))
}

/// Refuses an expression that reads what the announcements do not have.
pub fn check(file: &Path, expr: &Expr) -> anyhow::Result<()> {
    missing(file, &read_announcements(file)?, expr)
}

fn missing(file: &Path, announcements: &Announcements, expr: &Expr) -> anyhow::Result<()> {
    let known: Vec<&str> = announcements.field_names().collect();
    match expr.period_fields().into_iter().find(|field| !known.contains(field)) {
        None => Ok(()),
        Some(field) => {
            let known: Vec<String> = known.iter().map(|field| format!("$${field}")).collect();
            let (file, known) = (file.display(), known.join(", "));
            Err(Usage(format!("missing field $${field}: {file} has {known}")).into())
        }
    }
}

/// Names that meet nowhere are a mistake; some that do not are worth a word.
fn coverage(
    file: &Path,
    panel: &Panel,
    announcements: &Announcements,
) -> Result<Option<Value>, Usage> {
    let bare: Vec<&str> = panel.instruments().iter().map(String::as_str).collect();
    let bare: Vec<&str> =
        bare.into_iter().filter(|name| !announcements.has_instrument(name)).collect();
    if bare.len() == panel.instruments().len() {
        let (has, wants) = (announcements.instruments(), bare);
        let first = |names: &[&str]| names.first().map_or("none", |name| name).to_owned();
        return Err(Usage(format!(
            "{} announces nothing of the bars' instruments: it has {}, …, they have {}, …",
            file.display(),
            first(&has),
            first(&wants),
        )));
    }
    if bare.is_empty() {
        return Ok(None);
    }
    let message = format!("nothing is announced of {} instruments: {}", bare.len(), some(&bare));
    Ok(Some(json!({ "severity": "warning", "code": "not_announced", "message": message })))
}

fn some(names: &[&str]) -> String {
    const NAMED: usize = 3;
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}
