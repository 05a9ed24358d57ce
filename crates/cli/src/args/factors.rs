use std::path::PathBuf;

use alphafleet_factors::MOST_THREADS;
use alphafleet_market::Adjustment;
use clap::builder::RangedU64ValueParser;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};

/// As many threads as a specification may ask for.
fn threads() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(0..=MOST_THREADS as u64)
}

#[derive(Debug, Subcommand)]
pub enum Factors {
    /// Compute expressions on every row of a file and write them as Parquet.
    ///
    /// The numbers are those that Qlib gives on the same rows. Rows and values are taken as the
    /// file has them, also rows without a price, impossible prices and infinite values, which a
    /// training would leave out; what looks wrong is said. An instrument's series reach from its
    /// first row to its last one, whatever these hold; a day that it lacks in between is a missing
    /// bar: it has a row, and windows leave it out.
    Compute(ComputeFactors),
    /// Read an expression and say what it needs, or where it is wrong.
    Check {
        /// e.g. 'Mean($close, 5)/$close'
        #[arg(value_name = "EXPR")]
        expression: String,
        /// Whether these announcements have the fields by period that it reads.
        #[arg(long, value_name = "FILE")]
        announcements: Option<PathBuf>,
    },
    /// How well factors foretell returns: IC, decay, turnover, returns of quantiles.
    Evaluate(EvaluateFactors),
}

/// Rows and prices are taken as the file has them.
#[derive(Debug, ClapArgs)]
pub struct ComputeFactors {
    /// Bars: Parquet or CSV with instrument|symbol, datetime|date, open, high, low, close, volume
    /// and further fields.
    #[arg(long, value_name = "FILE", required = true)]
    pub data: Vec<PathBuf>,
    /// A published set: alpha158, alpha360, alpha101 or indicators. What reads fields that the
    /// file lacks is left out, and said so.
    #[arg(long, value_name = "SET")]
    pub set: Option<String>,
    #[command(flatten)]
    pub fundamentals: Fundamentals,
    /// An expression and the name of its column; may be given often.
    #[arg(long = "expr", value_name = "NAME=EXPR", required_unless_present = "set")]
    pub expressions: Vec<String>,
    /// The file's field that says who belongs to the universe when, neither 0 nor missing on a
    /// member's bars: cross-sectional operators compare its members alone.
    #[arg(long, value_name = "FIELD")]
    pub members: Option<String>,
    /// The Parquet file to write: instrument, datetime and a column a factor.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// 0: one a core; never more than there are groups of eight instruments.
    #[arg(long, default_value_t = 0, value_parser = threads())]
    pub threads: usize,
    /// Whether prices are brought to one level by the file's factor first.
    #[arg(long, value_enum, default_value = "none")]
    pub adjustment: AdjustPrices,
}

/// Prices become raw ones with a factor and are adjusted, as for a training.
#[derive(Debug, ClapArgs)]
pub struct EvaluateFactors {
    /// Bars, CSV or Parquet; one file or several.
    #[arg(long, required = true, value_name = "FILE")]
    pub data: Vec<PathBuf>,
    /// A published set: alpha158, alpha360, alpha101 or indicators. What reads fields that the
    /// file lacks is left out, and said so.
    #[arg(long, value_name = "SET")]
    pub set: Option<String>,
    #[command(flatten)]
    pub fundamentals: Fundamentals,
    /// A factor of your own, e.g. `--expr 'reversal=Ref($close, 5)/$close'`; may be given often.
    #[arg(long = "expr", value_name = "NAME=EXPR", required_unless_present = "set")]
    pub expressions: Vec<String>,
    /// The files' field that says who belongs to the universe when, neither 0 nor missing on a
    /// member's bars: its members alone are judged.
    #[arg(long, value_name = "FIELD")]
    pub members: Option<String>,
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
    /// How raw prices are brought to one level.
    #[arg(long, value_enum, default_value = "backward")]
    pub adjustment: AdjustPrices,
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
    #[arg(long, default_value_t = 0, value_parser = threads())]
    pub threads: usize,
}

/// What `$$field` reads, within `P(…)` and `PRef(…)`.
#[derive(Debug, ClapArgs)]
pub struct Fundamentals {
    /// Announced values by period: Parquet or CSV with instrument, announced (a day), period
    /// (201901 or 2018), field (ending with _q or _a) and value; or a Qlib folder with financial/.
    /// As in Qlib a value counts from its day on, that day's bar included: give what came after the
    /// close the next day.
    #[arg(long, value_name = "FILE")]
    pub announcements: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AdjustPrices {
    None,
    /// The newest prices stay as they are.
    Forward,
    /// The oldest prices stay as they are.
    Backward,
}

impl From<AdjustPrices> for Adjustment {
    fn from(adjust: AdjustPrices) -> Self {
        match adjust {
            AdjustPrices::None => Self::None,
            AdjustPrices::Forward => Self::Forward,
            AdjustPrices::Backward => Self::Backward,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;

    use crate::args::Args;

    #[test]
    fn more_threads_than_a_specification_may_ask_for_are_refused() {
        let compute = ["compute", "--data", "a.parquet", "--set", "alpha158", "--out", "b.parquet"];
        let evaluate = ["evaluate", "--data", "a.parquet", "--set", "alpha158", "--out", "b"];
        for command in [&compute[..], &evaluate[..]] {
            let parsed = |threads: &str| {
                let begin = ["alphafleet", "factors"];
                Args::try_parse_from(begin.iter().chain(command).chain(&["--threads", threads]))
            };
            assert!(parsed("1024").is_ok(), "{command:?}");
            for refused in ["1025", "100000", "-1"] {
                let code = parsed(refused).err().map(|error| error.exit_code());
                assert_eq!(code, Some(2), "{refused}");
            }
            let error = parsed("1025").err().map(|error| error.kind());
            assert_eq!(error, Some(ErrorKind::ValueValidation));
        }
    }
}
