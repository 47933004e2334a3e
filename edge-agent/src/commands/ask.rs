//! `edge-agent ask`: what a car answers to OBD-II, without network or identity.

use std::io::Write;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use telematics::Sample;
use tokio::time::Instant;

use super::decode::sample_line;
use super::logging;
use crate::clock;
use crate::config::LogFormat;
use crate::frames::SocketReader;
use crate::obd::{Asker, FingerprintKey, ObdConfig};
use crate::status::ObdStatus;

/// Asks the car what it knows and prints each answer that VSS has a name for, then what was found.
///
/// Sends requests on the bus, which `edge-agent run` does only when its settings say so. Only requests that
/// read can be sent. The interface must not be listen-only. Nothing leaves this computer.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edge-agent ask can0 --seconds 30")]
pub(super) struct Ask {
    /// Interface that the OBD socket is on.
    interface: String,
    /// How long to ask.
    #[arg(long, default_value = "30")]
    seconds: NonZeroU32,
    /// Requests in a second, at most 10.
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u32).range(1..=10))]
    requests_per_second: u32,
    /// Time that a computer gets to begin its answer.
    #[arg(long, default_value = "250", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    answer_ms: u32,
    /// UDS requests of this model of car.
    #[arg(long, value_name = "FILE")]
    templates: Option<PathBuf>,
}

impl Ask {
    pub(super) async fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        logging::start(LogFormat::Text);
        let config = ObdConfig {
            enabled: true,
            requests_per_second_max: self.requests_per_second.try_into()?,
            answer_ms_max: self.answer_ms.try_into()?,
            templates: self.templates,
            ..ObdConfig::default()
        };
        let interfaces = [self.interface.as_str()];
        let mut reader = SocketReader::open(&interfaces)?;
        // Of this run only: a fingerprint says that there is a VIN, and not which.
        let key = FingerprintKey::new(&rand::random::<[u8; 32]>());
        let Some(mut asker) = Asker::open(&config, &interfaces, key, clock::now())? else {
            return Ok(());
        };
        let end = Instant::now() + Duration::from_secs(self.seconds.get().into());
        let (mut written, mut ask_at) = (Ok(()), Instant::now());
        while written.is_ok() && Instant::now() < end {
            let print = |sample: Sample| {
                if written.is_ok() {
                    written = writeln!(out, "{}", sample_line(&sample));
                }
            };
            tokio::select! {
                () = tokio::time::sleep_until(ask_at) => ask_at = Instant::now() + Asker::PERIOD,
                frame = reader.next_frame() => {
                    asker.hear(&frame?, print);
                }
            }
            asker.send(clock::now());
        }
        let found = serde_json::to_string(&ObdStatus::from(asker.findings()))?;
        tracing::info!(found, "asked");
        Ok(written?)
    }
}
