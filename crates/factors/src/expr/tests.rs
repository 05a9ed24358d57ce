#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::operators::OPERATORS;
use super::{Binary, Expr, ExprError, MAX_SOURCE_BYTES, Node, Pair, Rolling, Shift, Unary};

fn canonical(source: &str) -> String {
    Expr::parse(source).unwrap().to_string()
}

#[test]
fn precedence_is_that_of_python() {
    for (source, expected) in [
        ("$a+$b*$c", "$a + $b * $c"),
        ("($a+$b)*$c", "($a + $b) * $c"),
        ("$a-$b-$c", "$a - $b - $c"),
        ("$a-($b-$c)", "$a - ($b - $c)"),
        ("$a/$b*$c", "$a / $b * $c"),
        ("-$a**2", "-$a ** 2"),
        ("(-$a)**2", "(-$a) ** 2"),
        ("$a**-2", "$a ** -2"),
        ("2**$a**3", "2 ** $a ** 3"),
        ("(2**$a)**3", "(2 ** $a) ** 3"),
        ("$a+1>$b", "$a + 1 > $b"),
        ("($a>$b)&($b>$c)|($a<$c)", "($a > $b) & ($b > $c) | ($a < $c)"),
        ("($a>$b)&(($b>$c)|($a<$c))", "($a > $b) & (($b > $c) | ($a < $c))"),
        ("Add($a, Mul(2, $b))", "$a + 2 * $b"),
        ("Quantile( $a ,5 , .8,)", "Quantile($a, 5, 0.8)"),
        ("Mean($a, 2*5)", "Mean($a, 10)"),
        ("EMA($a, 1/4)", "EMA($a, 0.25)"),
        ("$a + 1_000.5e-3", "$a + 1.0005"),
    ] {
        assert_eq!(canonical(source), expected, "{source}");
    }
}

#[test]
fn errors_point_at_the_character() {
    let cases: &[(&str, usize, &str)] = &[
        ("", 0, "expression_syntax"),
        ("Mean($close 5)", 12, "expression_syntax"),
        ("Mean($close, 5", 14, "expression_syntax"),
        ("$close +", 8, "expression_syntax"),
        ("$close $open", 7, "expression_syntax"),
        ("$close @ 2", 7, "expression_syntax"),
        ("$$", 2, "expression_syntax"),
        ("$", 1, "expression_syntax"),
        ("Mean + 1", 5, "expression_syntax"),
        ("1 < $a < 2", 7, "expression_syntax"),
        ("$close + Foo($close)", 9, "expression_unknown_operator"),
        ("1 + Mean($close)", 4, "expression_argument_count"),
        ("Mean($close, -5)", 13, "expression_argument"),
        ("Mean($close, 2.5)", 13, "expression_argument"),
        ("Mean($close, $open)", 13, "expression_argument"),
        ("Mean(5, 3)", 5, "expression_argument"),
        ("Abs(-3)", 4, "expression_argument"),
        ("Skew($close, 2)", 13, "expression_argument"),
        ("Quantile($close, 5, 1.5)", 20, "expression_argument"),
        ("Corr($a, $b, 0)", 13, "expression_argument"),
        ("$a > 1 & $b > 2", 7, "expression_argument"),
        ("Not($a)", 4, "expression_argument"),
        ("($a>$b) - ($a<$b)", 8, "expression_argument"),
        ("Delta($a > $b, 0)", 0, "expression_argument"),
        ("And(Ref($a > $b, 1), $a)", 0, "expression_argument"),
        ("Not(Ref($a > $b, 1))", 4, "expression_argument"),
        ("Skew($close, 0.5)", 13, "expression_argument"),
        ("Kurt($close, 0.1)", 13, "expression_argument"),
        ("1/0 + $a", 1, "expression_number"),
        ("$a + 1e999", 5, "expression_number"),
        ("€", 0, "expression_syntax"),
        ("$a + «", 5, "expression_syntax"),
    ];
    for (source, at, code) in cases {
        let error = Expr::parse(source).unwrap_err();
        assert_eq!((error.at(), error.code()), (Some(*at), *code), "{source}: {error}");
        assert!(error.pointer(source).unwrap().ends_with('^'));
    }
    assert_eq!(Expr::parse("1 + 2"), Err(ExprError::Constant));
}

#[test]
fn errors_say_what_was_expected() {
    let error = Expr::parse("Mean($close, 5").unwrap_err();
    assert_eq!(error.to_string(), "expected ',' or ')' at character 14, found the end");
    let error = Expr::parse("Maen($close, 5)").unwrap_err();
    assert!(error.to_string().contains("unknown operator Maen at character 0"), "{error}");
    assert!(error.to_string().contains("Mean"), "{error}");
}

#[test]
fn the_caret_stands_below_the_character_in_its_line() {
    let pointed = |source: &str| {
        let error = Expr::parse(source).unwrap_err();
        (error.at().unwrap(), error.pointer(source).unwrap())
    };
    assert_eq!(pointed("$é + $ö @"), (8, "$é + $ö @\n        ^".to_owned()));
    let lines = "Mean($é,\n\t5 + ü)\n/ $close";
    assert_eq!(pointed(lines), (14, "Mean($é,\n\t5 + ü)\n\t    ^\n/ $close".to_owned()));
    assert_eq!(pointed("$é +\n"), (5, "$é +\n\n^".to_owned()));
    let error = Expr::parse("$ééé + Foo(1)").unwrap_err();
    assert!(error.to_string().starts_with("unknown operator Foo at character 7;"), "{error}");
}

#[test]
fn size_and_depth_are_limited() {
    let long = "$a".repeat(MAX_SOURCE_BYTES);
    assert_eq!(Expr::parse(&long).unwrap_err().code(), "expression_too_long");
    for deep in ["(", "-", "Abs(", "2**"] {
        let source = deep.repeat(1_500) + "$a";
        assert_eq!(Expr::parse(&source).unwrap_err().code(), "expression_too_deep", "{deep}");
    }
    let chain = vec!["$a"; 1_001].join("+");
    assert_eq!(Expr::parse(&chain).unwrap_err().code(), "expression_too_large");
    let nested = "Abs(".repeat(127) + "$a" + &")".repeat(127);
    assert!(Expr::parse(&nested).is_ok());
    let nested = format!("$b*2-{nested}/3");
    assert_eq!(Expr::parse(&nested).unwrap_err().code(), "expression_too_deep");
    let args = format!("Add({})", vec!["$a"; 4_000].join(","));
    assert_eq!(Expr::parse(&args).unwrap_err().code(), "expression_too_large");
}

/// All parts are of one chain, as deep a tree as there may be.
fn longest_chain() -> String {
    let sign = |term: usize| if term.is_multiple_of(3) { " - " } else { " + " };
    let name = |term: usize| if term.is_multiple_of(7) { "$b" } else { "$a" };
    let rest = (1..1_000).map(|term| format!("{}{}", sign(term), name(term)));
    std::iter::once("$a".to_owned()).chain(rest).collect()
}

#[test]
fn a_chain_may_be_as_long_as_an_expression_may_be_large() {
    let source = longest_chain();
    let expr = Expr::parse(&source).unwrap();
    assert_eq!(expr.to_string(), source);
    let copy = expr.clone();
    assert!(copy == expr && !format!("{copy:?}").is_empty());
    drop(copy);
    assert_eq!((expr.fields(), expr.look_ahead(), expr.look_back()), (vec!["a", "b"], 0, Some(0)));
    assert!(!expr.is_double() && !expr.is_cross_sectional());
    let sum = |name: &str| vec![name; 450].join(" + ");
    for source in [
        format!("({}) > ({})", sum("$a"), sum("$b")),
        format!("P({})", sum("$$x_q")),
        format!("Mean({}, {})", sum("$a"), vec!["1"; 300].join("+")),
        format!("If($a > 1, {}, Ref({}, 2))", sum("$a"), sum("$b")),
    ] {
        let expr = Expr::parse(&source).unwrap();
        assert_eq!(Expr::parse(&expr.to_string()).unwrap(), expr);
    }
    let constants = vec!["1"; 900].join("+");
    let expr = Expr::parse(&format!("{constants}+$a")).unwrap();
    assert_eq!(expr.fields(), ["a"]);
}

#[test]
fn look_ahead_and_look_back_follow_the_bars() {
    for (source, ahead, back) in [
        ("$close", 0, Some(0)),
        ("Ref($close, 5)/$close", 0, Some(5)),
        ("Mean(Ref($close, 2), 10)", 0, Some(11)),
        ("Ref($close, -2)/Ref($close, -1) - 1", 2, Some(0)),
        ("Mean(Ref($close, -5), 3)", 5, Some(0)),
        ("Ref(Ref($close, -2), 2)", 0, Some(0)),
        ("Ref(Mean($close, 5), -3)", 3, Some(1)),
        ("Delta($close, -4)", 4, Some(0)),
        ("Delta($close, 4)", 0, Some(4)),
        ("If($a > $b, Ref($close, -1), $close)", 1, Some(0)),
        ("Corr($a, Ref($b, -1), 5)", 1, Some(4)),
        ("Mean($close, 0)", 0, None),
        ("EMA($close, 5)", 0, None),
        ("Ref($close, 0)", 0, None),
        ("Ref(Ref($close, -2), 0)", 2, None),
    ] {
        let expr = Expr::parse(source).unwrap();
        assert_eq!((expr.look_ahead(), expr.look_back()), (ahead, back), "{source}");
    }
}

#[test]
fn fields_are_listed_once() {
    let expr = Expr::parse("Corr($close, Log($volume+1), 5)*$close/$open").unwrap();
    assert_eq!(expr.fields(), ["close", "open", "volume"]);
}

#[test]
fn operator_names_are_unique_and_travel_as_text() {
    for (name, operator) in OPERATORS {
        assert_eq!(super::operators::name_of(operator), name);
    }
    let expr = Expr::parse("Mean($close,5)/$close").unwrap();
    let json = serde_json::to_string(&expr).unwrap();
    assert_eq!(json, "\"Mean($close, 5) / $close\"");
    assert_eq!(serde_json::from_str::<Expr>(&json).unwrap(), expr);
    let error = serde_json::from_str::<Expr>("\"Mean($close\"").unwrap_err();
    assert!(error.to_string().contains("character"), "{error}");
}

/// Series of numbers: every operator whose arguments are such.
pub(crate) fn numeric() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Node::Field("close".into())),
        Just(Node::Field("open".into())),
        Just(Node::Field("volume".into())),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let number = prop_oneof![
            (0u32..50).prop_map(f64::from),
            Just(1e-12),
            (0.0..3.0).prop_map(|v: f64| (v * 1000.0).round() / 1000.0),
        ];
        let operand = prop_oneof![inner.clone(), number.prop_map(Node::Number)];
        let arithmetic = prop::sample::select(vec![
            Binary::Add,
            Binary::Sub,
            Binary::Mul,
            Binary::Div,
            Binary::Power,
            Binary::Greater,
            Binary::Less,
        ]);
        let comparison = prop::sample::select(vec![
            Binary::Gt,
            Binary::Ge,
            Binary::Lt,
            Binary::Le,
            Binary::Eq,
            Binary::Ne,
        ]);
        let rolling = prop::sample::select(vec![
            Rolling::Mean,
            Rolling::Sum,
            Rolling::Std,
            Rolling::Var,
            Rolling::Max,
            Rolling::Min,
            Rolling::IdxMax,
            Rolling::IdxMin,
            Rolling::Med,
            Rolling::Mad,
            Rolling::Rank,
            Rolling::Count,
            Rolling::Slope,
            Rolling::Rsquare,
            Rolling::Resi,
            Rolling::Wma,
        ]);
        let unary = prop::sample::select(vec![Unary::Neg, Unary::Abs, Unary::Sign, Unary::Log]);
        prop_oneof![
            (unary, boxed.clone()).prop_map(|(op, a)| Node::Unary(op, a)),
            (arithmetic.clone(), boxed.clone(), operand.clone())
                .prop_map(|(op, a, b)| Node::Binary(op, a, Box::new(b))),
            (arithmetic, operand.clone(), boxed.clone()).prop_map(|(op, a, b)| Node::Binary(
                op,
                Box::new(a),
                b
            )),
            (comparison, boxed.clone(), operand.clone(), inner.clone(), operand).prop_map(
                |(op, a, b, c, d)| {
                    let condition = Node::Binary(op, a, Box::new(b));
                    Node::If(Box::new(condition), Box::new(c), Box::new(d))
                }
            ),
            (rolling, boxed.clone(), 0usize..9).prop_map(|(op, a, n)| Node::Rolling(op, a, n)),
            (prop::sample::select(vec![Shift::Ref, Shift::Delta]), boxed.clone(), 0i64..5)
                .prop_map(|(op, a, n)| Node::Shift(op, a, n)),
            (boxed.clone(), 0usize..9, prop::sample::select(vec![0.0, 0.2, 0.75, 1.0]))
                .prop_map(|(a, n, q)| Node::Quantile(a, n, q)),
            (boxed.clone(), prop::sample::select(vec![0.0, 0.5, 1.0, 7.0]))
                .prop_map(|(a, n)| Node::Ema(a, n)),
            (prop::sample::select(vec![Pair::Corr, Pair::Cov]), boxed.clone(), boxed, 1usize..9)
                .prop_map(|(op, a, b, n)| Node::Pair(op, a, b, n)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn display_round_trips(node in numeric()) {
        let text = node.to_string();
        let parsed = Expr::parse(&text).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(parsed.root(), &node, "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[-$a-z0-9A-Z(), .*+/&|<>=!é]{0,60}") {
        if let Err(error) = Expr::parse(&text) {
            prop_assert!(error.at().is_none_or(|at| at <= text.chars().count()));
            prop_assert_eq!(error.pointer(&text).is_some(), error.at().is_some());
        }
    }
}
