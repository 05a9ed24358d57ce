use std::process::ExitCode;

use alphafleet_protocol::api::{Token, UserView};
use serde_json::json;

use super::connect::connect;
use super::prompt::secret;
use crate::args::{Global, User};
use crate::client::{Api, Credentials};
use crate::output;

const PASSWORD: &str = "ALPHAFLEET_PASSWORD";
const NEW_PASSWORD: &str = "ALPHAFLEET_NEW_PASSWORD";

pub async fn run(global: &Global, user: User) -> anyhow::Result<ExitCode> {
    let api = connect(global)?;
    match user {
        User::Setup { username, setup_token } => {
            let setup_token = match setup_token {
                Some(token) => token,
                None => secret("ALPHAFLEET_SETUP_TOKEN", "Setup token: ")?,
            };
            let password = secret(PASSWORD, "New password (12 characters or more): ")?;
            let token = api.setup(&username, &password, setup_token.trim()).await?;
            logged_in(global, &api, token)?;
        }
        User::Login { username } => {
            let password = secret(PASSWORD, "Password: ")?;
            let token = api.login(&username, &password).await?;
            logged_in(global, &api, token)?;
        }
        User::Logout => Credentials::forget()?,
        User::Me => show(global, &[api.me().await?])?,
        User::List => show(global, &api.users().await?.items)?,
        User::Create { username, admin, max_sessions } => {
            let password = secret(NEW_PASSWORD, "Password of the new user: ")?;
            let body = json!({
                "username": username,
                "password": password,
                "role": if admin { "admin" } else { "researcher" },
                "max_concurrent_sessions": max_sessions,
            });
            show(global, &[api.create_user(&body).await?])?;
        }
        User::Password => {
            let current = secret(PASSWORD, "Current password: ")?;
            let new = secret(NEW_PASSWORD, "New password (12 characters or more): ")?;
            api.set_password(&current, &new).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn logged_in(global: &Global, api: &Api, token: Token) -> anyhow::Result<()> {
    Credentials { url: api.url().to_owned(), token: token.access_token }.save()?;
    if global.json {
        return output::json(&token.user);
    }
    println!("logged in at {} as {} ({})", api.url(), token.user.username, token.user.role);
    Ok(())
}

fn show(global: &Global, users: &[UserView]) -> anyhow::Result<()> {
    if global.json {
        return output::json(&users);
    }
    let rows = users.iter().map(|user| {
        [user.username.clone(), user.role.clone(), user.max_concurrent_sessions.to_string()]
    });
    println!("{}", output::table(["user", "role", "sessions at once"], &[2], rows.collect()));
    Ok(())
}
