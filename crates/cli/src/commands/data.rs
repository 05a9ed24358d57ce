use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alphafleet_datasets::{
    ColumnMapping, ImportOptions, PriceBasis, import_files, is_qlib_folder, write_import,
};
use alphafleet_protocol::api::{DatasetVersionView, DatasetView};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::connect::connect;
use super::{announce, convert};
use crate::args::{Data, Global};
use crate::client::Api;
use crate::failure::Usage;
use crate::output::{self, thousands};

pub async fn run(global: &Global, data: Data) -> anyhow::Result<ExitCode> {
    if let Data::Convert(convert) = data {
        return convert::run(global, convert).await;
    }
    let api = connect(global)?;
    match data {
        Data::Convert(_) => {}
        Data::Import { files, name, columns, reading, announcements } => {
            if reading.frequency.is_some() && !files.iter().any(|file| is_qlib_folder(file)) {
                return Err(Usage("--frequency is for a Qlib folder".to_owned()).into());
            }
            let dataset = match files.as_slice() {
                // The gateway judges by itself what is to be said otherwise.
                [file] if file.is_file() && reading.prices.is_none() => {
                    let mapping = (!columns.is_empty()).then(|| columns.join(","));
                    upload(&api, &name, file, mapping.as_deref(), global.json).await?
                }
                files => {
                    let options = ImportOptions {
                        columns: mapping(&columns)?,
                        price_basis: reading.prices.map(PriceBasis::from),
                        qlib_frequency: reading.frequency,
                        ..ImportOptions::default()
                    };
                    import_here(global, &api, &name, files.to_vec(), options).await?
                }
            };
            let dataset = match announcements {
                Some(file) => announce::run(&api, &name, &file, global.json).await?,
                None => dataset,
            };
            match global.json {
                true => output::json(&dataset)?,
                false => imported(&dataset),
            }
        }
        Data::Announce { file, name } => {
            let dataset = announce::run(&api, &name, &file, global.json).await?;
            match global.json {
                true => output::json(&dataset)?,
                false => imported(&dataset),
            }
        }
        Data::List => list(global, api.datasets().await?.items)?,
        Data::Versions { name } => versions(global, api.dataset_versions(&name).await?.items)?,
        Data::Checks { name } => {
            let newest = api.dataset_versions(&name).await?.items.into_iter().next();
            let findings = newest.map(|version| version.findings).unwrap_or_default();
            match global.json {
                true => output::json(&findings)?,
                false => print_findings(&findings),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn mapping(columns: &[String]) -> Result<ColumnMapping, Usage> {
    let pair = |column: &String| {
        let (field, source) = column.split_once('=')?;
        Some((field.to_owned(), source.to_owned()))
    };
    let expected = "--column expects FIELD=SOURCE, e.g. close=Last";
    let pairs: Option<_> = columns.iter().map(pair).collect();
    pairs.map(ColumnMapping).ok_or_else(|| Usage(expected.to_owned()))
}

/// Uploads one file with a progress bar.
pub async fn upload(
    api: &Api,
    name: &str,
    file: &Path,
    mapping: Option<&str>,
    quiet: bool,
) -> anyhow::Result<DatasetView> {
    let (bar, sent) = progress(file, quiet)?;
    let imported = api.import(name, file, mapping, sent).await;
    bar.finish_and_clear();
    Ok(imported?)
}

/// A bar for the bytes of a file, and who is to hear of those sent.
pub(super) fn progress(
    file: &Path,
    quiet: bool,
) -> anyhow::Result<(ProgressBar, impl Fn(u64) + Send + Sync + 'static)> {
    let bytes = std::fs::metadata(file)
        .map_err(|error| Usage(format!("{} cannot be read: {error}", file.display())))?
        .len();
    let bar = ProgressBar::new(bytes);
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.set_style(ProgressStyle::with_template("  importing {bar:32.cyan/dim} {bytes} {msg}")?);
    let counter = bar.clone();
    let sent = move |chunk| {
        counter.inc(chunk);
        if counter.position() >= bytes {
            counter.set_message("the gateway checks them");
        }
    };
    Ok((bar, sent))
}

/// Merges files of one instrument each, or a Qlib folder, here and uploads the whole, with what
/// was found.
async fn import_here(
    global: &Global,
    api: &Api,
    name: &str,
    files: Vec<PathBuf>,
    options: ImportOptions,
) -> anyhow::Result<DatasetView> {
    let folder = tempfile::tempdir()?;
    let merged = folder.path().join("bars.parquet");
    let target = merged.clone();
    let merge = move || write_import(&target, &import_files(&files, &options)?);
    tokio::task::spawn_blocking(merge).await??;
    upload(api, name, &merged, None, global.json).await
}

/// Says what a dataset's newest version holds and what the checks found in it.
pub fn imported(dataset: &DatasetView) {
    let version = &dataset.latest;
    println!(
        "{}: {} rows of {} instruments, {} to {}, version {}",
        dataset.name,
        thousands(version.rows),
        thousands(version.instruments),
        version.start.date(),
        version.end.date(),
        version.id
    );
    if let Some(announcements) = &version.announcements {
        println!(
            "  {} announcements of {} fields and {} instruments, {} to {}",
            thousands(announcements.rows),
            thousands(announcements.fields.len() as u64),
            thousands(announcements.instruments),
            announcements.start,
            announcements.end,
        );
    }
    print_findings(&version.findings);
}

/// One line a finding, as the checks worded it.
pub fn print_findings(findings: &Value) {
    for finding in findings.as_array().into_iter().flatten() {
        let text = |field: &str| finding.get(field).and_then(Value::as_str).unwrap_or_default();
        println!("  {:<8} {:<22} {}", text("severity"), text("code"), text("message"));
    }
}

fn list(global: &Global, datasets: Vec<DatasetView>) -> anyhow::Result<()> {
    if global.json {
        return output::json(&datasets);
    }
    if datasets.is_empty() {
        println!("no datasets yet: alphafleet data import FILE --name NAME");
        return Ok(());
    }
    let rows = datasets.into_iter().map(|dataset| {
        let range = format!("{} … {}", dataset.latest.start.date(), dataset.latest.end.date());
        let (rows, instruments) = (dataset.latest.rows, dataset.latest.instruments);
        [dataset.name, thousands(rows), thousands(instruments), range]
    });
    let header = ["dataset", "rows", "instruments", "range"];
    println!("{}", output::table(header, &[1, 2], rows.collect()));
    Ok(())
}

fn versions(global: &Global, versions: Vec<DatasetVersionView>) -> anyhow::Result<()> {
    if global.json {
        return output::json(&versions);
    }
    let rows = versions.into_iter().map(|version| {
        let created = version.created_at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
        let findings = version.findings.as_array().map_or(0, Vec::len);
        let announced = version.announcements.map_or(0, |announcements| announcements.rows);
        let (rows, announced) = (thousands(version.rows), thousands(announced));
        [version.id.to_string(), created, rows, announced, findings.to_string()]
    });
    let header = ["version", "created", "rows", "announcements", "findings"];
    println!("{}", output::table(header, &[2, 3, 4], rows.collect()));
    Ok(())
}
