use alphafleet_market::{Finding, FindingCode, FindingLog};
use parquet::file::metadata::KeyValue;

use super::Import;
use crate::error::DatasetError;

const PRICE_BASIS: &str = "alphafleet.price_basis";
const FINDINGS: &str = "alphafleet.findings";
const RAW: &str = "raw";
const FINDINGS_BYTES: usize = 4 << 20;
const MOST_FINDINGS: usize = 10_000;

/// What a file says of an import it was written from.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Carried {
    /// Its prices are raw.
    pub raw: bool,
    pub findings: Vec<Finding>,
}

/// The metadata that carry an import's price basis and findings to whoever imports the file.
pub(crate) fn metadata_of(import: &Import) -> Result<Vec<KeyValue>, DatasetError> {
    let json = serde_json::to_string(&import.findings).map_err(|error| DatasetError::Write {
        file: "findings".to_owned(),
        source: Box::new(error),
    })?;
    check_size("findings", json.len(), import.findings.len())?;
    let pair = |key: &str, value| KeyValue::new(key.to_owned(), Some(value));
    Ok(vec![pair(PRICE_BASIS, RAW.to_owned()), pair(FINDINGS, json)])
}

/// Reads them; a file of another origin carries nothing. `file` is the name errors use.
pub(crate) fn read(file: &str, metadata: &[KeyValue]) -> Result<Carried, DatasetError> {
    let corrupt = |reason: String| DatasetError::CorruptFile { file: file.to_owned(), reason };
    let value = |key: &str| {
        metadata.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_deref())
    };
    let mut carried = Carried::default();
    match value(PRICE_BASIS) {
        None => {}
        Some(RAW) => carried.raw = true,
        Some(_) => return Err(corrupt(format!("its {PRICE_BASIS} is not '{RAW}'"))),
    }
    let Some(json) = value(FINDINGS) else { return Ok(carried) };
    check_size(file, json.len(), 0)?;
    carried.findings = serde_json::from_str(json)
        .map_err(|error| corrupt(format!("its {FINDINGS} cannot be read: {error}")))?;
    check_size(file, json.len(), carried.findings.len())?;
    if let Some(odd) = carried.findings.iter().find(|finding| !plausible(finding)) {
        return Err(corrupt(format!("its {FINDINGS} hold a {} that cannot be", odd.code)));
    }
    Ok(carried)
}

fn check_size(file: &str, bytes: usize, findings: usize) -> Result<(), DatasetError> {
    for (what, found, limit) in
        [("bytes of findings", bytes, FINDINGS_BYTES), ("findings", findings, MOST_FINDINGS)]
    {
        if found > limit {
            let (found, limit) = (found as u64, limit as u64);
            return Err(DatasetError::TooLarge { file: file.to_owned(), what, found, limit });
        }
    }
    Ok(())
}

fn plausible(finding: &Finding) -> bool {
    let times = match (finding.first, finding.last) {
        (Some(first), Some(last)) => first <= last,
        (None, None) => true,
        _ => false,
    };
    times && finding.count > 0 && finding.severity == finding.code.severity()
}

/// The findings of this import with those the files carry, none twice.
pub(super) fn merge(fresh: Vec<Finding>, carried: Vec<Finding>) -> Vec<Finding> {
    let mut all = fresh;
    let fresh = all.len();
    for old in carried {
        let again = |new: &Finding| (new.code, &new.column) == (old.code, &old.column);
        let told = stays_in_data(old.code) && all[..fresh].iter().any(again);
        if !told && !all.contains(&old) {
            all.push(old);
        }
    }
    let mut log = FindingLog::default();
    log.extend(all);
    log.into_findings()
}

/// Whether the fault is still in the data an import gives, so that the next finds it again.
fn stays_in_data(code: FindingCode) -> bool {
    matches!(
        code,
        FindingCode::MissingColumn
            | FindingCode::MissingValues
            | FindingCode::PriceOutsideRange
            | FindingCode::FlatBar
            | FindingCode::ConstantVolume
            | FindingCode::ZeroVolume
            | FindingCode::NegativeVolume
            | FindingCode::Jump
            | FindingCode::Gap
            | FindingCode::NoAdjustmentFactor
            | FindingCode::MissingFactor
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn pairs(basis: &str, findings: &str) -> Vec<KeyValue> {
        [(PRICE_BASIS, basis), (FINDINGS, findings)]
            .map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()))
            .to_vec()
    }

    #[test]
    fn metadata_that_cannot_be_are_refused() {
        assert_eq!(read("x", &[]).unwrap(), Carried::default());
        assert!(read("x", &pairs(RAW, "[]")).unwrap().raw);
        let finding = |severity: &str, count: u64| {
            format!(r#"[{{"code":"jump","severity":"{severity}","count":{count},"message":"m"}}]"#)
        };
        assert_eq!(read("x", &pairs(RAW, &finding("warning", 1))).unwrap().findings.len(), 1);
        for (basis, findings, code) in [
            ("adjusted", "[]".to_owned(), "corrupt_file"),
            (RAW, "{".to_owned(), "corrupt_file"),
            (RAW, finding("info", 1), "corrupt_file"),
            (RAW, finding("warning", 0), "corrupt_file"),
            (RAW, r#"[{"code":"unheard_of"}]"#.to_owned(), "corrupt_file"),
            (RAW, " ".repeat(FINDINGS_BYTES + 1), "too_large"),
        ] {
            assert_eq!(
                read("x", &pairs(basis, &findings)).unwrap_err().code(),
                code,
                "{findings:.60}"
            );
        }
    }

    #[test]
    fn no_finding_is_merged_twice() {
        let gone = Finding::whole(FindingCode::NullRows, None, "gone");
        let other = Finding::whole(FindingCode::NullRows, None, "others gone");
        let jump = Finding::whole(FindingCode::Jump, Some("close"), "2 jumps");
        let jumps = Finding::whole(FindingCode::Jump, Some("close"), "3 jumps");
        let merged =
            merge(vec![jumps.clone(), other.clone()], vec![gone.clone(), jump, gone.clone()]);
        assert_eq!(merged, [other, gone, jumps]);
    }
}
