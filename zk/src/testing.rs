//! Honest things for this crate's tests.

use std::sync::{Arc, LazyLock};

use ark_bn254::{Fq, Fq2, G2Affine};
use ark_ff::Field as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use telematics::testing::T0;
use telematics::window::Window;
use telematics::{Signal, Value};

use crate::{Blinding, Circuit, Prover, ProvingKey, Statement, Witness, commit};

/// Made once for all tests: the setup takes seconds.
static PROVER: LazyLock<Prover> = LazyLock::new(|| {
    let key = crate::keys::development(Circuit::Range).unwrap();
    Prover::new(Circuit::Range, Arc::new(key)).unwrap()
});

pub(crate) fn prover() -> &'static Prover {
    &PROVER
}

pub(crate) fn keys() -> &'static ProvingKey {
    PROVER.key()
}

pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

pub(crate) fn signal() -> Signal {
    Signal::by_path("Vehicle.Speed").unwrap()
}

pub(crate) const fn value(raw: i64) -> Value {
    Value::from_raw(raw)
}

/// Speeds from 1.00 to 1.63 km/h.
pub(crate) fn window() -> Window {
    let mut next = 100..;
    Window {
        signal: signal(),
        started_at: T0,
        values: [(); 64].map(|()| value(next.next().unwrap())),
    }
}

/// The statement that [`window`] lies between its lowest and its highest value.
pub(crate) fn honest() -> (Statement, Witness) {
    let witness = Witness { window: window(), blinding: Blinding::draw(&mut rng(7)) };
    let commitment = commit(&witness.window, witness.blinding);
    (Statement::new(commitment, signal(), value(100), value(163)).unwrap(), witness)
}

/// A statement that nobody has proven.
pub(crate) fn another_statement() -> Statement {
    let (statement, _) = honest();
    Statement::new(statement.commitment(), signal(), value(99), value(163)).unwrap()
}

/// On the curve of the second group, outside the subgroup.
pub(crate) fn outside_the_subgroup() -> G2Affine {
    (1_u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::ONE), true))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .unwrap()
}
