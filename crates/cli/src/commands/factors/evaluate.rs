use std::path::Path;

use alphafleet_factors::{
    EffectivenessOptions, EffectivenessReport, FactorEffectiveness, Members, NamedUniverse,
    evaluate,
};
use alphafleet_models::effectiveness_html;
use serde_json::{Value, json};

use super::super::data::print_findings;
use super::source;
use crate::args::EvaluateFactors;
use crate::failure::Usage;
use crate::output;

/// Factors the terminal shows; the page has them all.
const SHOWN: usize = 20;

/// Judges the factors and leaves the report as JSON and as a page.
pub fn run(json: bool, args: &EvaluateFactors) -> anyhow::Result<()> {
    let options = options(args)?;
    let mut source = source::read(&args.data, args.adjustment)?;
    let factors = source::factors(args.set, &args.expressions, &mut source)?;
    if !json {
        print_findings(&Value::from(source.findings.clone()));
    }
    let report = evaluate(&source.panel, &factors, &options, args.threads)?;
    drop(source.panel);
    let name = data_name(args);
    write(&args.out, &report, &name)?;
    let ranked = report.by_rank_icir();
    if json {
        return output::json(&summary(&ranked, &source.findings));
    }
    print(&ranked);
    println!("{}", args.out.join("effectiveness.html").display());
    Ok(())
}

fn options(args: &EvaluateFactors) -> Result<EffectivenessOptions, Usage> {
    Ok(EffectivenessOptions {
        horizons: args.horizons.clone(),
        price: args.price.trim_start_matches('$').to_owned(),
        quantiles: args.quantiles,
        periods_per_year: args.periods_per_year,
        universes: args.universes.iter().map(|text| universe(text)).collect::<Result<_, _>>()?,
        group_field: args.group.as_ref().map(|field| field.trim_start_matches('$').to_owned()),
        bar_series: args.series,
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
fn data_name(args: &EvaluateFactors) -> String {
    let stem = args.data.first().and_then(|file| file.file_stem());
    let stem = stem.map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    match args.data.len() {
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

fn summary(ranked: &[&FactorEffectiveness], findings: &[Value]) -> Value {
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
