//! Unpacking: bytes from a car into samples, every limit first.

use std::collections::BTreeSet;
use std::io::Read;

use integer_encoding::VarInt;

use super::{
    COMMITMENTS_MAX, Contents, DAYS_MAX, EXPANSION_FLOOR_BYTES, EXPANSION_MAX, PAYLOAD_BYTES_MAX,
    PayloadError, SAMPLES_MAX, VERSION,
};
use crate::loss::Loss;
use crate::sample::Sample;
use crate::time::Timestamp;
use crate::value::Value;
use crate::vss::Signal;
use crate::window::{Commitment, Committed};

/// Unpacks a payload received from a car. That of a [`Loss`] holds no samples.
///
/// # Errors
/// Everything outside the limits or the format is refused; see [`PayloadError`].
pub fn decode(payload: &[u8]) -> Result<Contents, PayloadError> {
    if Loss::read(payload)?.is_some() {
        return Ok(Contents::default());
    }
    let body = unpack(payload)?;
    let mut reader = Reader { body: &body, at: 0 };
    match reader.byte()? {
        VERSION => {}
        version => return Err(PayloadError::UnknownVersion { version }),
    }

    let mut contents = Contents::default();
    let mut previous = None;
    for _ in 0..reader.count()? {
        let signal = reader.signal()?;
        if previous.replace(signal).is_some_and(|previous| previous >= signal) {
            return Err(PayloadError::OutOfOrder { signal });
        }
        reader.column(signal, &mut contents.samples)?;
    }

    let commitments = reader.count()?;
    if commitments > COMMITMENTS_MAX {
        return Err(PayloadError::TooManyCommitments);
    }
    for _ in 0..commitments {
        let signal = reader.signal()?;
        let commitment = Commitment(reader.bytes()?);
        contents.commitments.push(Committed { signal, commitment });
    }
    reader.end()?;
    check_times(&contents)?;
    Ok(contents)
}

fn check_times(contents: &Contents) -> Result<(), PayloadError> {
    if let Some(sample) = contents.samples.iter().find(|sample| !sample.time.is_in_calendar()) {
        return Err(PayloadError::OutOfCalendar { signal: sample.signal, time: sample.time });
    }
    // Neighbours are mostly of one day, and there are thousands of them.
    let mut days: Vec<_> = contents.samples.iter().map(|sample| sample.time.day()).collect();
    days.dedup();
    let days = BTreeSet::from_iter(days);
    if days.len() > DAYS_MAX { Err(PayloadError::TooManyDays) } else { Ok(()) }
}

fn unpack(payload: &[u8]) -> Result<Vec<u8>, PayloadError> {
    let compressed = payload.len();
    if compressed > PAYLOAD_BYTES_MAX {
        return Err(PayloadError::TooLarge { actual: compressed });
    }
    let max = (compressed * EXPANSION_MAX).max(EXPANSION_FLOOR_BYTES);
    let limit = u64::try_from(max + 1).unwrap_or(u64::MAX);

    let mut body = Vec::new();
    zstd::Decoder::new(payload)
        .and_then(|decoder| decoder.take(limit).read_to_end(&mut body))
        .or(Err(PayloadError::NotCompressed))?;
    if body.len() > max {
        return Err(PayloadError::Expands { compressed, max });
    }
    Ok(body)
}

/// Reads a body from front to back; every read says where it failed.
struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, PayloadError> {
        let byte = self.body.get(self.at).copied();
        self.at += 1;
        byte.ok_or(PayloadError::Malformed { at: self.at - 1 })
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], PayloadError> {
        let bytes = self.body.get(self.at..self.at + N).and_then(|slice| slice.try_into().ok());
        let at = self.at;
        self.at += N;
        bytes.ok_or(PayloadError::Malformed { at })
    }

    fn varint<V: VarInt>(&mut self) -> Result<V, PayloadError> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let (number, length) =
            V::decode_var(rest).ok_or(PayloadError::Malformed { at: self.at })?;
        self.at += length;
        Ok(number)
    }

    fn signed(&mut self) -> Result<i64, PayloadError> {
        self.varint()
    }

    fn count(&mut self) -> Result<usize, PayloadError> {
        self.varint()
    }

    fn signal(&mut self) -> Result<Signal, PayloadError> {
        let number = self.varint::<u64>()?;
        Ok(Signal::by_number(number)?)
    }

    /// Reads the times and values of one signal and appends them to `samples`.
    fn column(&mut self, signal: Signal, samples: &mut Vec<Sample>) -> Result<(), PayloadError> {
        let count = self.count()?;
        if count > SAMPLES_MAX - samples.len() {
            return Err(PayloadError::TooManySamples);
        }
        let first = samples.len();
        let (mut time, mut step) = (0_i64, 0_i64);
        for _ in 0..count {
            step = step.wrapping_add(self.signed()?);
            time = time.wrapping_add(step);
            let time = Timestamp::from_micros(time);
            samples.push(Sample { signal, time, value: Value::from_raw(0) });
        }
        let mut value = 0_i64;
        for sample in samples.iter_mut().skip(first) {
            value = value.wrapping_add(self.signed()?);
            sample.value = Value::from_raw(value);
        }
        Ok(())
    }

    fn end(&self) -> Result<(), PayloadError> {
        if self.at == self.body.len() {
            return Ok(());
        }
        Err(PayloadError::Malformed { at: self.at })
    }
}
