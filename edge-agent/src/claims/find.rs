//! Looking through what is kept for something that answers a question with yes.

use std::ops::RangeInclusive;

use telematics::{LeavesAt, Question};

use crate::kept::Kept;
use crate::spool::{Spool, SpoolError};
use crate::vault::Vault;

/// Records read at once.
const PAGE: usize = 256;
/// Records of a signal that are looked at: more than the default retention keeps.
const RECORDS_MAX: usize = 200_000;

/// Something kept, and where its leaf is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is behind the commitment.
    pub kept: Kept,
    /// Where the commitment's leaf is.
    pub leaf: LeavesAt,
}

/// Up to `limit` records that answer `question` with yes and were received on one of `days`, newest
/// first.
///
/// # Errors
/// When the disk fails. A record that does not open is skipped and logged.
pub fn find(
    spool: &Spool,
    vault: &Vault,
    question: &Question,
    days: RangeInclusive<u16>,
    limit: usize,
) -> Result<Vec<Found>, SpoolError> {
    let (mut found, mut before, mut seen) = (Vec::new(), u64::MAX, 0);
    while seen < RECORDS_MAX {
        let page = spool.kept(question.signal(), before, PAGE)?;
        let Some((oldest, _)) = page.last() else { break };
        before = *oldest;
        seen += page.len();
        for (_, record) in page {
            let Some(leaf) = record.leaf.filter(|leaf| days.contains(&leaf.day)) else { continue };
            match Kept::open(&record.committed, &record.sealed, vault) {
                Ok(kept) if zk::check_answer(question, &kept.committable).is_ok() => {
                    found.push(Found { kept, leaf });
                    if found.len() == limit {
                        return Ok(found);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    let commitment = record.committed.commitment;
                    tracing::warn!(%commitment, %error, "kept record skipped");
                }
            }
        }
    }
    Ok(found)
}
