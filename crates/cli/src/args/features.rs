use clap::{Args as ClapArgs, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Features {
    /// Your features.
    List,
    /// Create a feature from a formula.
    Create {
        /// Letters, digits, `.`, `_` and `-`.
        name: String,
        /// e.g. 'Mean($close, 5)/$close'
        #[arg(value_name = "EXPR")]
        expression: String,
        #[arg(long, default_value = "")]
        description: String,
        /// A dataset whose every new version starts its computation.
        #[arg(long, value_name = "DATASET")]
        follow: Option<String>,
    },
    /// One feature with its formula.
    Show { feature: String },
    /// Delete a feature; what was computed with it stays.
    Delete { feature: String },
    /// Compute features on a dataset, into the cache and as a Parquet file.
    Calculate(CalculateFeatures),
    /// How well features foretell returns: IC, decay, turnover, returns of quantiles.
    Evaluate(EvaluateFeatures),
}

/// Which features on which data, and how the work is started.
#[derive(Debug, ClapArgs)]
pub struct WorkOnFeatures {
    /// Name of the dataset.
    #[arg(long, value_name = "NAME")]
    pub dataset: String,
    /// A feature of your own, by its name; may be given often.
    #[arg(long = "feature", value_name = "NAME", required_unless_present = "set")]
    pub features: Vec<String>,
    /// A published set: alpha158, alpha360, alpha101 or indicators. What reads fields that the
    /// data lack is left out, and said so.
    #[arg(long, value_name = "SET")]
    pub set: Option<String>,
    /// How prices are brought to one level: none, backward or forward [default: backward].
    #[arg(long, value_name = "HOW")]
    pub adjustment: Option<String>,
    /// Follow the session until it ends.
    #[arg(long)]
    pub watch: bool,
    /// Makes a repeated submit harmless [default: a fresh one].
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub struct CalculateFeatures {
    #[command(flatten)]
    pub work: WorkOnFeatures,
}

#[derive(Debug, ClapArgs)]
pub struct EvaluateFeatures {
    #[command(flatten)]
    pub work: WorkOnFeatures,
    /// Holding time in bars; may be given often, the first is the primary one
    /// [default: 1,2,5,10,20].
    #[arg(long = "horizon", value_delimiter = ',', value_name = "BARS")]
    pub horizons: Vec<u32>,
    /// Groups of equal count by factor [default: 5].
    #[arg(long, value_name = "N")]
    pub quantiles: Option<u32>,
    /// Field that is bought and sold at [default: close].
    #[arg(long, value_name = "FIELD")]
    pub price: Option<String>,
}
