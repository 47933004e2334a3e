//! What an agent tells whoever looks after the car: `status.json` in its folder.
//!
//! Written whole (rename) every half second, so a reader never sees half of it. Counts that money
//! depends on come from the spool and are exact across restarts.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use telematics::Timestamp;
use tokio::sync::Notify;

use crate::files::{self, FileError, Readers};
use crate::live::{GroupCount, LiveSignal};
use crate::obd::{FaultCode, Findings};
use crate::progress::Counters;
use crate::spool::Chain;

const FILE: &str = "status.json";

/// The state of an agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Its vehicle, such as `vehicle_0190…`.
    pub vehicle_id: String,
    /// When its certificate ends (RFC 3339). It is renewed long before.
    pub certificate_expires_at: String,
    /// The consent policy that it applies.
    pub consent_version: u32,
    /// True while it talks with the marketplace.
    pub connected: bool,
    /// True when a replay has ended and every batch is acknowledged.
    pub done: bool,
    /// Since when the owner pauses the car (RFC 3339): nothing is recorded.
    #[serde(default)]
    pub paused_since: Option<String>,
    /// What last went wrong and is not right again yet.
    pub last_error: Option<String>,
    /// Lines of the present replay that were read.
    pub position: u64,
    /// What happened to frames and samples.
    #[serde(flatten)]
    pub counters: Counters,
    /// Batches that the marketplace has.
    pub batches_acknowledged: u64,
    /// Samples in them.
    pub samples_acknowledged: u64,
    /// Bytes of their payloads.
    pub bytes_acknowledged: u64,
    /// Batches that were given up, each stated to the marketplace under the car's signature.
    #[serde(default)]
    pub batches_lost: u64,
    /// Samples in them, as far as is known.
    #[serde(default)]
    pub samples_lost: u64,
    /// Batches that wait on disk.
    pub batches_pending: u64,
    /// Bytes of their payloads.
    pub bytes_pending: u64,
    /// Records kept for proofs.
    #[serde(default)]
    pub proofs_kept: u64,
    /// Those among them whose leaf is in an epoch tree, so that they can be proven about.
    #[serde(default)]
    pub proofs_placed: u64,
    /// Claims that wait for their time.
    #[serde(default)]
    pub claims_waiting: u64,
    /// Campaigns answered.
    #[serde(default)]
    pub claims_sent: u64,
    /// Claims that the marketplace did not want.
    #[serde(default)]
    pub claims_refused: u64,
    /// What campaigns paid for them.
    #[serde(default)]
    pub claims_paid_micro_tokens: u64,
    /// How much of that is on the owner's account.
    #[serde(default)]
    pub claims_swept_micro_tokens: u64,
    /// Why campaigns could not be answered when they were last looked at.
    #[serde(default)]
    pub last_claim_error: Option<String>,
    /// The last receipt.
    #[serde(default)]
    pub last_receipt: Option<LastReceipt>,
    /// What the car earned, as far as it knows: the marketplace told it then.
    #[serde(default)]
    pub tokens_earned: Option<TokensEarned>,
    /// The signals that came by in this run.
    #[serde(default)]
    pub live: Vec<LiveSignal>,
    /// What leaves, is proven or stays, by group.
    #[serde(default)]
    pub groups: Vec<GroupCount>,
    /// What the car answered, where the owner lets it be asked. For the owner: none of it leaves the car.
    #[serde(default)]
    pub obd: Option<ObdStatus>,
    /// When this was written (RFC 3339).
    pub updated_at: String,
}

/// What the marketplace acknowledged last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReceipt {
    /// Batches acknowledged by then.
    pub batches: u64,
    /// When, to half a second (RFC 3339).
    pub at: String,
}

/// What all sales with this car in them paid its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensEarned {
    /// The sum in micro-tokens, the marketplace's unit: 1,000,000 are one token.
    pub micro_tokens: u64,
    /// When the marketplace said so (RFC 3339).
    pub as_of: String,
}

impl fmt::Display for TokensEarned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&tokens(self.micro_tokens))
    }
}

/// Micro-tokens as tokens.
#[must_use]
pub fn tokens(micro_tokens: u64) -> String {
    format!("{}.{:06}", micro_tokens / 1_000_000, micro_tokens % 1_000_000)
}

/// What the car answered since the agent started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObdStatus {
    /// Requests sent.
    pub requests: u64,
    /// Requests that were answered.
    pub answered: u64,
    /// Requests that no computer answered.
    pub unanswered: u64,
    /// Negative answers, but for those that ask for time.
    pub refused: u64,
    /// Computers that answered.
    pub computers: usize,
    /// Fault codes stored, such as `P0301`.
    pub stored_codes: Vec<String>,
    /// Fault codes of the present or last drive.
    pub pending_codes: Vec<String>,
    /// Fault codes that only the car itself can clear.
    pub permanent_codes: Vec<String>,
    /// The fault for which values were frozen.
    pub frozen_for: Option<String>,
    /// The values that were frozen: path and value.
    pub frozen: Vec<(String, String)>,
    /// A keyed hash of the VIN: another one means another car.
    pub car: Option<String>,
}

impl From<&Findings> for ObdStatus {
    fn from(findings: &Findings) -> Self {
        let texts = |codes: &BTreeSet<FaultCode>| codes.iter().map(ToString::to_string).collect();
        let frozen = findings.frozen.iter().map(|(signal, value)| {
            let (decimals, physical) = (signal.decimals(), value.to_physical(signal.decimals()));
            let text = format!("{physical:.*} {}", usize::from(decimals), signal.unit());
            (signal.path().to_owned(), text)
        });
        Self {
            requests: findings.requests,
            answered: findings.answered,
            unanswered: findings.unanswered,
            refused: findings.refused,
            computers: findings.computers,
            stored_codes: texts(&findings.stored),
            pending_codes: texts(&findings.pending),
            permanent_codes: texts(&findings.permanent),
            frozen_for: findings.frozen_for.map(|code| code.to_string()),
            frozen: frozen.collect(),
            car: findings.fingerprint.map(|print| print.to_string()),
        }
    }
}

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// No agent ran here.
    #[error("{} is not there: no agent has run with this folder yet", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// It can not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not one that this program wrote.
    #[error("{} is not a status of this program", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Reads the status in `data_dir`.
///
/// # Errors
/// When there is none, or it is damaged.
pub fn read(data_dir: &Path) -> Result<Status, StatusError> {
    let path = data_dir.join(FILE);
    let text = match files::read(&path) {
        Err(error) if error.is_absent() => return Err(StatusError::Absent { path }),
        other => other?,
    };
    serde_json::from_str(&text).map_err(|source| StatusError::Damaged { path, source })
}

/// Writes `status` to `data_dir`, whole or not at all.
///
/// # Errors
/// When the file can not be written.
pub fn write(status: &Status, data_dir: &Path) -> Result<(), StatusError> {
    let path = data_dir.join(FILE);
    match serde_json::to_vec_pretty(status) {
        // Not synced: it is written twice a second, and after a power cut it says nothing true.
        Ok(text) => Ok(files::publish(&path, &text, Readers::OwnerOnly)?),
        Err(source) => Err(StatusError::Damaged { path, source }),
    }
}

/// The status that the tasks of an agent share.
#[derive(Clone, Debug, Default)]
pub struct Board {
    status: Arc<Mutex<Status>>,
    news: Arc<Notify>,
}

impl Board {
    /// A board that shows `status`.
    #[must_use]
    pub fn new(status: Status) -> Self {
        Self { status: Arc::new(Mutex::new(status)), news: Arc::default() }
    }

    /// Says that what it shows now is not to wait for the next time that the status is written.
    pub fn announce(&self) {
        self.news.notify_one();
    }

    /// Waits for the next announcement, or returns for the last one that nobody waited for.
    pub async fn announced(&self) {
        self.news.notified().await;
    }

    /// Changes what it shows.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Shows where the chain stands.
    pub fn show_chain(&self, chain: &Chain) {
        self.update(|status| {
            status.batches_acknowledged = chain.acknowledged_seq;
            status.samples_acknowledged = chain.samples_acknowledged;
            status.bytes_acknowledged = chain.bytes_acknowledged;
            (status.batches_lost, status.samples_lost) = (chain.batches_lost, chain.samples_lost);
            status.batches_pending = chain.batches_pending();
            status.bytes_pending = chain.bytes_pending;
        });
    }

    /// Notes that the marketplace acknowledged more than when this was last called.
    pub fn note_receipts(&self, now: Timestamp) {
        self.update(|status| {
            let batches = status.batches_acknowledged;
            let noted = status.last_receipt.as_ref().map_or(0, |receipt| receipt.batches);
            if batches > noted {
                status.last_receipt = Some(LastReceipt { batches, at: now.to_string() });
            }
        });
    }

    /// Shows a failure until [`Self::clear_error`].
    pub fn show_error(&self, error: &dyn std::error::Error) {
        let text = chain_text(error);
        self.update(|status| status.last_error = Some(text));
    }

    /// All is well again.
    pub fn clear_error(&self) {
        self.update(|status| status.last_error = None);
    }

    /// What it shows now.
    #[must_use]
    pub fn snapshot(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An error and its causes in one line.
#[must_use]
pub fn chain_text(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let status = Status {
            vehicle_id: "vehicle_1".to_owned(),
            last_error: Some("no network".to_owned()),
            counters: Counters { frames_read: 7, ..Counters::default() },
            samples_acknowledged: 5,
            ..Status::default()
        };
        write(&status, folder.path()).unwrap();

        assert_eq!(read(folder.path()).unwrap(), status);
    }

    #[test]
    fn a_folder_without_an_agent_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("status.json") && error.contains("no agent"), "{error}");

        std::fs::write(folder.path().join(FILE), "half").unwrap();
        assert!(matches!(read(folder.path()), Err(StatusError::Damaged { .. })));
    }
}
