//! Who took part in a ceremony, as the last section of a `.zkey` tells it.
//!
//! Each contributor multiplies delta by a secret of his own and leaves a public trace of it. This
//! file reads the traces and recomputes the two hashes that bind them: the transcript, which says
//! what a contributor saw before he began, and the contribution hash, which he published and which
//! everyone compares.
//!
//! **Not here:** whether each step used the secret that its trace is of. That is a pairing check
//! against a point that snarkjs hashes to in its own way, so snarkjs does it (`zkey verify`).

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr as _;
use ark_ff::{BigInteger as _, PrimeField as _};
use blake2::{Blake2b512, Digest as _};

use super::elements;
use super::sections::{BadFile, Part, count};

const PART: &str = "zkey section 10 (contributions)";

/// The history of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Hash of the key before anybody contributed.
    pub circuit_hash: [u8; 64],
    /// In the order in which they were made.
    pub contributions: Vec<Contribution>,
}

/// One step of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// What the contributor called himself; nothing checks it.
    pub name: Option<String>,
    /// Set when the randomness was a public beacon instead of a secret.
    pub beacon: Option<Beacon>,
    /// Delta after this step.
    pub delta_after: G1Affine,
    s: G1Affine,
    sx: G1Affine,
    spx: G2Affine,
    transcript: [u8; 64],
}

/// A public source of randomness that nobody could foresee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// The bytes that were published.
    pub value: Vec<u8>,
    /// How often they were hashed: two to the power of this.
    pub iterations_log2: u8,
}

/// A step that does not fit the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// Nobody took part.
    #[error("nobody has contributed to this key: whoever made it can forge proofs")]
    Empty,
    /// A step that was made before, or without, another one of this history.
    #[error("contribution {number} does not follow the ones before it")]
    Transcript {
        /// Which one, from 1.
        number: usize,
    },
    /// A point that no honest contributor leaves.
    #[error("contribution {number} holds a point at infinity")]
    Identity {
        /// Which one, from 1.
        number: usize,
    },
    /// Delta did not change.
    #[error("contribution {number} leaves delta as it was")]
    Idle {
        /// Which one, from 1.
        number: usize,
    },
    /// The key is not the outcome of its history.
    #[error("delta of the key is not that of the last contribution")]
    OtherDelta,
}

impl Record {
    /// A key without a history, such as one for development.
    pub(crate) const fn empty() -> Self {
        Self { circuit_hash: [0; 64], contributions: Vec::new() }
    }

    pub(crate) fn read(mut part: Part<'_>) -> Result<Self, BadFile> {
        let circuit_hash = hash(&mut part)?;
        let contributions =
            (0..part.u32()?).map(|_| Contribution::read(&mut part)).collect::<Result<_, _>>()?;
        part.finish()?;
        Ok(Self { circuit_hash, contributions })
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = self.circuit_hash.to_vec();
        bytes.extend(count(self.contributions.len()));
        for contribution in &self.contributions {
            bytes.extend(contribution.write());
        }
        bytes
    }

    /// Checks that each contribution saw exactly the ones before it, and that the last one left
    /// `delta` behind.
    pub(crate) fn check(&self, delta: &G1Affine) -> Result<(), BrokenChain> {
        let last = self.contributions.last().ok_or(BrokenChain::Empty)?;
        let mut seen = Blake2b512::new_with_prefix(self.circuit_hash);
        let mut delta_before = G1Affine::generator();
        for (number, contribution) in (1..).zip(&self.contributions) {
            if contribution.has_identity() {
                return Err(BrokenChain::Identity { number });
            }
            let (s, sx) = (wide_g1(&contribution.s), wide_g1(&contribution.sx));
            let expected = seen.clone().chain_update(s).chain_update(sx).finalize();
            if expected[..] != contribution.transcript {
                return Err(BrokenChain::Transcript { number });
            }
            if contribution.delta_after == delta_before {
                return Err(BrokenChain::Idle { number });
            }
            contribution.trace(&mut seen);
            delta_before = contribution.delta_after;
        }
        if last.delta_after == *delta { Ok(()) } else { Err(BrokenChain::OtherDelta) }
    }
}

impl Contribution {
    /// What the contributor published, and compares.
    #[must_use]
    pub fn hash(&self) -> [u8; 64] {
        let mut hasher = Blake2b512::new();
        self.trace(&mut hasher);
        hasher.finalize().into()
    }

    fn trace(&self, hasher: &mut Blake2b512) {
        for point in [&self.delta_after, &self.s, &self.sx] {
            hasher.update(wide_g1(point));
        }
        hasher.update(wide_g2(&self.spx));
        hasher.update(self.transcript);
    }

    fn has_identity(&self) -> bool {
        [self.delta_after, self.s, self.sx].contains(&G1Affine::identity())
            || self.spx == G2Affine::identity()
    }

    fn read(part: &mut Part<'_>) -> Result<Self, BadFile> {
        let (delta_after, s, sx) = (part.g1()?, part.g1()?, part.g1()?);
        let (spx, transcript) = (part.g2()?, hash(part)?);
        let is_beacon = part.u32()? == 1;
        let length = part.count()?;
        let mut notes = Part { name: PART, rest: part.take(length)? };
        let (mut name, mut value, mut iterations_log2) = (None, Vec::new(), 0);
        while !notes.rest.is_empty() {
            match notes.u8()? {
                1 => name = Some(String::from_utf8_lossy(short(&mut notes)?).into_owned()),
                2 => iterations_log2 = notes.u8()?,
                3 => value = short(&mut notes)?.to_vec(),
                _ => return Err(BadFile::Unreadable { part: PART }),
            }
        }
        let beacon = is_beacon.then_some(Beacon { value, iterations_log2 });
        Ok(Self { name, beacon, delta_after, s, sx, spx, transcript })
    }

    fn write(&self) -> Vec<u8> {
        let mut notes = Vec::new();
        if let Some(name) = &self.name {
            note(1, name.as_bytes(), &mut notes);
        }
        if let Some(Beacon { value, iterations_log2 }) = &self.beacon {
            notes.extend([2, *iterations_log2]);
            note(3, value, &mut notes);
        }
        let points = [&self.delta_after, &self.s, &self.sx].map(elements::g1_bytes).concat();
        let kind = u32::from(self.beacon.is_some()).to_le_bytes();
        let spx = elements::g2_bytes(&self.spx);
        [&points[..], &spx, &self.transcript, &kind, &count(notes.len()), &notes].concat()
    }
}

fn hash(part: &mut Part<'_>) -> Result<[u8; 64], BadFile> {
    part.take(64)?.try_into().or(Err(BadFile::Cut { part: PART }))
}

/// Up to 255 bytes after their length.
fn short<'a>(notes: &mut Part<'a>) -> Result<&'a [u8], BadFile> {
    let length = notes.u8()?;
    notes.take(length.into())
}

fn note(kind: u8, text: &[u8], notes: &mut Vec<u8>) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    notes.extend([kind, length]);
    notes.extend(text.iter().take(length.into()));
}

/// A point as snarkjs hashes it: most significant byte first, the larger coordinate first.
fn wide_g1(point: &G1Affine) -> Vec<u8> {
    match point.xy() {
        Some((x, y)) => [x, y].map(|part| part.into_bigint().to_bytes_be()).concat(),
        None => vec![0; 64],
    }
}

fn wide_g2(point: &G2Affine) -> Vec<u8> {
    match point.xy() {
        Some((x, y)) => {
            [x.c1, x.c0, y.c1, y.c0].map(|part| part.into_bigint().to_bytes_be()).concat()
        }
        None => vec![0; 128],
    }
}

#[cfg(test)]
impl Contribution {
    /// The first step of a history, with a transcript that fits.
    pub(crate) fn honest(
        name: &str,
        delta_after: G1Affine,
        s: G1Affine,
        sx: G1Affine,
        circuit_hash: [u8; 64],
    ) -> Self {
        let seen = Blake2b512::new_with_prefix(circuit_hash);
        let transcript = seen.chain_update(wide_g1(&s)).chain_update(wide_g1(&sx)).finalize();
        Self {
            name: Some(name.to_owned()),
            beacon: None,
            delta_after,
            s,
            sx,
            spx: G2Affine::generator(),
            transcript: transcript.into(),
        }
    }
}
