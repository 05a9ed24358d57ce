/// What a cluster consists of.
#[derive(Debug, Clone)]
pub struct Layout {
    pub gateways: usize,
    pub workers: usize,
    pub backtesters: usize,
    pub monitors: usize,
    /// Settings of every process, e.g. `("WORKER__DEFAULT_SLOTS", "1")`.
    pub settings: Vec<(String, String)>,
    /// Whether the services are this cluster's alone, so that it may break them.
    pub own_services: bool,
    /// Lines for the configuration of a RabbitMQ of its own.
    pub rabbitmq: Vec<String>,
    /// Filter of the processes' logs.
    pub log: String,
}

impl Default for Layout {
    /// A gateway, two workers and a monitoring worker on services that tests share.
    fn default() -> Self {
        Self {
            gateways: 1,
            workers: 2,
            backtesters: 0,
            monitors: 1,
            settings: Vec::new(),
            own_services: false,
            rabbitmq: Vec::new(),
            log: "warn,alphafleet_worker=info".to_owned(),
        }
    }
}

impl Layout {
    /// Like the default, on services that may be broken.
    pub fn breakable() -> Self {
        Self { own_services: true, ..Self::default() }
    }

    /// Like the default, with a backtest worker.
    pub fn backtesting() -> Self {
        Self { workers: 1, backtesters: 1, ..Self::default() }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}
