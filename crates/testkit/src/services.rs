//! PostgreSQL, RabbitMQ and Redis together.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::folder::write_private;
use crate::installed::missing;
use crate::port::Port;
use crate::{postgres, rabbitmq, redis};

/// One server of each kind. Ended when dropped.
pub struct Services {
    pub postgres: postgres::Server,
    pub rabbitmq: rabbitmq::Server,
    pub redis: redis::Server,
}

/// Why services whose data is kept do not start.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    #[error("{0} is not installed: scripts/setup --services installs it")]
    NotInstalled(&'static str),
    #[error("port {0}, chosen when the services first started, is in use by another program")]
    PortInUse(u16),
    #[error("{} cannot be read or written", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{} does not hold what it should", path.display())]
    Malformed { path: PathBuf, source: serde_json::Error },
}

impl Services {
    /// `false`, with a word on the terminal, where one is not installed; a panic if that happens
    /// in continuous integration (`CI=true`).
    pub fn are_installed() -> bool {
        let lacking = not_installed();
        if let Some((service, package)) = lacking {
            missing(service, package);
        }
        lacking.is_none()
    }

    /// Starts temporary servers at the same time; `None` where one is not installed.
    pub fn start() -> Option<Self> {
        let (postgres, rabbitmq, redis) =
            at_once(postgres::Server::start, rabbitmq::Server::start, redis::Server::start);
        Some(Self { postgres: postgres?, rabbitmq: rabbitmq?, redis: redis? })
    }

    /// Starts servers that keep their data in `folder`. Ports and passwords are chosen once, and
    /// kept there too; for so long as `patience` servers of a starter that was killed may still
    /// be ending.
    pub fn keep(folder: &Path, patience: Duration) -> Result<Self, KeepError> {
        if let Some((service, _)) = not_installed() {
            return Err(KeepError::NotInstalled(service));
        }
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| KeepError::File { path, source }
        };
        let chosen = Chosen::of(&folder.join("chosen.json"))?;
        chosen.check_ports(patience)?;
        let at = ["postgres", "rabbitmq", "redis"].map(|name| folder.join(name));
        let (postgres, rabbitmq, redis) = at_once(
            || postgres::Server::keep(&at[0], chosen.postgres, &chosen.postgres_password),
            || rabbitmq::Server::keep(&at[1], chosen.rabbitmq(), &chosen.rabbitmq_password),
            || redis::Server::keep(&at[2], chosen.redis, &chosen.redis_password),
        );
        Ok(Self {
            postgres: postgres.map_err(file(&at[0]))?,
            rabbitmq: rabbitmq.map_err(file(&at[1]))?,
            redis: redis.map_err(file(&at[2]))?,
        })
    }

    /// Whether none of them ended by itself.
    pub fn are_alive(&self) -> bool {
        self.postgres.is_alive() && self.rabbitmq.is_alive() && self.redis.is_alive()
    }

    /// Ends them in an orderly way.
    pub fn stop(mut self) {
        at_once(|| self.postgres.stop(), || self.rabbitmq.stop(), || self.redis.stop());
    }
}

/// A service that is not, and its package.
fn not_installed() -> Option<(&'static str, &'static str)> {
    let services = [
        (postgres::is_installed(), ("PostgreSQL", "postgresql")),
        (rabbitmq::is_installed(), ("RabbitMQ", "rabbitmq-server")),
        (redis::is_installed(), ("Redis", "redis-server")),
    ];
    services.into_iter().find_map(|(installed, service)| (!installed).then_some(service))
}

/// Ports and passwords of services whose data is kept.
#[derive(Serialize, Deserialize)]
struct Chosen {
    postgres: u16,
    postgres_password: String,
    rabbitmq: u16,
    rabbitmq_distribution: u16,
    rabbitmq_mapper: u16,
    rabbitmq_password: String,
    redis: u16,
    redis_password: String,
}

impl Chosen {
    fn of(path: &Path) -> Result<Self, KeepError> {
        let file = |source| KeepError::File { path: path.to_owned(), source };
        let malformed = |source| KeepError::Malformed { path: path.to_owned(), source };
        if path.exists() {
            let text = std::fs::read_to_string(path).map_err(file)?;
            return serde_json::from_str(&text).map_err(malformed);
        }
        let chosen = Self::choose();
        let text = serde_json::to_string_pretty(&chosen).map_err(malformed)?;
        write_private(path, &text).map_err(file)?;
        Ok(chosen)
    }

    fn choose() -> Self {
        // All are claimed before the first is given up.
        let ports: [Port; 5] = std::array::from_fn(|_| Port::claim());
        let [postgres, rabbitmq, rabbitmq_distribution, rabbitmq_mapper, redis] =
            ports.each_ref().map(Port::number);
        let password = || Uuid::new_v4().simple().to_string();
        Self {
            postgres,
            postgres_password: password(),
            rabbitmq,
            rabbitmq_distribution,
            rabbitmq_mapper,
            rabbitmq_password: password(),
            redis,
            redis_password: password(),
        }
    }

    /// Waits for ports that servers are just leaving.
    fn check_ports(&self, patience: Duration) -> Result<(), KeepError> {
        let deadline = Instant::now() + patience;
        let numbers = [
            self.postgres,
            self.rabbitmq,
            self.rabbitmq_distribution,
            self.rabbitmq_mapper,
            self.redis,
        ];
        for number in numbers {
            while !Port::chosen(number).is_free() {
                if Instant::now() > deadline {
                    return Err(KeepError::PortInUse(number));
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    fn rabbitmq(&self) -> rabbitmq::Ports {
        rabbitmq::Ports {
            amqp: Port::chosen(self.rabbitmq),
            distribution: Port::chosen(self.rabbitmq_distribution),
            mapper: Port::chosen(self.rabbitmq_mapper),
        }
    }
}

/// Does three things at the same time.
fn at_once<A: Send, B: Send, C: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
    c: impl FnOnce() -> C + Send,
) -> (A, B, C) {
    thread::scope(|scope| {
        let (a, b) = (scope.spawn(a), scope.spawn(b));
        let c = c();
        (joined(a), joined(b), c)
    })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
