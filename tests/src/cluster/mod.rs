//! The fleet as separate processes on real services.

mod layout;
mod member;
mod services;

pub use layout::Layout;
pub use member::Member;
pub use services::{Own, Services};

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Client, Fleet, eventually};

/// Gateways, training and backtest workers and a monitoring worker, each a process of its own, on private
/// PostgreSQL, RabbitMQ and Redis. All of it ends with this value.
pub struct Cluster {
    pub gateways: Vec<Member>,
    pub workers: Vec<Member>,
    pub backtesters: Vec<Member>,
    pub monitors: Vec<Member>,
    pub services: Services,
    layout: Layout,
    folder: TempDir,
}

impl Cluster {
    /// Starts as the layout says and answers when everything is ready. `None` where a service is
    /// not installed.
    pub async fn start(layout: Layout) -> Option<(Self, Client)> {
        let services = Services::start(&layout)?;
        let folder = tempfile::tempdir().unwrap();
        let mut cluster = Self {
            gateways: Vec::new(),
            workers: Vec::new(),
            backtesters: Vec::new(),
            monitors: Vec::new(),
            services,
            layout,
            folder,
        };
        cluster.migrate();
        for _ in 0..cluster.layout.gateways {
            let gateway = cluster.gateway();
            cluster.gateways.push(gateway);
        }
        for _ in 0..cluster.layout.workers {
            let worker = cluster.worker(&[]);
            cluster.workers.push(worker);
        }
        for _ in 0..cluster.layout.backtesters {
            let backtester = cluster.member("backtest-worker", &[], &[]);
            cluster.backtesters.push(backtester);
        }
        for _ in 0..cluster.layout.monitors {
            let monitor = cluster.monitor();
            cluster.monitors.push(monitor);
        }
        let token = std::fs::read_to_string(cluster.data_dir().join("setup-token")).unwrap();
        let client = Client::setup(&cluster.gateways[0].url, Fleet::ADMIN, token.trim()).await;
        cluster.until_ready().await;
        Some((cluster, client))
    }

    pub fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// Another gateway of this fleet.
    pub fn gateway(&self) -> Member {
        self.member("alphafleet", &["gateway"], &[])
    }

    /// Another training worker, with settings of its own such as `("WORKER__DEFAULT_SLOTS", "1")`.
    pub fn worker(&self, settings: &[(&str, &str)]) -> Member {
        self.member("training-worker", &[], settings)
    }

    /// Another monitoring worker.
    pub fn monitor(&self) -> Member {
        self.member("monitoring-worker", &[], &[])
    }

    /// Waits until every process says that it is ready.
    pub async fn until_ready(&self) {
        for member in self.members() {
            member.until_ready().await;
        }
    }

    pub fn members(&self) -> impl Iterator<Item = &Member> {
        let workers = self.workers.iter().chain(&self.backtesters);
        self.gateways.iter().chain(workers).chain(&self.monitors)
    }

    /// The same user at another gateway.
    pub fn at(&self, gateway: usize, client: &Client) -> Client {
        Client::with_token(&self.gateways[gateway].url, &client.token)
    }

    /// The worker that runs a session now, by its place in `workers`.
    pub async fn runs(&self, client: &Client, session: &str) -> usize {
        let what = format!("a worker that runs {session}");
        eventually(&what, Duration::from_secs(30), async || {
            let pid = worker_pid(client, session).await?;
            self.workers.iter().position(|worker| u64::from(worker.pid()) == pid)
        })
        .await
    }

    fn migrate(&self) {
        let mut command = self.command("alphafleet");
        let migrated = command.arg("migrate").arg("--data-dir").arg(self.data_dir()).output();
        let migrated = migrated.unwrap();
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    }

    fn command(&self, program: &str) -> std::process::Command {
        let mut command = std::process::Command::new(crate::fleet::program(program));
        command.envs(self.services.environment());
        for (name, value) in &self.layout.settings {
            command.env(format!("ALPHAFLEET__{name}"), value);
        }
        command
    }

    fn member(&self, program: &str, args: &[&str], settings: &[(&str, &str)]) -> Member {
        let mut command = self.command(program);
        command.args(args).args(["--listen", "127.0.0.1:0", "--log", &self.layout.log]);
        command.arg("--data-dir").arg(self.data_dir());
        for (name, value) in settings {
            command.env(format!("ALPHAFLEET__{name}"), value);
        }
        Member::start(command)
    }
}

/// The process of the worker that runs a session, if one does.
async fn worker_pid(client: &Client, session: &str) -> Option<u64> {
    let session = client.session(session).await;
    let worker = session["worker_id"].as_str()?;
    let workers = client.get("/api/v1/workers").await.ok();
    let row = workers["items"].as_array()?.iter().find(|row| row["id"] == worker)?.clone();
    row["pid"].as_u64()
}
