/// What part of the usual size a benchmark has, to see whether costs grow with it.
#[derive(Debug, Clone, Copy)]
pub struct Scale(pub f64);

impl Scale {
    pub fn of(self, count: usize) -> usize {
        ((count as f64 * self.0).round() as usize).max(1)
    }
}
