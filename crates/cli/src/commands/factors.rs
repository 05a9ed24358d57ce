use std::process::ExitCode;

use alphafleet_datasets::{
    ColumnValues, ImportOptions, KeyOrder, PriceBasis, Table, TableColumn, import_files,
    write_table_file,
};
use alphafleet_factors::{
    Expr, FeatureFrame, NamedExpr, compute, compute_double, keep_available, validate_features,
};
use alphafleet_market::{Adjustment, Finding, Panel, adjust, complete_columns};
use alphafleet_specs::FeatureSet;
use serde_json::{Value, json};

use super::data::print_findings;
use crate::args::{AdjustPrices, ComputeFactors, Factors, Global};
use crate::failure::Usage;
use crate::output::{self, thousands};

pub async fn run(global: &Global, factors: Factors) -> anyhow::Result<ExitCode> {
    match factors {
        Factors::Check { expression } => check(global, &expression),
        Factors::Compute(request) => {
            let computed = tokio::task::spawn_blocking(move || compute_all(&request)).await??;
            computed.print(global)
        }
    }
}

/// Says what an expression reads; points at the character where it is none.
fn check(global: &Global, expression: &str) -> anyhow::Result<ExitCode> {
    let expr = Expr::parse(expression).map_err(|error| {
        let pointer = error.pointer(expression).map(|text| format!("\n{text}"));
        Usage(format!("{error}{}", pointer.unwrap_or_default()))
    })?;
    let (back, ahead) = (expr.look_back(), expr.look_ahead());
    if global.json {
        output::json(&json!({
            "expression": expr.to_string(), "fields": expr.fields(),
            "look_back": back, "look_ahead": ahead,
        }))?;
    } else {
        let fields: Vec<String> = expr.fields().iter().map(|field| format!("${field}")).collect();
        let back = back.map_or("all of the past".to_owned(), |bars| format!("{bars} bars back"));
        println!("{expr}");
        println!("reads {}; looks {back}, {ahead} ahead", fields.join(", "));
        if ahead > 0 {
            println!("it may serve as a label, not as a feature: it reads the future");
        }
    }
    Ok(ExitCode::SUCCESS)
}

struct Computed {
    out: String,
    rows: usize,
    factors: usize,
    findings: Value,
}

impl Computed {
    fn print(self, global: &Global) -> anyhow::Result<ExitCode> {
        let Self { out, rows, factors, findings } = self;
        if global.json {
            let rows = rows as u64;
            output::json(
                &json!({ "out": out, "rows": rows, "factors": factors, "findings": findings }),
            )?;
        } else {
            println!("{out}: {factors} factors on {} bars", thousands(rows as u64));
            print_findings(&findings);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn compute_all(request: &ComputeFactors) -> anyhow::Result<Computed> {
    let asked = expressions(request)?;
    let (panel, mut findings) = bars(request)?;
    let (exprs, left_out) = available(request, asked, &panel)?;
    findings.extend(left_out);
    // Indicators are meant in double precision, everything else in Qlib's single.
    let (double, single): (Vec<_>, Vec<_>) =
        exprs.iter().cloned().partition(|named| named.expr.is_double());
    let singles = (!single.is_empty()).then(|| compute(&panel, &single, request.threads));
    let doubles = (!double.is_empty()).then(|| compute_double(&panel, &double, request.threads));
    let mistake = |error: alphafleet_factors::FactorError| Usage(error.to_string());
    let (singles, doubles) =
        (singles.transpose().map_err(mistake)?, doubles.transpose().map_err(mistake)?);
    let columns = exprs.iter().filter_map(|named| {
        let name = named.name.as_str();
        let single = singles.as_ref().and_then(|frame| frame.column_named(name));
        let double = doubles.as_ref().and_then(|frame| frame.column_named(name));
        let values = single.map(ColumnValues::F32).or(double.map(ColumnValues::F64))?;
        Some(TableColumn { name, values })
    });
    let (instruments, times) = match (&singles, &doubles) {
        (Some(frame), _) => keys(&panel, frame),
        (_, Some(frame)) => keys(&panel, frame),
        _ => Default::default(),
    };
    let table = Table {
        instruments: &instruments,
        times: &times,
        columns: columns.collect(),
        keys: KeyOrder::InstrumentFirst,
    };
    write_table_file(&request.out, &table)?;
    Ok(Computed {
        out: request.out.display().to_string(),
        rows: times.len(),
        factors: exprs.len(),
        findings: Value::Array(findings),
    })
}

/// The set's expressions, then those given.
fn expressions(request: &ComputeFactors) -> anyhow::Result<Vec<NamedExpr>> {
    let mut sources = match &request.set {
        Some(name) => set(name)?.sources(),
        None => vec![],
    };
    for given in &request.expressions {
        let Some((name, source)) = given.split_once('=').filter(|(name, _)| is_name(name)) else {
            let message = format!("--expr {given}: give it as NAME=EXPR, e.g. ma5=Mean($close, 5)");
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

/// The file's bars, their prices as they are or adjusted.
fn bars(request: &ComputeFactors) -> anyhow::Result<(Panel, Vec<Value>)> {
    let options = ImportOptions { price_basis: Some(PriceBasis::Raw), ..ImportOptions::default() };
    let import = import_files(&request.data, &options)?;
    let (panel, completed) =
        complete_columns(import.panel).map_err(|error| Usage(error.to_string()))?;
    let adjustment = match request.adjustment {
        AdjustPrices::None => Adjustment::None,
        AdjustPrices::Forward => Adjustment::Forward,
        AdjustPrices::Backward => Adjustment::Backward,
    };
    let (panel, adjusted) = adjust(panel, adjustment).map_err(|error| Usage(error.to_string()))?;
    let findings: Vec<Finding> =
        import.findings.into_iter().chain(completed).chain(adjusted).collect();
    let findings = findings.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    Ok((panel, findings))
}

/// What the bars have fields for. Of a set the others are left out; of one's own they are refused
/// when they are computed.
fn available(
    request: &ComputeFactors,
    exprs: Vec<NamedExpr>,
    panel: &Panel,
) -> anyhow::Result<(Vec<NamedExpr>, Vec<Value>)> {
    let own = request.expressions.len();
    let (set, own) = exprs.split_at(exprs.len() - own);
    let (mut kept, left_out) = keep_available(set.to_vec(), panel.field_names());
    kept.extend_from_slice(own);
    let findings = left_out.iter().map(|finding| {
        json!({ "severity": "warning", "code": finding.code, "message": finding.message })
    });
    if kept.is_empty() {
        return Err(Usage("the file has the fields of none of the set's factors".to_owned()).into());
    }
    Ok((kept, findings.collect()))
}

/// Instrument and time of each of a frame's cells.
fn keys<'a, T: Copy + Default>(
    panel: &'a Panel,
    frame: &FeatureFrame<T>,
) -> (Vec<&'a str>, Vec<chrono::NaiveDateTime>) {
    let (mut instruments, mut times) =
        (Vec::with_capacity(frame.rows()), Vec::with_capacity(frame.rows()));
    for (instrument, name) in panel.instruments().iter().enumerate() {
        for bar in frame.listed(instrument) {
            instruments.push(name.as_str());
            times.push(panel.calendar()[bar]);
        }
    }
    (instruments, times)
}
