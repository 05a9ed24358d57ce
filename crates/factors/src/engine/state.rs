use super::kernels::{Ema, Ranked, Repetition, SWEPT, Sliding, Swept};
use super::lanes::{LANES, Lane};
use super::program::{Op, Operand, Precision, Step};
use crate::expr::IndicatorId;
use crate::indicators::Machine;

/// What a step keeps between blocks.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) enum State {
    Nothing,
    FirstSingle([f32; LANES]),
    FirstDouble(Lane),
    Sliding(Sliding),
    Trend(Sliding, [bool; LANES]),
    SweptSingle(Swept<f32>),
    SweptDouble(Swept<f64>),
    Ranked(Box<Ranked>),
    Ema(Ema),
    Repetition(Repetition),
    /// All earlier bars.
    History(Vec<Lane>),
    /// One for each instrument.
    Machines(Vec<Machine>),
}

impl State {
    pub(super) fn new(step: &Step) -> Self {
        match step.op {
            Op::Indicator(indicator) => Self::Machines(machines(indicator, &step.inputs)),
            Op::First(Precision::Single) => Self::FirstSingle([f32::NAN; LANES]),
            Op::First(Precision::Double) => Self::FirstDouble([f64::NAN; LANES]),
            Op::Trend(window) => Self::Trend(Sliding::new(window), [false; LANES]),
            Op::Sums(window)
            | Op::Spread(window)
            | Op::Shape(window)
            | Op::Extreme(_, window)
            | Op::Position(_, window)
            | Op::Product(window)
            | Op::Weighted(_, window)
            | Op::Covariance(window)
            | Op::Correlation(window) => Self::Sliding(Sliding::new(window)),
            Op::Sorted(window, Precision::Single) => Self::SweptSingle(Swept::new(window)),
            Op::Sorted(window, Precision::Double) if (1..=SWEPT).contains(&window) => {
                Self::SweptDouble(Swept::new(window))
            }
            Op::Sorted(window, Precision::Double) => Self::Ranked(Box::new(Ranked::new(window))),
            Op::Ema(span) if span.value() != 0.0 => Self::Ema(Ema::default()),
            Op::Repetition => Self::Repetition(Repetition::default()),
            Op::MeanDeviation(_) | Op::Ema(_) => Self::History(vec![]),
            _ => Self::Nothing,
        }
    }

    /// What the bars and the columns of the data do not tell.
    pub(super) fn remembered(&self) -> Self {
        let mut state = self.clone();
        if let Self::Sliding(sliding) | Self::Trend(sliding, _) = &mut state {
            sliding.forget_suffixes();
        }
        state
    }

    /// Whether it can be the state of a step that was stored.
    pub(super) fn fits(&self, step: &Step) -> bool {
        match (self, Self::new(step)) {
            (Self::Sliding(own), Self::Sliding(new))
            | (Self::Trend(own, _), Self::Trend(new, _)) => own.is_like(&new),
            (Self::SweptSingle(own), Self::SweptSingle(new)) => own.is_like(&new),
            (Self::SweptDouble(own), Self::SweptDouble(new)) => own.is_like(&new),
            (Self::Ranked(own), Self::Ranked(new)) => own.is_like(&new),
            (Self::Machines(own), Self::Machines(new)) => {
                let same = |(own, new)| std::mem::discriminant(own) == std::mem::discriminant(new);
                own.len() == new.len() && own.iter().zip(&new).all(same)
            }
            (own, new) => std::mem::discriminant(own) == std::mem::discriminant(&new),
        }
    }
}

/// A machine for each lane.
fn machines(indicator: IndicatorId, inputs: &[Operand]) -> Vec<Machine> {
    let number = |input: &Operand| match input {
        Operand::Scalar(value) => Some(value.value()),
        Operand::Value(_) => None,
    };
    let numbers: Vec<f64> = inputs.iter().filter_map(number).collect();
    vec![indicator.spec().machine_of_checked(&numbers); LANES]
}
