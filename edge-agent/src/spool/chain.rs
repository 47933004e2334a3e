//! Where a vehicle's chain stands: its head, and how much of it the marketplace has.

use serde::{Deserialize, Serialize};
use telematics::{BatchHash, VehicleId};

use crate::seal::Head;

/// The state of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    vehicle: String,
    seq: u64,
    hash: [u8; 32],
    /// Batches acknowledged: the position of the last one.
    pub acknowledged_seq: u64,
    /// Samples acknowledged.
    pub samples_acknowledged: u64,
    /// Bytes of payload acknowledged.
    pub bytes_acknowledged: u64,
    /// Bytes of payload that wait.
    pub bytes_pending: u64,
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
            samples_acknowledged: 0,
            bytes_acknowledged: 0,
            bytes_pending: 0,
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

    /// Batches that wait.
    #[must_use]
    pub const fn batches_pending(&self) -> u64 {
        self.seq.saturating_sub(self.acknowledged_seq)
    }
}
