//! Epochs: every root and every leaf, for whoever wants to look. All of it is public.

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::RANGE;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::headers::Range;
use super::proofs::Page;
use super::stream;
use crate::api::problem::Problem;
use crate::app::App;
use crate::epochs::{self, Epoch, PublishedRoot, ROOTS_MAX};

/// Bytes of a leaf.
const LEAF_BYTES: u64 = 32;
/// Leaves that are read at a time.
const LEAVES_PER_PAGE: u32 = 4_096;

#[derive(Serialize)]
struct EpochView {
    epoch: u32,
    leaves: u32,
    status: &'static str,
    opened_at: String,
    closed_at: Option<String>,
}

impl From<Epoch> for EpochView {
    fn from(epoch: Epoch) -> Self {
        Self {
            epoch: epoch.number,
            leaves: epoch.size,
            status: if epoch.closed_at.is_some() { "closed" } else { "open" },
            opened_at: epoch.opened_at.to_string(),
            closed_at: epoch.closed_at.map(|time| time.to_string()),
        }
    }
}

#[derive(Serialize)]
struct RootView {
    size: u32,
    root: String,
    published_at: String,
}

impl From<PublishedRoot> for RootView {
    fn from(root: PublishedRoot) -> Self {
        Self {
            size: root.size,
            root: root.root.to_string(),
            published_at: root.published_at.to_string(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RootsQuery {
    /// Only roots of smaller trees: the last size of the page before.
    before: Option<u32>,
    limit: Option<u32>,
}

/// All epochs, oldest first.
#[get("/v1/epochs")]
pub(super) async fn list(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let epochs = app.db.read(epochs::epochs).await?;
    let views: Vec<_> = epochs.into_iter().map(EpochView::from).collect();
    Ok(HttpResponse::Ok().json(Page::of(&app, json!({ "epochs": views }))))
}

/// Published roots of an epoch, newest first, at most 1,000 an answer.
#[get("/v1/epochs/{epoch}/roots")]
pub(super) async fn roots(
    app: web::Data<App>,
    epoch: web::Path<u32>,
    query: web::Query<RootsQuery>,
) -> Result<HttpResponse, Problem> {
    let (epoch, limit) = (epoch.into_inner(), query.limit.unwrap_or(ROOTS_MAX).clamp(1, ROOTS_MAX));
    let before = query.before.unwrap_or(u32::MAX);
    let roots = app.db.read(move |conn| epochs::roots(conn, epoch, before, limit)).await?;
    let views: Vec<_> = roots.into_iter().map(RootView::from).collect();
    Ok(HttpResponse::Ok().json(Page::of(&app, json!({ "epoch": epoch, "roots": views }))))
}

/// The leaves of an epoch, 32 bytes each, in order. A range of bytes may be asked for: leaves are only
/// ever added.
#[get("/v1/epochs/{epoch}/leaves")]
pub(super) async fn leaves(
    app: web::Data<App>,
    epoch: web::Path<u32>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let epoch = epoch.into_inner();
    let found = app.db.read(move |conn| epochs::epoch(conn, epoch)).await?;
    let length = u64::from(found.size) * LEAF_BYTES;
    let asked = request.headers().get(RANGE).and_then(|range| range.to_str().ok());
    let Some(range) = asked.and_then(Range::parse) else {
        return Ok(response(StatusCode::OK, &app, epoch, (0, length)).finish_with(length));
    };
    let (first, count) = range.within(length).ok_or_else(|| Problem::beyond_file(length))?;
    let mut response = response(StatusCode::PARTIAL_CONTENT, &app, epoch, (first, count));
    let last = first + count - 1;
    response.builder.insert_header(("Content-Range", format!("bytes {first}-{last}/{length}")));
    Ok(response.finish_with(count))
}

/// An answer with leaves, before its length is said.
struct Leaves {
    builder: actix_web::HttpResponseBuilder,
    pages: stream::Pages,
}

impl Leaves {
    fn finish_with(mut self, bytes: u64) -> HttpResponse {
        self.builder.body(SizedStream::new(bytes, self.pages))
    }
}

fn response(status: StatusCode, app: &web::Data<App>, epoch: u32, part: (u64, u64)) -> Leaves {
    let mut builder = HttpResponse::build(status);
    builder
        .insert_header(("Content-Type", "application/octet-stream"))
        .insert_header(("Accept-Ranges", "bytes"));
    let app = app.clone();
    let page = move |part| page(app.clone(), epoch, part);
    Leaves { builder, pages: stream::pages(part, page) }
}

/// The first of `count` bytes from `first` on, and what is left of them.
async fn page(
    app: web::Data<App>,
    epoch: u32,
    (first, count): (u64, u64),
) -> Result<(Bytes, Option<(u64, u64)>), Problem> {
    let position = u32::try_from(first / LEAF_BYTES).unwrap_or(u32::MAX);
    let read = move |conn: &mut _| epochs::leaves(conn, epoch, position, LEAVES_PER_PAGE);
    let bytes: Vec<u8> = app.db.read(read).await?.iter().flat_map(|leaf| leaf.to_bytes()).collect();
    let skipped = usize::try_from(first % LEAF_BYTES).unwrap_or_default();
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    let part: Vec<u8> = bytes.into_iter().skip(skipped).take(wanted).collect();
    let sent = u64::try_from(part.len()).unwrap_or(u64::MAX);
    let rest = count.saturating_sub(sent);
    let next = (sent > 0 && rest > 0).then_some((first + sent, rest));
    Ok((Bytes::from(part), next))
}
