//! Asking a car: OBD-II requests, and those of UDS that the owner's file names.
//!
//! A [`Session`] decides what to ask and when; it is pure, with time as an argument and frames in and out.
//! A [`Transmitter`] sends, and can send nothing but an [`AllowedFrame`] (see [`allowed`]). An [`Asker`]
//! puts the two together for whoever has a live bus.
//!
//! **Invariant:** nothing is ever sent unless the owner turned it on (`[obd] enabled = true`).
//!
//! **Not here:** whether a sample may leave the car ([`crate::consent`]).

pub mod allowed;
mod asker;
mod codes;
mod findings;
mod load;
mod pids;
mod reading;
mod session;
mod settings;
mod supported;
mod template;
#[cfg(test)]
mod tests;
mod transmitter;
mod vin;

pub use allowed::{Address, AllowedFrame, AllowedRequest};
pub use asker::{Asker, ObdError};
pub use codes::FaultCode;
pub use findings::Findings;
pub use session::Session;
pub use settings::ObdConfig;
pub use template::{TemplateError, Templates};
pub use transmitter::{Sent, TransmitError, Transmitter};
pub use vin::{Fingerprint, FingerprintKey};
