/// Whether an instrument's code is that of an index, not of something that can be held: `^GSPC`
/// (Yahoo), `SH000300` (Shanghai's 000 range), `SZ399001` (Shenzhen's 399 range).
pub fn is_index_code(instrument: &str) -> bool {
    let code = instrument.to_ascii_uppercase();
    let numbered = |rest: &str| rest.len() == 3 && rest.bytes().all(|byte| byte.is_ascii_digit());
    code.starts_with('^')
        || code.strip_prefix("SH000").is_some_and(numbered)
        || code.strip_prefix("SZ399").is_some_and(numbered)
}

#[cfg(test)]
mod tests {
    use super::is_index_code;

    #[test]
    fn indices_are_told_from_stocks() {
        for index in ["^GSPC", "SH000300", "sh000905", "SZ399006"] {
            assert!(is_index_code(index), "{index}");
        }
        for stock in ["SH600000", "SZ000001", "SZ300750", "AAPL", "SH0003", "SH000300X", ""] {
            assert!(!is_index_code(stock), "{stock}");
        }
    }
}
