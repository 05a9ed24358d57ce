use std::ops::Range;

use alphafleet_factors::{FactorError, FeatureFrame, NamedExpr, compute};

use super::config::RuleConfig;
use crate::engine::Strategy;
use crate::market::{Market, View};
use crate::orders::{Orders, TimeInForce};
use crate::{BacktestError, Side};

/// A strategy of rules over factors, computed once at the start.
///
/// An exit that is not dealt is asked for at every bar until the position is closed; an entry that
/// is not dealt in its time is given up until its rule holds anew.
#[derive(Debug)]
pub struct Rules {
    config: RuleConfig,
    /// Entry, exit, short entry, short exit; those that are given.
    exprs: Vec<NamedExpr>,
    /// For every bar and instrument the rules that hold, as bits in the order above.
    held: Vec<u8>,
    states: Vec<State>,
}

const FIELDS: [&str; 4] = ["entry", "exit", "short_entry", "short_exit"];
const ENTRY: u8 = 1;
const EXIT: u8 = 2;
const SHORT_ENTRY: u8 = 4;
const SHORT_EXIT: u8 = 8;

/// Where an instrument stands.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// A rule has closed the position, and it is not flat yet.
    leaving: bool,
    /// An entry that was given while nothing was held and may still wait.
    waiting: Option<Waiting>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// Calendar index of the bar at which it was given.
    since: usize,
    side: Side,
}

impl Rules {
    /// Refuses an expression that cannot be read or looks ahead, a short entry without exit, and
    /// numbers out of range.
    pub fn new(config: RuleConfig) -> Result<Self, BacktestError> {
        config.validate()?;
        let mut exprs = vec![rule("entry", &config.entry)?, rule("exit", &config.exit)?];
        if let Some((entry, exit)) = config.short_entry.as_ref().zip(config.short_exit.as_ref()) {
            exprs.push(rule("short_entry", entry)?);
            exprs.push(rule("short_exit", exit)?);
        }
        Ok(Self { config, exprs, held: vec![], states: vec![] })
    }

    /// Computes all rules at once; a fault is of the first that has it by itself.
    fn compute(&self, market: &Market) -> Result<FeatureFrame, BacktestError> {
        let panel = market.seen();
        let fault = |source| {
            let alone = self.exprs.iter().zip(FIELDS).find_map(|(rule, field)| {
                Some((field, compute(panel, std::slice::from_ref(rule), 1).err()?))
            });
            let (field, source) = alone.unwrap_or((FIELDS[0], source));
            BacktestError::Factor { field, source: Box::new(source) }
        };
        compute(panel, &self.exprs, 1).map_err(fault)
    }

    /// The side to enter, or none.
    fn side(holds: u8) -> Option<Side> {
        match holds {
            long if long & ENTRY != 0 && long & EXIT == 0 => Some(Side::Buy),
            short if short & SHORT_ENTRY != 0 && short & SHORT_EXIT == 0 => Some(Side::Sell),
            _ => None,
        }
    }

    /// Whether a rule closes a position that `side` opened.
    fn leaves(holds: u8, side: Side) -> bool {
        let exit = if side == Side::Buy { EXIT } else { SHORT_EXIT };
        holds & exit != 0
    }

    /// Gives an entry and the exits that go with it. Answers whether there was one to give.
    fn enter(
        &self,
        side: Side,
        instrument: usize,
        view: &View<'_>,
        orders: &mut Orders<'_>,
    ) -> Result<bool, BacktestError> {
        let RuleConfig { sizing, entry_order, time_in_force, .. } = self.config;
        let Some(request) = sizing.request(side.sign(), instrument, orders)? else {
            return Ok(false);
        };
        let close = view.bars()[instrument].close;
        let kind = entry_order.kind(side, close);
        let entry = request.kind(kind).time_in_force(time_in_force);
        orders.bracket(entry, &self.config.exits(side, close))?;
        Ok(true)
    }

    /// Takes the oldest entries back where more wait than there is room for.
    fn make_room(&mut self, bar: usize, room: usize, orders: &mut Orders<'_>) {
        let waits = |(instrument, state): (usize, &State)| {
            state.waiting.filter(|entry| entry.since < bar).map(|entry| (entry.since, instrument))
        };
        let mut older: Vec<_> = self.states.iter().enumerate().filter_map(waits).collect();
        let Some(surplus) = older.len().checked_sub(room) else { return };
        older.sort_unstable();
        for (_, instrument) in older.drain(..surplus) {
            self.states[instrument].waiting = None;
            orders.cancel_all(instrument);
        }
    }
}

fn rule(field: &'static str, source: &str) -> Result<NamedExpr, BacktestError> {
    let wrap = |source| BacktestError::Factor { field, source: Box::new(source) };
    let named = NamedExpr::parse(field, source).map_err(wrap)?;
    match named.expr.look_ahead() {
        0 => Ok(named),
        bars => Err(wrap(FactorError::LookAhead { name: field.to_owned(), bars })),
    }
}

impl Strategy for Rules {
    fn start(&mut self, market: &Market, _bars: Range<usize>) -> Result<(), BacktestError> {
        let frame = self.compute(market)?;
        let panel = market.seen();
        let width = panel.instruments().len();
        self.states = vec![State::default(); width];
        self.held = vec![0; width * panel.calendar().len()];
        for column in 0..self.exprs.len() {
            for instrument in 0..width {
                let values = &frame.column(column)[frame.cells(instrument)];
                for (bar, &value) in frame.listed(instrument).zip(values) {
                    if value != 0.0 && !value.is_nan() {
                        self.held[bar * width + instrument] |= 1 << column;
                    }
                }
            }
        }
        Ok(())
    }

    fn on_bar(&mut self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError> {
        let most = self.config.max_positions.unwrap_or(usize::MAX);
        let mut room = most.saturating_sub(view.ledger().held().len());
        let width = self.states.len();
        let once = matches!(self.config.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        for instrument in 0..width {
            let State { leaving, mut waiting } = self.states[instrument];
            let holds = match view.trades(instrument) {
                true => self.held[view.bar() * width + instrument],
                false => 0,
            };
            let quantity = view.quantity(instrument);
            if quantity != 0.0 {
                let side = if quantity > 0.0 { Side::Buy } else { Side::Sell };
                let leaving = leaving || Self::leaves(holds, side);
                self.states[instrument] = State { leaving, waiting: None };
                if leaving && view.is_member(instrument) {
                    orders.cancel_all(instrument);
                    orders.target_quantity(instrument, 0.0)?;
                }
                continue;
            }
            if once || !view.is_member(instrument) {
                waiting = None;
            }
            match Self::side(holds) {
                Some(side) if room > 0 => {
                    if waiting.is_some() {
                        orders.cancel_all(instrument);
                    }
                    let entered = self.enter(side, instrument, view, orders)?;
                    waiting = entered.then_some(Waiting { since: view.bar(), side });
                    room -= usize::from(entered);
                }
                _ if waiting.is_some_and(|entry| Self::leaves(holds, entry.side)) => {
                    waiting = None;
                    orders.cancel_all(instrument);
                }
                _ => {}
            }
            self.states[instrument] = State { leaving: false, waiting };
        }
        if self.config.max_positions.is_some() {
            self.make_room(view.bar(), room, orders);
        }
        Ok(())
    }
}
