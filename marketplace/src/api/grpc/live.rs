//! `axle.v1.Live`: samples as they are accepted, for who pays for them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proto::v1;
use telematics::{Sample, Signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::feed::{Feed, Portion};
use super::{caller, status};
use crate::app::App;
use crate::delivery::Pseudonyms;
use crate::identity::VehicleRecord;
use crate::live::{self, Audience, LiveError, LiveStream, LiveStreamId, Rows};

/// Programs that listen at the same time.
const LISTENERS_MAX: usize = 1_000;
/// Samples in one answer.
const SAMPLES_MAX: usize = 50_000;
/// Answers that wait for a program to read them.
const ANSWERS_WAITING_MAX: usize = 4;
/// A program that reads nothing for so long is cut off.
const STALLED_AFTER: Duration = Duration::from_secs(10);
/// How often it is looked up who shares: what an owner withdraws is not sent any more after that.
const AUDIENCE_EVERY: Duration = Duration::from_secs(10);

type Answer = Result<v1::SubscribeResponse, Status>;

#[derive(Clone)]
pub(super) struct LiveService {
    app: App,
    feed: Feed,
    pseudonyms: Pseudonyms,
    places: Arc<Semaphore>,
    stopping: CancellationToken,
}

impl LiveService {
    pub(super) fn new(
        app: App,
        feed: Feed,
        pseudonyms: Pseudonyms,
        stopping: CancellationToken,
    ) -> Self {
        let places = Arc::new(Semaphore::new(LISTENERS_MAX));
        Self { app, feed, pseudonyms, places, stopping }
    }
}

#[tonic::async_trait]
impl v1::live_server::Live for LiveService {
    type SubscribeStream = ReceiverStream<Answer>;

    async fn subscribe(
        &self,
        request: Request<v1::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let buyer = caller::buyer(&self.app, &request).await?;
        let v1::SubscribeRequest { stream_id, after_cursor } = request.into_inner();
        let unreadable =
            |error: &dyn std::error::Error| Status::invalid_argument(error.to_string());
        let id = LiveStreamId::parse(&stream_id).map_err(|error| unreadable(&error))?;
        let after =
            after_cursor.map(i64::try_from).transpose().map_err(|error| unreadable(&error))?;
        let find = move |conn: &mut _| live::opened(conn, &buyer, id);
        let stream = self.app.db.read(find).await.map_err(|error| refused(&self.app, &error))?;
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.or(Err(status::exhausted("too many programs listen", STALLED_AFTER)))?;

        let (answers, sent) = mpsc::channel(ANSWERS_WAITING_MAX + 1);
        // Room for the reason of the end, however many answers are waiting then.
        let last_word = answers.clone().try_reserve_owned();
        let last_word = last_word.or(Err(Status::internal("a queue that is new is full")))?;
        // What came before the stream was opened was not bought.
        let cursor = after.unwrap_or(stream.metered_arrival).max(stream.opened_arrival);
        let listener = Listener {
            service: self.clone(),
            signals: stream.signals.iter().copied().collect(),
            stream,
            audience: Arc::default(),
            looked_at: None,
            cursor,
            answers,
            _place: place,
        };
        tokio::spawn(listener.run(last_word));
        Ok(Response::new(ReceiverStream::new(sent)))
    }
}

/// One program that listens.
struct Listener {
    service: LiveService,
    stream: LiveStream,
    signals: BTreeSet<Signal>,
    audience: Arc<Audience>,
    /// When the audience was looked up.
    looked_at: Option<Instant>,
    /// Everything until here was sent.
    cursor: i64,
    answers: mpsc::Sender<Answer>,
    _place: OwnedSemaphorePermit,
}

/// Samples of one batch that may be in a stream.
struct Wanted<'a> {
    arrival: i64,
    vehicle: &'a VehicleRecord,
    samples: Vec<Sample>,
}

impl Listener {
    async fn run(mut self, last_word: mpsc::OwnedPermit<Answer>) {
        let (stopping, answers) = (self.service.stopping.clone(), self.answers.clone());
        let ended = tokio::select! {
            biased;
            () = stopping.cancelled() => Status::unavailable("the market is stopping: come back"),
            // A program that is gone needs no answer, and must not be charged for one.
            () = answers.closed() => return,
            ended = self.serve() => ended,
        };
        last_word.send(Err(ended));
    }

    /// Sends until something ends it, and says what.
    async fn serve(&mut self) -> Status {
        loop {
            if let Err(ended) = self.turn().await {
                return ended;
            }
        }
    }

    async fn turn(&mut self) -> Result<(), Status> {
        let portion = self.service.feed.next(self.cursor).await?;
        self.look_up_audience().await?;
        let audience = Arc::clone(&self.audience);
        let wanted = self.wanted(&portion, &audience);
        self.charge(&wanted, portion.end).await?;
        self.send_rows(&wanted, portion.end).await?;
        self.cursor = portion.end;
        Ok(())
    }

    /// What of a portion may be in the stream.
    fn wanted<'a>(&self, portion: &'a Portion, audience: &'a Audience) -> Vec<Wanted<'a>> {
        let behind = portion.batches.iter().filter(|batch| batch.arrival > self.cursor);
        let wanted = behind.filter_map(|batch| {
            let vehicle = audience.get(&batch.vehicle)?;
            let samples = batch.samples.iter().filter(|one| self.signals.contains(&one.signal));
            Some(Wanted { arrival: batch.arrival, vehicle, samples: samples.copied().collect() })
        });
        wanted.filter(|wanted| !wanted.samples.is_empty()).collect()
    }

    /// Sends rows in answers of bounded size. Only the last one says `end`: who goes on behind another gets all of them again.
    async fn send_rows(&self, wanted: &[Wanted<'_>], end: i64) -> Result<(), Status> {
        let charged_rows = self.stream.price_inputs.rows;
        let answer = |cursor, batches| v1::SubscribeResponse {
            cursor: unsigned(cursor),
            batches,
            charged_rows,
        };
        let (mut batches, mut count) = (Vec::new(), 0);
        for wanted in wanted {
            for samples in wanted.samples.chunks(SAMPLES_MAX) {
                if count + samples.len() > SAMPLES_MAX {
                    self.send(answer(self.cursor, std::mem::take(&mut batches))).await?;
                    count = 0;
                }
                count += samples.len();
                batches.push(self.shown(wanted.vehicle, samples));
            }
        }
        self.send(answer(end, batches)).await
    }

    async fn look_up_audience(&mut self) -> Result<(), Status> {
        if self.looked_at.is_some_and(|at| at.elapsed() < AUDIENCE_EVERY) {
            return Ok(());
        }
        let app = &self.service.app;
        let (stream, rules) = (self.stream.clone(), app.config.rules.clone());
        let look_up = move |conn: &mut _| live::audience(conn, &stream, &rules);
        let found = app.db.read(look_up).await.map_err(|error| refused(app, &error))?;
        self.audience = Arc::new(found);
        self.looked_at = Some(Instant::now());
        Ok(())
    }

    /// Meters what is about to be sent. Also when that is nothing: so it is noticed that a stream was closed.
    async fn charge(&mut self, wanted: &[Wanted<'_>], arrival: i64) -> Result<(), Status> {
        let count = |wanted: &Wanted<'_>| Rows {
            arrival: wanted.arrival,
            vehicle: wanted.vehicle.id,
            owner: wanted.vehicle.owner,
            rows: u64::try_from(wanted.samples.len()).unwrap_or(u64::MAX),
        };
        let rows = wanted.iter().map(count).collect::<Vec<_>>();
        let app = &self.service.app;
        let (id, now) = (self.stream.id, app.clock.now());
        let charged = if rows.is_empty() {
            app.db.read(move |conn| live::charge(conn, id, &[], arrival, now)).await
        } else {
            app.db.write(move |conn| live::charge(conn, id, &rows, arrival, now)).await
        };
        self.stream = charged.map_err(|error| refused(app, &error))?;
        Ok(())
    }

    /// Waits for the program to read, for a while.
    async fn send(&self, answer: v1::SubscribeResponse) -> Result<(), Status> {
        let cursor = self.cursor;
        let too_slow = || {
            Status::resource_exhausted(format!(
                "the program has read nothing for {} s: come back, and go on behind cursor {cursor}",
                STALLED_AFTER.as_secs()
            ))
        };
        let sent =
            timeout(STALLED_AFTER, self.answers.send(Ok(answer))).await.or(Err(too_slow()))?;
        sent.or(Err(Status::cancelled("the program is gone")))
    }

    /// Samples of one vehicle as the buyer sees them.
    fn shown(&self, vehicle: &VehicleRecord, samples: &[Sample]) -> v1::LiveBatch {
        let LiveStream { buyer, dataset, .. } = self.stream;
        let series = samples.chunk_by(|one, next| one.signal == next.signal);
        let series = series.filter_map(|run| Some((run.first()?.signal, run)));
        let series = series.map(|(signal, run)| v1::LiveSeries {
            signal: signal.path().to_owned(),
            unit: signal.unit().to_string(),
            time_micros: run.iter().map(|sample| sample.time.as_micros()).collect(),
            values: run.iter().map(|one| one.value.to_physical(signal.decimals())).collect(),
        });
        let car = &vehicle.description;
        v1::LiveBatch {
            vehicle: self.service.pseudonyms.name(buyer, dataset, vehicle.id),
            make: car.make().to_owned(),
            model: car.model().to_owned(),
            model_year: car.year().into(),
            powertrain: car.powertrain().to_string(),
            series: series.collect(),
        }
    }
}

/// Cursors are numbers of batches, from 0 on.
fn unsigned(arrival: i64) -> u64 {
    u64::try_from(arrival).unwrap_or(0)
}

fn refused(app: &App, error: &LiveError) -> Status {
    let text = error.to_string();
    match error {
        LiveError::Unknown { .. } => Status::not_found(text),
        LiveError::Over { .. } => Status::failed_precondition(text),
        LiveError::CapReached { .. } => Status::resource_exhausted(text),
        failure => status::storage(app, failure),
    }
}
