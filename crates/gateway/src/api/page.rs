use actix_web::HttpResponse;

use crate::request::Answer;

pub(crate) async fn index() -> Answer {
    let page = include_str!("../assets/index.html");
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}

pub(crate) async fn script() -> Answer {
    let script = include_str!("../assets/app.js");
    Ok(HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(script))
}

pub(crate) async fn style() -> Answer {
    let style = include_str!("../assets/app.css");
    Ok(HttpResponse::Ok().content_type("text/css; charset=utf-8").body(style))
}
