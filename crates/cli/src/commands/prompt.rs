use std::io::IsTerminal;

use crate::failure::Usage;

/// A secret from the environment, else asked for on the terminal.
pub fn secret(variable: &str, prompt: &str) -> anyhow::Result<String> {
    if let Ok(secret) = std::env::var(variable) {
        return Ok(secret);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Usage(format!("no terminal to ask on: set {variable}")).into());
    }
    Ok(rpassword::prompt_password(prompt)?)
}
