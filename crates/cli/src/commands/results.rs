//! What a finished session left, for a person.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alphafleet_domain::JobId;
use alphafleet_protocol::SessionState;
use alphafleet_protocol::api::SessionView;
use anyhow::{Context, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::backtest::summary;
use super::feature_results::{print_computation, print_evaluation};
use crate::client::Api;
use crate::output;

/// Prints the state and what came of it.
pub fn print(session: &SessionView) {
    let attempts = match session.attempt {
        1 => String::new(),
        attempts => format!(" after {attempts} attempts"),
    };
    println!("session {} {}{attempts}", session.id, session.state.as_str());
    if let Some(error) = &session.error {
        println!("{} ({})", error.message, error.code);
    }
    if let Some(result) = &session.result {
        match session.kind.as_str() {
            "backtest" | "backtest_sweep" => summary::print(result),
            "feature_computation" => print_computation(result),
            "factor_evaluation" => print_evaluation(result),
            _ => print_result(result),
        }
    }
}

/// 0 for a completed session, 2 when its specification or data were at fault, else 1.
pub fn exit_code(session: &SessionView) -> ExitCode {
    let code = session.error.as_ref().map(|error| error.code.as_str());
    match (session.state, code) {
        (SessionState::Completed, _) => ExitCode::SUCCESS,
        (_, Some("invalid_spec" | "invalid_data")) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

/// Prints a training's model and metrics.
pub fn print_result(result: &Value) {
    if let Some(model) = result.get("model") {
        let number = |field: &str| model.get(field).and_then(Value::as_u64);
        let rounds = match (number("rounds"), number("best_round")) {
            (Some(rounds), Some(best)) => format!(", {rounds} rounds, best {best}"),
            _ => String::new(),
        };
        let text = |field: &str| model.get(field).and_then(Value::as_str).unwrap_or_default();
        println!("model {}{rounds}, sha256 {:.12}…", text("type"), text("sha256"));
    }
    let metrics = result.get("metrics").and_then(Value::as_object);
    let rows = metrics
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some([metric_name(name), format!("{:.4}", value.as_f64()?)]));
    println!("{}", output::table(["metric on the test segment", "value"], &[1], rows.collect()));
}

fn metric_name(name: &str) -> String {
    match name {
        "ic" => "IC",
        "icir" => "ICIR",
        "rank_ic" => "rank IC",
        "rank_icir" => "rank ICIR",
        "mse" => "MSE",
        other => other,
    }
    .to_owned()
}

/// Fetches every file of the session into a folder and checks each.
pub async fn download(api: &Api, id: JobId, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut files = Vec::new();
    for artifact in api.artifacts(id).await?.items {
        let name = Path::new(&artifact.name).file_name().context("a file without a name")?;
        let file = folder.join(name);
        api.download(id, &artifact.name, &file).await?;
        let path = file.clone();
        let found = tokio::task::spawn_blocking(move || sha256(&path)).await??;
        ensure!(found == artifact.sha256, "{} was changed on its way", artifact.name);
        files.push(file);
    }
    Ok(files)
}

fn sha256(file: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = std::fs::File::open(file)?;
    let mut chunk = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut chunk)? {
            0 => break,
            read => hasher.update(&chunk[..read]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
