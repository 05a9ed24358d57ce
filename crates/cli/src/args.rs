mod backtest;
mod factors;
mod features;
mod universe;

use std::path::PathBuf;

use alphafleet_bootstrap::ServeArgs;
use alphafleet_datasets::{PriceBasis, QlibFrequency};
use alphafleet_domain::JobId;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use backtest::Backtest;
pub use factors::{AdjustPrices, ComputeFactors, EvaluateFactors, Factors};
pub use features::{CalculateFeatures, EvaluateFeatures, Features, WorkOnFeatures};
pub use universe::UniverseFile;

/// Quantitative trading research on a fleet of workers.
///
/// Start with `alphafleet demo`. For work of your own: `alphafleet standalone` in one terminal;
/// in another `alphafleet user setup`, `data import`, `strategy create` and `train --watch`.
#[derive(Debug, Parser)]
#[command(name = "alphafleet", version, propagate_version = true, max_term_width = 100)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, ClapArgs)]
pub struct Global {
    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true)]
    pub json: bool,
    /// The gateway to talk to [default: that of the last login, else http://127.0.0.1:8300].
    #[arg(long, global = true, env = "ALPHAFLEET_URL", value_name = "URL")]
    pub url: Option<String>,
    /// Access token [default: that of the last login].
    #[arg(
        long,
        global = true,
        env = "ALPHAFLEET_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub token: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The main job from nothing: a market, a training with live progress, the result.
    Demo(Demo),
    /// The whole fleet in this process: gateway, queue, worker, database. Nothing to install.
    Standalone(ServeArgs),
    /// One gateway of a fleet on PostgreSQL, RabbitMQ and Redis; `training-worker`,
    /// `backtest-worker` and `monitoring-worker` are its other processes.
    Gateway(ServeArgs),
    /// Bring the database to the schema of this build, and declare the broker's queues.
    Migrate(Migrate),
    /// Log in, and manage users.
    #[command(subcommand)]
    User(User),
    /// Import market data and look at it.
    #[command(subcommand)]
    Data(Data),
    /// Factors of a file, without any server.
    #[command(subcommand)]
    Factors(Factors),
    /// Your own features on a server: write, compute and evaluate them.
    #[command(subcommand)]
    Features(Features),
    /// Named configurations that sessions are started from.
    #[command(subcommand)]
    Strategy(Strategy),
    /// Train a strategy's model on the fleet, or one of a file here with --local.
    Train(Train),
    /// Run a strategy over bars and report what came of it.
    ///
    /// On the fleet: `alphafleet backtest STRATEGY --from 2017-01-03 --to 2017-12-29 --watch`. Here:
    /// start with `alphafleet backtest --template topk_dropout > plan.toml`, then `alphafleet backtest
    /// --local plan.toml --data bars.parquet --signals predictions.parquet --out DIR`.
    Backtest(Backtest),
    /// Follow sessions and fetch what they left.
    #[command(subcommand)]
    Session(Session),
    /// The server's settings.
    #[command(subcommand)]
    Config(Config),
    /// Runs jobs for a worker, which starts it.
    #[command(hide = true)]
    Child,
}

#[derive(Debug, ClapArgs)]
pub struct Demo {
    /// Bars to train on, CSV or Parquet [default: a synthetic market made from --seed].
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Also leave summary.json, the model, predictions, report and events here.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Also write features.parquet.
    #[arg(long)]
    pub features: bool,
    /// Training configuration, TOML [default: LightGBM on Alpha158].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Instruments of the synthetic market.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=5000))]
    pub instruments: u32,
    /// Trading days of the synthetic market.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(200..=20000))]
    pub days: u32,
    /// Daily IC of the signal planted in the synthetic market; 0 plants none.
    #[arg(long, default_value_t = 0.1, value_name = "IC")]
    pub signal: f64,
    /// Seed of the synthetic market and of the training.
    #[arg(long, default_value_t = 42)]
    pub seed: u32,
    /// Threads of the training; 0 takes what the worker offers.
    #[arg(long, default_value_t = 0)]
    pub threads: u32,
    /// The gateway of a running fleet, instead of one embedded in this process; its setup token is
    /// looked for in --data-dir.
    #[arg(long, value_name = "URL", requires = "data_dir", conflicts_with = "keep")]
    pub at: Option<String>,
    /// Folder of the demo's database and objects [default: a fresh one].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Go on serving the live page when the training is done.
    #[arg(long)]
    pub keep: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Migrate {
    #[command(flatten)]
    pub server: ServeArgs,
    /// Take the newest migration back instead.
    #[arg(long)]
    pub revert: bool,
}

#[derive(Debug, Subcommand)]
pub enum User {
    /// Create the first administrator of a fresh installation and log in.
    Setup {
        username: String,
        /// The one-time token: in `setup-token` in the server's data folder.
        #[arg(long, value_name = "TOKEN")]
        setup_token: Option<String>,
    },
    /// Log in; the token is kept in your configuration folder. The password is asked for, or taken
    /// from ALPHAFLEET_PASSWORD.
    Login { username: String },
    /// Forget the token.
    Logout,
    /// Who the token belongs to.
    Me,
    /// All users (administrators).
    List,
    /// Create a user (administrators). The password is asked for, or taken from
    /// ALPHAFLEET_NEW_PASSWORD.
    Create {
        username: String,
        /// Give every right, users and fleet included.
        #[arg(long)]
        admin: bool,
        /// Pending and running sessions at once [default: 3].
        #[arg(long)]
        max_sessions: Option<u32>,
    },
    /// Change your password.
    Password,
}

#[derive(Debug, Subcommand)]
pub enum Data {
    /// Import bars from CSV, Parquet or Qlib's binary format as a new version of a dataset.
    ///
    /// One long file, one file an instrument, or a Qlib folder alone. Common layouts are recognised; name the columns of
    /// others with --column. What the checks find is printed.
    Import {
        /// One file or several, or a folder.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Name of the dataset; made if you have none of that name.
        #[arg(long)]
        name: String,
        /// A column of a layout that is not recognised, e.g. `--column close=Last`.
        #[arg(long = "column", value_name = "FIELD=SOURCE")]
        columns: Vec<String>,
        #[command(flatten)]
        reading: Reading,
        /// Fundamentals to put beside the bars, as `data announce` does. Without it, those of the
        /// version before stay.
        #[arg(long, value_name = "FILE")]
        announcements: Option<PathBuf>,
    },
    /// Put fundamentals by period beside a dataset's bars, as a new version.
    ///
    /// A CSV or Parquet table with the columns instrument, announced, period, field and value, or a
    /// Qlib folder with `financial/` in it. They take the place of those the dataset has; imports
    /// of bars carry them on. Formulas read them as `P($$field)`.
    Announce {
        /// The table or the folder.
        file: PathBuf,
        /// Name of the dataset.
        #[arg(long)]
        name: String,
    },
    /// Convert bars to Qlib's binary format or to Parquet, here, without any server.
    Convert(Convert),
    /// Your datasets.
    List,
    /// A dataset's versions.
    Versions { name: String },
    /// What the checks found in a dataset's latest version.
    Checks { name: String },
}

/// How the source of an import is to be understood, where that is not judged by itself.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Reading {
    /// What the source's prices are [default: judged by its factor; adjusted in a Qlib folder].
    #[arg(long, value_enum, value_name = "BASIS")]
    pub prices: Option<Prices>,
    /// Frequency of a Qlib folder that holds several, e.g. 1min [default: day].
    #[arg(long)]
    pub frequency: Option<QlibFrequency>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Prices {
    /// As they were traded.
    Raw,
    /// Times their factor, as Qlib has them.
    Adjusted,
}

impl From<Prices> for PriceBasis {
    fn from(prices: Prices) -> Self {
        match prices {
            Prices::Raw => Self::Raw,
            Prices::Adjusted => Self::Adjusted,
        }
    }
}

/// A Qlib folder is read as it is, and so is a Parquet file that an import or conversion wrote;
/// other files are imported, with all checks. From Qlib to Parquet and back nothing changes.
#[derive(Debug, ClapArgs)]
pub struct Convert {
    /// A Qlib folder, a Parquet or CSV file, or several files.
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
    #[arg(long, value_enum)]
    pub to: Format,
    /// The Parquet file, or the folder for Qlib, to be written; not there yet.
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// What the input's prices are [default: judged by its factor; adjusted in a Qlib folder].
    #[arg(long, value_enum, value_name = "BASIS")]
    pub prices: Option<Prices>,
    /// What prices Qlib is given.
    #[arg(long, value_enum, value_name = "BASIS", default_value = "adjusted")]
    pub qlib_prices: Prices,
    /// Frequency in Qlib's folder, e.g. 1min [default: day].
    #[arg(long)]
    pub frequency: Option<QlibFrequency>,
    /// Keep what single precision loses in side files, which Qlib ignores.
    #[arg(long)]
    pub exact: bool,
    /// Fundamentals by period: the table to be written of a Qlib folder's `financial/` where
    /// Parquet is asked for (not there yet), or to be read for it where Qlib is.
    #[arg(long, value_name = "FILE")]
    pub announcements: Option<PathBuf>,
    /// Add a universe that changes, such as an index, as field NAME: 1 while an instrument belongs,
    /// else 0. FILE is CSV with columns instrument (or symbol) and, both included and open where
    /// empty, start (or from) and end (or to), or a list of Qlib's such as instruments/csi300.txt.
    /// Qlib is given a list. May be repeated.
    #[arg(long = "universe", value_name = "NAME=FILE")]
    pub universes: Vec<UniverseFile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A folder in Qlib's binary format.
    Qlib,
    /// One file, raw prices beside their factor.
    Parquet,
}

#[derive(Debug, Subcommand)]
pub enum Strategy {
    /// Create a strategy from a file or a template.
    Create {
        name: String,
        #[arg(long, default_value = "")]
        description: String,
        #[command(flatten)]
        source: StrategySource,
    },
    /// Your strategies.
    List,
    /// One strategy with its configuration.
    Show { strategy: String },
    /// Replace a strategy's configuration.
    Update {
        strategy: String,
        #[command(flatten)]
        source: StrategySource,
    },
    /// Delete a strategy; its sessions stay.
    Delete { strategy: String },
    /// The templates, or one of them as TOML, to save and edit. Needs no server.
    Templates { name: Option<String> },
}

#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub struct StrategySource {
    /// Training configuration, TOML or JSON.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A template: see `alphafleet strategy templates`.
    #[arg(long, value_name = "NAME")]
    pub template: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub struct Train {
    /// Name or id of the strategy.
    #[arg(required_unless_present = "local", conflicts_with = "local")]
    pub strategy: Option<String>,
    /// Dataset to train on [default: the strategy's own].
    #[arg(long, conflicts_with = "local")]
    pub dataset: Option<String>,
    /// Type of model, e.g. `lightgbm` [default: the strategy's own].
    #[arg(long, conflicts_with = "local")]
    pub model: Option<String>,
    /// A parameter, e.g. `--set num_leaves=64`. Values are JSON or plain text.
    #[arg(long = "set", value_name = "NAME=VALUE", conflicts_with = "local")]
    pub parameters: Vec<String>,
    /// Follow the session until it ends.
    #[arg(long, conflicts_with = "local")]
    pub watch: bool,
    /// Makes a repeated submit harmless [default: a fresh one].
    #[arg(long, value_name = "KEY", conflicts_with = "local")]
    pub idempotency_key: Option<String>,
    /// Train here, without any server, as this configuration says.
    #[arg(long, value_name = "CONFIG.toml", requires_all = ["data", "out"])]
    pub local: Option<PathBuf>,
    /// With --local: the bars, CSV or Parquet.
    #[arg(long, value_name = "FILE", requires = "local")]
    pub data: Vec<PathBuf>,
    /// With --local: where model, predictions and report go.
    #[arg(long, value_name = "DIR", requires = "local")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Session {
    /// Your newest sessions.
    List {
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// State, progress and newest metrics.
    Status { id: JobId },
    /// The parts it was split into, in their order.
    Children {
        id: JobId,
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Follow a session until it ends.
    Watch { id: JobId },
    /// Cancel a session.
    Stop { id: JobId },
    /// Its metrics over time.
    Metrics {
        id: JobId,
        /// Only this metric.
        #[arg(long)]
        name: Option<String>,
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// What it wrote.
    Logs {
        id: JobId,
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Its report, in short; or all its files into a folder.
    Report {
        id: JobId,
        /// Fetch report, model and predictions into this folder.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Check the settings and say where they are wrong.
    Check(ServeArgs),
    /// The settings in force as TOML, defaults included, passwords left out.
    Dump(ServeArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Args::command().debug_assert();
    }
}
