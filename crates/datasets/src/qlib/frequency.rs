use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::DatasetError;

/// How far apart the bars of a Qlib folder are, as its file names say it: `day`, `1min`, `5min`,
/// `week`, `month`. One folder may hold several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QlibFrequency(String);

impl QlibFrequency {
    /// Daily bars.
    pub fn day() -> Self {
        Self("day".to_owned())
    }

    /// Whether calendar entries are dates; those of every other frequency have a time of day.
    pub fn is_day(&self) -> bool {
        self.0 == "day"
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for QlibFrequency {
    type Err = DatasetError;

    fn from_str(text: &str) -> Result<Self, DatasetError> {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = text.len() - unit.len();
        if digits <= 4 && ["day", "min", "week", "month"].contains(&unit) {
            return Ok(Self(text.to_owned()));
        }
        Err(DatasetError::BadFrequency(text.chars().take(32).collect()))
    }
}

impl TryFrom<String> for QlibFrequency {
    type Error = DatasetError;

    fn try_from(text: String) -> Result<Self, DatasetError> {
        text.parse()
    }
}

impl From<QlibFrequency> for String {
    fn from(frequency: QlibFrequency) -> Self {
        frequency.0
    }
}

impl fmt::Display for QlibFrequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn frequencies_are_those_of_qlibs_file_names() {
        for good in ["day", "1min", "5min", "60min", "week", "month"] {
            assert_eq!(good.parse::<QlibFrequency>().unwrap().as_str(), good);
        }
        for bad in ["", "1", "Day", "hour", "../day", "day_future", "99999min", "min1"] {
            assert_eq!(bad.parse::<QlibFrequency>().unwrap_err().code(), "bad_frequency", "{bad}");
        }
    }
}
