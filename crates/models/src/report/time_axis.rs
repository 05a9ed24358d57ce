use chrono::{NaiveDateTime, NaiveTime};

/// Up to five evenly spread labels; with the time of day unless all bars are daily.
pub fn time_labels(times: &[NaiveDateTime]) -> Vec<(f64, String)> {
    let last = times.len().saturating_sub(1);
    let mut places: Vec<usize> = (0..=4).map(|part| last * part / 4).collect();
    places.dedup();
    let daily = times.iter().all(|time| time.time() == NaiveTime::MIN);
    let format = if daily { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" };
    let label = |time: &NaiveDateTime| (place(*time), time.format(format).to_string());
    places.into_iter().filter_map(|at| times.get(at)).map(label).collect()
}

/// In days, on the axis of time.
pub fn place(time: NaiveDateTime) -> f64 {
    time.and_utc().timestamp() as f64 / 86_400.0
}
