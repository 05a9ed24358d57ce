use std::path::Path;
use std::process::ExitCode;

use alphafleet_datasets::ImportOptions;
use alphafleet_factors::{
    EffectivenessOptions, EffectivenessReport, FactorEffectiveness, Members, NamedUniverse,
    evaluate,
};
use alphafleet_market::{Panel, is_index_code};
use alphafleet_models::effectiveness_html;
use serde_json::{Value, json};

use super::super::data::print_findings;
use super::super::members::of_universe;
use super::fundamentals;
use super::source::{Selection, bars};
use crate::args::EvaluateFactors;
use crate::failure::Usage;
use crate::output;

/// Factors the terminal shows; the page has them all.
const SHOWN: usize = 20;

/// Judges the factors and leaves the report as JSON and as a page.
pub fn run(json: bool, request: &EvaluateFactors) -> anyhow::Result<ExitCode> {
    let options = options(request)?;
    let selection = Selection { set: request.set.as_deref(), own: &request.expressions };
    let asked = selection.expressions()?;
    let (panel, mut findings) = bars(&request.data, &ImportOptions::default(), request.adjustment)?;
    let panel = without_indices(panel, &mut findings)?;
    let announcements = request.fundamentals.announcements.as_deref();
    let (panel, told) = fundamentals::attach(panel, announcements, &asked)?;
    findings.extend(told);
    let panel = of_universe(panel, request.members.as_deref())?;
    let (factors, left_out) = selection.available(asked, &panel)?;
    findings.extend(left_out);
    let findings = Value::Array(findings);
    if !json {
        print_findings(&findings);
    }
    let report = evaluate(&panel, &factors, &options, request.threads)?;
    write(&request.out, &report, &data_name(request))?;
    let ranked = report.by_rank_icir();
    if json {
        output::json(&summary(&ranked, &findings))?;
    } else {
        print(&ranked);
        println!("{}", request.out.join("effectiveness.html").display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Indices are left out as in a training: they would be ranked as one of the stocks.
fn without_indices(panel: Panel, findings: &mut Vec<Value>) -> Result<Panel, Usage> {
    let names = panel.instruments().iter().map(String::as_str);
    let indices: Vec<&str> = names.filter(|name| is_index_code(name)).collect();
    if indices.len() == panel.instruments().len() {
        return Err(Usage("the files hold indices only, no stock".to_owned()));
    }
    if !indices.is_empty() {
        let message = format!("left out as no stocks but indices: {}", indices.join(", "));
        findings.push(json!({
            "severity": "info", "code": "index_left_out", "message": message,
        }));
    }
    Ok(panel.retain_instruments(|name| !is_index_code(name)))
}

fn options(request: &EvaluateFactors) -> Result<EffectivenessOptions, Usage> {
    Ok(EffectivenessOptions {
        horizons: request.horizons.clone(),
        price: request.price.trim_start_matches('$').to_owned(),
        quantiles: request.quantiles,
        periods_per_year: request.periods_per_year,
        universes: request.universes.iter().map(|text| universe(text)).collect::<Result<_, _>>()?,
        group_field: request.group.as_ref().map(|field| field.trim_start_matches('$').to_owned()),
        bar_series: request.series,
        ..EffectivenessOptions::default()
    })
}

fn universe(text: &str) -> Result<NamedUniverse, Usage> {
    let expected = "--universe expects NAME=INSTRUMENT,… or NAME=$FIELD";
    let (name, members) =
        text.split_once('=').ok_or_else(|| Usage(format!("{expected}: {text}")))?;
    let members = match members.strip_prefix('$') {
        Some(field) => Members::Field(field.to_owned()),
        None => Members::Instruments(members.split(',').map(|one| one.trim().to_owned()).collect()),
    };
    Ok(NamedUniverse { name: name.to_owned(), members })
}

/// The first file's name, with the number of the others.
fn data_name(request: &EvaluateFactors) -> String {
    let stem = request.data.first().and_then(|file| file.file_stem());
    let stem = stem.map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    match request.data.len() {
        0 | 1 => stem,
        more => format!("{stem} and {} more", more - 1),
    }
}

fn write(out: &Path, report: &EffectivenessReport, data: &str) -> anyhow::Result<()> {
    let failed = |error| Usage(format!("{} cannot be written: {error}", out.display()));
    std::fs::create_dir_all(out).map_err(failed)?;
    let json = serde_json::to_string(report)?;
    std::fs::write(out.join("effectiveness.json"), json).map_err(failed)?;
    let html = effectiveness_html(report, data);
    std::fs::write(out.join("effectiveness.html"), html).map_err(failed)?;
    Ok(())
}

fn print(ranked: &[&FactorEffectiveness]) {
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.4}"));
    let rows = ranked.iter().take(SHOWN).filter_map(|factor| {
        let primary = factor.horizons.first()?;
        Some([
            factor.name.clone(),
            number(primary.rank_ic.mean),
            number(primary.rank_ic.icir),
            number(primary.rank_ic.t_newey_west),
            number(primary.ic.mean),
            number(primary.quantiles.spread.mean),
            number(factor.turnover.first().and_then(|turnover| turnover.top)),
        ])
    });
    let header = ["factor", "rank IC", "rank ICIR", "t (NW)", "IC", "spread", "turnover"];
    println!("{}", output::table(header, &[1, 2, 3, 4, 5, 6], rows.collect()));
    if ranked.len() > SHOWN {
        println!("… and {} more", ranked.len() - SHOWN);
    }
    for factor in ranked {
        for found in &factor.findings {
            println!("  {:<12} {:<22} {}", factor.name, found.code, found.message);
        }
    }
}

fn summary(ranked: &[&FactorEffectiveness], findings: &Value) -> Value {
    let factor = |factor: &&FactorEffectiveness| {
        let primary = factor.horizons.first();
        json!({
            "name": factor.name,
            "ic": primary.and_then(|primary| primary.ic.mean),
            "rank_ic": primary.and_then(|primary| primary.rank_ic.mean),
            "rank_icir": primary.and_then(|primary| primary.rank_ic.icir),
            "findings": factor.findings,
        })
    };
    json!({
        "factors": ranked.iter().map(factor).collect::<Vec<Value>>(),
        "findings": findings,
    })
}
