use alphafleet_protocol::api::{FeatureBody, FeatureList, FeatureView, SessionView};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::api::{Api, IdempotencyKey, not_found, parse};
use super::error::ClientError;

const FEATURES: &str = "/api/v1/features";

/// What is done with features on the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureWork {
    Calculate,
    Evaluate,
}

impl Api {
    pub async fn features(&self) -> Result<FeatureList, ClientError> {
        self.get(&format!("{FEATURES}?limit=1000")).await
    }

    /// A feature by its name or id.
    pub async fn feature(&self, wanted: &str) -> Result<FeatureView, ClientError> {
        if wanted.parse::<Uuid>().is_ok() {
            return self.get(&format!("{FEATURES}/{wanted}")).await;
        }
        let all = self.features().await?.items;
        let known: Vec<_> = all.iter().map(|feature| feature.name.clone()).collect();
        let found = all.into_iter().find(|feature| feature.name == wanted);
        found.ok_or_else(|| {
            let detail = match known.is_empty() {
                true => "you have no features: run `alphafleet features create`".to_owned(),
                false => format!("no feature '{wanted}': yours are {}", known.join(", ")),
            };
            ClientError::Problem(Box::new(not_found(detail)))
        })
    }

    pub async fn create_feature(&self, body: &FeatureBody) -> Result<FeatureView, ClientError> {
        self.send(Method::POST, FEATURES, Some(body)).await
    }

    pub async fn delete_feature(&self, feature: &FeatureView) -> Result<(), ClientError> {
        let path = format!("{FEATURES}/{}", feature.id);
        self.answer(self.request(Method::DELETE, &path)?).await.map(drop)
    }

    /// Starts work with features. Safe to repeat with the same key.
    pub async fn start(
        &self,
        work: FeatureWork,
        specification: &Value,
        key: &IdempotencyKey,
    ) -> Result<SessionView, ClientError> {
        let path = match work {
            FeatureWork::Calculate => "/api/features/calculate",
            FeatureWork::Evaluate => "/api/v1/features/evaluate",
        };
        let request = self.request(Method::POST, path)?.header("idempotency-key", &key.0);
        parse(self.answer(request.json(specification)).await?).await
    }
}
