//! Lists of who belongs to a universe when, and the field of a panel that says so bar by bar.

mod csv;
mod list;
mod membership;
mod spans;

use crate::import::loses_name;

pub use list::{UniverseList, read_universe};
pub(crate) use membership::{bars, findings, first_of, membership, value};
pub(crate) use spans::Spans;

/// Bytes of a list at most.
pub(crate) const LIST_BYTES: u64 = 64 << 20;
const LONGEST_NAME: usize = 200;

/// Why a universe cannot be a field of this name beside those there are.
pub(crate) fn refuse_name<'a>(
    name: &str,
    mut fields: impl Iterator<Item = &'a str>,
) -> Option<&'static str> {
    if name.len() > LONGEST_NAME {
        return Some("a field's name has at most 200 bytes");
    }
    if name == "all" {
        return Some("in Qlib's format that is the list of all instruments");
    }
    let there = fields.any(|field| field == name);
    loses_name(name).or(there.then_some("there is a field of that name"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn names_that_a_file_would_not_keep_are_refused() {
        let refused = |name: &str| refuse_name(name, ["pe", "close"].into_iter());
        for name in ["csi300", "sp500_x", "größe", "index50"] {
            assert_eq!(refused(name), None, "{name}");
        }
        for (name, words) in [
            ("pe", "there is a field of that name"),
            ("close", "means something else"),
            ("vol", "means something else"),
            ("symbol", "means something else"),
            ("index", "means something else"),
            ("CSI300", "lower-case"),
            ("csi-300", "lower-case"),
            ("300", "lower-case"),
            ("_x", "lower-case"),
            ("", "lower-case"),
            ("all", "the list of all instruments"),
        ] {
            assert!(refused(name).is_some_and(|reason| reason.contains(words)), "{name}");
        }
        assert!(refused(&"x".repeat(201)).is_some());
    }
}
