use alphafleet_market::PeriodLength;

use super::error::ExprError;
use super::kind::Kind;
use super::node::{Binary, Cross, IndicatorId, Node, Rolling, Shift, Unary};
use super::operators::{COMPARISON, Operator, POWER, UNARY, infix, known_names, named};
use super::periods::{MAX_PERIODS, Periods};
use super::token::{Token, tokenize};
use super::{MAX_DEPTH, MAX_NODES, MAX_SOURCE_BYTES};

/// A part together with what is needed to judge its use further up.
struct Part {
    node: Node,
    kind: Kind,
    at: usize,
    depth: usize,
}

pub(super) fn parse(source: &str) -> Result<Node, ExprError> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(ExprError::TooLong { length: source.len(), limit: MAX_SOURCE_BYTES });
    }
    let mut parser =
        Parser { tokens: tokenize(source)?, next: 0, nodes: 0, level: 0, periods: None };
    let part = parser.expression(0)?;
    match parser.peek() {
        Token::End if part.kind == Kind::Constant => Err(ExprError::Constant),
        Token::End => Ok(part.node),
        _ => Err(parser.unexpected("an infix operator or the end")),
    }
}

/// A Pratt parser with Python's precedence, which checks kinds while it builds.
struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    nodes: usize,
    level: usize,
    /// Within `P` or `PRef`.
    periods: Option<Periods>,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.next].1
    }

    fn at(&self) -> usize {
        self.tokens[self.next].0
    }

    /// Moves on; stays on the final [`Token::End`].
    fn advance(&mut self) -> (usize, Token) {
        let token = self.tokens[self.next].clone();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        token
    }

    fn eat(&mut self, symbol: &'static str) -> bool {
        let found = *self.peek() == Token::Symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, symbol: &'static str, expected: &str) -> Result<(), ExprError> {
        if self.eat(symbol) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn unexpected(&self, expected: &str) -> ExprError {
        ExprError::Unexpected {
            at: self.at(),
            found: self.peek().describe(),
            expected: expected.to_owned(),
        }
    }

    fn part(&mut self, node: Node, kind: Kind, at: usize, depth: usize) -> Result<Part, ExprError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(ExprError::TooManyNodes { at, limit: MAX_NODES });
        }
        if depth > MAX_DEPTH {
            return Err(ExprError::TooDeep { at, limit: MAX_DEPTH });
        }
        if kind == Kind::Constant && !node.constant().is_some_and(f64::is_finite) {
            return Err(ExprError::Number { at });
        }
        Ok(Part { node, kind, at, depth })
    }

    fn expression(&mut self, loosest: u8) -> Result<Part, ExprError> {
        self.level += 1;
        if self.level > MAX_DEPTH {
            return Err(ExprError::TooDeep { at: self.at(), limit: MAX_DEPTH });
        }
        let mut left = self.operand()?;
        while let Token::Symbol(symbol) = *self.peek() {
            let Some((power, op)) = infix(symbol).filter(|(power, _)| *power >= loosest) else {
                break;
            };
            let (at, _) = self.advance();
            // `**` binds to the right and lets a sign follow, the others bind to the left.
            let right = self.expression(if power == POWER { UNARY } else { power + 1 })?;
            left = self.binary(op, symbol, at, left, right)?;
            if power == COMPARISON && self.comparison_follows() {
                return Err(self.unexpected("no second comparison (join two with & instead)"));
            }
        }
        self.level -= 1;
        Ok(left)
    }

    fn comparison_follows(&self) -> bool {
        let Token::Symbol(symbol) = self.peek() else { return false };
        infix(symbol).is_some_and(|(power, _)| power == COMPARISON)
    }

    fn operand(&mut self) -> Result<Part, ExprError> {
        let wanted = "a $field, a number, an operator call, '-' or '('";
        match self.peek() {
            Token::Field(_) | Token::PeriodField(_) => self.check_field()?,
            Token::Number(_) | Token::Name(_) => {}
            Token::Symbol("-" | "(") => {}
            _ => return Err(self.unexpected(wanted)),
        }
        match self.advance() {
            (at, Token::Field(name)) => self.part(Node::Field(name), Kind::F32, at, 1),
            (at, Token::PeriodField(name)) => self.part(Node::PeriodField(name), Kind::F64, at, 1),
            (at, Token::Number(value)) => self.part(Node::Number(value), Kind::Constant, at, 1),
            (at, Token::Name(name)) => self.call(at, name),
            (at, Token::Symbol("-")) => {
                let operand = self.expression(UNARY)?;
                self.unary(Unary::Neg, "'-'", at, operand)
            }
            _ => {
                let inner = self.expression(0)?;
                self.expect(")", "')' or an infix operator")?;
                Ok(inner)
            }
        }
    }

    fn call(&mut self, at: usize, name: String) -> Result<Part, ExprError> {
        let Some(operator) = named(&name) else {
            return Err(ExprError::UnknownOperator { at, name, known: known_names() });
        };
        self.expect("(", &format!("'(' after {name}"))?;
        match &self.periods {
            Some(periods) => periods.check_operator(at, &name, operator)?,
            None => self.periods = Periods::of(operator),
        }
        let mut args = Vec::new();
        while !self.eat(")") {
            args.push(self.expression(0)?);
            if !self.eat(",") {
                self.expect(")", "',' or ')'")?;
                break;
            }
        }
        let over_periods = self.periods.is_some();
        let part = Call { name: &name, at, over_periods }.build(self, operator, args)?;
        if matches!(part.node, Node::PointInTime(..)) {
            self.periods = None;
        }
        Ok(part)
    }

    /// Fields by period are read within `P` and `PRef`, and only they are.
    fn check_field(&mut self) -> Result<(), ExprError> {
        let (at, token) = self.tokens[self.next].clone();
        let expected = match (&mut self.periods, &token) {
            (Some(periods), Token::PeriodField(name)) => periods.take_field(name),
            (Some(periods), _) => periods.expected_field(),
            (None, Token::PeriodField(name)) => Err(format!(
                "a $field of bars, or P($${name}) for what is known of the newest period"
            )),
            (None, _) => Ok(()),
        };
        let found = token.describe();
        expected.map_err(|expected| ExprError::Unexpected { at, found, expected })
    }

    fn unary(&mut self, op: Unary, name: &str, at: usize, arg: Part) -> Result<Part, ExprError> {
        let kind = Kind::of_unary(op, arg.kind)
            .map_err(|expected| mismatch(name, expected, arg.at, arg.kind))?;
        let depth = arg.depth + 1;
        self.part(Node::Unary(op, Box::new(arg.node)), kind, at, depth)
    }

    fn binary(
        &mut self,
        op: Binary,
        name: &str,
        at: usize,
        left: Part,
        right: Part,
    ) -> Result<Part, ExprError> {
        let kind = Kind::of_binary(op, left.kind, right.kind).map_err(|expected| {
            let found = format!("{} and {}", left.kind.describe(), right.kind.describe());
            argument(name, expected, at, found)
        })?;
        // A chain of operators on the left is no nesting.
        let in_chain = matches!(left.node, Node::Binary(..));
        let depth = (left.depth + usize::from(!in_chain)).max(right.depth + 1);
        let node = Node::Binary(op, Box::new(left.node), Box::new(right.node));
        let start = if kind == Kind::Constant { at } else { left.at };
        self.part(node, kind, start, depth)
    }
}

fn argument(operator: &str, expected: &str, at: usize, found: String) -> ExprError {
    ExprError::Argument { at, operator: operator.to_owned(), expected: expected.to_owned(), found }
}

fn mismatch(operator: &str, expected: &str, at: usize, kind: Kind) -> ExprError {
    argument(operator, expected, at, kind.describe().to_owned())
}

/// A call by name on its way to a node.
struct Call<'a> {
    name: &'a str,
    at: usize,
    over_periods: bool,
}

impl Call<'_> {
    fn build(
        &self,
        parser: &mut Parser,
        operator: Operator,
        args: Vec<Part>,
    ) -> Result<Part, ExprError> {
        let at = self.at;
        let depth = args.iter().map(|arg| arg.depth).max().unwrap_or(0) + 1;
        match operator {
            Operator::Unary(op) => {
                let [arg] = self.take(args, "one argument")?;
                parser.unary(op, self.name, at, arg)
            }
            Operator::Binary(op) => {
                let [left, right] = self.take(args, "two arguments")?;
                if left.kind == Kind::Constant && right.kind == Kind::Constant {
                    return Err(mismatch(self.name, "a series", left.at, left.kind));
                }
                let mut part = parser.binary(op, self.name, at, left, right)?;
                part.at = at;
                Ok(part)
            }
            Operator::If => {
                let [condition, left, right] = self.take(args, "three arguments")?;
                let kind = match left.kind.meet(right.kind) {
                    Kind::Constant => Kind::F64,
                    kind => kind,
                };
                let [condition, left, right] =
                    [self.series(condition)?.0, Box::new(left.node), Box::new(right.node)];
                parser.part(Node::If(condition, left, right), kind, at, depth)
            }
            Operator::Rolling(op) => {
                let [arg, window] = self.take(args, "a series and a window")?;
                let node = match self.smoothing_factor(op, &window) {
                    Some(factor) => Node::Ema(self.series(arg)?.0, factor),
                    None => {
                        let bars = self.rolling_window(op, &window)?;
                        Node::Rolling(op, self.series(arg)?.0, bars)
                    }
                };
                parser.part(node, Kind::F64, at, depth)
            }
            Operator::Shift(op) => {
                let [arg, distance] = self.take(args, "a series and a distance in bars")?;
                let distance = self.distance(&distance)?;
                let (node, kind) = self.series(arg)?;
                let kind = self.shifted(op, kind, distance)?;
                parser.part(Node::Shift(op, node, distance), kind, at, depth)
            }
            Operator::Quantile => {
                let [arg, window, q] = self.take(args, "a series, a window and a quantile")?;
                let node = Node::Quantile(
                    self.series(arg)?.0,
                    self.window(&window, 0)?,
                    self.number(&q, "a quantile between 0 and 1", |q| (0.0..=1.0).contains(&q))?,
                );
                parser.part(node, Kind::F64, at, depth)
            }
            Operator::Ema => {
                let [arg, span] = self.take(args, "a series and a span")?;
                let span = self.span(&span)?;
                parser.part(Node::Ema(self.series(arg)?.0, span), Kind::F64, at, depth)
            }
            Operator::Pair(op) => {
                let [left, right, window] = self.take(args, "two series and a window")?;
                let (left, right) = (self.series(left)?.0, self.series(right)?.0);
                // Qlib compares with the deviation of a window, which 0 has not.
                let least = usize::from(op == super::node::Pair::Corr);
                let bars = self.window(&window, least)?;
                parser.part(Node::Pair(op, left, right, bars), Kind::F64, at, depth)
            }
            Operator::Indicator(indicator) => {
                let node = self.indicator(indicator, args)?;
                parser.part(node, Kind::F64, at, depth)
            }
            Operator::Cross(op) => {
                let node = self.cross(op, args)?;
                parser.part(node, Kind::F64, at, depth)
            }
            Operator::Newest => {
                let [arg] = self.take(args, "an expression over $$fields")?;
                let node = Node::PointInTime(self.series(arg)?.0, None);
                parser.part(node, Kind::F32, at, depth)
            }
            Operator::OfPeriod => {
                let [arg, period] = self.take(args, "an expression over $$fields and a period")?;
                let node = self.series(arg)?.0;
                let length = parser.periods.as_ref().and_then(Periods::length);
                let period = self.period(&period, length)?;
                parser.part(Node::PointInTime(node, Some(period)), Kind::F32, at, depth)
            }
        }
    }

    fn take<const N: usize>(
        &self,
        args: Vec<Part>,
        expected: &str,
    ) -> Result<[Part; N], ExprError> {
        let found = args.len();
        args.try_into().map_err(|_| ExprError::ArgumentCount {
            at: self.at,
            operator: self.name.to_owned(),
            expected: expected.to_owned(),
            found,
        })
    }

    fn series(&self, arg: Part) -> Result<(Box<Node>, Kind), ExprError> {
        match arg.kind {
            Kind::Constant => Err(mismatch(self.name, "a series", arg.at, arg.kind)),
            kind => Ok((Box::new(arg.node), kind)),
        }
    }

    fn number(
        &self,
        arg: &Part,
        expected: &str,
        allowed: impl Fn(f64) -> bool,
    ) -> Result<f64, ExprError> {
        match arg.node.constant() {
            Some(value) if allowed(value) => Ok(value),
            Some(value) => Err(argument(self.name, expected, arg.at, value.to_string())),
            None => Err(mismatch(self.name, expected, arg.at, arg.kind)),
        }
    }

    fn whole(&self, arg: &Part, expected: &str, least: i64) -> Result<i64, ExprError> {
        let range = least as f64..=MAX_WINDOW as f64;
        let value = self.number(arg, expected, |n| n.fract() == 0.0 && range.contains(&n))?;
        Ok(value as i64)
    }

    fn window(&self, arg: &Part, least: usize) -> Result<usize, ExprError> {
        if self.over_periods {
            let expected = format!("a window of {} to {MAX_PERIODS} whole periods", least.max(1));
            let fits = |n: f64| n.fract() == 0.0 && n >= least.max(1) as f64 && n <= MAX_PERIODS;
            return Ok(self.number(arg, &expected, fits)? as usize);
        }
        let expected = format!("a window of {least} to {MAX_WINDOW} whole bars");
        let bars = self.whole(arg, &expected, least as i64)?;
        Ok(bars.unsigned_abs() as usize)
    }

    /// Skewness needs three bars and kurtosis four: shorter windows could never have a value.
    fn rolling_window(&self, op: Rolling, arg: &Part) -> Result<usize, ExprError> {
        let least = match op {
            Rolling::Skew => 3,
            Rolling::Kurt => 4,
            Rolling::Product | Rolling::DecayLinear => return self.window(arg, 1),
            _ => 0,
        };
        let since_the_first = !self.over_periods && arg.node.constant() == Some(0.0);
        if since_the_first { Ok(0) } else { self.window(arg, least) }
    }

    fn distance(&self, arg: &Part) -> Result<i64, ExprError> {
        if self.over_periods {
            let expected = format!("1 to {MAX_PERIODS} whole periods back");
            let fits = |n: f64| n.fract() == 0.0 && (1.0..=MAX_PERIODS).contains(&n);
            return Ok(self.number(arg, &expected, fits)? as i64);
        }
        self.whole(arg, "a whole number of bars", -MAX_WINDOW)
    }

    fn span(&self, arg: &Part) -> Result<f64, ExprError> {
        if self.over_periods {
            let expected =
                format!("a span of 1 to {MAX_PERIODS} whole periods, or a factor below 1");
            let whole = |n: f64| n.fract() == 0.0 && n <= MAX_PERIODS;
            return self.number(arg, &expected, |n| n > 0.0 && (n < 1.0 || whole(n)));
        }
        let expected = "a span of at least 1, a factor between 0 and 1, or 0";
        self.number(arg, expected, |n| (0.0..=MAX_WINDOW as f64).contains(&n))
    }

    fn period(&self, arg: &Part, length: Option<PeriodLength>) -> Result<u32, ExprError> {
        let known = |n: f64| n.fract() == 0.0 && n >= 0.0 && n <= f64::from(u32::MAX);
        let length = length.unwrap_or(PeriodLength::Quarter);
        let fits = |n: f64| known(n) && length.ordinal(n as u32).is_some();
        Ok(self.number(arg, length.describe(), fits)? as u32)
    }

    /// Qlib takes a window between 0 and 1 as the smoothing factor of an exponential mean, for
    /// every operator that leaves its window to pandas; `Skew` and `Kurt` refuse it first, as less
    /// than the bars they need.
    fn smoothing_factor(&self, op: Rolling, window: &Part) -> Option<f64> {
        use Rolling::{Count, Max, Mean, Med, Min, Std, Sum, Var};
        let pandas = matches!(op, Mean | Sum | Std | Var | Max | Min | Med | Count);
        window.node.constant().filter(|factor| pandas && 0.0 < *factor && *factor < 1.0)
    }

    /// Series first, then numbers, of which the last ones have defaults.
    fn indicator(&self, id: IndicatorId, args: Vec<Part>) -> Result<Node, ExprError> {
        let spec = id.spec();
        let (least, most) = (spec.inputs.len(), spec.inputs.len() + spec.parameters.len());
        if !(least..=most).contains(&args.len()) {
            let parameters = spec.parameters.iter().map(|parameter| parameter.name);
            let names: Vec<&str> = spec.inputs.iter().copied().chain(parameters).collect();
            return Err(ExprError::ArgumentCount {
                at: self.at,
                operator: self.name.to_owned(),
                expected: format!("({}), the numbers being optional", names.join(", ")),
                found: args.len(),
            });
        }
        let (mut series, mut numbers) = (vec![], vec![]);
        for (index, arg) in args.into_iter().enumerate() {
            match spec.parameters.get(index.wrapping_sub(least)) {
                None => series.push(*self.series(arg)?.0),
                Some(parameter) => {
                    let kind = if parameter.whole { "whole bars" } else { "a number" };
                    let (name, low, high) = (parameter.name, parameter.min, parameter.max);
                    let expected = format!("{name}: {kind} from {low} to {high}");
                    numbers.push(self.number(&arg, &expected, |value| {
                        (low..=high).contains(&value) && (!parameter.whole || value.fract() == 0.0)
                    })?);
                }
            }
        }
        let numbers = spec
            .complete(&numbers)
            .map_err(|error| argument(self.name, "numbers in range", self.at, error.to_string()))?;
        Ok(Node::Indicator(id, series, numbers))
    }

    fn cross(&self, op: Cross, args: Vec<Part>) -> Result<Node, ExprError> {
        let numbers = |arg: Part| match arg.kind {
            Kind::Holed | Kind::F32 | Kind::F64 => Ok(Box::new(arg.node)),
            kind => Err(mismatch(self.name, "numbers", arg.at, kind)),
        };
        Ok(match op {
            // A condition has ranks too: they are those of 0 and 1.
            Cross::Rank => {
                let [arg] = self.take(args, "one series")?;
                Node::Cross(op, self.series(arg)?.0, None)
            }
            Cross::ZScore => {
                let [arg] = self.take(args, "one series")?;
                Node::Cross(op, numbers(arg)?, None)
            }
            Cross::Scale(_) => {
                let [arg, sum] = self.take(args, "a series and a sum")?;
                let sum = self.number(&sum, "a positive sum", |sum| sum > 0.0)?;
                Node::Cross(Cross::Scale(sum), numbers(arg)?, None)
            }
            Cross::Winsorize(_) => {
                let [arg, q] = self.take(args, "a series and a quantile")?;
                let q =
                    self.number(&q, "a quantile from 0 to below 0.5", |q| (0.0..0.5).contains(&q))?;
                Node::Cross(Cross::Winsorize(q), numbers(arg)?, None)
            }
            Cross::Neutralize => {
                let [arg, group] = self.take(args, "a series and a series of groups")?;
                Node::Cross(op, numbers(arg)?, Some(numbers(group)?))
            }
        })
    }

    /// A moved condition has holes at its end. Less its first bar it is one numpy array of truths
    /// less another, which numpy refuses.
    fn shifted(&self, op: Shift, kind: Kind, distance: i64) -> Result<Kind, ExprError> {
        match (op, kind) {
            (Shift::Delta, Kind::Bool) if distance == 0 => {
                Err(mismatch(self.name, "numbers", self.at, kind))
            }
            (Shift::Delta, Kind::Bool | Kind::Holed) => Ok(Kind::F64),
            (Shift::Ref, Kind::Bool) if distance != 0 => Ok(Kind::Holed),
            _ => Ok(kind),
        }
    }
}

/// No calendar is longer; beyond it a window is a slip of the pen.
const MAX_WINDOW: i64 = 10_000_000;
