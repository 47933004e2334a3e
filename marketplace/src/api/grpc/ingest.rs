//! `axle.v1.Ingest`: the stream of one car's batches, answered in order.

use std::time::Duration;

use proto::v1;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::admission::{Admission, Place};
use super::caller;
use super::check::Checker;
use super::round::{Answers, Rounds, UNANSWERED_MAX};
use super::status;
use super::writer::Writer;
use crate::app::App;
use crate::identity::{self, Vehicle};

pub(super) type Answer = Result<v1::SubmitBatchesResponse, Status>;

#[derive(Clone)]
pub(super) struct IngestService {
    pub(super) app: App,
    pub(super) admission: Admission,
    pub(super) checker: Checker,
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
        let place = self.admission.stream()?;
        let vehicle = caller::vehicle(&self.app, &request).await?;
        let (answers, stream) = mpsc::channel(UNANSWERED_MAX);
        let service = self.clone();
        tokio::spawn(
            async move { service.run(vehicle, request.into_inner(), answers, place).await },
        );
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

impl IngestService {
    /// Works in rounds: takes what the car has sent, answers all of it, and looks again.
    async fn run(
        self,
        vehicle: Vehicle,
        batches: Streaming<v1::SubmitBatchesRequest>,
        to_car: mpsc::Sender<Answer>,
        _place: Place,
    ) {
        let mut rounds = Rounds::new(batches, vehicle.id, self.admission.clone());
        let mut answers = Answers::new(&self.app, &self.checker, &self.writer, vehicle);
        let every = Duration::from_secs(self.app.config.ingest.access_check_seconds.max(1));
        let mut access = interval_at(Instant::now() + every, every);
        access.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let answered = tokio::select! {
                // What was sent before the market began to stop may still be answered.
                biased;
                () = self.stopping.cancelled() => vec![Err(stopping())],
                _ = access.tick() => {
                    answers.forget_standing();
                    self.look_again(vehicle).await.err().map(Err).into_iter().collect()
                }
                first = rounds.first() => match first {
                    Ok(None) => return,
                    Ok(Some(first)) => match rounds.fill(first).await {
                        Ok(round) => answers.to(round).await,
                        Err(status) => vec![Err(status)],
                    },
                    Err(status) => vec![Err(status)],
                },
            };
            for answer in answered {
                let is_last = answer.is_err();
                if to_car.send(answer).await.is_err() || is_last {
                    return;
                }
            }
        }
    }

    /// Whether the vehicle may still come in: it may have been suspended since it connected.
    async fn look_again(&self, vehicle: Vehicle) -> Result<(), Status> {
        let look = move |conn: &mut _| identity::vehicle(conn, vehicle.id, vehicle.key);
        self.app.db.read(look).await.map(drop).map_err(|error| status::identity(&error))
    }
}

fn stopping() -> Status {
    Status::unavailable("the market is stopping; connect again later")
}
