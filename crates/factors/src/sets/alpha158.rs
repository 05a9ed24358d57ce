use crate::error::FactorError;
use crate::finding::Finding;
use crate::named::NamedExpr;

/// Qlib's default label: the return from the next bar's close to the one after it.
pub const DEFAULT_LABEL: &str = "Ref($close, -2)/Ref($close, -1) - 1";

const WINDOWS: [usize; 5] = [5, 10, 20, 30, 60];

const CANDLE: [(&str, &str); 9] = [
    ("KMID", "($close-$open)/$open"),
    ("KLEN", "($high-$low)/$open"),
    ("KMID2", "($close-$open)/($high-$low+1e-12)"),
    ("KUP", "($high-Greater($open, $close))/$open"),
    ("KUP2", "($high-Greater($open, $close))/($high-$low+1e-12)"),
    ("KLOW", "(Less($open, $close)-$low)/$open"),
    ("KLOW2", "(Less($open, $close)-$low)/($high-$low+1e-12)"),
    ("KSFT", "(2*$close-$high-$low)/$open"),
    ("KSFT2", "(2*$close-$high-$low)/($high-$low+1e-12)"),
];

const PRICES: [&str; 4] = ["open", "high", "low", "vwap"];

/// One expression for each window length, which takes the place of `{d}`.
const ROLLING: [(&str, &str); 29] = [
    ("ROC", "Ref($close, {d})/$close"),
    ("MA", "Mean($close, {d})/$close"),
    ("STD", "Std($close, {d})/$close"),
    ("BETA", "Slope($close, {d})/$close"),
    ("RSQR", "Rsquare($close, {d})"),
    ("RESI", "Resi($close, {d})/$close"),
    ("MAX", "Max($high, {d})/$close"),
    ("MIN", "Min($low, {d})/$close"),
    ("QTLU", "Quantile($close, {d}, 0.8)/$close"),
    ("QTLD", "Quantile($close, {d}, 0.2)/$close"),
    ("RANK", "Rank($close, {d})"),
    ("RSV", "($close-Min($low, {d}))/(Max($high, {d})-Min($low, {d})+1e-12)"),
    ("IMAX", "IdxMax($high, {d})/{d}"),
    ("IMIN", "IdxMin($low, {d})/{d}"),
    ("IMXD", "(IdxMax($high, {d})-IdxMin($low, {d}))/{d}"),
    ("CORR", "Corr($close, Log($volume+1), {d})"),
    ("CORD", "Corr($close/Ref($close,1), Log($volume/Ref($volume, 1)+1), {d})"),
    ("CNTP", "Mean($close>Ref($close, 1), {d})"),
    ("CNTN", "Mean($close<Ref($close, 1), {d})"),
    ("CNTD", "Mean($close>Ref($close, 1), {d})-Mean($close<Ref($close, 1), {d})"),
    ("SUMP", "{up}/({all}+1e-12)"),
    ("SUMN", "{down}/({all}+1e-12)"),
    ("SUMD", "({up}-{down})/({all}+1e-12)"),
    ("VMA", "Mean($volume, {d})/($volume+1e-12)"),
    ("VSTD", "Std($volume, {d})/($volume+1e-12)"),
    ("WVMA", "Std({move}, {d})/(Mean({move}, {d})+1e-12)"),
    ("VSUMP", "{up}/({all}+1e-12)"),
    ("VSUMN", "{down}/({all}+1e-12)"),
    ("VSUMD", "({up}-{down})/({all}+1e-12)"),
];

/// Names and expressions of Qlib's Alpha158, in Qlib's order and spelling.
pub fn alpha158_sources() -> Vec<(String, String)> {
    let owned = |(name, source): (&str, &str)| (name.to_owned(), source.to_owned());
    let price = |field: &str| (format!("{}0", field.to_uppercase()), format!("${field}/$close"));
    let mut sources: Vec<_> = CANDLE.map(owned).into();
    sources.extend(PRICES.map(price));
    for (name, pattern) in ROLLING {
        let pattern = expanded(name, pattern);
        let sized = |d: usize| (format!("{name}{d}"), pattern.replace("{d}", &d.to_string()));
        sources.extend(WINDOWS.map(sized));
    }
    sources
}

/// Spells out the shares of rising and falling steps: of prices, or of volumes after a `V`.
fn expanded(name: &str, pattern: &str) -> String {
    let field = if name.starts_with('V') { "volume" } else { "close" };
    pattern
        .replace("{up}", "Sum(Greater($x-Ref($x, 1), 0), {d})")
        .replace("{down}", "Sum(Greater(Ref($x, 1)-$x, 0), {d})")
        .replace("{all}", "Sum(Abs($x-Ref($x, 1)), {d})")
        .replace("$x", &format!("${field}"))
        .replace("{move}", "Abs($close/Ref($close, 1)-1)*$volume")
}

/// Qlib's Alpha158: nine candle shapes, four prices, 29 statistics over five windows.
pub fn alpha158() -> Result<Vec<NamedExpr>, FactorError> {
    let parsed = |(name, source): (String, String)| NamedExpr::parse(&name, &source);
    alpha158_sources().into_iter().map(parsed).collect()
}

/// Qlib's [`DEFAULT_LABEL`] under Qlib's name, `LABEL0`.
pub fn default_label() -> Result<NamedExpr, FactorError> {
    NamedExpr::parse("LABEL0", DEFAULT_LABEL)
}

/// The features whose fields are all there, and a finding for each missing field that names the
/// features left out for it.
pub fn keep_available<'a>(
    features: Vec<NamedExpr>,
    fields: impl IntoIterator<Item = &'a str>,
) -> (Vec<NamedExpr>, Vec<Finding>) {
    let fields: Vec<&str> = fields.into_iter().collect();
    let mut dropped = std::collections::BTreeMap::<String, Vec<String>>::new();
    let mut kept = Vec::with_capacity(features.len());
    for feature in features {
        let missing = feature.expr.fields().into_iter().find(|field| !fields.contains(field));
        match missing.map(str::to_owned) {
            Some(field) => dropped.entry(field).or_default().push(feature.name),
            None => kept.push(feature),
        }
    }
    let finding = |(field, names): (String, Vec<String>)| {
        let count = names.len();
        let names = names.join(", ");
        let message = format!("the data has no ${field}: {count} features are left out ({names})");
        Finding::new("features_left_out", message)
    };
    (kept, dropped.into_iter().map(finding).collect())
}
