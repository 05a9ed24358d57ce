use std::process::ExitCode;

use alphafleet_datasets::{
    ColumnValues, KeyOrder, PriceBasis, Table, TableColumn, write_table_file,
};
use alphafleet_factors::{Cell, FactorError, FeatureFrame, compute, compute_double};
use alphafleet_market::Panel;
use serde_json::{Value, json};

use super::super::data::print_findings;
use super::fundamentals;
use super::source::{Selection, bars};
use crate::args::ComputeFactors;
use crate::failure::Usage;
use crate::output::{self, thousands};

/// Computes what is asked for and writes it.
pub fn run(json: bool, request: &ComputeFactors) -> anyhow::Result<ExitCode> {
    compute_all(request)?.print(json)
}

struct Computed {
    out: String,
    rows: usize,
    factors: usize,
    findings: Value,
}

impl Computed {
    fn print(self, json: bool) -> anyhow::Result<ExitCode> {
        let Self { out, rows, factors, findings } = self;
        if json {
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
    let selection = Selection { set: request.set.as_deref(), own: &request.expressions };
    let asked = selection.expressions()?;
    // Prices are taken as the file has them.
    let (panel, mut findings) = bars(&request.data, Some(PriceBasis::Raw), request.adjustment)?;
    let announcements = request.fundamentals.announcements.as_deref();
    let (panel, told) = fundamentals::attach(panel, announcements, &asked)?;
    findings.extend(told);
    let (exprs, left_out) = selection.available(asked, &panel)?;
    findings.extend(left_out);
    // Indicators are meant in double precision, everything else in Qlib's single.
    let (double, single): (Vec<_>, Vec<_>) =
        exprs.iter().cloned().partition(|named| named.expr.is_double());
    let singles = (!single.is_empty()).then(|| compute(&panel, &single, request.threads));
    let doubles = (!double.is_empty()).then(|| compute_double(&panel, &double, request.threads));
    let mistake = |error: FactorError| Usage(error.to_string());
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

/// Instrument and time of each of a frame's cells.
fn keys<'a, T: Cell>(
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
