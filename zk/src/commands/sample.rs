//! One honest claim of each circuit, to measure with.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use telematics::window::Window;
use telematics::{Signal, Timestamp, Value};
use zk::{Blinding, Circuit, Statement, Witness, commit};

/// A statement of `circuit` and what makes it true.
pub(super) fn claim(circuit: Circuit) -> anyhow::Result<(Statement, Witness)> {
    match circuit {
        Circuit::Range => range(),
    }
}

/// Speeds of 50.00 to 56.30 km/h.
fn range() -> anyhow::Result<(Statement, Witness)> {
    let signal = Signal::by_path("Vehicle.Speed")?;
    let values = std::array::from_fn(|index| {
        Value::from_raw(i64::try_from(index).map_or(5_000, |index| 5_000 + 10 * index))
    });
    let window =
        Window { signal, started_at: Timestamp::from_micros(1_750_000_000_000_000), values };
    let blinding = Blinding::draw(&mut StdRng::seed_from_u64(1));
    let witness = Witness { window, blinding };
    let commitment = commit(&witness.window, witness.blinding);
    let (low, high) = (Value::from_raw(5_000), Value::from_raw(5_630));
    Ok((Statement::new(commitment, signal, low, high)?, witness))
}
