//! Headers that handlers read by type.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::api::problem::Problem;
use crate::ledger::IdempotencyKey;

/// The key that makes a retried request happen once.
pub(super) struct Idempotency(pub(super) IdempotencyKey);

impl FromRequest for Idempotency {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request.headers().get("Idempotency-Key");
        let text = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
        ready(IdempotencyKey::parse(text).map(Self).map_err(Problem::from))
    }
}

/// Bytes of a file that were asked for: the first, and the last if it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// From the first to the last, both included.
    Between(u64, u64),
    /// From here to the end.
    From(u64),
    /// This many at the end.
    Last(u64),
}

impl Range {
    /// Reads `bytes=0-99`, `bytes=100-` or `bytes=-100`. Anything else is ignored, as RFC 9110 says:
    /// the whole file is a right answer.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        match (first.parse().ok(), last.parse().ok()) {
            (Some(first), Some(last)) => (first <= last).then_some(Self::Between(first, last)),
            (Some(first), None) if last.is_empty() => Some(Self::From(first)),
            (None, Some(count)) if first.is_empty() => Some(Self::Last(count)),
            _ => None,
        }
    }

    /// The first byte and how many, in a file of `length` bytes; `None` when it has none of them.
    pub(super) fn within(self, length: u64) -> Option<(u64, u64)> {
        let (first, end) = match self {
            Self::Between(first, last) => (first, last.saturating_add(1).min(length)),
            Self::From(first) => (first, length),
            Self::Last(count) => (length.saturating_sub(count), length),
        };
        (first < end).then(|| (first, end - first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_file() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("bytes=0-9",     Some((0, 10))),
            ("bytes=90-200",  Some((90, 10))),
            ("bytes=95-",     Some((95, 5))),
            ("bytes=-10",     Some((90, 10))),
            ("bytes=-1000",   Some((0, 100))),
            ("bytes=100-",    None),
            ("bytes=-0",      None),
        ];
        for (text, expected) in cases {
            assert_eq!(Range::parse(text).unwrap().within(100), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_single_range_is_ignored() {
        for text in ["", "bytes=", "bytes=-", "bytes=9-0", "bytes=0-1,5-6", "rows=0-1", "bytes=a-b"]
        {
            assert_eq!(Range::parse(text), None, "{text}");
        }
    }
}
