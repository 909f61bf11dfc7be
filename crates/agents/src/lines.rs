//! Lines of bounded length from a pipe.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// The longest line that an agent may write. As large as any one content may be.
pub(crate) const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A line, or why there is none.
#[derive(Debug)]
pub(crate) enum Line {
    Whole(Vec<u8>),
    TooLong,
    End,
    Broken,
}

/// Reads lines. Cancelling a read loses nothing: what was read so far is kept.
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    partial: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), partial: Vec::new() }
    }

    pub(crate) async fn next(&mut self) -> Line {
        loop {
            let chunk = match self.reader.fill_buf().await {
                Ok([]) if self.partial.is_empty() => return Line::End,
                // The last line may lack its newline.
                Ok([]) => return Line::Whole(std::mem::take(&mut self.partial)),
                Ok(chunk) => chunk,
                Err(_) => return Line::Broken,
            };
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(chunk.len());
            if self.partial.len() + taken > LINE_BYTES_MAX {
                return Line::TooLong;
            }
            self.partial.extend_from_slice(&chunk[..taken]);
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return Line::Whole(std::mem::take(&mut self.partial));
            }
        }
    }

    /// Ends when there is something to read (true), or nothing more to come (false). Blank lines are
    /// nothing: many programs end a message with one newline too many.
    pub(crate) async fn stirs(&mut self) -> bool {
        if !self.partial.is_empty() {
            return true;
        }
        loop {
            let Ok(chunk @ [_, ..]) = self.reader.fill_buf().await else { return false };
            if !chunk.iter().all(u8::is_ascii_whitespace) {
                return true;
            }
            let blank = chunk.len();
            self.reader.consume(blank);
        }
    }
}
