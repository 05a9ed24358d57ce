use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::eventually;

/// How long a page may take for one thing, on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A tab of a browser, spoken to over the DevTools protocol
/// (<https://chromedevtools.github.io/devtools-protocol/>).
pub struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    calls: u64,
    events: Vec<Value>,
}

impl Page {
    pub(crate) async fn attach(url: &str) -> Self {
        let (socket, _) = connect_async(url).await.unwrap();
        let mut page = Self { socket, calls: 0, events: Vec::new() };
        // Of the console also what was said before.
        for domain in ["Page", "Network", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page
    }

    /// Opens an address and waits until all of it has come.
    pub async fn open(&mut self, url: &str) {
        let answer = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(answer["errorText"].is_null(), "{url}: {answer}");
        self.until("document.readyState === 'complete'").await;
    }

    /// Brings the tab before the others: a hidden one draws nothing.
    pub async fn show(&mut self) {
        self.call("Page.bringToFront", json!({})).await;
    }

    /// Sets the size of what is seen, in CSS pixels.
    pub async fn resize(&mut self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.call("Emulation.setDeviceMetricsOverride", size).await;
        self.until(&format!("window.innerWidth === {width}")).await;
    }

    /// The value of a JavaScript expression in the page; promises are awaited.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = eventually("a document to evaluate in", PATIENCE, async || {
            match self.request("Runtime.evaluate", ask.clone()).await {
                Ok(answer) => Some(answer),
                // A tab has its address before its document.
                Err(error) if error["message"] == "Cannot find default execution context" => None,
                Err(error) => panic!("{expression}: {error}"),
            }
        })
        .await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub async fn until(&mut self, expression: &str) {
        eventually(expression, PATIENCE, async || {
            (self.evaluate(&format!("Boolean({expression})")).await == true).then_some(())
        })
        .await;
    }

    /// Clicks with the mouse into the middle of the first element of a CSS selector, once it is
    /// there to be seen.
    pub async fn click(&mut self, selector: &str) {
        let place = format!(
            "(() => {{ const found = document.querySelector({selector:?}); \
             if (!found) return null; found.scrollIntoView({{ block: 'center' }}); \
             const box = found.getBoundingClientRect(); \
             const at = {{ x: box.x + box.width / 2, y: box.y + box.height / 2 }}; \
             return box.width && found.contains(document.elementFromPoint(at.x, at.y)) ? at : null; \
             }})()"
        );
        let at = eventually(&format!("{selector} to click"), PATIENCE, async || {
            Some(self.evaluate(&place).await).filter(Value::is_object)
        })
        .await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({
                "type": kind, "x": at["x"], "y": at["y"], "button": "left", "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Types a text where the cursor is.
    pub async fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// What the console shows as an error or warning: exceptions, violations of the page's policy,
    /// what could not be loaded.
    pub async fn complaints(&mut self) -> Vec<String> {
        // An answer comes behind the events of all that happened before it.
        self.show().await;
        self.evaluate("new Promise(requestAnimationFrame).then(() => true)").await;
        let bad = |level: &Value| matches!(level.as_str(), Some("error" | "warning" | "assert"));
        let complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Network.loadingFailed") => true,
            Some("Runtime.consoleAPICalled") => bad(&event["params"]["type"]),
            Some("Log.entryAdded") => bad(&event["params"]["entry"]["level"]),
            _ => false,
        };
        self.events.iter().filter(complaint).map(Value::to_string).collect()
    }

    /// Every address that the tab asked for, in order, WebSockets too.
    pub fn requests(&self) -> Vec<String> {
        let asked = |event: &Value| {
            match event["method"].as_str()? {
                "Network.requestWillBeSent" => event["params"]["request"]["url"].as_str(),
                "Network.webSocketCreated" => event["params"]["url"].as_str(),
                _ => None,
            }
            .map(str::to_owned)
        };
        self.events.iter().filter_map(asked).collect()
    }

    /// A header of the newest answer to an address with `part` in it.
    pub fn header(&self, part: &str, name: &str) -> Option<String> {
        let answers = self.events.iter().filter(|e| e["method"] == "Network.responseReceived");
        let mut answers = answers.map(|event| &event["params"]["response"]).rev();
        let answer = answers.find(|answer| answer["url"].as_str().unwrap().contains(part))?;
        let headers = answer["headers"].as_object()?;
        let found = headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name))?;
        found.1.as_str().map(str::to_owned)
    }

    /// Leaves a picture of the whole page in the folder `ALPHAFLEET_TEST_SCREENSHOTS`, if that is
    /// set.
    pub async fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("ALPHAFLEET_TEST_SCREENSHOTS") else { return };
        let ask = json!({ "format": "png", "captureBeyondViewport": true });
        let answer = self.call("Page.captureScreenshot", ask).await;
        let text = answer["data"].as_str().unwrap();
        let file = std::path::Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(file, BASE64_STANDARD.decode(text).unwrap()).unwrap();
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        let answer = self.request(method, params).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// What the tab answers: a result, or its error.
    async fn request(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.calls += 1;
        let id = self.calls;
        let frame = json!({ "id": id, "method": method, "params": params });
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
        // News of the page may come all the time: what counts is the answer.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = timeout_at(deadline, self.socket.next()).await;
            let message = message.unwrap_or_else(|_| panic!("{method} is not answered: {params}"));
            let Message::Text(text) = message.expect("the tab lives").unwrap() else { continue };
            let frame: Value = serde_json::from_str(text.as_str()).unwrap();
            if frame["id"] != id {
                self.events.push(frame);
                continue;
            }
            return match frame["error"].is_null() {
                true => Ok(frame["result"].clone()),
                false => Err(frame["error"].clone()),
            };
        }
    }
}
