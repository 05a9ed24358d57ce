use std::path::PathBuf;

use alphafleet_domain::JobId;
use chrono::NaiveDate;
use clap::Args as ClapArgs;

use super::AdjustPrices;

#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Backtest {
    /// Backtest this strategy on the fleet: its name or id.
    #[arg(group = "what", requires_all = ["from", "to"])]
    pub strategy: Option<String>,
    // Which options go with a strategy and which with --local is checked after parsing: see
    // commands/backtest/options.rs.
    /// Cash at the start [default: the strategy's, else 100000].
    #[arg(long)]
    pub capital: Option<f64>,
    /// An instrument to compare with.
    #[arg(long, value_name = "INSTRUMENT")]
    pub benchmark: Option<String>,
    /// The training whose scores to use [default: the strategy's newest completed one]. Given more
    /// than once, the models take turns: each scores the days after those it was fitted on, until
    /// one that was fitted later takes over.
    #[arg(long = "session", value_name = "ID")]
    pub sessions: Vec<JobId>,
    /// A field of the plan, or another parameter: `--set costs.open_rate=0.001`. Values are JSON
    /// or plain text.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub parameters: Vec<String>,
    /// Follow the session until it ends.
    #[arg(long)]
    pub watch: bool,
    /// Makes a repeated submit harmless [default: a fresh one].
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Run this plan here, TOML or JSON, without any server.
    #[arg(long, value_name = "CONFIG.toml", group = "what", requires_all = ["data", "out"])]
    pub local: Option<PathBuf>,
    /// Print a template, to save and edit.
    #[arg(long, value_name = "NAME", group = "what")]
    pub template: Option<String>,
    /// The templates there are.
    #[arg(long, visible_alias = "templates", group = "what")]
    pub list_templates: bool,
    /// With --local: the bars, CSV or Parquet. Prices are taken as they are: adjusted ones need
    /// no actions, raw ones do, or every split is a loss or a gain. Qlib's engine goes by adjusted
    /// prices with their factor.
    #[arg(long, value_name = "FILE")]
    pub data: Vec<PathBuf>,
    /// With --local: whether prices are brought to one level by the file's factor first. Qlib's
    /// are raw prices times their factor: backward [default: none].
    #[arg(long, value_enum)]
    pub adjustment: Option<AdjustPrices>,
    /// With --local: the data's field that says who belongs to the universe when, neither 0 nor
    /// missing on a member's bars. Of the others nothing is bought, and what leaves is sold.
    #[arg(long, value_name = "FIELD")]
    pub members: Option<String>,
    /// With --local: scores, Parquet or CSV with instrument|symbol, datetime|date, score. A
    /// score of a bar acts at the next; where bars are daily, a time of day does not count.
    #[arg(long, value_name = "FILE")]
    pub signals: Option<PathBuf>,
    /// With --local: splits and dividends of raw prices, CSV with instrument, date, and split (new
    /// shares for one old share) or dividend (money a share). Not with adjusted prices, which have
    /// them already.
    #[arg(long, value_name = "FILE")]
    pub actions: Option<PathBuf>,
    /// With --local: sectors or other groups to attribute gains to, CSV with instrument, group (or
    /// sector, or industry) and perhaps from, the day on which it begins [default: the codes in the
    /// data's field sector, industry, subindustry or group].
    #[arg(long, value_name = "FILE", conflicts_with = "sweep")]
    pub groups: Option<PathBuf>,
    /// Run every combination of the values this file gives for fields of the plan, TOML or JSON:
    /// `[[axes]]` with `path = "strategy.fast"` and `values = [5, 10, 20]`, perhaps `objective =
    /// "sharpe"` and `walk_forward = { train = 500, test = 60 }` in trading days.
    #[arg(long, value_name = "SWEEP.toml", conflicts_with_all = ["template", "list_templates"])]
    pub sweep: Option<PathBuf>,
    /// First day [default, with --local: the plan's, or else that of the scores, or else that of
    /// the data].
    #[arg(long, value_name = "DAY", conflicts_with_all = ["template", "list_templates"])]
    pub from: Option<NaiveDate>,
    /// Last day, included.
    #[arg(long, value_name = "DAY", conflicts_with_all = ["template", "list_templates"])]
    pub to: Option<NaiveDate>,
    /// With --local: where report and tables go.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
