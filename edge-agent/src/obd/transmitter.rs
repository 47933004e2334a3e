//! The only place that writes to the bus of a car.
//!
//! **Invariant:** what is written is an [`AllowedFrame`].

use std::io;

use nix::errno::Errno;
use socketcan::{CanFrame, CanSocket, EmbeddedFrame as _, ExtendedId, Id, Socket as _, StandardId};

use super::allowed::AllowedFrame;
use crate::frames::CanId;

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TransmitError {
    /// The interface can not be opened.
    #[error("cannot open the CAN interface `{interface}` to ask the car")]
    Open {
        /// Its name.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The interface is down, or listens only.
    #[error("cannot send on the CAN interface `{interface}`; it may be down or listen-only")]
    Send {
        /// Its name.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The kernel has it.
    Yes,
    /// The bus is so busy that earlier frames still wait.
    Busy,
}

/// Sends what may be sent, on one interface.
#[derive(Debug)]
pub struct Transmitter {
    interface: String,
    socket: CanSocket,
}

impl Transmitter {
    /// Opens `interface` for sending only: it is deaf.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn open(interface: &str) -> Result<Self, TransmitError> {
        use socketcan::SocketOptions as _;

        let open = || {
            let socket = CanSocket::open(interface)?;
            socket.set_nonblocking(true)?;
            socket.set_filter_drop_all()?;
            Ok(socket)
        };
        match open() {
            Ok(socket) => Ok(Self { interface: interface.to_owned(), socket }),
            Err(source) => Err(TransmitError::Open { interface: interface.to_owned(), source }),
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When the interface is down or does not send.
    pub fn send(&self, frame: &AllowedFrame) -> Result<Sent, TransmitError> {
        let id = match frame.id() {
            CanId::Standard(id) => StandardId::new(id).map(Id::Standard),
            CanId::Extended(id) => ExtendedId::new(id).map(Id::Extended),
        };
        let wire = id.and_then(|id| CanFrame::new(id, &frame.data()));
        let wire = wire.ok_or(io::ErrorKind::InvalidInput.into());
        match wire.and_then(|wire| self.socket.write_frame(&wire)) {
            Ok(()) => Ok(Sent::Yes),
            Err(error)
                if matches!(
                    error.raw_os_error().map(Errno::from_raw),
                    Some(Errno::ENOBUFS | Errno::EAGAIN)
                ) =>
            {
                Ok(Sent::Busy)
            }
            Err(source) => Err(TransmitError::Send { interface: self.interface.clone(), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let error = Transmitter::open("nocan7").unwrap_err();

        assert!(error.to_string().contains("`nocan7`"), "{error}");
    }
}
