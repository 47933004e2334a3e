//! Follows the owner's pause: the file in the agent's folder, and SIGUSR1, which turns it around.
//!
//! **Invariant:** a pause that can not be written down still holds until the agent ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use telematics::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::AgentError;
use crate::quiet::Quiet;
use crate::status::Board;
use crate::{clock, pause, status};

/// How often the file is looked for.
const LOOK_PERIOD: Duration = Duration::from_millis(250);

/// Tells the pump since when the owner pauses it.
pub(super) struct Pausing {
    data_dir: PathBuf,
    toggles: Signal,
    /// Asked for by signal and not written down, for the disk is full.
    unwritten: Option<Timestamp>,
    since: watch::Sender<Option<Timestamp>>,
    board: Board,
    quiet: Quiet,
}

impl Pausing {
    /// Listens for SIGUSR1; the owner's pause of an earlier run holds at once.
    pub(super) fn new(data_dir: &Path, board: Board, quiet: Quiet) -> Result<Self, AgentError> {
        let toggles = signal(SignalKind::user_defined1()).map_err(AgentError::Signal)?;
        let since = watch::Sender::new(pause::since(data_dir));
        Ok(Self { data_dir: data_dir.to_owned(), toggles, unwritten: None, since, board, quiet })
    }

    /// What the pump follows.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Timestamp>> {
        self.since.subscribe()
    }

    /// Follows until the task is aborted.
    pub(super) async fn run(mut self) {
        loop {
            tokio::select! {
                _ = self.toggles.recv() => self.toggle(),
                () = tokio::time::sleep(LOOK_PERIOD), if !self.quiet.is_on() => {}
                // While the bus sleeps there is nothing to record; the pump looks before it does.
                () = self.quiet.over(), if self.quiet.is_on() => {}
            }
            let now = pause::since(&self.data_dir).or(self.unwritten);
            self.since.send_if_modified(|since| std::mem::replace(since, now) != now);
            if self.since.receiver_count() == 0 {
                // A replay has ended: nothing is recorded that the pump would have to break off.
                let since = now.map(|at| at.to_string());
                self.board.update(|status| status.paused_since = since);
            }
        }
    }

    fn toggle(&mut self) {
        let written = if self.since.borrow().is_some() {
            self.unwritten = None;
            pause::end(&self.data_dir)
        } else {
            let now = clock::now();
            let begun = pause::begin(&self.data_dir, now);
            self.unwritten = begun.is_err().then_some(now);
            begun
        };
        if let Err(error) = written {
            tracing::error!(error = status::chain_text(&error), "the pause is not written down");
        }
    }
}
