use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use alphafleet_datasets::{
    ColumnValues, ImportOptions, KeyOrder, PriceBasis, RowRule, Table, TableColumn, TableFile,
};
use alphafleet_factors::{
    Cell, FactorError, FeatureFrame, NamedExpr, compute, compute_double, instrument_parts,
};
use alphafleet_market::Panel;
use chrono::NaiveDateTime;
use serde_json::{Value, json};

use super::super::data::print_findings;
use super::super::members::of_universe;
use super::fundamentals;
use super::source::{Selection, bars};
use super::target::refuse_input;
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
    let announcements = request.fundamentals.announcements.as_deref();
    refuse_input(&request.out, request.data.iter().map(PathBuf::as_path).chain(announcements))?;
    let selection = Selection { set: request.set.as_deref(), own: &request.expressions };
    let asked = selection.expressions()?;
    // Rows and prices are taken as the file has them.
    let options = ImportOptions {
        price_basis: Some(PriceBasis::Raw),
        rows: RowRule::AsRecorded,
        ..ImportOptions::default()
    };
    let (panel, mut findings) = bars(&request.data, &options, request.adjustment)?;
    let (panel, told) = fundamentals::attach(panel, announcements, &asked)?;
    findings.extend(told);
    let panel = of_universe(panel, request.members.as_deref())?;
    let (exprs, left_out) = selection.available(asked, &panel)?;
    findings.extend(left_out);
    let rows = write(request, &panel, &exprs)?;
    Ok(Computed {
        out: request.out.display().to_string(),
        rows,
        factors: exprs.len(),
        findings: Value::Array(findings),
    })
}

/// Computes some instruments at a time and adds them to the file, so that the factors of a large
/// market are never in memory as a whole. Those that compare instruments are: they are computed
/// first, over all of them. Answers the number of rows.
fn write(request: &ComputeFactors, panel: &Panel, exprs: &[NamedExpr]) -> anyhow::Result<usize> {
    let (across, alone): (Vec<_>, Vec<_>) =
        exprs.iter().cloned().partition(|named| named.expr.is_cross_sectional());
    let across = Values::compute(panel, &across, request.threads)?;
    let (mut file, mut rows) = (None, 0);
    for part in instrument_parts(panel, exprs.len()) {
        let own = panel.instruments_in(part.clone());
        let alone = Values::compute(&own, &alone, request.threads)?;
        let (instruments, times) = keys(&own);
        let all = 0..own.instruments().len();
        let columns = exprs.iter().filter_map(|named| {
            let name = named.name.as_str();
            let values = across.column(name, &part).or_else(|| alone.column(name, &all))?;
            Some(TableColumn { name, values })
        });
        let table = Table {
            instruments: &instruments,
            times: &times,
            columns: columns.collect(),
            keys: KeyOrder::InstrumentFirst,
        };
        let file = match &mut file {
            Some(file) => file,
            none => none.insert(TableFile::create(&request.out, &table)?),
        };
        file.append(&table)?;
        rows += times.len();
    }
    file.map_or(Ok(()), TableFile::finish)?;
    Ok(rows)
}

/// Columns of a panel. Indicators are meant in double precision, everything else in Qlib's single.
struct Values {
    single: Option<FeatureFrame>,
    double: Option<FeatureFrame<f64>>,
}

impl Values {
    fn compute(panel: &Panel, exprs: &[NamedExpr], threads: usize) -> Result<Self, Usage> {
        let (double, single): (Vec<_>, Vec<_>) =
            exprs.iter().cloned().partition(|named| named.expr.is_double());
        let single = (!single.is_empty()).then(|| compute(panel, &single, threads));
        let double = (!double.is_empty()).then(|| compute_double(panel, &double, threads));
        let mistake = |error: FactorError| Usage(error.to_string());
        Ok(Self {
            single: single.transpose().map_err(mistake)?,
            double: double.transpose().map_err(mistake)?,
        })
    }

    /// What a column has of some instruments.
    fn column(&self, name: &str, instruments: &Range<usize>) -> Option<ColumnValues<'_>> {
        let single = self.single.as_ref().and_then(|frame| {
            Some(ColumnValues::F32(&frame.column_named(name)?[cells(frame, instruments)]))
        });
        single.or_else(|| {
            let frame = self.double.as_ref()?;
            Some(ColumnValues::F64(&frame.column_named(name)?[cells(frame, instruments)]))
        })
    }
}

fn cells<T: Cell>(frame: &FeatureFrame<T>, instruments: &Range<usize>) -> Range<usize> {
    match instruments.is_empty() {
        true => 0..0,
        false => frame.cells(instruments.start).start..frame.cells(instruments.end - 1).end,
    }
}

/// Instrument and time of each row: the bars from each instrument's first row to its last.
fn keys(panel: &Panel) -> (Vec<&str>, Vec<NaiveDateTime>) {
    let (mut instruments, mut times) = (Vec::new(), Vec::new());
    for (instrument, name) in panel.instruments().iter().enumerate() {
        let own = &panel.calendar()[panel.listed(instrument)];
        instruments.resize(instruments.len() + own.len(), name.as_str());
        times.extend_from_slice(own);
    }
    (instruments, times)
}
