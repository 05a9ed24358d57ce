use std::collections::HashSet;

use alphafleet_factors::{FeatureFrame, NamedExpr, compute, keep_available, validate_features};
use alphafleet_market::{
    Adjustment, FindingCode, Panel, adjust, complete_columns, is_index_code, survivors_only,
};
use alphafleet_models::Finding;
use alphafleet_specs::{Adjustment as Wanted, FeatureSet, Features, TrainingSpec, Universe};
use chrono::NaiveDateTime;

use super::report::{factor_finding, finding, market_finding};
use super::{Bars, Sink, TrainError, sink};

/// The label's column.
pub(super) const LABEL: &str = "LABEL0";

/// Instruments and time, without the bars: what is needed once features are computed.
pub(super) struct Market {
    pub calendar: Vec<NaiveDateTime>,
    pub instruments: Vec<String>,
    /// Bars that exist, over all instruments while they belong to the universe.
    pub rows: usize,
    pub findings: Vec<Finding>,
}

/// Computed columns and what belongs to them.
pub(super) struct Prepared {
    pub market: Market,
    pub features: FeatureFrame,
    pub labels: FeatureFrame,
    /// One a cell of the frames: whether the instrument has a bar there and belongs to the universe.
    pub present: Vec<bool>,
    /// One an instrument and bar: whether it belongs to the universe; `None` where all do always.
    pub members: Option<Vec<bool>>,
    /// How many bars of the future the label reads.
    pub look_ahead: usize,
    /// Names of the person's own expressions.
    pub own: HashSet<String>,
}

/// Adjusts, completes missing columns by their rules, computes features and label.
pub(super) fn prepare(
    spec: &TrainingSpec,
    bars: Bars,
    threads: usize,
    sink: &dyn Sink,
) -> Result<Prepared, TrainError> {
    let own = !spec.features.expressions.is_empty();
    let (panel, mut findings) = usable(&spec.universe, spec.adjustment, own, bars)?;
    sink::check(sink)?;

    let (features, own) = expressions(&spec.features, &panel, &mut findings)?;
    let label = NamedExpr::parse(LABEL, &spec.label.expression)?;
    let look_ahead = label.expr.look_ahead();
    let labels = compute(&panel, std::slice::from_ref(&label), threads)?;
    let features = compute(&panel, &features, threads)?;
    let present = present(&panel, &features);
    let members = panel.members().map(<[bool]>::to_vec);
    let market = Market {
        rows: present.iter().filter(|present| **present).count(),
        calendar: panel.calendar().to_vec(),
        instruments: panel.instruments().to_vec(),
        findings,
    };
    Ok(Prepared { market, features, labels, present, members, look_ahead, own })
}

/// The bars that features are computed on: those of the universe, with missing columns completed
/// by their rules and prices adjusted; of one that changes, the panel knows its members. `own`
/// tells whether a person's own expressions read them.
pub fn usable(
    universe: &Universe,
    adjustment: Wanted,
    own: bool,
    bars: Bars,
) -> Result<(Panel, Vec<Finding>), TrainError> {
    let adjustment = match adjustment {
        Wanted::None => Adjustment::None,
        Wanted::Backward => Adjustment::Backward,
        Wanted::Forward => Adjustment::Forward,
    };
    let Bars { panel, findings } = bars;
    let mut findings: Vec<Finding> = findings.into_iter().map(market_finding).collect();
    let panel = narrow(universe, panel, &mut findings)?;
    let panel = match &universe.members {
        Some(field) => panel.with_members(field)?,
        None => panel,
    };
    findings.extend(survivors_only(&panel).map(market_finding));
    findings.extend(not_announced(&panel));
    let (panel, found) = complete_columns(panel)?;
    findings.extend(found.into_iter().map(market_finding));
    let (panel, found) = adjust(panel, adjustment)?;
    let adjusted = found.iter().all(|found| found.code != FindingCode::NoAdjustmentFactor);
    if adjusted && adjustment == Adjustment::Forward && own {
        findings.push(looks_ahead());
    }
    findings.extend(found.into_iter().map(market_finding));
    Ok((panel, findings))
}

/// Instruments without any announcement, where announcements are read.
fn not_announced(panel: &Panel) -> Option<Finding> {
    const LISTED: usize = 5;
    let announcements = panel.announcements();
    let bare = panel.instruments().iter().filter(|name| !announcements.has_instrument(name));
    let bare: Vec<&str> = bare.map(String::as_str).collect();
    if announcements.is_empty() || bare.is_empty() {
        return None;
    }
    let listed = bare[..bare.len().min(LISTED)].join(", ");
    let more = if bare.len() > LISTED { ", …" } else { "" };
    let message = format!("nothing is announced of {} instruments: {listed}{more}", bare.len());
    Some(finding("warning", "not_announced", message))
}

/// Ratios of prices are free of the last factor, levels are not; which an expression reads, its
/// author knows.
fn looks_ahead() -> Finding {
    let message = "forward adjustment divides by the last factor of the whole dataset, so that \
        levels of prices and volume tell of later splits and dividends: own expressions must be \
        ratios, or take backward adjustment";
    finding("warning", "forward_adjustment_looks_ahead", message.to_owned())
}

/// The instruments of the universe. An index among them would be ranked as one of the stocks: it
/// is left out unless it is included by name. One that is named and not there is a finding; none
/// at all is an error.
fn narrow(
    universe: &Universe,
    panel: Panel,
    findings: &mut Vec<Finding>,
) -> Result<Panel, TrainError> {
    let known = |name: &&String| panel.instruments().binary_search(name).is_ok();
    let named = universe.include.iter().chain(&universe.exclude);
    let unknown: Vec<&str> = named.filter(|name| !known(name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let message = format!("the universe names what the data lack: {}", unknown.join(", "));
        findings.push(finding("warning", "unknown_instrument", message));
    }
    let index = |name: &str| {
        is_index_code(name) && !universe.include.iter().any(|included| included == name)
    };
    let indices: Vec<&str> =
        panel.instruments().iter().map(String::as_str).filter(|name| index(name)).collect();
    if !indices.is_empty() {
        let message = format!("left out as no stocks but indices: {}", indices.join(", "));
        findings.push(finding("info", "index_left_out", message));
    }
    let panel = panel.retain_instruments(|name| universe.contains(name) && !index(name));
    if panel.instruments().is_empty() { Err(TrainError::EmptyUniverse) } else { Ok(panel) }
}

/// A set's features are left out where the data lacks their fields; a person's own are not.
pub(crate) fn expressions(
    wanted: &Features,
    panel: &Panel,
    findings: &mut Vec<Finding>,
) -> Result<(Vec<NamedExpr>, HashSet<String>), TrainError> {
    let set = wanted.set.map(FeatureSet::sources).unwrap_or_default();
    let set = set.iter().map(|(name, source)| NamedExpr::parse(name, source));
    let set = set.collect::<Result<Vec<_>, _>>()?;
    let (mut features, found) = keep_available(set, panel.field_names());
    findings.extend(found.into_iter().map(factor_finding));
    let mut own = HashSet::new();
    for feature in &wanted.expressions {
        features.push(NamedExpr::parse(&feature.name, &feature.expression)?);
        own.insert(feature.name.clone());
    }
    validate_features(&features)?;
    if features.is_empty() { Err(TrainError::NoFeatures) } else { Ok((features, own)) }
}

pub(crate) fn present(panel: &Panel, frame: &FeatureFrame) -> Vec<bool> {
    let mut present = Vec::with_capacity(frame.rows());
    for instrument in 0..frame.instruments() {
        let there = |bar| panel.has_bar(instrument, bar) && panel.is_member(instrument, bar);
        present.extend(frame.listed(instrument).map(there));
    }
    present
}
