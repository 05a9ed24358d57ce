use std::path::Path;
use std::process::ExitCode;

use alphafleet_domain::JobId;
use alphafleet_protocol::SessionState;
use alphafleet_protocol::api::SessionView;
use serde_json::Value;

use super::connect::connect;
use super::results;
use crate::args::{Global, Session};
use crate::client::Api;
use crate::output;
use crate::watch::{Watch, watch};

pub async fn run(global: &Global, session: Session) -> anyhow::Result<ExitCode> {
    let api = connect(global)?;
    match session {
        Session::List { limit } => {
            let none = "no sessions yet: alphafleet train STRATEGY --dataset NAME --watch";
            list(global, api.sessions(limit).await?.items, none)?;
        }
        Session::Children { id, limit } => {
            let none = "it was not split into parts";
            list(global, api.children(id, limit).await?.items, none)?;
        }
        Session::Status { id } => status(global, &api, id).await?,
        Session::Watch { id } => return follow(global, &api, id).await,
        Session::Stop { id } => {
            let session = api.stop(id).await?;
            match global.json {
                true => output::json(&session)?,
                false => println!("{}", stopped(&session)),
            }
        }
        Session::Metrics { id, name, limit } => {
            metrics(global, &api, id, name.as_deref(), limit).await?;
        }
        Session::Logs { id, limit } => logs(global, &api, id, limit).await?,
        Session::Report { id, out } => report(global, &api, id, out.as_deref()).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Follows a session to its end and prints the result; fails when it did not complete.
pub async fn follow(global: &Global, api: &Api, id: JobId) -> anyhow::Result<ExitCode> {
    watch(api, id, Watch { quiet: global.json, print: global.json, record: None }).await?;
    let session = api.session(id).await?;
    if !global.json {
        results::print(&session);
    }
    Ok(results::exit_code(&session))
}

fn stopped(session: &SessionView) -> &'static str {
    match session.state {
        SessionState::Cancelled => "cancelled",
        SessionState::Running => "told to stop; it is cancelled once its process is gone",
        _ => "it had ended already",
    }
}

fn list(global: &Global, sessions: Vec<SessionView>, none: &str) -> anyhow::Result<()> {
    if global.json {
        return output::json(&sessions);
    }
    if sessions.is_empty() {
        println!("{none}");
        return Ok(());
    }
    let rows = sessions.into_iter().map(|session| {
        let percent = format!("{:.0} %", session.progress.percent);
        let created = session.created_at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
        let state = session.state.as_str().to_owned();
        [session.id.to_string(), session.kind, state, session.progress.stage, percent, created]
    });
    let header = ["session", "kind", "state", "stage", "progress", "created"];
    println!("{}", output::table(header, &[4], rows.collect()));
    Ok(())
}

async fn status(global: &Global, api: &Api, id: JobId) -> anyhow::Result<()> {
    let status = api.status(id).await?;
    if global.json {
        return output::json(&status);
    }
    println!("{} · {} · {:.0} %", status.state.as_str(), status.stage, status.progress);
    if let (Some(epoch), Some(epochs)) = (status.current_epoch, status.total_epochs) {
        println!("round {epoch} of {epochs}, attempt {}", status.attempt);
    }
    if let Some(error) = &status.error {
        println!("{} ({})", error.message, error.code);
    }
    for point in &status.metrics {
        println!("  {:>6} {:<24} {:.6}", point.step, point.name, point.value);
    }
    Ok(())
}

async fn metrics(
    global: &Global,
    api: &Api,
    id: JobId,
    name: Option<&str>,
    limit: u32,
) -> anyhow::Result<()> {
    let points = api.metrics(id, name, limit).await?.items;
    if global.json {
        return output::json(&points);
    }
    let rows = points
        .into_iter()
        .map(|point| [point.name, point.step.to_string(), format!("{:.6}", point.value)]);
    println!("{}", output::table(["metric", "step", "value"], &[1, 2], rows.collect()));
    Ok(())
}

async fn logs(global: &Global, api: &Api, id: JobId, limit: u32) -> anyhow::Result<()> {
    let lines = api.logs(id, limit).await?.items;
    if global.json {
        return output::json(&lines);
    }
    for line in lines {
        println!("{} {}", line.at.format("%H:%M:%S%.3f"), line.message);
    }
    Ok(())
}

async fn report(global: &Global, api: &Api, id: JobId, out: Option<&Path>) -> anyhow::Result<()> {
    if let Some(out) = out {
        let files = results::download(api, id, out).await?;
        match global.json {
            true => output::json(&files)?,
            false => files.iter().for_each(|file| println!("{}", file.display())),
        }
        return Ok(());
    }
    let report: Value = api.report(id).await?;
    if global.json {
        return output::json(&report);
    }
    results::print(&api.session(id).await?);
    println!("all of it: alphafleet session report {id} --out DIR");
    Ok(())
}
