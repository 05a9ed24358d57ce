use std::path::PathBuf;

use alphafleet_datasets::{ImportOptions, import_files};
use alphafleet_factors::{Finding as FactorFinding, NamedExpr, alpha158, keep_available};
use alphafleet_market::{Adjustment, Panel, adjust, is_index_code};
use serde_json::{Value, json};

use crate::args::{FactorSet, PriceAdjustment};
use crate::failure::Usage;

/// Bars that factors are computed on, and what was found on the way.
pub struct Source {
    pub panel: Panel,
    /// As [`print_findings`](super::super::data::print_findings) takes them.
    pub findings: Vec<Value>,
}

/// Imports and adjusts the files. Indices are left out as in a training: they would be ranked as
/// one of the stocks.
pub fn read(files: &[PathBuf], adjustment: PriceAdjustment) -> anyhow::Result<Source> {
    let import = import_files(files, &ImportOptions::default())?;
    let mut findings = import.findings;
    let adjustment = match adjustment {
        PriceAdjustment::None => Adjustment::None,
        PriceAdjustment::Backward => Adjustment::Backward,
        PriceAdjustment::Forward => Adjustment::Forward,
    };
    let (panel, found) = adjust(import.panel, adjustment)?;
    findings.extend(found);
    let mut findings =
        findings.iter().map(serde_json::to_value).collect::<Result<Vec<Value>, _>>()?;
    let indices: Vec<&str> =
        panel.instruments().iter().map(String::as_str).filter(|name| is_index_code(name)).collect();
    if !indices.is_empty() {
        let message = format!("left out as no stocks but indices: {}", indices.join(", "));
        findings.push(finding("info", "index_left_out", &message));
    }
    let panel = panel.retain_instruments(|name| !is_index_code(name));
    if panel.instruments().is_empty() {
        return Err(Usage("the files hold indices only, no stock".to_owned()).into());
    }
    Ok(Source { panel, findings })
}

/// The factors asked for: of a set those whose fields the data has, then one's own.
pub fn factors(
    set: Option<FactorSet>,
    own: &[String],
    source: &mut Source,
) -> anyhow::Result<Vec<NamedExpr>> {
    let set = match set {
        Some(FactorSet::Alpha158) => alpha158()?,
        None => vec![],
    };
    let (mut factors, found) = keep_available(set, source.panel.field_names());
    let told = |found: &FactorFinding| finding("warning", &found.code, &found.message);
    source.findings.extend(found.iter().map(told));
    for text in own {
        let expected = "--expr expects NAME=EXPRESSION, e.g. reversal=Ref($close, 5)/$close";
        let (name, expression) =
            text.split_once('=').ok_or_else(|| Usage(format!("{expected}: {text}")))?;
        factors.push(NamedExpr::parse(name.trim(), expression)?);
    }
    Ok(factors)
}

fn finding(severity: &str, code: &str, message: &str) -> Value {
    json!({ "severity": severity, "code": code, "message": message })
}
