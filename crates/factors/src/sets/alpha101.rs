use crate::error::FactorError;
use crate::named::NamedExpr;

/// Days over which the formulas average the daily dollar volume, the paper's `adv{d}`.
const ADV_DAYS: [usize; 12] = [5, 10, 15, 20, 30, 40, 50, 60, 81, 120, 150, 180];

/// Names and expressions of the 101 Formulaic Alphas (Kakushadze 2015, arXiv:1601.00991,
/// appendix A).
///
/// They read the fields open, high, low, close, volume and vwap; alpha056 also `$cap`, the market
/// capitalisation, and those that compare within a group `$sector`, `$industry` or `$subindustry`,
/// any numbers that differ between groups.
///
/// The paper's words in this language, and where the meanings part:
/// - `rank` is `CSRank`, `scale` is `CSScale`, `indneutralize` is `CSNeutralize`;
/// - `delay` is `Ref`, `ts_rank` is `Rank`: the percentile within the window, in (0, 1];
/// - `ts_argmax` and `ts_argmin` are `IdxMax` and `IdxMin`, which count from 1, the oldest bar;
/// - `decay_linear` is `DecayLinear`, `stddev` is `Std` with n - 1 in its denominator;
/// - `min` and `max` of two series are `Less` and `Greater`, of a series and a number `Min` and
///   `Max`, as the paper defines them;
/// - `SignedPower(x, a)` is `Sign(x) * Power(Abs(x), a)`, for which the paper writes x^a; the
///   formulas use it only where x is positive;
/// - `returns` is the close's return over one bar, `adv{d}` the mean of close times volume over
///   d bars;
/// - windows that are no whole numbers are rounded down, as the paper says.
///
/// As everywhere in Qlib's language, a window that is not yet full answers from the bars it has
/// (not so `DecayLinear` and `Product`), the correlation with a constant is missing, a comparison
/// with a missing number is false, and a condition counts as 0 or 1.
pub fn alpha101_sources() -> Vec<(String, String)> {
    ALPHAS.map(|(name, formula)| (name.to_owned(), spelled_out(formula))).into()
}

fn spelled_out(formula: &str) -> String {
    let source = formula.replace("{returns}", "($close / Ref($close, 1) - 1)");
    ADV_DAYS.iter().fold(source, |source, days| {
        source.replace(&format!("{{adv{days}}}"), &format!("Mean($close * $volume, {days})"))
    })
}

/// WorldQuant's 101 Formulaic Alphas, `alpha001` to `alpha101`; see [`alpha101_sources`].
pub fn alpha101() -> Result<Vec<NamedExpr>, FactorError> {
    let parsed = |(name, source): (String, String)| NamedExpr::parse(&name, &source);
    alpha101_sources().into_iter().map(parsed).collect()
}

const ALPHAS: [(&str, &str); 101] = [
    (
        "alpha001",
        "CSRank(IdxMax(Sign(If({returns} < 0, Std({returns}, 20), $close)) * \
         Power(Abs(If({returns} < 0, Std({returns}, 20), $close)), 2), 5)) - 0.5",
    ),
    ("alpha002", "-1 * Corr(CSRank(Delta(Log($volume), 2)), CSRank(($close - $open) / $open), 6)"),
    ("alpha003", "-1 * Corr(CSRank($open), CSRank($volume), 10)"),
    ("alpha004", "-1 * Rank(CSRank($low), 9)"),
    ("alpha005", "CSRank($open - Sum($vwap, 10) / 10) * (-1 * Abs(CSRank($close - $vwap)))"),
    ("alpha006", "-1 * Corr($open, $volume, 10)"),
    (
        "alpha007",
        "If({adv20} < $volume, -1 * Rank(Abs(Delta($close, 7)), 60) * Sign(Delta($close, 7)), -1)",
    ),
    (
        "alpha008",
        "-1 * CSRank(Sum($open, 5) * Sum({returns}, 5) - Ref(Sum($open, 5) * Sum({returns}, 5), \
         10))",
    ),
    (
        "alpha009",
        "If(0 < Min(Delta($close, 1), 5), Delta($close, 1), If(Max(Delta($close, 1), 5) < 0, \
         Delta($close, 1), -1 * Delta($close, 1)))",
    ),
    (
        "alpha010",
        "CSRank(If(0 < Min(Delta($close, 1), 4), Delta($close, 1), If(Max(Delta($close, 1), 4) < \
         0, Delta($close, 1), -1 * Delta($close, 1))))",
    ),
    (
        "alpha011",
        "(CSRank(Max($vwap - $close, 3)) + CSRank(Min($vwap - $close, 3))) * \
         CSRank(Delta($volume, 3))",
    ),
    ("alpha012", "Sign(Delta($volume, 1)) * (-1 * Delta($close, 1))"),
    ("alpha013", "-1 * CSRank(Cov(CSRank($close), CSRank($volume), 5))"),
    ("alpha014", "-1 * CSRank(Delta({returns}, 3)) * Corr($open, $volume, 10)"),
    ("alpha015", "-1 * Sum(CSRank(Corr(CSRank($high), CSRank($volume), 3)), 3)"),
    ("alpha016", "-1 * CSRank(Cov(CSRank($high), CSRank($volume), 5))"),
    (
        "alpha017",
        "-1 * CSRank(Rank($close, 10)) * CSRank(Delta(Delta($close, 1), 1)) * CSRank(Rank($volume \
         / {adv20}, 5))",
    ),
    (
        "alpha018",
        "-1 * CSRank(Std(Abs($close - $open), 5) + ($close - $open) + Corr($close, $open, 10))",
    ),
    (
        "alpha019",
        "-1 * Sign($close - Ref($close, 7) + Delta($close, 7)) * (1 + CSRank(1 + Sum({returns}, \
         250)))",
    ),
    (
        "alpha020",
        "-1 * CSRank($open - Ref($high, 1)) * CSRank($open - Ref($close, 1)) * CSRank($open - \
         Ref($low, 1))",
    ),
    (
        "alpha021",
        "If(Sum($close, 8) / 8 + Std($close, 8) < Sum($close, 2) / 2, -1, If(Sum($close, 2) / 2 < \
         Sum($close, 8) / 8 - Std($close, 8), 1, If(Or(1 < $volume / {adv20}, $volume / {adv20} \
         == 1), 1, -1)))",
    ),
    ("alpha022", "-1 * (Delta(Corr($high, $volume, 5), 5) * CSRank(Std($close, 20)))"),
    ("alpha023", "If(Sum($high, 20) / 20 < $high, -1 * Delta($high, 2), 0)"),
    (
        "alpha024",
        "If(Or(Delta(Sum($close, 100) / 100, 100) / Ref($close, 100) < 0.05, Delta(Sum($close, \
         100) / 100, 100) / Ref($close, 100) == 0.05), -1 * ($close - Min($close, 100)), -1 * \
         Delta($close, 3))",
    ),
    ("alpha025", "CSRank(-1 * {returns} * {adv20} * $vwap * ($high - $close))"),
    ("alpha026", "-1 * Max(Corr(Rank($volume, 5), Rank($high, 5), 5), 3)"),
    ("alpha027", "If(0.5 < CSRank(Sum(Corr(CSRank($volume), CSRank($vwap), 6), 2) / 2), -1, 1)"),
    ("alpha028", "CSScale(Corr({adv20}, $low, 5) + ($high + $low) / 2 - $close, 1)"),
    // `min(x, 5)` of a series and a number is the least of 5 bars, as the paper defines it.
    (
        "alpha029",
        "Min(Product(CSRank(CSRank(CSScale(Log(Sum(Min(CSRank(CSRank(-1 * CSRank(Delta($close - \
         1, 5)))), 2), 1)), 1))), 1), 5) + Rank(Ref(-1 * {returns}, 6), 5)",
    ),
    (
        "alpha030",
        "(1 - CSRank(Sign($close - Ref($close, 1)) + Sign(Ref($close, 1) - Ref($close, 2)) + \
         Sign(Ref($close, 2) - Ref($close, 3)))) * Sum($volume, 5) / Sum($volume, 20)",
    ),
    (
        "alpha031",
        "CSRank(CSRank(CSRank(DecayLinear(-1 * CSRank(CSRank(Delta($close, 10))), 10)))) + \
         CSRank(-1 * Delta($close, 3)) + Sign(CSScale(Corr({adv20}, $low, 12), 1))",
    ),
    (
        "alpha032",
        "CSScale(Sum($close, 7) / 7 - $close, 1) + 20 * CSScale(Corr($vwap, Ref($close, 5), 230), \
         1)",
    ),
    ("alpha033", "CSRank(-1 * Power(1 - $open / $close, 1))"),
    (
        "alpha034",
        "CSRank(1 - CSRank(Std({returns}, 2) / Std({returns}, 5)) + (1 - CSRank(Delta($close, \
         1))))",
    ),
    (
        "alpha035",
        "Rank($volume, 32) * (1 - Rank($close + $high - $low, 16)) * (1 - Rank({returns}, 32))",
    ),
    (
        "alpha036",
        "2.21 * CSRank(Corr($close - $open, Ref($volume, 1), 15)) + 0.7 * CSRank($open - $close) \
         + 0.73 * CSRank(Rank(Ref(-1 * {returns}, 6), 5)) + CSRank(Abs(Corr($vwap, {adv20}, 6))) \
         + 0.6 * CSRank((Sum($close, 200) / 200 - $open) * ($close - $open))",
    ),
    ("alpha037", "CSRank(Corr(Ref($open - $close, 1), $close, 200)) + CSRank($open - $close)"),
    ("alpha038", "-1 * CSRank(Rank($close, 10)) * CSRank($close / $open)"),
    (
        "alpha039",
        "-1 * CSRank(Delta($close, 7) * (1 - CSRank(DecayLinear($volume / {adv20}, 9)))) * (1 + \
         CSRank(Sum({returns}, 250)))",
    ),
    ("alpha040", "-1 * CSRank(Std($high, 10)) * Corr($high, $volume, 10)"),
    ("alpha041", "Power($high * $low, 0.5) - $vwap"),
    ("alpha042", "CSRank($vwap - $close) / CSRank($vwap + $close)"),
    ("alpha043", "Rank($volume / {adv20}, 20) * Rank(-1 * Delta($close, 7), 8)"),
    ("alpha044", "-1 * Corr($high, CSRank($volume), 5)"),
    (
        "alpha045",
        "-1 * (CSRank(Sum(Ref($close, 5), 20) / 20) * Corr($close, $volume, 2) * \
         CSRank(Corr(Sum($close, 5), Sum($close, 20), 2)))",
    ),
    (
        "alpha046",
        "If(0.25 < (Ref($close, 20) - Ref($close, 10)) / 10 - (Ref($close, 10) - $close) / 10, \
         -1, If((Ref($close, 20) - Ref($close, 10)) / 10 - (Ref($close, 10) - $close) / 10 < 0, \
         1, -1 * ($close - Ref($close, 1))))",
    ),
    (
        "alpha047",
        "CSRank(1 / $close) * $volume / {adv20} * ($high * CSRank($high - $close) / (Sum($high, \
         5) / 5)) - CSRank($vwap - Ref($vwap, 5))",
    ),
    (
        "alpha048",
        "CSNeutralize(Corr(Delta($close, 1), Delta(Ref($close, 1), 1), 250) * Delta($close, 1) / \
         $close, $subindustry) / Sum(Power(Delta($close, 1) / Ref($close, 1), 2), 250)",
    ),
    (
        "alpha049",
        "If((Ref($close, 20) - Ref($close, 10)) / 10 - (Ref($close, 10) - $close) / 10 < -0.1, 1, \
         -1 * ($close - Ref($close, 1)))",
    ),
    ("alpha050", "-1 * Max(CSRank(Corr(CSRank($volume), CSRank($vwap), 5)), 5)"),
    (
        "alpha051",
        "If((Ref($close, 20) - Ref($close, 10)) / 10 - (Ref($close, 10) - $close) / 10 < -0.05, \
         1, -1 * ($close - Ref($close, 1)))",
    ),
    (
        "alpha052",
        "(-1 * Min($low, 5) + Ref(Min($low, 5), 5)) * CSRank((Sum({returns}, 240) - \
         Sum({returns}, 20)) / 220) * Rank($volume, 5)",
    ),
    ("alpha053", "-1 * Delta(($close - $low - ($high - $close)) / ($close - $low), 9)"),
    ("alpha054", "-1 * (($low - $close) * Power($open, 5)) / (($low - $high) * Power($close, 5))"),
    (
        "alpha055",
        "-1 * Corr(CSRank(($close - Min($low, 12)) / (Max($high, 12) - Min($low, 12))), \
         CSRank($volume), 6)",
    ),
    (
        "alpha056",
        "0 - 1 * (CSRank(Sum({returns}, 10) / Sum(Sum({returns}, 2), 3)) * CSRank({returns} * \
         $cap))",
    ),
    ("alpha057", "0 - 1 * (($close - $vwap) / DecayLinear(CSRank(IdxMax($close, 30)), 2))"),
    ("alpha058", "-1 * Rank(DecayLinear(Corr(CSNeutralize($vwap, $sector), $volume, 3), 7), 5)"),
    (
        "alpha059",
        "-1 * Rank(DecayLinear(Corr(CSNeutralize($vwap * 0.728317 + $vwap * (1 - 0.728317), \
         $industry), $volume, 4), 16), 8)",
    ),
    (
        "alpha060",
        "0 - 1 * (2 * CSScale(CSRank(($close - $low - ($high - $close)) / ($high - $low) * \
         $volume), 1) - CSScale(CSRank(IdxMax($close, 10)), 1))",
    ),
    ("alpha061", "CSRank($vwap - Min($vwap, 16)) < CSRank(Corr($vwap, {adv180}, 17))"),
    (
        "alpha062",
        "(CSRank(Corr($vwap, Sum({adv20}, 22), 9)) < CSRank(CSRank($open) + CSRank($open) < \
         CSRank(($high + $low) / 2) + CSRank($high))) * -1",
    ),
    (
        "alpha063",
        "(CSRank(DecayLinear(Delta(CSNeutralize($close, $industry), 2), 8)) - \
         CSRank(DecayLinear(Corr($vwap * 0.318108 + $open * (1 - 0.318108), Sum({adv180}, 37), \
         13), 12))) * -1",
    ),
    (
        "alpha064",
        "(CSRank(Corr(Sum($open * 0.178404 + $low * (1 - 0.178404), 12), Sum({adv120}, 12), 16)) \
         < CSRank(Delta(($high + $low) / 2 * 0.178404 + $vwap * (1 - 0.178404), 3))) * -1",
    ),
    (
        "alpha065",
        "(CSRank(Corr($open * 0.00817205 + $vwap * (1 - 0.00817205), Sum({adv60}, 8), 6)) < \
         CSRank($open - Min($open, 13))) * -1",
    ),
    (
        "alpha066",
        "(CSRank(DecayLinear(Delta($vwap, 3), 7)) + Rank(DecayLinear(($low * 0.96633 + $low * (1 \
         - 0.96633) - $vwap) / ($open - ($high + $low) / 2), 11), 6)) * -1",
    ),
    (
        "alpha067",
        "Power(CSRank($high - Min($high, 2)), CSRank(Corr(CSNeutralize($vwap, $sector), \
         CSNeutralize({adv20}, $subindustry), 6))) * -1",
    ),
    (
        "alpha068",
        "(Rank(Corr(CSRank($high), CSRank({adv15}), 8), 13) < CSRank(Delta($close * 0.518371 + \
         $low * (1 - 0.518371), 1))) * -1",
    ),
    (
        "alpha069",
        "Power(CSRank(Max(Delta(CSNeutralize($vwap, $industry), 2), 4)), Rank(Corr($close * \
         0.490655 + $vwap * (1 - 0.490655), {adv20}, 4), 9)) * -1",
    ),
    (
        "alpha070",
        "Power(CSRank(Delta($vwap, 1)), Rank(Corr(CSNeutralize($close, $industry), {adv50}, 17), \
         17)) * -1",
    ),
    (
        "alpha071",
        "Greater(Rank(DecayLinear(Corr(Rank($close, 3), Rank({adv180}, 12), 18), 4), 15), \
         Rank(DecayLinear(Power(CSRank($low + $open - ($vwap + $vwap)), 2), 16), 4))",
    ),
    (
        "alpha072",
        "CSRank(DecayLinear(Corr(($high + $low) / 2, {adv40}, 8), 10)) / \
         CSRank(DecayLinear(Corr(Rank($vwap, 3), Rank($volume, 18), 6), 2))",
    ),
    (
        "alpha073",
        "Greater(CSRank(DecayLinear(Delta($vwap, 4), 2)), Rank(DecayLinear(Delta($open * 0.147155 \
         + $low * (1 - 0.147155), 2) / ($open * 0.147155 + $low * (1 - 0.147155)) * -1, 3), 16)) \
         * -1",
    ),
    (
        "alpha074",
        "(CSRank(Corr($close, Sum({adv30}, 37), 15)) < CSRank(Corr(CSRank($high * 0.0261661 + \
         $vwap * (1 - 0.0261661)), CSRank($volume), 11))) * -1",
    ),
    (
        "alpha075",
        "CSRank(Corr($vwap, $volume, 4)) < CSRank(Corr(CSRank($low), CSRank({adv50}), 12))",
    ),
    (
        "alpha076",
        "Greater(CSRank(DecayLinear(Delta($vwap, 1), 11)), \
         Rank(DecayLinear(Rank(Corr(CSNeutralize($low, $sector), {adv81}, 8), 19), 17), 19)) * -1",
    ),
    (
        "alpha077",
        "Less(CSRank(DecayLinear(($high + $low) / 2 + $high - ($vwap + $high), 20)), \
         CSRank(DecayLinear(Corr(($high + $low) / 2, {adv40}, 3), 5)))",
    ),
    (
        "alpha078",
        "Power(CSRank(Corr(Sum($low * 0.352233 + $vwap * (1 - 0.352233), 19), Sum({adv40}, 19), \
         6)), CSRank(Corr(CSRank($vwap), CSRank($volume), 5)))",
    ),
    (
        "alpha079",
        "CSRank(Delta(CSNeutralize($close * 0.60733 + $open * (1 - 0.60733), $sector), 1)) < \
         CSRank(Corr(Rank($vwap, 3), Rank({adv150}, 9), 14))",
    ),
    (
        "alpha080",
        "Power(CSRank(Sign(Delta(CSNeutralize($open * 0.868128 + $high * (1 - 0.868128), \
         $industry), 4))), Rank(Corr($high, {adv10}, 5), 5)) * -1",
    ),
    (
        "alpha081",
        "(CSRank(Log(Product(CSRank(Power(CSRank(Corr($vwap, Sum({adv10}, 49), 8)), 4)), 14))) < \
         CSRank(Corr(CSRank($vwap), CSRank($volume), 5))) * -1",
    ),
    (
        "alpha082",
        "Less(CSRank(DecayLinear(Delta($open, 1), 14)), \
         Rank(DecayLinear(Corr(CSNeutralize($volume, $sector), $open * 0.634196 + $open * (1 - \
         0.634196), 17), 6), 13)) * -1",
    ),
    (
        "alpha083",
        "CSRank(Ref(($high - $low) / (Sum($close, 5) / 5), 2)) * CSRank(CSRank($volume)) / \
         (($high - $low) / (Sum($close, 5) / 5) / ($vwap - $close))",
    ),
    (
        "alpha084",
        "Sign(Rank($vwap - Max($vwap, 15), 20)) * Power(Abs(Rank($vwap - Max($vwap, 15), 20)), \
         Delta($close, 4))",
    ),
    (
        "alpha085",
        "Power(CSRank(Corr($high * 0.876703 + $close * (1 - 0.876703), {adv30}, 9)), \
         CSRank(Corr(Rank(($high + $low) / 2, 3), Rank($volume, 10), 7)))",
    ),
    (
        "alpha086",
        "(Rank(Corr($close, Sum({adv20}, 14), 6), 20) < CSRank($open + $close - ($vwap + $open))) \
         * -1",
    ),
    (
        "alpha087",
        "Greater(CSRank(DecayLinear(Delta($close * 0.369701 + $vwap * (1 - 0.369701), 1), 2)), \
         Rank(DecayLinear(Abs(Corr(CSNeutralize({adv81}, $industry), $close, 13)), 4), 14)) * -1",
    ),
    (
        "alpha088",
        "Less(CSRank(DecayLinear(CSRank($open) + CSRank($low) - (CSRank($high) + CSRank($close)), \
         8)), Rank(DecayLinear(Corr(Rank($close, 8), Rank({adv60}, 20), 8), 6), 2))",
    ),
    (
        "alpha089",
        "Rank(DecayLinear(Corr($low * 0.967285 + $low * (1 - 0.967285), {adv10}, 6), 5), 3) - \
         Rank(DecayLinear(Delta(CSNeutralize($vwap, $industry), 3), 10), 15)",
    ),
    (
        "alpha090",
        "Power(CSRank($close - Max($close, 4)), Rank(Corr(CSNeutralize({adv40}, $subindustry), \
         $low, 5), 3)) * -1",
    ),
    (
        "alpha091",
        "(Rank(DecayLinear(DecayLinear(Corr(CSNeutralize($close, $industry), $volume, 9), 16), \
         3), 4) - CSRank(DecayLinear(Corr($vwap, {adv30}, 4), 2))) * -1",
    ),
    (
        "alpha092",
        "Less(Rank(DecayLinear(($high + $low) / 2 + $close < $low + $open, 14), 18), \
         Rank(DecayLinear(Corr(CSRank($low), CSRank({adv30}), 7), 6), 6))",
    ),
    (
        "alpha093",
        "Rank(DecayLinear(Corr(CSNeutralize($vwap, $industry), {adv81}, 17), 19), 7) / \
         CSRank(DecayLinear(Delta($close * 0.524434 + $vwap * (1 - 0.524434), 2), 16))",
    ),
    (
        "alpha094",
        "Power(CSRank($vwap - Min($vwap, 11)), Rank(Corr(Rank($vwap, 19), Rank({adv60}, 4), 18), \
         2)) * -1",
    ),
    (
        "alpha095",
        "CSRank($open - Min($open, 12)) < Rank(Power(CSRank(Corr(Sum(($high + $low) / 2, 19), \
         Sum({adv40}, 19), 12)), 5), 11)",
    ),
    (
        "alpha096",
        "Greater(Rank(DecayLinear(Corr(CSRank($vwap), CSRank($volume), 3), 4), 8), \
         Rank(DecayLinear(IdxMax(Corr(Rank($close, 7), Rank({adv60}, 4), 3), 12), 14), 13)) * -1",
    ),
    (
        "alpha097",
        "(CSRank(DecayLinear(Delta(CSNeutralize($low * 0.721001 + $vwap * (1 - 0.721001), \
         $industry), 3), 20)) - Rank(DecayLinear(Rank(Corr(Rank($low, 7), Rank({adv60}, 17), 4), \
         18), 15), 6)) * -1",
    ),
    (
        "alpha098",
        "CSRank(DecayLinear(Corr($vwap, Sum({adv5}, 26), 4), 7)) - \
         CSRank(DecayLinear(Rank(IdxMin(Corr(CSRank($open), CSRank({adv15}), 20), 8), 6), 8))",
    ),
    (
        "alpha099",
        "(CSRank(Corr(Sum(($high + $low) / 2, 19), Sum({adv60}, 19), 8)) < CSRank(Corr($low, \
         $volume, 6))) * -1",
    ),
    (
        "alpha100",
        "0 - 1 * ((1.5 * CSScale(CSNeutralize(CSNeutralize(CSRank(($close - $low - ($high - \
         $close)) / ($high - $low) * $volume), $subindustry), $subindustry), 1) - \
         CSScale(CSNeutralize(Corr($close, CSRank({adv20}), 5) - CSRank(IdxMin($close, 30)), \
         $subindustry), 1)) * ($volume / {adv20}))",
    ),
    ("alpha101", "($close - $open) / ($high - $low + 0.001)"),
];
