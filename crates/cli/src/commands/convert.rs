use std::path::Path;
use std::process::ExitCode;

use alphafleet_datasets::{
    Import, ImportOptions, Precision, PriceBasis, QlibExport, QlibFrequency, QlibLayout,
    QlibOptions, QlibPanel, export_qlib, import_files, is_qlib_folder, read_announcements,
    read_converted, read_qlib, read_universe, write_announcements, write_converted, write_import,
};
use alphafleet_market::{Announcements, Finding, FindingCode, Panel};
use serde_json::json;

use super::data::print_findings;
use crate::args::{Convert, Format, Global, UniverseFile};
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
    let source = with_universes(&convert, read(&convert)?)?;
    let (panel, mut findings) = match &source {
        Source::Qlib(qlib) => (&qlib.panel, qlib.findings.clone()),
        Source::Files(import, _) => (&import.panel, import.findings.clone()),
    };
    let (rows, instruments) = (panel.rows(), panel.instruments().len());
    let announced = announcements(&convert)?;
    match convert.to {
        Format::Parquet => {
            check_free(&convert.out)?;
            findings.extend(write_announced(&convert, announced.as_ref())?);
            write_parquet(&convert, source)?;
        }
        Format::Qlib => {
            let (panel, layout) = match source {
                Source::Qlib(qlib) => (qlib.panel, Some(qlib.layout)),
                Source::Files(import, layout) => (import.panel, layout),
            };
            let panel = panel.with_announcements(announced.unwrap_or_default());
            findings.extend(write_qlib(&convert, &panel, layout.as_ref())?);
        }
    }
    Ok(Converted { rows, instruments, findings })
}

/// What goes along: the table that is named for Qlib, else what a Qlib folder has.
fn announcements(convert: &Convert) -> anyhow::Result<Option<Announcements>> {
    let own = match convert.inputs.as_slice() {
        [input] if is_qlib_folder(input) && input.join("financial").is_dir() => Some(input),
        _ => None,
    };
    match (&convert.announcements, convert.to) {
        (Some(file), Format::Qlib) => Ok(Some(read_announcements(file)?)),
        (Some(file), Format::Parquet) if own.is_none() => {
            let file = file.display();
            Err(Usage(format!(
                "--announcements {file}: the input is no Qlib folder with financial/ in it"
            ))
            .into())
        }
        _ => Ok(own.map(|folder| read_announcements(folder)).transpose()?),
    }
}

/// Writes the table of announcements, or says that they were left out.
fn write_announced(
    convert: &Convert,
    announced: Option<&Announcements>,
) -> anyhow::Result<Option<Finding>> {
    let Some(announced) = announced else { return Ok(None) };
    let Some(file) = &convert.announcements else {
        let message = "the announcements in financial/ were left out: name a file for them with \
            --announcements";
        return Ok(Some(Finding::whole(FindingCode::AnnouncementsLeftOut, None, message)));
    };
    check_free(file)?;
    write_announcements(file, announced)?;
    Ok(None)
}

fn check_free(file: &Path) -> Result<(), Usage> {
    match file.exists() {
        true => Err(Usage(format!("{} is there already", file.display()))),
        false => Ok(()),
    }
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

fn with_universes(convert: &Convert, source: Source) -> anyhow::Result<Source> {
    Ok(match source {
        Source::Qlib(mut qlib) => {
            let (panel, found) = add_universes(convert, qlib.panel)?;
            qlib.findings.extend(found);
            // A way back to Qlib has them as lists again.
            for UniverseFile { name, .. } in &convert.universes {
                qlib.layout.add_universe_field(name);
            }
            Source::Qlib(QlibPanel { panel, ..qlib })
        }
        Source::Files(mut import, layout) => {
            let (panel, found) = add_universes(convert, import.panel)?;
            import.findings.extend(found);
            Source::Files(Import { panel, ..import }, layout)
        }
    })
}

/// The panel with each universe that is named as a field, and what was found.
fn add_universes(convert: &Convert, mut panel: Panel) -> anyhow::Result<(Panel, Vec<Finding>)> {
    let mut findings = Vec::new();
    for UniverseFile { name, file } in &convert.universes {
        let (added, found) = read_universe(file)?.add_to(panel, name)?;
        panel = added;
        findings.extend(found);
    }
    Ok((panel, findings))
}

fn write_parquet(convert: &Convert, source: Source) -> anyhow::Result<()> {
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
    let universes: Vec<String> =
        convert.universes.iter().map(|universe| universe.name.clone()).collect();
    let export = QlibExport {
        frequency: frequency.unwrap_or(&day),
        price_basis: convert.qlib_prices.into(),
        precision: if convert.exact { Precision::Double } else { Precision::Single },
        layout,
        universes: &universes,
    };
    Ok(export_qlib(panel, &convert.out, &export)?)
}
