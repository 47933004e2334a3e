//! Hostile bytes where the spool has a segment: as they are, as the bodies of whole records, and with one
//! of two records damaged.
//!
//! What the scan gives are records whose checksum (computed here once more, bit by bit) is right, in order
//! and apart. Damage to a record costs that record. An entry that is read survives being written.
#![no_main]

use edge_agent::spool::segment::{self, Record};
use libfuzzer_sys::fuzz_target;

const MARKER: &[u8] = b"Axl\xf5";
const HEAD_BYTES: usize = 24;

fuzz_target!(|bytes: &[u8]| {
    let Some(([mode, at], rest)) = bytes.split_first_chunk() else { return };
    match mode % 3 {
        0 => drop(check(rest)),
        1 => {
            let record = segment::record(1, 7, rest);
            assert_eq!(check(&record), [7]);
        }
        _ => damage(rest, usize::from(*mode) << 8 | usize::from(*at)),
    }
});

/// Two records of `bytes`, with one bit of them flipped.
fn damage(bytes: &[u8], at: usize) {
    // Inside of what is damaged, records are looked for: there must be none.
    if bytes.windows(MARKER.len()).any(|window| window == MARKER) {
        return;
    }
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let records = [segment::record(1, 7, first), segment::record(1, 8, second)];
    let border = records[0].len();
    let mut segment = records.concat();
    let byte = at / 8 % segment.len();
    segment[byte] ^= 1 << (at % 8);
    assert_eq!(check(&segment), [if byte < border { 8 } else { 7 }], "byte {byte}");
}

/// The numbers of the records in `segment`, each checked.
fn check(segment: &[u8]) -> Vec<u64> {
    let (records, damaged) = segment::records(segment);
    let (mut end, mut gaps) = (0, 0);
    for Record { epoch, number, range } in &records {
        assert!(end <= range.start && range.end <= segment.len(), "{range:?}");
        gaps += u64::from(end < range.start);
        end = range.end;
        let (head, body) = segment[range.clone()].split_at(HEAD_BYTES);
        let length = u32::try_from(body.len()).unwrap();
        let summed = [&length.to_be_bytes(), &epoch.to_be_bytes(), &number.to_be_bytes()[..]];
        assert_eq!(head[8..], summed.concat());
        assert_eq!(&head[..4], MARKER);
        assert_eq!(head[4..8], crc32c(&segment[range.start + 8..range.end]).to_be_bytes());
        assert_ne!(segment::survives(body), Some(false), "an entry changed when it was written");
    }
    assert_eq!(damaged, gaps + u64::from(end < segment.len()));
    records.into_iter().map(|record| record.number).collect()
}

/// CRC-32C as its definition has it, without a table.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0x82F6_3B78 & (sum & 1).wrapping_neg()))
    })
}
