//! API keys: what people and programs show to be let in.
//!
//! **Invariant:** the text of a key is never stored or logged; only its SHA-256 is. A key is 256
//! random bits, so a fast hash without salt gives nothing to guess.

use std::fmt;

use sha2::{Digest, Sha256};

/// A secret that authenticates whoever holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey([u8; 32]);

/// Text that is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an API key is `axle_` and 64 hex digits")]
pub struct NotAKey;

impl ApiKey {
    const PREFIX: &'static str = "axle_";

    /// The key made of `entropy`, which must be random.
    #[must_use]
    pub const fn new(entropy: [u8; 32]) -> Self {
        Self(entropy)
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// Anything but the prefix and 64 hex digits is refused; the text is not repeated.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(NotAKey)?;
        let bytes = hex::decode(digits).or(Err(NotAKey))?;
        bytes.try_into().map(Self).or(Err(NotAKey))
    }

    /// The key in an `Authorization` header (RFC 6750).
    #[must_use]
    pub fn of_bearer(header: &str) -> Option<Self> {
        let (scheme, key) = header.split_once(' ')?;
        Self::parse(key.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("bearer"))
    }

    /// The text form, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{}{}", Self::PREFIX, hex::encode(self.0))
    }

    /// What is stored of it.
    pub(super) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_debug_hides_it() {
        let key = ApiKey::new([0xab; 32]);

        assert_eq!(ApiKey::parse(&key.reveal()), Ok(key.clone()));
        assert!(!format!("{key:?}").contains("ab"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let short = format!("axle_{}", "ab".repeat(31));
        let bare = "ab".repeat(32);
        for text in ["", "axle_", short.as_str(), bare.as_str(), "axle_zz"] {
            assert_eq!(ApiKey::parse(text), Err(NotAKey), "{text}");
        }
    }
}
