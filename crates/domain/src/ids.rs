use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// A text that is not an id.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("'{text}' is not a {kind} id: expected a UUID")]
pub struct ParseIdError {
    pub kind: &'static str,
    pub text: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $fresh:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id.
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self(Uuid::$fresh())
            }

            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self).map_err(|_| ParseIdError {
                    kind: $kind,
                    text: text.chars().take(64).collect(),
                })
            }
        }
    };
}

id!(
    /// A job; of a top-level job also the id of the session a user sees.
    JobId, "session", now_v7
);
id!(UserId, "user", now_v7);
id!(StrategyId, "strategy", now_v7);
id!(
    /// A project that sessions belong to.
    ExperimentId, "experiment", now_v7
);
id!(
    /// A user's own named formula.
    FeatureId, "feature", now_v7
);
id!(DatasetId, "dataset", now_v7);
id!(DatasetVersionId, "dataset version", now_v7);
id!(ModelId, "model", now_v7);
id!(ArtifactId, "artifact", now_v7);
id!(
    /// One process that runs jobs; new for every process.
    WorkerId, "worker", now_v7
);
id!(
    /// The right to run one attempt of one job. Random, so that it cannot be guessed.
    LeaseId, "lease", new_v4
);
