//! `edge-agent record`: live interfaces to a log, without network or identity.

use std::io::{BufWriter, Write};
use std::num::NonZeroU64;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::logging;
use crate::config::LogFormat;
use crate::frames::candump::format_line;
use crate::frames::{Frame, SocketReader};

/// Writes what passes on CAN interfaces to standard output, as `candump -L` does.
///
/// Needs no key and no network: for trying a mapping on a drive of your own. Only listens. Ends on SIGTERM
/// or Ctrl-C, and says how many frames there were, how many the kernel dropped, and which errors the
/// bus had.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  edge-agent record can0 > drive.log\n\nThen: edge-agent decode \
    drive.log --dbc car.dbc --map car.map.toml"
)]
pub(super) struct Record {
    /// Interfaces to listen on.
    #[arg(required = true)]
    interfaces: Vec<String>,
    /// Ends after this many frames.
    #[arg(long)]
    frames: Option<NonZeroU64>,
}

impl Record {
    pub(super) async fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        logging::start(LogFormat::Text);
        let mut reader = SocketReader::open(&self.interfaces)?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut out = BufWriter::new(out);
        let mut frames = 0;
        while self.frames.is_none_or(|limit| frames < limit.get()) {
            let frame = tokio::select! {
                biased;
                _ = terminate.recv() => break,
                _ = tokio::signal::ctrl_c() => break,
                frame = reader.next_frame() => frame?,
            };
            frames += 1;
            writeln!(out, "{}", self.line(&frame))?;
        }
        out.flush()?;
        let mishaps = reader.mishaps();
        let (lost, interruptions) = (mishaps.frames_lost, mishaps.interruptions);
        let (error_frames, errors) = (mishaps.error_frames, mishaps.bus_errors);
        tracing::info!(frames, lost, error_frames, interruptions, ?errors, "recorded");
        Ok(())
    }

    fn line(&self, frame: &Frame) -> String {
        let name = self.interfaces.get(usize::from(frame.bus)).map_or("can", String::as_str);
        format_line(name, frame)
    }
}
