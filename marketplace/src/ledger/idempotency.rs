//! Idempotency keys: what makes a retried request happen once.
//!
//! The caller chooses one per intention and repeats it with each attempt. Keys are kept for ever.

use std::fmt;

use telematics::ids::{Id, Kind};

/// A key that a caller chose: 1 to [`Self::CHARS_MAX`] visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// Text that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to {} visible ASCII characters", IdempotencyKey::CHARS_MAX)]
pub struct NotAKey;

impl IdempotencyKey {
    /// Room for a UUID and a prefix.
    pub const CHARS_MAX: usize = 128;

    /// Takes the caller's key.
    ///
    /// # Errors
    /// Refuses empty and long keys, spaces and what is not ASCII.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let is_key = (1..=Self::CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_key { Ok(Self(text.to_owned())) } else { Err(NotAKey) }
    }

    /// The key of what the market does by itself, once for each `id`.
    #[must_use]
    pub fn of_id<K: Kind>(id: Id<K>) -> Self {
        Self(id.to_string())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_ascii_of_some_length_is_a_key() {
        assert_eq!(IdempotencyKey::parse("order-7").unwrap().as_str(), "order-7");
        for text in ["", "two words", "naïve", "line\n", &"x".repeat(129)] {
            assert_eq!(IdempotencyKey::parse(text), Err(NotAKey), "{text}");
        }
    }
}
