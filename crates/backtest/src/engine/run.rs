use std::ops::{ControlFlow, Range};

use super::result::{
    BacktestResult, BarPosition, Contribution, DayReport, Fill, HeldPosition, HoldingIncome,
    PositionHistory,
};
use super::strategy::Strategy;
use super::trades::TradeLog;
use crate::config::{AccountConfig, Config};
use crate::exchange::{DealPrice, Slippage};
use crate::ledger::{Ledger, Money, Price, Quantity};
use crate::market::{Market, View};
use crate::orders::{
    CancelReason, Instruction, OpenOrder, OrderBook, OrderId, OrderKind, Orders, Phase, TimeInForce,
};
use crate::period::period_bars;
use crate::{BacktestError, Side};

/// Runs a strategy over a market. `observe` sees every bar and may end the run.
///
/// At every bar, in this order: interest, splits and dividends, delistings; orders at the open,
/// inside the bar and at the close; valuation, the margin call and orders to close what left the
/// universe; the strategy; orders at the same close, if the deal price is that. What is open at the
/// end is cancelled, what is held stays and is valued at the last close.
///
/// Of instruments outside the panel's universe nothing is bought: orders for them are refused, and
/// what is held of one that left is closed from the next bar on.
pub fn run(
    market: &Market,
    config: &Config,
    strategy: &mut dyn Strategy,
    observe: &mut dyn FnMut(&DayReport) -> ControlFlow<()>,
) -> Result<BacktestResult, BacktestError> {
    let bars = period_bars(market.panel(), config.period)?;
    let mut run = Run::new(market, config, bars.clone())?;
    strategy.start(market, bars.clone())?;
    let (mut ruined, mut stopped) = (false, false);
    for bar in bars {
        run.before_strategy(bar)?;
        ruined = run.ledger.equity() <= Money::ZERO;
        if !ruined {
            run.decide(bar, strategy)?;
        }
        let day = run.report(bar);
        stopped = observe(&day).is_break();
        if ruined || stopped {
            break;
        }
    }
    run.finish(ruined, stopped)
}

pub(super) struct Run<'a> {
    pub(super) market: &'a Market,
    pub(super) config: &'a Config,
    pub(super) lot: Quantity,
    pub(super) first: usize,
    pub(super) ledger: Ledger,
    pub(super) book: OrderBook,
    pub(super) trades: TradeLog,
    pub(super) fills: Vec<Fill>,
    /// The field of the deal price, laid out like a panel's.
    pub(super) deal_field: Option<&'a [f64]>,
    /// Dealt at this bar by instrument, under a participation limit.
    pub(super) used_volume: Vec<Quantity>,
    pub(super) touched: Vec<u32>,
    pub(super) bar_turnover: f64,
    pub(super) bar_costs: f64,
    /// Orders of a phase, kept to allocate once.
    pub(super) due: Vec<(bool, OrderId)>,
    benchmark: Option<u32>,
    days: Vec<DayReport>,
    positions: PositionHistory,
    income: Vec<HoldingIncome>,
    last_equity: f64,
    peak: f64,
    next_order: u64,
    given: Vec<Instruction>,
    liquidations: usize,
}

impl<'a> Run<'a> {
    fn new(
        market: &'a Market,
        config: &'a Config,
        bars: Range<usize>,
    ) -> Result<Self, BacktestError> {
        config.validate()?;
        let too_large = BacktestError::TooLarge { bar: bars.start };
        let capital = Money::from_f64(config.capital).ok_or(too_large)?;
        let width = market.instruments().len();
        let benchmark = config
            .benchmark
            .as_deref()
            .map(|name| market.index_of(name, "benchmark"))
            .transpose()?;
        Ok(Self {
            market,
            config,
            lot: Quantity::from_f64(config.lot).unwrap_or_default(),
            first: bars.start,
            ledger: Ledger::new(capital, width),
            book: OrderBook::new(config.max_open_orders),
            trades: TradeLog::new(width, config.multiplier),
            fills: vec![],
            deal_field: needed_fields(market, config)?,
            used_volume: vec![Quantity::ZERO; width],
            touched: vec![],
            bar_turnover: 0.0,
            bar_costs: 0.0,
            due: vec![],
            benchmark,
            days: Vec::with_capacity(bars.len()),
            positions: PositionHistory::default(),
            income: vec![],
            last_equity: capital.to_f64(),
            peak: capital.to_f64(),
            next_order: 0,
            given: vec![],
            liquidations: 0,
        })
    }

    fn before_strategy(&mut self, bar: usize) -> Result<(), BacktestError> {
        (self.bar_turnover, self.bar_costs) = (0.0, 0.0);
        for instrument in self.touched.drain(..) {
            self.used_volume[instrument as usize] = Quantity::ZERO;
        }
        self.accrue(bar)?;
        self.corporate_actions(bar)?;
        self.delistings(bar)?;
        if !self.config.same_session_sale && (bar == self.first || self.session_ends(bar - 1)) {
            self.ledger.unlock();
        }
        if !self.book.is_empty() {
            self.phase(bar, Phase::Open)?;
            self.phase(bar, Phase::Within)?;
            self.phase(bar, Phase::Close)?;
            let quotes = self.market.bars_at(bar);
            self.book.follow(quotes);
            self.book.expire(bar, self.session_ends(bar));
        }
        self.mark(bar)?;
        self.margin_call(bar);
        self.leave_universe(bar);
        Ok(())
    }

    /// Whether the next bar belongs to another date.
    fn session_ends(&self, bar: usize) -> bool {
        let calendar = self.market.calendar();
        calendar.get(bar + 1).is_none_or(|next| next.date() != calendar[bar].date())
    }

    /// Values what is held at the last close.
    fn mark(&mut self, bar: usize) -> Result<(), BacktestError> {
        let marks = self.market.marks_at(bar);
        for at in 0..self.ledger.held().len() {
            let instrument = self.ledger.held()[at];
            let close = marks[instrument as usize];
            let worth = match self.config.multiplier == 1.0 {
                true => close,
                false => Price::from_f64(close.to_f64() * self.config.multiplier)
                    .ok_or(BacktestError::TooLarge { bar })?,
            };
            self.ledger.mark(instrument, worth);
        }
        Ok(())
    }

    /// Orders everything closed when the equity no longer carries the positions.
    fn margin_call(&mut self, bar: usize) {
        let AccountConfig::Margin { maintenance, .. } = self.config.account else { return };
        let gross = self.ledger.gross().to_f64();
        if gross == 0.0 || self.ledger.equity().to_f64() >= maintenance * gross {
            return;
        }
        self.liquidations += 1;
        self.book.cancel_where(bar, CancelReason::Liquidation, |_| true);
        for instrument in self.ledger.held().to_vec() {
            self.close(bar, instrument);
        }
    }

    /// Orders what is held of instruments closed that the universe has no more, and takes back
    /// every other order of theirs.
    fn leave_universe(&mut self, bar: usize) {
        let market = self.market;
        if market.panel().members().is_none() {
            return;
        }
        let outside = |instrument: u32| !market.is_member(bar, instrument);
        self.book.cancel_where(bar, CancelReason::OutsideUniverse, |order| {
            !order.forced && outside(order.instrument)
        });
        let held = self.ledger.held().iter().copied();
        let leaving: Vec<u32> = held.filter(|&i| outside(i) && !self.book.is_closing(i)).collect();
        for instrument in leaving {
            self.close(bar, instrument);
        }
    }

    /// Orders a holding closed from the next bar on, at whatever price it takes.
    fn close(&mut self, bar: usize, instrument: u32) {
        let held = self.ledger.holding(instrument).quantity;
        let order = OpenOrder {
            id: OrderId(self.next_order),
            instrument,
            side: if held.is_negative() { Side::Buy } else { Side::Sell },
            kind: OrderKind::Market,
            time_in_force: TimeInForce::Gtc,
            quantity: held.abs(),
            filled: Quantity::ZERO,
            filled_value: 0.0,
            submitted: bar,
            triggered: false,
            best: 0.0,
            group: None,
            parent: None,
            dormant: false,
            active: bar + 1,
            forced: true,
        };
        self.next_order += 1;
        self.book.add(order, bar);
    }

    fn decide(&mut self, bar: usize, strategy: &mut dyn Strategy) -> Result<(), BacktestError> {
        let view = View::new(self.market, &self.ledger, bar, self.first);
        let lot = (self.config.multiplier, self.lot);
        let mut orders = Orders::new(view, lot, &mut self.next_order, &mut self.given);
        strategy.on_bar(&view, &mut orders)?;
        if self.given.is_empty() {
            return Ok(());
        }
        let same_close = self.config.deal_price == DealPrice::SameClose;
        for instruction in self.given.drain(..) {
            match instruction {
                Instruction::Submit(order) if !self.market.is_member(bar, order.instrument) => {
                    self.book.refuse(order, bar, CancelReason::OutsideUniverse);
                }
                // What the engine closes is not for the strategy to close again.
                Instruction::Submit(order) if self.book.is_closing(order.instrument) => {
                    self.book.refuse(order, bar, CancelReason::Liquidation);
                }
                Instruction::Submit(mut order) => {
                    if same_close && order.is_market() && !order.dormant {
                        order.active = bar;
                    }
                    self.book.add(order, bar);
                }
                Instruction::Cancel(id) => self.book.cancel(id, bar, CancelReason::Cancelled),
                Instruction::CancelAll { instrument } => {
                    self.book.cancel_where(bar, CancelReason::Cancelled, |order| {
                        order.instrument == instrument && !order.forced
                    });
                }
            }
        }
        if same_close {
            self.phase(bar, Phase::Close)?;
            self.mark(bar)?;
        }
        Ok(())
    }

    fn report(&mut self, bar: usize) -> DayReport {
        let worth = self.ledger.worth();
        let equity = (self.ledger.cash() + worth.value).to_f64();
        let before = self.last_equity;
        let rate = |amount: f64| amount / before;
        self.peak = self.peak.max(equity);
        let day = DayReport {
            time: self.market.calendar()[bar],
            equity,
            cash: self.ledger.cash().to_f64(),
            value: worth.value.to_f64(),
            gross: worth.gross.to_f64(),
            return_rate: rate(equity - before),
            return_before_costs: rate(equity - before + self.bar_costs),
            turnover: rate(self.bar_turnover),
            costs: self.bar_costs,
            benchmark: self.benchmark.map(|instrument| self.benchmark_return(bar, instrument)),
            drawdown: equity / self.peak - 1.0,
        };
        self.last_equity = equity;
        self.days.push(day);
        if self.config.record_positions {
            let ledger = &self.ledger;
            self.positions.push(ledger.held().iter().map(|&instrument| {
                let holding = ledger.holding(instrument);
                let quantity = holding.quantity.to_f64();
                let value = quantity * holding.last.to_f64();
                BarPosition { instrument, quantity, value }
            }));
        }
        day
    }

    /// Keeps a dividend, or what borrowing cost, for whoever attributes gains to bars.
    pub(super) fn note_income(&mut self, bar: usize, instrument: u32, amount: Money) {
        if self.config.record_positions {
            self.income.push(HoldingIncome { bar, instrument, amount: amount.to_f64() });
        }
    }

    fn benchmark_return(&self, bar: usize, instrument: u32) -> f64 {
        let last = self.market.reference_close(bar, instrument);
        let now = self.market.marks_at(bar)[instrument as usize].to_f64();
        if last > 0.0 { now / last - 1.0 } else { 0.0 }
    }

    fn finish(mut self, ruined: bool, stopped: bool) -> Result<BacktestResult, BacktestError> {
        if !self.ledger.balances() {
            return Err(BacktestError::LedgerImbalance);
        }
        let last = self.first + self.days.len().saturating_sub(1);
        self.book.cancel_where(last, CancelReason::EndOfRun, |_| true);
        let held = self.ledger.held().iter().map(|&instrument| {
            let holding = self.ledger.holding(instrument);
            HeldPosition {
                instrument: instrument as usize,
                quantity: holding.quantity.to_f64(),
                price: holding.last.to_f64() / self.config.multiplier,
                value: holding.value().to_f64(),
                unrealised: holding.unrealised().to_f64(),
            }
        });
        Ok(BacktestResult {
            held: held.collect(),
            contributions: contributions(&self.ledger, &self.fills),
            interest: self.ledger.interest().to_f64(),
            positions: self.positions,
            income: self.income,
            days: self.days,
            fills: self.fills,
            trades: self.trades.finish(),
            orders: self.book.into_records(),
            liquidations: self.liquidations,
            ruined,
            stopped,
        })
    }
}

fn contributions(ledger: &Ledger, fills: &[Fill]) -> Vec<Contribution> {
    let mut dealt: Vec<usize> = fills.iter().map(|fill| fill.instrument).collect();
    dealt.sort_unstable();
    dealt.dedup();
    let of = |instrument: usize| {
        let holding = &ledger.holdings()[instrument];
        Contribution {
            instrument,
            realised: holding.realised.to_f64(),
            unrealised: holding.unrealised().to_f64(),
            costs: holding.costs.to_f64(),
            dividends: holding.dividends.to_f64(),
            borrow: holding.borrow.to_f64(),
            total: holding.contribution().to_f64(),
        }
    };
    dealt.into_iter().map(of).collect()
}

/// The field of the deal price, after a look at what else the configuration needs of the data.
fn needed_fields<'a>(
    market: &'a Market,
    config: &Config,
) -> Result<Option<&'a [f64]>, BacktestError> {
    let field = |field: &str, needed_by, remedy| {
        market.panel().field(field).ok_or_else(|| BacktestError::MissingField {
            field: field.to_owned(),
            needed_by,
            remedy,
        })
    };
    if config.participation.is_some() {
        field("volume", "participation", "add it to the data or leave participation out")?;
    }
    if matches!(config.slippage, Slippage::SquareRoot(_)) {
        field("volume", "slippage", "add it to the data or choose another slippage")?;
    }
    match &config.deal_price {
        DealPrice::NextField(name) => {
            let name = name.strip_prefix('$').unwrap_or(name);
            let prices = field(name, "deal_price", "choose a price field of the data")?;
            check_prices(market, name, prices).map(|()| Some(prices))
        }
        _ => Ok(None),
    }
}

/// Refuses a field that is no price: most of its values lie outside of their bars.
fn check_prices(market: &Market, field: &str, prices: &[f64]) -> Result<(), BacktestError> {
    const TOLERANCE: f64 = 1e-6;
    let length = market.calendar().len();
    let (mut outside, mut bars) = (0, 0);
    for bar in 0..length {
        for (instrument, quoted) in market.bars_at(bar).iter().enumerate() {
            let price = prices[instrument * length + bar];
            if quoted.exists() && !price.is_nan() {
                let (low, high) = (quoted.low * (1.0 - TOLERANCE), quoted.high * (1.0 + TOLERANCE));
                bars += 1;
                outside += usize::from(!(low..=high).contains(&price));
            }
        }
    }
    if outside * 2 > bars {
        return Err(BacktestError::NoPrice { field: field.to_owned(), outside, bars });
    }
    Ok(())
}
