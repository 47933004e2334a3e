//! The consent policy as this car knows it, kept in its folder between runs.
//!
//! **Invariant:** a policy file that can not be read is an error, never an empty or a full policy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use telematics::consent::UnknownDisclosure;
use telematics::precision::WrongPrecision;
use telematics::vss::UnknownGroup;
use telematics::{Disclosure, Policy, PolicyVersion, Precision, SignalGroup};

use crate::files::{self, FileError, Readers};

const FILE: &str = "policy.json";

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file can not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not one that this program wrote.
    #[error("{} is damaged; move it away and run `edge-agent enroll` with a new code", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DamagedPolicy,
    },
}

/// What is wrong with a policy file.
#[derive(Debug, thiserror::Error)]
pub enum DamagedPolicy {
    /// Not the expected form.
    #[error("it is not JSON of the expected form")]
    Form(#[from] serde_json::Error),
    /// Not a group.
    #[error(transparent)]
    Group(#[from] UnknownGroup),
    /// Not a disclosure.
    #[error(transparent)]
    Disclosure(#[from] UnknownDisclosure),
    /// Not a precision that the group can have.
    #[error(transparent)]
    Precision(#[from] WrongPrecision),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    groups: BTreeMap<String, String>,
    /// Of groups that do not have the usual one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    precisions: BTreeMap<String, String>,
}

/// Reads the policy in `data_dir`.
///
/// # Errors
/// When it is not there or damaged.
pub fn load(data_dir: &Path) -> Result<Policy, PolicyError> {
    let path = data_dir.join(FILE);
    let text = files::read(&path)?;
    parse(&text).map_err(|source| PolicyError::Damaged { path, source })
}

fn parse(text: &str) -> Result<Policy, DamagedPolicy> {
    let stored: Stored = serde_json::from_str(text)?;
    let group = |(group, disclosure): (String, String)| {
        Ok((SignalGroup::parse(&group)?, Disclosure::parse(&disclosure)?))
    };
    let groups = stored.groups.into_iter().map(group).collect::<Result<_, DamagedPolicy>>()?;
    let precision = |(group, precision): (String, String)| {
        let group = SignalGroup::parse(&group)?;
        Ok((group, Precision::parse(group, &precision)?))
    };
    let precisions =
        stored.precisions.into_iter().map(precision).collect::<Result<_, DamagedPolicy>>()?;
    Ok(Policy::new(PolicyVersion::new(stored.version), groups).with_precisions(precisions))
}

/// Writes `policy` to `data_dir`, whole or not at all.
///
/// # Errors
/// When the file can not be written.
pub fn store(policy: &Policy, data_dir: &Path) -> Result<(), PolicyError> {
    let path = data_dir.join(FILE);
    let word = |(group, disclosure): (SignalGroup, Disclosure)| {
        (group.as_str().to_owned(), disclosure.as_str().to_owned())
    };
    let precision = |(group, precision): (SignalGroup, Precision)| {
        (group.as_str().to_owned(), precision.to_string())
    };
    let stored = Stored {
        version: policy.version().number(),
        groups: policy.groups().map(word).collect(),
        precisions: policy.precisions().map(precision).collect(),
    };
    let damaged = |error: serde_json::Error| PolicyError::Damaged {
        path: path.clone(),
        source: error.into(),
    };
    let text = serde_json::to_string_pretty(&stored).map_err(damaged)?;
    Ok(files::replace(&path, text.as_bytes(), Readers::Everyone)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let groups =
            [(SignalGroup::Motion, Disclosure::Share), (SignalGroup::Battery, Disclosure::Prove)];
        let precisions = [(SignalGroup::Location, Precision::Exact)];
        let policy =
            Policy::new(PolicyVersion::new(4), groups.into()).with_precisions(precisions.into());
        store(&policy, folder.path()).unwrap();
        let back = load(folder.path()).unwrap();

        assert_eq!(back.version(), policy.version());
        assert!(back.groups().eq(policy.groups()));
        assert!(back.precisions().eq(precisions));
    }

    #[test]
    fn a_damaged_policy_is_refused_not_guessed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path()).is_err());
        for text in [
            "",
            "{}",
            r#"{"version":1,"groups":{"radio":"share"}}"#,
            r#"{"version":1,"groups":{"motion":"sell"}}"#,
            r#"{"version":1,"groups":{},"precisions":{"location":"street"}}"#,
            r#"{"version":1,"groups":{},"precisions":{"motion":"h3-6"}}"#,
        ] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            let error = load(folder.path()).unwrap_err().to_string();
            assert!(error.contains("policy.json is damaged"), "{error}");
        }
    }
}
