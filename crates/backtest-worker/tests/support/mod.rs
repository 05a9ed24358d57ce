#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use alphafleet_backtest::plan::{Plan, PlanDraft, Point};
use alphafleet_backtest::{CorporateAction, Signal, default_period};
use alphafleet_backtest_worker::{
    BacktestRunError, Finished, Groups, Run, RunDataset, Sink, percent, run,
};
use alphafleet_market::Panel;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampNanosecondType};
use chrono::{DateTime, NaiveDateTime};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

/// Writes down what a run says; asks it to stop after a number of bars.
#[derive(Default)]
pub struct Record {
    pub stages: RefCell<Vec<(String, f64)>>,
    pub points: RefCell<Vec<Point>>,
    pub messages: RefCell<Vec<String>>,
    pub stop_after: Option<usize>,
    pub seen: Cell<usize>,
}

impl Sink for Record {
    fn stage(&self, name: &str, percent: f64) {
        self.stages.borrow_mut().push((name.to_owned(), percent));
    }

    fn point(&self, point: &Point) {
        assert!((10.0..=90.0).contains(&percent(point)));
        self.points.borrow_mut().push(*point);
        self.seen.set(self.seen.get() + 1);
    }

    fn inform(&self, message: &str) {
        self.messages.borrow_mut().push(message.to_owned());
    }

    fn warn(&self, message: &str) {
        self.inform(message);
    }

    fn stop(&self) -> bool {
        self.stop_after.is_some_and(|bars| self.seen.get() >= bars)
    }
}

/// The document of a template, changed by `edit`.
pub fn draft(template: &str, edit: impl FnOnce(&mut Value)) -> PlanDraft {
    let templates = alphafleet_backtest::plan::plan_templates();
    let template = templates.iter().find(|known| known.name == template).unwrap();
    let table: toml::Table = template.toml.parse().unwrap();
    let mut document = serde_json::to_value(table).unwrap();
    edit(&mut document);
    PlanDraft::from_value(&document).unwrap()
}

pub fn complete(draft: PlanDraft, panel: &Panel, signal: Option<&Signal>) -> Plan {
    draft.complete(default_period(panel, signal).unwrap())
}

pub fn backtest(
    plan: &Plan,
    panel: &Arc<Panel>,
    signal: Option<&Signal>,
    scratch: &Path,
    record: &Record,
) -> Result<Finished, BacktestRunError> {
    backtest_of(plan, panel, (&[], None), signal, scratch, record)
}

/// With corporate actions, and groups to attribute gains to.
pub fn backtest_of(
    plan: &Plan,
    panel: &Arc<Panel>,
    (actions, groups): (&[CorporateAction], Option<&Groups>),
    signal: Option<&Signal>,
    scratch: &Path,
    record: &Record,
) -> Result<Finished, BacktestRunError> {
    let given = Run {
        plan,
        dataset: RunDataset { name: "market", version: "v1" },
        prices: "as they are",
        groups,
        session: "test",
        build: "test",
        scratch,
        findings: &[],
        now: || DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
    };
    run(&given, Arc::clone(panel), actions, signal, record)
}

pub fn json(scratch: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(scratch.join(name)).unwrap()).unwrap()
}

/// A file's columns, floats as doubles with NaN for null.
pub struct Table {
    batch: RecordBatch,
}

impl Table {
    pub fn read(file: &Path) -> Self {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
        let schema = reader.schema().clone();
        let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
        Self { batch: concat_batches(&schema, &batches).unwrap() }
    }

    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    pub fn names(&self) -> Vec<String> {
        self.batch.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    pub fn floats(&self, name: &str) -> Vec<f64> {
        let column = self.batch.column_by_name(name).unwrap_or_else(|| panic!("{name} is missing"));
        let column = cast(column, &DataType::Float64).unwrap();
        let column = column.as_primitive::<Float64Type>();
        let value = |row: usize| if column.is_null(row) { f64::NAN } else { column.value(row) };
        (0..column.len()).map(value).collect()
    }

    pub fn times(&self, name: &str) -> Vec<NaiveDateTime> {
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let times = cast(self.batch.column_by_name(name).unwrap(), &nanos).unwrap();
        let times = times.as_primitive::<TimestampNanosecondType>();
        times.values().iter().map(|&t| DateTime::from_timestamp_nanos(t).naive_utc()).collect()
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        let names = cast(self.batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
        let names = names.as_string::<i32>();
        (0..names.len()).map(|row| names.value(row).to_owned()).collect()
    }
}
