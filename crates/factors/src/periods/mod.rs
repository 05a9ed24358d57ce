//! Expressions over periods, `P(…)` and `PRef(…)`, as Qlib evaluates them (`qlib/data/pit.py`,
//! `LocalPITProvider.period_feature`).
//!
//! On a bar's day every `$$field` is the series of its newest periods as known on that day: an
//! announcement counts from its own day on, the last one of a period is its value, and a period
//! that was skipped is missing. As many periods are read as the expression's windows reach back;
//! operators run over them in double precision, two series meeting by period; the last value in
//! single precision is the bar's. Between announcements nothing changes, so only the bars at which
//! one becomes known are computed.
//!
//! A field of which an instrument has announced nothing yet is a series without periods. Qlib gives
//! no value at all where that stays so for ever, which nobody could know on the day.

mod changes;
mod evaluate;
mod known;
mod reach;
mod series;

pub(crate) use changes::{Change, Changes};
