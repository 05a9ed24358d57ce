use std::collections::BTreeMap;

use alphafleet_protocol::SessionState;
use alphafleet_protocol::api::{DatasetView, Readiness, SessionView};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::watch::Watched;

/// A run in figures, for programs: `summary.json`.
#[derive(Debug, Serialize)]
pub struct Summary {
    dataset: DatasetFigures,
    session: SessionFigures,
    /// `type`, `sha256`, `rounds`, `best_round`.
    model: Value,
    /// `ic`, `icir`, `rank_ic`, `rank_icir`, `mse` and more.
    metrics: Value,
    events: EventFigures,
    /// The adapters by port: `database`, `broker`, `events`, `storage`.
    backend: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct DatasetFigures {
    instruments: u64,
    rows: u64,
    version: Uuid,
}

#[derive(Debug, Serialize)]
struct SessionFigures {
    id: Uuid,
    state: SessionState,
    attempt: u32,
    /// From the first claim to the end.
    duration_s: Option<f64>,
}

#[derive(Debug, Serialize)]
struct EventFigures {
    received: u64,
    gaps: u64,
}

impl Summary {
    pub fn of(
        dataset: &DatasetView,
        session: &SessionView,
        watched: Watched,
        readiness: &Readiness,
    ) -> Self {
        let result = |field: &str| {
            session
                .result
                .as_ref()
                .and_then(|result| result.get(field))
                .cloned()
                .unwrap_or_default()
        };
        let took = session.finished_at.zip(session.started_at).map(|(end, start)| end - start);
        Self {
            dataset: DatasetFigures {
                instruments: dataset.latest.instruments,
                rows: dataset.latest.rows,
                version: dataset.latest.id.as_uuid(),
            },
            session: SessionFigures {
                id: session.id.as_uuid(),
                state: session.state,
                attempt: session.attempt,
                duration_s: took.map(|took| took.num_milliseconds() as f64 / 1_000.0),
            },
            model: result("model"),
            metrics: result("metrics"),
            events: EventFigures { received: watched.received, gaps: watched.gaps },
            backend: readiness
                .checks
                .iter()
                .map(|check| (check.name.clone(), check.backend.clone()))
                .collect(),
        }
    }
}
