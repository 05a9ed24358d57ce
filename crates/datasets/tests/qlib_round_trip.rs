//! Conversions from and to Qlib's binary format lose nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;

use alphafleet_datasets::{
    Precision, PriceBasis, QlibExport, QlibFrequency, QlibOptions, export_qlib, panel_from_parquet,
    panel_to_parquet, read_converted, read_qlib, write_converted,
};
use alphafleet_market::{FindingCode, Panel, PanelBuilder, PanelRow};
use chrono::{DateTime, NaiveDateTime};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const FIELDS: [&str; 6] = ["close", "factor", "open", "pe_ratio", "volume", "vwap"];
const SYMBOLS: [&str; 7] = ["AAPL", "brk-b", "CON", "SH600000", "^GSPC", "600000.SH", "börse"];

fn frequency(name: &str) -> QlibFrequency {
    name.parse().unwrap()
}

/// Times of the frequency with gaps between them.
fn calendar(daily: bool) -> impl Strategy<Value = Vec<NaiveDateTime>> {
    let step = if daily { 86_400 } else { 60 };
    prop::collection::vec(1..200_i64, 1..12).prop_map(move |gaps| {
        let mut at = 1_600_041_600_i64; // a midnight
        let times = gaps.into_iter().map(|gap| {
            at += gap * step;
            DateTime::from_timestamp(at, 0).unwrap().naive_utc()
        });
        times.collect()
    })
}

/// Doubles that single precision does not hold, and those that it does; nothing beyond its range.
fn double() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.01..1e6_f64,
        2 => any::<f32>().prop_map(f64::from).prop_filter("a factor leaves room", |value| {
            value.abs() < 1e30 || !value.is_finite()
        }),
        2 => -1e30..1e30_f64,
        1 => select(vec![
            f64::NAN, -0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, 5e-324, -f64::MIN_POSITIVE,
            f64::from(f32::MIN_POSITIVE) / 8.0, 12.34, 1e-300,
        ]),
    ]
}

/// A factor is mostly one, and sometimes nothing that can be one.
fn factor() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.001..1000.0_f64,
        2 => select(vec![1.0, 2.0, 0.5]),
        1 => select(vec![f64::NAN, 0.0, -1.0, f64::INFINITY]),
    ]
}

prop_compose! {
    fn row()(values in prop::collection::vec(double(), FIELDS.len()), factor in factor())
        -> Vec<f64>
    {
        let mut values = values;
        values[1] = factor;
        values
    }
}

#[derive(Debug)]
struct Case {
    panel: Panel,
    frequency: QlibFrequency,
    basis: PriceBasis,
}

fn case() -> impl Strategy<Value = Case> {
    let parts = any::<bool>().prop_flat_map(|daily| {
        (
            Just(daily),
            calendar(daily),
            prop::collection::vec((any::<Index>(), any::<Index>(), row()), 1..40),
            prop::sample::subsequence((0..FIELDS.len()).collect::<Vec<_>>(), 1..=FIELDS.len()),
            select(vec![PriceBasis::Adjusted, PriceBasis::Raw]),
        )
    });
    parts.prop_filter_map("a row has a value", |(daily, calendar, rows, fields, basis)| {
        let mut cells = BTreeMap::new();
        for (symbol, time, values) in rows {
            cells.insert((*symbol.get(&SYMBOLS), *time.get(&calendar)), values);
        }
        let mut builder = PanelBuilder::new(fields.iter().map(|&field| FIELDS[field]));
        for ((instrument, time), values) in cells {
            let values: Vec<f64> = fields.iter().map(|&field| values[field]).collect();
            builder.push(PanelRow { instrument, time, values: &values }).unwrap();
        }
        let bytes = panel_to_parquet(&builder.build().unwrap()).unwrap();
        let panel = panel_from_parquet("x", bytes).unwrap();
        let frequency = frequency(if daily { "day" } else { "1min" });
        (panel.rows() > 0).then_some(Case { panel, frequency, basis })
    })
}

fn bits(panel: &Panel) -> Vec<(String, Vec<u64>)> {
    let bits = |value: &f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    let field = |name: &str| panel.field(name).unwrap().iter().map(bits).collect();
    panel.field_names().map(|name| (name.to_owned(), field(name))).collect()
}

fn assert_same(found: &Panel, expected: &Panel) {
    assert_eq!(found.calendar(), expected.calendar());
    assert_eq!(found.instruments(), expected.instruments());
    assert_eq!(bits(found), bits(expected));
    assert_eq!(panel_to_parquet(found).unwrap(), panel_to_parquet(expected).unwrap());
}

/// All files below a folder with their contents.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

fn exact<'a>(frequency: &'a QlibFrequency, price_basis: PriceBasis) -> QlibExport<'a> {
    QlibExport {
        frequency,
        price_basis,
        precision: Precision::Double,
        layout: None,
        universes: &[],
    }
}

fn options(price_basis: PriceBasis) -> QlibOptions {
    QlibOptions { price_basis, ..QlibOptions::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn property_4_parquet_qlib_round_trip_is_exact(case in case()) {
        let Case { panel, frequency, basis } = case;
        let folder = tempfile::tempdir().unwrap();
        let parquet = panel_to_parquet(&panel).unwrap();
        let panel = panel_from_parquet("first", parquet.clone()).unwrap();
        let first = folder.path().join("first");
        let findings = export_qlib(&panel, &first, &exact(&frequency, basis)).unwrap();
        prop_assert!(findings.is_empty(), "{findings:?}");
        let back = read_qlib(&first, &options(basis)).unwrap();
        assert_same(&back.panel, &panel);
        prop_assert_eq!(panel_to_parquet(&back.panel).unwrap(), parquet);

        // And from Qlib by Parquet to Qlib.
        let (file, second) = (folder.path().join("x.parquet"), folder.path().join("second"));
        write_converted(&file, back).unwrap();
        let converted = read_converted(&file).unwrap().unwrap();
        let export = QlibExport { layout: converted.layout.as_ref(), ..exact(&frequency, basis) };
        let findings = export_qlib(&converted.panel, &second, &export).unwrap();
        prop_assert!(findings.is_empty(), "{findings:?}");
        prop_assert_eq!(files(&second), files(&first));
    }

    /// Who belongs to a universe comes back from a list as from a feature.
    #[test]
    fn property_4_members_are_exact_as_lists(case in case(), members: Vec<bool>) {
        let Case { panel, frequency, basis } = case;
        let bars = panel.calendar().len();
        let value = |cell: usize| match panel.has_bar(cell / bars, cell % bars) {
            true => f64::from(u8::from(members.get(cell).is_some_and(|&member| member))),
            false => f64::NAN,
        };
        let values = (0..bars * panel.instruments().len()).map(value).collect();
        let panel = panel.with_field("index50", values).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        let universes = ["index50".to_owned()];
        let export = QlibExport { universes: &universes, ..exact(&frequency, basis) };
        prop_assert_eq!(export_qlib(&panel, &first, &export).unwrap(), vec![]);
        prop_assert!(!files(&first).keys().any(|name| name.contains("index50.1min")));
        prop_assert!(!files(&first).keys().any(|name| name.contains("index50.day")));
        let back = read_qlib(&first, &options(basis)).unwrap();
        assert_same(&back.panel, &panel);
        let export = QlibExport { layout: Some(&back.layout), ..exact(&frequency, basis) };
        prop_assert_eq!(export_qlib(&back.panel, &second, &export).unwrap(), vec![]);
        prop_assert_eq!(files(&second), files(&first));
    }

    /// What single precision holds comes back; everything else is counted.
    #[test]
    fn property_4_rounding_to_single_precision_is_said(case in case()) {
        let Case { panel, frequency, basis } = case;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("qlib");
        let export = QlibExport { precision: Precision::Single, ..exact(&frequency, basis) };
        let findings = export_qlib(&panel, &target, &export).unwrap();
        prop_assert!(!files(&target).keys().any(|name| name.ends_with(".f64")));
        let back = read_qlib(&target, &options(basis)).unwrap();
        let (found, expected) = (bits(&back.panel), bits(&panel));
        for ((field, found), (_, expected)) in found.iter().zip(&expected) {
            let differ = found.iter().zip(expected).filter(|(a, b)| a != b).count() as u64;
            let said = findings.iter().find(|finding| finding.column.as_ref() == Some(field));
            prop_assert_eq!(said.map_or(0, |finding| finding.count), differ, "{}", field);
            prop_assert!(said.is_none_or(|f| f.code == FindingCode::RoundedToSingle));
        }
    }
}

/// A folder as `dump_bin.py` might leave it: any start, any values, idle entries, other lists.
#[derive(Debug)]
struct Dumped {
    calendar: usize,
    /// By symbol: the start and the values of each field.
    instruments: BTreeMap<&'static str, (usize, Vec<Vec<f32>>)>,
    /// A field of an instrument that has no file.
    hole: (Index, Index),
    /// A list of the instruments by their places, each from a day to another.
    universe: Option<Vec<(Index, usize, usize)>>,
}

fn single() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => 0.01..1e6_f32,
        1 => any::<f32>().prop_map(|v| if v.is_nan() { f32::NAN } else { v }),
        2 => Just(f32::NAN),
    ]
}

fn dumped() -> impl Strategy<Value = Dumped> {
    let fields = prop::collection::vec(single(), 0..8);
    let instrument = (0..6_usize, prop::collection::vec(fields, FIELDS.len()));
    let instruments = prop::collection::btree_map(select(SYMBOLS.to_vec()), instrument, 1..5);
    let span = (any::<Index>(), 1..20_usize, 0..9_usize);
    let universe = prop::option::of(prop::collection::vec(span, 0..6));
    (instruments, any::<(Index, Index)>(), universe, 14..20_usize)
        .prop_map(|(instruments, hole, universe, calendar)| Dumped {
            calendar,
            instruments,
            hole,
            universe,
        })
        .prop_filter("a folder has a value", |dumped| {
            let all = dumped.instruments.values().flat_map(|(_, fields)| &fields[..1]);
            all.flatten().any(|value| !value.is_nan())
        })
}

impl Dumped {
    fn write(&self, root: &Path) {
        for folder in ["calendars", "instruments", "features"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let days: String = (1..=self.calendar).map(|day| format!("2024-01-{day:02}\n")).collect();
        std::fs::write(root.join("calendars/day.txt"), days).unwrap();
        let mut all = String::from("GONE\t2024-01-01\t2024-01-02\n");
        let hole = self.hole.0.index(self.instruments.len());
        for (at, (symbol, (start, fields))) in self.instruments.iter().enumerate() {
            all += &format!("{symbol}\t2024-01-01\t2024-01-03\n{symbol}\t2024-01-05\t2024-01-09\n");
            let prefix = if *symbol == "CON" { "_qlib_" } else { "" };
            let folder = root.join("features").join(format!("{prefix}{}", symbol.to_lowercase()));
            std::fs::create_dir_all(&folder).unwrap();
            for (column, (field, values)) in FIELDS.iter().zip(fields).enumerate() {
                if at == hole && column == self.hole.1.index(FIELDS.len() - 1) + 1 {
                    continue;
                }
                let numbers = std::iter::once(*start as f32).chain(values.iter().copied());
                let bytes: Vec<u8> = numbers.flat_map(f32::to_le_bytes).collect();
                std::fs::write(folder.join(format!("{field}.day.bin")), bytes).unwrap();
            }
        }
        std::fs::write(root.join("instruments/all.txt"), &all).unwrap();
        let Some(spans) = &self.universe else { return };
        let symbols: Vec<_> = self.instruments.keys().chain(&["GONE"]).collect();
        let line = |(at, first, days): &(Index, usize, usize)| {
            let (symbol, last) = (at.get(&symbols), first + days);
            format!("{symbol}\t2024-01-{first:02}\t2024-01-{last:02}\n")
        };
        let list: String = spans.iter().map(line).collect();
        for name in ["csi300", "factor", "csi-300"] {
            std::fs::write(root.join(format!("instruments/{name}.txt")), &list).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn property_4_qlib_folders_come_back_byte_for_byte(dumped in dumped(), adjusted: bool) {
        let basis = if adjusted { PriceBasis::Adjusted } else { PriceBasis::Raw };
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        dumped.write(&first);
        let read = read_qlib(&first, &options(basis)).unwrap();
        prop_assert_eq!(read.panel.field("csi300").is_some(), dumped.universe.is_some());
        let file = folder.path().join("x.parquet");
        write_converted(&file, read).unwrap();
        let converted = read_converted(&file).unwrap().unwrap();
        let day = QlibFrequency::day();
        for precision in [Precision::Single, Precision::Double] {
            let layout = converted.layout.as_ref();
            let export = QlibExport { frequency: &day, price_basis: basis, precision, layout, universes: &[] };
            let findings = export_qlib(&converted.panel, &second, &export).unwrap();
            prop_assert!(findings.is_empty(), "{findings:?}");
            prop_assert_eq!(files(&second), files(&first));
            std::fs::remove_dir_all(&second).unwrap();
        }
    }
}
