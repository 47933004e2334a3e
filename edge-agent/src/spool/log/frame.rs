//! How a record lies in a segment, and how records are found again when some of it is damaged.
//!
//! ```text
//! frame = "Axl\xf5" crc:u32 length:u32 epoch:u32 number:u64 body     most significant byte first
//! crc   = CRC-32C over everything behind it
//! ```
//!
//! **Invariant:** a frame whose checksum is wrong is no frame. Behind one, the next is looked for byte by
//! byte, so damage costs the records it touches and no others.

use std::ops::Range;

use crc::{CRC_32_ISCSI, Crc, Table};

use crate::spool::records::take;

const MARKER: [u8; 4] = *b"Axl\xf5";
/// Bytes of a frame before its body.
pub(super) const HEAD_BYTES: usize = 24;
/// Behind the marker and the checksum.
const SUMMED_FROM: usize = 8;
/// More than a batch and all that is kept with it can have. Bounds what a damaged length asks for.
pub(in crate::spool) const BODY_BYTES_MAX: usize = 32 << 20;

/// CRC-32C, as many file systems use it.
const CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// A frame that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::spool) struct Frame {
    pub(in crate::spool) epoch: u32,
    pub(in crate::spool) number: u64,
    /// Where it is in what was scanned.
    pub(in crate::spool) range: Range<usize>,
}

/// The bytes of a frame.
pub(in crate::spool) fn frame(epoch: u32, number: u64, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let summed =
        [length.to_be_bytes().as_slice(), &epoch.to_be_bytes(), &number.to_be_bytes(), body]
            .concat();
    [MARKER.as_slice(), &CRC.checksum(&summed).to_be_bytes(), &summed].concat()
}

/// The frame at the beginning of `bytes`, and how long it is.
fn parse(bytes: &[u8]) -> Option<(u32, u64, usize)> {
    let mut rest = bytes.strip_prefix(MARKER.as_slice())?;
    let sum = u32::from_be_bytes(take(&mut rest)?);
    let length = usize::try_from(u32::from_be_bytes(take(&mut rest)?)).ok()?;
    let epoch = u32::from_be_bytes(take(&mut rest)?);
    let number = u64::from_be_bytes(take(&mut rest)?);
    if length > BODY_BYTES_MAX {
        return None;
    }
    let summed = bytes.get(SUMMED_FROM..HEAD_BYTES + length)?;
    (CRC.checksum(summed) == sum).then_some((epoch, number, HEAD_BYTES + length))
}

/// The body of the one frame that `bytes` are.
pub(super) fn body(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let (_, _, length) = parse(&bytes)?;
    (length == bytes.len()).then(|| bytes.split_off(HEAD_BYTES))
}

/// The frames in a segment, and how many damaged places there are between and behind them.
pub(in crate::spool) fn scan(segment: &[u8]) -> (Vec<Frame>, u64) {
    let (mut frames, mut damaged) = (Vec::new(), 0);
    let (mut at, mut lost) = (0, false);
    while let Some(rest) = segment.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some((epoch, number, length)) = parse(rest) {
            frames.push(Frame { epoch, number, range: at..at + length });
            (at, lost) = (at + length, false);
            continue;
        }
        if !std::mem::replace(&mut lost, true) {
            damaged += 1;
        }
        let next = rest.windows(MARKER.len()).skip(1).position(|window| window == MARKER);
        let Some(next) = next else { break };
        at += next + 1;
    }
    (frames, damaged)
}

/// Gives the frame that begins at `from` a checksum that is right, if its length is there.
#[cfg(test)]
pub(in crate::spool) fn believe(segment: &mut Vec<u8>, from: usize) {
    let Some(length) = segment.get(from + SUMMED_FROM..from + SUMMED_FROM + 4) else { return };
    let length = usize::try_from(u32::from_be_bytes(length.try_into().unwrap())).unwrap();
    let end = from + HEAD_BYTES + length;
    if length < BODY_BYTES_MAX && segment.starts_with(&MARKER) {
        segment.resize(segment.len().max(end), 0);
        let sum = CRC.checksum(&segment[from + SUMMED_FROM..end]).to_be_bytes();
        segment[from + 4..from + SUMMED_FROM].copy_from_slice(&sum);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn three() -> Vec<u8> {
        [frame(1, 5, b"first"), frame(1, 6, b"Axl\xf5 in the body"), frame(1, 7, b"")].concat()
    }

    fn numbers(segment: &[u8]) -> Vec<u64> {
        scan(segment).0.iter().map(|frame| frame.number).collect()
    }

    #[test]
    fn records_come_back() {
        let segment = three();
        let (frames, damaged) = scan(&segment);

        assert_eq!((numbers(&segment), damaged), (vec![5, 6, 7], 0));
        assert_eq!(body(segment[frames[0].range.clone()].to_vec()).unwrap(), b"first");
        assert_eq!(body(segment), None, "more than one frame");
        assert_eq!(scan(&[]), (vec![], 0));
    }

    /// Pinned: the check value of the CRC catalogue, so that other programs can read a spool.
    #[test]
    fn the_checksum_is_crc32c() {
        assert_eq!(CRC.checksum(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn one_flipped_bit_costs_one_record() {
        let segment = three();
        let ends: Vec<_> = scan(&segment).0.iter().map(|frame| frame.range.end).collect();
        for bit in 0..segment.len() * 8 {
            let mut flipped = segment.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let hit = ends.iter().position(|end| bit / 8 < *end).unwrap();
            let expected: Vec<_> =
                (5..=7).filter(|number| number - 5 != u64::try_from(hit).unwrap()).collect();

            assert_eq!((numbers(&flipped), scan(&flipped).1), (expected, 1), "bit {bit}");
        }
    }

    #[test]
    fn a_torn_end_leaves_the_longest_valid_prefix() {
        let segment = three();
        let ends: Vec<_> = scan(&segment).0.iter().map(|frame| frame.range.end).collect();
        for length in 0..segment.len() {
            let whole = ends.iter().filter(|end| **end <= length).count();
            assert_eq!(numbers(&segment[..length]).len(), whole, "{length} bytes");
        }
    }

    proptest! {
        /// Whatever is on the disk is read without a panic, and only sound frames come out.
        #[test]
        fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let noisy = [bytes.as_slice(), &frame(3, 9, &bytes), &bytes].concat();
            prop_assert!(numbers(&noisy).contains(&9));
        }
    }
}
