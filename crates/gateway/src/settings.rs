use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// What an operator decides about a gateway. Secrets never show in `Debug`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Signs access tokens; at least 32 bytes.
    pub jwt_secret: SecretString,
    /// Every user's secret for callbacks comes from it; at least 32 bytes, the same in every
    /// process that delivers callbacks.
    pub webhook_key: SecretString,
    /// Networks a callback may go to although they are not public, e.g. `10.20.0.0/16`.
    pub callback_networks: Vec<String>,
    pub token_ttl: Duration,
    /// Lets whoever knows it create the first administrator; without it nobody can over HTTP.
    pub setup_token: Option<SecretString>,
    /// Lets Prometheus read `/metrics` as a bearer token; administrators always may.
    pub metrics_token: Option<SecretString>,
    /// Origins besides the gateway's own whose pages may open sockets, e.g. `https://lab.example`.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Bytes of a JSON body.
    pub body_limit_bytes: usize,
    /// Bytes of a JSON body that starts many jobs at once.
    pub batch_limit_bytes: usize,
    /// Bytes of an uploaded file.
    pub upload_limit_bytes: u64,
    /// Folder for uploads and downloads on their way; must exist.
    pub scratch: PathBuf,
    pub rates: Rates,
    pub sockets: SocketSettings,
    pub backends: Backends,
}

impl Settings {
    /// Usual values around the two that have none. The secret signs callbacks, too.
    pub fn new(jwt_secret: SecretString, scratch: PathBuf) -> Self {
        Self {
            webhook_key: jwt_secret.clone(),
            callback_networks: Vec::new(),
            jwt_secret,
            token_ttl: Duration::from_secs(12 * 3_600),
            setup_token: None,
            metrics_token: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            body_limit_bytes: 1 << 20,
            batch_limit_bytes: 8 << 20,
            upload_limit_bytes: 512 << 20,
            scratch,
            rates: Rates::default(),
            sockets: SocketSettings::default(),
            backends: Backends::default(),
        }
    }
}

/// How often clients may ask. Each is a burst that refills evenly; at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    pub logins_per_address_per_minute: u32,
    pub logins_per_username_per_minute: u32,
    pub requests_per_user_per_second: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            logins_per_address_per_minute: 30,
            logins_per_username_per_minute: 10,
            requests_per_user_per_second: 200,
        }
    }
}

/// Limits of `WS /api/v1/ws/connect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketSettings {
    /// Between two pings; a client that stays silent for another such time is closed.
    pub heartbeat: Duration,
    /// How long one write may wait for the client.
    pub send_timeout: Duration,
    /// Bytes of a client's frame.
    pub max_frame_bytes: usize,
    pub max_subscriptions: u32,
    /// Frames a client may send a second, with a burst of as many again.
    pub frames_per_second: u32,
    /// Frames and bytes that wait for one client before it is told of a gap. The bytes are shared:
    /// those of a session are in memory once for all its followers.
    pub queue_frames: usize,
    pub queue_bytes: usize,
    /// How long a one-time ticket is good.
    pub ticket_ttl: Duration,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(30),
            send_timeout: Duration::from_secs(10),
            max_frame_bytes: 16 << 10,
            max_subscriptions: 50,
            frames_per_second: 20,
            queue_frames: 4_096,
            queue_bytes: 4 << 20,
            ticket_ttl: Duration::from_secs(30),
        }
    }
}

/// Names of the adapters behind the ports, as `/readyz` shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backends {
    pub database: String,
    pub broker: String,
    pub events: String,
    pub storage: String,
}

impl Default for Backends {
    /// The embedded ones.
    fn default() -> Self {
        Self {
            database: "sqlite".to_owned(),
            broker: "memory".to_owned(),
            events: "memory".to_owned(),
            storage: "file".to_owned(),
        }
    }
}
