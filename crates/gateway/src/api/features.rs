use actix_web::HttpResponse;
use actix_web::http::header;
use alphafleet_domain::{Feature, FeatureDraft, FeatureId, FeatureKind, UserId};
use alphafleet_protocol::api::{
    FeatureBody, FeatureList, FeatureVersionList, FeatureView, FormulaBody, FormulaView,
};
use alphafleet_specs::{Features, Formula, Fundamentals, feature_name_fault};
use serde_json::{Value, json};

use super::{State, ok};
use crate::access::{Authenticated, Create, Requires};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, Client, Json, Paging, PathId, Query};

const LONGEST_DESCRIPTION: usize = 4_096;
const LONGEST_WORD: usize = 64;
const LONGEST_DATASET: usize = 128;
const MOST_TAGS: usize = 20;

pub(crate) async fn list(
    gateway: State,
    user: Authenticated,
    Query(paging): Query<Paging>,
) -> Answer {
    let page = gateway.parts.features.features(user.id, paging.request()?).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(ok(FeatureList { items, total: page.total }))
}

pub(crate) async fn create(
    gateway: State,
    client: Client,
    user: Requires<Create>,
    Json(body): Json<FeatureBody>,
) -> Answer {
    let (id, at) = (FeatureId::new(), client.at);
    let draft = draft(body)?;
    check_fundamentals(&gateway, user.id, &draft).await?;
    let details = json!({ "name": draft.name, "formula": draft.formula });
    let audit = client.audit(Some(user.id), "feature.create", target(id), details);
    let feature = Feature { id, owner: user.id, draft, version: 1, created_at: at, updated_at: at };
    let view = FeatureView::from(gateway.parts.features.create_feature(feature, audit).await?);
    let location = (header::LOCATION, format!("/api/v1/features/{id}"));
    Ok(HttpResponse::Created().insert_header(location).json(view))
}

pub(crate) async fn one(
    gateway: State,
    user: Authenticated,
    PathId(id): PathId<FeatureId>,
) -> Answer {
    let feature = gateway.parts.features.feature(user.id, id).await?;
    Ok(ok(FeatureView::from(feature.ok_or_else(not_found)?)))
}

pub(crate) async fn replace(
    gateway: State,
    client: Client,
    user: Requires<Create>,
    PathId(id): PathId<FeatureId>,
    Json(body): Json<FeatureBody>,
) -> Answer {
    let draft = draft(body)?;
    check_fundamentals(&gateway, user.id, &draft).await?;
    let details = json!({ "name": draft.name, "formula": draft.formula });
    let audit = client.audit(Some(user.id), "feature.update", target(id), details);
    let updated = gateway.parts.features.update_feature(user.id, id, draft, audit).await?;
    Ok(ok(FeatureView::from(updated.ok_or_else(not_found)?)))
}

pub(crate) async fn delete(
    gateway: State,
    client: Client,
    user: Requires<Create>,
    PathId(id): PathId<FeatureId>,
) -> Answer {
    let audit = client.audit(Some(user.id), "feature.delete", target(id), Value::Null);
    if gateway.parts.features.delete_feature(user.id, id, audit).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(not_found())
    }
}

pub(crate) async fn versions(
    gateway: State,
    user: Authenticated,
    PathId(id): PathId<FeatureId>,
) -> Answer {
    let versions = gateway.parts.features.feature_versions(user.id, id).await?;
    let versions = versions.ok_or_else(not_found)?;
    Ok(ok(FeatureVersionList { items: versions.into_iter().map(Into::into).collect() }))
}

pub(crate) async fn validate(_: Authenticated, Json(body): Json<FormulaBody>) -> Answer {
    let formula = Formula::parse("formula", &body.formula)?;
    Ok(ok(FormulaView {
        valid: true,
        normalised: formula.canonical,
        fields: formula.fields,
        look_back: formula.look_back.map(|bars| bars as u64),
        look_ahead: formula.look_ahead as u64,
    }))
}

/// Puts the formulas of the owner's features in the place of their names.
pub(super) async fn resolve(
    gateway: &Gateway,
    owner: UserId,
    features: &mut Features,
) -> Result<(), ApiError> {
    let names = features.references();
    if names.is_empty() {
        return Ok(());
    }
    let stored = gateway.parts.features.features_named(owner, &names).await?;
    Ok(features.resolve("features", &stored)?)
}

/// Refuses a feature of a dataset whose newest version lacks what it reads of announcements. One
/// that is bound to no dataset, or to one that is still to come, may read what it likes.
async fn check_fundamentals(
    gateway: &Gateway,
    owner: UserId,
    draft: &FeatureDraft,
) -> Result<(), ApiError> {
    let reads = Fundamentals::of_expression("formula", &draft.formula);
    let Some(name) = draft.dataset.as_ref().filter(|_| !reads.is_empty()) else { return Ok(()) };
    let datasets = &gateway.parts.datasets;
    let Some(dataset) = datasets.dataset_named(owner, name).await? else { return Ok(()) };
    match datasets.versions(dataset.id).await?.first() {
        Some(newest) => Ok(reads.check(name, newest)?),
        None => Ok(()),
    }
}

fn not_found() -> ApiError {
    ApiError::not_found("feature")
}

fn target(id: FeatureId) -> String {
    format!("feature/{id}")
}

fn draft(body: FeatureBody) -> Result<FeatureDraft, ApiError> {
    let out_of_range =
        |field: &str, message: String| Err(ApiError::invalid_field(field, "out_of_range", message));
    let name = body.name.trim().to_owned();
    if let Some(message) = feature_name_fault(&name) {
        return out_of_range("name", message);
    }
    let formula = Formula::parse("formula", &body.formula)?;
    let kind: FeatureKind = match body.kind.as_deref() {
        None => FeatureKind::default(),
        Some(kind) => kind
            .parse()
            .map_err(|message: String| ApiError::invalid_field("kind", "unknown_value", message))?,
    };
    if body.description.len() > LONGEST_DESCRIPTION {
        return out_of_range("description", format!("give at most {LONGEST_DESCRIPTION} bytes"));
    }
    let is_word = |text: &String, longest| {
        (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    };
    if body.tags.len() > MOST_TAGS || !body.tags.iter().all(|tag| is_word(tag, LONGEST_WORD)) {
        let message = format!("give at most {MOST_TAGS} tags of 1 to {LONGEST_WORD} characters");
        return out_of_range("tags", message);
    }
    let frequency = body.frequency.unwrap_or_else(|| "day".to_owned());
    if !is_word(&frequency, LONGEST_WORD) {
        return out_of_range("frequency", format!("give 1 to {LONGEST_WORD} characters"));
    }
    if body.dataset_name.as_ref().is_some_and(|name| !is_word(name, LONGEST_DATASET)) {
        return out_of_range("dataset_name", format!("give 1 to {LONGEST_DATASET} characters"));
    }
    if body.auto_compute && body.dataset_name.is_none() {
        let message = "say which dataset the feature follows, or leave auto_compute out";
        return Err(ApiError::invalid_field("dataset_name", "required", message));
    }
    Ok(FeatureDraft {
        name,
        kind,
        formula: formula.source,
        fields: formula.fields,
        description: body.description,
        tags: body.tags,
        frequency,
        dataset: body.dataset_name,
        auto_compute: body.auto_compute,
    })
}
