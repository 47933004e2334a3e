//! Typed identifiers: a `UUIDv7` (RFC 9562) that knows what it names.
//!
//! In a database an id is its 16 bytes; for people and programs it is `vehicle_` and 32 hex digits,
//! so that an order can not be pasted where a vehicle is meant.
//!
//! **Invariant:** an [`Id`] of one [`Kind`] is never another's: the kind is a type parameter, and
//! [`Id::parse`] refuses a foreign prefix.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use uuid::Uuid;

use crate::time::Timestamp;

/// What an [`Id`] names.
pub trait Kind {
    /// The word before the underscore in the text form.
    const PREFIX: &'static str;
}

/// A person who owns vehicles.
pub enum Owner {}
/// A company that buys data.
pub enum Buyer {}
/// A car with an enrolled edge agent.
pub enum Vehicle {}
/// A buyer's request for proofs.
pub enum Campaign {}

impl Kind for Owner {
    const PREFIX: &'static str = "owner";
}
impl Kind for Buyer {
    const PREFIX: &'static str = "buyer";
}
impl Kind for Vehicle {
    const PREFIX: &'static str = "vehicle";
}
impl Kind for Campaign {
    const PREFIX: &'static str = "campaign";
}

/// Names an owner.
pub type OwnerId = Id<Owner>;
/// Names a buyer.
pub type BuyerId = Id<Buyer>;
/// Names a vehicle. Never a VIN, and never derived from one.
pub type VehicleId = Id<Vehicle>;
/// Names a campaign.
pub type CampaignId = Id<Campaign>;

/// An identifier of one kind of thing, ordered by the time it was made.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

/// Text that does not name what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form {prefix}_ and 32 hex digits")]
pub struct NotAnId {
    text: String,
    prefix: &'static str,
}

impl<K: Kind> Id<K> {
    /// Makes the id of something created at `now`; `entropy` keeps it unique.
    #[must_use]
    pub fn new(now: Timestamp, entropy: [u8; 10]) -> Self {
        let millis = u64::try_from(now.as_micros() / 1_000).unwrap_or(0);
        Self::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid())
    }

    /// Reads the 16 bytes kept in a database or sent on the wire.
    ///
    /// # Errors
    /// Another number of bytes is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAnId> {
        let refuse = |_| NotAnId { text: hex::encode(bytes), prefix: K::PREFIX };
        Uuid::from_slice(bytes).map(Self::from_uuid).map_err(refuse)
    }

    /// Reads the text form, such as `vehicle_0190a5b8c3d27e4f8a9b0c1d2e3f4a5b`.
    ///
    /// # Errors
    /// A foreign prefix or anything but 32 hex digits after it is refused.
    pub fn parse(text: &str) -> Result<Self, NotAnId> {
        let digits = text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_'));
        digits
            .filter(|digits| digits.len() == 32)
            .and_then(|digits| Uuid::try_parse(digits).ok())
            .map(Self::from_uuid)
            .ok_or_else(|| NotAnId { text: text.to_owned(), prefix: K::PREFIX })
    }

    fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }
}

impl<K> Id<K> {
    /// The 16 bytes of the UUID, most significant first.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.uuid.as_bytes()
    }

    /// The same 16 bytes, owned: what a database column takes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

// Written out because a derive would demand the same traits of `K`, which is never a value.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, self.uuid.simple())
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K: Kind> FromStr for Id<K> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "vehicle_0190a5b8c3d27e4f8a9b0c1d2e3f4a5b";

    #[test]
    fn text_form_round_trips() {
        let id = VehicleId::parse(TEXT).unwrap();

        assert_eq!(id.to_string(), TEXT);
        assert_eq!(VehicleId::from_bytes(id.as_bytes()), Ok(id));
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let early = VehicleId::new(Timestamp::from_micros(1_000_000), [255; 10]);
        let late = VehicleId::new(Timestamp::from_micros(2_000_000), [0; 10]);

        assert!(early < late);
    }

    #[test]
    fn another_kind_of_thing_is_refused() {
        for text in [TEXT, "owner_1234", "owner_", "", "0190a5b8c3d27e4f8a9b0c1d2e3f4a5b"] {
            assert!(OwnerId::parse(text).is_err(), "{text}");
        }
        assert!(OwnerId::from_bytes(&[0; 15]).is_err());
    }
}
