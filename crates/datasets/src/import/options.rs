use alphafleet_market::CheckRules;
use serde::{Deserialize, Serialize};

use super::layout::ColumnMapping;
use crate::qlib::QlibFrequency;

/// How to import; the defaults recognise the known layouts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportOptions {
    /// Names the source's columns where they are not recognised.
    pub columns: ColumnMapping,
    /// Absent: judged by the data, see [`PriceBasis`].
    pub price_basis: Option<PriceBasis>,
    /// Of a Qlib folder; absent: the only one it has, or else `day`.
    pub qlib_frequency: Option<QlibFrequency>,
    pub outside_range: OutsideRange,
    /// The caller's to choose, not the data's: no part of the options that travel.
    #[serde(skip)]
    pub rows: RowRule,
    pub limits: Limits,
    pub checks: CheckRules,
}

/// What the source's prices are, if it has a `factor`.
///
/// By itself the import looks at the bars on which an instrument's factor changes by more than
/// 5 %: are the closes continuous there, the prices were adjusted already (as in Qlib's files);
/// are the closes times the factor continuous, they are raw. Without such a change (dividends
/// alone) they count as raw. Of a Qlib folder they are always adjusted: that is its convention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceBasis {
    Raw,
    Adjusted,
}

/// What becomes of bars whose open or close lies outside their high and low.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutsideRange {
    /// As published, with a finding.
    #[default]
    Keep,
    /// A missing bar, with a finding.
    Missing,
}

/// Which rows become bars, and with which values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowRule {
    /// Rows with a price, unless they cannot be; infinite values are missing. What is stored and
    /// trained on.
    #[default]
    Judged,
    /// Every row, with all the values it has: without prices, with impossible ones, with infinite
    /// ones. A listing reaches from an instrument's first row to its last one, as in Qlib, whose
    /// series begin where the data do, whatever they hold there.
    AsRecorded,
}

/// Where the import stops with `too_large`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Rows of all files together.
    pub rows: u64,
    /// Columns of one file.
    pub columns: u64,
    pub instruments: u64,
    /// Instruments × distinct times.
    pub cells: u64,
    /// Numbers held in memory: rows × columns while reading, cells × columns in the panel.
    pub values: u64,
    /// Bytes of one CSV row.
    pub row_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 4 << 30,
            rows: 50_000_000,
            columns: 512,
            instruments: 50_000,
            cells: 100_000_000,
            values: 200_000_000,
            row_bytes: 1 << 20,
        }
    }
}
