#![allow(clippy::unwrap_used, clippy::expect_used)]
use chrono::NaiveDate;

use super::layout::cells;
use super::*;

fn panel(rows: &[(&str, u32, f64)]) -> Panel {
    let mut builder = PanelBuilder::new(["close"]);
    for &(instrument, day, close) in rows {
        let time = NaiveDate::from_ymd_opt(2024, 1, day).unwrap().and_hms_opt(0, 0, 0).unwrap();
        builder.push(PanelRow { instrument, time, values: &[close] }).unwrap();
    }
    builder.build().unwrap()
}

#[test]
fn rows_come_in_any_order() {
    let panel = panel(&[("B", 3, 1.0), ("A", 2, 2.0), ("B", 1, 3.0)]);
    assert_eq!(panel.instruments(), ["A", "B"]);
    assert_eq!(panel.calendar().len(), 3);
    assert_eq!((panel.listed(0), panel.listed(1)), (1..2, 0..3));
    assert!(panel.has_bar(1, 0) && !panel.has_bar(1, 1));
    assert_eq!(panel.rows(), 3);
}

#[test]
fn a_panel_that_cannot_be_addressed_is_refused() {
    assert_eq!(cells(3, 4, 5), Ok(12));
    assert_eq!(cells(0, 4, 5), Ok(0));
    for (bars, instruments, fields) in [(usize::MAX, 2, 1), (1 << 31, 1 << 30, 1)] {
        let refused = Err(PanelError::TooLarge { bars, instruments, fields });
        assert_eq!(cells(bars, instruments, fields), refused);
    }
}

#[test]
fn instruments_can_be_left_out() {
    let panel = panel(&[("A", 1, 1.0), ("B", 2, 2.0), ("C", 3, 3.0)]);
    let kept = panel.clone().retain_instruments(|name| name != "B");
    assert_eq!(kept.instruments(), ["A", "C"]);
    assert_eq!((kept.calendar().len(), kept.listed(1)), (3, 2..3));
    assert_eq!(kept.series("close", 1).unwrap()[2], 3.0);
    assert_eq!(kept.field("close").unwrap().len(), 6);
    // Missing bars are NaN, which equals nothing.
    let same = |a: &Panel, b: &Panel| assert_eq!(format!("{a:?}"), format!("{b:?}"));
    same(&kept.clone().retain_instruments(|_| true), &kept);
    same(&kept, &panel.instruments_in(0..3).retain_instruments(|name| name != "B"));
    same(&kept.instruments_in(1..2), &panel.retain_instruments(|name| name == "C"));
}

#[test]
fn columns_are_laid_out_by_the_rows_that_count() {
    let day = |day| NaiveDate::from_ymd_opt(2024, 1, day).unwrap().and_hms_opt(0, 0, 0).unwrap();
    let rows = PanelColumns {
        names: ["C", "unused", "A"].map(str::to_owned).to_vec(),
        instruments: vec![0, 0, 2, 2, 0, 1],
        times: [1, 2, 2, 4, 4, 3].map(day).to_vec(),
        columns: vec![
            ("close".to_owned(), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            ("volume".to_owned(), vec![10.0, f64::NAN, 30.0, 40.0, 50.0, 60.0]),
        ],
    };
    let panel = rows.clone().into_panel([4, 2, 3, 1, 0].into_iter()).unwrap();
    assert_eq!(panel.instruments(), ["A", "C"]);
    assert_eq!(panel.calendar(), [1, 2, 4].map(day));
    assert_eq!((panel.listed(0), panel.listed(1)), (1..3, 0..3));
    let close = panel.field("close").unwrap();
    assert!(close[0].is_nan());
    assert_eq!(close[1..], [3.0, 4.0, 1.0, 2.0, 5.0]);
    assert_eq!(panel.series("volume", 1).unwrap()[2], 50.0);

    let twice = rows.clone().into_panel([4, 2, 4].into_iter()).unwrap_err();
    assert_eq!(twice, PanelError::Duplicate { instrument: "C".to_owned(), time: day(4) });
    let mut short = rows;
    short.columns[1].1.pop();
    let refused = short.into_panel(0..6).unwrap_err();
    assert_eq!(refused, PanelError::Shape { field: "volume".to_owned(), expected: 6, found: 5 });
}

#[test]
fn who_belongs_changes_and_gaps_change_nothing() {
    let day = |day| NaiveDate::from_ymd_opt(2024, 1, day).unwrap().and_hms_opt(0, 0, 0).unwrap();
    let mut builder = PanelBuilder::new(["close", "in_index"]);
    let rows = [
        ("A", 1, f64::NAN),
        ("A", 2, 1.0),
        ("A", 4, 0.02),
        ("A", 5, 0.0),
        ("B", 1, 1.0),
        ("B", 2, 1.0),
        ("B", 3, f64::NAN),
    ];
    for (instrument, on, member) in rows {
        builder.push(PanelRow { instrument, time: day(on), values: &[9.0, member] }).unwrap();
    }
    let panel = builder.build().unwrap();
    assert!(panel.is_member(0, 0) && panel.members().is_none(), "all belong unless told");

    let panel = panel.with_members("in_index").unwrap();
    let of_a = [false, true, true, true, false];
    let of_b = [true, true, false, false, false];
    assert_eq!(panel.members().unwrap(), [of_a, of_b].concat());
    assert!(panel.is_member(0, 2) && !panel.is_member(1, 2));
    let kept = panel.clone().retain_instruments(|name| name == "B");
    assert_eq!(kept.members().unwrap(), of_b);
    let more = kept.with_field("more", vec![1.0; 5]).unwrap();
    assert_eq!(more.members().unwrap(), of_b);

    let unknown = panel.clone().with_members("sp500").unwrap_err();
    let found = vec!["close".to_owned(), "in_index".to_owned()];
    assert_eq!(unknown, PanelError::NoMembers { field: "sp500".to_owned(), found });
    let nobody = panel.with_field("none", vec![0.0; 10]).unwrap().with_members("none");
    assert_eq!(nobody.unwrap_err(), PanelError::NeverMembers { field: "none".to_owned() });
}
