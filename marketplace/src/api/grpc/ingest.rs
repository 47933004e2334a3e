//! `axle.v1.Ingest`: the stream of one car's batches, answered in order.

use proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::caller;
use super::round::{self, UNANSWERED_MAX};
use super::writer::Writer;
use crate::app::App;
use crate::identity::Vehicle;

pub(super) type Answer = Result<v1::SubmitBatchesResponse, Status>;

#[derive(Clone)]
pub(super) struct IngestService {
    pub(super) app: App,
    pub(super) writer: Writer,
    pub(super) stopping: CancellationToken,
}

#[tonic::async_trait]
impl v1::ingest_server::Ingest for IngestService {
    type SubmitBatchesStream = ReceiverStream<Answer>;

    async fn submit_batches(
        &self,
        request: Request<Streaming<v1::SubmitBatchesRequest>>,
    ) -> Result<Response<Self::SubmitBatchesStream>, Status> {
        let vehicle = caller::vehicle(&self.app, &request).await?;
        let (answers, stream) = mpsc::channel(UNANSWERED_MAX);
        let service = self.clone();
        tokio::spawn(async move { service.run(vehicle, request.into_inner(), answers).await });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

impl IngestService {
    /// Works in rounds: takes what the car has sent, answers all of it, and looks again.
    async fn run(
        self,
        vehicle: Vehicle,
        mut batches: Streaming<v1::SubmitBatchesRequest>,
        answers: mpsc::Sender<Answer>,
    ) {
        loop {
            let sent = tokio::select! {
                // What was sent before the market began to stop may still be answered.
                biased;
                () = self.stopping.cancelled() => Err(stopping()),
                sent = round::take(&mut batches) => sent,
            };
            let answered = match sent {
                Ok(sent) if sent.is_empty() => return,
                Ok(sent) => self.answer(vehicle, sent).await,
                Err(status) => vec![Err(status)],
            };
            for answer in answered {
                let is_last = answer.is_err();
                if answers.send(answer).await.is_err() || is_last {
                    return;
                }
            }
        }
    }

    async fn answer(&self, vehicle: Vehicle, sent: Vec<v1::SubmitBatchesRequest>) -> Vec<Answer> {
        round::answer(&self.app, &self.writer, vehicle, sent).await
    }
}

fn stopping() -> Status {
    Status::unavailable("the market is stopping; connect again later")
}
