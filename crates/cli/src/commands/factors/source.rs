use std::path::PathBuf;

use alphafleet_datasets::{ImportOptions, import_files};
use alphafleet_factors::{NamedExpr, keep_available, validate_features};
use alphafleet_market::{Panel, adjust};
use alphafleet_specs::FeatureSet;
use serde_json::{Value, json};

use crate::args::AdjustPrices;
use crate::failure::Usage;

/// The factors a person asks for.
pub struct Selection<'a> {
    /// The name of a published set.
    pub set: Option<&'a str>,
    /// One's own, as `NAME=EXPR`.
    pub own: &'a [String],
}

impl Selection<'_> {
    /// The set's expressions, then those given.
    pub fn expressions(&self) -> anyhow::Result<Vec<NamedExpr>> {
        let mut sources = match self.set {
            Some(name) => set(name)?.sources(),
            None => vec![],
        };
        for given in self.own {
            let Some((name, source)) = given.split_once('=').filter(|(name, _)| is_name(name))
            else {
                let message =
                    format!("--expr {given}: give it as NAME=EXPR, e.g. ma5=Mean($close, 5)");
                return Err(Usage(message).into());
            };
            sources.push((name.trim().to_owned(), source.to_owned()));
        }
        let parsed = sources.iter().map(|(name, source)| {
            NamedExpr::parse(name, source).map_err(|error| {
                let reason = std::error::Error::source(&error).map(|reason| format!(": {reason}"));
                Usage(format!("{error}{}", reason.unwrap_or_default()))
            })
        });
        let exprs: Vec<NamedExpr> = parsed.collect::<Result<_, _>>()?;
        validate_features(&exprs).map_err(|error| Usage(error.to_string()))?;
        Ok(exprs)
    }

    /// What the bars have fields for. Of a set the others are left out; of one's own they are refused
    /// when they are computed.
    pub fn available(
        &self,
        exprs: Vec<NamedExpr>,
        panel: &Panel,
    ) -> anyhow::Result<(Vec<NamedExpr>, Vec<Value>)> {
        let (set, own) = exprs.split_at(exprs.len() - self.own.len());
        let (mut kept, left_out) = keep_available(set.to_vec(), panel.field_names());
        kept.extend_from_slice(own);
        let findings = left_out.iter().map(|finding| {
            json!({ "severity": "warning", "code": finding.code, "message": finding.message })
        });
        if kept.is_empty() {
            return Err(
                Usage("the file has the fields of none of the set's factors".to_owned()).into()
            );
        }
        Ok((kept, findings.collect()))
    }
}

/// A name has no operator of the language in it.
fn is_name(name: &str) -> bool {
    let name = name.trim();
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c))
}

fn set(name: &str) -> Result<FeatureSet, Usage> {
    FeatureSet::parse(name).ok_or_else(|| {
        let known = FeatureSet::ALL.map(FeatureSet::name).join(", ");
        Usage(format!("--set {name}: there is no such set; there are {known}"))
    })
}

/// The files' bars, adjusted, and what was found on them, nothing twice.
pub fn bars(
    files: &[PathBuf],
    options: &ImportOptions,
    adjustment: AdjustPrices,
) -> anyhow::Result<(Panel, Vec<Value>)> {
    let import = import_files(files, options)?;
    let (panel, adjusted) =
        adjust(import.panel, adjustment.into()).map_err(|error| Usage(error.to_string()))?;
    let mut findings = import.findings;
    for finding in adjusted {
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    let findings = findings.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    Ok((panel, findings))
}
