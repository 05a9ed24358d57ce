#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use crate::engine::{LANES, Lane, MISSING};
use crate::indicators::{INDICATORS, Machine, Spec};

/// Long enough for the windows here to fill, be left and be entered again.
const MOST_BARS: usize = 220;

/// Bars of eight instruments: high, low, close, volume, or whatever an indicator reads.
type Bars = [Vec<Lane>; 4];

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        // A jump leaves sums without digits, and they are rebuilt.
        1 => Just(1e9),
        4 => (1..5u8).prop_map(f64::from),
        1 => Just(0.0),
        1 => Just(-0.0),
        1 => Just(-7.5),
        60 => 90.0..110.0f64,
    ]
}

fn missing() -> impl Strategy<Value = f64> {
    prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(1e300)]
}

/// Where some instruments lack bars: lane, field, first bar, length, what stands there.
type Gap = (usize, usize, usize, usize, f64);

fn bars() -> impl Strategy<Value = Bars> {
    let cells = prop::collection::vec(value(), MOST_BARS * LANES * 4);
    let gap = (0..LANES, 0..4usize, 0..MOST_BARS, 1..60usize, missing());
    let gaps = prop::collection::vec(gap, 0..12);
    (1..=MOST_BARS, cells, gaps).prop_map(|(bars, cells, gaps): (usize, Vec<f64>, Vec<Gap>)| {
        let rows: &[Lane] = cells.as_chunks().0;
        let mut fields: Bars =
            std::array::from_fn(|field| rows[field * MOST_BARS..][..bars].to_vec());
        for (lane, field, first, length, value) in gaps {
            fields[field].iter_mut().skip(first).take(length).for_each(|row| row[lane] = value);
        }
        fields
    })
}

/// Parameters in range, with windows that fill.
fn parameters(spec: &Spec, seed: u64) -> Vec<f64> {
    let value = |(index, parameter): (usize, &crate::indicators::Parameter)| {
        let step = ((seed >> (8 * index)) % 17) as f64;
        if parameter.whole { parameter.min + step } else { parameter.default * (1.0 + step) }
    };
    spec.parameters.iter().enumerate().map(value).collect()
}

fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// What one instrument's indicator answers, bar by bar.
fn alone(machine: &mut Machine, bars: &Bars, lane: usize) -> Vec<Vec<u64>> {
    let (inputs, outputs) = (machine.inputs(), machine.outputs());
    let one = |bar: usize| {
        let values: Vec<f64> = bars[..inputs].iter().map(|rows| rows[bar][lane]).collect();
        let mut answers = vec![0.0; outputs];
        machine.next(&values, &mut answers).unwrap();
        answers.into_iter().map(bits).collect()
    };
    (0..bars[0].len()).map(one).collect()
}

/// What eight indicators side by side answer, block by block.
fn abreast(machines: &mut [Machine], listed: u8, bars: &Bars, blocks: usize) -> Vec<Vec<Lane>> {
    let outputs = machines[0].outputs();
    let mut written = vec![vec![[5.0; LANES]; bars[0].len()]; outputs];
    for first in (0..bars[0].len()).step_by(blocks) {
        let end = bars[0].len().min(first + blocks);
        let inputs: Vec<&[Lane]> =
            bars[..machines[0].inputs()].iter().map(|rows| &rows[first..end]).collect();
        let mut into: Vec<&mut [Lane]> =
            written.iter_mut().map(|rows| &mut rows[first..end]).collect();
        Machine::run_abreast(machines, listed, &inputs, &mut into).unwrap();
    }
    written
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn side_by_side_they_are_what_each_is_alone(
        bars in bars(), seed in any::<u64>(), listed in prop_oneof![Just(255u8), any::<u8>()],
        blocks in 1..MOST_BARS,
    ) {
        for spec in INDICATORS.iter().filter(|spec| spec.output == 0) {
            let fresh = spec.build(&parameters(spec, seed)).unwrap();
            let mut machines = vec![fresh.clone(); LANES];
            let written = abreast(&mut machines, listed, &bars, blocks);
            for (lane, machine) in machines.iter().enumerate() {
                let mut judge = fresh.clone();
                if listed >> lane & 1 == 0 {
                    prop_assert!(written.iter().flatten().all(|row| row[lane].is_nan()));
                    prop_assert_eq!(machine, &judge);
                    continue;
                }
                for (bar, expected) in alone(&mut judge, &bars, lane).into_iter().enumerate() {
                    let found: Vec<u64> = written.iter().map(|rows| bits(rows[bar][lane])).collect();
                    prop_assert_eq!(found, expected, "{} lane {} bar {}", spec.name, lane, bar);
                }
                prop_assert_eq!(machine, &judge, "{}", spec.name);
            }
        }
    }
}

#[test]
fn an_output_that_is_not_wanted_has_no_rows() {
    let spec = crate::indicators::find("BBLower").unwrap();
    let mut machines = vec![spec.build(&[3.0, 2.0]).unwrap(); LANES];
    let closes: Vec<Lane> = (0..40).map(|bar| [f64::from(bar); LANES]).collect();
    let mut lower = vec![MISSING; 40];
    let mut outputs: [&mut [Lane]; 3] = [&mut [], &mut [], &mut lower];
    Machine::run_abreast(&mut machines, 255, &[&closes], &mut outputs).unwrap();
    let half = (2.0f64 / 3.0).sqrt() * 2.0;
    assert!(lower[39].iter().all(|value| (value - (38.0 - half)).abs() < 1e-12));
}

#[test]
fn indicators_with_other_parameters_still_answer_each_its_own() {
    let spec = crate::indicators::find("SMA").unwrap();
    let mut machines: Vec<Machine> =
        (0..LANES).map(|l| spec.build(&[1.0 + l as f64]).unwrap()).collect();
    let closes: Vec<Lane> = (0..40).map(|bar| [f64::from(bar); LANES]).collect();
    let mut means = vec![MISSING; 40];
    Machine::run_abreast(&mut machines, 255, &[&closes], &mut [&mut means]).unwrap();
    for (l, mean) in means[39].iter().enumerate() {
        assert_eq!(*mean, 39.0 - l as f64 / 2.0);
    }
}
