//! Lists of who belongs to a universe when, from the files people have.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use alphafleet_datasets::{DatasetError, UniverseList, read_universe};
use alphafleet_market::{Finding, FindingCode, Panel, PanelBuilder, PanelRow};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use proptest::prelude::*;

fn read(name: &str, content: impl AsRef<[u8]>) -> Result<UniverseList, DatasetError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    read_universe(&path)
}

fn day(day: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 1, 1).unwrap().checked_add_days(Days::new(day)).unwrap()
}

fn panel(rows: impl IntoIterator<Item = (&'static str, NaiveDateTime)>) -> Panel {
    let mut builder = PanelBuilder::new(["close"]);
    for (instrument, time) in rows {
        builder.push(PanelRow { instrument, time, values: &[1.0] }).unwrap();
    }
    builder.build().unwrap()
}

/// Daily bars of A and B on the days 0 to 9, without day 4 of A.
fn daily() -> Panel {
    let bars = (0..10).flat_map(|on| [("A", on), ("B", on)]).filter(|&bar| bar != ("A", 4));
    panel(bars.map(|(instrument, on)| (instrument, day(on).and_time(NaiveTime::MIN))))
}

fn members(list: &UniverseList, panel: Panel) -> Vec<f64> {
    list.add_to(panel, "index50").unwrap().0.field("index50").unwrap().to_vec()
}

fn same(found: &[f64], expected: &[f64]) -> bool {
    let same = |(a, b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan();
    found.len() == expected.len() && found.iter().zip(expected).all(same)
}

#[test]
fn csv_lists_say_who_belongs_when() {
    const NAN: f64 = f64::NAN;
    let always = [1.0; 10];
    for (text, a, b) in [
        (
            "instrument,start,end\nA,2024-01-02,2024-01-06\nA,2024-01-09,2024-01-09\nB,,\n",
            [0.0, 1.0, 1.0, 1.0, NAN, 1.0, 0.0, 0.0, 1.0, 0.0],
            always,
        ),
        (
            "\u{feff}To, Symbol ,FROM\r\n2024/01/02,A,\r\n\r\n,A,20240110\r\n",
            [1.0, 1.0, 0.0, 0.0, NAN, 0.0, 0.0, 0.0, 0.0, 1.0],
            [0.0; 10],
        ),
        ("symbol\nB\n", [0.0, 0.0, 0.0, 0.0, NAN, 0.0, 0.0, 0.0, 0.0, 0.0], always),
        (
            "start_date,instrument\n2024-01-09,A\n",
            [0.0, 0.0, 0.0, 0.0, NAN, 0.0, 0.0, 0.0, 1.0, 1.0],
            [0.0; 10],
        ),
        (
            "A\t2024-01-02\t2024-01-03\t0.5\nB\t1990-01-01\t2099-01-01\n",
            [0.0, 1.0, 1.0, 0.0, NAN, 0.0, 0.0, 0.0, 0.0, 0.0],
            always,
        ),
    ] {
        let list = read("list.csv", text).unwrap();
        assert!(same(&members(&list, daily()), &[a, b].concat()), "{text}");
    }
    let whole = daily();
    let list = read("list.csv", "symbol,start\nB,2024-01-03\n").unwrap();
    let universe = list.add_to(whole, "index50").unwrap().0.with_members("index50").unwrap();
    assert!(universe.is_member(1, 2) && !universe.is_member(1, 1) && !universe.is_member(0, 2));
}

#[test]
fn a_day_ends_with_its_last_bar_and_in_qlibs_text_with_its_first_moment() {
    let minutes = [("A", 0, 0), ("A", 0, 570), ("A", 1, 0), ("A", 1, 570), ("A", 2, 570)];
    let minutes = minutes.map(|(instrument, on, minute)| {
        let time = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).unwrap();
        (instrument, day(on).and_time(time))
    });
    for (text, expected) in [
        ("symbol,from,to\nA,2024-01-01,2024-01-02\n", [1.0, 1.0, 1.0, 1.0, 0.0]),
        ("symbol,from,to\nA,2024-01-01,2024-01-02 00:00\n", [1.0, 1.0, 1.0, 0.0, 0.0]),
        ("symbol,from,to\nA,2024-01-02 09:30,2024-01-02\n", [0.0, 0.0, 0.0, 1.0, 0.0]),
        ("A\t2024-01-01\t2024-01-02\n", [1.0, 1.0, 1.0, 0.0, 0.0]),
        ("A\t2024-01-01 09:30:00\t2024-01-02 09:30:00\n", [0.0, 1.0, 1.0, 1.0, 0.0]),
    ] {
        let list = read("list.csv", text).unwrap();
        assert_eq!(members(&list, panel(minutes)), expected, "{text}");
    }
}

#[test]
fn broken_lists_are_refused_by_file_and_line() {
    let big = "A\n".repeat(2_000_001);
    let huge = vec![b'x'; (64 << 20) + 1];
    for (content, code, words) in [
        ("", "missing_column", "list.csv: column instrument or symbol is missing"),
        ("name,start\nA,2024-01-01\n", "missing_column", "found: name, start"),
        ("symbol,start\n", "empty_universe", "no instruments in list.csv"),
        ("symbol,instrument\nA,A\n", "ambiguous_column", "symbol, instrument"),
        ("symbol,from,start\nA,,\n", "ambiguous_column", "from, start"),
        (
            "symbol,start\nA,2024-01-01\n\nB,soon\n",
            "bad_value",
            "list.csv, row 4: 'soon' in column start",
        ),
        ("symbol,end\nA,2024-01-01T00:00:00Z\n", "bad_value", "a day such as 2024-01-31"),
        ("symbol,start,end\nA,2024-01-02,2024-01-01\n", "bad_value", "at or after its start"),
        ("symbol,start,end\nA,2024-01-02\n", "bad_value", "row 2: 'A,2024-01-02'"),
        ("symbol,start\n ,2024-01-02\n", "bad_value", "row 2: '' in column symbol"),
        ("A\t2024-01-02\n", "bad_value", "SYMBOL, START and END with tabs between them"),
        (
            "A\t2024-01-02\t2024-01-03\nB\tx\t2024-01-03\n",
            "bad_value",
            "row 2: 'x' in column start",
        ),
        ("symbol\tstart\tend\nA\t2024-01-02\t2024-01-03\n", "bad_value", "row 1: 'start'"),
        (&big, "too_large", "2000001 lines"),
    ] {
        let refused = read("list.csv", content).unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.to_string().contains(words) && refused.is_callers(), "{refused}");
    }
    let refused = |content: &[u8]| read("list.csv", content).unwrap_err();
    assert_eq!(refused(&huge).code(), "too_large");
    assert_eq!(refused(&[0xff, 0xfe, 0x41]).code(), "corrupt_file");
    let nowhere = read_universe(std::path::Path::new("nowhere/list.csv")).unwrap_err();
    assert!(nowhere.is_callers() && nowhere.to_string().contains("nowhere"), "{nowhere}");
}

#[test]
fn a_list_of_other_instruments_is_refused_and_strangers_are_told_of() {
    let refused =
        |text: &str, name: &str| read("list.csv", text).unwrap().add_to(daily(), name).unwrap_err();
    let strange = refused("symbol\nX\nY\n", "index50");
    assert_eq!(strange.code(), "strange_universe");
    assert!(strange.to_string().contains("it has X, Y, they have A, B"), "{strange}");
    for (name, words) in
        [("close", "means something else"), ("csi-300", "lower-case"), ("all", "all instruments")]
    {
        let bad = refused("symbol\nA\n", name);
        assert_eq!(bad.code(), "bad_universe");
        assert!(bad.to_string().contains(words) && bad.is_callers(), "{bad}");
    }
    let list = read("list.csv", "symbol,weight,from\nA,1,2025-01-01\nX,2,\nY,3,\nZ,4,\nU,5,\n");
    let list = list.unwrap();
    let (panel, findings) = list.add_to(daily(), "index50").unwrap();
    let told = |code| -> &Finding { findings.iter().find(|finding| finding.code == code).unwrap() };
    let strangers = told(FindingCode::UnknownMembers);
    assert_eq!(strangers.count, 4);
    let words = "index50: 4 of the 5 instruments it lists have no bars: U, X, Y and 1 more";
    assert_eq!(strangers.message, words);
    assert!(told(FindingCode::IgnoredColumn).message.contains("passed over: weight"));
    told(FindingCode::NoMembers);
    assert_eq!(list.add_to(panel, "index50").unwrap_err().code(), "bad_universe");
}

const NAMES: [&str; 4] = ["A", "B", "C", "D"];

/// An instrument's place, whether the start is open, whether the end is, the first day and how
/// many more.
type Span = (usize, bool, bool, u64, u64);

fn text(spans: &[Span], csv: bool) -> String {
    let line = |&(at, from_ever, for_ever, first, more): &Span| {
        let (first, last) = (day(first).to_string(), day(first + more).to_string());
        let open = |is: bool, day: String| if is && csv { String::new() } else { day };
        let cells = [NAMES[at].to_owned(), open(from_ever, first), open(for_ever, last)];
        cells.join(if csv { "," } else { "\t" }) + "\n"
    };
    let header = if csv { "instrument,start,end\n" } else { "" };
    header.to_owned() + &spans.iter().map(line).collect::<String>()
}

proptest! {
    #[test]
    fn every_bar_has_the_membership_that_the_list_says(
        spans in prop::collection::vec(
            (0..4_usize, any::<bool>(), any::<bool>(), 0..30_u64, 0..12_u64), 1..12,
        ),
        bars in prop::collection::btree_set((0..4_usize, 0..40_u64), 1..80),
        csv: bool,
    ) {
        let list = read("list.csv", text(&spans, csv)).unwrap();
        let rows = bars.iter().map(|&(at, on)| (NAMES[at], day(on).and_time(NaiveTime::MIN)));
        let panel = panel(rows);
        let has_any = spans.iter().any(|span| bars.iter().any(|bar| bar.0 == span.0));
        let added = list.add_to(panel, "index50");
        prop_assert_eq!(added.is_ok(), has_any);
        let Ok((panel, findings)) = added else { return Ok(()) };

        let naive = |at: usize, on: u64| {
            spans.iter().any(|&(of, from_ever, for_ever, first, more)| {
                let begun = (csv && from_ever) || first <= on;
                let ended = !(csv && for_ever) && first + more < on;
                of == at && begun && !ended
            })
        };
        let mut values = BTreeMap::new();
        for (index, instrument) in panel.instruments().iter().enumerate() {
            let at = NAMES.iter().position(|name| name == instrument).unwrap();
            let series = panel.series("index50", index).unwrap();
            for (time, value) in panel.calendar().iter().zip(series) {
                let on = (time.date() - day(0)).num_days() as u64;
                prop_assert_eq!(value.is_nan(), !bars.contains(&(at, on)));
                if !value.is_nan() {
                    values.insert((at, on), *value);
                }
            }
        }
        for &(at, on) in &bars {
            prop_assert_eq!(values[&(at, on)], f64::from(u8::from(naive(at, on))));
        }
        let nobody = !bars.iter().any(|&(at, on)| naive(at, on));
        let told = findings.iter().any(|finding| finding.code == FindingCode::NoMembers);
        prop_assert_eq!(told, nobody);
    }

    #[test]
    fn no_file_makes_a_list_panic(bytes: Vec<u8>, text in "[A,\t\n2024\\-01\"symbol]{0,60}") {
        for content in [bytes, text.into_bytes()] {
            if let Ok(list) = read("list.csv", &content) {
                prop_assert!(list.instruments().next().is_some());
                drop(list.add_to(daily(), "index50"));
            }
        }
    }
}
