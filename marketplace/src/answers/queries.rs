//! The only statements that name the table of answers.

use diesel::prelude::*;
use telematics::Timestamp;

use super::{Answer, AnswersError, Intent};
use crate::db::Conn;
use crate::schema::answers;

/// What this request was answered before, if it was.
///
/// # Errors
/// Refuses a key that was used for another request.
pub fn given(conn: &mut Conn, intent: &Intent) -> Result<Option<Answer>, AnswersError> {
    let found: Option<(Vec<u8>, i32, Vec<u8>)> = answers::table
        .find((&intent.asker, intent.key.as_str()))
        .select((answers::digest, answers::status, answers::body))
        .first(conn)
        .optional()?;
    let Some((digest, status, body)) = found else { return Ok(None) };
    let key = || intent.key.clone();
    if digest != intent.digest {
        return Err(AnswersError::KeyReused { key: key() });
    }
    let status = u16::try_from(status).or(Err(AnswersError::Damaged { key: key() }))?;
    Ok(Some(Answer { status, body }))
}

/// Keeps an answer for ever.
///
/// # Errors
/// When there is one already, and when the database fails.
pub fn keep(
    conn: &mut Conn,
    intent: &Intent,
    answer: &Answer,
    now: Timestamp,
) -> Result<(), AnswersError> {
    diesel::insert_into(answers::table)
        .values((
            answers::asker.eq(&intent.asker),
            answers::idempotency_key.eq(intent.key.as_str()),
            answers::digest.eq(intent.digest.to_vec()),
            answers::status.eq(i32::from(answer.status)),
            answers::body.eq(&answer.body),
            answers::answered_at.eq(now.as_micros()),
        ))
        .execute(conn)?;
    Ok(())
}
