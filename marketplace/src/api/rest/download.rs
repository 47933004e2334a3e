//! Reading what was bought: the file, or a range of it, straight from the disk.
//!
//! **Invariant:** a read is noted for the owners before its first byte is sent, and no more than a
//! few chunks of a file are in memory, however slow the reader is.

use std::io;
use std::path::Path;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::RANGE;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, web};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::headers::Range;
use crate::api::problem::Problem;
use crate::app::App;
use crate::delivery::{self, DeliveryError, ReadId, Version};
use crate::identity::Buyer;
use crate::trade::OrderId;

/// Bytes that are read from the disk at a time.
const CHUNK_BYTES: u64 = 64 * 1024;
/// Chunks that wait for a slow reader.
const CHUNKS_WAITING: usize = 4;

/// A version of an order of the caller, as Parquet.
#[get("/v1/orders/{id}/versions/{number}/data.parquet")]
pub(super) async fn data(
    app: web::Data<App>,
    buyer: Buyer,
    path: web::Path<(String, u32)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (order, number) = (OrderId::parse(&path.0)?, path.1);
    let find = move |conn: &mut _| delivery::version(conn, &buyer, order, number);
    let version = app.db.read::<_, DeliveryError, _>(find).await?;
    let asked = request.headers().get(RANGE).and_then(|range| range.to_str().ok());
    let (status, first, count) = part(asked.and_then(Range::parse), version.bytes)?;
    let input = open(&app.config.deliveries_dir().join(&version.file), first).await?;

    let (read, now) = (version.clone(), app.clock.now());
    let id = ReadId::new(now, rand::random());
    let note = move |conn: &mut _| delivery::record_read(conn, id, &read, count, now);
    app.db.write::<_, DeliveryError, _>(note).await?;
    Ok(response(&version, (status, first, count), input))
}

/// Which bytes to send: the first, and how many.
fn part(range: Option<Range>, length: u64) -> Result<(StatusCode, u64, u64), Problem> {
    let Some(range) = range else { return Ok((StatusCode::OK, 0, length)) };
    let (first, count) = range.within(length).ok_or_else(|| Problem::beyond_file(length))?;
    Ok((StatusCode::PARTIAL_CONTENT, first, count))
}

async fn open(file: &Path, first: u64) -> Result<File, Problem> {
    let mut input = File::open(file).await.map_err(Problem::internal)?;
    input.seek(io::SeekFrom::Start(first)).await.map_err(Problem::internal)?;
    Ok(input)
}

fn response(
    version: &Version,
    (status, first, count): (StatusCode, u64, u64),
    input: File,
) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response
        .insert_header(("Content-Type", "application/vnd.apache.parquet"))
        .insert_header(("Accept-Ranges", "bytes"))
        .insert_header(("ETag", format!("\"{}\"", hex::encode(version.sha256))))
        .insert_header((
            "Content-Disposition",
            format!("attachment; filename=\"{}\"", version.file),
        ));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = first + count - 1;
        response
            .insert_header(("Content-Range", format!("bytes {first}-{last}/{}", version.bytes)));
    }
    response.body(SizedStream::new(count, ReceiverStream::new(chunks(input, count))))
}

/// Reads `count` bytes in the background, a few chunks ahead of whoever receives them.
fn chunks(input: File, count: u64) -> mpsc::Receiver<io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
    tokio::spawn(async move {
        let mut rest = input.take(count);
        loop {
            let room = usize::try_from(rest.limit().min(CHUNK_BYTES)).unwrap_or(0);
            let mut chunk = Vec::with_capacity(room);
            let read = (&mut rest).take(CHUNK_BYTES).read_to_end(&mut chunk).await;
            let is_last = !matches!(read, Ok(1..));
            let sent = match read {
                Ok(0) => return,
                Ok(_) => sender.send(Ok(Bytes::from(chunk))).await,
                Err(error) => sender.send(Err(error)).await,
            };
            // Nobody receives any more: the reader went away.
            if sent.is_err() || is_last {
                return;
            }
        }
    });
    receiver
}
