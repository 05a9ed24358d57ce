#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::NaiveDate;

use super::*;

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2019, 4, day).unwrap()
}

fn row(field: &str, announced: u32, period: u32, value: f64) -> AnnouncementRow<'_> {
    AnnouncementRow { instrument: "A", field, announced: day(announced), period, value }
}

fn built(rows: &[AnnouncementRow<'_>]) -> Result<Announcements, AnnouncementError> {
    let mut builder = AnnouncementsBuilder::default();
    for row in rows {
        builder.push(*row)?;
    }
    builder.build()
}

#[test]
fn rows_come_in_any_order() {
    let announcements = built(&[
        row("x_q", 20, 201901, 3.0),
        row("x_q", 10, 201804, 1.0),
        row("e_a", 5, 2018, f64::NAN),
        row("x_q", 20, 201804, 2.0),
        row("x_q", 20, 201804, 2.0),
    ])
    .unwrap();
    let of = announcements.of("x_q", "A").unwrap();
    let found: Vec<_> = of.iter().map(|a| (a.announced, a.period, a.value)).collect();
    let expected = [(day(10), 201804, 1.0), (day(20), 201804, 2.0), (day(20), 201901, 3.0)];
    assert_eq!(found, expected);
    assert_eq!(announcements.field_names().collect::<Vec<_>>(), ["e_a", "x_q"]);
    assert_eq!((announcements.rows(), announcements.iter().count()), (4, 4));
    assert_eq!(announcements.of("x_q", "B"), None);
    assert_eq!(announcements.instruments(), ["A"]);
    assert!(announcements.has_instrument("A") && !announcements.has_instrument("B"));
}

#[test]
fn a_bad_row_is_named() {
    let good = row("x_q", 1, 201901, 1.0);
    let long = format!("{}_q", "x".repeat(200));
    let cases = [
        (row("x", 1, 201901, 1.0), "announcement_field"),
        (row("x-y_q", 1, 201901, 1.0), "announcement_field"),
        (row("$$x_q", 1, 201901, 1.0), "announcement_field"),
        (row("", 1, 201901, 1.0), "announcement_name"),
        (row(&long, 1, 201901, 1.0), "announcement_name"),
        (AnnouncementRow { instrument: "", ..good }, "announcement_name"),
        (row("x_q", 1, 2018, 1.0), "announcement_period"),
        (row("x_q", 1, 201905, 1.0), "announcement_period"),
        (row("x_a", 1, 201901, 1.0), "announcement_period"),
        (row("x_q", 1, 201901, f64::INFINITY), "announcement_value"),
        (row("x_q", 1, 201901, 2.0), "announcement_contradiction"),
        (row("x_q", 1, 201901, f64::NAN), "announcement_contradiction"),
    ];
    for (bad, code) in cases {
        let error = built(&[good, bad]).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().starts_with("row 2: "), "{error}");
    }
}
