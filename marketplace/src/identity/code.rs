//! Enrolment codes as owners see them: `axle-` and 42 letters and digits.
//!
//! A code carries a secret, which the market knows by its hash, and the pin of the market's
//! authority, by which the car knows the market before it trusts anything else.

use std::fmt;
use std::str::FromStr;

use base32::Alphabet;

const ALPHABET: Alphabet = Alphabet::Rfc4648Lower { padding: false };
const PREFIX: &str = "axle-";

/// What an owner types into the edge agent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EnrolmentCode {
    /// Proves that the owner asked for it.
    pub secret: [u8; 10],
    /// First half of the SHA-256 of the authority's certificate.
    pub pin: [u8; 16],
}

/// Text that is not an enrolment code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an enrolment code is `axle-` and 42 letters and digits; check it for typing errors")]
pub struct NotACode;

impl EnrolmentCode {
    /// The code for `secret` at the market whose authority `pin` stands for.
    #[must_use]
    pub const fn new(secret: [u8; 10], pin: [u8; 16]) -> Self {
        Self { secret, pin }
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
        f.write_str("EnrolmentCode(..)")
    }
}

impl FromStr for EnrolmentCode {
    type Err = NotACode;

    /// Reads what the owner typed; case and surrounding space do not matter.
    fn from_str(text: &str) -> Result<Self, NotACode> {
        let text = text.trim().to_ascii_lowercase();
        let digits = text.strip_prefix(PREFIX).ok_or(NotACode)?;
        let bytes = base32::decode(ALPHABET, digits).ok_or(NotACode)?;
        let (secret, pin) = bytes.split_first_chunk().ok_or(NotACode)?;
        let code = Self { secret: *secret, pin: pin.try_into().or(Err(NotACode))? };
        // Base32 has spare bits at the end; only the form that we print is a code.
        if code.to_string() == text { Ok(code) } else { Err(NotACode) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: EnrolmentCode = EnrolmentCode { secret: [7; 10], pin: [200; 16] };

    #[test]
    fn text_form_round_trips_however_it_was_typed() {
        let text = CODE.to_string();

        assert_eq!(text.len(), "axle-".len() + 42);
        assert_eq!(text.parse(), Ok(CODE));
        assert_eq!(format!(" {}\n", text.to_uppercase()).parse(), Ok(CODE));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let text = CODE.to_string();
        let shorter = &text[..text.len() - 1];
        let longer = format!("{text}a");
        for text in ["", "axle-", "axle-1111", shorter, longer.as_str(), &text["axle-".len()..]] {
            assert_eq!(text.parse::<EnrolmentCode>(), Err(NotACode), "{text}");
        }
    }
}
