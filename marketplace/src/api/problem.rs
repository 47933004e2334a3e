//! Refusals over HTTP: RFC 9457 `application/problem+json`.
//!
//! **Invariant:** a refusal is shown as the module worded it; a failure of ours is logged with all its causes and shown
//! without them.
//!
//! **Not here:** which refusal each error is ([`errors`]).

mod errors;

use std::error::Error;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::db;

/// When it is worth trying again to store something on a full disk.
const FULL_RETRY_SECONDS: &str = "60";
/// When an answer is there that was not yet.
const IN_FLIGHT_RETRY_SECONDS: &str = "1";

/// What every refusal has in common: a name that programs can match, and a title for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    status: StatusCode,
    name: &'static str,
    title: &'static str,
}

#[rustfmt::skip] // a table is read by column
mod kinds {
    use super::{Kind, StatusCode};

    const fn kind(status: StatusCode, name: &'static str, title: &'static str) -> Kind {
        Kind { status, name, title }
    }

    pub(super) const INVALID: Kind = kind(StatusCode::BAD_REQUEST, "invalid-request", "The request does not read");
    pub(super) const UNAUTHENTICATED: Kind = kind(StatusCode::UNAUTHORIZED, "unauthenticated", "An API key is needed");
    pub(super) const FUNDS: Kind = kind(StatusCode::PAYMENT_REQUIRED, "insufficient-funds", "There are not enough tokens");
    pub(super) const FORBIDDEN: Kind = kind(StatusCode::FORBIDDEN, "forbidden", "This key may not do that");
    pub(super) const NOT_FOUND: Kind = kind(StatusCode::NOT_FOUND, "not-found", "There is no such thing");
    pub(super) const CONFLICT: Kind = kind(StatusCode::CONFLICT, "conflict", "That is not possible any more");
    pub(super) const TOO_FEW: Kind = kind(StatusCode::CONFLICT, "too-few-vehicles", "Too few vehicles share this");
    pub(super) const IN_FLIGHT: Kind = kind(StatusCode::CONFLICT, "request-in-flight", "The same request is being answered");
    pub(super) const EXPIRED: Kind = kind(StatusCode::GONE, "quote-expired", "The quote has expired");
    pub(super) const TOO_LARGE: Kind = kind(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large");
    pub(super) const RANGE: Kind = kind(StatusCode::RANGE_NOT_SATISFIABLE, "range-not-satisfiable", "The file has no such bytes");
    pub(super) const KEY_REUSED: Kind = kind(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The key was used for another request");
    pub(super) const LIMIT: Kind = kind(StatusCode::UNPROCESSABLE_ENTITY, "limit-exceeded", "The question asks for too much at once");
    pub(super) const BUSY: Kind = kind(StatusCode::SERVICE_UNAVAILABLE, "busy", "The market is busy");
    pub(super) const NO_PROOFS: Kind = kind(StatusCode::SERVICE_UNAVAILABLE, "no-proofs", "This market takes no proofs now");
    pub(super) const FULL: Kind = kind(StatusCode::INSUFFICIENT_STORAGE, "storage-full", "The market has no room");
    pub(super) const INTERNAL: Kind = kind(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The market failed");
}

/// A refusal on its way to the caller.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    /// What failed in us: for the log, never for the caller.
    cause: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    name: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// The caller did not say who he is, or said it with a key that nobody has.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(
            kinds::UNAUTHENTICATED,
            "send `Authorization: Bearer axle_…` with a key of this market",
        )
    }

    /// The caller is somebody else than he must be.
    #[must_use]
    pub fn forbidden(needed: &str) -> Self {
        Self::new(kinds::FORBIDDEN, format!("this needs the key of {needed}"))
    }

    /// There is nothing at this address.
    #[must_use]
    pub fn no_such_route(method: &str, path: &str) -> Self {
        Self::new(kinds::NOT_FOUND, format!("there is no {method} {path} in this API"))
    }

    /// There is no such thing, or it is another's.
    pub fn not_found(detail: impl fmt::Display) -> Self {
        Self::new(kinds::NOT_FOUND, detail)
    }

    /// The request does not read; `detail` says where.
    pub fn invalid(detail: impl fmt::Display) -> Self {
        Self::new(kinds::INVALID, detail)
    }

    /// Without verifying keys there are no proofs.
    #[must_use]
    pub fn no_proofs() -> Self {
        let detail = "this market has no verifying keys, so nobody could answer; its operator can set keys_dir";
        Self::new(kinds::NO_PROOFS, detail)
    }

    /// Bytes were asked for that the file does not have.
    #[must_use]
    pub fn beyond_file(bytes: u64) -> Self {
        Self::new(
            kinds::RANGE,
            format!("the file has {bytes} bytes; ask for `bytes=first-last` in it"),
        )
    }

    /// We failed.
    pub fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        let (kind, detail) = if db::is_full(&cause) {
            (kinds::FULL, "nothing was changed; what is there can be read, try again in a while")
        } else {
            (kinds::INTERNAL, "nothing was changed; try again, and tell the operator if it stays")
        };
        Self { cause: Some(Box::new(cause)), ..Self::new(kind, detail) }
    }

    fn new(kind: Kind, detail: impl fmt::Display) -> Self {
        Self { kind, detail: detail.to_string(), cause: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.title, self.detail)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause: &(dyn Error + 'static) = self.cause.as_deref()?;
        Some(cause)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.status
    }

    fn error_response(&self) -> HttpResponse {
        if let Some(cause) = &self.cause {
            tracing::error!(error = %chain(cause.as_ref()), "request failed");
        }
        let Kind { status, name, title } = self.kind;
        let name = format!("urn:axle:problem:{name}");
        let body = Body { name, title, status: status.as_u16(), detail: &self.detail };
        let mut response = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        let retry_seconds = match self.kind {
            kinds::FULL => Some(FULL_RETRY_SECONDS),
            kinds::IN_FLIGHT => Some(IN_FLIGHT_RETRY_SECONDS),
            _ => None,
        };
        if let Some(seconds) = retry_seconds {
            response.insert_header(("Retry-After", seconds));
        }
        response.insert_header(("Content-Type", "application/problem+json")).json(body)
    }
}

/// An error and its causes, in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use telematics::testing::T0;

    use super::*;
    use crate::catalog::DatasetId;
    use crate::delivery::DeliveryError;
    use crate::ledger::LedgerError;
    use crate::trade::{QuoteId, TradeError};

    async fn shown(problem: Problem) -> (u16, serde_json::Value) {
        let response = problem.error_response();
        assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_refusal_is_shown_as_the_module_worded_it() {
        let dataset = DatasetId::new(T0, [1; 10]);
        let refusal = || TradeError::TooFewVehicles { dataset, vehicles: 3, vehicles_min: 10 };

        let (status, body) = shown(refusal().into()).await;

        assert_eq!(status, 409);
        assert_eq!(body["type"], "urn:axle:problem:too-few-vehicles");
        assert_eq!(body["status"], 409);
        assert_eq!(body["detail"], refusal().to_string());
    }

    #[tokio::test]
    async fn a_failure_of_ours_is_shown_without_its_cause() {
        let secret = || diesel::result::Error::QueryBuilderError("table secrets".into());
        let failures: [Problem; 4] = [
            TradeError::Storage(secret()).into(),
            TradeError::Ledger(LedgerError::Storage(secret())).into(),
            DeliveryError::Trade(TradeError::Storage(secret())).into(),
            secret().into(),
        ];
        for failure in failures {
            let logged = failure.source().map(chain).unwrap();
            assert!(logged.contains("table secrets"), "{logged}");
            let (status, body) = shown(failure).await;
            assert_eq!(status, 500);
            assert!(!body.to_string().contains("secrets"), "{body}");
        }
    }

    #[tokio::test]
    async fn a_refusal_of_a_deeper_module_keeps_its_status() {
        let expired = TradeError::Expired { quote: QuoteId::new(T0, [1; 10]), expired_at: T0 };

        assert_eq!(shown(DeliveryError::Trade(expired).into()).await.0, 410);
    }
}
