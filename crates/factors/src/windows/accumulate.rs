//! Sums that follow the window, compensated after Kahan.

/// A statistic that can take a value in and out.
trait Accumulator {
    /// Starts anew; `first` is the oldest bar of the new window.
    fn start(first: f64) -> Self;
    fn add(&mut self, value: f64);
    fn remove(&mut self, value: f64);
    fn value(&self) -> f64;
}

fn roll<A: Accumulator>(values: &[f64], window: usize) -> Vec<f64> {
    let Some(&first) = values.first() else { return vec![] };
    let mut state = A::start(first);
    let mut result = Vec::with_capacity(values.len());
    for (bar, &value) in values.iter().enumerate() {
        if window == 1 {
            // Windows that do not overlap start from zero, free of earlier rounding.
            state = A::start(value);
        } else if window > 0 && bar >= window {
            state.remove(values[bar - window]);
        }
        state.add(value);
        result.push(state.value());
    }
    result
}

pub(crate) fn sum(values: &[f64], window: usize) -> Vec<f64> {
    roll::<Sum>(values, window)
}

pub(crate) fn mean(values: &[f64], window: usize) -> Vec<f64> {
    roll::<Mean>(values, window)
}

/// Sample variance (one degree of freedom); one value has none.
pub(crate) fn var(values: &[f64], window: usize) -> Vec<f64> {
    roll::<Var>(values, window)
}

/// Root of [`var`]; a variance that rounding made negative counts as 0.
pub(crate) fn std(values: &[f64], window: usize) -> Vec<f64> {
    let root = |v: f64| if v < 0.0 { 0.0 } else { v.sqrt() };
    var(values, window).into_iter().map(root).collect()
}

/// Counts how often the newest value repeats: a constant window is answered without rounding.
struct Run {
    length: usize,
    value: f64,
}

impl Run {
    fn add(&mut self, value: f64) {
        self.length = if value == self.value { self.length + 1 } else { 1 };
        self.value = value;
    }

    fn fills(&self, count: usize) -> bool {
        self.length >= count
    }
}

/// A sum that keeps the rounding errors of additions and of removals apart.
struct Kahan {
    sum: f64,
    added: f64,
    removed: f64,
}

impl Kahan {
    fn add(&mut self, value: f64) {
        (self.sum, self.added) = compensated(self.sum, value, self.added);
    }

    fn remove(&mut self, value: f64) {
        (self.sum, self.removed) = compensated(self.sum, -value, self.removed);
    }
}

fn compensated(sum: f64, value: f64, error: f64) -> (f64, f64) {
    let corrected = value - error;
    let total = sum + corrected;
    (total, total - sum - corrected)
}

struct Sum {
    total: Kahan,
    count: usize,
    run: Run,
}

impl Accumulator for Sum {
    fn start(first: f64) -> Self {
        let total = Kahan { sum: 0.0, added: 0.0, removed: 0.0 };
        Self { total, count: 0, run: Run { length: 0, value: first } }
    }

    fn add(&mut self, value: f64) {
        if !value.is_nan() {
            self.count += 1;
            self.total.add(value);
            self.run.add(value);
        }
    }

    fn remove(&mut self, value: f64) {
        if !value.is_nan() {
            self.count -= 1;
            self.total.remove(value);
        }
    }

    fn value(&self) -> f64 {
        match self.count {
            0 => f64::NAN,
            n if self.run.fills(n) => self.run.value * n as f64,
            _ => self.total.sum,
        }
    }
}

struct Mean {
    sum: Sum,
    negative: usize,
}

impl Accumulator for Mean {
    fn start(first: f64) -> Self {
        Self { sum: Sum::start(first), negative: 0 }
    }

    fn add(&mut self, value: f64) {
        self.sum.add(value);
        self.negative += usize::from(!value.is_nan() && value.is_sign_negative());
    }

    fn remove(&mut self, value: f64) {
        self.sum.remove(value);
        self.negative -= usize::from(!value.is_nan() && value.is_sign_negative());
    }

    fn value(&self) -> f64 {
        let count = self.sum.count;
        let mean = self.sum.total.sum / count as f64;
        match count {
            0 => f64::NAN,
            n if self.sum.run.fills(n) => self.sum.run.value,
            // Rounding must not give a mean a sign that none of its values has.
            _ if self.negative == 0 && mean < 0.0 => 0.0,
            n if self.negative == n && mean > 0.0 => 0.0,
            _ => mean,
        }
    }
}

/// Welford's algorithm with a compensated mean.
struct Var {
    count: usize,
    mean: f64,
    squares: f64,
    added: f64,
    removed: f64,
    run: Run,
}

impl Accumulator for Var {
    fn start(first: f64) -> Self {
        let run = Run { length: 0, value: first };
        Self { count: 0, mean: 0.0, squares: 0.0, added: 0.0, removed: 0.0, run }
    }

    fn add(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.count += 1;
        self.run.add(value);
        let before = self.mean - self.added;
        let corrected = value - self.added;
        let delta = corrected - self.mean;
        self.added = delta + self.mean - corrected;
        self.mean += delta / self.count as f64;
        self.squares += (value - before) * (value - self.mean);
    }

    fn remove(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.count -= 1;
        if self.count == 0 {
            self.mean = 0.0;
            self.squares = 0.0;
            return;
        }
        let before = self.mean - self.removed;
        let corrected = value - self.removed;
        let delta = corrected - self.mean;
        self.removed = delta + self.mean - corrected;
        self.mean -= delta / self.count as f64;
        self.squares -= (value - before) * (value - self.mean);
    }

    fn value(&self) -> f64 {
        match self.count {
            0 | 1 => f64::NAN,
            n if self.run.fills(n) => 0.0,
            n => self.squares / (n - 1) as f64,
        }
    }
}
