//! Field elements that are public, each kind a type of its own.
//!
//! **Invariant:** an [`Element`] holds a number below the modulus, and [`Element::from_bytes`] accepts
//! one encoding of it: 32 bytes, least significant first.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use ark_bn254::Fr;

use crate::field;

/// What an [`Element`] is.
pub trait Kind {
    /// Its name, for errors.
    const NAME: &'static str;
}

/// A field element of one kind.
pub struct Element<K> {
    number: Fr,
    kind: PhantomData<fn() -> K>,
}

/// The kinds.
pub(crate) mod kind {
    use super::Kind;

    /// See [`super::IdentityCommitment`].
    pub enum IdentityCommitment {}
    /// See [`super::Leaf`].
    pub enum Leaf {}
    /// See [`super::Root`].
    pub enum Root {}
    /// See [`super::Nullifier`].
    pub enum Nullifier {}
    /// See [`super::Payee`].
    pub enum Payee {}

    impl Kind for IdentityCommitment {
        const NAME: &'static str = "identity commitment";
    }
    impl Kind for Leaf {
        const NAME: &'static str = "leaf";
    }
    impl Kind for Root {
        const NAME: &'static str = "root";
    }
    impl Kind for Nullifier {
        const NAME: &'static str = "nullifier";
    }
    impl Kind for Payee {
        const NAME: &'static str = "payee";
    }
}

/// Stands for a vehicle in its leaves: the hash of the secret that it drew at enrolment.
pub type IdentityCommitment = Element<kind::IdentityCommitment>;
/// What the marketplace appends to the epoch tree for a commitment.
pub type Leaf = Element<kind::Leaf>;
/// Fixes an epoch tree, or any node of it.
pub type Root = Element<kind::Root>;
/// Stands for a vehicle in one campaign: the same each time, and another in every other campaign.
pub type Nullifier = Element<kind::Nullifier>;
/// Who is to be paid, without saying who it is.
pub type Payee = Element<kind::Payee>;

/// What is not an [`Element`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {name}: write 64 hex digits, of a number below the modulus of BN254")]
pub struct NotAnElement {
    name: &'static str,
    text: String,
}

impl<K: Kind> Element<K> {
    /// Reads 32 bytes that came from elsewhere.
    ///
    /// # Errors
    /// Another length and numbers at or above the modulus are refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAnElement> {
        let number = <&[u8; 32]>::try_from(bytes).ok().and_then(field::from_bytes);
        let refuse = || NotAnElement { name: K::NAME, text: hex::encode(bytes) };
        number.map(Self::new).ok_or_else(refuse)
    }
}

impl<K> Element<K> {
    pub(crate) const fn new(number: Fr) -> Self {
        Self { number, kind: PhantomData }
    }

    pub(crate) const fn number(self) -> Fr {
        self.number
    }

    /// Its 32 bytes, least significant first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        field::to_bytes(self.number)
    }
}

// Written out because a derive would demand the same traits of `K`, which is never a value.
impl<K> Clone for Element<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Element<K> {}
impl<K> PartialEq for Element<K> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl<K> Eq for Element<K> {}
impl<K> PartialOrd for Element<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Element<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.number.cmp(&other.number)
    }
}
impl<K> Hash for Element<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}
impl<K> fmt::Display for Element<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}
impl<K> fmt::Debug for Element<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K: Kind> FromStr for Element<K> {
    type Err = NotAnElement;

    fn from_str(text: &str) -> Result<Self, NotAnElement> {
        let refuse = |_| NotAnElement { name: K::NAME, text: text.chars().take(80).collect() };
        Self::from_bytes(&hex::decode(text).map_err(refuse)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_round_trip() {
        let root = Root::new(Fr::from(258));

        assert_eq!(root.to_string()[..6], *"020100");
        assert_eq!(root.to_string().parse(), Ok(root));
        assert_eq!(Root::from_bytes(&root.to_bytes()), Ok(root));
    }

    #[test]
    fn what_is_no_element_is_refused_by_name() {
        for text in ["", "zz", &"00".repeat(31), &"00".repeat(33), &"ff".repeat(32)] {
            let error = text.parse::<Nullifier>().unwrap_err().to_string();
            assert!(error.contains("no nullifier"), "{error}");
        }
    }
}
