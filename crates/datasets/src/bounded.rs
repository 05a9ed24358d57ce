use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Stops a reader that is asked for more than `limit` bytes within one record, so that a quote
/// that never closes does not swallow the memory.
pub(crate) struct Bounded<R> {
    inner: R,
    spent: Rc<Cell<u64>>,
    limit: u64,
}

impl<R: Read> Bounded<R> {
    /// With the count of bytes, which is set to 0 before each record.
    pub(crate) fn new(inner: R, limit: u64) -> (Self, Rc<Cell<u64>>) {
        let spent = Rc::new(Cell::new(0));
        (Self { inner, spent: Rc::clone(&spent), limit }, spent)
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.spent.get() > self.limit {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let read = self.inner.read(buffer)?;
        self.spent.set(self.spent.get() + read as u64);
        Ok(read)
    }
}
