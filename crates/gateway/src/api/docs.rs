use std::sync::LazyLock;

use actix_web::HttpResponse;
use bytes::Bytes;

use crate::request::Answer;

static OPENAPI: LazyLock<Bytes> =
    LazyLock::new(|| Bytes::from(alphafleet_protocol::openapi().to_string()));

pub(crate) async fn openapi() -> Answer {
    Ok(HttpResponse::Ok().content_type("application/json").body(OPENAPI.clone()))
}

pub(crate) async fn page() -> Answer {
    let page = include_str!("../assets/docs.html");
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}

pub(crate) async fn script() -> Answer {
    let script = include_str!("../assets/docs.js");
    Ok(HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(script))
}
