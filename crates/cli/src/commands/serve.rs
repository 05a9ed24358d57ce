use std::process::ExitCode;

use alphafleet_bootstrap::{Role, ServeArgs};

pub async fn run(role: Role, args: ServeArgs) -> anyhow::Result<ExitCode> {
    alphafleet_bootstrap::serve(role, &args).await?;
    Ok(ExitCode::SUCCESS)
}
