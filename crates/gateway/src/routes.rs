//! Every URL.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{App, Error, Resource, web};

use crate::api::{
    audit, auth, backtest, comparison, datasets, docs, experiments, feature_sets, feature_values,
    feature_work, features, files, models, page, probes, remote, series, sessions, setup,
    strategies, sweep, system, templates, train, upload, users, workers,
};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::live;
use crate::middleware::{observe, security_headers};
use crate::request::Answer;

pub(crate) fn app(
    gateway: Arc<Gateway>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(web::Data::from(gateway))
        .wrap(from_fn(security_headers))
        .wrap(from_fn(observe))
        .configure(routes)
        .default_service(web::to(unknown))
}

#[rustfmt::skip]
fn routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/").get(page::index))
        .service(at("/app.js").get(page::script))
        .service(at("/app.css").get(page::style))
        .service(at("/docs.js").get(docs::script))
        .service(at("/healthz").get(system::health))
        .service(at("/readyz").get(system::readiness))
        .service(at("/metrics").get(system::metrics))
        .service(at("/api/openapi.json").get(docs::openapi))
        .service(at("/api/docs").get(docs::page))
        .service(at("/api/v1/setup").get(setup::status).post(setup::create))
        .service(at("/api/v1/auth/login").post(auth::login))
        .service(at("/api/v1/auth/me").get(auth::me))
        .service(at("/api/v1/auth/password").post(auth::password))
        .service(at("/api/v1/auth/webhook-secret").get(auth::webhook_secret))
        .service(at("/api/v1/users").get(users::list).post(users::create))
        .service(at("/api/v1/audit").get(audit::list))
        .service(at("/api/v1/strategies").get(strategies::list).post(strategies::create))
        .service(at("/api/v1/strategies/templates").get(templates::list))
        .service(at("/api/v1/model-types").get(templates::model_types))
        .service(at("/api/v1/strategies/sessions").get(sessions::list))
        .service(at("/api/v1/strategies/sessions/{id}").get(sessions::one))
        .service(at("/api/v1/strategies/sessions/{id}/status").get(sessions::status))
        .service(at("/api/v1/strategies/sessions/{id}/children").get(sessions::children))
        .service(at("/api/v1/strategies/sessions/{id}/stop").post(sessions::stop))
        .service(at("/api/v1/strategies/sessions/{id}/metrics").get(series::metrics))
        .service(at("/api/v1/strategies/sessions/{id}/logs").get(series::logs))
        .service(at("/api/v1/strategies/sessions/{id}/resources").get(series::resources))
        .service(at("/api/v1/strategies/sessions/{id}/callback").get(sessions::callback))
        .service(at("/api/v1/strategies/sessions/{id}/artifacts").get(files::list))
        .service(at("/api/v1/strategies/sessions/{id}/artifacts/{name}").get(files::one))
        .service(at("/api/v1/strategies/sessions/{id}/report").get(files::report))
        .service(at("/api/v1/strategies/sessions/{id}/predictions").get(files::predictions))
        .service(at("/api/v1/strategies/{id}/train").post(train::train))
        .service(at("/api/v1/strategies/{id}/backtest").post(backtest::backtest))
        .service(at("/api/v1/strategies/{id}/sweep").post(sweep::sweep))
        .service(at("/api/v1/strategies/{id}")
            .get(strategies::one).put(strategies::replace).delete(strategies::delete))
        .service(at("/api/v1/probes").post(probes::submit))
        .service(at("/api/v1/probes/batch").post(probes::submit_all))
        .service(at("/api/train").post(remote::train))
        .service(at("/api/tasks/{id}").get(remote::task))
        .service(at("/api/v1/datasets").get(datasets::list))
        .service(at("/api/v1/datasets/{name}").get(datasets::one))
        .service(at("/api/v1/datasets/{name}/versions").get(datasets::versions).post(upload::upload))
        .service(at("/api/v1/datasets/{name}/announcements").put(upload::announcements))
        .service(at("/api/v1/features").get(features::list).post(features::create))
        .service(at("/api/v1/features/validate").post(features::validate))
        .service(at("/api/v1/features/evaluate").post(feature_work::evaluate))
        .service(at("/api/v1/features/sets").get(feature_sets::list))
        .service(at("/api/v1/features/sets/{name}").get(feature_sets::one))
        .service(at("/api/v1/features/{id}")
            .get(features::one).put(features::replace).delete(features::delete))
        .service(at("/api/v1/features/{id}/versions").get(features::versions))
        .service(at("/api/features/calculate").post(feature_work::calculate))
        .service(at("/api/features/{id}").get(feature_values::by_code).put(features::replace))
        .service(at("/api/v1/backtests/compare").get(comparison::compare))
        .service(at("/api/v1/experiments").get(experiments::list))
        .service(at("/api/v1/models").get(models::list))
        .service(at("/api/v1/models/{id}").get(models::one))
        .service(at("/api/v1/ws/ticket").post(live::issue_ticket))
        .service(at("/api/v1/ws/connect").get(live::connect))
        .service(at("/api/v1/ws/stats").get(live::stats))
        .service(at("/ws/train/{id}").get(live::train))
        .service(at("/training-progress").get(live::progress))
        .service(at("/api/v1/workers").get(workers::list));
}

/// A resource that refuses methods it does not have with a problem document.
fn at(path: &str) -> Resource {
    web::resource(path).default_service(web::to(wrong_method))
}

async fn unknown() -> Answer {
    Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this address."))
}

async fn wrong_method() -> Answer {
    let detail = "This address does not take that method.";
    Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail))
}
