//! The operations, one file a group; each extracts, calls one use case and answers with a view.

pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod backtest;
pub(crate) mod comparison;
pub(crate) mod datasets;
pub(crate) mod docs;
pub(crate) mod experiments;
pub(crate) mod feature_sets;
pub(crate) mod feature_values;
pub(crate) mod feature_work;
pub(crate) mod features;
pub(crate) mod files;
pub(crate) mod models;
pub(crate) mod page;
pub(crate) mod probes;
pub(crate) mod remote;
mod scores;
pub(crate) mod series;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod strategies;
pub(crate) mod sweep;
pub(crate) mod system;
pub(crate) mod templates;
pub(crate) mod train;
pub(crate) mod upload;
pub(crate) mod users;
mod work;
pub(crate) mod workers;

use actix_web::{HttpResponse, web};

use crate::gateway::Gateway;

type State = web::Data<Gateway>;

fn ok(view: impl serde::Serialize) -> HttpResponse {
    HttpResponse::Ok().json(view)
}
