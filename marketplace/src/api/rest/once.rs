//! Requests that happen once, however often they are sent.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::answers::{self, Answer, AnswersError, Intent};
use crate::api::problem::Problem;
use crate::app::App;
use crate::db::Conn;
use crate::failpoint::Failpoint;

/// Does what `intent` stands for and answers 201 with what it made; or answers as the first time. What is refused is not kept.
///
/// # Errors
/// What `verb` refuses, a key that stands for another request, and one whose first request has no answer yet.
pub(super) async fn create<T: Serialize>(
    app: &App,
    intent: Intent,
    verb: impl Fn(&mut Conn) -> Result<T, Problem> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let _turn = app.in_flight.enter(&intent)?;
    let now = app.clock.now();
    let answer = app
        .db
        .write::<_, Problem, _>(move |conn| {
            if let Some(before) = answers::given(conn, &intent)? {
                return Ok(before);
            }
            let body = serde_json::to_vec(&verb(conn)?).map_err(AnswersError::from)?;
            let answer = Answer { status: StatusCode::CREATED.as_u16(), body };
            answers::keep(conn, &intent, &answer, now)?;
            Failpoint::AnswerKept.reach();
            Ok(answer)
        })
        .await?;
    Failpoint::AnswerCommitted.reach();
    let status = StatusCode::from_u16(answer.status).map_err(Problem::internal)?;
    Ok(HttpResponse::build(status).content_type("application/json").body(answer.body))
}
