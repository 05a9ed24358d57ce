//! Point-in-time operators against pyqlib 0.9.7's own, over announcements with restatements,
//! skipped periods, missing values, days without a bar and late listings.
//! `scripts/pit-fixtures.py` makes the table.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_factors::{NamedExpr, compute};
use alphafleet_market::{AnnouncementRow, AnnouncementsBuilder, Panel, PanelBuilder, PanelRow};
use chrono::{NaiveDate, NaiveTime};
use serde_json::Value;

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        Some(other) => panic!("{other} is no number"),
        None => value.as_f64().unwrap_or(f64::NAN),
    }
}

fn date(value: &Value) -> NaiveDate {
    value.as_str().unwrap().parse().unwrap()
}

fn panel(table: &Value) -> Panel {
    let calendar: Vec<NaiveDate> = table["calendar"].as_array().unwrap().iter().map(date).collect();
    let mut builder = PanelBuilder::new(["close"]);
    for (instrument, part) in table["instruments"].as_object().unwrap() {
        let first = part["first"].as_u64().unwrap() as usize;
        for (at, close) in part["close"].as_array().unwrap().iter().enumerate() {
            let time = calendar[first + at].and_time(NaiveTime::MIN);
            builder.push(PanelRow { instrument, time, values: &[number(close)] }).unwrap();
        }
    }
    let mut announcements = AnnouncementsBuilder::default();
    for row in table["announcements"].as_array().unwrap() {
        let row = AnnouncementRow {
            instrument: row[0].as_str().unwrap(),
            field: row[1].as_str().unwrap(),
            announced: date(&row[2]),
            period: row[3].as_u64().unwrap() as u32,
            value: number(&row[4]),
        };
        announcements.push(row).unwrap();
    }
    let panel = builder.build().unwrap().with_announcements(announcements.build().unwrap());
    assert_eq!(panel.calendar().len(), calendar.len());
    panel
}

/// Of an instrument without a file Qlib has no bars at all, where here they are missing values. A
/// comparison tells them apart: it does not hold.
const UNANNOUNCED: (&str, &str) = ("P($$roewa_q) > 1.5", "SZ300750");

fn fits(ours: f64, theirs: f64) -> bool {
    if theirs.is_nan() || theirs.is_infinite() {
        return ours == theirs || (ours.is_nan() && theirs.is_nan());
    }
    (ours - theirs).abs() <= 2e-6 * theirs.abs() + 1e-9
}

#[test]
fn announcements_are_read_as_qlib_reads_them() {
    let table: Value = serde_json::from_str(include_str!("data/qlib_pit.json")).unwrap();
    let panel = panel(&table);
    let (mut compared, mut known, mut wrong) = (0, 0, vec![]);
    let expected = table["expected"].as_object().unwrap();
    let exprs: Vec<NamedExpr> =
        expected.keys().map(|source| NamedExpr::parse(source, source).unwrap()).collect();
    let frame = compute(&panel, &exprs, 2).unwrap();
    for (index, (source, answers)) in expected.iter().enumerate() {
        for (instrument, values) in answers.as_object().unwrap() {
            let place = panel.instruments().iter().position(|name| name == instrument).unwrap();
            let ours = &frame.column(index)[frame.cells(place)];
            let theirs = values.as_array().unwrap();
            assert_eq!(ours.len(), theirs.len(), "{source}, {instrument}");
            for (bar, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                let (ours, theirs) = (f64::from(*ours), number(theirs));
                if (source.as_str(), instrument.as_str()) == UNANNOUNCED {
                    assert!(ours == 0.0 && theirs.is_nan());
                    continue;
                }
                compared += 1;
                known += usize::from(!theirs.is_nan());
                if !fits(ours, theirs) {
                    wrong.push(format!("{source}, {instrument}, bar {bar}: {ours}, not {theirs}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared >= 35_000 && known >= 20_000, "{compared} compared, {known} of them known");
}
