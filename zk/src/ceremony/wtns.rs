//! Writes the values of all wires as an iden3 `.wtns`, from which other provers make a proof.
//!
//! **A `.wtns` holds every secret of its claim.** It is for tests and measurements with made-up
//! values; nothing in the product writes one.

use ark_bn254::Fr;

use super::elements::{modulus, plain};
use super::sections::{Writer, count};

/// The bytes of the `.wtns` file of an assignment in the order of [`super::Layout`].
#[must_use]
pub fn write(assignment: &[Fr]) -> Vec<u8> {
    let header = [&count(32)[..], &modulus::<Fr>(), &count(assignment.len())].concat();
    let values: Vec<u8> = assignment.iter().flat_map(|value| plain(*value)).collect();
    Writer::new(*b"wtns", 2, 2).section(1, &header).section(2, &values).finish()
}
