//! Lines of a file, plain or gzip, without trusting either.
//!
//! **Invariant:** memory is bounded by [`Lines::HEAD_BYTES_MAX`] and [`Lines::LINE_BYTES_MAX`],
//! whatever the file holds: of a longer line only its length is looked at.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// The lines of a file.
pub(super) struct Lines {
    input: Box<dyn BufRead + Send>,
    head: Box<[u8]>,
    line: Vec<u8>,
    /// Bytes of the input that the last line took, which is still borrowed from there.
    taken: usize,
    count: u64,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text<'a> {
    /// Without its line break.
    Whole(&'a [u8]),
    /// Longer than [`Lines::LINE_BYTES_MAX`].
    TooLong,
}

impl Lines {
    /// Bytes at the front by which the form of a log is told.
    pub(super) const HEAD_BYTES_MAX: usize = 1 << 16;
    /// The longest line of a CAN FD frame with everything that a tool says about it has some 600.
    pub(super) const LINE_BYTES_MAX: usize = 1 << 14;

    /// The lines of a file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::unpack(BufReader::with_capacity(1 << 16, File::open(path)?))
    }

    /// The lines of `input`; gzip is told by its first two bytes, if they come together.
    pub(super) fn unpack(mut input: impl BufRead + Send + 'static) -> io::Result<Self> {
        if input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            return Ok(Self::of(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(input))));
        }
        Ok(Self::of(input))
    }

    fn of(mut input: impl BufRead + Send + 'static) -> Self {
        let mut head = Vec::new();
        let limit = u64::try_from(Self::HEAD_BYTES_MAX).unwrap_or(u64::MAX);
        // What is damaged after the head is an error when it is reached, not before.
        let damage = input.by_ref().take(limit).read_to_end(&mut head).err();
        let rest = Damaged { damage, input };
        let input = Box::new(Cursor::new(head.clone()).chain(rest));
        Self { input, head: head.into(), line: Vec::new(), taken: 0, count: 0 }
    }

    /// The first bytes of the file.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Lines read so far.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The next line, or `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Text<'_>>> {
        self.input.consume(std::mem::take(&mut self.taken));
        if let Some(end) = memchr::memchr(b'\n', self.input.fill_buf()?) {
            self.taken = end + 1;
            self.count += 1;
            if self.taken > Self::LINE_BYTES_MAX {
                return Ok(Some(Text::TooLong));
            }
            // Where it lies, without a copy: the buffer is filled, so this gives it again.
            let line = self.input.fill_buf()?.get(..end).unwrap_or_default();
            return Ok(Some(Text::Whole(line.trim_ascii_end())));
        }
        self.next_across_buffers()
    }

    /// A line that the input's buffer holds only a part of.
    fn next_across_buffers(&mut self) -> io::Result<Option<Text<'_>>> {
        self.line.clear();
        let limit = u64::try_from(Self::LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.count += 1;
        if read == Self::LINE_BYTES_MAX && self.line.last() != Some(&b'\n') {
            self.input.skip_until(b'\n')?;
            return Ok(Some(Text::TooLong));
        }
        Ok(Some(Text::Whole(self.line.trim_ascii_end())))
    }
}

/// What follows the head: first the error that ended it, if one did.
struct Damaged<R> {
    damage: Option<io::Error>,
    input: R,
}

impl<R: BufRead> Read for Damaged<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.damage.take().map_or_else(|| self.input.read(buffer), Err)
    }
}

impl<R: BufRead> BufRead for Damaged<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.damage.take() {
            Some(error) => Err(error),
            None => self.input.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        self.input.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_costs_no_memory() {
        let endless = Cursor::new(b"first\r\n".to_vec())
            .chain(BufReader::new(io::repeat(b'x').take(50_000_000)))
            .chain(Cursor::new(b"\nlast".to_vec()));
        let mut lines = Lines::of(endless);

        assert_eq!(lines.next().unwrap(), Some(Text::Whole(b"first")));
        assert_eq!(lines.next().unwrap(), Some(Text::TooLong));
        assert_eq!(lines.next().unwrap(), Some(Text::Whole(b"last")));
        assert_eq!(lines.next().unwrap(), None);
        assert_eq!(lines.count(), 3);
        assert!(lines.line.capacity() <= 2 * Lines::LINE_BYTES_MAX);
    }

    #[test]
    fn a_line_of_the_greatest_length_is_whole() {
        for (length, whole) in [(0, true), (1, true), (2, false)] {
            let mut line = vec![b'x'; Lines::LINE_BYTES_MAX - 1 + length];
            line.push(b'\n');
            let mut lines = Lines::of(Cursor::new(line));
            let text = lines.next().unwrap().unwrap();
            assert_eq!(matches!(text, Text::Whole(_)), whole && length == 0, "{length}");
        }
    }
}
