/// Names of devices, which Windows gives to no folder; from Qlib's `code_to_fname`.
fn is_reserved(symbol: &str) -> bool {
    let upper = symbol.to_uppercase();
    let numbered = |device: &str| {
        upper.strip_prefix(device).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']))
    };
    ["CON", "PRN", "AUX", "NUL"].contains(&upper.as_str()) || numbered("COM") || numbered("LPT")
}

const PREFIX: &str = "_qlib_";
const LONGEST: usize = 200;

/// The folder of an instrument's features: its name in lower case, with `_qlib_` before a name
/// that Windows reserves (Qlib's `code_to_fname`). The error says why there can be none.
pub(super) fn folder_of(symbol: &str) -> Result<String, &'static str> {
    if symbol.is_empty() || symbol.len() > LONGEST {
        return Err("a symbol has 1 to 200 bytes");
    }
    if symbol.chars().any(|c| c.is_control() || "/\\<>:\"|?*".contains(c)) {
        return Err("a symbol becomes a folder's name and has none of / \\ < > : \" | ? *");
    }
    if symbol.trim() != symbol || symbol.ends_with('.') {
        return Err("a symbol has no space around it and no dot at its end");
    }
    let lower = symbol.to_lowercase();
    Ok(if is_reserved(symbol) { format!("{PREFIX}{lower}") } else { lower })
}

/// The symbol of a folder that no list names: upper case, as Qlib's `dump_bin.py` has it.
pub(super) fn symbol_of(folder: &str) -> String {
    let plain = folder.strip_prefix(PREFIX).filter(|rest| is_reserved(rest));
    plain.unwrap_or(folder).to_uppercase()
}

/// Whether a field may be named so: letters in lower case, digits and `_`.
pub(super) fn is_field(name: &str) -> bool {
    let plain = |c: char| c == '_' || (c.is_alphanumeric() && c.to_lowercase().eq([c]));
    !name.is_empty() && name.len() <= LONGEST && name.chars().all(plain)
}

/// Whether a universe's file may be named so.
pub(super) fn is_universe(name: &str) -> bool {
    folder_of(name).is_ok() && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn symbols_become_folders() {
        for (symbol, folder) in [
            ("SH600000", "sh600000"),
            ("brk-B", "brk-b"),
            ("600000.SH", "600000.sh"),
            ("^GSPC", "^gspc"),
            ("ES=F", "es=f"),
            ("con", "_qlib_con"),
            ("COM3", "_qlib_com3"),
            ("COM10", "com10"),
            ("CON.DE", "con.de"),
        ] {
            assert_eq!(folder_of(symbol).as_deref(), Ok(folder));
            assert_eq!(symbol_of(folder), symbol.to_uppercase());
        }
        for bad in ["", ".", "..", "a/b", "a\\b", "a\tb", "a:b", " a", "a.", "a\0b", "*"] {
            assert!(folder_of(bad).is_err(), "{bad:?}");
        }
        assert!(folder_of(&"x".repeat(201)).is_err());
    }

    #[test]
    fn fields_are_plain_words() {
        for (name, good) in
            [("close", true), ("adj_close2", true), ("größe", true), ("Close", false), ("", false)]
        {
            assert_eq!(is_field(name), good, "{name}");
        }
        assert!(!is_field("../x") && !is_field("a.b") && !is_field("$close"));
        assert!(is_universe("csi300") && !is_universe("../all") && !is_universe(".hidden"));
    }
}
