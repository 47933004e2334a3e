//! Packing: samples into columns, columns into bytes.

use std::collections::BTreeMap;

use integer_encoding::VarInt;

use super::{COMPRESSION_LEVEL, Contents, VERSION};
use crate::sample::Sample;
use crate::vss::Signal;

/// Packs `contents` for sending.
#[must_use]
pub fn encode(contents: &Contents) -> Vec<u8> {
    let mut columns: BTreeMap<Signal, Vec<&Sample>> = BTreeMap::new();
    for sample in &contents.samples {
        columns.entry(sample.signal).or_default().push(sample);
    }

    let mut body = vec![VERSION];
    put(&mut body, columns.len());
    for (signal, samples) in columns {
        put(&mut body, usize::from(signal.number()));
        put(&mut body, samples.len());
        put_differences(&mut body, differences(samples.iter().map(|s| s.time.as_micros())));
        put_differences(&mut body, samples.iter().map(|sample| sample.value.raw()));
    }
    put(&mut body, contents.commitments.len());
    for committed in &contents.commitments {
        put(&mut body, usize::from(committed.signal.number()));
        body.extend_from_slice(&committed.commitment.0);
    }
    zstd::bulk::compress(&body, COMPRESSION_LEVEL).unwrap_or_default()
}

fn put(body: &mut Vec<u8>, number: usize) {
    body.extend_from_slice(&number.encode_var_vec());
}

fn put_signed(body: &mut Vec<u8>, number: i64) {
    body.extend_from_slice(&number.encode_var_vec());
}

/// Writes the first number and then what each adds to the one before. Wraps, as decoding
/// does, so that every pair of numbers has a difference.
fn put_differences(body: &mut Vec<u8>, numbers: impl Iterator<Item = i64>) {
    differences(numbers).for_each(|difference| put_signed(body, difference));
}

fn differences(numbers: impl Iterator<Item = i64>) -> impl Iterator<Item = i64> {
    numbers.scan(0_i64, |previous, number| {
        let difference = number.wrapping_sub(*previous);
        *previous = number;
        Some(difference)
    })
}
