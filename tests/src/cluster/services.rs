use alphafleet_testkit::{postgres, rabbitmq, redis};

use super::Layout;

/// Real PostgreSQL, RabbitMQ and Redis for one cluster.
pub struct Services {
    /// Names this cluster's queues, keys and channels.
    namespace: String,
    database_url: String,
    broker_url: String,
    events_url: String,
    own: Option<Own>,
    _shared: Option<Shared>,
}

/// Servers of this cluster alone.
pub struct Own {
    pub postgres: postgres::Server,
    pub rabbitmq: rabbitmq::Server,
    pub redis: redis::Server,
}

/// What keeps the shared ones alive.
struct Shared {
    _database: postgres::Database,
    _rabbitmq: rabbitmq::Shared,
    _redis: redis::Shared,
}

impl Services {
    pub(super) fn start(layout: &Layout) -> Option<Self> {
        if layout.own_services { Self::own(layout) } else { Self::shared() }
    }

    fn own(layout: &Layout) -> Option<Self> {
        let lines: Vec<&str> = layout.rabbitmq.iter().map(String::as_str).collect();
        let (postgres, rabbitmq, redis) = std::thread::scope(|scope| {
            let postgres = scope.spawn(postgres::Server::start);
            let rabbitmq = scope.spawn(|| rabbitmq::Server::start_with(&lines));
            let redis = scope.spawn(redis::Server::start);
            (postgres.join().unwrap(), rabbitmq.join().unwrap(), redis.join().unwrap())
        });
        let own = Own { postgres: postgres?, rabbitmq: rabbitmq?, redis: redis? };
        Some(Self {
            namespace: "alphafleet".to_owned(),
            database_url: own.postgres.url.clone(),
            broker_url: own.rabbitmq.url().to_owned(),
            events_url: own.redis.url().to_owned(),
            own: Some(own),
            _shared: None,
        })
    }

    fn shared() -> Option<Self> {
        let database = postgres::Database::fresh()?;
        let (rabbitmq, redis) = (rabbitmq::shared()?, redis::shared()?);
        Some(Self {
            namespace: format!("test{}", uuid::Uuid::new_v4().simple()),
            database_url: database.url(),
            broker_url: rabbitmq.url().to_owned(),
            events_url: redis.url().to_owned(),
            own: None,
            _shared: Some(Shared { _database: database, _rabbitmq: rabbitmq, _redis: redis }),
        })
    }

    /// The servers, to be broken.
    pub fn own_mut(&mut self) -> &mut Own {
        self.own.as_mut().expect("a layout with services of its own")
    }

    /// What a process is told of them.
    pub(super) fn environment(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("DATABASE_URL", &self.database_url),
            ("BROKER_URL", &self.broker_url),
            ("EVENTS_URL", &self.events_url),
            ("ALPHAFLEET__BROKER__NAMESPACE", &self.namespace),
            ("ALPHAFLEET__EVENTS__NAMESPACE", &self.namespace),
        ]
    }
}
