use super::averages::{Ema, Sma, Wma};
use super::bands::Bollinger;
use super::cci::Cci;
use super::directional::DirectionalMovement;
use super::macd::Macd;
use super::machine::Machine;
use super::range::AverageTrueRange;
use super::rate::RateOfChange;
use super::registry::{LONGEST_WINDOW, Parameter, Spec};
use super::rsi::Rsi;
use super::sar::Sar;
use super::stochastic::{Stochastic, WilliamsR};
use super::volatility::HistoricalVolatility;
use super::volume::{AccumulationDistribution, MoneyFlow, OnBalanceVolume, Vwap};

/// The longest window of an indicator that looks at all of it at each bar.
const LONGEST_SCAN: f64 = 100_000.0;

const fn window(name: &'static str, default: f64, min: f64) -> Parameter {
    Parameter { name, default, min, max: LONGEST_WINDOW as f64, whole: true }
}

const fn number(name: &'static str, default: f64, min: f64, max: f64) -> Parameter {
    Parameter { name, default, min, max, whole: false }
}

/// A parameter that was found whole and in range, as a count of bars.
fn bars(parameters: &[f64], index: usize) -> usize {
    parameters[index] as usize
}

/// Every operator. Ranges are TA-Lib's, but for windows, which it limits to 100,000 bars.
pub const INDICATORS: &[Spec] = &[
    Spec {
        name: "SMA",
        family: "sma",
        inputs: &["x"],
        parameters: &[window("window", 20.0, 1.0)],
        output: 0,
        outputs: 1,
        summary: "Simple moving average.",
        machine: |n| Machine::Sma(Sma::new(bars(n, 0))),
    },
    Spec {
        name: "TaEMA",
        family: "ta_ema",
        inputs: &["x"],
        parameters: &[window("window", 20.0, 1.0)],
        output: 0,
        outputs: 1,
        summary: "Exponential moving average seeded by a simple one.",
        machine: |n| Machine::Ema(Ema::new(bars(n, 0))),
    },
    Spec {
        name: "TaWMA",
        family: "ta_wma",
        inputs: &["x"],
        parameters: &[window("window", 20.0, 1.0)],
        output: 0,
        outputs: 1,
        summary: "Linearly weighted moving average.",
        machine: |n| Machine::Wma(Wma::new(bars(n, 0))),
    },
    Spec {
        name: "BBUpper",
        family: "bollinger",
        inputs: &["x"],
        parameters: &[window("window", 20.0, 2.0), number("deviations", 2.0, -3e37, 3e37)],
        output: 0,
        outputs: 3,
        summary: "Upper Bollinger band.",
        machine: |n| Machine::Bollinger(Bollinger::new(bars(n, 0), n[1])),
    },
    Spec {
        name: "BBMiddle",
        family: "bollinger",
        inputs: &["x"],
        parameters: &[window("window", 20.0, 2.0), number("deviations", 2.0, -3e37, 3e37)],
        output: 1,
        outputs: 3,
        summary: "Middle Bollinger band: a simple moving average.",
        machine: |n| Machine::Bollinger(Bollinger::new(bars(n, 0), n[1])),
    },
    Spec {
        name: "BBLower",
        family: "bollinger",
        inputs: &["x"],
        parameters: &[window("window", 20.0, 2.0), number("deviations", 2.0, -3e37, 3e37)],
        output: 2,
        outputs: 3,
        summary: "Lower Bollinger band.",
        machine: |n| Machine::Bollinger(Bollinger::new(bars(n, 0), n[1])),
    },
    Spec {
        name: "SAR",
        family: "sar",
        inputs: &["high", "low"],
        parameters: &[number("acceleration", 0.02, 0.0, 3e37), number("maximum", 0.2, 0.0, 3e37)],
        output: 0,
        outputs: 1,
        summary: "Parabolic stop and reverse.",
        machine: |n| Machine::Sar(Sar::new(n[0], n[1])),
    },
    Spec {
        name: "MACD",
        family: "macd",
        inputs: &["x"],
        parameters: &[
            window("fast", 12.0, 2.0),
            window("slow", 26.0, 2.0),
            window("signal", 9.0, 1.0),
        ],
        output: 0,
        outputs: 3,
        summary: "Fast less slow exponential moving average.",
        machine: |n| Machine::Macd(Macd::new(bars(n, 0), bars(n, 1), bars(n, 2))),
    },
    Spec {
        name: "MACDSignal",
        family: "macd",
        inputs: &["x"],
        parameters: &[
            window("fast", 12.0, 2.0),
            window("slow", 26.0, 2.0),
            window("signal", 9.0, 1.0),
        ],
        output: 1,
        outputs: 3,
        summary: "Exponential moving average of MACD.",
        machine: |n| Machine::Macd(Macd::new(bars(n, 0), bars(n, 1), bars(n, 2))),
    },
    Spec {
        name: "MACDHist",
        family: "macd",
        inputs: &["x"],
        parameters: &[
            window("fast", 12.0, 2.0),
            window("slow", 26.0, 2.0),
            window("signal", 9.0, 1.0),
        ],
        output: 2,
        outputs: 3,
        summary: "MACD less its signal.",
        machine: |n| Machine::Macd(Macd::new(bars(n, 0), bars(n, 1), bars(n, 2))),
    },
    Spec {
        name: "ADX",
        family: "directional_movement",
        inputs: &["high", "low", "close"],
        parameters: &[window("window", 14.0, 2.0)],
        output: 0,
        outputs: 3,
        summary: "Average directional movement index.",
        machine: |n| Machine::DirectionalMovement(DirectionalMovement::new(bars(n, 0))),
    },
    Spec {
        name: "PlusDI",
        family: "directional_movement",
        inputs: &["high", "low", "close"],
        parameters: &[window("window", 14.0, 1.0)],
        output: 1,
        outputs: 3,
        summary: "Plus directional indicator.",
        machine: |n| Machine::DirectionalMovement(DirectionalMovement::new(bars(n, 0))),
    },
    Spec {
        name: "MinusDI",
        family: "directional_movement",
        inputs: &["high", "low", "close"],
        parameters: &[window("window", 14.0, 1.0)],
        output: 2,
        outputs: 3,
        summary: "Minus directional indicator.",
        machine: |n| Machine::DirectionalMovement(DirectionalMovement::new(bars(n, 0))),
    },
    Spec {
        name: "RSI",
        family: "rsi",
        inputs: &["x"],
        parameters: &[window("window", 14.0, 2.0)],
        output: 0,
        outputs: 1,
        summary: "Relative strength index.",
        machine: |n| Machine::Rsi(Rsi::new(bars(n, 0))),
    },
    Spec {
        name: "StochK",
        family: "stochastic",
        inputs: &["high", "low", "close"],
        parameters: &[
            window("fast_k", 14.0, 1.0),
            window("slow_k", 3.0, 1.0),
            window("slow_d", 3.0, 1.0),
        ],
        output: 0,
        outputs: 2,
        summary: "Slow %K of the stochastic oscillator.",
        machine: |n| Machine::Stochastic(Stochastic::new(bars(n, 0), bars(n, 1), bars(n, 2))),
    },
    Spec {
        name: "StochD",
        family: "stochastic",
        inputs: &["high", "low", "close"],
        parameters: &[
            window("fast_k", 14.0, 1.0),
            window("slow_k", 3.0, 1.0),
            window("slow_d", 3.0, 1.0),
        ],
        output: 1,
        outputs: 2,
        summary: "Slow %D of the stochastic oscillator.",
        machine: |n| Machine::Stochastic(Stochastic::new(bars(n, 0), bars(n, 1), bars(n, 2))),
    },
    Spec {
        name: "WillR",
        family: "williams_r",
        inputs: &["high", "low", "close"],
        parameters: &[window("window", 14.0, 2.0)],
        output: 0,
        outputs: 1,
        summary: "Williams' %R.",
        machine: |n| Machine::WilliamsR(WilliamsR::new(bars(n, 0))),
    },
    Spec {
        name: "CCI",
        family: "cci",
        inputs: &["high", "low", "close"],
        parameters: &[Parameter { max: LONGEST_SCAN, ..window("window", 20.0, 2.0) }],
        output: 0,
        outputs: 1,
        summary: "Commodity channel index.",
        machine: |n| Machine::Cci(Cci::new(bars(n, 0))),
    },
    Spec {
        name: "ROC",
        family: "rate_of_change",
        inputs: &["x"],
        parameters: &[window("window", 10.0, 1.0)],
        output: 0,
        outputs: 1,
        summary: "Rate of change in per cent.",
        machine: |n| Machine::RateOfChange(RateOfChange::new(bars(n, 0))),
    },
    Spec {
        name: "VWAP",
        family: "vwap",
        inputs: &["high", "low", "close", "volume"],
        parameters: &[window("window", 20.0, 1.0)],
        output: 0,
        outputs: 1,
        summary: "Volume-weighted average of the typical price.",
        machine: |n| Machine::Vwap(Vwap::new(bars(n, 0))),
    },
    Spec {
        name: "OBV",
        family: "on_balance_volume",
        inputs: &["close", "volume"],
        parameters: &[],
        output: 0,
        outputs: 1,
        summary: "On-balance volume.",
        machine: |_| Machine::OnBalanceVolume(OnBalanceVolume::new()),
    },
    Spec {
        name: "AD",
        family: "accumulation_distribution",
        inputs: &["high", "low", "close", "volume"],
        parameters: &[],
        output: 0,
        outputs: 1,
        summary: "Accumulation/distribution line.",
        machine: |_| Machine::AccumulationDistribution(AccumulationDistribution::new()),
    },
    Spec {
        name: "MFI",
        family: "money_flow",
        inputs: &["high", "low", "close", "volume"],
        parameters: &[window("window", 14.0, 2.0)],
        output: 0,
        outputs: 1,
        summary: "Money flow index.",
        machine: |n| Machine::MoneyFlow(MoneyFlow::new(bars(n, 0))),
    },
    Spec {
        name: "ATR",
        family: "average_true_range",
        inputs: &["high", "low", "close"],
        parameters: &[window("window", 14.0, 1.0)],
        output: 0,
        outputs: 2,
        summary: "Average true range.",
        machine: |n| Machine::AverageTrueRange(AverageTrueRange::new(bars(n, 0))),
    },
    Spec {
        name: "NATR",
        family: "average_true_range",
        inputs: &["high", "low", "close"],
        parameters: &[window("window", 14.0, 1.0)],
        output: 1,
        outputs: 2,
        summary: "Average true range in per cent of the close.",
        machine: |n| Machine::AverageTrueRange(AverageTrueRange::new(bars(n, 0))),
    },
    Spec {
        name: "HV",
        family: "historical_volatility",
        inputs: &["x"],
        parameters: &[window("window", 20.0, 2.0), number("periods_per_year", 252.0, 1.0, 1e9)],
        output: 0,
        outputs: 1,
        summary: "Yearly volatility of logarithmic returns.",
        machine: |n| Machine::HistoricalVolatility(HistoricalVolatility::new(bars(n, 0), n[1])),
    },
];
