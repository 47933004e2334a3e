//! The only statements that name the tables of rewards.

mod facts;
mod shares;
mod weeks;

use telematics::ids::{Id, Kind};

use super::RewardsError;

pub(super) use facts::{facts, facts_of, insert_facts, streaks};
pub(super) use shares::{forget, insert_shares, shares, shares_of};
pub(super) use weeks::{insert_week, last_week, pay, unpaid, week, weeks};

/// Shares that one answer lists at most.
const SHARES_MAX: i64 = 10_000;

fn read_id<K: Kind>(table: &'static str, bytes: &[u8]) -> Result<Id<K>, RewardsError> {
    Id::from_bytes(bytes).or(Err(RewardsError::Damaged { table }))
}

/// Bytes of a name or a hash.
fn read_bytes<const BYTES: usize>(
    table: &'static str,
    bytes: &[u8],
) -> Result<[u8; BYTES], RewardsError> {
    bytes.try_into().or(Err(RewardsError::Damaged { table }))
}

fn read_u32(table: &'static str, number: i32) -> Result<u32, RewardsError> {
    u32::try_from(number).or(Err(RewardsError::Damaged { table }))
}

fn read_u64(table: &'static str, number: i64) -> Result<u64, RewardsError> {
    u64::try_from(number).or(Err(RewardsError::Damaged { table }))
}

fn stored(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn stored_long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
