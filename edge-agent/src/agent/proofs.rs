//! What an agent does for proofs beside its pump: answering campaigns, and forgetting in time.

use std::time::Duration;

use telematics::time::MICROS_PER_DAY;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use zk::keys::Allow;

use super::AgentError;
use crate::claims::{self, Answering, Market, ProvingThread, Settings};
use crate::clock;
use crate::config::AgentConfig;
use crate::identity::Identity;
use crate::spool::SpoolError;
use crate::status;
use crate::uplink::Shared;

/// How often the records for proofs are counted.
const COUNT_PERIOD: Duration = Duration::from_mins(1);
/// How often those are deleted that the owner wants kept no longer.
const FORGET_PERIOD: Duration = Duration::from_hours(24);

/// Answers campaigns, if the owner lets the car, until `stop` is cancelled.
pub(super) fn answer(
    config: &AgentConfig,
    identity: &Identity,
    shared: &Shared,
    stop: CancellationToken,
) -> Result<Option<JoinHandle<()>>, AgentError> {
    let (true, Some(keys)) = (config.answer_campaigns, &config.proving_keys_dir) else {
        return Ok(None);
    };
    let market = Market::new(config.marketplace_url.clone(), identity)?;
    let allow = if config.allow_dev_keys { Allow::DevelopmentToo } else { Allow::CeremonyOnly };
    if config.allow_dev_keys {
        tracing::warn!("development keys are allowed: anyone can forge proofs under them");
    }
    let thread = ProvingThread::start(keys.clone(), allow).map_err(claims::ClaimError::from)?;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let settings = Settings {
        check_period: seconds(config.claim_check_seconds.get()),
        delay_max: seconds(config.claim_delay_seconds_max),
        sweep_delay_max: seconds(config.sweep_delay_seconds_max),
        vehicles_min: config.claim_vehicles_min,
    };
    let answering = Answering::new(market, identity.clone(), shared.clone(), thread, settings);
    Ok(Some(tokio::spawn(answering.run(stop))))
}

/// Deletes records that are too old, at once and then daily, and shows how many there are.
pub(super) async fn look_after(shared: Shared, retention_days: u32) {
    let mut forget_at = Instant::now();
    loop {
        let forgets = Instant::now() >= forget_at;
        if forgets {
            forget_at += FORGET_PERIOD;
        }
        let quiet = shared.quiet.clone();
        let shared = shared.clone();
        let work = move || -> Result<(), SpoolError> {
            if forgets {
                let age = i64::from(retention_days) * MICROS_PER_DAY;
                let oldest = clock::now().plus_micros(-age);
                let forgotten = shared.spool.forget_kept_before(oldest)?;
                tracing::debug!(forgotten, "records for proofs that are too old deleted");
            }
            show(&shared)
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(work).await {
            let error = status::chain_text(&error);
            tracing::warn!(%error, "records for proofs not looked after");
        }
        tokio::time::sleep(COUNT_PERIOD).await;
        quiet.over().await;
    }
}

/// Shows how many records and claims there are.
pub(super) fn show(shared: &Shared) -> Result<(), SpoolError> {
    let kept = shared.spool.kept_counts()?;
    shared.board.update(|status| {
        (status.proofs_kept, status.proofs_placed) = (kept.records, kept.placed);
    });
    claims::show(&shared.board, &shared.spool.claims()?);
    Ok(())
}
