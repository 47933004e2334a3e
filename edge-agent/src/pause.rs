//! The owner's pause: while the file `paused` is in the agent's folder, nothing is recorded.
//!
//! A file, so that it outlives the agent and the car's battery, works without any marketplace, and can
//! be made by hand: `touch paused`.
//!
//! **Invariant:** in doubt the car is paused: only a file that is certainly absent means that it is not.
//!
//! **Not here:** what the agent does while paused (`agent`).

use std::io;
use std::path::Path;

use telematics::Timestamp;

use crate::clock;
use crate::files::{self, FileError, Readers};

const FILE: &str = "paused";

/// When the owner paused the agent in `data_dir`, if he did.
#[must_use]
pub fn since(data_dir: &Path) -> Option<Timestamp> {
    let path = data_dir.join(FILE);
    let metadata = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        other => other.ok(),
    };
    let written = files::read(&path).ok().and_then(|text| text.trim().parse().ok());
    let modified = || metadata.and_then(|about| about.modified().ok()).map(clock::from_system);
    written.or_else(modified).or(Some(Timestamp::from_micros(0)))
}

/// Pauses the agent in `data_dir`. One that is paused stays paused since it was.
///
/// # Errors
/// When the file can not be written.
pub fn begin(data_dir: &Path, now: Timestamp) -> Result<(), FileError> {
    if since(data_dir).is_some() {
        return Ok(());
    }
    files::replace(&data_dir.join(FILE), now.to_string().as_bytes(), Readers::Everyone)
}

/// Ends the pause, if there is one.
///
/// # Errors
/// When the file can not be removed: the agent is then still paused.
pub fn end(data_dir: &Path) -> Result<(), FileError> {
    files::remove(&data_dir.join(FILE))
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn a_pause_lasts_until_it_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(since(folder.path()), None);

        begin(folder.path(), T0).unwrap();
        begin(folder.path(), T0.plus_seconds(9)).unwrap();
        assert_eq!(since(folder.path()), Some(T0));

        end(folder.path()).unwrap();
        end(folder.path()).unwrap();
        assert_eq!(since(folder.path()), None);
    }

    #[test]
    fn in_doubt_the_car_is_paused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for damaged in ["", "half a ti"] {
            std::fs::write(&path, damaged).unwrap();
            assert!(since(folder.path()).is_some(), "{damaged}");
        }
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/nowhere", &path).unwrap();
        assert!(since(folder.path()).is_some(), "a link to nowhere");

        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(since(folder.path()).is_some(), "a folder");
        assert!(end(folder.path()).unwrap_err().to_string().contains("paused"));
    }
}
