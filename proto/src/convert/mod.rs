//! Wire messages to domain types and back. Nothing else in the project does this.
//!
//! **Invariant:** a conversion from the wire either returns a well-formed domain type or a
//! [`BadMessage`] that names the field; enum values of later versions are refused, never guessed.

mod campaign;

use std::collections::BTreeMap;

use telematics::consent::{Disclosure, Policy, PolicyVersion};
use telematics::ids::NotAnId;
use telematics::precision::{Precision, WrongPrecision};
use telematics::question::NotAQuestion;
use telematics::tile::NotATile;
use telematics::vehicle::{NotAVehicle, Powertrain, VehicleDescription};
use telematics::vss::{SignalGroup, UnknownGroup, UnknownSignal};
use telematics::{BatchHash, BatchHeader, SealedBatch, VehicleId};

use crate::v1;

/// Why a message does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// A field that must be there is not.
    #[error("`{field}` is missing")]
    Missing {
        /// The field's name in the protobuf file.
        field: &'static str,
    },
    /// A byte field of fixed width has another.
    #[error("`{field}` has {actual} bytes, it must have {expected}")]
    Length {
        /// The field's name in the protobuf file.
        field: &'static str,
        /// Bytes received.
        actual: usize,
        /// Bytes it must have.
        expected: usize,
    },
    /// An enum value this program does not know.
    #[error("`{field}` has the unknown value {value}")]
    UnknownValue {
        /// The field's name in the protobuf file.
        field: &'static str,
        /// The value received.
        value: i32,
    },
    /// A word this program does not know.
    #[error("`{field}` has the unknown value `{word}`")]
    UnknownWord {
        /// The field's name in the protobuf file.
        field: &'static str,
        /// The word received.
        word: String,
    },
    /// More text than the field may have.
    #[error("`{field}` is too long")]
    TooLong {
        /// The field's name in the protobuf file.
        field: &'static str,
    },
    /// Something is said twice, where only one can hold.
    #[error("`{field}` names `{word}` twice")]
    Twice {
        /// The field's name in the protobuf file.
        field: &'static str,
        /// What is named.
        word: String,
    },
    /// A number beyond what the field may be.
    #[error("`{field}` is {number}, more than it may be")]
    TooLarge {
        /// The field's name in the protobuf file.
        field: &'static str,
        /// The number received.
        number: u32,
    },
    /// A signal that is not in the catalogue.
    #[error(transparent)]
    Signal(#[from] UnknownSignal),
    /// A map tile that is none.
    #[error(transparent)]
    Tile(#[from] NotATile),
    /// A question that asks nothing.
    #[error(transparent)]
    Question(#[from] NotAQuestion),
    /// An id that is none.
    #[error(transparent)]
    Id(#[from] NotAnId),
    /// Words that describe no vehicle.
    #[error(transparent)]
    Vehicle(#[from] NotAVehicle),
    /// A signal group that is none.
    #[error(transparent)]
    Group(#[from] UnknownGroup),
    /// A precision that its group can not have.
    #[error(transparent)]
    Precision(#[from] WrongPrecision),
}

impl From<SealedBatch> for v1::SubmitBatchesRequest {
    fn from(batch: SealedBatch) -> Self {
        Self {
            vehicle_id: batch.header.vehicle.to_vec(),
            seq: batch.header.seq,
            prev_hash: batch.header.prev_hash.0.to_vec(),
            consent_version: batch.header.consent_version.number(),
            payload: batch.payload,
            signature: batch.signature.to_vec(),
        }
    }
}

impl TryFrom<v1::SubmitBatchesRequest> for SealedBatch {
    type Error = BadMessage;

    fn try_from(wire: v1::SubmitBatchesRequest) -> Result<Self, BadMessage> {
        Ok(Self {
            header: BatchHeader {
                vehicle: VehicleId::from_bytes(&wire.vehicle_id)?,
                seq: wire.seq,
                prev_hash: BatchHash(fixed("prev_hash", &wire.prev_hash)?),
                consent_version: PolicyVersion::new(wire.consent_version),
            },
            signature: fixed("signature", &wire.signature)?,
            payload: wire.payload,
        })
    }
}

impl From<&Policy> for v1::Policy {
    fn from(policy: &Policy) -> Self {
        let group = |(group, disclosure): (SignalGroup, Disclosure)| v1::GroupDisclosure {
            group: group.as_str().to_owned(),
            disclosure: v1::Disclosure::from(disclosure).into(),
            precision: policy.precision(group).to_string(),
        };
        Self { version: policy.version().number(), groups: policy.groups().map(group).collect() }
    }
}

impl TryFrom<v1::Policy> for Policy {
    type Error = BadMessage;

    fn try_from(wire: v1::Policy) -> Result<Self, BadMessage> {
        let (mut groups, mut precisions) = (BTreeMap::new(), BTreeMap::new());
        for wire in wire.groups {
            let group = SignalGroup::parse(&wire.group)?;
            // Of two decisions about one group, the last must not win by chance.
            if groups.insert(group, disclosure(wire.disclosure)?).is_some() {
                return Err(BadMessage::Twice { field: "groups", word: wire.group });
            }
            if !wire.precision.is_empty() {
                precisions.insert(group, Precision::parse(group, &wire.precision)?);
            }
        }
        Ok(Self::new(PolicyVersion::new(wire.version), groups).with_precisions(precisions))
    }
}

impl From<&VehicleDescription> for v1::VehicleDescription {
    fn from(vehicle: &VehicleDescription) -> Self {
        Self {
            make: vehicle.make().to_owned(),
            model: vehicle.model().to_owned(),
            year: vehicle.year().into(),
            powertrain: v1::Powertrain::from(vehicle.powertrain()).into(),
        }
    }
}

impl TryFrom<v1::VehicleDescription> for VehicleDescription {
    type Error = BadMessage;

    fn try_from(wire: v1::VehicleDescription) -> Result<Self, BadMessage> {
        let powertrain = powertrain(wire.powertrain)?;
        Ok(Self::new(&wire.make, &wire.model, wire.year, powertrain)?)
    }
}

impl From<Disclosure> for v1::Disclosure {
    fn from(disclosure: Disclosure) -> Self {
        match disclosure {
            Disclosure::Keep => Self::Keep,
            Disclosure::Prove => Self::Prove,
            Disclosure::Share => Self::Share,
        }
    }
}

fn disclosure(value: i32) -> Result<Disclosure, BadMessage> {
    match v1::Disclosure::try_from(value) {
        Ok(v1::Disclosure::Keep) => Ok(Disclosure::Keep),
        Ok(v1::Disclosure::Prove) => Ok(Disclosure::Prove),
        Ok(v1::Disclosure::Share) => Ok(Disclosure::Share),
        _ => Err(BadMessage::UnknownValue { field: "disclosure", value }),
    }
}

impl From<Powertrain> for v1::Powertrain {
    fn from(powertrain: Powertrain) -> Self {
        match powertrain {
            Powertrain::Electric => Self::Electric,
            Powertrain::PlugInHybrid => Self::PlugInHybrid,
            Powertrain::Hybrid => Self::Hybrid,
            Powertrain::Petrol => Self::Petrol,
            Powertrain::Diesel => Self::Diesel,
            Powertrain::FuelCell => Self::FuelCell,
        }
    }
}

fn powertrain(value: i32) -> Result<Powertrain, BadMessage> {
    match v1::Powertrain::try_from(value) {
        Ok(v1::Powertrain::Electric) => Ok(Powertrain::Electric),
        Ok(v1::Powertrain::PlugInHybrid) => Ok(Powertrain::PlugInHybrid),
        Ok(v1::Powertrain::Hybrid) => Ok(Powertrain::Hybrid),
        Ok(v1::Powertrain::Petrol) => Ok(Powertrain::Petrol),
        Ok(v1::Powertrain::Diesel) => Ok(Powertrain::Diesel),
        Ok(v1::Powertrain::FuelCell) => Ok(Powertrain::FuelCell),
        _ => Err(BadMessage::UnknownValue { field: "powertrain", value }),
    }
}

/// Reads a byte field of fixed width.
///
/// # Errors
/// Any other width is refused, with the field's name.
pub fn fixed<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], BadMessage> {
    bytes.try_into().or(Err(BadMessage::Length { field, actual: bytes.len(), expected: N }))
}

/// Takes a message field that must be there.
///
/// # Errors
/// An absent field is refused, with its name.
pub fn required<T>(field: &'static str, value: Option<T>) -> Result<T, BadMessage> {
    value.ok_or(BadMessage::Missing { field })
}

#[cfg(test)]
mod tests {
    use telematics::testing;

    use super::*;

    #[test]
    fn a_batch_survives_the_wire_bit_for_bit() {
        let key = testing::signing_key(1);
        let batch = testing::batch(7, BatchHash([9; 32]), &key);

        let back = SealedBatch::try_from(v1::SubmitBatchesRequest::from(batch.clone()));

        assert_eq!(back, Ok(batch));
    }

    #[test]
    fn fields_of_the_wrong_width_are_refused_by_name() {
        let batch = testing::batch(1, BatchHash::GENESIS, &testing::signing_key(1));
        let good = v1::SubmitBatchesRequest::from(batch);

        let short_hash = v1::SubmitBatchesRequest { prev_hash: vec![0; 31], ..good.clone() };
        let error = SealedBatch::try_from(short_hash).unwrap_err();
        assert_eq!(error.to_string(), "`prev_hash` has 31 bytes, it must have 32");

        let long_signature = v1::SubmitBatchesRequest { signature: vec![0; 65], ..good.clone() };
        assert!(SealedBatch::try_from(long_signature).is_err());

        let no_vehicle = v1::SubmitBatchesRequest { vehicle_id: Vec::new(), ..good };
        assert!(SealedBatch::try_from(no_vehicle).is_err());
    }

    #[test]
    fn every_policy_survives_the_wire() {
        for disclosure in [Disclosure::Keep, Disclosure::Prove, Disclosure::Share] {
            let groups = SignalGroup::ALL.map(|group| (group, disclosure)).into();
            let policy = Policy::new(PolicyVersion::new(3), groups);
            assert_eq!(Policy::try_from(v1::Policy::from(&policy)), Ok(policy.clone()));

            let precisions = SignalGroup::ALL.map(|group| (group, Precision::Whole)).into();
            let whole = policy.clone().with_precisions(precisions);
            assert_ne!(whole, policy);
            assert_eq!(Policy::try_from(v1::Policy::from(&whole)), Ok(whole));
        }
    }

    /// A policy of one group with this precision.
    fn with_precision(group: &str, precision: &str) -> Result<Policy, BadMessage> {
        let disclosure = v1::Disclosure::Share.into();
        let (group, precision) = (group.to_owned(), precision.to_owned());
        let group = v1::GroupDisclosure { group, disclosure, precision };
        Policy::try_from(v1::Policy { version: 1, groups: vec![group] })
    }

    #[test]
    fn a_group_without_a_precision_has_the_usual_one() {
        for group in SignalGroup::ALL {
            let policy = with_precision(group.as_str(), "").unwrap();
            assert_eq!(policy.precision(group), Precision::default_of(group), "{group}");
        }
        let told = with_precision("location", "h3-9").unwrap();
        assert_eq!(told.precision(SignalGroup::Location).to_string(), "h3-9");
    }

    #[test]
    fn a_precision_that_is_none_is_refused_by_group() {
        for (group, precision) in [("location", "street"), ("motion", "h3-6"), ("climate", " ")] {
            let refused = with_precision(group, precision).unwrap_err();
            assert!(matches!(refused, BadMessage::Precision(_)), "{refused}");
            assert!(refused.to_string().contains(group), "{refused}");
        }
    }

    #[test]
    fn values_of_later_versions_are_refused() {
        let group = "motion".to_owned();
        let later = v1::GroupDisclosure { group, disclosure: 99, ..v1::GroupDisclosure::default() };
        let policy = v1::Policy { version: 1, groups: vec![later] };

        let expected = BadMessage::UnknownValue { field: "disclosure", value: 99 };
        assert_eq!(Policy::try_from(policy), Err(expected));
    }

    #[test]
    fn a_policy_that_is_not_one_is_refused() {
        let said = |group: &str, disclosure: Disclosure| v1::GroupDisclosure {
            group: group.to_owned(),
            disclosure: v1::Disclosure::from(disclosure).into(),
            precision: String::new(),
        };
        let [keep, share] =
            [Disclosure::Keep, Disclosure::Share].map(|disclosure| said("motion", disclosure));
        let cases = [
            ("two words about a group", vec![keep, share.clone()], "`groups` names `motion` twice"),
            ("a long list", vec![share; 100_000], "`groups` names `motion` twice"),
            ("an unknown group", vec![said("radio", Disclosure::Share)], "`radio`"),
            ("no group", vec![v1::GroupDisclosure::default()], "``"),
        ];
        for (name, groups, expected) in cases {
            let error = Policy::try_from(v1::Policy { version: 2, groups }).unwrap_err();
            assert!(error.to_string().contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn every_vehicle_survives_the_wire() {
        for powertrain in Powertrain::ALL {
            let vehicle = VehicleDescription::new("Toyota", "RAV4", 2017, powertrain).unwrap();

            assert_eq!(
                VehicleDescription::try_from(v1::VehicleDescription::from(&vehicle)),
                Ok(vehicle)
            );
        }
    }
}
