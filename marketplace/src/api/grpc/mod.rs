//! The door for cars and for live streams: gRPC over TLS 1.3, for cars with client certificates of our own authority.
//!
//! **Invariant:** who calls is taken from the certificate that rustls verified, never from a message
//! or a header; but for live streams, whose callers are buyers with an API key. Enrolment is called without one too, and proofs
//! only without.
//!
//! **Not here:** whether a batch may come in ([`crate::ingest`]).

mod admission;
mod caller;
mod check;
mod consent;
mod earnings;
mod enrolment;
mod feed;
mod ingest;
mod live;
mod proofs;
mod round;
mod status;
mod tls;
mod verifying;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use proto::v1::consent_server::ConsentServer;
use proto::v1::earnings_server::EarningsServer;
use proto::v1::enrolment_server::EnrolmentServer;
use proto::v1::ingest_server::IngestServer;
use proto::v1::live_server::LiveServer;
use proto::v1::proofs_server::ProofsServer;
use telematics::payload::PAYLOAD_BYTES_MAX;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use admission::Admission;
use check::Checker;

use crate::app::App;
use crate::delivery::{DeliveryError, Pseudonyms};
use crate::identity::ServerIdentity;

/// Everything of a batch but its payload takes some 200 bytes; the rest is room for later fields.
const BATCH_OVERHEAD_BYTES_MAX: usize = 4 << 10;
/// Code, certificate request and description, with room.
const REQUEST_BYTES_MAX: usize = 16 << 10;
/// A car that vanished in a tunnel is noticed after this and the next.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Calls at the same time on one connection: a car needs two.
const CALLS_MAX: u32 = 16;

/// How often quotas that are full again are forgotten.
const TIDY_INTERVAL: Duration = Duration::from_mins(1);

/// Why the door does not open, or closed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The server's certificate and key can not be used.
    #[error("cannot use the certificate for cars")]
    Tls(#[from] rustls::Error),
    /// The authority's certificate can not be used.
    #[error("cannot verify certificates of cars")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The secret of the names for buyers can not be read.
    #[error("cannot name vehicles for buyers")]
    Pseudonyms(#[from] DeliveryError),
    /// Serving failed.
    #[error("cannot serve cars")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves cars on `listener` until `stopping`, then lets what is being written finish.
///
/// # Errors
/// A certificate that can not be used, or a server that fails.
pub async fn serve(
    app: App,
    listener: TcpListener,
    identity: ServerIdentity,
    stopping: CancellationToken,
) -> Result<(), ServeError> {
    let config = tls::config(identity, &app.authority)?;
    let connections = tls::accept(listener, config, stopping.clone());
    let news = feed::News::default();
    let (writer, writing) = writer::start(app.clone(), Arc::clone(&news));
    let feed = feed::start(app.clone(), news, stopping.clone());
    let pseudonyms = Pseudonyms::of_market(&app.config.data_dir, rand::random())?;
    let live = live::LiveService::new(app.clone(), feed, pseudonyms, stopping.clone());
    let (verifying, claiming) = verifying::start(app.clone());
    let proofs = proofs::ProofsService { app: app.clone(), verifying };
    let admission = Admission::new(&app.config.ingest);
    tokio::spawn(tidy(admission.clone(), stopping.clone()));
    let ingest = ingest::IngestService {
        app: app.clone(),
        admission,
        checker: Checker::new(),
        writer,
        stopping: stopping.clone(),
    };
    Server::builder()
        .http2_keepalive_interval(Some(PING_INTERVAL))
        .http2_keepalive_timeout(Some(PING_TIMEOUT))
        .max_concurrent_streams(CALLS_MAX)
        .add_service(
            EnrolmentServer::new(enrolment::EnrolmentService { app: app.clone() })
                .max_decoding_message_size(REQUEST_BYTES_MAX),
        )
        .add_service(
            ConsentServer::new(consent::ConsentService { app: app.clone() })
                .max_decoding_message_size(REQUEST_BYTES_MAX),
        )
        .add_service(
            EarningsServer::new(earnings::EarningsService { app })
                .max_decoding_message_size(REQUEST_BYTES_MAX),
        )
        .add_service(LiveServer::new(live).max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(ProofsServer::new(proofs).max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(
            IngestServer::new(ingest)
                .max_decoding_message_size(PAYLOAD_BYTES_MAX + BATCH_OVERHEAD_BYTES_MAX),
        )
        .serve_with_incoming_shutdown(connections, stopping.cancelled_owned())
        .await?;
    // Every call has ended and dropped its end of a queue, so both tasks end by themselves.
    writing.await.ok();
    if let Some(claiming) = claiming {
        claiming.await.ok();
    }
    Ok(())
}

/// Keeps the list of cars with a quota as short as that of cars that sent lately.
async fn tidy(admission: Admission, stopping: CancellationToken) {
    while stopping.run_until_cancelled(tokio::time::sleep(TIDY_INTERVAL)).await.is_some() {
        admission.tidy();
    }
}
