use alphafleet_domain::ports::StoreError;
use alphafleet_domain::{
    Dataset, DatasetId, DatasetVersion, DatasetVersionId, Experiment, ExperimentId, JobId, Model,
    ModelId, NewModel, Strategy, StrategyDraft, StrategyId, UserId,
};
use diesel::prelude::*;

use super::read::{document, from_document, saturating, unsigned};
use crate::schema::{dataset_versions, datasets, experiments, models, strategies};
use crate::values::{At, Json, Uid, Wall, text};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = strategies)]
pub(crate) struct StrategyRow {
    pub id: Uid,
    pub owner: Uid,
    pub name: String,
    pub description: String,
    pub strategy_type: String,
    pub config: Json,
    pub created_at: At,
    pub updated_at: At,
}

impl From<Strategy> for StrategyRow {
    fn from(strategy: Strategy) -> Self {
        Self {
            id: Uid(strategy.id.as_uuid()),
            owner: Uid(strategy.owner.as_uuid()),
            name: text(&strategy.draft.name),
            description: text(&strategy.draft.description),
            strategy_type: text(&strategy.draft.strategy_type),
            config: Json::new(strategy.draft.config),
            created_at: At(strategy.created_at),
            updated_at: At(strategy.updated_at),
        }
    }
}

impl From<StrategyRow> for Strategy {
    fn from(row: StrategyRow) -> Self {
        Self {
            id: StrategyId::from_uuid(row.id.0),
            owner: UserId::from_uuid(row.owner.0),
            draft: StrategyDraft {
                name: row.name,
                description: row.description,
                strategy_type: row.strategy_type,
                config: row.config.0,
            },
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = experiments)]
pub(crate) struct ExperimentRow {
    pub id: Uid,
    pub owner: Uid,
    pub name: String,
    pub notes: String,
    pub tags: Json,
    pub created_at: At,
}

impl ExperimentRow {
    pub fn new(owner: UserId, name: &str, at: At) -> Self {
        Self {
            id: Uid(ExperimentId::new().as_uuid()),
            owner: Uid(owner.as_uuid()),
            name: text(name),
            notes: String::new(),
            tags: document(&Vec::<String>::new()),
            created_at: at,
        }
    }
}

impl TryFrom<ExperimentRow> for Experiment {
    type Error = StoreError;

    fn try_from(row: ExperimentRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: ExperimentId::from_uuid(row.id.0),
            owner: UserId::from_uuid(row.owner.0),
            name: row.name,
            notes: row.notes,
            tags: from_document(row.tags, "experiments.tags")?,
            created_at: row.created_at.0,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = datasets)]
pub(crate) struct DatasetRow {
    pub id: Uid,
    pub owner: Uid,
    pub name: String,
    pub latest: Option<Uid>,
    pub created_at: At,
}

impl From<DatasetRow> for Dataset {
    fn from(row: DatasetRow) -> Self {
        Self {
            id: DatasetId::from_uuid(row.id.0),
            owner: UserId::from_uuid(row.owner.0),
            name: row.name,
            created_at: row.created_at.0,
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = dataset_versions)]
pub(crate) struct VersionRow {
    pub id: Uid,
    pub dataset: Uid,
    pub parent: Option<Uid>,
    manifest_key: String,
    manifest_sha256: String,
    row_count: i64,
    instrument_count: i64,
    starts: Wall,
    ends: Wall,
    findings: Json,
    created_at: At,
    announcements: Option<Json>,
}

impl From<DatasetVersion> for VersionRow {
    fn from(version: DatasetVersion) -> Self {
        Self {
            id: Uid(version.id.as_uuid()),
            dataset: Uid(version.dataset.as_uuid()),
            parent: version.parent.map(|parent| Uid(parent.as_uuid())),
            manifest_key: text(&version.manifest_key),
            manifest_sha256: text(&version.manifest_sha256),
            row_count: saturating(version.rows),
            instrument_count: saturating(version.instruments),
            starts: Wall(version.start),
            ends: Wall(version.end),
            findings: Json::new(version.findings),
            created_at: At(version.created_at),
            announcements: version.announcements.as_ref().map(document),
        }
    }
}

impl TryFrom<VersionRow> for DatasetVersion {
    type Error = StoreError;

    fn try_from(row: VersionRow) -> Result<Self, StoreError> {
        let column = "dataset_versions.announcements";
        let announcements = row.announcements.map(|document| from_document(document, column));
        Ok(Self {
            id: DatasetVersionId::from_uuid(row.id.0),
            dataset: DatasetId::from_uuid(row.dataset.0),
            parent: row.parent.map(|parent| DatasetVersionId::from_uuid(parent.0)),
            manifest_key: row.manifest_key,
            manifest_sha256: row.manifest_sha256,
            rows: unsigned(row.row_count, "dataset_versions.row_count")?,
            instruments: unsigned(row.instrument_count, "dataset_versions.instrument_count")?,
            start: row.starts.0,
            end: row.ends.0,
            findings: row.findings.0,
            announcements: announcements.transpose()?,
            created_at: row.created_at.0,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = models)]
pub(crate) struct ModelRow {
    pub id: Uid,
    pub owner: Uid,
    pub session: Uid,
    pub strategy: Option<Uid>,
    pub dataset_version: Option<Uid>,
    pub model_type: String,
    pub sha256: String,
    pub metrics: Json,
    pub created_at: At,
}

impl From<ModelRow> for Model {
    fn from(row: ModelRow) -> Self {
        Self {
            id: ModelId::from_uuid(row.id.0),
            owner: UserId::from_uuid(row.owner.0),
            session: JobId::from_uuid(row.session.0),
            strategy: row.strategy.map(|id| StrategyId::from_uuid(id.0)),
            dataset_version: row.dataset_version.map(|id| DatasetVersionId::from_uuid(id.0)),
            new: NewModel {
                model_type: row.model_type,
                sha256: row.sha256,
                metrics: row.metrics.0,
            },
            created_at: row.created_at.0,
        }
    }
}
