//! The powers of tau of a phase 1, from a snarkjs `.ptau` file.
//!
//! Only the five lists that a key is made of are read, as far as the circuit needs them, so a
//! public file of gigabytes costs no more memory than a small one.
//!
//! **Invariant:** [`Powers`] are powers of one secret, in both groups, and of one alpha and one
//! beta: [`Powers::read`] checks it with pairings. **Not here:** whether anybody knows the secrets;
//! that is what the contributions to phase 1 are for, and `snarkjs powersoftau verify` checks them.

use std::io::{Read, Seek, SeekFrom};

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::pairing::Pairing as _;
use ark_ec::{AffineRepr as _, VariableBaseMSM as _};
use rand::CryptoRng;

use super::elements::modulus;
use super::sections::{BadFile, Part};
use crate::field;

const HEADER: &str = "ptau section 1 (header)";
const SECTIONS_MAX: u32 = 64;

/// What a key of a domain of some size is made of.
#[derive(Clone, Debug)]
pub struct Powers {
    /// `tau^i`, one less than twice the size of the domain.
    pub(crate) tau_g1: Vec<G1Affine>,
    /// `tau^i` in the second group, as many as the domain.
    pub(crate) tau_g2: Vec<G2Affine>,
    /// `alpha tau^i`.
    pub(crate) alpha_tau_g1: Vec<G1Affine>,
    /// `beta tau^i`.
    pub(crate) beta_tau_g1: Vec<G1Affine>,
    /// `beta` in the second group.
    pub(crate) beta_g2: G2Affine,
}

/// Why a file is of no use for a circuit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPowers {
    /// Cannot be read.
    #[error("the powers of tau cannot be read")]
    BadFile(#[from] BadFile),
    /// For smaller circuits.
    #[error("the powers of tau reach circuits of 2^{found} constraints, this one needs 2^{needed}")]
    TooSmall {
        /// What the file has.
        found: u32,
        /// What the circuit needs.
        needed: u32,
    },
    /// Not what they claim.
    #[error("{list} of the powers of tau are not the powers of one number")]
    NotGeometric {
        /// Which list.
        list: &'static str,
    },
}

impl Powers {
    /// Reads and checks the powers for a domain of `domain` elements.
    ///
    /// # Errors
    /// When the file is damaged, too small, or does not hold powers.
    pub fn read(
        mut file: impl Read + Seek,
        domain: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, NotPowers> {
        let table = table(&mut file)?;
        let header = section(&mut file, &table, 1, HEADER, 44)?;
        let mut header = Part { name: HEADER, rest: &header };
        header.expect_modulus(modulus::<Fq>())?;
        let (found, needed) = (header.u32()?, domain.ilog2());
        if found < needed {
            return Err(NotPowers::TooSmall { found, needed });
        }
        let mut g1 = |id, part, points: usize| {
            let bytes = section(&mut file, &table, id, part, points * 64)?;
            Part { name: part, rest: &bytes }.g1_all(points)
        };
        let tau_g1 = g1(2, "ptau section 2 (tau in G1)", 2 * domain - 1)?;
        let alpha_tau_g1 = g1(4, "ptau section 4 (alpha tau)", domain)?;
        let beta_tau_g1 = g1(5, "ptau section 5 (beta tau)", domain)?;
        let mut g2 = |id, part, points: usize| {
            let bytes = section(&mut file, &table, id, part, points * 128)?;
            Part { name: part, rest: &bytes }.g2_all(points)
        };
        let tau_g2 = g2(3, "ptau section 3 (tau in G2)", domain)?;
        let beta_g2 = g2(6, "ptau section 6 (beta in G2)", 1)?;
        let beta_g2 = beta_g2.first().copied().unwrap_or_default();
        let powers = Self { tau_g1, tau_g2, alpha_tau_g1, beta_tau_g1, beta_g2 };
        powers.check(rng)?;
        Ok(powers)
    }

    /// Each list is geometric with ratio tau, if a random combination of it is, all but surely.
    fn check(&self, rng: &mut impl CryptoRng) -> Result<(), NotPowers> {
        let refuse = |list| Err(NotPowers::NotGeometric { list });
        let [one, tau] = [self.tau_g2.first(), self.tau_g2.get(1)];
        let (Some(one), Some(tau)) = (one, tau) else { return refuse("tau in G2") };
        let starts_at_one = *one == G2Affine::generator()
            && self.tau_g1.first() == Some(&G1Affine::generator())
            && *tau != G2Affine::identity();
        if !starts_at_one {
            return refuse("tau");
        }
        let lists = [
            ("tau in G1", &self.tau_g1),
            ("alpha tau", &self.alpha_tau_g1),
            ("beta tau", &self.beta_tau_g1),
        ];
        for (list, points) in lists {
            if !is_geometric(points, tau, rng) {
                return refuse(list);
            }
        }
        if !self.agrees_in_g2(rng) {
            return refuse("tau in G2");
        }
        let beta = self.beta_tau_g1.first().copied().unwrap_or_default();
        if Bn254::pairing(beta, one) != Bn254::pairing(G1Affine::generator(), self.beta_g2) {
            return refuse("beta");
        }
        Ok(())
    }

    /// The second group holds the same powers as the first.
    fn agrees_in_g2(&self, rng: &mut impl CryptoRng) -> bool {
        let weights: Vec<Fr> = self.tau_g2.iter().map(|_| field::draw(rng)).collect();
        let first = self.tau_g1.get(..weights.len()).unwrap_or_default();
        let first = G1Projective::msm(first, &weights);
        let second = G2Projective::msm(&self.tau_g2, &weights);
        let (Ok(first), Ok(second)) = (first, second) else { return false };
        Bn254::pairing(first, G2Affine::generator())
            == Bn254::pairing(G1Affine::generator(), second)
    }
}

/// Whether each point is `ratio` times the one before, and none is at infinity.
fn is_geometric(points: &[G1Affine], ratio: &G2Affine, rng: &mut impl CryptoRng) -> bool {
    let (Some((last, lower)), Some((_, upper))) = (points.split_last(), points.split_first())
    else {
        return false;
    };
    let weights: Vec<Fr> = lower.iter().map(|_| field::draw(rng)).collect();
    let (lower, upper) = (G1Projective::msm(lower, &weights), G1Projective::msm(upper, &weights));
    let (Ok(lower), Ok(upper)) = (lower, upper) else { return false };
    *last != G1Affine::identity()
        && Bn254::pairing(lower, ratio) == Bn254::pairing(upper, G2Affine::generator())
}

/// Where each section begins, and its length.
type Table = Vec<(u32, u64, u64)>;

fn table(file: &mut (impl Read + Seek)) -> Result<Table, BadFile> {
    const HEAD: &str = "the head of the ptau file";
    let head = read_at(file, 0, 12, HEAD)?;
    let mut head = Part { name: HEAD, rest: &head };
    if head.take(4)? != b"ptau" || head.u32()? != 1 {
        return Err(BadFile::OtherKind { file: "ptau", version: 1 });
    }
    let sections = head.u32()?;
    if sections > SECTIONS_MAX {
        let (found, expected) = (sections.into(), SECTIONS_MAX.into());
        return Err(BadFile::Unexpected { part: HEAD, found, expected });
    }
    let mut at = 12_u64;
    let mut table = Table::new();
    for _ in 0..sections {
        let bytes = read_at(file, at, 12, HEAD)?;
        let mut entry = Part { name: HEAD, rest: &bytes };
        let (id, length) = (entry.u32()?, entry.u64()?);
        table.push((id, at + 12, length));
        let next = (at + 12).checked_add(length);
        at = next.ok_or(BadFile::Cut { part: HEAD })?;
    }
    Ok(table)
}

/// The first `bytes` of a section, which may have more.
fn section(
    file: &mut (impl Read + Seek),
    table: &Table,
    id: u32,
    part: &'static str,
    bytes: usize,
) -> Result<Vec<u8>, BadFile> {
    let mut found = table.iter().filter(|(other, _, _)| *other == id);
    let (_, at, length) = *found.next().ok_or(BadFile::Missing { part })?;
    if found.next().is_some() {
        return Err(BadFile::Repeated { part });
    }
    if u64::try_from(bytes).is_ok_and(|bytes| bytes <= length) {
        return read_at(file, at, bytes, part);
    }
    Err(BadFile::Cut { part })
}

fn read_at(
    file: &mut (impl Read + Seek),
    at: u64,
    bytes: usize,
    part: &'static str,
) -> Result<Vec<u8>, BadFile> {
    let refuse = |error: std::io::Error| BadFile::Io { part, kind: error.kind() };
    file.seek(SeekFrom::Start(at)).map_err(refuse)?;
    let mut read = Vec::new();
    let limit = u64::try_from(bytes).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut read).map_err(refuse)?;
    if read.len() == bytes { Ok(read) } else { Err(BadFile::Cut { part }) }
}
