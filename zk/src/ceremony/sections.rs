//! The container that iden3's binary files share: a magic word, a version, numbered sections.
//!
//! **Invariant:** reading never allocates by what a file claims, only by what is there, and each
//! refusal names the part of the file it is about. A section that has bytes left over is refused.

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};

use super::elements;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// More bytes than any circuit of ours needs.
    #[error("the {file} has {bytes} bytes, at most {max} are read")]
    TooLarge {
        /// What kind of file.
        file: &'static str,
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// The magic word or the version is another.
    #[error("this is no {file} of version {version}")]
    OtherKind {
        /// What was expected.
        file: &'static str,
        /// Its version.
        version: u32,
    },
    /// The file ends before this part does.
    #[error("the file ends inside {part}")]
    Cut {
        /// Which part.
        part: &'static str,
    },
    /// A section is not there.
    #[error("{part} is missing")]
    Missing {
        /// Which one.
        part: &'static str,
    },
    /// A section is there twice, so readers may disagree about what the file says.
    #[error("{part} is there more than once")]
    Repeated {
        /// Which one.
        part: &'static str,
    },
    /// A part has more bytes than it should.
    #[error("{part} has {bytes} bytes too many")]
    Surplus {
        /// Which one.
        part: &'static str,
        /// How many more.
        bytes: usize,
    },
    /// A number that must be below a modulus is not.
    #[error("{part} holds a number that is not below the modulus")]
    NotCanonical {
        /// Where.
        part: &'static str,
    },
    /// A point that is not on its curve, or not in its subgroup.
    #[error("{part} holds a point that is not in its group")]
    NotInGroup {
        /// Where.
        part: &'static str,
    },
    /// A value that this version cannot work with.
    #[error("{part} says {found}, expected {expected}")]
    Unexpected {
        /// Where.
        part: &'static str,
        /// What it says.
        found: u64,
        /// What it should say.
        expected: u64,
    },
    /// The file is of another curve than BN254.
    #[error("{part} is of another curve than BN254")]
    OtherCurve {
        /// Where.
        part: &'static str,
    },
    /// Text that is not what it should be.
    #[error("{part} cannot be read")]
    Unreadable {
        /// Where.
        part: &'static str,
    },
    /// The operating system would not read on.
    #[error("{part} could not be read: {kind}")]
    Io {
        /// Where.
        part: &'static str,
        /// Why.
        kind: std::io::ErrorKind,
    },
}

/// The sections of a file in memory.
pub(crate) struct Sections<'a> {
    table: Vec<(u32, &'a [u8])>,
}

impl<'a> Sections<'a> {
    pub(crate) fn open(
        file: &'static str,
        magic: [u8; 4],
        version: u32,
        bytes: &'a [u8],
    ) -> Result<Self, BadFile> {
        let mut head = Part { name: "the head of the file", rest: bytes };
        if head.take(4)? != magic || head.u32()? != version {
            return Err(BadFile::OtherKind { file, version });
        }
        let sections = head.u32()?;
        let mut table = Vec::new();
        for _ in 0..sections {
            let (id, length) = (head.u32()?, head.u64()?);
            let length = usize::try_from(length).or(Err(BadFile::Cut { part: head.name }))?;
            table.push((id, head.take(length)?));
        }
        head.finish()?;
        Ok(Self { table })
    }

    /// The one section of this number.
    pub(crate) fn part(&self, id: u32, name: &'static str) -> Result<Part<'a>, BadFile> {
        let mut found = self.table.iter().filter(|(other, _)| *other == id);
        let (_, rest) = found.next().ok_or(BadFile::Missing { part: name })?;
        match found.next() {
            Some(_) => Err(BadFile::Repeated { part: name }),
            None => Ok(Part { name, rest }),
        }
    }
}

/// A section, read from its start.
pub(crate) struct Part<'a> {
    pub(crate) name: &'static str,
    pub(crate) rest: &'a [u8],
}

impl<'a> Part<'a> {
    pub(crate) fn take(&mut self, bytes: usize) -> Result<&'a [u8], BadFile> {
        let (taken, rest) =
            self.rest.split_at_checked(bytes).ok_or(BadFile::Cut { part: self.name })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], BadFile> {
        let (taken, rest) =
            self.rest.split_first_chunk().ok_or(BadFile::Cut { part: self.name })?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, BadFile> {
        self.array().map(|[byte]| *byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, BadFile> {
        Ok(u32::from_le_bytes(*self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, BadFile> {
        Ok(u64::from_le_bytes(*self.array()?))
    }

    /// A count or an index. A `u32` always fits.
    pub(crate) fn count(&mut self) -> Result<usize, BadFile> {
        usize::try_from(self.u32()?).or(Err(BadFile::Unreadable { part: self.name }))
    }

    /// Refuses a number other than `expected`.
    pub(crate) fn expect_u32(&mut self, expected: u32) -> Result<(), BadFile> {
        let found = self.u32()?;
        if found == expected {
            return Ok(());
        }
        let (found, expected) = (found.into(), expected.into());
        Err(BadFile::Unexpected { part: self.name, found, expected })
    }

    /// Refuses a modulus other than `expected`, with the length before it.
    pub(crate) fn expect_modulus(&mut self, expected: [u8; 32]) -> Result<(), BadFile> {
        self.expect_u32(32)?;
        if *self.array()? == expected {
            return Ok(());
        }
        Err(BadFile::OtherCurve { part: self.name })
    }

    /// A coefficient of a `.zkey`: multiplied twice by Montgomery's radix, on its way in.
    pub(crate) fn twice_montgomery(&mut self) -> Result<Fr, BadFile> {
        let number = elements::scalar(self.array()?);
        Ok(elements::out_of_montgomery_twice(number.ok_or(self.not_canonical())?))
    }

    /// Two coordinates; the point at infinity is written as zeros.
    pub(crate) fn g1(&mut self) -> Result<G1Affine, BadFile> {
        let (x, y) = (self.coordinate()?, self.coordinate()?);
        elements::g1(x, y).ok_or(BadFile::NotInGroup { part: self.name })
    }

    pub(crate) fn g2(&mut self) -> Result<G2Affine, BadFile> {
        let x = Fq2::new(self.coordinate()?, self.coordinate()?);
        let y = Fq2::new(self.coordinate()?, self.coordinate()?);
        elements::g2(x, y).ok_or(BadFile::NotInGroup { part: self.name })
    }

    /// Exactly `count` points, and the section ends.
    pub(crate) fn g1_all(mut self, count: usize) -> Result<Vec<G1Affine>, BadFile> {
        let points = (0..count).map(|_| self.g1()).collect::<Result<_, _>>()?;
        self.finish()?;
        Ok(points)
    }

    /// Exactly `count` points, and the section ends.
    pub(crate) fn g2_all(mut self, count: usize) -> Result<Vec<G2Affine>, BadFile> {
        let points = (0..count).map(|_| self.g2()).collect::<Result<_, _>>()?;
        self.finish()?;
        Ok(points)
    }

    pub(crate) const fn finish(self) -> Result<(), BadFile> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(BadFile::Surplus { part: self.name, bytes: self.rest.len() })
    }

    fn coordinate(&mut self) -> Result<Fq, BadFile> {
        let number = elements::coordinate(self.array()?);
        number.map(elements::out_of_montgomery).ok_or(self.not_canonical())
    }

    const fn not_canonical(&self) -> BadFile {
        BadFile::NotCanonical { part: self.name }
    }
}

/// Writes a file section by section.
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(magic: [u8; 4], version: u32, sections: u32) -> Self {
        let head = [magic, version.to_le_bytes(), sections.to_le_bytes()];
        Self { bytes: head.concat() }
    }

    #[must_use]
    pub(crate) fn section(mut self, id: u32, content: &[u8]) -> Self {
        self.bytes.extend(id.to_le_bytes());
        // A `usize` has at most 64 bits on every platform that Rust has.
        self.bytes.extend(u64::try_from(content.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.bytes.extend(content);
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// A count as these files write it. Circuits are far below the limit; one at it would be refused by
/// every reader, for the count would not fit the section.
pub(crate) fn count(items: usize) -> [u8; 4] {
    u32::try_from(items).unwrap_or(u32::MAX).to_le_bytes()
}
