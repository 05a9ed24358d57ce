use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Lines of at most `limit` bytes. Safe to cancel: a line that has begun is kept.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    limit: usize,
    overlong: Overlong,
    line: Vec<u8>,
    cut: bool,
}

/// What happens to a line that is too long. Either way its beginning comes, marked as cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlong {
    /// The rest is skipped and reading goes on.
    Skip,
    /// It comes as soon as it is too long; reading is over.
    Stop,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub bytes: Vec<u8>,
    pub cut: bool,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub const fn new(reader: R, limit: usize, overlong: Overlong) -> Self {
        Self { reader, limit, overlong, line: Vec::new(), cut: false }
    }

    /// The next line without its end; `None` at the end of the stream.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let available = self.reader.fill_buf().await?;
            if available.is_empty() {
                return Ok(if self.line.is_empty() { None } else { Some(self.take()) });
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            let room = self.limit.saturating_sub(self.line.len());
            self.cut |= part.len() > room;
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() || (self.cut && self.overlong == Overlong::Stop) {
                return Ok(Some(self.take()));
            }
        }
    }

    fn take(&mut self) -> Line {
        let bytes = std::mem::take(&mut self.line);
        Line { bytes, cut: std::mem::take(&mut self.cut) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::BufReader;

    #[tokio::test]
    async fn lines_are_split_and_long_ones_cut() {
        let text: &[u8] = b"one\n\ntoo long\nlast";
        let mut lines = Lines::new(BufReader::with_capacity(2, text), 4, Overlong::Skip);
        let mut read = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            read.push((String::from_utf8(line.bytes).unwrap(), line.cut));
        }
        let expected = [("one", false), ("", false), ("too ", true), ("last", false)];
        assert_eq!(read, expected.map(|(text, cut)| (text.to_owned(), cut)));
    }

    #[tokio::test]
    async fn an_endless_line_is_noticed_before_its_end() {
        let endless = BufReader::with_capacity(8, tokio::io::repeat(b'x'));
        let line = Lines::new(endless, 20, Overlong::Stop).next().await.unwrap().unwrap();
        assert_eq!((line.bytes.len(), line.cut), (20, true));
    }
}
