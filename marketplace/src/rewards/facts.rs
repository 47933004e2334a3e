//! What is published of a vehicle's week, under a name that nobody can trace.
//!
//! **Invariant:** names are made with a [`Salt`] that is thrown away when they are, so that nobody gets from a vehicle to its name,
//! or from one week to another, but through what the market keeps for the owner.

use std::fmt;

use sha2::{Digest, Sha256};
use telematics::{Value, VehicleDescription, VehicleId};

/// Stands for a vehicle in one week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pseudonym(pub [u8; 16]);

/// Stands for a model or a region in one week: vehicles with the same one are of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(pub [u8; 8]);

/// What a vehicle did in a week: counts only, so that a row does not tell anybody's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Days on which a signal changed that the vehicle shares.
    pub connected_days: u32,
    /// Weeks in a row with such a day, up to this one; at most 26.
    pub streak_weeks: u32,
    /// Signals that changed in the week.
    pub signals: u32,
    /// The mean score of all samples that it sent in the week, in per mille, rounded down.
    pub plausibility: u32,
    /// Which model it is of.
    pub model: Group,
    /// Where it was last; none when it shares no location.
    pub region: Option<Group>,
}

/// How many vehicles with a connected day there are in a week, and how many of them are like one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Peers {
    /// All.
    pub(super) vehicles: u32,
    /// Those of its model, itself included.
    pub(super) same_model: u32,
    /// Those that share a location.
    pub(super) located: u32,
    /// Those in its region, itself included.
    pub(super) same_region: u32,
}

/// Makes the names of one week. Random, and kept by nobody.
#[derive(Clone)]
pub struct Salt([u8; 32]);

impl Salt {
    /// The salt made of `entropy`, which must be random.
    #[must_use]
    pub const fn new(entropy: [u8; 32]) -> Self {
        Self(entropy)
    }

    pub(super) fn pseudonym(&self, vehicle: VehicleId) -> Pseudonym {
        Pseudonym(self.name(b"vehicle", vehicle.as_bytes()))
    }

    /// Make and model, however they are written; not the year.
    pub(super) fn model(&self, vehicle: &VehicleDescription) -> Group {
        let words = [vehicle.make(), vehicle.model()].map(|word| word.trim().to_lowercase());
        Group(self.name(b"model", words.join("\0").as_bytes()))
    }

    pub(super) fn region(&self, centre: [Value; 2]) -> Group {
        let centre = centre.map(|value| value.raw().to_be_bytes());
        Group(self.name(b"region", &centre.concat()))
    }

    /// The first bytes of a hash over the salt and what is named. `kind` keeps names of one kind from being those of another.
    fn name<const BYTES: usize>(&self, kind: &[u8], what: &[u8]) -> [u8; BYTES] {
        let digest = Sha256::new().chain_update(self.0).chain_update(kind).chain_update(what);
        digest.finalize().first_chunk().copied().unwrap_or([0; BYTES])
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use telematics::Powertrain;
    use telematics::testing::vehicle;

    use super::*;

    fn car(make: &str, model: &str, year: u32) -> VehicleDescription {
        VehicleDescription::new(make, model, year, Powertrain::Hybrid).unwrap()
    }

    #[test]
    fn a_name_holds_for_a_week() {
        let (one, other) = (Salt::new([1; 32]), Salt::new([2; 32]));

        assert_eq!(one.pseudonym(vehicle(1)), one.pseudonym(vehicle(1)));
        assert_ne!(one.pseudonym(vehicle(1)), one.pseudonym(vehicle(2)));
        assert_ne!(one.pseudonym(vehicle(1)), other.pseudonym(vehicle(1)));
    }

    #[test]
    fn a_model_is_one_however_it_is_written() {
        let salt = Salt::new([1; 32]);
        let rav4 = salt.model(&car("Toyota", "RAV4", 2017));

        assert_eq!(salt.model(&car("toyota", "Rav4", 2021)), rav4);
        assert_ne!(salt.model(&car("Toyota", "RAV5", 2017)), rav4);
        assert_ne!(salt.model(&car("ToyotaR", "AV4", 2017)), rav4);
        assert_ne!(Salt::new([2; 32]).model(&car("Toyota", "RAV4", 2017)), rav4);
    }
}
