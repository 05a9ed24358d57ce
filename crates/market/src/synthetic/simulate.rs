use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::signal::{LOOKBACK, Section, moments};
use super::{SyntheticError, SyntheticMarket};
use crate::calendar::business_days;
use crate::panel::{Panel, PanelBuilder, PanelRow};

/// Daily volatility of the market factor, of a sector, and of a typical instrument's own noise.
const MARKET_VOL: f64 = 0.009;
const SECTOR_VOL: f64 = 0.006;
const OWN_VOL: f64 = 0.016;
const FIELDS: [&str; 8] = ["open", "high", "low", "close", "vwap", "volume", "amount", "factor"];

pub(super) fn simulate(market: &SyntheticMarket) -> Result<Panel, SyntheticError> {
    let calendar = business_days(market.start, market.bars);
    if calendar.len() < market.bars {
        return Err(SyntheticError::Calendar { bars: market.bars });
    }
    let mut common = stream(market.seed, 0);
    let mut index = Garch::new(MARKET_VOL);
    let mut stocks: Vec<Stock> =
        (0..market.instruments).map(|number| Stock::new(market, number)).collect();
    let mut builder = PanelBuilder::new(FIELDS);
    let mut section = Section::default();
    for (bar, &time) in calendar.iter().enumerate() {
        let mut returns = noise(market, &mut common, &mut index, &mut stocks);
        plant(market.signal, bar, &stocks, &mut section, &mut returns);
        for (stock, &change) in stocks.iter_mut().zip(&returns) {
            if let Some(values) = stock.trade(market, bar, change) {
                builder.push(PanelRow { instrument: &stock.name, time, values: &values })?;
            }
        }
    }
    Ok(builder.build()?)
}

/// A stream of its own for each instrument: more instruments leave the others' draws alone.
fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn noise(
    market: &SyntheticMarket,
    common: &mut ChaCha8Rng,
    index: &mut Garch,
    stocks: &mut [Stock],
) -> Vec<f64> {
    let index_return = index.draw(common) + 0.0002;
    let sectors: Vec<f64> = (0..market.sectors).map(|_| SECTOR_VOL * normal(common)).collect();
    let own = |stock: &mut Stock| {
        let drawn = stock.noise.draw(&mut stock.rng);
        stock.beta * index_return + sectors[stock.sector] + drawn
    };
    stocks.iter_mut().map(own).collect()
}

/// Adds `a · s` with `s` as known two bars ago.
fn plant(strength: f64, bar: usize, stocks: &[Stock], section: &mut Section, returns: &mut [f64]) {
    if strength == 0.0 || bar < LOOKBACK + 2 {
        return;
    }
    section.clear();
    for stock in stocks {
        let end = stock.closes.len() - 1;
        section.push(
            &stock.closes[end - LOOKBACK - 1..end],
            &stock.volumes[end - LOOKBACK - 1..end - 1],
        );
    }
    let (_, dispersion) = moments(returns);
    let size = strength * dispersion / (1.0 - strength * strength).sqrt();
    for (change, &score) in returns.iter_mut().zip(section.scores()) {
        if score.is_finite() {
            *change += size * score;
        }
    }
}

/// Volatility clustering: GARCH(1,1) with a given long-run volatility.
struct Garch {
    long_run: f64,
    variance: f64,
    last: f64,
}

impl Garch {
    fn new(volatility: f64) -> Self {
        let long_run = volatility * volatility;
        Self { long_run, variance: long_run, last: volatility }
    }

    fn draw(&mut self, rng: &mut ChaCha8Rng) -> f64 {
        const ALPHA: f64 = 0.08;
        const BETA: f64 = 0.90;
        self.variance = (1.0 - ALPHA - BETA) * self.long_run
            + ALPHA * self.last * self.last
            + BETA * self.variance;
        self.last = self.variance.sqrt() * normal(rng);
        self.last
    }
}

struct Stock {
    name: String,
    rng: ChaCha8Rng,
    sector: usize,
    beta: f64,
    noise: Garch,
    listed_from: usize,
    suspended: usize,
    factor: f64,
    usual_volume: f64,
    activity: f64,
    /// Adjusted closes and volumes of the latent market, which knows no suspension.
    closes: Vec<f64>,
    volumes: Vec<f64>,
}

impl Stock {
    fn new(market: &SyntheticMarket, number: usize) -> Self {
        let mut rng = stream(market.seed, number as u64 + 1);
        let late = rng.random::<f64>() < market.late_listings;
        let listed_from = (rng.random::<f64>() * 0.6 * market.bars as f64) as usize;
        Self {
            name: format!("SYN{number:05}"),
            sector: number % market.sectors,
            beta: (1.0 + 0.3 * normal(&mut rng)).max(0.1),
            noise: Garch::new(OWN_VOL * (0.25 * normal(&mut rng)).exp()),
            listed_from: if late { listed_from.max(1).min(market.bars - 1) } else { 0 },
            suspended: 0,
            factor: 1.0,
            usual_volume: (14.0 + normal(&mut rng)).exp(),
            activity: 0.0,
            closes: vec![(3.5 + 0.6 * normal(&mut rng)).exp()],
            volumes: Vec::new(),
            rng,
        }
    }

    /// Moves on by one bar; gives the raw bar when the instrument trades on it.
    fn trade(&mut self, market: &SyntheticMarket, bar: usize, change: f64) -> Option<[f64; 8]> {
        let before = self.closes[self.closes.len() - 1];
        let close = before * change.exp();
        let shape = self.noise.variance.sqrt();
        let open = before * (0.4 * change + 0.3 * shape * normal(&mut self.rng)).exp();
        let high = open.max(close) * (0.5 * shape * normal(&mut self.rng).abs()).exp();
        let low = open.min(close) * (-0.5 * shape * normal(&mut self.rng).abs()).exp();
        let middle = (0.5 + 0.15 * normal(&mut self.rng)).clamp(0.0, 1.0);
        let volume = self.volume(change / shape);
        self.closes.push(close);
        self.volumes.push(volume);
        let split = self.rng.random::<f64>() < market.split;
        if split && bar > self.listed_from && self.factor < 64.0 {
            self.factor *= 2.0;
        }
        let trades = self.trades(market, bar);
        let raw = |price: f64| (price / self.factor * 1e4).round().max(1.0) / 1e4;
        let (high, low) = (raw(high), raw(low));
        let vwap = low + (high - low) * middle;
        let shares = (volume * self.factor).round().max(1.0);
        trades.then(|| [raw(open), high, low, raw(close), vwap, shares, vwap * shares, self.factor])
    }

    /// Volume is a slow wave, busier after large moves.
    fn volume(&mut self, surprise: f64) -> f64 {
        self.activity = 0.7 * self.activity + 0.25 * normal(&mut self.rng);
        self.usual_volume * (self.activity + 0.1 * surprise.abs().min(6.0)).exp()
    }

    fn trades(&mut self, market: &SyntheticMarket, bar: usize) -> bool {
        let begins = self.rng.random::<f64>() < market.suspension;
        let length = self.rng.random_range(1..=10);
        if self.suspended > 0 {
            self.suspended -= 1;
        } else if begins && bar > self.listed_from {
            self.suspended = length;
        }
        bar >= self.listed_from && self.suspended == 0
    }
}
