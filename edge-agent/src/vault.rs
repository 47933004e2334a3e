//! What the car keeps for proofs is encrypted on its disk: values, blindings and open windows.
//!
//! XChaCha20-Poly1305 with a random nonce for each record, under a key derived from the device key with
//! HKDF-SHA-256. What a record is about is associated data, so a record that is moved to another place
//! does not open there.
//!
//! **It protects** copies of the spool alone: a backup, a file sent with a fault report, a disk whose
//! `identity.json` was removed first. **It does not protect** against someone who also has
//! `identity.json`, such as a thief of the whole computer: the device key is in it, for the agent has to
//! start without anyone typing a passphrase.
//!
//! **Invariant:** the key is derived for this use alone, and printed by nothing.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use rand::CryptoRng;
use sha2::Sha256;

use crate::device_key::DeviceKey;

const NONCE_BYTES: usize = 24;
const PURPOSE: &[u8] = b"axle/agent/vault/v1";

/// Seals and opens what one car keeps.
#[derive(Clone)]
pub struct Vault(XChaCha20Poly1305);

/// Bytes that do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record does not open: it is damaged, not in its place, or of another device key")]
pub struct NotSealedHere;

impl Vault {
    /// The vault of the car with this device key.
    #[must_use]
    pub fn of(key: &DeviceKey) -> Self {
        let (derived, _) = Hkdf::<Sha256>::extract(Some(PURPOSE), key.signing_key().as_bytes());
        Self(XChaCha20Poly1305::new(&derived))
    }

    /// Encrypts `plain`, which is about `about`.
    #[must_use]
    pub fn seal(&self, about: &[u8], plain: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let payload = Payload { msg: plain, aad: about };
        // Encryption fails only beyond 256 GiB; an empty record then does not open.
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        [nonce.as_slice(), &sealed].concat()
    }

    /// Decrypts what [`Self::seal`] gave for the same `about`.
    ///
    /// # Errors
    /// Refused when it was changed, moved, or sealed with another key.
    pub fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotSealedHere> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(NotSealedHere)?;
        let payload = Payload { msg, aad: about };
        self.0.decrypt(&XNonce::from(*nonce), payload).or(Err(NotSealedHere))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::of(&DeviceKey::new([byte; 32]))
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_key_and_place_alone() {
        let sealed = vault(7).seal(b"here", b"62.5 km/h", &mut rand::rng());
        let flipped: Vec<_> = sealed.iter().map(|byte| byte ^ 1).collect();
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // name              key  place              bytes          opens
            ("as sealed",        7,   b"here".as_slice(), &sealed[..],   true),
            ("another key",      8,   b"here",            &sealed,       false),
            ("another place",    7,   b"there",           &sealed,       false),
            ("changed",          7,   b"here",            &flipped,      false),
            ("cut short",        7,   b"here",            &sealed[..30], false),
            ("too short",        7,   b"here",            &sealed[..10], false),
        ];
        for (name, key, about, bytes, opens) in cases {
            let opened = vault(key).open(about, bytes);
            assert_eq!(opened == Ok(b"62.5 km/h".to_vec()), opens, "{name}");
            assert!(opens || opened == Err(NotSealedHere), "{name}");
        }
    }

    #[test]
    fn equal_values_look_different_each_time() {
        let seal = || vault(7).seal(b"here", b"0", &mut rand::rng());

        assert_ne!(seal(), seal());
        assert_eq!(format!("{:?}", vault(7)), "Vault(secret)");
    }
}
