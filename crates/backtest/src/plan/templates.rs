/// A document to start from, in TOML with comments. All but `pairs`, whose instruments have to be
/// named, run as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanTemplate {
    pub name: &'static str,
    pub title: &'static str,
    /// Whether it goes by scores.
    pub needs_signal: bool,
    pub toml: &'static str,
}

/// The templates there are.
pub const fn plan_templates() -> &'static [PlanTemplate] {
    TEMPLATES
}

const fn template(
    name: &'static str,
    title: &'static str,
    needs_signal: bool,
    toml: &'static str,
) -> PlanTemplate {
    PlanTemplate { name, title, needs_signal, toml }
}

const TEMPLATES: &[PlanTemplate] = &[
    template(
        "topk_dropout",
        "Qlib's top-k dropout, figure by figure",
        true,
        include_str!("templates/topk_dropout.toml"),
    ),
    template(
        "topk_dropout_orders",
        "Top-k dropout with orders, lots and an exact ledger",
        true,
        include_str!("templates/topk_dropout_orders.toml"),
    ),
    template(
        "ma_cross",
        "Moving-average crossover",
        false,
        include_str!("templates/ma_cross.toml"),
    ),
    template(
        "momentum",
        "Cross-sectional momentum",
        false,
        include_str!("templates/momentum.toml"),
    ),
    template(
        "mean_reversion",
        "Mean reversion",
        false,
        include_str!("templates/mean_reversion.toml"),
    ),
    template("pairs", "Pairs trading", false, include_str!("templates/pairs.toml")),
    template(
        "rules",
        "Entry and exit rules in the factor language",
        false,
        include_str!("templates/rules.toml"),
    ),
    template(
        "rules_bracket",
        "Rules with entries at a limit and a bracket of exits",
        false,
        include_str!("templates/rules_bracket.toml"),
    ),
    template(
        "equal_weight",
        "An equal-weight portfolio",
        false,
        include_str!("templates/equal_weight.toml"),
    ),
    template(
        "signal_weight",
        "A portfolio weighted by scores",
        true,
        include_str!("templates/signal_weight.toml"),
    ),
    template(
        "enhanced_index",
        "Enhanced indexing",
        true,
        include_str!("templates/enhanced_index.toml"),
    ),
    template("risk_parity", "Risk parity", false, include_str!("templates/risk_parity.toml")),
    template(
        "mean_variance",
        "Mean-variance optimisation",
        false,
        include_str!("templates/mean_variance.toml"),
    ),
];

#[cfg(test)]
mod tests;
