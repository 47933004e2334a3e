//! TLS for cars: 1.3 only, client certificates verified against our own authority when shown.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::ServeError;
use crate::identity::{Authority, ServerIdentity};

/// Handshakes at the same time. Each costs a signature; more would only slow each other down.
const HANDSHAKES_MAX: usize = 256;
/// A handshake takes three round trips on a mobile network; a slower peer is none.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system has run out of sockets, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The settings of the door.
pub(super) fn config(
    identity: ServerIdentity,
    authority: &Authority,
) -> Result<Arc<ServerConfig>, ServeError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone())?;
    // Optional, because a car that enrols has none yet. Each other call demands it.
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain, identity.key)?;
    config.alpn_protocols.push(b"h2".to_vec());
    Ok(Arc::new(config))
}

/// Connections whose handshake is done. Handshakes run beside each other, so that a slow peer does
/// not hold up the others.
pub(super) fn accept(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    stopping: CancellationToken,
) -> ReceiverStream<io::Result<TlsStream<TcpStream>>> {
    let (done, connections) = mpsc::channel(HANDSHAKES_MAX);
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(config);
        let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        while let Some(Ok(place)) =
            stopping.run_until_cancelled(places.clone().acquire_owned()).await
        {
            let Some(accepted) = stopping.run_until_cancelled(listener.accept()).await else {
                break;
            };
            let Ok((stream, _)) = accepted else {
                tracing::warn!("cannot accept connections of cars");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (acceptor, done) = (acceptor.clone(), done.clone());
            tokio::spawn(async move {
                stream.set_nodelay(true).ok();
                match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => drop(done.send(Ok(stream)).await),
                    Ok(Err(error)) => tracing::info!(%error, "handshake with a car failed"),
                    Err(_) => tracing::info!("handshake with a car timed out"),
                }
                drop(place);
            });
        }
    });
    ReceiverStream::new(connections)
}
