//! A live CAN interface, through Linux SocketCAN.
//!
//! Each frame carries the time at which the kernel took it in, which a busy computer may read much
//! later. Remote and error frames carry no data and are passed over.
//!
//! **Invariant:** the agent listens and never writes to a bus.

use std::io;

use socketcan::tokio::CanFdSocket;
use socketcan::{CanAnyFrame, EmbeddedFrame, Frame as _, SocketOptions};

use super::frame::{CanId, Frame};
use crate::clock;

/// Why an interface can not be read.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// There is no such interface, or it is not of CAN.
    #[error(
        "cannot open the CAN interface `{interface}`; `ip link show type can` lists what there is, \
         `ip link set {interface} up type can bitrate 500000` brings one up"
    )]
    Open {
        /// Its name.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// It went away.
    #[error("cannot read from the CAN interface `{interface}`")]
    Read {
        /// Its name.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
}

/// An open interface.
pub struct SocketReader {
    interface: String,
    socket: CanFdSocket,
}

impl SocketReader {
    /// Opens `interface` and asks the kernel for arrival times.
    ///
    /// # Errors
    /// When there is no such interface, or it is down.
    pub fn open(interface: &str) -> Result<Self, SocketError> {
        let open = || {
            let socket = CanFdSocket::open(interface)?;
            socket.set_recv_timestamp(true)?;
            Ok(socket)
        };
        let refuse = |source| SocketError::Open { interface: interface.to_owned(), source };
        Ok(Self { interface: interface.to_owned(), socket: open().map_err(refuse)? })
    }

    /// The next data frame.
    ///
    /// # Errors
    /// When the interface went away.
    pub async fn next_frame(&mut self) -> Result<Frame, SocketError> {
        loop {
            let (frame, arrived) =
                self.socket.read_frame_with_timestamp().await.map_err(|source| {
                    SocketError::Read { interface: self.interface.clone(), source }
                })?;
            if let Some(frame) = data_frame(&frame, clock::from_system(arrived)) {
                return Ok(frame);
            }
        }
    }
}

fn data_frame(frame: &CanAnyFrame, time: telematics::Timestamp) -> Option<Frame> {
    if !matches!(frame, CanAnyFrame::Normal(_) | CanAnyFrame::Fd(_)) {
        return None;
    }
    let number = frame.raw_id();
    let id = if frame.is_extended() {
        CanId::Extended(number)
    } else {
        CanId::Standard(u16::try_from(number).ok()?)
    };
    Frame::new(time, id, frame.data())
}

#[cfg(test)]
mod tests {
    use socketcan::{CanDataFrame, CanRemoteFrame, ExtendedId, StandardId};
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn data_frames_are_copied_and_others_passed_over() {
        let standard = CanDataFrame::new(StandardId::new(0x123).unwrap(), &[1, 2]).unwrap();
        let extended = CanDataFrame::new(ExtendedId::new(0x123).unwrap(), &[3]).unwrap();
        let remote = CanRemoteFrame::new(StandardId::new(0x123).unwrap(), &[]).unwrap();

        let expected = Frame::new(T0, CanId::Standard(0x123), &[1, 2]);
        assert_eq!(data_frame(&standard.into(), T0), expected);
        let expected = Frame::new(T0, CanId::Extended(0x123), &[3]);
        assert_eq!(data_frame(&extended.into(), T0), expected);
        assert_eq!(data_frame(&remote.into(), T0), None);
    }

    #[tokio::test]
    async fn an_interface_that_is_not_there_is_named() {
        let Err(error) = SocketReader::open("nocan7") else { panic!("nocan7 exists") };

        assert!(error.to_string().contains("`nocan7`"), "{error}");
    }
}
