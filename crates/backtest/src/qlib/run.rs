use std::ops::ControlFlow;

use super::benchmark::benchmark;
use super::config::QlibConfig;
use super::exchange::Exchange;
use super::position::Position;
use super::quotes::QlibMarket;
use super::report::{Indicators, OrderRecord, QlibDay, QlibResult};
use super::topk_dropout::TopkDropout;
use crate::{BacktestError, Signal};

/// Runs Qlib's daily backtest of the top-k dropout strategy. `observe` sees every bar and may end
/// the run.
///
/// The market must have been prepared with the configuration's exchange and period.
pub fn run_qlib(
    market: &QlibMarket,
    signal: &Signal,
    config: &QlibConfig,
    observe: &mut dyn FnMut(&QlibDay) -> ControlFlow<()>,
) -> Result<QlibResult, BacktestError> {
    config.validate()?;
    if market.exchange != config.exchange || market.period != config.period {
        return Err(BacktestError::OtherMarket);
    }
    let width = market.instruments.len();
    let decisive = market.bars.start.saturating_sub(1)..market.bars.end - 1;
    signal.check(width, decisive.start..decisive.end.max(decisive.start + 1))?;
    let bench = benchmark(market, &config.benchmark)?;
    let mut run = Run {
        market,
        position: Position::new(config.capital, width),
        last_account: config.capital,
        total_cost: 0.0,
        total_turnover: 0.0,
        dealt: vec![0.0; width],
        result: QlibResult::default(),
    };
    let mut strategy = TopkDropout::new(&config.strategy);
    for step in 0..market.calendar.len() {
        // The score known at the bar before decides; the first bar of the data has none.
        let decisive = (market.bars.start + step).checked_sub(1);
        if let Some(bar) = decisive {
            run.trade(step, &mut strategy, signal.at(bar));
        } else {
            run.result.indicators.push(Indicators::of(&[]));
        }
        let day = run.end_bar(step, bench.as_ref().map(|bench| bench[step]));
        if observe(&day).is_break() {
            run.result.stopped = true;
            break;
        }
    }
    Ok(run.result)
}

struct Run<'a> {
    market: &'a QlibMarket,
    position: Position,
    last_account: f64,
    total_cost: f64,
    total_turnover: f64,
    /// Dealt in the session by instrument, for cumulative volume limits.
    dealt: Vec<f64>,
    result: QlibResult,
}

impl Run<'_> {
    fn trade(&mut self, step: usize, strategy: &mut TopkDropout<'_>, scores: &[f64]) {
        let calendar = &self.market.calendar;
        if step == 0 || calendar[step].date() != calendar[step - 1].date() {
            self.dealt.fill(0.0);
        }
        let exchange = Exchange::at(self.market, step);
        let orders = strategy.decide(scores, &exchange, &self.position);
        let first = self.result.orders.len();
        for order in orders {
            let instrument = order.instrument as usize;
            let dealt = exchange.deal(order, &mut self.position, self.dealt[instrument]);
            self.dealt[instrument] += dealt.amount;
            if dealt.trade.value > 1e-5 {
                self.total_turnover += dealt.trade.value;
                self.total_cost += dealt.trade.cost;
            }
            self.result.orders.push(OrderRecord {
                step,
                instrument: order.instrument,
                side: order.side,
                amount: order.amount,
                deal_amount: dealt.amount,
                price: (!dealt.trade.price.is_nan()).then_some(dealt.trade.price),
                value: dealt.trade.value,
                cost: dealt.trade.cost,
            });
        }
        self.result.indicators.push(Indicators::of(&self.result.orders[first..]));
    }

    fn end_bar(&mut self, step: usize, bench: Option<f64>) -> QlibDay {
        let quotes = self.market.quotes_at(step);
        self.position.end_bar(|instrument| quotes[instrument as usize].close);
        let value = self.position.stock_value();
        let account = value + self.position.cash;
        let before = self.result.days.last();
        let cost = self.total_cost - before.map_or(0.0, |day| day.total_cost);
        let turnover = self.total_turnover - before.map_or(0.0, |day| day.total_turnover);
        let day = QlibDay {
            time: self.market.calendar[step],
            account,
            return_rate: (account - self.last_account + cost) / self.last_account,
            total_turnover: self.total_turnover,
            turnover: turnover / self.last_account,
            total_cost: self.total_cost,
            cost: cost / self.last_account,
            value,
            cash: self.position.cash,
            bench,
        };
        self.last_account = account;
        self.result.days.push(day);
        self.result.positions.extend(self.position.records(account));
        self.result.position_ends.push(self.result.positions.len());
        day
    }
}
