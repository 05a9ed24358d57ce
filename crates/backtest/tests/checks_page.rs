//! `CHECKS.md` names tests that exist.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::Path;

/// The tests a page names: "[`name`](file)".
fn named(page: &str) -> BTreeSet<(&str, &str)> {
    page.split("[`")
        .skip(1)
        .filter_map(|part| part.split_once("`]("))
        .map(|(name, rest)| {
            let (file, _) = rest.split_once(')').expect("a link ends");
            (name, file)
        })
        .collect()
}

/// Whether the source has a function of this name that is run as a test.
fn has_test(source: &str, name: &str) -> bool {
    let head = format!("fn {name}(");
    let Some(at) = source.find(&head) else { return false };
    let before = source[..at].trim_end().trim_end_matches("async").trim_end();
    before.ends_with("#[test]") || before.ends_with("#[tokio::test]")
}

#[test]
fn every_test_of_the_page_exists() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(folder.join("CHECKS.md")).unwrap();
    let named = named(&page);
    assert!(named.len() > 60, "{}", named.len());
    let missing: Vec<_> = named
        .into_iter()
        .filter(|(name, file)| {
            let source = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
            !has_test(&source, name)
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_row_of_the_page_names_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(folder.join("CHECKS.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let bare: Vec<_> =
        rows.filter(|row| !row.starts_with("| what |") && !row.contains("[`")).collect();
    assert!(bare.is_empty(), "{bare:?}");
}
