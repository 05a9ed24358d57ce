use super::error::ExprError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Field(String),
    PeriodField(String),
    Name(String),
    Number(f64),
    Symbol(&'static str),
    End,
}

impl Token {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Field(name) => format!("${name}"),
            Self::PeriodField(name) => format!("$${name}"),
            Self::Name(name) => name.clone(),
            Self::Number(value) => value.to_string(),
            Self::Symbol(symbol) => format!("'{symbol}'"),
            Self::End => "the end".to_owned(),
        }
    }
}

// Longer symbols first: `**` must not be read as two `*`.
const SYMBOLS: [&str; 16] =
    ["**", ">=", "<=", "==", "!=", ">", "<", "+", "-", "*", "/", "&", "|", "(", ")", ","];

/// Splits a source into tokens with their byte offsets; the last one is [`Token::End`].
pub(super) fn tokenize(source: &str) -> Result<Vec<(usize, Token)>, ExprError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(next) = source[at..].chars().next() {
        let rest = &source[at..];
        if next.is_whitespace() {
            at += next.len_utf8();
            continue;
        }
        let (token, length) = if next == '$' {
            field(rest, at)?
        } else if next.is_ascii_digit() || (next == '.' && digit_follows(rest)) {
            number(rest, at)?
        } else if is_word(next) {
            let name = word(rest);
            (Token::Name(name.to_owned()), name.len())
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Token::Symbol(symbol), symbol.len())
        } else {
            let expected = "a $field, a number, an operator or a parenthesis".to_owned();
            return Err(ExprError::Unexpected { at, found: format!("'{next}'"), expected });
        };
        tokens.push((at, token));
        at += length;
    }
    tokens.push((source.len(), Token::End));
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word(text: &str) -> &str {
    &text[..text.find(|c| !is_word(c)).unwrap_or(text.len())]
}

fn digit_follows(text: &str) -> bool {
    text[1..].starts_with(|c: char| c.is_ascii_digit())
}

fn field(rest: &str, at: usize) -> Result<(Token, usize), ExprError> {
    let sign = if rest.starts_with("$$") { "$$" } else { "$" };
    let after = &rest[sign.len()..];
    let name = word(after);
    if name.is_empty() {
        let found = after.chars().next().map_or("the end".to_owned(), |c| format!("'{c}'"));
        let expected = format!("the name of a field after '{sign}'");
        return Err(ExprError::Unexpected { at: at + sign.len(), found, expected });
    }
    let length = sign.len() + name.len();
    let name = name.to_owned();
    Ok((if sign == "$" { Token::Field(name) } else { Token::PeriodField(name) }, length))
}

/// A decimal literal as Python writes it: `5`, `.5`, `5.`, `1e-12`, `1_000`.
fn number(rest: &str, at: usize) -> Result<(Token, usize), ExprError> {
    let bytes = rest.as_bytes();
    let digits = |from: usize| {
        bytes[from..].iter().take_while(|b| b.is_ascii_digit() || **b == b'_').count() + from
    };
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    let value: f64 = rest[..end].replace('_', "").parse().map_err(|_| ExprError::Number { at })?;
    if !value.is_finite() {
        return Err(ExprError::Number { at });
    }
    Ok((Token::Number(value), end))
}
