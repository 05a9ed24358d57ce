use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::account::{Account, InstrumentGain};
use super::attribution::{GroupTable, by_group};
use crate::groups::Groups;
use alphafleet_backtest::Side;
use alphafleet_backtest::analysis::drawdowns;
use alphafleet_backtest::{DayReport, Trade};

/// Drawdowns that are listed.
const DRAWDOWNS: usize = 10;
/// Trades that are listed; `trades.parquet` has them all.
const TRADES: usize = 200;
/// Instruments listed at either end.
const INSTRUMENTS: usize = 10;

/// A fall of the equity from a peak, dated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrawdownRow {
    /// As a fraction of the peak, negative.
    pub depth: f64,
    /// None where the fall begins with the run.
    pub peak: Option<NaiveDateTime>,
    pub trough: NaiveDateTime,
    /// When the peak was reached again, if it was.
    pub recovered: Option<NaiveDateTime>,
    /// Bars from the peak to the recovery, or to the end.
    pub bars: usize,
    /// Bars from the trough to the recovery.
    pub recovery_bars: Option<usize>,
}

/// The deepest falls, the deepest first.
pub(super) fn worst_drawdowns(days: &[DayReport]) -> Vec<DrawdownRow> {
    let returns: Vec<f64> = days.iter().map(|day| day.return_rate).collect();
    let mut falls = drawdowns(&returns);
    falls.sort_by(|a, b| a.depth.total_cmp(&b.depth));
    let time = |place: usize| days[place].time;
    let row = |fall: alphafleet_backtest::analysis::Drawdown| DrawdownRow {
        depth: fall.depth,
        peak: fall.peak.map(time),
        trough: time(fall.trough),
        recovered: fall.recovered.map(time),
        bars: fall.length,
        recovery_bars: fall.recovered.map(|recovered| recovered - fall.trough),
    };
    falls.into_iter().take(DRAWDOWNS).map(row).collect()
}

/// A closed position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TradeRow {
    pub instrument: String,
    /// Buy for a long position.
    pub side: Side,
    pub opened: NaiveDateTime,
    pub closed: NaiveDateTime,
    pub quantity: f64,
    pub entry_price: f64,
    pub exit_price: f64,
    /// Money, costs taken off.
    pub gain: f64,
    pub costs: f64,
    pub return_rate: f64,
}

/// The trades that moved the account most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TradeTable {
    /// How many there were.
    pub total: usize,
    /// By falling size of the gain or loss.
    pub largest: Vec<TradeRow>,
}

impl TradeTable {
    pub(super) fn of(account: &Account<'_>) -> Self {
        let mut trades: Vec<&Trade> = account.trades.iter().collect();
        trades.sort_by(|a, b| b.gain.abs().total_cmp(&a.gain.abs()));
        let calendar = account.panel.calendar();
        let row = |trade: &&Trade| TradeRow {
            instrument: account.panel.instruments()[trade.instrument].clone(),
            side: trade.side,
            opened: calendar[trade.opened],
            closed: calendar[trade.closed],
            quantity: trade.quantity,
            entry_price: trade.entry_price,
            exit_price: trade.exit_price,
            gain: trade.gain,
            costs: trade.costs,
            return_rate: trade.return_rate,
        };
        Self { total: trades.len(), largest: trades.iter().take(TRADES).map(row).collect() }
    }
}

/// What an instrument, or a group of them, brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContributionRow {
    pub name: String,
    /// Money, costs taken off.
    pub gain: f64,
    pub costs: f64,
    /// Gain over the capital.
    pub of_capital: f64,
}

/// Where the gain came from: the instruments' contributions and the interest add up to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContributionTable {
    /// Instruments that were dealt.
    pub instruments: usize,
    pub interest: f64,
    /// The best of those that gained, the best first.
    pub top: Vec<ContributionRow>,
    /// The worst of those that lost, the worst first.
    pub bottom: Vec<ContributionRow>,
    /// By groups of instruments, where there are any.
    #[serde(default)]
    pub groups: Option<GroupTable>,
}

impl ContributionTable {
    pub(super) fn of(account: &Account<'_>, groups: Option<&Groups>) -> Self {
        let named = |one: &InstrumentGain| {
            let name = account.panel.instruments()[one.instrument].clone();
            account.contribution(name, one.gain, one.costs)
        };
        let mut gains = account.gains.clone();
        gains.sort_by(|a, b| b.gain.total_cmp(&a.gain));
        let top = gains.iter().take_while(|one| one.gain > 0.0);
        let bottom = gains.iter().rev().take_while(|one| one.gain < 0.0);
        Self {
            instruments: gains.len(),
            interest: account.interest,
            top: top.take(INSTRUMENTS).map(named).collect(),
            bottom: bottom.take(INSTRUMENTS).map(named).collect(),
            groups: by_group(account, groups),
        }
    }
}
