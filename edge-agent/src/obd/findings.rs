//! What a car has said about itself: for its owner to see, and nothing of it leaves the car.

use std::collections::{BTreeMap, BTreeSet};

use telematics::{Signal, Value};

use super::codes::FaultCode;
use super::vin::Fingerprint;

/// What is known from the answers so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
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
    /// Fault codes stored.
    pub stored: BTreeSet<FaultCode>,
    /// Fault codes of the present or last drive.
    pub pending: BTreeSet<FaultCode>,
    /// Fault codes that only the car itself can clear.
    pub permanent: BTreeSet<FaultCode>,
    /// The fault for which values were frozen.
    pub frozen_for: Option<FaultCode>,
    /// The values that were frozen.
    pub frozen: BTreeMap<Signal, Value>,
    /// Whether the car is still the same.
    pub fingerprint: Option<Fingerprint>,
}
