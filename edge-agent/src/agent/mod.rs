//! The agent: puts the stages together and ends them in order.
//!
//! Two tasks share the spool: [`mod@pump`] reads, decodes and seals on a thread of its own, the uplink
//! sends. A third writes the status, a fourth looks after the records for proofs, and where the owner
//! wants it a fifth answers campaigns. On a signal the open batch is sealed and the uplink gets a few
//! seconds; whatever is left is on disk for the next start.
//!
//! **Invariant:** the pump never waits for the network, only for room in the spool.

mod pausing;
mod proofs;
mod publish;
mod pump;
mod silence;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use telematics::{Policy, Timestamp};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

pub use pump::PumpError;

use crate::claims::ClaimError;
use crate::clock;
use crate::config::{AgentConfig, SourceConfig};
use crate::dbc::{Dbc, DbcError};
use crate::decoder::Decoder;
use crate::frames::socket::SocketError;
use crate::frames::{FrameSource, LogError, Replay, SocketReader};
use crate::identity::{Identity, IdentityError};
use crate::mapping::{Mapping, MappingError};
use crate::metrics::MetricsError;
use crate::obd::{Asker, FingerprintKey, ObdError};
use crate::policy::{self, PolicyError};
use crate::quiet::Quiet;
use crate::seal::Sealer;
use crate::spool::{Spool, SpoolError, WhenFull};
use crate::status::{self, Board, Status};
use crate::uplink::{Shared, Uplink, UplinkError};
use crate::vault::Vault;
use pausing::Pausing;
use publish::{offer_metrics, save_status, write_status};
use pump::{Pump, Source};

/// Time that the uplink gets to send the last batches after a signal.
const GOODBYE: Duration = Duration::from_secs(5);

/// Why an agent could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// See [`IdentityError`].
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// See [`PolicyError`].
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// See [`DbcError`].
    #[error(transparent)]
    Dbc(#[from] DbcError),
    /// See [`MappingError`].
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// See [`SpoolError`].
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// See [`LogError`].
    #[error(transparent)]
    Log(#[from] LogError),
    /// See [`SocketError`].
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// See [`ObdError`].
    #[error(transparent)]
    Obd(#[from] ObdError),
    /// See [`PumpError`].
    #[error(transparent)]
    Pump(#[from] PumpError),
    /// See [`ClaimError`].
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// See [`UplinkError`].
    #[error(transparent)]
    Uplink(#[from] UplinkError),
    /// See [`MetricsError`].
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// No ear for the owner's pause.
    #[error("cannot listen for SIGUSR1")]
    Signal(#[source] std::io::Error),
    /// No thread of its own for the bus.
    #[error("cannot make a runtime that reads the bus")]
    Runtime(#[source] std::io::Error),
    /// A task died of a bug.
    #[error("a task of the agent ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

/// What to do when a replay has ended and everything is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDone {
    /// End with success.
    Exit,
    /// Stay, so that a service manager does not start the replay again.
    Stay,
}

/// Runs one agent until `stop` is cancelled, or a replay is done and `when_done` says so.
///
/// # Errors
/// When it can not start, or trying again makes no sense.
pub async fn run(
    config: &AgentConfig,
    when_done: WhenDone,
    stop: CancellationToken,
) -> Result<(), AgentError> {
    let identity = Identity::load(&config.data_dir)?;
    identity.check(clock::now())?;
    let policy = policy::load(&config.data_dir)?;
    let spool = Spool::open(&config.data_dir, config.spool_bytes_max)?;
    let spool = Arc::new(spool.when_full(when_full(config)));
    let sealer = Arc::new(Sealer::new(identity.vehicle, identity.holder.key.signing_key().clone()));
    let board = board(&config.data_dir, &identity, &policy, &spool, &sealer)?;
    let shared = Shared {
        data_dir: config.data_dir.clone(),
        spool,
        sealer,
        vault: Vault::of(&identity.holder.key),
        policy: watch::Sender::new(Arc::new(policy)),
        board: board.clone(),
        sealed: Arc::new(Notify::new()),
        acknowledged: Arc::new(Notify::new()),
        quiet: Quiet::default(),
    };
    let pausing = Pausing::new(&config.data_dir, board.clone(), shared.quiet.clone())?;
    let pump = pump(config, &shared, pausing.watch())?.asking(asker(config, &identity)?);
    let metrics = offer_metrics(config, &shared).await?;
    tracing::info!(vehicle = %identity.vehicle, source = pump.source_name(), "agent started");

    let answering = proofs::answer(config, &identity, &shared, stop.child_token())?;
    let writer = tokio::spawn(write_status(shared.clone()));
    let caretaker = tokio::spawn(proofs::look_after(shared.clone(), config.proofs_retention_days));
    let pausing = tokio::spawn(pausing.run());
    let uplink = Uplink::new(config.marketplace_url.clone(), identity, shared.clone());
    let result = drive(pump, uplink, when_done, &board, stop).await;
    for task in [writer, caretaker, pausing].into_iter().chain(answering).chain(metrics) {
        task.abort();
        // Waited for, so that the spool is free when this function returns.
        if let Err(error) = task.await
            && error.is_panic()
        {
            tracing::error!(%error, "a task of the agent died of a bug");
        }
    }
    board.update(|status| status.connected = false);
    if let Err(error) = &result {
        board.show_error(error);
    }
    proofs::show(&shared)?;
    save_status(&shared);
    result
}

/// Runs pump and uplink side by side, and ends the one after the other.
async fn drive(
    pump: Pump,
    uplink: Uplink,
    when_done: WhenDone,
    board: &Board,
    stop: CancellationToken,
) -> Result<(), AgentError> {
    let drain = CancellationToken::new();
    let mut uplink = tokio::spawn(uplink.run(drain.clone()));
    // A fast replay keeps one core busy: it must not hold up a thread of the runtime. And a full bus wakes
    // the pump a hundred times a second: its timers are its own, so that no other thread is woken to wake it.
    let own = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let own = own.map_err(AgentError::Runtime)?;
    let pump_stop = stop.child_token();
    let pump = {
        let stop = pump_stop.clone();
        tokio::task::spawn_blocking(move || own.block_on(pump.run(stop)))
    };
    let mut pump = pump;

    let pumped = tokio::select! {
        pumped = &mut pump => pumped?,
        sent = &mut uplink => {
            // The uplink ends first only when it can not go on.
            pump_stop.cancel();
            pump.await??;
            return Ok(sent??);
        }
    };
    if pumped.is_ok() && when_done == WhenDone::Stay && !stop.is_cancelled() {
        tracing::info!("the replay has ended; staying until stopped");
        tokio::select! {
            () = stop.cancelled() => {}
            sent = &mut uplink => return Ok(sent??),
        }
    }
    drain.cancel();
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(GOODBYE).await;
    };
    tokio::select! {
        sent = &mut uplink => sent??,
        () = patience => {
            let pending = board.snapshot().batches_pending;
            tracing::info!(pending, "stopping; what was not acknowledged is kept on disk");
            uplink.abort();
        }
    }
    Ok(pumped?)
}

/// A replay is never dropped from: what is not read yet is still in the recording.
fn when_full(config: &AgentConfig) -> WhenFull {
    match config.source() {
        SourceConfig::Interfaces(_) => config.spool_full,
        SourceConfig::Replay(_) => WhenFull::RefuseNewest,
    }
}

/// What asks the car, when its owner wants that.
fn asker(config: &AgentConfig, identity: &Identity) -> Result<Option<Asker>, ObdError> {
    let SourceConfig::Interfaces(interfaces) = config.source() else { return Ok(None) };
    let key = FingerprintKey::new(&identity.holder.key.signing_key().to_bytes());
    let asker = Asker::open(&config.obd, &interfaces, key, clock::now())?;
    Ok(asker.map(|asker| asker.resting_after(config.quiet_after_seconds.get())))
}

fn pump(
    config: &AgentConfig,
    shared: &Shared,
    pause: watch::Receiver<Option<Timestamp>>,
) -> Result<Pump, AgentError> {
    let dbc = Dbc::load(&config.dbc)?;
    let mapping = Mapping::load(&config.map, &dbc)?;
    let mut decoder = Decoder::new(dbc, &mapping);
    for bus in &config.bus {
        let dbc = Dbc::load(&bus.dbc)?;
        let mapping = Mapping::load(&bus.map, &dbc)?;
        decoder.add_bus(dbc, &mapping);
    }
    let (name, progress, source) = match config.source() {
        SourceConfig::Interfaces(interfaces) => {
            let source = FrameSource::Socket(SocketReader::open(&interfaces)?);
            (format!("interface {}", interfaces.join(" and ")), None, source)
        }
        SourceConfig::Replay(path) => {
            let name = format!("replay {}", path.display());
            let progress = shared.spool.progress(&name)?;
            let interface = config.replay_interface.as_deref();
            let (speed, starts_at) = (config.replay_speed, config.replay_starts_at);
            let replay = Replay::open(path, interface, speed, starts_at, progress.position)?;
            (name, Some(progress), FrameSource::Log(Box::new(replay)))
        }
    };
    let source = Source { frames: source, name, pause };
    Ok(Pump::new(config, shared.clone(), source, decoder, progress.as_ref())?)
}

/// The status as the last run left it.
fn board(
    data_dir: &Path,
    identity: &Identity,
    policy: &Policy,
    spool: &Spool,
    sealer: &Sealer,
) -> Result<Board, SpoolError> {
    let last = status::read(data_dir).unwrap_or_default();
    // Another vehicle in this folder earned for itself.
    let is_same = last.vehicle_id == identity.vehicle.to_string();
    let board = Board::new(Status {
        vehicle_id: identity.vehicle.to_string(),
        certificate_expires_at: identity.expires_at.to_string(),
        consent_version: policy.version().number(),
        counters: spool.counters()?,
        last_receipt: last.last_receipt,
        tokens_earned: last.tokens_earned.filter(|_| is_same),
        ..Status::default()
    });
    board.show_chain(&spool.adopt(sealer)?);
    Ok(board)
}
