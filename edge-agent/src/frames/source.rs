//! Where frames come from: a live interface, or a log that is replayed.
//!
//! A replay keeps the pace at which the frames were recorded (or a multiple, or none), and may shift
//! them so that the first one happens at a given time.
//!
//! **Invariant:** the shift depends on the first frame of the log alone, so a replay that goes on
//! after a restart gives every frame the time it had before.

use std::path::Path;
use std::time::Duration;

use telematics::Timestamp;
use tokio::time::Instant;

use super::frame::Frame;
use super::log::{LogError, LogReader};
use super::socket::{Mishaps, REST, SocketError, SocketReader};
use crate::config::ReplaySpeed;
use crate::files;

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A live interface.
    #[error(transparent)]
    Socket(#[from] SocketError),
}

/// A place that frames come from.
pub enum FrameSource {
    /// CAN interfaces of this computer.
    Socket(SocketReader),
    /// A recording.
    Log(Box<Replay>),
}

/// A recording that is replayed.
pub struct Replay {
    reader: LogReader,
    speed: ReplaySpeed,
    shift_micros: i64,
    /// The first frame replayed, and when that was: what the pace is kept against.
    began: Option<(Timestamp, Instant)>,
    /// Read, and waiting for its time. A caller that stops waiting loses nothing.
    waiting: Option<Frame>,
    /// Lines up to the last frame handed out.
    position: u64,
}

impl FrameSource {
    /// The next frame, or `None` when a log has ended.
    ///
    /// # Errors
    /// When the log or the interface can not be read.
    pub async fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        match self {
            Self::Socket(socket) => Ok(Some(socket.next_frame().await?)),
            Self::Log(replay) => Ok(replay.next_frame().await?),
        }
    }

    /// The next frame, if it need not be waited for.
    ///
    /// # Errors
    /// As [`Self::next_frame`].
    pub fn waiting_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        match self {
            Self::Socket(socket) => Ok(socket.waiting_frame()?),
            Self::Log(replay) => Ok(replay.waiting_frame()?),
        }
    }

    /// Lines of the log consumed; 0 for a live interface.
    #[must_use]
    pub const fn position(&self) -> u64 {
        match self {
            Self::Socket(_) => 0,
            Self::Log(replay) => replay.position,
        }
    }

    /// Broken lines met since this source was opened.
    #[must_use]
    pub const fn broken_lines(&self) -> u64 {
        match self {
            Self::Socket(_) => 0,
            Self::Log(replay) => replay.reader.broken_lines(),
        }
    }

    /// What was met beside data frames since this source was opened. A log tells error frames, and not
    /// their classes.
    #[must_use]
    pub fn mishaps(&self) -> Mishaps {
        match self {
            Self::Socket(socket) => socket.mishaps(),
            Self::Log(replay) => {
                Mishaps { error_frames: replay.reader.error_frames(), ..Mishaps::default() }
            }
        }
    }

    /// True when frames go on arriving whether they are read or not.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Socket(_))
    }
}

impl Replay {
    /// Opens a recording and goes to the line after `position`.
    ///
    /// # Errors
    /// When the log can not be read.
    pub fn open(
        path: &Path,
        interface: Option<&str>,
        speed: ReplaySpeed,
        starts_at: Option<Timestamp>,
        position: u64,
    ) -> Result<Self, LogError> {
        let mut shift_micros = 0;
        // It is read twice, and goes on at a line after a restart: neither can be had of a pipe.
        let refuse = |source| LogError::Unreadable { path: path.to_owned(), source };
        files::open(path).map_err(refuse)?;
        if let Some(starts_at) = starts_at
            && let Some(first) = LogReader::open(path, interface)?.next_frame()?
        {
            shift_micros = starts_at.micros_since(first.time);
        }
        let mut reader = LogReader::open(path, interface)?;
        reader.skip_to_line(position)?;
        Ok(Self { reader, speed, shift_micros, began: None, waiting: None, position })
    }

    async fn next_frame(&mut self) -> Result<Option<Frame>, LogError> {
        if let Some(due) = self.due()? {
            tokio::time::sleep_until(due).await;
        }
        Ok(self.take())
    }

    fn waiting_frame(&mut self) -> Result<Option<Frame>, LogError> {
        Ok(if self.due()?.is_none() { self.take() } else { None })
    }

    fn take(&mut self) -> Option<Frame> {
        self.position = self.reader.lines_read();
        self.waiting.take()
    }

    /// Reads ahead, and tells when the next frame is due if that is worth waiting for.
    fn due(&mut self) -> Result<Option<Instant>, LogError> {
        if self.waiting.is_none() {
            self.waiting = self.reader.next_frame()?.map(|mut frame| {
                frame.time = frame.time.plus_micros(self.shift_micros);
                frame
            });
        }
        let (Some(frame), ReplaySpeed::Times(times)) = (self.waiting, self.speed) else {
            return Ok(None);
        };
        let (first, instant) = *self.began.get_or_insert((frame.time, Instant::now()));
        let micros = u64::try_from(frame.time.micros_since(first)).unwrap_or(0);
        let due = Duration::from_micros(micros).div_f64(times);
        // Frames come in the thousands a second: sleep only when it is worth a wake-up.
        Ok((instant.elapsed() + REST < due).then(|| instant + due))
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    fn log(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("drive.log");
        let lines = "broken\n(10.0) can0 001#\n(10.5) can0 002#\n(12.0) can0 003#\n";
        std::fs::write(&path, lines).unwrap();
        path
    }

    #[tokio::test]
    async fn a_shifted_replay_keeps_its_times_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = log(folder.path());
        let open =
            |position| Replay::open(&path, None, ReplaySpeed::FlatOut, Some(T0), position).unwrap();

        let mut from_front = open(0);
        assert_eq!(from_front.next_frame().await.unwrap().unwrap().time, T0);
        let second = from_front.next_frame().await.unwrap();
        assert_eq!(second.unwrap().time, T0.plus_micros(500_000));

        let position = from_front.position;
        let third = open(position).next_frame().await.unwrap();
        assert_eq!(third, from_front.next_frame().await.unwrap());
        assert_eq!(third.unwrap().time, T0.plus_seconds(2));
    }

    #[test]
    fn what_is_no_file_can_not_be_replayed() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        for path in [&pipe, folder.path(), Path::new("/dev/zero")] {
            let replay = Replay::open(path, None, ReplaySpeed::FlatOut, None, 0);
            let error = crate::status::chain_text(&replay.err().unwrap());
            assert!(error.contains(&path.display().to_string()), "{error}");
            assert!(error.contains("name a file"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_replay_keeps_the_pace_of_the_recording() {
        let folder = tempfile::tempdir().unwrap();
        let mut replay =
            Replay::open(&log(folder.path()), None, ReplaySpeed::Times(10.0), None, 0).unwrap();
        let began = Instant::now();

        while replay.next_frame().await.unwrap().is_some() {}

        assert!(began.elapsed().as_millis() >= 195, "two seconds at ten times the pace");
    }
}
