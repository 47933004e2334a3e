//! Keys and points for this crate's own tests.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use ark_bn254::{Fq, Fq2, G2Affine};
use ark_ff::Field as _;

use crate::circuit::Circuit;
use crate::testing::{honest, rng};
use crate::{Proof, Prover, ProvingKey, keys};

/// Development keys of all circuits. Made once for all tests: the setup takes seconds.
pub(crate) static KEYS: LazyLock<BTreeMap<Circuit, ProvingKey>> = LazyLock::new(|| {
    let key = |circuit| (circuit, keys::development(circuit).expect("a key"));
    Circuit::ALL.into_iter().map(key).collect()
});

static PROVER: LazyLock<Prover> = LazyLock::new(|| {
    let key = Arc::new(KEYS[&Circuit::Summary].clone());
    Prover::new(Circuit::Summary, key).expect("a prover")
});

static PROOF: LazyLock<Proof> = LazyLock::new(|| {
    let (statement, witness) = honest(Circuit::Summary);
    PROVER.prove(&statement, &witness, &mut rng(1)).expect("a proof")
});

/// A prover of the summary circuit, with its development key.
pub(crate) fn prover() -> &'static Prover {
    &PROVER
}

/// The development key of the summary circuit.
pub(crate) fn key() -> &'static ProvingKey {
    PROVER.key()
}

/// A proof of the honest claim about a summary.
pub(crate) fn proof() -> Proof {
    PROOF.clone()
}

/// On the curve of the second group, outside the subgroup.
pub(crate) fn outside_the_subgroup() -> G2Affine {
    (1_u64..100)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::ONE), true))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .expect("nearly all are outside")
}
