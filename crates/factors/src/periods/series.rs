/// Values by period, ascending, as a pandas series with the periods as its index.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    /// Consecutive numbers of periods; see `PeriodLength::ordinal`.
    pub(super) periods: Vec<u32>,
    /// NaN where missing; 0 and 1 for a condition.
    pub(super) values: Vec<f64>,
    pub(super) is_condition: bool,
    /// Whether it is a condition that was moved: pandas keeps it as Python's objects.
    pub(super) is_holed: bool,
}

impl Series {
    pub(super) fn numbers(periods: Vec<u32>, values: Vec<f64>) -> Self {
        Self { periods, values, is_condition: false, is_holed: false }
    }

    /// Other values of the same periods.
    pub(super) fn with(self, values: Vec<f64>) -> Self {
        Self::numbers(self.periods, values)
    }

    /// Whether it can be joined with a condition.
    pub(super) fn holds_truths(&self) -> bool {
        self.is_condition || self.is_holed
    }

    /// The value of the newest period; NaN where there is none.
    pub(super) fn last(&self) -> f64 {
        self.values.last().copied().unwrap_or(f64::NAN)
    }

    /// Both on the periods that either has.
    pub(super) fn meet(self, other: Self) -> (Self, Self) {
        if self.periods == other.periods {
            return (self, other);
        }
        let mut periods: Vec<u32> = self.periods.iter().chain(&other.periods).copied().collect();
        periods.sort_unstable();
        periods.dedup();
        (self.on(&periods), other.on(&periods))
    }

    fn on(self, periods: &[u32]) -> Self {
        let value = |period: &u32| {
            let at = self.periods.binary_search(period).ok();
            at.map_or(f64::NAN, |at| self.values[at])
        };
        let values = periods.iter().map(value).collect();
        Self { periods: periods.to_vec(), values, ..self }
    }

    /// The value as many places before the last one; a single value stands for every place.
    pub(super) fn before_last(&self, places: usize) -> f64 {
        match self.values.as_slice() {
            [only] => *only,
            values => {
                let at = values.len().checked_sub(places + 1);
                at.map_or(f64::NAN, |at| values[at])
            }
        }
    }
}
