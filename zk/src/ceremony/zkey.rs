//! A snarkjs `.zkey` of Groth16, to and from the proving key of arkworks.
//!
//! Points are the same numbers on both sides and only change their dress; H is in circom's form,
//! the Lagrange basis of the odd coset, which is the form of all our keys.
//!
//! **Invariant:** holding a [`Zkey`] means that its points are on their curves and in their
//! subgroups, and that its lists are as long as its header says. Whose key it is, and whether it is
//! sound, is for [`super::check`] to say.

use std::io::Read;

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G2Affine};
use ark_groth16::{ProvingKey, VerifyingKey};

use super::contributions::Record;
use super::elements::{g1_bytes, g2_bytes, modulus, twice_montgomery};
use super::layout::Layout;
use super::sections::{BadFile, Part, Sections, Writer, count};

const FILE: &str = "zkey";
const GROTH16: u32 = 1;
const HEADER: &str = "zkey section 2 (header)";
const COEFFICIENTS: &str = "zkey section 4 (coefficients)";

/// Most bytes of a `.zkey` that are read. A circuit of 2^14 constraints has about 20 MiB.
pub const ZKEY_BYTES_MAX: u64 = 64 << 20;

/// One entry of a constraint matrix, as a `.zkey` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coefficient {
    /// 0 for A, 1 for B; there is no list for C, which only shows in the points.
    pub matrix: u32,
    /// The row.
    pub constraint: u32,
    /// The column.
    pub wire: u32,
    /// The entry.
    pub value: Fr,
}

/// A key with what else its file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Zkey {
    /// The key as arkworks holds it.
    pub key: ProvingKey<Bn254>,
    /// The matrices that the key claims to be of, in the order of the file.
    pub coefficients: Vec<Coefficient>,
    /// Who took part.
    pub record: Record,
}

struct Header {
    wires: usize,
    public: usize,
    domain: usize,
    alpha_g1: G1Affine,
    beta_g1: G1Affine,
    beta_g2: G2Affine,
    gamma_g2: G2Affine,
    delta_g1: G1Affine,
    delta_g2: G2Affine,
}

impl Zkey {
    /// Reads a key from a file of at most [`ZKEY_BYTES_MAX`].
    ///
    /// # Errors
    /// Names the part of the file that is cut, damaged or not in its group.
    pub fn read(file: impl Read) -> Result<Self, BadFile> {
        Self::from_bytes(&bytes_of(file, FILE, ZKEY_BYTES_MAX)?)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, BadFile> {
        let file = Sections::open(FILE, *FILE_MAGIC, 1, bytes)?;
        let mut protocol = file.part(1, "zkey section 1 (protocol)")?;
        protocol.expect_u32(GROTH16)?;
        protocol.finish()?;
        let header = Header::read(file.part(2, HEADER)?)?;
        let private = private(&header)?;
        let vk = VerifyingKey {
            alpha_g1: header.alpha_g1,
            beta_g2: header.beta_g2,
            gamma_g2: header.gamma_g2,
            delta_g2: header.delta_g2,
            gamma_abc_g1: file.part(3, "zkey section 3 (IC points)")?.g1_all(header.public + 1)?,
        };
        let key = ProvingKey {
            vk,
            beta_g1: header.beta_g1,
            delta_g1: header.delta_g1,
            a_query: file.part(5, "zkey section 5 (A points)")?.g1_all(header.wires)?,
            b_g1_query: file.part(6, "zkey section 6 (B1 points)")?.g1_all(header.wires)?,
            b_g2_query: file.part(7, "zkey section 7 (B2 points)")?.g2_all(header.wires)?,
            h_query: file.part(9, "zkey section 9 (H points)")?.g1_all(header.domain)?,
            l_query: file.part(8, "zkey section 8 (L points)")?.g1_all(private)?,
        };
        let coefficients = coefficients(file.part(4, COEFFICIENTS)?)?;
        let record = Record::read(file.part(10, "zkey section 10 (contributions)")?)?;
        Ok(Self { key, coefficients, record })
    }

    /// The file of a key that our own setup made, so that other provers can use it.
    #[must_use]
    pub fn of(key: ProvingKey<Bn254>, layout: &Layout) -> Self {
        Self { key, coefficients: expected_coefficients(layout), record: Record::empty() }
    }

    /// The bytes of the file.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let Self { key, coefficients, record } = self;
        let g1 = |points: &[G1Affine]| points.iter().flat_map(g1_bytes).collect::<Vec<u8>>();
        let b_g2: Vec<u8> = key.b_g2_query.iter().flat_map(g2_bytes).collect();
        Writer::new(*FILE_MAGIC, 1, 10)
            .section(1, &GROTH16.to_le_bytes())
            .section(2, &header(key))
            .section(3, &g1(&key.vk.gamma_abc_g1))
            .section(4, &coefficient_list(coefficients))
            .section(5, &g1(&key.a_query))
            .section(6, &g1(&key.b_g1_query))
            .section(7, &b_g2)
            .section(8, &g1(&key.l_query))
            .section(9, &g1(&key.h_query))
            .section(10, &record.write())
            .finish()
    }
}

const FILE_MAGIC: &[u8; 4] = b"zkey";

impl Header {
    fn read(mut part: Part<'_>) -> Result<Self, BadFile> {
        part.expect_modulus(modulus::<Fq>())?;
        part.expect_modulus(modulus::<Fr>())?;
        let header = Self {
            wires: part.count()?,
            public: part.count()?,
            domain: part.count()?,
            alpha_g1: part.g1()?,
            beta_g1: part.g1()?,
            beta_g2: part.g2()?,
            gamma_g2: part.g2()?,
            delta_g1: part.g1()?,
            delta_g2: part.g2()?,
        };
        part.finish()?;
        Ok(header)
    }
}

/// How many wires are neither the constant one nor public.
fn private(header: &Header) -> Result<usize, BadFile> {
    let private = header.wires.checked_sub(header.public).and_then(|rest| rest.checked_sub(1));
    private.ok_or(BadFile::Unreadable { part: HEADER })
}

fn coefficients(mut part: Part<'_>) -> Result<Vec<Coefficient>, BadFile> {
    let listed = (0..part.u32()?)
        .map(|_| {
            Ok(Coefficient {
                matrix: part.u32()?,
                constraint: part.u32()?,
                wire: part.u32()?,
                value: part.twice_montgomery()?,
            })
        })
        .collect::<Result<_, BadFile>>()?;
    part.finish()?;
    Ok(listed)
}

/// The list that a key of this circuit has: A and B row by row, then a row for each public wire.
pub(crate) fn expected_coefficients(layout: &Layout) -> Vec<Coefficient> {
    let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    let [a, b, _] = layout.rows();
    let mut listed = Vec::new();
    for (constraint, pair) in a.iter().zip(b).enumerate() {
        for (matrix, terms) in (0..).zip([pair.0, pair.1]) {
            listed.extend(terms.iter().map(|&(value, wire)| Coefficient {
                matrix,
                constraint: number(constraint),
                wire: number(wire),
                value,
            }));
        }
    }
    let rows = layout.constraints();
    listed.extend((0..=layout.public()).map(|wire| Coefficient {
        matrix: 0,
        constraint: number(rows + wire),
        wire: number(wire),
        value: Fr::from(1_u64),
    }));
    listed
}

fn coefficient_list(coefficients: &[Coefficient]) -> Vec<u8> {
    let mut bytes = count(coefficients.len()).to_vec();
    for entry in coefficients {
        for number in [entry.matrix, entry.constraint, entry.wire] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(twice_montgomery(entry.value));
    }
    bytes
}

fn header(key: &ProvingKey<Bn254>) -> Vec<u8> {
    let public = key.vk.gamma_abc_g1.len().saturating_sub(1);
    [
        &count(32)[..],
        &modulus::<Fq>(),
        &count(32),
        &modulus::<Fr>(),
        &count(key.a_query.len()),
        &count(public),
        &count(key.h_query.len()),
        &g1_bytes(&key.vk.alpha_g1),
        &g1_bytes(&key.beta_g1),
        &g2_bytes(&key.vk.beta_g2),
        &g2_bytes(&key.vk.gamma_g2),
        &g1_bytes(&key.delta_g1),
        &g2_bytes(&key.vk.delta_g2),
    ]
    .concat()
}

/// All bytes of a file that has at most `max`.
pub(crate) fn bytes_of(file: impl Read, name: &'static str, max: u64) -> Result<Vec<u8>, BadFile> {
    let mut bytes = Vec::new();
    let read = file.take(max + 1).read_to_end(&mut bytes);
    read.map_err(|error| BadFile::Io { part: name, kind: error.kind() })?;
    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if found > max {
        return Err(BadFile::TooLarge { file: name, bytes: found, max });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use proptest::prelude::*;

    use super::super::Rehearsal;
    use super::super::testing::secrets;
    use super::*;
    use crate::circuit::ClaimCircuit;
    use crate::testing::{honest, rng};
    use crate::{Circuit, Prover, keys};

    static HONEST: LazyLock<Zkey> =
        LazyLock::new(|| secrets().zkey(&Layout::of(Rehearsal::default()).unwrap()));
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| HONEST.write());

    /// Where the content of a section begins.
    fn place(bytes: &[u8], id: u32) -> usize {
        let mut at = 12;
        loop {
            let found = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            let length = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().unwrap());
            if found == id {
                return at + 12;
            }
            at += 12 + usize::try_from(length).unwrap();
        }
    }

    /// The road of a real key: from the file of a ceremony into the prover of cars.
    #[test]
    fn a_claim_is_proven_under_a_key_from_a_file() {
        let layout = Layout::of(ClaimCircuit::blank(Circuit::Summary)).unwrap();
        let file = secrets().zkey(&layout).write();
        let key = Zkey::read(&file[..]).unwrap().key;
        let key = keys::ProvingKey::new(key, Circuit::Summary.public_inputs()).unwrap();
        assert!(!keys::is_development(key.verifying()));
        let prover = Prover::new(Circuit::Summary, Arc::new(key)).unwrap();
        let (statement, witness) = honest(Circuit::Summary);

        let proof = prover.prove(&statement, &witness, &mut rng(1)).unwrap();

        assert_eq!(prover.verifier().verify(&statement, &proof), Ok(()));
    }

    #[test]
    fn each_part_that_is_damaged_is_named() {
        let honest = &*BYTES;
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // section, offset, byte, error
            (1,  0, 2,    "zkey section 1 (protocol) says 2, expected 1"),
            (2,  5, 0,    "zkey section 2 (header) is of another curve"),
            (2, 40, 0,    "zkey section 2 (header) is of another curve"),
            (2, 72, 0,    "zkey section 5 (A points) has"),
            (2, 76, 0,    "zkey section 3 (IC points) has 128 bytes too many"),
            (4,  3, 255,  "inside zkey section 4 (coefficients)"),
            (4, 47, 255,  "zkey section 4 (coefficients) holds a number that is not below"),
            (5, 31, 255,  "zkey section 5 (A points) holds a number that is not below"),
            (5,  0, 77,   "zkey section 5 (A points) holds a point that is not in"),
            (7,  0, 77,   "zkey section 7 (B2 points) holds a point that is not in"),
            (9,  0, 77,   "zkey section 9 (H points) holds a point that is not in"),
            (10, 67, 255, "inside zkey section 10 (contributions)"),
        ];
        for (section, offset, byte, expected) in cases {
            let mut bytes = honest.clone();
            let at = place(&bytes, section) + offset;
            bytes[at] = byte;
            let error = Zkey::read(&bytes[..]).unwrap_err().to_string();
            assert!(error.contains(expected), "{section}, {offset}: {error}");
        }
    }

    #[test]
    fn too_large_a_file_is_not_parsed() {
        let endless = std::io::repeat(0);

        let error = Zkey::read(endless).unwrap_err();

        assert!(matches!(error, BadFile::TooLarge { file: "zkey", max: ZKEY_BYTES_MAX, .. }));
    }

    #[test]
    fn a_section_that_is_there_twice_is_refused() {
        let mut bytes = BYTES.clone();
        bytes[8] += 1;
        bytes.extend([1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);

        let error = Zkey::read(&bytes[..]).unwrap_err();

        assert_eq!(error, BadFile::Repeated { part: "zkey section 1 (protocol)" });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// A flipped byte is refused, or read as another key: never a panic.
        #[test]
        fn a_flipped_byte_is_never_taken_for_the_same_key(
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
        ) {
            let mut bytes = BYTES.clone();
            bytes[at.index(BYTES.len())] ^= flip;
            if let Ok(read) = Zkey::read(&bytes[..]) {
                prop_assert!(read != *HONEST, "the flipped byte was not read");
            }
        }

        #[test]
        fn a_cut_file_is_refused(at in any::<prop::sample::Index>()) {
            prop_assert!(Zkey::read(&BYTES[..at.index(BYTES.len())]).is_err());
        }
    }
}
