use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args as ClapArgs;

use super::AdjustPrices;

#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Backtest {
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
    #[arg(long, value_name = "FILE", requires = "local")]
    pub data: Vec<PathBuf>,
    /// With --local: whether prices are brought to one level by the file's factor first. Qlib's
    /// are raw prices times their factor: backward.
    #[arg(long, value_enum, default_value = "none", requires = "local")]
    pub adjustment: AdjustPrices,
    /// With --local: scores, Parquet or CSV with instrument|symbol, datetime|date, score. A
    /// score of a bar acts at the next.
    #[arg(long, value_name = "FILE", requires = "local")]
    pub signals: Option<PathBuf>,
    /// With --local: splits and dividends of raw prices, CSV with instrument, date, and split (new
    /// shares for one old share) or dividend (money a share).
    #[arg(long, value_name = "FILE", requires = "local")]
    pub actions: Option<PathBuf>,
    /// First day [default: the plan's, or else that of the scores, or else that of the data].
    #[arg(long, value_name = "DAY", requires = "local")]
    pub from: Option<NaiveDate>,
    /// Last day, included.
    #[arg(long, value_name = "DAY", requires = "local")]
    pub to: Option<NaiveDate>,
    /// With --local: where report and tables go.
    #[arg(long, value_name = "DIR", requires = "local")]
    pub out: Option<PathBuf>,
}
