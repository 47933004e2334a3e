//! The code that an owner types: `axle-` and 42 letters and digits.
//!
//! Base32 of 26 bytes: a 10-byte secret, then the first 16 bytes of the SHA-256 of the marketplace's
//! authority certificate (DER).
//!
//! **Invariant:** a code has one spelling: what parses is written back the same, in lower case.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

const PREFIX: &str = "axle-";
const ALPHABET: base32::Alphabet = base32::Alphabet::Rfc4648Lower { padding: false };
const SECRET_BYTES: usize = 10;
const PIN_BYTES: usize = 16;

/// A single-use enrolment code.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentCode {
    secret: [u8; SECRET_BYTES],
    pin: [u8; PIN_BYTES],
}

/// Text that is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not an enrolment code: it is `axle-` and 42 letters and digits 2 to 7; copy it whole \
     from the owner's page"
)]
pub struct NotACode;

impl EnrolmentCode {
    /// The code with `secret` for the authority `authority_der`.
    #[must_use]
    pub fn new(secret: [u8; SECRET_BYTES], authority_der: &[u8]) -> Self {
        Self { secret, pin: pin(authority_der) }
    }

    /// True when the code pins this certificate.
    #[must_use]
    pub fn pins(&self, certificate_der: &[u8]) -> bool {
        self.pin == pin(certificate_der)
    }
}

fn pin(certificate_der: &[u8]) -> [u8; PIN_BYTES] {
    let digest: [u8; 32] = Sha256::digest(certificate_der).into();
    std::array::from_fn(|index| digest.get(index).copied().unwrap_or_default())
}

impl FromStr for EnrolmentCode {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        let text = text.trim().to_ascii_lowercase();
        let digits = text.strip_prefix(PREFIX).ok_or(NotACode)?;
        let bytes = base32::decode(ALPHABET, digits).ok_or(NotACode)?;
        let (secret, pin) = bytes.split_first_chunk().ok_or(NotACode)?;
        let code = Self { secret: *secret, pin: pin.try_into().or(Err(NotACode))? };
        // Spare bits of the last digit would give one code several spellings.
        if code.to_string() == text { Ok(code) } else { Err(NotACode) }
    }
}

impl fmt::Display for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.secret.as_slice(), &self.pin].concat();
        write!(f, "{PREFIX}{}", base32::encode(ALPHABET, &bytes))
    }
}

impl fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnrolmentCode(pins {})", hex::encode(self.pin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_its_text_form() {
        let code = EnrolmentCode::new([7; 10], b"authority");
        let text = code.to_string();

        assert_eq!(text.len(), 5 + 42);
        assert_eq!(text.parse(), Ok(code.clone()));
        assert_eq!(format!(" {} ", text.to_uppercase()).parse(), Ok(code.clone()));
        assert!(code.pins(b"authority") && !code.pins(b"another"));
        assert!(!format!("{code:?}").contains(&text[5..15]));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let good = EnrolmentCode::new([7; 10], b"authority").to_string();
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("nothing",          String::new()),
            ("no prefix",        good[5..].to_owned()),
            ("another prefix",   good.replace("axle-", "axel-")),
            ("cut short",        good[..good.len() - 1].to_owned()),
            ("too long",         format!("{good}a")),
            ("not of base32",    good.replace(&good[10..11], "1")),
            ("spare bits set",   format!("{}{}", &good[..good.len() - 1], '7')),
        ];
        for (name, text) in cases {
            assert_eq!(text.parse::<EnrolmentCode>(), Err(NotACode), "{name}: {text}");
        }
    }
}
