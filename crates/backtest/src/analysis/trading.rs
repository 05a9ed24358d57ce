use serde::Serialize;

use super::statistics::{mean, ratio, sum};
use crate::engine::{DayReport, Fill, Trade};

/// Figures of closed trades. Gains are in money and have their costs taken off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TradeFigures {
    pub trades: usize,
    /// Part of the trades that gained.
    pub win_rate: Option<f64>,
    /// Money gained over money lost; none without a loss.
    pub profit_factor: Option<f64>,
    pub average_gain: Option<f64>,
    pub average_loss: Option<f64>,
    pub mean_return: Option<f64>,
    /// Mean bars from the first to the last fill.
    pub mean_bars: Option<f64>,
}

impl TradeFigures {
    pub fn of(trades: &[Trade]) -> Self {
        let part = |keep: fn(f64) -> bool| -> Vec<f64> {
            trades.iter().map(|trade| trade.gain).filter(|&gain| keep(gain)).collect()
        };
        let (gains, losses) = (part(|gain| gain > 0.0), part(|gain| gain < 0.0));
        let all = |of: fn(&Trade) -> f64| mean(&trades.iter().map(of).collect::<Vec<_>>());
        Self {
            trades: trades.len(),
            win_rate: ratio(gains.len() as f64, trades.len() as f64),
            profit_factor: ratio(sum(gains.iter().copied()), sum(losses.iter().copied()).abs()),
            average_gain: mean(&gains),
            average_loss: mean(&losses),
            mean_return: all(|trade| trade.return_rate),
            mean_bars: all(|trade| (trade.closed - trade.opened) as f64),
        }
    }
}

/// How much was traded, what it cost and how much was at stake.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ActivityFigures {
    pub fills: usize,
    /// Mean over bars of the worth of fills over the equity before, buys and sells counted.
    pub mean_turnover: Option<f64>,
    /// Mean turnover · bars a year.
    pub annual_turnover: Option<f64>,
    pub commissions: f64,
    pub taxes: f64,
    /// Money lost to slippage, which the prices contain.
    pub slippage: f64,
    /// Mean over bars of the gross position over the equity.
    pub mean_exposure: Option<f64>,
    /// Part of the bars that end with a position.
    pub time_in_market: Option<f64>,
}

impl ActivityFigures {
    pub fn of(days: &[DayReport], fills: &[Fill], bars_per_year: f64) -> Self {
        let per_day = |of: fn(&DayReport) -> f64| mean(&days.iter().map(of).collect::<Vec<_>>());
        let turnover = per_day(|day| day.turnover);
        let exposure =
            |day: &DayReport| if day.equity > 0.0 { day.gross / day.equity } else { 0.0 };
        Self {
            fills: fills.len(),
            mean_turnover: turnover,
            annual_turnover: turnover.map(|turnover| turnover * bars_per_year),
            commissions: sum(fills.iter().map(|fill| fill.commission)),
            taxes: sum(fills.iter().map(|fill| fill.tax)),
            slippage: sum(fills.iter().map(|fill| fill.slippage)),
            mean_exposure: per_day(exposure),
            time_in_market: per_day(|day| f64::from(u8::from(day.gross > 0.0))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Side;

    #[test]
    fn without_gains_the_profit_factor_is_zero_and_without_fills_no_cost_is_negative() {
        let trade = |gain| Trade {
            instrument: 0,
            side: Side::Buy,
            opened: 0,
            closed: 1,
            quantity: 1.0,
            entry_price: 10.0,
            exit_price: 10.0 + gain,
            gain,
            costs: 0.0,
            return_rate: gain / 10.0,
        };
        let factor = |gains: &[f64]| {
            let trades: Vec<Trade> = gains.iter().copied().map(trade).collect();
            TradeFigures::of(&trades).profit_factor
        };
        assert_eq!(factor(&[-1.0, -2.0]).map(f64::to_bits), Some(0.0_f64.to_bits()));
        assert_eq!(factor(&[3.0, -2.0]), Some(1.5));
        assert_eq!((factor(&[3.0]), factor(&[])), (None, None));
        let idle = ActivityFigures::of(&[], &[], 252.0);
        for cost in [idle.commissions, idle.taxes, idle.slippage] {
            assert_eq!(cost.to_bits(), 0.0_f64.to_bits());
        }
    }
}
