use actix_web::HttpResponse;
use actix_web::http::header;
use alphafleet_domain::ports::StrategyFilter;
use alphafleet_domain::{Strategy, StrategyDraft, StrategyId, StrategySummary, UserId};
use alphafleet_protocol::api::{StrategyBody, StrategyList, StrategyView};
use alphafleet_specs::StrategyConfig;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{State, ok};
use crate::access::{Authenticated, Create, Requires};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, Client, Json, Paging, PathId, Query};

const LONGEST_NAME: usize = 128;
const LONGEST_DESCRIPTION: usize = 4_096;

#[derive(Deserialize)]
pub(crate) struct ListQuery {
    strategy_type: Option<String>,
    status: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub(crate) async fn list(
    gateway: State,
    user: Authenticated,
    Query(query): Query<ListQuery>,
) -> Answer {
    let active = match query.status.as_deref() {
        None => None,
        Some("active") => Some(true),
        Some("idle") => Some(false),
        Some(_) => {
            let message = "give active or idle";
            return Err(ApiError::invalid_field("status", "unknown_value", message));
        }
    };
    // An alias finds what is stored under the type's own name.
    let canonical = |name: String| StrategyConfig::canonical_type(&name).to_owned();
    let strategy_type = query.strategy_type.map(canonical);
    let filter = StrategyFilter { owner: user.id, strategy_type, active };
    let page = gateway.parts.strategies.strategies(&filter, query.paging.request()?).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(ok(StrategyList { items, total: page.total }))
}

pub(crate) async fn create(
    gateway: State,
    client: Client,
    user: Requires<Create>,
    Json(body): Json<StrategyBody>,
) -> Answer {
    let (id, at) = (StrategyId::new(), client.at);
    let draft = draft(body)?;
    let strategy = Strategy { id, owner: user.id, draft, created_at: at, updated_at: at };
    let details = json!({ "name": strategy.draft.name });
    let audit = client.audit(Some(user.id), "strategy.create", target(id), details);
    gateway.parts.strategies.create_strategy(strategy, audit).await?;
    let view = StrategyView::from(found(&gateway, user.id, id).await?);
    let location = (header::LOCATION, format!("/api/v1/strategies/{id}"));
    Ok(HttpResponse::Created().insert_header(location).json(view))
}

pub(crate) async fn one(
    gateway: State,
    user: Authenticated,
    PathId(id): PathId<StrategyId>,
) -> Answer {
    Ok(ok(StrategyView::from(found(&gateway, user.id, id).await?)))
}

pub(crate) async fn replace(
    gateway: State,
    client: Client,
    user: Requires<Create>,
    PathId(id): PathId<StrategyId>,
    Json(body): Json<StrategyBody>,
) -> Answer {
    let draft = draft(body)?;
    let details = json!({ "name": draft.name });
    let audit = client.audit(Some(user.id), "strategy.update", target(id), details);
    let updated = gateway.parts.strategies.update_strategy(user.id, id, draft, audit).await?;
    updated.ok_or_else(|| ApiError::not_found("strategy"))?;
    Ok(ok(StrategyView::from(found(&gateway, user.id, id).await?)))
}

pub(crate) async fn delete(
    gateway: State,
    client: Client,
    user: Requires<Create>,
    PathId(id): PathId<StrategyId>,
) -> Answer {
    let audit = client.audit(Some(user.id), "strategy.delete", target(id), Value::Null);
    if gateway.parts.strategies.delete_strategy(user.id, id, audit).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::not_found("strategy"))
    }
}

pub(super) async fn found(
    gateway: &Gateway,
    owner: UserId,
    id: StrategyId,
) -> Result<StrategySummary, ApiError> {
    let strategy = gateway.parts.strategies.strategy(owner, id).await?;
    strategy.ok_or_else(|| ApiError::not_found("strategy"))
}

fn target(id: StrategyId) -> String {
    format!("strategy/{id}")
}

fn draft(body: StrategyBody) -> Result<StrategyDraft, ApiError> {
    let name = body.name.trim().to_owned();
    if !(1..=LONGEST_NAME).contains(&name.chars().count()) {
        let message = format!("give 1 to {LONGEST_NAME} characters");
        return Err(ApiError::invalid_field("name", "out_of_range", message));
    }
    if body.description.len() > LONGEST_DESCRIPTION {
        let message = format!("give at most {LONGEST_DESCRIPTION} bytes");
        return Err(ApiError::invalid_field("description", "out_of_range", message));
    }
    let document = if body.config.is_null() { json!({}) } else { body.config };
    let config = StrategyConfig::from_value(&document).map_err(|mut faults| {
        for fault in &mut faults.0 {
            fault.field = match fault.field.as_str() {
                "$" => "config".to_owned(),
                field => format!("config.{field}"),
            };
        }
        faults
    })?;
    Ok(StrategyDraft {
        name,
        description: body.description,
        strategy_type: config.strategy_type().to_owned(),
        config: config.to_value(),
    })
}
