//! Writes a circuit as an iden3 `.r1cs`, from which snarkjs makes the first key of a ceremony.
//!
//! All public wires are declared inputs, none outputs: the two are one and the same to Groth16.
//!
//! **Not here:** reading one. A ceremony is checked against the circuit that is compiled in, never
//! against a file that says what the circuit is.

use ark_bn254::Fr;

use super::elements::{modulus, plain};
use super::layout::{Layout, Term};
use super::sections::{Writer, count};

/// The bytes of the `.r1cs` file.
#[must_use]
pub fn write(layout: &Layout) -> Vec<u8> {
    let wires = u64::try_from(layout.wires()).unwrap_or(u64::MAX);
    let header = [
        &count(32)[..],
        &modulus::<Fr>(),
        &count(layout.wires()),
        &count(0),
        &count(layout.public()),
        &count(layout.wires() - layout.public() - 1),
        &wires.to_le_bytes(),
        &count(layout.constraints()),
    ];
    let labels: Vec<u8> = (0..wires).flat_map(u64::to_le_bytes).collect();
    Writer::new(*b"r1cs", 1, 3)
        .section(1, &header.concat())
        .section(2, &constraints(layout))
        .section(3, &labels)
        .finish()
}

fn constraints(layout: &Layout) -> Vec<u8> {
    let mut bytes = Vec::new();
    let [a, b, c] = layout.rows();
    for ((a, b), c) in a.iter().zip(b).zip(c) {
        for terms in [a, b, c] {
            combination(terms, &mut bytes);
        }
    }
    bytes
}

/// A linear combination: how many terms, then wire and coefficient of each.
fn combination(terms: &[Term], bytes: &mut Vec<u8>) {
    bytes.extend(count(terms.len()));
    for (coefficient, wire) in terms {
        bytes.extend(count(*wire));
        bytes.extend(plain(*coefficient));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rehearsal;
    use super::super::sections::Sections;
    use super::*;

    #[test]
    fn the_header_counts_what_the_circuit_has() {
        let layout = Layout::of(Rehearsal::default()).unwrap();
        let bytes = write(&layout);
        let mut header =
            Sections::open("r1cs", *b"r1cs", 1, &bytes).unwrap().part(1, "header").unwrap();

        header.expect_modulus(modulus::<Fr>()).unwrap();
        let numbers = [(); 4].map(|()| header.count().unwrap());
        assert_eq!(numbers, [layout.wires(), 0, 2, layout.wires() - 3]);
        assert_eq!(header.u64().unwrap(), u64::try_from(layout.wires()).unwrap());
        assert_eq!(header.count().unwrap(), layout.constraints());
        header.finish().unwrap();
    }
}
