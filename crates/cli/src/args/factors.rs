use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub enum Factors {
    /// How well factors foretell returns: IC, decay, turnover, returns of quantiles.
    Evaluate(EvaluateFactors),
}

#[derive(Debug, ClapArgs)]
pub struct EvaluateFactors {
    /// Bars, CSV or Parquet; one file or several.
    #[arg(long, required = true, value_name = "FILE")]
    pub data: Vec<PathBuf>,
    /// A set of factors.
    #[arg(long, value_name = "SET", required_unless_present = "expressions")]
    pub set: Option<FactorSet>,
    /// A factor of your own, e.g. `--expr 'reversal=Ref($close, 5)/$close'`.
    #[arg(long = "expr", value_name = "NAME=EXPRESSION")]
    pub expressions: Vec<String>,
    /// Where effectiveness.json and effectiveness.html go.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Holding times in bars; the first is the primary one.
    #[arg(long, value_delimiter = ',', value_name = "BARS", default_values_t = [1, 2, 5, 10, 20])]
    pub horizons: Vec<usize>,
    /// Groups of equal count by factor.
    #[arg(long, default_value_t = 5)]
    pub quantiles: usize,
    /// Field that is bought and sold at.
    #[arg(long, default_value = "close", value_name = "FIELD")]
    pub price: String,
    /// How raw prices become comparable.
    #[arg(long, value_enum, default_value_t = PriceAdjustment::Backward)]
    pub adjustment: PriceAdjustment,
    /// Bars in a year, for what is annualised.
    #[arg(long, default_value_t = 252.0, value_name = "BARS")]
    pub periods_per_year: f64,
    /// Judge a subset on its own too: `--universe large=AAPL,MSFT`, or `--universe large=$field` for
    /// those whose field is neither missing nor 0.
    #[arg(long = "universe", value_name = "NAME=MEMBERS")]
    pub universes: Vec<String>,
    /// A field of whole numbers, such as a sector's code, whose groups are judged one by one.
    #[arg(long, value_name = "FIELD")]
    pub group: Option<String>,
    /// Put each bar's IC into effectiveness.json.
    #[arg(long)]
    pub series: bool,
    /// Threads; 0 takes one a core.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FactorSet {
    /// Qlib's 158.
    Alpha158,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PriceAdjustment {
    None,
    Backward,
    Forward,
}
