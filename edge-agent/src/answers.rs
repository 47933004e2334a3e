//! Answers of a marketplace, without trusting it: no more of them is held than an answer can have, none is
//! waited for for ever, and its words can not disguise themselves.
//!
//! **Not here:** what an answer must say (`proto::convert`, and whoever asked).

use std::time::Duration;

use tokio::time::timeout;
use tonic::{Response, Status};

/// Bytes of the largest answer that is taken in: a hundred campaigns have less than half of it.
pub const BYTES_MAX: usize = 1 << 18;
/// How long an answer may take once there is a connection. A slow network needs some seconds.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Characters of a marketplace's words that are shown.
const WORDS_MAX: usize = 300;

/// The answer to a call.
///
/// # Errors
/// With what the marketplace says, or `DEADLINE_EXCEEDED` when nothing comes in time.
pub async fn answer<T>(
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Status> {
    within(PATIENCE, call).await
}

async fn within<T>(
    patience: Duration,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Status> {
    let late = |_| Status::deadline_exceeded(format!("no answer within {patience:?}"));
    timeout(patience, call).await.map_err(late)?.map(Response::into_inner)
}

/// What a marketplace said, for an owner's terminal and log: not longer than a message is, and without the
/// characters that move a cursor.
#[must_use]
pub fn words(text: &str) -> String {
    let shown = |character: char| if character.is_control() { ' ' } else { character };
    let mut shown: String = text.chars().map(shown).take(WORDS_MAX).collect();
    if text.chars().nth(WORDS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_are_short_and_plain() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("in order",    "used before; make a new one".to_owned(), "used before; make a new one".to_owned()),
            ("a terminal",  "\u{1b}[2Jall is\nwell\0".to_owned(),     " [2Jall is well ".to_owned()),
            ("full",        "x".repeat(300),                          "x".repeat(300)),
            ("endless",     "ä".repeat(100_000),                      "ä".repeat(300) + "…"),
        ];
        for (name, said, expected) in cases {
            assert_eq!(words(&said), expected, "{name}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_never_comes_is_given_up() {
        let never = std::future::pending::<Result<Response<()>, Status>>();
        let error = within(Duration::from_millis(20), never).await.unwrap_err();

        assert_eq!(error.message(), "no answer within 20ms");
    }
}
