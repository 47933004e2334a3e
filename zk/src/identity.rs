//! Who a vehicle is in proofs: a secret, and the numbers that follow from it.
//!
//! ```text
//! identity commitment = Poseidon(tag, secret)                 registered at enrolment
//! leaf                = Poseidon(tag class day, identity commitment, commitment)
//! nullifier           = Poseidon(tag, secret, campaign)       shown with each claim
//! payee               = Poseidon(tag, account, salt)          shown with each claim
//! ```
//!
//! **Invariant:** the secret never leaves the car, and nothing that does can be linked to the identity
//! commitment without it.

use std::fmt;

use ark_bn254::Fr;
use rand::CryptoRng;
use telematics::CampaignId;
use telematics::window::Commitment;

use crate::commitment::{self, NotACommitment};
use crate::element::{IdentityCommitment, Leaf, Nullifier, Payee};
use crate::encoding::{self, ClassNumbers, Tag};
use crate::{field, poseidon};

/// What makes a vehicle's leaves its own. Drawn by the car at enrolment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(Fr);

/// Bytes that are no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these 32 bytes are not a number below the modulus of BN254")]
pub struct NotASecret;

impl Secret {
    /// Draws a secret.
    #[must_use]
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        Self(field::draw(rng))
    }

    /// Reads a secret that the car kept.
    ///
    /// # Errors
    /// A number that is not below the modulus is refused.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, NotASecret> {
        field::from_bytes(bytes).map(Self).ok_or(NotASecret)
    }

    /// The bytes to keep.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        field::to_bytes(self.0)
    }

    /// What the marketplace is told at enrolment.
    #[must_use]
    pub fn identity_commitment(self) -> IdentityCommitment {
        IdentityCommitment::new(poseidon::hash(&[Tag::Identity.number(), self.0]))
    }

    /// What stands for the vehicle in `campaign`.
    #[must_use]
    pub fn nullifier(self, campaign: CampaignId) -> Nullifier {
        let inputs = [Tag::Nullifier.number(), self.0, encoding::campaign(campaign)];
        Nullifier::new(poseidon::hash(&inputs))
    }

    pub(crate) const fn number(self) -> Fr {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(secret)")
    }
}

/// What the marketplace appends when a vehicle's commitment arrives on `day`, counted from 1970-01-01.
///
/// # Errors
/// Bytes that are no commitment are refused.
pub fn leaf(
    vehicle: IdentityCommitment,
    class: ClassNumbers,
    day: u16,
    commitment: Commitment,
) -> Result<Leaf, NotACommitment> {
    let header = encoding::leaf_header(class, day);
    let commitment = commitment::element(commitment)?;
    Ok(Leaf::new(poseidon::hash(&[header, vehicle.number(), commitment])))
}

impl Payee {
    /// Stands for the account with these 16 bytes. Without the salt, nobody can tell which account it is.
    #[must_use]
    pub fn of(account: &[u8; 16], salt: [u8; 16]) -> Self {
        let [account, salt] = [*account, salt].map(|bytes| Fr::from(u128::from_be_bytes(bytes)));
        Self::new(poseidon::hash(&[Tag::Payee.number(), account, salt]))
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;
    use crate::testing::rng;

    #[test]
    fn a_vehicle_is_another_in_each_campaign() {
        let secret = Secret::draw(&mut rng(1));
        let [one, two] = [1, 2].map(|byte| CampaignId::new(T0, [byte; 10]));

        assert_eq!(secret.nullifier(one), secret.nullifier(one));
        assert_ne!(secret.nullifier(one), secret.nullifier(two));
        assert_ne!(secret.nullifier(one), Secret::draw(&mut rng(2)).nullifier(one));
        assert_ne!(secret.nullifier(one).number(), secret.identity_commitment().number());
    }

    #[test]
    fn a_payee_hides_its_account() {
        assert_ne!(Payee::of(&[1; 16], [1; 16]), Payee::of(&[1; 16], [2; 16]));
        assert_ne!(Payee::of(&[1; 16], [1; 16]), Payee::of(&[2; 16], [1; 16]));
    }

    #[test]
    fn a_leaf_fixes_vehicle_class_day_and_commitment() {
        let vehicle = Secret::draw(&mut rng(1)).identity_commitment();
        let other = Secret::draw(&mut rng(2)).identity_commitment();
        let (class, commitment) = (ClassNumbers([1, 2, 3, 4]), Commitment([5; 32]));
        let honest = leaf(vehicle, class, 6, commitment);

        assert_ne!(honest, leaf(other, class, 6, commitment));
        assert_ne!(honest, leaf(vehicle, ClassNumbers([2, 2, 3, 4]), 6, commitment));
        assert_ne!(honest, leaf(vehicle, class, 7, commitment));
        assert_ne!(honest, leaf(vehicle, class, 6, Commitment([6; 32])));
        assert!(leaf(vehicle, class, 6, Commitment([255; 32])).is_err());
    }

    #[test]
    fn secrets_are_kept_and_never_printed() {
        let secret = Secret::draw(&mut rng(1));

        assert_eq!(Secret::from_bytes(&secret.to_bytes()), Ok(secret));
        assert_eq!(Secret::from_bytes(&[255; 32]), Err(NotASecret));
        assert_eq!(format!("{secret:?}"), "Secret(secret)");
    }
}
