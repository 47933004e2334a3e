//! Answers that are longer than memory: pages of them, a few ahead of the reader.

use std::future::Future;

use actix_web::web::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::api::problem::Problem;

/// Pages that wait for a slow reader.
const PAGES_WAITING: usize = 2;

/// What is sent.
pub(super) type Pages = ReceiverStream<Result<Bytes, Problem>>;

/// Sends `page(first)`, then the page that it names as the next, until one names none. A page that fails
/// cuts the answer short, which the reader sees.
pub(super) fn pages<At, Page, Reading>(first: At, page: Page) -> Pages
where
    At: Send + 'static,
    Page: Fn(At) -> Reading + Send + 'static,
    Reading: Future<Output = Result<(Bytes, Option<At>), Problem>> + Send,
{
    let (sender, receiver) = mpsc::channel(PAGES_WAITING);
    tokio::spawn(async move {
        let mut at = Some(first);
        while let Some(here) = at.take() {
            let sent = match page(here).await {
                Ok((bytes, next)) => {
                    at = next;
                    sender.send(Ok(bytes)).await
                }
                Err(problem) => sender.send(Err(problem)).await,
            };
            // Nobody receives any more: the reader went away.
            if sent.is_err() {
                return;
            }
        }
    });
    ReceiverStream::new(receiver)
}
