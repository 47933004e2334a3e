//! The principals: who a caller is, once that is proven.
//!
//! **Invariant:** a value of these types is made only where identity is proven (a key that hashes to
//! a stored one, a client certificate that rustls verified), so a verb that takes `&Buyer` cannot be
//! reached without being one.
//!
//! **Not here:** what each may do. A verb's signature says it.

use ed25519_dalek::VerifyingKey;
use telematics::{BuyerId, OwnerId, VehicleId};

/// Runs the market: opens accounts and credits deposits. Reads nobody's samples.
#[derive(Clone, Copy, Debug)]
pub struct Operator(pub(super) ());

impl Operator {
    /// Whoever runs a command on the machine that has the database. For `commands` only: he could
    /// write the tables himself.
    pub(crate) const fn at_the_machine() -> Self {
        Self(())
    }
}

/// A person who owns vehicles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Who.
    pub(crate) id: OwnerId,
}

impl Owner {
    /// Who.
    #[must_use]
    pub const fn id(&self) -> OwnerId {
        self.id
    }
}

/// A company that buys data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buyer {
    /// Who.
    pub(crate) id: BuyerId,
}

impl Buyer {
    /// A buyer who gave a standing order when it was proven who he is. For `subscriptions` only.
    pub(crate) const fn of_standing_order(id: BuyerId) -> Self {
        Self { id }
    }

    /// Who.
    #[must_use]
    pub const fn id(&self) -> BuyerId {
        self.id
    }
}

/// A car whose edge agent is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vehicle {
    /// Which.
    pub(crate) id: VehicleId,
    /// The key that signs its batches, and the key of its certificate.
    pub(crate) key: VerifyingKey,
}

/// Whoever holds an API key.
#[derive(Clone, Copy, Debug)]
pub enum Principal {
    /// Runs the market.
    Operator(Operator),
    /// Owns vehicles.
    Owner(Owner),
    /// Buys data.
    Buyer(Buyer),
}

impl Principal {
    /// Which buyer, if it is one.
    #[must_use]
    pub const fn buyer(&self) -> Option<BuyerId> {
        match self {
            Self::Buyer(buyer) => Some(buyer.id),
            Self::Operator(_) | Self::Owner(_) => None,
        }
    }
}
