use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader};

/// Lines of at most `limit` bytes; reading is over at a longer one, of which the beginning comes.
/// Safe to cancel: a line that has begun is kept.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    limit: usize,
    line: Line,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub bytes: Vec<u8>,
    /// The line is longer than its bytes.
    pub cut: bool,
}

impl Line {
    fn extend(&mut self, part: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.bytes.len());
        self.cut |= part.len() > room;
        self.bytes.extend_from_slice(&part[..part.len().min(room)]);
    }
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit, line: Line::default() }
    }

    /// The next line without its end; `None` at the end of the stream.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let available = self.reader.fill_buf().await?;
            if available.is_empty() {
                return Ok((!self.line.bytes.is_empty()).then(|| std::mem::take(&mut self.line)));
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            self.line.extend(part, self.limit);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() || self.line.cut {
                return Ok(Some(std::mem::take(&mut self.line)));
            }
        }
    }
}

impl<R: AsyncRead + Unpin> Lines<BufReader<R>> {
    /// Whether the next line is here already.
    pub fn is_at_hand(&self) -> bool {
        self.reader.buffer().contains(&b'\n')
    }
}

/// Makes lines of at most `limit` bytes of what is pushed; the rest of a longer one is skipped.
#[derive(Debug)]
pub(super) struct Splitter {
    limit: usize,
    line: Line,
}

impl Splitter {
    pub fn new(limit: usize) -> Self {
        Self { limit, line: Line::default() }
    }

    /// Takes from the front of `bytes` up to the end of the first line; `None` once all is taken.
    pub fn push(&mut self, bytes: &mut &[u8]) -> Option<Line> {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        self.line.extend(&bytes[..end.unwrap_or(bytes.len())], self.limit);
        *bytes = end.map_or(&[][..], |end| &bytes[end + 1..]);
        end.map(|_| std::mem::take(&mut self.line))
    }

    /// The line that was not ended.
    pub fn finish(&mut self) -> Option<Line> {
        (!self.line.bytes.is_empty()).then(|| std::mem::take(&mut self.line))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_split_and_long_ones_cut() {
        let text = b"one\n\ntoo long\nlast";
        let mut splitter = Splitter::new(4);
        let mut lines = Vec::new();
        for mut part in text.chunks(3) {
            while let Some(line) = splitter.push(&mut part) {
                lines.push(line);
            }
        }
        lines.extend(splitter.finish());
        let read: Vec<_> = lines.iter().map(|line| (&line.bytes[..], line.cut)).collect();
        let expected: [(&[u8], bool); 4] =
            [(b"one", false), (b"", false), (b"too ", true), (b"last", false)];
        assert_eq!(read, expected);
        assert_eq!(splitter.finish(), None);
    }

    #[tokio::test]
    async fn an_endless_line_is_noticed_before_its_end() {
        let endless = BufReader::with_capacity(8, tokio::io::repeat(b'x'));
        let line = Lines::new(endless, 20).next().await.unwrap().unwrap();
        assert_eq!((line.bytes.len(), line.cut), (20, true));
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_the_last() {
        let text: &[u8] = b"a\nbc";
        let mut lines = Lines::new(BufReader::with_capacity(1, text), 20);
        assert_eq!(lines.next().await.unwrap().unwrap().bytes, b"a");
        assert_eq!(lines.next().await.unwrap().unwrap().bytes, b"bc");
        assert_eq!(lines.next().await.unwrap(), None);
    }
}
