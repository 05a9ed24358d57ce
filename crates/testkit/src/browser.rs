//! A private Chromium without a window, for tests that open our pages.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::folder::Folder;
use crate::installed::{missing, program};
use crate::leash::{Leash, Leashed};

/// What distributions call it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Nothing but what a test asks for: no window, no calls home, and no name is looked up, so that
/// a page that asks for something from elsewhere fails on every machine alike. Without the sandbox,
/// which root and many containers cannot have: the pages are ours.
const OPTIONS: [&str; 13] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
    "--lang=en-US",
];

/// A browser with a profile of its own in a temporary folder, which takes orders over the DevTools
/// protocol on a loopback port. Ended when dropped.
pub struct Server {
    port: u16,
    _leash: Leash,
    _profile: Folder,
}

impl Server {
    /// `None`, with a word on the terminal, where Chromium is not installed; a panic if that
    /// happens in continuous integration (`CI=true`).
    pub fn start() -> Option<Self> {
        let Some(browser) = NAMES.into_iter().find_map(program) else {
            missing("Chromium", "chromium");
            return None;
        };
        let profile = Folder::temporary("chromium");
        let mut command = Command::new(browser);
        command.args(OPTIONS).arg(format!("--user-data-dir={}", profile.path().display()));
        // What it keeps beside its profile goes with it too.
        command.arg("about:blank").env("HOME", profile.path()).env("TZ", "UTC");
        for name in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY"] {
            command.env_remove(name);
        }
        let leash = Leash::start(&Leashed {
            command: &command,
            ending: Signal::SIGTERM,
            account: None,
            log: &profile.path().join("browser.log"),
            temporary: profile.if_temporary(),
        });
        let told = profile.path().join("DevToolsActivePort");
        leash.until_ready(|| port(&told).is_some());
        Some(Self { port: port(&told).unwrap(), _leash: leash, _profile: profile })
    }

    /// Where it takes orders, `http://127.0.0.1:…`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// The port it has chosen, once it has written file and line to the end.
fn port(told: &Path) -> Option<u16> {
    let text = std::fs::read_to_string(told).ok()?;
    text.split_once('\n')?.0.parse().ok()
}
