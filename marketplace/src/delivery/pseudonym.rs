//! Pseudonyms: names of vehicles that mean something to one buyer, in one dataset.
//!
//! **Invariant:** a pseudonym is `HMAC-SHA256(secret, buyer || dataset || vehicle)`, cut to 16 bytes:
//! the same car has the same name in each version that a buyer buys of a dataset, and no name that
//! anyone can join elsewhere. Whoever loses the secret loses that continuity, not the data.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use telematics::{BuyerId, VehicleId};

use super::DeliveryError;
use crate::catalog::DatasetId;

/// The file of the secret in a market's folder.
const FILE: &str = "pseudonym.key";
/// Bytes of the secret.
const SECRET_BYTES: usize = 32;

/// Names vehicles for buyers.
#[derive(Clone)]
pub struct Pseudonyms {
    secret: [u8; SECRET_BYTES],
}

impl Pseudonyms {
    /// Uses this secret.
    #[must_use]
    pub const fn new(secret: [u8; SECRET_BYTES]) -> Self {
        Self { secret }
    }

    /// Those of the market whose files are in `data_dir`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of_market(data_dir: &Path, fresh: [u8; SECRET_BYTES]) -> Result<Self, DeliveryError> {
        Self::open(&data_dir.join(FILE), fresh)
    }

    /// Reads the secret in `file`, or writes `fresh` there when there is none yet. Only its owner
    /// may read the file.
    ///
    /// # Errors
    /// When the file can not be read or written, or holds something else.
    pub fn open(file: &Path, fresh: [u8; SECRET_BYTES]) -> Result<Self, DeliveryError> {
        let refuse = |source| DeliveryError::File { file: file.display().to_string(), source };
        let mut options = OpenOptions::new();
        match options.write(true).create_new(true).mode(0o600).open(file) {
            Ok(mut new) => {
                new.write_all(&fresh).and_then(|()| new.sync_all()).map_err(refuse)?;
                Ok(Self::new(fresh))
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let mut secret = [0; SECRET_BYTES];
                let read = File::open(file).and_then(|mut known| known.read_exact(&mut secret));
                read.map_err(refuse)?;
                Ok(Self::new(secret))
            }
            Err(source) => Err(refuse(source)),
        }
    }

    /// The name of `vehicle` in what `buyer` buys of `dataset`.
    #[must_use]
    pub fn name(&self, buyer: BuyerId, dataset: DatasetId, vehicle: VehicleId) -> String {
        // HMAC takes keys of every length, so this one is never refused.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else {
            return String::new();
        };
        mac.update(buyer.as_bytes());
        mac.update(dataset.as_bytes());
        mac.update(vehicle.as_bytes());
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        hex::encode(digest.first_chunk::<16>().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use telematics::testing::{T0, vehicle};

    use super::*;

    #[test]
    fn a_name_says_nothing_to_another_buyer_or_in_another_dataset() {
        let names = Pseudonyms::new([7; 32]);
        let (buyer, dataset) = (BuyerId::new(T0, [1; 10]), DatasetId::new(T0, [1; 10]));
        let name = names.name(buyer, dataset, vehicle(1));

        assert_eq!(name.len(), 32);
        assert_eq!(name, names.name(buyer, dataset, vehicle(1)));
        for other in [
            names.name(BuyerId::new(T0, [2; 10]), dataset, vehicle(1)),
            names.name(buyer, DatasetId::new(T0, [2; 10]), vehicle(1)),
            names.name(buyer, dataset, vehicle(2)),
            Pseudonyms::new([8; 32]).name(buyer, dataset, vehicle(1)),
        ] {
            assert_ne!(name, other);
        }
    }

    #[test]
    fn the_secret_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pseudonyms.key");

        let first = Pseudonyms::open(&file, [1; 32]).unwrap();
        let second = Pseudonyms::open(&file, [2; 32]).unwrap();

        assert_eq!(first.secret, second.secret);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&file, "short").unwrap();
        assert!(Pseudonyms::open(&file, [3; 32]).is_err());
    }
}
