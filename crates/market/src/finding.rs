use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing was lost.
    Info,
    /// Look at it before trusting a result.
    Warning,
    /// The data contradict themselves there.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

macro_rules! finding_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $severity:ident, $what:literal;)*) => {
        /// What was found. The serialised name is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FindingCode { $($(#[$doc])* $name,)* }

        impl FindingCode {
            /// The serialised name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The severity every finding of this code has.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            fn what(self) -> &'static str {
                match self { $(Self::$name => $what,)* }
            }
        }
    };
}

finding_codes! {
    /// A column that factors may need is not there.
    MissingColumn = "missing_column", Warning, "column is missing";
    /// A column was computed from others.
    DerivedColumn = "derived_column", Info, "column was derived";
    /// A column of the source was not taken over.
    IgnoredColumn = "ignored_column", Info, "column was left out";
    /// Rows without any price were dropped.
    NullRows = "null_rows", Warning, "rows without a price were dropped";
    /// Single values are missing in rows that have a price.
    MissingValues = "missing_values", Warning, "values are missing";
    /// Infinite values were made missing.
    InfiniteValues = "infinite_values", Warning, "infinite values were made missing";
    /// Rows that repeat another row exactly were dropped.
    DuplicateRows = "duplicate_rows", Info, "identical doubled rows were dropped";
    /// Rows of the same instrument and time differ; the last one counts.
    ConflictingRows = "conflicting_rows", Warning,
        "doubled rows with different values, the last one was kept";
    /// Rows came out of time order and were sorted.
    UnorderedRows = "unordered_rows", Info, "rows were out of order and were sorted";
    /// Open, close or vwap lies outside the bar's low and high; kept as published.
    PriceOutsideRange = "price_outside_range", Warning, "prices lie outside low and high";
    /// The high is below the low.
    HighBelowLow = "high_below_low", Error, "bars have a high below their low";
    /// Open, high, low and close are equal.
    FlatBar = "flat_bar", Info, "bars are flat (open = high = low = close)";
    /// Volume never changes.
    ConstantVolume = "constant_volume", Warning, "volumes never change";
    /// Volume is zero.
    ZeroVolume = "zero_volume", Warning, "volumes are zero";
    /// Volume is negative; kept as published.
    NegativeVolume = "negative_volume", Error, "volumes are negative";
    /// A price is zero or negative.
    NonPositivePrice = "non_positive_price", Error, "prices are zero or negative";
    /// Bars that cannot be (high below low, price not positive) were made missing.
    BadBarDropped = "bad_bar_dropped", Warning, "impossible bars were made missing";
    /// The adjusted close moved by more than the limit from one bar to the next.
    Jump = "jump", Warning, "adjusted closes jump by more than the limit";
    /// Many bars in a row are missing inside an instrument's life.
    Gap = "gap", Warning, "long gaps inside the listing";
    /// There is neither a factor nor an adjusted close.
    NoAdjustmentFactor = "no_adjustment_factor", Info,
        "no factor and no adj_close: prices are used as they are";
    /// No instrument's bars end before the data do: what failed in between is not among them.
    SurvivorsOnly = "survivors_only", Warning, "only instruments that last to the end are there";
    /// A bar has a price but no usable factor; the neighbouring one counts.
    MissingFactor = "missing_factor", Warning, "factors are missing, the nearest known one counts";
    /// The source's prices were adjusted already and were turned back to raw prices.
    AdjustedSource = "adjusted_source", Info,
        "the source's prices were adjusted: raw prices are stored beside their factor";
    /// Daily bars with a time of day were stamped with midnight.
    DailyTimes = "daily_times", Info, "daily bars with a time of day were stamped with midnight";
    /// Times with a zone were turned into UTC, or into their date if they are daily bars.
    ZonedTimes = "zoned_times", Info, "times with a zone were turned into UTC or dates";
    /// Values do not fit single precision and were rounded to it.
    RoundedToSingle = "rounded_to_single", Warning, "values were rounded to single precision";
    /// A listed instrument has no file of a field that others have.
    MissingSeries = "missing_series", Warning, "series are missing";
    /// An instrument has bars and is not in the list of all instruments.
    UnlistedInstrument = "unlisted_instrument", Info, "instruments are not listed and were kept";
    /// Bars lie outside the time for which the source lists their instrument; kept.
    OutsideListing = "outside_listing", Warning, "bars lie outside their instrument's listing";
    /// Entries of the source's calendar on which no instrument has a bar were left out.
    IdleBars = "idle_bars", Info, "calendar entries without any bar were left out";
    /// The source holds universes that did not become fields.
    UniverseLeftOut = "universe_left_out", Warning, "universes were left out";
    /// A universe's list names instruments that have no bars.
    UnknownMembers = "unknown_members", Warning, "listed instruments have no bars";
    /// A universe's list has no instrument on any of the bars: its field is 0 throughout.
    NoMembers = "no_members", Warning, "universes have no members on any bar";
    /// The source holds another frequency as well, which is not imported.
    FrequencyLeftOut = "frequency_left_out", Warning, "frequencies were left out";
    /// The source holds announcements, which were not asked for.
    AnnouncementsLeftOut = "announcements_left_out", Warning, "announcements were left out";
    /// The layout of the Qlib folder the bars came from is of other bars and was not followed.
    LayoutLeftOut = "layout_left_out", Warning, "layouts were not followed";
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One observation on the data, summed over all the rows it concerns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub code: FindingCode,
    pub severity: Severity,
    /// Set when a single instrument is concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Rows, values or columns concerned, as the code says.
    pub count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<NaiveDateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<NaiveDateTime>,
    /// A sentence for a person.
    pub message: String,
}

impl Finding {
    /// A finding on the data set or one of its columns as a whole, with its own sentence.
    pub fn whole(code: FindingCode, column: Option<&str>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            instrument: None,
            column: column.map(str::to_owned),
            count: 1,
            first: None,
            last: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}] {}", self.severity, self.code, self.message)?;
        match (self.first, self.last) {
            (Some(first), Some(last)) if first == last => write!(f, ", {}", first.date()),
            (Some(first), Some(last)) => write!(f, ", {} … {}", first.date(), last.date()),
            _ => Ok(()),
        }
    }
}

/// Sums observations up to [`Finding`]s, one for each code and column.
#[derive(Debug, Clone, Default)]
pub struct FindingLog {
    tallies: BTreeMap<(FindingCode, Option<String>), Tally>,
    whole: Vec<Finding>,
}

#[derive(Debug, Clone, Default)]
struct Tally {
    count: u64,
    first: Option<NaiveDateTime>,
    last: Option<NaiveDateTime>,
    instruments: BTreeSet<String>,
}

impl FindingLog {
    /// Counts one row or value.
    pub fn note(
        &mut self,
        code: FindingCode,
        column: Option<&str>,
        instrument: &str,
        time: NaiveDateTime,
    ) {
        let tally = self.tallies.entry((code, column.map(str::to_owned))).or_default();
        tally.count += 1;
        tally.first = Some(tally.first.map_or(time, |first| first.min(time)));
        tally.last = Some(tally.last.map_or(time, |last| last.max(time)));
        if !tally.instruments.contains(instrument) {
            tally.instruments.insert(instrument.to_owned());
        }
    }

    /// Takes over a finding that is already whole.
    pub fn push(&mut self, finding: Finding) {
        self.whole.push(finding);
    }

    /// Takes over many.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.whole.extend(findings);
    }

    /// The findings, the gravest first, then by code and column.
    pub fn into_findings(self) -> Vec<Finding> {
        let mut findings = self.whole;
        for ((code, column), tally) in self.tallies {
            findings.push(tally.finding(code, column));
        }
        findings.sort_by(|a, b| {
            let key = |f: &Finding| (std::cmp::Reverse(f.severity), f.code, f.column.clone());
            key(a).cmp(&key(b))
        });
        findings
    }
}

impl Tally {
    fn finding(self, code: FindingCode, column: Option<String>) -> Finding {
        const NAMED: usize = 3;
        let shown: Vec<&str> = self.instruments.iter().take(NAMED).map(String::as_str).collect();
        let others = self.instruments.len().saturating_sub(NAMED);
        let mut message = String::new();
        if let Some(column) = &column {
            message.push_str(&format!("{column}: "));
        }
        message.push_str(&format!("{} × {} in {}", self.count, code.what(), shown.join(", ")));
        if others > 0 {
            message.push_str(&format!(" and {others} more"));
        }
        let single = self.instruments.len() == 1;
        Finding {
            code,
            severity: code.severity(),
            instrument: self.instruments.into_iter().next().filter(|_| single),
            column,
            count: self.count,
            first: self.first,
            last: self.last,
            message,
        }
    }
}
