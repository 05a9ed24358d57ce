use serde::{Deserialize, Serialize};

use super::averages::{Ema, Sma, Wma};
use super::bands::Bollinger;
use super::cci::Cci;
use super::directional::DirectionalMovement;
use super::error::IndicatorError;
use super::indicator::Indicator;
use super::lanes::{
    self, AccumulationDistributions, AverageTrueRanges, Bollingers, Ccis, DirectionalMovements,
    Emas, HistoricalVolatilities, Macds, MoneyFlows, OnBalanceVolumes, RatesOfChange, Rsis, Sars,
    Smas, Stochastics, Vwaps, WilliamsRs, Wmas,
};
use super::macd::Macd;
use super::range::AverageTrueRange;
use super::rate::RateOfChange;
use super::rsi::Rsi;
use super::sar::Sar;
use super::stochastic::{Stochastic, WilliamsR};
use super::volatility::HistoricalVolatility;
use super::volume::{AccumulationDistribution, MoneyFlow, OnBalanceVolume, Vwap};
use crate::engine::Lane;

macro_rules! machines {
    ($($name:ident($indicator:ty, $abreast:ty)),* $(,)?) => {
        /// Any [`Indicator`] with its state, so that one can be kept without knowing which.
        ///
        /// Its stored form is that of the state; reading one that contradicts itself fails.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "indicator", content = "state", rename_all = "snake_case")]
        pub enum Machine { $($name($indicator)),* }

        impl Machine {
            /// How many series are read.
            pub fn inputs(&self) -> usize {
                match self { $(Self::$name(indicator) => shape(indicator).0),* }
            }

            /// How many series are written.
            pub fn outputs(&self) -> usize {
                match self { $(Self::$name(indicator) => shape(indicator).1),* }
            }

            /// Takes a block of bars, oldest first, and goes on from the state the last one left.
            ///
            /// `inputs` are as many series as [`inputs`](Self::inputs) says, of equal length, in
            /// which NaN or ±∞ marks a bar as missing; `outputs` are as many as
            /// [`outputs`](Self::outputs) says, each of that length, or empty if it is not wanted.
            ///
            /// # Errors
            ///
            /// If a series is missing, superfluous or of another length; the state is unchanged.
            #[inline(always)]
            pub fn run(
                &mut self,
                inputs: &[&[f64]],
                outputs: &mut [&mut [f64]],
            ) -> Result<(), IndicatorError> {
                match self { $(Self::$name(indicator) => run(indicator, inputs, outputs)),* }
            }

            /// Takes a block of bars of up to eight machines of one kind side by side, as
            /// [`run`](Self::run) does one after the other. Bit `l` of `listed` says whether there
            /// is an instrument in lane `l`; another one's outputs are NaN.
            ///
            /// # Errors
            ///
            /// As [`run`](Self::run).
            #[inline(always)]
            pub(crate) fn run_abreast(
                machines: &mut [Self],
                listed: u8,
                inputs: &[&[Lane]],
                outputs: &mut [&mut [Lane]],
            ) -> Result<(), IndicatorError> {
                match machines.first() {
                    $(Some(Self::$name(_)) => {
                        let own = |machine| match machine {
                            &mut Self::$name(ref mut indicator) => Some(indicator),
                            _ => None,
                        };
                        let mut ones: Vec<&mut $indicator> =
                            machines.iter_mut().filter_map(own).collect();
                        let (inputs, outputs) = block(inputs, outputs)?;
                        lanes::run::<$abreast, _, _>(&mut ones, listed, inputs, outputs);
                        Ok(())
                    })*
                    None => Ok(()),
                }
            }

            /// Takes one bar and writes its outputs.
            ///
            /// # Errors
            ///
            /// If `bar` or `outputs` is not as long as the indicator has series.
            pub fn next(&mut self, bar: &[f64], outputs: &mut [f64]) -> Result<(), IndicatorError> {
                match self { $(Self::$name(indicator) => next(indicator, bar, outputs)),* }
            }
        }
    };
}

machines! {
    Sma(Sma, Smas),
    Ema(Ema, Emas),
    Wma(Wma, Wmas),
    Bollinger(Bollinger, Bollingers),
    Sar(Sar, Sars),
    Macd(Macd, Macds),
    DirectionalMovement(DirectionalMovement, DirectionalMovements),
    Rsi(Rsi, Rsis),
    Stochastic(Stochastic, Stochastics),
    WilliamsR(WilliamsR, WilliamsRs),
    Cci(Cci, Ccis),
    RateOfChange(RateOfChange, RatesOfChange),
    Vwap(Vwap, Vwaps),
    OnBalanceVolume(OnBalanceVolume, OnBalanceVolumes),
    AccumulationDistribution(AccumulationDistribution, AccumulationDistributions),
    MoneyFlow(MoneyFlow, MoneyFlows),
    AverageTrueRange(AverageTrueRange, AverageTrueRanges),
    HistoricalVolatility(HistoricalVolatility, HistoricalVolatilities),
}

fn shape<const IN: usize, const OUT: usize>(_: &impl Indicator<IN, OUT>) -> (usize, usize) {
    (IN, OUT)
}

fn next<const IN: usize, const OUT: usize>(
    indicator: &mut impl Indicator<IN, OUT>,
    bar: &[f64],
    outputs: &mut [f64],
) -> Result<(), IndicatorError> {
    let bar = <[f64; IN]>::try_from(bar)
        .map_err(|_| IndicatorError::InputCount { expected: IN, found: bar.len() })?;
    let found = outputs.len();
    let outputs = <&mut [f64; OUT]>::try_from(outputs)
        .map_err(|_| IndicatorError::OutputCount { expected: OUT, found })?;
    *outputs = indicator.next(bar);
    Ok(())
}

#[inline(always)]
fn run<const IN: usize, const OUT: usize>(
    indicator: &mut impl Indicator<IN, OUT>,
    inputs: &[&[f64]],
    outputs: &mut [&mut [f64]],
) -> Result<(), IndicatorError> {
    let (inputs, outputs) = block(inputs, outputs)?;
    let bars = inputs.first().map_or(0, |series| series.len());
    run_block(indicator, bars, inputs, outputs);
    Ok(())
}

type Block<'a, 'b, 'c, T, const IN: usize, const OUT: usize> =
    ([&'a [T]; IN], &'b mut [&'c mut [T]; OUT]);

/// As many inputs and outputs as an indicator has, of equal length.
#[inline(always)]
fn block<'a, 'b, 'c, T, const IN: usize, const OUT: usize>(
    inputs: &[&'a [T]],
    outputs: &'b mut [&'c mut [T]],
) -> Result<Block<'a, 'b, 'c, T, IN, OUT>, IndicatorError> {
    let inputs = <[&[T]; IN]>::try_from(inputs)
        .map_err(|_| IndicatorError::InputCount { expected: IN, found: inputs.len() })?;
    let found = outputs.len();
    let outputs = <&mut [&mut [T]; OUT]>::try_from(outputs)
        .map_err(|_| IndicatorError::OutputCount { expected: OUT, found })?;
    let bars = inputs.first().map_or(0, |series| series.len());
    let wanted = outputs.iter().map(|series| series.len()).filter(|&length| length > 0);
    let lengths = inputs.iter().map(|series| series.len()).chain(wanted);
    for found in lengths {
        if found != bars {
            return Err(IndicatorError::LengthMismatch { expected: bars, found });
        }
    }
    Ok((inputs, outputs))
}

/// The loop over bars: its state lives in registers as far as it fits.
#[inline(always)]
fn run_block<const IN: usize, const OUT: usize>(
    indicator: &mut impl Indicator<IN, OUT>,
    bars: usize,
    inputs: [&[f64]; IN],
    outputs: &mut [&mut [f64]; OUT],
) {
    let inputs = inputs.map(|series| &series[..bars]);
    for bar in 0..bars {
        let values = indicator.next(inputs.map(|series| series[bar]));
        for (series, value) in outputs.iter_mut().zip(values) {
            if let Some(cell) = series.get_mut(bar) {
                *cell = value;
            }
        }
    }
}
