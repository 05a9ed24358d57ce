use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::config::{BuyMethod, SellMethod, TopkDropoutConfig};
use super::exchange::{Exchange, Order};
use super::position::Position;
use crate::Side;
use crate::sorter::Sorter;

/// Qlib's top-k dropout: holds about `topk` instruments and swaps the `n_drop` worst of them for
/// better ones each bar.
#[derive(Debug)]
pub(crate) struct TopkDropout<'a> {
    config: &'a TopkDropoutConfig,
    sorter: Sorter,
    rng: ChaCha8Rng,
}

impl<'a> TopkDropout<'a> {
    pub(crate) fn new(config: &'a TopkDropoutConfig) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(config.seed);
        Self { config, sorter: Sorter::default(), rng }
    }

    /// The orders of a bar, sells first, from the scores of the bar before.
    pub(crate) fn decide(
        &mut self,
        scores: &[f64],
        exchange: &Exchange<'_>,
        position: &Position,
    ) -> Vec<Order> {
        if scores.iter().all(|score| score.is_nan()) {
            return vec![];
        }
        let (sell, buy) = self.pick(scores, exchange, position);
        let mut after = position.clone();
        let mut orders = self.sells(&sell, exchange, &mut after);
        self.buys(&buy, exchange, after.cash, &mut orders);
        orders
    }

    /// Instruments to sell and to buy, before anything but the scores is looked at (and what can
    /// be traded, under `only_tradable`).
    fn pick(
        &mut self,
        scores: &[f64],
        exchange: &Exchange<'_>,
        position: &Position,
    ) -> (Vec<u32>, Vec<u32>) {
        let score = |instrument: u32| scores[instrument as usize];
        let mut last = position.held().to_vec();
        self.sorter.descending(&mut last, score);
        let surplus = last.len() as isize;
        let (topk, n_drop) = (self.config.topk as isize, self.config.n_drop as isize);
        let wanted = n_drop + topk - surplus;
        let today = self.candidates(scores, exchange, position, wanted);
        let sell = self.dropped(&last, &today, scores, exchange);
        let buy = head(&today, sell.len() as isize + topk - surplus).to_vec();
        (sell, buy)
    }

    fn candidates(
        &mut self,
        scores: &[f64],
        exchange: &Exchange<'_>,
        position: &Position,
        wanted: isize,
    ) -> Vec<u32> {
        let scored = (0..scores.len() as u32).filter(|&i| !scores[i as usize].is_nan());
        let score = |instrument: u32| scores[instrument as usize];
        match self.config.method_buy {
            BuyMethod::Top => {
                let mut rest: Vec<u32> = scored.filter(|&i| !position.holds(i)).collect();
                self.sorter.descending(&mut rest, score);
                self.first(&rest, wanted, exchange)
            }
            BuyMethod::Random => {
                let mut all: Vec<u32> = scored.collect();
                self.sorter.descending(&mut all, score);
                let mut best = self.first(&all, self.config.topk as isize, exchange);
                best.retain(|&i| !position.holds(i));
                self.draw(&best, wanted)
            }
        }
    }

    fn dropped(
        &mut self,
        last: &[u32],
        today: &[u32],
        scores: &[f64],
        exchange: &Exchange<'_>,
    ) -> Vec<u32> {
        let n_drop = self.config.n_drop;
        match self.config.method_sell {
            SellMethod::Bottom => {
                let mut both: Vec<u32> = last.iter().chain(today).copied().collect();
                // pandas' union sorts by name, unless there is nothing to unite with.
                if !today.is_empty() {
                    both.sort_unstable();
                }
                self.sorter.descending(&mut both, |i| scores[i as usize]);
                let worst = self.last(&both, n_drop, exchange);
                last.iter().copied().filter(|held| worst.contains(held)).collect()
            }
            SellMethod::Random => {
                let tradable = |&i: &u32| !self.config.only_tradable || exchange.tradable(i, None);
                let kept: Vec<u32> = last.iter().copied().filter(tradable).collect();
                self.draw(&kept, n_drop as isize)
            }
        }
    }

    /// `wanted` of these without repetition, or all when there are not as many.
    fn draw(&mut self, of: &[u32], wanted: isize) -> Vec<u32> {
        match usize::try_from(wanted) {
            Ok(wanted) if wanted <= of.len() => of.sample(&mut self.rng, wanted).copied().collect(),
            _ => of.to_vec(),
        }
    }

    /// Qlib's `get_first_n`: it takes one even if none is wanted, when it passes over others.
    fn first(&self, sorted: &[u32], wanted: isize, exchange: &Exchange<'_>) -> Vec<u32> {
        if !self.config.only_tradable {
            return head(sorted, wanted).to_vec();
        }
        let tradable = sorted.iter().copied().filter(|&i| exchange.tradable(i, None));
        tradable.take(wanted.max(1) as usize).collect()
    }

    fn last(&self, sorted: &[u32], wanted: usize, exchange: &Exchange<'_>) -> Vec<u32> {
        let tradable = |&i: &u32| !self.config.only_tradable || exchange.tradable(i, None);
        sorted.iter().rev().copied().filter(tradable).take(wanted).collect()
    }

    fn sells(&self, sell: &[u32], exchange: &Exchange<'_>, after: &mut Position) -> Vec<Order> {
        let side = (!self.config.forbid_all_trade_at_limit).then_some(Side::Sell);
        let mut orders = vec![];
        let mut sell = sell.to_vec();
        sell.sort_unstable();
        for instrument in sell {
            let holding = after.holding(instrument);
            if !exchange.tradable(instrument, side) || holding.count < self.config.hold_thresh {
                continue;
            }
            let order = Order { instrument, side: Side::Sell, amount: holding.amount };
            if exchange.tradable(instrument, Some(Side::Sell)) {
                exchange.deal(order, after, 0.0);
                orders.push(order);
            }
        }
        orders
    }

    fn buys(&self, buy: &[u32], exchange: &Exchange<'_>, cash: f64, orders: &mut Vec<Order>) {
        if buy.is_empty() {
            return;
        }
        let value = cash * self.config.risk_degree / buy.len() as f64;
        let side = (!self.config.forbid_all_trade_at_limit).then_some(Side::Buy);
        for &instrument in buy {
            if !exchange.tradable(instrument, side) {
                continue;
            }
            let amount = value / exchange.deal_price(instrument, Side::Buy);
            let amount = exchange.round_to_unit(amount, exchange.quote(instrument).factor);
            orders.push(Order { instrument, side: Side::Buy, amount });
        }
    }
}

/// Python's `list[:n]`, negative `n` included.
fn head(list: &[u32], n: isize) -> &[u32] {
    let end = if n < 0 { list.len().saturating_sub(n.unsigned_abs()) } else { n as usize };
    &list[..end.min(list.len())]
}
