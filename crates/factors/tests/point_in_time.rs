//! Announcements beside bars: what was not known yet is never read, and what is missing is said.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_factors::{FactorError, FactorStream, NamedExpr, compute, compute_double};
use alphafleet_market::{
    AnnouncementRow, AnnouncementsBuilder, Panel, PanelBuilder, PanelRow, business_days,
};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use proptest::prelude::*;

const BARS: usize = 40;
const EXPRESSIONS: [&str; 12] = [
    "P($$a_q)",
    "PRef($$a_q, 201804)",
    "P($$e_a)",
    "P(Ref($$a_q, 1))",
    "P(Mean($$a_q, 4))",
    "P($$a_q/$$b_q - 1)",
    "P(Std($$a_q - $$b_q, 3))",
    "P(If($$a_q > 1, $$a_q, $$b_q))",
    "P(EMA($$b_q, 0.5))",
    "P($$a_q)/$close",
    "Mean(P($$a_q), 5) - Ref(P($$b_q), 3)",
    "CSRank(P($$a_q))",
];

fn exprs(sources: &[&str]) -> Vec<NamedExpr> {
    sources.iter().map(|source| NamedExpr::parse(source, source).unwrap()).collect()
}

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2019, 1, 1).unwrap()
}

#[derive(Debug, Clone)]
struct Announced {
    instrument: &'static str,
    field: &'static str,
    announced: NaiveDate,
    period: u32,
    value: f64,
}

fn announced() -> impl Strategy<Value = Vec<Announced>> {
    let instrument = prop::sample::select(vec!["A", "B"]);
    let quarter = prop::sample::select(vec![201803, 201804, 201901, 201902, 202001]);
    let of_quarter = (prop::sample::select(vec!["a_q", "b_q"]), quarter);
    let of_year = (Just("e_a"), prop::sample::select(vec![2016, 2018, 2019]));
    let value = prop_oneof![4 => -5.0..5.0f64, 1 => Just(0.0), 1 => Just(f64::NAN)];
    // From before the first bar to after the last one.
    let row = (instrument, prop_oneof![3 => of_quarter, 1 => of_year], 0u64..80, value);
    let row = row.prop_map(|(instrument, (field, period), day, value)| {
        let announced = first_day() - Days::new(10) + Days::new(day);
        Announced { instrument, field, announced, period, value }
    });
    prop::collection::vec(row, 0..40).prop_map(|mut rows| {
        rows.sort_by_key(|row| (row.field, row.instrument, row.announced, row.period));
        rows.dedup_by_key(|row| (row.field, row.instrument, row.announced, row.period));
        rows
    })
}

/// Bars and announcements up to a time, and an announcement of every field long before.
fn panel(rows: &[Announced], until: NaiveDateTime) -> Panel {
    let mut builder = PanelBuilder::new(["close"]);
    for (instrument, first) in [("A", 0), ("B", 12)] {
        for (bar, time) in business_days(first_day(), BARS).into_iter().enumerate() {
            if bar >= first && time <= until {
                let values = [10.0 + bar as f64];
                builder.push(PanelRow { instrument, time, values: &values }).unwrap();
            }
        }
    }
    let mut announcements = AnnouncementsBuilder::default();
    let long_ago = NaiveDate::from_ymd_opt(2016, 5, 1).unwrap();
    for (field, period) in [("a_q", 201601), ("b_q", 201601), ("e_a", 2015)] {
        let row =
            AnnouncementRow { instrument: "A", field, announced: long_ago, period, value: 1.5 };
        announcements.push(row).unwrap();
    }
    for row in rows.iter().filter(|row| row.announced <= until.date()) {
        let Announced { instrument, field, announced, period, value } = *row;
        let row = AnnouncementRow { instrument, field, announced, period, value };
        announcements.push(row).unwrap();
    }
    builder.build().unwrap().with_announcements(announcements.build().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Bars and announcements after a bar never change what was computed up to it.
    #[test]
    fn what_is_announced_later_changes_nothing(rows in announced(), cut in 0..BARS) {
        let days = business_days(first_day(), BARS);
        let exprs = exprs(&EXPRESSIONS);
        let whole = panel(&rows, days[BARS - 1] + chrono::Duration::days(60));
        let early = panel(&rows, days[cut]);
        let (all, known) =
            (compute(&whole, &exprs, 1).unwrap(), compute(&early, &exprs, 2).unwrap());
        for (instrument, name) in early.instruments().iter().enumerate() {
            let same = whole.instruments().iter().position(|known| known == name).unwrap();
            for (column, source) in EXPRESSIONS.iter().enumerate() {
                let before = &known.column(column)[known.cells(instrument)];
                let after = &all.column(column)[all.cells(same)][..before.len()];
                for (bar, (a, b)) in before.iter().zip(after).enumerate() {
                    let same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                    prop_assert!(same, "{source} {name} bar {bar}: {a}, {b}");
                }
            }
        }
    }
}

fn one(announced: &str, value: f64) -> Announced {
    let announced = announced.parse().unwrap();
    Announced { instrument: "A", field: "a_q", announced, period: 201804, value }
}

#[test]
fn an_announcement_counts_from_its_own_day_on() {
    let end = NaiveDate::MAX.and_time(NaiveTime::MIN);
    // A Wednesday, and a Saturday that the Monday after it learns of.
    let panel = panel(&[one("2019-01-09", 2.0), one("2019-01-12", 3.0)], end);
    let frame = compute(&panel, &exprs(&["P($$a_q)"]), 1).unwrap();
    let value = |day: &str| {
        let time = day.parse::<NaiveDate>().unwrap().and_time(NaiveTime::MIN);
        let bar = panel.calendar().binary_search(&time).unwrap();
        frame.column(0)[frame.cell(0, bar).unwrap()]
    };
    let days = ["2019-01-08", "2019-01-09", "2019-01-11", "2019-01-14"];
    assert_eq!(days.map(value), [1.5, 2.0, 2.0, 3.0]);
}

#[test]
fn bars_within_a_day_know_what_its_date_brings() {
    let mut builder = PanelBuilder::new(["close"]);
    for (day, hour) in [(8, 10), (8, 14), (9, 10), (9, 14)] {
        let time = NaiveDate::from_ymd_opt(2019, 1, day).unwrap().and_hms_opt(hour, 0, 0).unwrap();
        builder.push(PanelRow { instrument: "A", time, values: &[1.0] }).unwrap();
    }
    let mut announcements = AnnouncementsBuilder::default();
    let Announced { instrument, field, announced, period, value } = one("2019-01-09", 2.0);
    let row = AnnouncementRow { instrument, field, announced, period, value };
    announcements.push(row).unwrap();
    let panel = builder.build().unwrap().with_announcements(announcements.build().unwrap());
    let frame = compute_double(&panel, &exprs(&["P($$a_q)"]), 1).unwrap();
    assert!(frame.column(0)[..2].iter().all(|value| value.is_nan()));
    assert_eq!(frame.column(0)[2..], [2.0, 2.0]);
}

#[test]
fn a_missing_field_is_an_error_with_its_remedy() {
    let end = NaiveDate::MAX.and_time(NaiveTime::MIN);
    let with = panel(&[], end);
    let without = with.clone().with_announcements(AnnouncementsBuilder::default().build().unwrap());
    for (panel, says) in [(with, "the announcements are of $$a_q"), (without, "no announcements")] {
        let error = compute(&panel, &exprs(&["$close", "P($$x_q)/$close"]), 1).unwrap_err();
        assert_eq!(error.code(), "unknown_period_field");
        let text = error.to_string();
        assert!(text.contains("missing field $$x_q") && text.contains(says), "{text}");
        assert!(text.contains("instrument, announced, period, field, value"), "{text}");
    }
}

#[test]
fn a_stream_refuses_announcements_by_name() {
    let error = FactorStream::new(&exprs(&["$close", "Mean(P($$x_q),5)"])).unwrap_err();
    assert!(matches!(&error, FactorError::PointInTimeStream { part, .. } if part == "P($$x_q)"));
    assert!(error.to_string().contains("P($$x_q)"), "{error}");
}

#[test]
fn an_instrument_without_announcements_has_no_values() {
    let end = NaiveDate::MAX.and_time(NaiveTime::MIN);
    let panel = panel(&[one("2019-01-09", 2.0)], end);
    let frame = compute(&panel, &exprs(&["P($$a_q)", "P($$a_q) + $close"]), 1).unwrap();
    for column in 0..2 {
        assert!(frame.column(column)[frame.cells(0)].iter().all(|value| !value.is_nan()));
        assert!(frame.column(column)[frame.cells(1)].iter().all(|value| value.is_nan()));
    }
}
