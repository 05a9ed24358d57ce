use std::process::ExitCode;

use alphafleet_datasets::{
    Import, ImportOptions, Precision, PriceBasis, QlibExport, QlibFrequency, QlibLayout,
    QlibOptions, QlibPanel, export_qlib, import_files, is_qlib_folder, read_converted, read_qlib,
    write_converted, write_import,
};
use alphafleet_market::{Finding, Panel};
use serde_json::json;

use super::data::print_findings;
use crate::args::{Convert, Format, Global};
use crate::failure::Usage;
use crate::output::{self, thousands};

/// Converts here, without a server, and says what was found.
pub async fn run(global: &Global, convert: Convert) -> anyhow::Result<ExitCode> {
    let target = convert.out.clone();
    let Converted { rows, instruments, findings } =
        tokio::task::spawn_blocking(move || convert_all(convert)).await??;
    let findings = serde_json::to_value(findings)?;
    if global.json {
        let (rows, out) = (rows as u64, target.display().to_string());
        output::json(&json!({
            "out": out, "rows": rows, "instruments": instruments, "findings": findings,
        }))?;
    } else {
        let (rows, instruments) = (thousands(rows as u64), thousands(instruments as u64));
        println!("{}: {rows} rows of {instruments} instruments", target.display());
        print_findings(&findings);
    }
    Ok(ExitCode::SUCCESS)
}

struct Converted {
    rows: usize,
    instruments: usize,
    findings: Vec<Finding>,
}

enum Source {
    Qlib(QlibPanel),
    Files(Import, Option<QlibLayout>),
}

fn convert_all(convert: Convert) -> anyhow::Result<Converted> {
    let source = read(&convert)?;
    let (panel, mut findings) = match &source {
        Source::Qlib(qlib) => (&qlib.panel, qlib.findings.clone()),
        Source::Files(import, _) => (&import.panel, import.findings.clone()),
    };
    let (rows, instruments) = (panel.rows(), panel.instruments().len());
    match convert.to {
        Format::Parquet => write_parquet(&convert, source)?,
        Format::Qlib => {
            let layout = match &source {
                Source::Qlib(qlib) => Some(&qlib.layout),
                Source::Files(_, layout) => layout.as_ref(),
            };
            findings.extend(write_qlib(&convert, panel, layout)?);
        }
    }
    Ok(Converted { rows, instruments, findings })
}

fn read(convert: &Convert) -> anyhow::Result<Source> {
    let price_basis = convert.prices.map(PriceBasis::from);
    if let [input] = convert.inputs.as_slice() {
        if is_qlib_folder(input) {
            let options = QlibOptions {
                frequency: convert.frequency.clone(),
                price_basis: price_basis.unwrap_or(PriceBasis::Adjusted),
                ..QlibOptions::default()
            };
            return Ok(Source::Qlib(read_qlib(input, &options)?));
        }
        let written_here = match input.is_file() && price_basis.is_none() {
            true => read_converted(input)?,
            false => None,
        };
        if let Some(file) = written_here {
            let (rows, sources) = (file.panel.rows() as u64, Vec::new());
            let import = Import { panel: file.panel, rows, findings: file.findings, sources };
            return Ok(Source::Files(import, file.layout));
        }
    }
    let options = ImportOptions { price_basis, ..ImportOptions::default() };
    Ok(Source::Files(import_files(&convert.inputs, &options)?, None))
}

fn write_parquet(convert: &Convert, source: Source) -> anyhow::Result<()> {
    if convert.out.exists() {
        return Err(Usage(format!("{} is there already", convert.out.display())).into());
    }
    match source {
        Source::Qlib(qlib) => write_converted(&convert.out, qlib)?,
        Source::Files(import, _) => write_import(&convert.out, &import)?,
    }
    Ok(())
}

fn write_qlib(
    convert: &Convert,
    panel: &Panel,
    layout: Option<&QlibLayout>,
) -> anyhow::Result<Vec<Finding>> {
    let day = QlibFrequency::day();
    let frequency = convert.frequency.as_ref().or(layout.map(QlibLayout::frequency));
    let export = QlibExport {
        frequency: frequency.unwrap_or(&day),
        price_basis: convert.qlib_prices.into(),
        precision: if convert.exact { Precision::Double } else { Precision::Single },
        layout,
    };
    Ok(export_qlib(panel, &convert.out, &export)?)
}
