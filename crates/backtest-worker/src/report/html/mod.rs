//! The page of a [`Report`].

use super::Report;

pub(super) fn page(report: &Report) -> String {
    let _ = report;
    String::new()
}
