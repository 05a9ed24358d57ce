use alphafleet_protocol::api::Problem;
use thiserror::Error;

/// Why a call to the gateway did not work.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The gateway refused; its own words.
    #[error("{}", describe(.0))]
    Problem(Box<Problem>),
    /// The gateway does not let us follow a session.
    #[error("{message} ({code})")]
    Refused { code: String, message: String },
    #[error("{url} does not answer: is `alphafleet standalone` running there?")]
    Unreachable {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the gateway answered with {status} and no explanation")]
    Unexplained { status: u16 },
    #[error("the gateway's answer cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("not logged in: run `alphafleet user login`, or set ALPHAFLEET_TOKEN")]
    NotLoggedIn,
    #[error("the file cannot be read or written")]
    File(#[from] std::io::Error),
}

impl ClientError {
    /// Whether the person who called can mend it.
    pub fn is_callers(&self) -> bool {
        match self {
            // 408 and 429 pass by themselves.
            Self::Problem(problem) => {
                (400..500).contains(&problem.status) && ![408, 429].contains(&problem.status)
            }
            Self::NotLoggedIn | Self::Refused { .. } => true,
            _ => false,
        }
    }
}

fn describe(problem: &Problem) -> String {
    let faults = problem.faults.iter().map(|f| format!("\n  {}: {}", f.field, f.message));
    format!("{} ({})", problem.detail, problem.code) + &faults.collect::<String>()
}
