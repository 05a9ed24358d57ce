//! Eight indicators of one kind side by side, so that one vector instruction does a bar of all.
//!
//! Each is what its namesake one level up is, by the same operations in the same order, and so
//! gives the same bits. An instrument joins once its indicator has warmed up, leaves before a bar
//! that it lacks and joins again after it; what it is then left with is the indicator itself, which
//! alone takes the irregular bars.

mod averages;
mod bands;
mod cci;
mod countdown;
mod directional;
mod extremes;
mod macd;
mod presence;
mod range;
mod rate;
mod rings;
mod rsi;
mod run;
mod sar;
mod stochastic;
#[cfg(test)]
mod tests;
mod variance;
mod volatility;
mod volume;

pub(super) use averages::{Emas, Smas, Wmas};
pub(super) use bands::Bollingers;
pub(super) use cci::Ccis;
pub(super) use directional::DirectionalMovements;
pub(super) use macd::Macds;
pub(super) use range::AverageTrueRanges;
pub(super) use rate::RatesOfChange;
pub(super) use rsi::Rsis;
pub(super) use run::run;
pub(super) use sar::Sars;
pub(super) use stochastic::{Stochastics, WilliamsRs};
pub(super) use volatility::HistoricalVolatilities;
pub(super) use volume::{AccumulationDistributions, MoneyFlows, OnBalanceVolumes, Vwaps};

use super::indicator::Indicator;
use crate::engine::Lane;

/// Up to eight indicators of one kind with equal parameters. What a lane without one holds and
/// answers means nothing.
pub(super) trait Abreast<const IN: usize, const OUT: usize>: Sized {
    type One: Indicator<IN, OUT>;

    /// Room for indicators with the parameters of this one; `None` if its windows are so long that
    /// laying them side by side would take longer than it saves.
    fn like(one: &Self::One) -> Option<Self>;

    /// Takes in an indicator; `false` if it has not warmed up or its parameters are other ones.
    fn join(&mut self, lane: usize, one: &Self::One) -> bool;

    /// What [`Indicator::step`] does, for all of them.
    fn step(&mut self, bar: [&Lane; IN]) -> [Lane; OUT];

    /// Brings the indicator that joined, and has not changed since, up to date.
    fn leave(&self, lane: usize, one: &mut Self::One);
}
