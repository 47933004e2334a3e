//! How much the market takes on at once. What is too much is refused before it costs anything, with the
//! time after which it may be tried again.
//!
//! **Invariant:** the payloads that are being worked on hold no more than `waiting_bytes_max` bytes,
//! however many cars send; and a car that sends more than its share is refused without holding up others.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use telematics::VehicleId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::Status;

use super::status;
use crate::config::Ingest;

/// Room and quotas are counted in blocks, because semaphores and limiters count no further than 2^32.
const BLOCK_BYTES: u64 = 1 << 10;
/// The largest payload, as `telematics::payload` limits it.
const LARGEST_BYTES: u64 = 1 << 20;
/// How long a batch waits for room before it is refused.
const ROOM_WAIT: Duration = Duration::from_secs(2);
/// When a car that found no room may come back.
const ROOM_RETRY: Duration = Duration::from_secs(2);
/// When a car that found no free stream may come back: streams are held for hours.
const STREAM_RETRY: Duration = Duration::from_secs(30);

/// Room for one stream or one batch, given back when dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// What the market takes on, shared by all streams. Cheap to clone.
#[derive(Clone)]
pub(super) struct Admission {
    limits: Ingest,
    streams: Arc<Semaphore>,
    room: Arc<Semaphore>,
    quotas: Arc<DefaultKeyedRateLimiter<VehicleId>>,
}

impl Admission {
    pub(super) fn new(limits: &Ingest) -> Self {
        // Whatever is configured, the largest payload can come in.
        let at_least_one = |bytes: u64| blocks(bytes.max(LARGEST_BYTES));
        let quota = Quota::per_second(blocks(limits.vehicle_bytes_per_second))
            .allow_burst(at_least_one(limits.vehicle_burst_bytes));
        let room = at_least_one(limits.waiting_bytes_max).get();
        Self {
            streams: Arc::new(Semaphore::new(limits.streams_max)),
            room: Arc::new(Semaphore::new(room.try_into().unwrap_or(Semaphore::MAX_PERMITS))),
            quotas: Arc::new(RateLimiter::keyed(quota)),
            limits: limits.clone(),
        }
    }

    /// A place for one more stream.
    pub(super) fn stream(&self) -> Result<Place, Status> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_full| {
            let max = self.limits.streams_max;
            let message = format!("the market holds {max} streams, as many as it may");
            status::exhausted(&message, STREAM_RETRY)
        })
    }

    /// Counts a payload of `bytes` bytes against the share of `vehicle`.
    pub(super) fn quota(&self, vehicle: VehicleId, bytes: usize) -> Result<(), Status> {
        let Ok(Err(refused)) = self.quotas.check_key_n(&vehicle, blocks_of(bytes)) else {
            return Ok(());
        };
        let wait = refused.wait_time_from(DefaultClock::default().now());
        let Ingest { vehicle_bytes_per_second, vehicle_burst_bytes, .. } = self.limits;
        let message = format!(
            "{vehicle} sent more than its share of {vehicle_bytes_per_second} bytes a second and \
             {vehicle_burst_bytes} at once"
        );
        Err(status::exhausted(&message, wait))
    }

    /// Room for a payload of `bytes` bytes, as soon as there is some.
    pub(super) async fn room(&self, bytes: usize) -> Result<Place, Status> {
        let room = Arc::clone(&self.room).acquire_many_owned(blocks_of(bytes).get());
        match timeout(ROOM_WAIT, room).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => {
                Err(status::exhausted("the market has more waiting than it may", ROOM_RETRY))
            }
        }
    }

    /// Room for a payload of `bytes` bytes, if there is some now.
    pub(super) fn room_now(&self, bytes: usize) -> Option<Place> {
        Arc::clone(&self.room).try_acquire_many_owned(blocks_of(bytes).get()).ok()
    }

    /// Forgets the quotas of vehicles that have all of their share again.
    pub(super) fn tidy(&self) {
        self.quotas.retain_recent();
    }
}

fn blocks(bytes: u64) -> NonZeroU32 {
    let blocks = u32::try_from(bytes.div_ceil(BLOCK_BYTES)).unwrap_or(u32::MAX);
    NonZeroU32::new(blocks).unwrap_or(NonZeroU32::MIN)
}

fn blocks_of(bytes: usize) -> NonZeroU32 {
    blocks(bytes.try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use telematics::testing::vehicle;
    use tonic::Code;
    use tonic_types::StatusExt as _;

    use super::*;

    fn small() -> Admission {
        Admission::new(&Ingest {
            streams_max: 1,
            waiting_bytes_max: 4 << 20,
            vehicle_bytes_per_second: 1 << 20,
            vehicle_burst_bytes: 3 << 20,
            ..Ingest::default()
        })
    }

    fn delay(status: &Status) -> Duration {
        assert_eq!(status.code(), Code::ResourceExhausted);
        status.get_details_retry_info().unwrap().retry_delay.unwrap()
    }

    #[test]
    fn a_car_that_sends_more_than_its_share_is_told_how_long_to_wait() {
        let admission = small();

        assert!(admission.quota(vehicle(1), 3 << 20).is_ok());
        let refused = admission.quota(vehicle(1), 2 << 20).unwrap_err();

        let wait = delay(&refused);
        assert!((1_500..=2_000).contains(&wait.as_millis()), "{wait:?}");
        assert!(refused.message().contains(&vehicle(1).to_string()), "{}", refused.message());
        assert!(admission.quota(vehicle(2), 3 << 20).is_ok(), "it holds up nobody else");
    }

    #[tokio::test]
    async fn what_finds_no_room_is_refused_after_a_while_and_taken_when_there_is_some() {
        let admission = small();
        let held = admission.room(3 << 20).await.unwrap();

        assert!(admission.room_now(2 << 20).is_none());
        assert_eq!(delay(&admission.room(2 << 20).await.unwrap_err()), ROOM_RETRY);
        let waiting = tokio::spawn({
            let admission = admission.clone();
            async move { admission.room(2 << 20).await.map(drop) }
        });
        tokio::task::yield_now().await;
        drop(held);
        assert!(waiting.await.unwrap().is_ok());
    }

    #[test]
    fn one_stream_too_many_is_refused() {
        let admission = small();
        let one = admission.stream().unwrap();

        assert_eq!(delay(&admission.stream().unwrap_err()), STREAM_RETRY);
        drop(one);
        assert!(admission.stream().is_ok());
    }
}
