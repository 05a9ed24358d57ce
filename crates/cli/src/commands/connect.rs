use crate::args::Global;
use crate::client::{Api, ClientError, Credentials};

const DEFAULT_URL: &str = "http://127.0.0.1:8300";

/// The gateway that the arguments or the last login name, with the token if there is one.
pub fn connect(global: &Global) -> Result<Api, ClientError> {
    let saved = Credentials::load();
    let url = global.url.as_deref().or(saved.as_ref().map(|saved| saved.url.as_str()));
    let url = url.unwrap_or(DEFAULT_URL).trim_end_matches('/').to_owned();
    // A token is only ever sent to the gateway it came from.
    let saved = saved.filter(|saved| saved.url == url).map(|saved| saved.token);
    Api::new(&url, global.token.clone().or(saved))
}
