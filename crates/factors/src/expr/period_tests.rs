//! The language over periods: `P`, `PRef` and `$$field`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::{Binary, Expr, Node, Pair, Rolling, Shift, Unary};

#[test]
fn the_canonical_form_is_read_again() {
    for (source, expected) in [
        ("P($$roewa_q)", "P($$roewa_q)"),
        ("PRef( $$roewa_q ,201900+2,)", "PRef($$roewa_q, 201902)"),
        ("PRef($$eps_a,2018)", "PRef($$eps_a, 2018)"),
        ("P(($$a_q/$$b_q)-1)", "P($$a_q / $$b_q - 1)"),
        ("P(Sum($$x_q,4))/$close", "P(Sum($$x_q, 4)) / $close"),
        ("Mean(P($$x_q),20)", "Mean(P($$x_q), 20)"),
        ("P(Ref($$x_q,1)) - P($$e_a)", "P(Ref($$x_q, 1)) - P($$e_a)"),
        ("P(Mean($$x_q,0.5))", "P(EMA($$x_q, 0.5))"),
        ("P($$x_q>1)*2", "P($$x_q > 1) * 2"),
    ] {
        let expr = Expr::parse(source).unwrap();
        assert_eq!(expr.to_string(), expected, "{source}");
        assert_eq!(Expr::parse(expected).unwrap(), expr, "{source}");
    }
}

#[test]
fn what_has_no_meaning_is_refused_at_its_character() {
    let cases: &[(&str, usize, &str)] = &[
        ("$$roewa_q", 0, "P($$roewa_q)"),
        ("$close + $$roewa_q", 9, "P($$roewa_q)"),
        ("Mean($$roewa_q, 5)", 5, "P($$roewa_q)"),
        ("P($$x_q) + $$x_q", 11, "P($$x_q)"),
        ("P($close)", 2, "a $$field, as P reads periods"),
        ("PRef($close, 201901)", 5, "a $$field, as PRef reads periods"),
        ("P($$x_q/$close)", 8, "a $$field"),
        ("P($$roewa)", 2, "_q (quarterly) or _a (annual)"),
        ("P($$a_q/$$b_a)", 8, "as long as those of $$a_q"),
        ("P(P($$x_q))", 2, "takes no other P"),
        ("P(Mean(PRef($$x_q, 201901), 4))", 7, "takes no other PRef"),
        ("PRef(P($$x_q), 201901)", 5, "takes no other P"),
        ("P(CSRank($$x_q))", 2, "an operator over periods"),
        ("P(SMA($$x_q, 3))", 2, "an operator over periods"),
        ("P(Delta($$x_q, 1))", 2, "x - Ref(x, N)"),
        ("PRef(Mean($$x_q, 4), 201901)", 5, "one period alone"),
        ("PRef(Ref($$x_q, 1), 201901)", 5, "one period alone"),
        ("P(Ref($$x_q, -1))", 13, "1 to 800 whole periods back"),
        ("P(Ref($$x_q, 0))", 13, "1 to 800 whole periods back"),
        ("P(Ref($$x_q, 801))", 13, "1 to 800 whole periods back"),
        ("P(Mean($$x_q, 0))", 14, "1 to 800 whole periods"),
        ("P(Mean($$x_q, 801))", 14, "1 to 800 whole periods"),
        ("P(Skew($$x_q, 2))", 14, "3 to 800 whole periods"),
        ("P(Corr($$x_q, $$y_q, 0))", 21, "1 to 800 whole periods"),
        ("P(EMA($$x_q, 0))", 13, "a span of 1 to 800"),
        ("P(EMA($$x_q, 2.5))", 13, "a span of 1 to 800"),
        ("P(Quantile($$x_q, 0, 0.5))", 18, "1 to 800 whole periods"),
        ("PRef($$x_q, 2019)", 12, "a quarter"),
        ("PRef($$x_q, 201905)", 12, "a quarter"),
        ("PRef($$x_a, 201901)", 12, "a year"),
        ("PRef($$x_q, 201901.5)", 12, "a quarter"),
        ("PRef($$x_q, -201901)", 12, "a quarter"),
        ("PRef($$x_q, $$x_q)", 12, "a quarter"),
        ("P(5)", 2, "a series"),
        ("P()", 0, "an expression over $$fields"),
        ("P($$x_q, 1)", 0, "an expression over $$fields"),
        ("PRef($$x_q)", 0, "and a period"),
        ("P($$)", 4, "after '$$'"),
        ("P($$$x_q)", 4, "after '$$'"),
    ];
    for (source, at, expected) in cases {
        let error = Expr::parse(source).unwrap_err();
        assert_eq!(error.at(), Some(*at), "{source}: {error}");
        assert!(error.to_string().contains(expected), "{source}: {error}");
    }
}

#[test]
fn both_kinds_of_fields_are_listed() {
    let expr = Expr::parse("P($$b_q/$$a_q - Ref($$a_q, 4))/$close + PRef($$e_a, 2018)").unwrap();
    assert_eq!(expr.fields(), ["close"]);
    assert_eq!(expr.period_fields(), ["a_q", "b_q", "e_a"]);
}

#[test]
fn periods_are_no_bars() {
    for (source, ahead, back) in [
        ("P(Mean($$x_q, 4))", 0, Some(0)),
        ("P(EMA($$x_q, 4))", 0, Some(0)),
        ("Mean(P(Ref($$x_q, 4)), 20)", 0, Some(19)),
        ("Ref(P($$x_q), -3)", 3, Some(0)),
    ] {
        let expr = Expr::parse(source).unwrap();
        assert_eq!((expr.look_ahead(), expr.look_back()), (ahead, back), "{source}");
    }
}

#[test]
fn size_and_depth_are_limited_within_too() {
    let deep = format!("P({}$$x_q{})", "Abs(".repeat(200), ")".repeat(200));
    assert_eq!(Expr::parse(&deep).unwrap_err().code(), "expression_too_deep");
    let wide = format!("P(Add({}))", vec!["$$x_q"; 2_200].join(","));
    assert_eq!(Expr::parse(&wide).unwrap_err().code(), "expression_too_large");
}

/// Series over periods: every operator that `P` takes.
fn over_periods() -> impl Strategy<Value = Node> {
    let leaf =
        prop_oneof![Just(Node::PeriodField("a_q".into())), Just(Node::PeriodField("b_q".into()))];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let boxed = inner.prop_map(Box::new);
        let arithmetic = prop::sample::select(vec![Binary::Add, Binary::Div, Binary::Greater]);
        let rolling = prop::sample::select(vec![Rolling::Mean, Rolling::IdxMax, Rolling::Slope]);
        prop_oneof![
            boxed.clone().prop_map(|a| Node::Unary(Unary::Log, a)),
            (arithmetic, boxed.clone(), boxed.clone())
                .prop_map(|(op, a, b)| Node::Binary(op, a, b)),
            (rolling, boxed.clone(), 1usize..9).prop_map(|(op, a, n)| Node::Rolling(op, a, n)),
            (boxed.clone(), 1i64..9).prop_map(|(a, n)| Node::Shift(Shift::Ref, a, n)),
            (boxed.clone(), prop::sample::select(vec![0.25, 1.0, 7.0]))
                .prop_map(|(a, n)| Node::Ema(a, n)),
            (boxed.clone(), boxed, 1usize..9).prop_map(|(a, b, n)| Node::Pair(Pair::Cov, a, b, n)),
        ]
    })
}

proptest! {
    #[test]
    fn display_round_trips(node in over_periods()) {
        let node = Node::PointInTime(Box::new(node), None);
        let text = node.to_string();
        let parsed = Expr::parse(&text).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(parsed.root(), &node, "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(P\\(|PRef\\(|Ref\\(|\\$\\$a_q|\\$\\$|\\$c|[-,)0-9é ]){0,16}") {
        if let Err(error) = Expr::parse(&text) {
            prop_assert!(error.at().is_none_or(|at| at <= text.chars().count()));
        }
    }
}
