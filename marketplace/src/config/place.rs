//! Where a lake is: a folder of this machine, or a prefix in a bucket of S3.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::Deserialize;

/// Where a lake is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LakePlace {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket: `s3://bucket/prefix`.
    Bucket(Url),
}

/// Why a text is no place for a lake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is neither a folder nor of the form s3://bucket/prefix")]
pub struct NotAPlace {
    text: String,
}

impl LakePlace {
    /// Reads a folder's name or the address of a bucket.
    ///
    /// # Errors
    /// An address of another kind, or one that names no bucket or says more than bucket and prefix.
    pub fn parse(text: &str) -> Result<Self, NotAPlace> {
        // What is before an @ may be a password.
        let refuse = || NotAPlace { text: text.rsplit('@').next().unwrap_or_default().to_owned() };
        if text.is_empty() {
            return Err(refuse());
        }
        if !text.contains("://") {
            return Ok(Self::Folder(PathBuf::from(text)));
        }
        let url = Url::parse(text).or(Err(refuse()))?;
        let is_plain = url.scheme() == "s3"
            && url.host_str().is_some_and(|bucket| !bucket.is_empty())
            && url.username().is_empty()
            && url.port().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if is_plain { Ok(Self::Bucket(url)) } else { Err(refuse()) }
    }
}

impl TryFrom<String> for LakePlace {
    type Error = NotAPlace;

    fn try_from(text: String) -> Result<Self, NotAPlace> {
        Self::parse(&text)
    }
}

impl From<&Path> for LakePlace {
    fn from(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

impl From<PathBuf> for LakePlace {
    fn from(folder: PathBuf) -> Self {
        Self::Folder(folder)
    }
}

impl fmt::Display for LakePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket() {
        for folder in ["lake", "/srv/axle/lake", "./s3/lake"] {
            assert_eq!(LakePlace::parse(folder), Ok(LakePlace::Folder(folder.into())));
        }
        for bucket in ["s3://axle", "s3://axle/lake", "s3://axle/fleets/lake/"] {
            let place = LakePlace::parse(bucket).unwrap();
            assert!(matches!(place, LakePlace::Bucket(_)), "{bucket}");
            assert_eq!(place.to_string(), bucket);
        }

        #[rustfmt::skip] // a table is read by column
        let refused = [
            ("nothing",            ""),
            ("another kind",       "gs://axle/lake"),
            ("no bucket",          "s3:///lake"),
            ("keys in it",         "s3://key:secret@axle/lake"),
            ("a port",             "s3://axle:9000/lake"),
            ("more than a prefix", "s3://axle/lake?region=eu"),
        ];
        for (what, text) in refused {
            let error = LakePlace::parse(text).unwrap_err().to_string();
            assert!(error.contains("s3://bucket") && !error.contains("secret"), "{what}: {error}");
        }
    }
}
