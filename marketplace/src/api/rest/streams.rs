//! Live streams: opening one, and what it has cost. The samples go over gRPC (`axle.v1.Live`).

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use telematics::{Signal, Timestamp};

use super::headers::Idempotency;
use super::once;
use super::quotes::PriceView;
use crate::answers::Intent;
use crate::api::problem::Problem;
use crate::app::App;
use crate::archive;
use crate::catalog::DatasetId;
use crate::consent::Purpose;
use crate::db::Conn;
use crate::identity::Buyer;
use crate::ledger::Amount;
use crate::live::{self, LiveError, LiveStream, LiveStreamId, Wish};

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenStream {
    dataset: String,
    /// Only these of its signals; all when none is named.
    #[serde(default)]
    signals: Vec<String>,
    purpose: Purpose,
    /// For so long.
    hours: u32,
    /// Tokens that it may cost at most: they are set aside.
    cap: String,
}

#[derive(Serialize)]
struct StreamView {
    id: String,
    dataset: String,
    signals: Vec<&'static str>,
    purpose: Purpose,
    status: &'static str,
    opened_at: String,
    ends_at: String,
    cap: String,
    /// Rows that were sent.
    rows: u64,
    /// What they cost so far, or what was paid.
    cost: String,
    price_rule: PriceView,
    /// The last batch that was charged: where a program goes on that has no cursor.
    cursor: i64,
}

impl StreamView {
    fn of(stream: &LiveStream, now: Timestamp) -> Self {
        let status = match stream.price {
            Some(_) => "settled",
            None if stream.ends_at <= now => "over",
            None => "open",
        };
        Self {
            id: stream.id.to_string(),
            dataset: stream.dataset.to_string(),
            signals: stream.signals.iter().map(|signal| signal.path()).collect(),
            purpose: stream.purpose,
            status,
            opened_at: stream.opened_at.to_string(),
            ends_at: stream.ends_at.to_string(),
            cap: stream.cap.to_string(),
            rows: stream.price_inputs.rows,
            cost: stream.cost().unwrap_or_default().to_string(),
            price_rule: PriceView::from(stream.price_inputs),
            cursor: stream.metered_arrival,
        }
    }
}

/// Opens a stream of what comes in from now on, and sets aside what it may cost.
///
/// Safe to retry: the same `Idempotency-Key` is answered as the first time.
#[post("/v1/streams")]
pub(super) async fn open(
    app: web::Data<App>,
    buyer: Buyer,
    Idempotency(key): Idempotency,
    web::Json(body): web::Json<OpenStream>,
) -> Result<HttpResponse, Problem> {
    let (rules, now) = (app.config.rules.clone(), app.clock.now());
    let intent = Intent::new(buyer.id.to_string(), key, "/v1/streams", &body)?;
    let signals = body.signals.iter().map(|path| Signal::by_path(path));
    let wish = Wish {
        id: LiveStreamId::new(now, rand::random()),
        dataset: DatasetId::parse(&body.dataset)?,
        signals: signals.collect::<Result<_, _>>().map_err(Problem::invalid)?,
        purpose: body.purpose,
        hours: body.hours,
        cap: Amount::parse(&body.cap)?,
    };
    let open = move |conn: &mut Conn| {
        let arrival = archive::last_arrival(conn).map_err(Problem::internal)?;
        let stream = live::open(conn, &buyer, &wish, arrival, &rules, now)?;
        Ok(StreamView::of(&stream, now))
    };
    once::create(&app, intent, open).await
}

/// The caller's streams, newest first.
#[get("/v1/streams")]
pub(super) async fn list(app: web::Data<App>, buyer: Buyer) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let read = move |conn: &mut Conn| live::streams(conn, &buyer);
    let streams = app.db.read::<_, LiveError, _>(read).await?;
    let views = streams.iter().map(|stream| StreamView::of(stream, now)).collect::<Vec<_>>();
    Ok(HttpResponse::Ok().json(json!({ "streams": views })))
}

/// One stream of the caller.
#[get("/v1/streams/{id}")]
pub(super) async fn one(
    app: web::Data<App>,
    buyer: Buyer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, now) = (LiveStreamId::parse(&id)?, app.clock.now());
    let read = move |conn: &mut Conn| live::opened(conn, &buyer, id);
    let stream = app.db.read::<_, LiveError, _>(read).await?;
    Ok(HttpResponse::Ok().json(StreamView::of(&stream, now)))
}

/// Closes a stream of the caller, pays for what was sent, and frees what is left.
#[post("/v1/streams/{id}/close")]
pub(super) async fn close(
    app: web::Data<App>,
    buyer: Buyer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, now) = (LiveStreamId::parse(&id)?, app.clock.now());
    let close = move |conn: &mut Conn| live::close(conn, &buyer, id, now);
    let stream = app.db.write::<_, LiveError, _>(close).await?;
    Ok(HttpResponse::Ok().json(StreamView::of(&stream, now)))
}
