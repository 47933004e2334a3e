//! Checking a proof.

use ark_bn254::Bn254;
use ark_groth16::Groth16;
use telematics::Signal;
use telematics::window::Commitment;

use crate::keys::VerifyingKey;
use crate::proof::Proof;
use crate::statement::Statement;

/// A proof that does not prove the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not verify for {signal} in commitment {commitment}")]
pub struct DoesNotVerify {
    commitment: Commitment,
    signal: Signal,
}

/// Checks that `proof` proves `statement`, about a millisecond of work.
///
/// The library accepts too few and too many public inputs. Here their number is a type: a statement
/// always has the four of [`crate::PublicInput`].
///
/// # Errors
/// Refused when the proof is of another statement, under other keys, or of nothing at all.
pub fn verify(
    key: &VerifyingKey,
    statement: &Statement,
    proof: &Proof,
) -> Result<(), DoesNotVerify> {
    let inputs = statement.public_inputs();
    let verdict = Groth16::<Bn254>::verify_proof(&key.prepared, &proof.points, &inputs);
    if matches!(verdict, Ok(true)) {
        return Ok(());
    }
    Err(DoesNotVerify { commitment: statement.commitment(), signal: statement.signal() })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::testing::{KEYS, honest, rng, value};
    use crate::{Blinding, Keys, NotAProof, commit, prove};

    static HONEST: LazyLock<(Statement, Proof)> = LazyLock::new(|| {
        let (statement, witness) = honest();
        (statement, prove(&KEYS, &statement, &witness, &mut rng(1)).unwrap())
    });

    #[test]
    fn an_honest_proof_verifies_after_the_journey() {
        let (statement, proof) = &*HONEST;
        let received = Proof::from_bytes(&proof.to_bytes()).unwrap();

        assert_eq!(verify(KEYS.verifying(), statement, &received), Ok(()));
    }

    #[test]
    fn a_proof_of_one_statement_proves_no_other() {
        let (honest_statement, proof) = &*HONEST;
        let commitment = honest_statement.commitment();
        let (_, witness) = honest();
        let another = commit(&witness.window, Blinding::draw(&mut rng(2)));
        let battery = Signal::by_number(28).unwrap();
        let speed = honest_statement.signal();

        #[rustfmt::skip] // a table is read by column
        let cases = [
            // name                 commitment  signal   low  high
            ("another commitment",  another,    speed,   100, 163),
            ("another signal",      commitment, battery, 100, 163),
            ("a lower low",         commitment, speed,    99, 163),
            ("a higher low",        commitment, speed,   101, 163),
            ("a higher high",       commitment, speed,   100, 164),
            ("a lower high",        commitment, speed,   100, 162),
        ];
        for (name, commitment, signal, low, high) in cases {
            let statement = Statement::new(commitment, signal, value(low), value(high)).unwrap();
            assert!(verify(KEYS.verifying(), &statement, proof).is_err(), "{name}");
        }
    }

    #[test]
    fn a_proof_under_other_keys_is_refused() {
        let (statement, proof) = &*HONEST;
        let other = Keys::from_seed([1; 32]);

        assert_ne!(other.verifying().fingerprint(), KEYS.verifying().fingerprint());
        assert!(verify(other.verifying(), statement, proof).is_err());
    }

    #[test]
    fn bytes_that_are_no_points_are_refused() {
        let bytes = HONEST.1.to_bytes();

        assert_eq!(Proof::from_bytes(&bytes[..127]), Err(NotAProof::WrongLength { bytes: 127 }));
        assert_eq!(Proof::from_bytes(&[]), Err(NotAProof::WrongLength { bytes: 0 }));
        assert_eq!(
            Proof::from_bytes(&[&bytes[..], &[0]].concat()),
            Err(NotAProof::WrongLength { bytes: 129 })
        );
        assert_eq!(Proof::from_bytes(&[0xff; 128]), Err(NotAProof::NotPoints));
    }

    /// Either the bytes are no points any more, or the points prove nothing: never accepted.
    #[test]
    fn a_flipped_bit_is_refused() {
        let (statement, proof) = &*HONEST;
        for byte in [0, 16, 31, 32, 64, 95, 96, 127] {
            let mut bytes = proof.to_bytes();
            bytes[byte] ^= 1;
            let accepted = Proof::from_bytes(&bytes)
                .is_ok_and(|proof| verify(KEYS.verifying(), statement, &proof).is_ok());
            assert!(!accepted, "byte {byte}");
        }
    }

    /// Half of all x coordinates have no point on the first curve. Those of the second curve that do
    /// have one have it outside the subgroup, all but one in `2^254`.
    #[test]
    fn points_off_the_curve_or_outside_the_subgroup_are_refused() {
        for (place, at_least) in [(0, 2), (32, 15), (96, 2)] {
            let refused = (1..16).filter(|tweak| {
                let mut bytes = HONEST.1.to_bytes();
                bytes[place] ^= tweak;
                Proof::from_bytes(&bytes) == Err(NotAProof::NotPoints)
            });
            assert!(refused.count() >= at_least, "at byte {place}");
        }
    }
}
