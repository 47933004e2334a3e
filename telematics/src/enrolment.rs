//! The code that an owner gets from the market and types into his car: `axle-` and 42 letters and digits.
//!
//! Base32 of 26 bytes: a 10-byte secret, which the market knows by its hash, then the first 16 bytes of
//! the SHA-256 of the market's authority (its certificate, DER), by which the car knows the market
//! before it trusts anything else.
//!
//! **Invariant:** a code has one spelling: what parses is written back the same, in lower case.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

const PREFIX: &str = "axle-";
const ALPHABET: base32::Alphabet = base32::Alphabet::Rfc4648Lower { padding: false };

/// A single-use enrolment code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EnrolmentCode {
    /// Proves that the owner asked for it.
    pub secret: [u8; 10],
    /// Which market it is for.
    pub pin: AuthorityPin,
}

/// The first half of the SHA-256 of a certificate: short enough to type, too long to imitate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorityPin([u8; 16]);

/// Text that is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an enrolment code is `axle-` and 42 letters and digits 2 to 7; copy it whole and check it for \
     typing errors"
)]
pub struct NotACode;

impl AuthorityPin {
    /// The pin of this certificate.
    #[must_use]
    pub fn of(certificate_der: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(certificate_der).into();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

impl FromStr for EnrolmentCode {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        let text = text.trim().to_ascii_lowercase();
        let digits = text.strip_prefix(PREFIX).ok_or(NotACode)?;
        let bytes = base32::decode(ALPHABET, digits).ok_or(NotACode)?;
        let (secret, pin) = bytes.split_first_chunk().ok_or(NotACode)?;
        let code = Self { secret: *secret, pin: AuthorityPin(pin.try_into().or(Err(NotACode))?) };
        // Spare bits of the last digit would give one code several spellings.
        if code.to_string() == text { Ok(code) } else { Err(NotACode) }
    }
}

impl fmt::Display for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.secret.as_slice(), &self.pin.0].concat();
        write!(f, "{PREFIX}{}", base32::encode(ALPHABET, &bytes))
    }
}

// The secret stays out of logs.
impl fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnrolmentCode(pins {})", hex::encode(self.pin.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> EnrolmentCode {
        EnrolmentCode { secret: [7; 10], pin: AuthorityPin::of(b"authority") }
    }

    #[test]
    fn a_code_survives_its_text_form() {
        let code = code();
        let text = code.to_string();

        assert_eq!(text.len(), 5 + 42);
        assert_eq!(text.parse(), Ok(code));
        assert_eq!(format!(" {} ", text.to_uppercase()).parse(), Ok(code));
        assert!(code.pin != AuthorityPin::of(b"another"));
        assert!(!format!("{code:?}").contains(&text[5..15]));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let good = code().to_string();
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
