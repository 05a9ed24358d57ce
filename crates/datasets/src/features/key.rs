use alphafleet_artifacts::Sha256Stream;
use alphafleet_market::Adjustment;

/// Counts changes of what formulas mean: columns that an earlier meaning computed are no longer
/// found, and go as nobody uses them.
pub const FORMULA_VERSION: u32 = 3;

/// Everything that the values of a column depend on. A column holds every bar of its data: a range
/// of days is cut out when it is read, so that one file serves all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureIdentity<'a> {
    /// Checksum (hex) of the dataset version's manifest, which names every file with its own.
    pub manifest_sha256: &'a str,
    /// Canonical text, so that equal formulas share their column.
    pub formula: &'a str,
    pub adjustment: Adjustment,
    /// The universe's canonical document: formulas may compare the instruments of a bar.
    pub universe: &'a str,
}

impl FeatureIdentity<'_> {
    /// SHA-256, as 64 lower-case hexadecimal digits.
    pub fn key(&self) -> String {
        let adjustment = match self.adjustment {
            Adjustment::None => "none",
            Adjustment::Backward => "backward",
            Adjustment::Forward => "forward",
        };
        let mut digest = Sha256Stream::default();
        let version = FORMULA_VERSION.to_string();
        let sha256 = self.manifest_sha256.to_ascii_lowercase();
        for part in [&version, &sha256, self.formula, adjustment, self.universe] {
            // With its length before it no part can run into the next.
            digest.update(&(part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        digest.finish()
    }
}
