use alphafleet_testkit::browser::Server;
use serde_json::Value;

use crate::{Page, eventually, page::PATIENCE};

/// A running Chromium without a window. It ends with the test.
pub struct Browser {
    server: Server,
    http: reqwest::Client,
}

impl Browser {
    /// `None`, with a word on the terminal, where Chromium is not installed and need not be.
    pub fn start() -> Option<Self> {
        Some(Self { server: Server::start()?, http: reqwest::Client::new() })
    }

    /// An empty tab.
    pub async fn page(&self) -> Page {
        let url = format!("{}/json/new?about:blank", self.server.url());
        let tab = self.http.put(url).send().await.unwrap().json::<Value>().await.unwrap();
        Page::attach(tab["webSocketDebuggerUrl"].as_str().unwrap()).await
    }

    /// The tab that somebody opened at an address with `part` in it.
    pub async fn opened(&self, part: &str) -> Page {
        let tab = eventually(part, PATIENCE, async || {
            let url = format!("{}/json/list", self.server.url());
            let tabs = self.http.get(url).send().await.unwrap().json::<Vec<Value>>().await.unwrap();
            tabs.into_iter().find(|tab| tab["url"].as_str().is_some_and(|url| url.contains(part)))
        })
        .await;
        Page::attach(tab["webSocketDebuggerUrl"].as_str().unwrap()).await
    }
}
