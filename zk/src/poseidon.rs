//! Poseidon over the scalar field of BN254, with circomlib's parameters.
//!
//! Circomlib's, so that other stacks (circom, snarkjs, Solidity) can check what we commit to. Not
//! the Poseidon of arkworks, which gives back another element of the state.
//!
//! **Invariant:** the parameters are derived, not copied (Grain LFSR, 254 bits, 8 full rounds), and
//! pinned by published vectors in the tests.

use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::{Field as _, PrimeField as _, Zero as _};

/// Rounds in which each element of the state passes the S-box `x^5`; half of them come first.
pub(crate) const FULL_ROUNDS: usize = 8;

/// Rounds between in which only the first element does, for 1 to 16 inputs (circomlib's table).
const PARTIAL_ROUNDS: [u64; 16] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];

/// What a permutation of one width needs.
pub(crate) struct Parameters {
    /// Constants added before each round, one for each element of the state.
    pub(crate) round_constants: Vec<Vec<Fr>>,
    /// The matrix that mixes the state after each round.
    pub(crate) mix: Vec<Vec<Fr>>,
}

/// Derived when first asked for: constants in all but name.
static PARAMETERS: [OnceLock<Parameters>; 16] = [const { OnceLock::new() }; 16];

/// The parameters for `N` inputs.
pub(crate) fn parameters<const N: usize>() -> &'static Parameters {
    const { assert!(N >= 1 && N <= PARTIAL_ROUNDS.len()) }
    #[expect(clippy::indexing_slicing, reason = "checked above, when compiled")]
    let (cell, partial_rounds) = (&PARAMETERS[N - 1], PARTIAL_ROUNDS[N - 1]);
    cell.get_or_init(|| {
        let bits = u64::from(Fr::MODULUS_BIT_SIZE);
        let (round_constants, mix) = find_poseidon_ark_and_mds(bits, N, 8, partial_rounds, 0);
        Parameters { round_constants, mix }
    })
}

impl Parameters {
    /// Each round's constants, and how many elements of the state pass the S-box in it.
    pub(crate) fn rounds(&self) -> impl Iterator<Item = (&[Fr], usize)> {
        let last_partial = self.round_constants.len().saturating_sub(FULL_ROUNDS / 2);
        let partial = FULL_ROUNDS / 2..last_partial;
        self.round_constants.iter().enumerate().map(move |(round, constants)| {
            (constants.as_slice(), if partial.contains(&round) { 1 } else { constants.len() })
        })
    }
}

/// Poseidon of `inputs`.
#[must_use]
pub fn hash<const N: usize>(inputs: &[Fr; N]) -> Fr {
    let parameters = parameters::<N>();
    let mut state: Vec<Fr> = std::iter::once(Fr::zero()).chain(*inputs).collect();
    for (constants, boxes) in parameters.rounds() {
        for (element, constant) in state.iter_mut().zip(constants) {
            *element += constant;
        }
        for element in state.iter_mut().take(boxes) {
            *element *= element.square().square();
        }
        let product = |row: &Vec<Fr>| row.iter().zip(&state).map(|(a, b)| *a * b).sum();
        state = parameters.mix.iter().map(product).collect();
    }
    state.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    fn element(decimal: &str) -> Fr {
        Fr::from_str(decimal).unwrap()
    }

    fn count<const N: usize>() -> [Fr; N] {
        std::array::from_fn(|index| Fr::from(u64::try_from(index).unwrap() + 1))
    }

    /// Hashes of 1, 2, 3… from the tests of circomlib, circomlibjs and go-iden3-crypto.
    #[test]
    fn agrees_with_published_vectors() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (hash(&count::<1>()),  "18586133768512220936620570745912940619677854269274689475585506675881198879027"),
            (hash(&count::<2>()),  "7853200120776062878684798364095072458815029376092732009249414926327459813530"),
            (hash(&count::<4>()),  "18821383157269793795438455681495246036402687001665670618754263018637548127333"),
            (hash(&count::<6>()),  "20400040500897583745843009878988256314335038853985262692600694741116813247201"),
            (hash(&count::<14>()), "8354478399926161176778659061636406690034081872658507739535256090879947077494"),
            (hash(&count::<16>()), "9989051620750914585850546081941653841776809718687451684622678807385399211877"),
        ];
        for (actual, expected) in cases {
            assert_eq!(actual, element(expected));
        }
    }

    #[test]
    fn every_input_and_its_place_count() {
        let inputs = [1, 2, 3, 4, 5, 6, 7, 8].map(Fr::from);

        for index in 0..inputs.len() {
            let mut other = inputs;
            other[index] += Fr::from(1);
            assert_ne!(hash(&other), hash(&inputs), "input {index}");
        }
        assert_ne!(hash(&[Fr::from(1), Fr::from(2)]), hash(&[Fr::from(2), Fr::from(1)]));
    }
}
