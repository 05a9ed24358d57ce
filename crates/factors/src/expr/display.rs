use std::fmt::{Display, Formatter, Result};

use super::node::{Cross, Node, Unary};
use super::operators::{COMPARISON, Operator, POWER, UNARY, name_of, symbol_of};

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write_node(self, 0, f)
    }
}

/// Writes a node where operators looser than `loosest` need parentheses.
fn write_node(node: &Node, loosest: u8, f: &mut Formatter<'_>) -> Result {
    match node {
        Node::Field(name) => write!(f, "${name}"),
        Node::PeriodField(name) => write!(f, "$${name}"),
        Node::PointInTime(arg, None) => call(Operator::Newest, &[arg], &[], f),
        Node::PointInTime(arg, Some(period)) => {
            call(Operator::OfPeriod, &[arg], &[f64::from(*period)], f)
        }
        Node::Number(value) => write_number(*value, f),
        Node::Unary(Unary::Neg, arg) => parenthesised(UNARY < loosest, f, |f| {
            f.write_str("-")?;
            write_node(arg, UNARY, f)
        }),
        Node::Unary(op, arg) => call(Operator::Unary(*op), &[arg], &[], f),
        Node::Binary(op, left, right) => match symbol_of(*op) {
            None => call(Operator::Binary(*op), &[left, right], &[], f),
            Some(_) => write_chain(node, loosest, f),
        },
        Node::If(condition, left, right) => call(Operator::If, &[condition, left, right], &[], f),
        Node::Rolling(op, arg, bars) => call(Operator::Rolling(*op), &[arg], &[*bars as f64], f),
        Node::Shift(op, arg, bars) => call(Operator::Shift(*op), &[arg], &[*bars as f64], f),
        Node::Quantile(arg, bars, q) => call(Operator::Quantile, &[arg], &[*bars as f64, *q], f),
        Node::Ema(arg, span) => call(Operator::Ema, &[arg], &[*span], f),
        Node::Cross(op, arg, group) => {
            let args: Vec<&Node> = std::iter::once(arg).chain(group).map(|part| &**part).collect();
            let number = match op {
                Cross::Scale(number) | Cross::Winsorize(number) => Some(*number),
                Cross::Rank | Cross::ZScore | Cross::Neutralize => None,
            };
            call(Operator::Cross(*op), &args, number.as_slice(), f)
        }
        Node::Indicator(indicator, args, numbers) => {
            let args: Vec<&Node> = args.iter().collect();
            call(Operator::Indicator(*indicator), &args, numbers, f)
        }
        Node::Pair(op, left, right, bars) => {
            call(Operator::Pair(*op), &[left, right], &[*bars as f64], f)
        }
    }
}

/// Writes operators with symbols that follow one another on the left, without going deeper.
fn write_chain(node: &Node, loosest: u8, f: &mut Formatter<'_>) -> Result {
    let (mut first, mut loosest, mut rest) = (node, loosest, vec![]);
    while let Node::Binary(op, left, right) = first
        && let Some((symbol, power)) = symbol_of(*op)
    {
        let (before, after) = match power {
            POWER => (POWER + 1, UNARY),
            COMPARISON => (COMPARISON + 1, COMPARISON + 1),
            power => (power, power + 1),
        };
        let closes = if power < loosest { ")" } else { "" };
        f.write_str(if power < loosest { "(" } else { "" })?;
        rest.push((symbol, right, after, closes));
        (first, loosest) = (left, before);
    }
    write_node(first, loosest, f)?;
    for (symbol, right, after, closes) in rest.into_iter().rev() {
        write!(f, " {symbol} ")?;
        write_node(right, after, f)?;
        f.write_str(closes)?;
    }
    Ok(())
}

fn parenthesised(
    needed: bool,
    f: &mut Formatter<'_>,
    inner: impl FnOnce(&mut Formatter<'_>) -> Result,
) -> Result {
    if !needed {
        return inner(f);
    }
    f.write_str("(")?;
    inner(f)?;
    f.write_str(")")
}

fn call(operator: Operator, args: &[&Node], numbers: &[f64], f: &mut Formatter<'_>) -> Result {
    write!(f, "{}(", name_of(operator))?;
    for (i, arg) in args.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { ", " })?;
        write_node(arg, 0, f)?;
    }
    for number in numbers {
        f.write_str(", ")?;
        write_number(*number, f)?;
    }
    f.write_str(")")
}

fn write_number(value: f64, f: &mut Formatter<'_>) -> Result {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        write!(f, "{value}")
    } else {
        write!(f, "{value:?}")
    }
}
