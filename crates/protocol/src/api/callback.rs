use alphafleet_domain::Instant;
use alphafleet_domain::ports::{Callback, CallbackState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The key that callbacks to this user are signed with, as Standard Webhooks describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct WebhookSecret {
    /// `whsec_` and the key in base64.
    pub secret: String,
}

/// How the announcement of a session's end goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct CallbackView {
    pub url: String,
    pub state: CallbackStateName,
    /// Deliveries tried so far.
    pub tries: u32,
    /// Of a waiting callback: not tried before.
    pub next_try_at: Option<Instant>,
    /// Why the last try did not succeed.
    pub last_error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallbackStateName {
    /// To be tried, or to be tried again.
    Waiting,
    Delivered,
    /// Given up.
    Failed,
}

impl From<Callback> for CallbackView {
    fn from(callback: Callback) -> Self {
        let (state, next_try_at) = match callback.state {
            CallbackState::Waiting { due } => (CallbackStateName::Waiting, Some(due)),
            CallbackState::Delivered => (CallbackStateName::Delivered, None),
            CallbackState::Failed => (CallbackStateName::Failed, None),
        };
        let Callback { url, tries, last_error, .. } = callback;
        Self { url, state, tries, next_try_at, last_error }
    }
}
