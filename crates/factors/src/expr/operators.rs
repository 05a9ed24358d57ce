use std::mem::discriminant;

use crate::indicators::INDICATORS;

use super::node::{Binary, Cross, IndicatorId, Pair, Rolling, Shift, Unary};

/// What a call by name makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operator {
    Unary(Unary),
    Binary(Binary),
    If,
    Rolling(Rolling),
    Shift(Shift),
    Quantile,
    Ema,
    Pair(Pair),
    Cross(Cross),
    Indicator(IndicatorId),
    /// What is known of the newest period.
    Newest,
    /// What is known of a given period.
    OfPeriod,
}

/// Names as users write them, in the order of the error message that lists them.
pub(super) const OPERATORS: [(&str, Operator); 53] = [
    ("Abs", Operator::Unary(Unary::Abs)),
    ("Sign", Operator::Unary(Unary::Sign)),
    ("Log", Operator::Unary(Unary::Log)),
    ("Not", Operator::Unary(Unary::Not)),
    ("Add", Operator::Binary(Binary::Add)),
    ("Sub", Operator::Binary(Binary::Sub)),
    ("Mul", Operator::Binary(Binary::Mul)),
    ("Div", Operator::Binary(Binary::Div)),
    ("Power", Operator::Binary(Binary::Power)),
    ("Greater", Operator::Binary(Binary::Greater)),
    ("Less", Operator::Binary(Binary::Less)),
    ("Gt", Operator::Binary(Binary::Gt)),
    ("Ge", Operator::Binary(Binary::Ge)),
    ("Lt", Operator::Binary(Binary::Lt)),
    ("Le", Operator::Binary(Binary::Le)),
    ("Eq", Operator::Binary(Binary::Eq)),
    ("Ne", Operator::Binary(Binary::Ne)),
    ("And", Operator::Binary(Binary::And)),
    ("Or", Operator::Binary(Binary::Or)),
    ("If", Operator::If),
    ("Ref", Operator::Shift(Shift::Ref)),
    ("Delta", Operator::Shift(Shift::Delta)),
    ("Mean", Operator::Rolling(Rolling::Mean)),
    ("Sum", Operator::Rolling(Rolling::Sum)),
    ("Std", Operator::Rolling(Rolling::Std)),
    ("Var", Operator::Rolling(Rolling::Var)),
    ("Skew", Operator::Rolling(Rolling::Skew)),
    ("Kurt", Operator::Rolling(Rolling::Kurt)),
    ("Max", Operator::Rolling(Rolling::Max)),
    ("Min", Operator::Rolling(Rolling::Min)),
    ("IdxMax", Operator::Rolling(Rolling::IdxMax)),
    ("IdxMin", Operator::Rolling(Rolling::IdxMin)),
    ("Quantile", Operator::Quantile),
    ("Med", Operator::Rolling(Rolling::Med)),
    ("Mad", Operator::Rolling(Rolling::Mad)),
    ("Rank", Operator::Rolling(Rolling::Rank)),
    ("Count", Operator::Rolling(Rolling::Count)),
    ("Slope", Operator::Rolling(Rolling::Slope)),
    ("Rsquare", Operator::Rolling(Rolling::Rsquare)),
    ("Resi", Operator::Rolling(Rolling::Resi)),
    ("WMA", Operator::Rolling(Rolling::Wma)),
    ("EMA", Operator::Ema),
    ("Corr", Operator::Pair(Pair::Corr)),
    ("Cov", Operator::Pair(Pair::Cov)),
    ("Product", Operator::Rolling(Rolling::Product)),
    ("DecayLinear", Operator::Rolling(Rolling::DecayLinear)),
    ("CSRank", Operator::Cross(Cross::Rank)),
    ("CSZScore", Operator::Cross(Cross::ZScore)),
    ("CSScale", Operator::Cross(Cross::Scale(1.0))),
    ("CSWinsorize", Operator::Cross(Cross::Winsorize(0.0))),
    ("CSNeutralize", Operator::Cross(Cross::Neutralize)),
    ("P", Operator::Newest),
    ("PRef", Operator::OfPeriod),
];

pub(super) fn named(name: &str) -> Option<Operator> {
    let own = OPERATORS.iter().find(|(known, _)| *known == name).map(|(_, operator)| *operator);
    own.or_else(|| IndicatorId::named(name).map(Operator::Indicator))
}

pub(super) fn name_of(operator: Operator) -> &'static str {
    if let Operator::Indicator(indicator) = operator {
        return indicator.spec().name;
    }
    let same = |known: Operator| match (known, operator) {
        // The name does not tell the number that these carry.
        (Operator::Cross(a), Operator::Cross(b)) => discriminant(&a) == discriminant(&b),
        (a, b) => a == b,
    };
    OPERATORS.iter().find(|(_, known)| same(*known)).map_or("-", |(name, _)| name)
}

pub(super) fn known_names() -> String {
    let own = OPERATORS.iter().map(|(name, _)| *name);
    own.chain(INDICATORS.iter().map(|spec| spec.name)).collect::<Vec<_>>().join(", ")
}

/// How tightly operators bind, loosest first; Python's order.
pub(super) const COMPARISON: u8 = 1;
pub(super) const UNARY: u8 = 6;
pub(super) const POWER: u8 = 7;

const INFIX: [(&str, u8, Binary); 13] = [
    (">", COMPARISON, Binary::Gt),
    (">=", COMPARISON, Binary::Ge),
    ("<", COMPARISON, Binary::Lt),
    ("<=", COMPARISON, Binary::Le),
    ("==", COMPARISON, Binary::Eq),
    ("!=", COMPARISON, Binary::Ne),
    ("|", 2, Binary::Or),
    ("&", 3, Binary::And),
    ("+", 4, Binary::Add),
    ("-", 4, Binary::Sub),
    ("*", 5, Binary::Mul),
    ("/", 5, Binary::Div),
    ("**", POWER, Binary::Power),
];

pub(super) fn infix(symbol: &str) -> Option<(u8, Binary)> {
    INFIX.iter().find(|(known, ..)| *known == symbol).map(|(_, power, op)| (*power, *op))
}

pub(super) fn symbol_of(operator: Binary) -> Option<(&'static str, u8)> {
    INFIX.iter().find(|(.., known)| *known == operator).map(|(symbol, power, _)| (*symbol, *power))
}
