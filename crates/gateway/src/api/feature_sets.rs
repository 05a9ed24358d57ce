use actix_web::web;
use alphafleet_protocol::api::{FeatureSetDetail, FeatureSetList, FeatureSetView, NamedFormula};
use alphafleet_specs::FeatureSet;

use super::ok;
use crate::access::Authenticated;
use crate::error::ApiError;
use crate::request::Answer;

pub(crate) async fn list(_: Authenticated) -> Answer {
    let view = |set: FeatureSet| FeatureSetView {
        name: set.name().to_owned(),
        size: set.sources().len() as u64,
    };
    Ok(ok(FeatureSetList { items: FeatureSet::ALL.into_iter().map(view).collect() }))
}

pub(crate) async fn one(_: Authenticated, name: web::Path<String>) -> Answer {
    let set = FeatureSet::parse(&name).ok_or_else(|| ApiError::not_found("feature set"))?;
    let sources = set.sources().into_iter();
    let features: Vec<NamedFormula> =
        sources.map(|(name, expression)| NamedFormula { name, expression }).collect();
    let (name, size) = (set.name().to_owned(), features.len() as u64);
    Ok(ok(FeatureSetDetail { name, size, features }))
}
