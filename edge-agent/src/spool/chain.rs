//! Where a vehicle's chain stands: its head, and how much of it the marketplace has.

use serde::{Deserialize, Serialize};
use telematics::{BatchHash, VehicleId};

use super::state::Slot;
use crate::seal::Head;

/// The state of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    vehicle: String,
    seq: u64,
    hash: [u8; 32],
    /// Batches acknowledged: the position of the last one.
    pub acknowledged_seq: u64,
    /// Its hash.
    #[serde(default)]
    pub(super) acknowledged_hash: [u8; 32],
    /// Batches up to this position may have been sent, so they must not be dropped or changed.
    #[serde(default)]
    pub(super) sent_seq: u64,
    /// Samples acknowledged.
    pub samples_acknowledged: u64,
    /// Bytes of payload acknowledged.
    pub bytes_acknowledged: u64,
    /// Batches given up, each stated in the chain.
    #[serde(default)]
    pub batches_lost: u64,
    /// Samples in them, as far as is known.
    #[serde(default)]
    pub samples_lost: u64,
    /// Bytes of payload that wait.
    #[serde(skip)]
    pub bytes_pending: u64,
    #[serde(skip)]
    pub(super) batches_waiting: u64,
}

impl Chain {
    /// A chain without batches.
    #[must_use]
    pub fn new(vehicle: VehicleId) -> Self {
        Self {
            vehicle: vehicle.to_string(),
            seq: 0,
            hash: BatchHash::GENESIS.0,
            acknowledged_seq: 0,
            acknowledged_hash: BatchHash::GENESIS.0,
            sent_seq: 0,
            samples_acknowledged: 0,
            bytes_acknowledged: 0,
            batches_lost: 0,
            samples_lost: 0,
            bytes_pending: 0,
            batches_waiting: 0,
        }
    }

    /// True when this is the chain of `vehicle`.
    #[must_use]
    pub fn belongs_to(&self, vehicle: VehicleId) -> bool {
        self.vehicle == vehicle.to_string()
    }

    /// The end of the chain.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head { seq: self.seq, hash: BatchHash(self.hash) }
    }

    /// Moves the end of the chain.
    pub const fn set_head(&mut self, head: Head) {
        self.seq = head.seq;
        self.hash = head.hash.0;
    }

    /// The last batch that the marketplace has.
    pub(super) const fn acknowledged(&self) -> Head {
        Head { seq: self.acknowledged_seq, hash: BatchHash(self.acknowledged_hash) }
    }

    /// Counts `slot` as acknowledged.
    pub(super) fn acknowledge(&mut self, slot: &Slot) {
        self.acknowledged_seq = slot.last_seq;
        self.samples_acknowledged += u64::from(slot.samples);
        self.bytes_acknowledged += slot.payload_bytes;
        self.batches_lost += slot.batches_lost;
        self.samples_lost += slot.samples_lost;
    }

    pub(super) const fn set_acknowledged_hash(&mut self, hash: BatchHash) {
        self.acknowledged_hash = hash.0;
    }

    /// Batches that wait, statements of losses among them.
    #[must_use]
    pub const fn batches_pending(&self) -> u64 {
        self.batches_waiting
    }
}
