use alphafleet_datasets::DatasetError;
use alphafleet_datasets::features::{FeatureState, PastChange, Pasts};
use alphafleet_domain::{CachedFeature, feature_state_key};
use alphafleet_factors::{FactorStream, NamedExpr, StreamError};
use thiserror::Error;

use super::market::Market;
use super::rows::continued;
use super::storage::Storage;

/// Why a column is computed from the first bar on although an earlier version has it.
#[derive(Debug, Error)]
pub(super) enum Afresh {
    #[error("no state is stored with the earlier column")]
    NoState,
    #[error("the earlier column or its state cannot be used ({})", .0.code())]
    Unusable(DatasetError),
    #[error("{0}")]
    Changed(PastChange),
    #[error("the earlier column is of other bars or of another formula")]
    OtherColumn,
    #[error(
        "it reads announcements ({0}), and a column that does goes on only where neither they nor \
         the bars are others than before"
    )]
    Announcements(String),
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl From<DatasetError> for Afresh {
    fn from(error: DatasetError) -> Self {
        Self::Unusable(error)
    }
}

/// A column that goes on from an earlier one.
pub(super) struct Extended {
    pub values: Vec<f32>,
    pub state: FeatureState,
}

/// The values of the earlier column, and behind them those of the bars that came since. They are
/// those of a full computation, to the bit: the earlier bars are the same, and the operators go on
/// from what they had kept.
pub(super) fn extend(
    storage: &Storage,
    earlier: &CachedFeature,
    expr: &NamedExpr,
    (market, pasts): (&Market, &mut Pasts<'_>),
    threads: usize,
) -> Result<Extended, Afresh> {
    let key = feature_state_key(&earlier.object_key);
    let bytes = match storage.get(&key) {
        Err(error) if error.code() == "missing_file" => return Err(Afresh::NoState),
        answer => answer?,
    };
    let FeatureState { past, operators } = FeatureState::from_bytes(&key, &bytes)?;
    if !past.fields.keys().eq(expr.expr.fields()) {
        return Err(Afresh::OtherColumn);
    }
    let reads = expr.expr.period_fields();
    if !past.announcements.keys().eq(&reads) {
        return Err(Afresh::OtherColumn);
    }
    if let Some(change) = pasts.change_since(&past) {
        return Err(Afresh::Changed(change));
    }
    if !reads.is_empty() {
        return unchanged(storage, earlier, FeatureState { past, operators }, (&reads, market));
    }
    let earlier = storage.values(earlier)?;
    let panel = &market.panel;
    let mut stream = FactorStream::restore(std::slice::from_ref(expr), &operators, panel)?;
    if stream.bars() != past.bars {
        return Err(Afresh::OtherColumn);
    }
    let frame = stream.advance(panel, threads)?;
    let values = continued(&market.cells, &earlier, &frame).ok_or(Afresh::OtherColumn)?;
    let past = pasts.of(panel.calendar().len(), expr.expr.fields());
    Ok(Extended { values, state: FeatureState { past, operators: stream.save()? } })
}

/// The earlier column as it is, if the data have no more bars than it: from what was announced no
/// operator can go on, as the windows over periods begin anew with every announcement.
fn unchanged(
    storage: &Storage,
    earlier: &CachedFeature,
    state: FeatureState,
    (reads, market): (&[&str], &Market),
) -> Result<Extended, Afresh> {
    if state.past.bars != market.panel.calendar().len() {
        let reads: Vec<String> = reads.iter().map(|name| format!("$${name}")).collect();
        return Err(Afresh::Announcements(reads.join(", ")));
    }
    let values = storage.values(earlier)?;
    if values.len() != market.cells.len() {
        return Err(Afresh::OtherColumn);
    }
    Ok(Extended { values, state })
}
