//! Sends a simulated drive on a bus that exists in this computer only.
//!
//! Apart from [`crate::obd`]'s transmitter, which can say nothing but what reads, this is the one place that
//! writes to a CAN interface. What it writes are frames of traffic, so no car may ever hear them.
//!
//! **Invariant:** a [`VirtualBus`] is an interface that the kernel itself says is virtual: of the kind `vcan` or
//! `vxcan`. A name proves nothing, and neither does a missing device: adapters on a serial line have none.

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use socketcan::{CanAddr, CanFrame, CanSocket, EmbeddedFrame as _, Socket as _, StandardId};
use tokio::time::{Instant, sleep, sleep_until};

use super::drive::SimFrame;
use crate::frames::links::Link;

/// Time until a full queue is tried again.
const RETRY: Duration = Duration::from_millis(5);

/// Why a drive can not be sent.
#[derive(Debug, thiserror::Error)]
pub enum VirtualBusError {
    /// There is none of this name.
    #[error(
        "there is no interface `{interface}`; `ip link add {interface} type vcan` makes one and \
         `ip link set {interface} up` brings it up"
    )]
    Absent {
        /// Its name.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// It may lead to a car.
    #[error(
        "`{interface}` is of the kind `{kind}`; a simulated drive is sent on virtual interfaces only \
         (`vcan` or `vxcan`), for a car would take its frames for its own"
    )]
    NotVirtual {
        /// Its name.
        interface: String,
        /// What the kernel says that it is.
        kind: String,
    },
    /// Nothing can be sent.
    #[error("`{interface}` is down; `ip link set {interface} up` brings it up")]
    Down {
        /// Its name.
        interface: String,
    },
    /// The kernel refused.
    #[error("cannot send on the interface `{interface}`")]
    Send {
        /// Its name.
        interface: String,
        /// What it said.
        source: io::Error,
    },
}

/// A virtual interface that is up.
#[derive(Debug)]
pub struct VirtualBus {
    interface: String,
    socket: CanSocket,
}

impl VirtualBus {
    /// Opens `interface`.
    ///
    /// # Errors
    /// When it is missing, down or not virtual.
    pub fn open(interface: &str) -> Result<Self, VirtualBusError> {
        use socketcan::SocketOptions as _;

        let name = || interface.to_owned();
        let link = Link::of(interface)
            .map_err(|source| VirtualBusError::Absent { interface: name(), source })?;
        check(interface, &link)?;
        // By its number: another interface that takes over the name is not sent to.
        let open = || {
            let socket = CanSocket::open_addr(&CanAddr::new(link.index))?;
            socket.set_nonblocking(true)?;
            socket.set_filter_drop_all()?;
            Ok(socket)
        };
        match open() {
            Ok(socket) => Ok(Self { interface: name(), socket }),
            Err(source) => Err(VirtualBusError::Send { interface: name(), source }),
        }
    }

    /// Sends `frames` at `speed` times the pace of the drive, and returns how many they were.
    ///
    /// # Errors
    /// When the interface goes down or away.
    pub async fn play(
        &self,
        frames: impl IntoIterator<Item = SimFrame>,
        speed: f64,
    ) -> Result<u64, VirtualBusError> {
        let (began, mut first, mut count) = (Instant::now(), None, 0);
        for frame in frames {
            let first = *first.get_or_insert(frame.time);
            let micros = u64::try_from(frame.time.micros_since(first)).unwrap_or_default();
            sleep_until(began + Duration::from_micros(micros).div_f64(speed)).await;
            self.send(&frame).await?;
            count += 1;
        }
        Ok(count)
    }

    async fn send(&self, frame: &SimFrame) -> Result<(), VirtualBusError> {
        let id = u16::try_from(frame.id).ok().and_then(StandardId::new);
        let wire = id.and_then(|id| CanFrame::new(id, frame.bytes()));
        let refuse = |source| VirtualBusError::Send { interface: self.interface.clone(), source };
        let wire = wire.ok_or_else(|| refuse(io::ErrorKind::InvalidInput.into()))?;
        loop {
            let Err(error) = self.socket.write_frame(&wire) else { return Ok(()) };
            match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::ENOBUFS | Errno::EAGAIN) => sleep(RETRY).await,
                Some(Errno::ENETDOWN) => {
                    return Err(VirtualBusError::Down { interface: self.interface.clone() });
                }
                _ => return Err(refuse(error)),
            }
        }
    }
}

fn check(interface: &str, link: &Link) -> Result<(), VirtualBusError> {
    let interface = || interface.to_owned();
    if !matches!(link.kind.as_str(), "vcan" | "vxcan") {
        let kind = if link.kind.is_empty() { "hardware" } else { &link.kind };
        return Err(VirtualBusError::NotVirtual { interface: interface(), kind: kind.to_owned() });
    }
    if link.is_up { Ok(()) } else { Err(VirtualBusError::Down { interface: interface() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_virtual_interfaces_that_are_up_are_sent_to() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // name       kind     up      refused as
            ("vcan0",     "vcan",  true,   None),
            ("bus",       "vxcan", true,   None),
            ("vcan0",     "vcan",  false,  Some("`vcan0` is down")),
            ("can0",      "can",   true,   Some("`can0` is of the kind `can`")),
            ("vcan0",     "can",   true,   Some("`vcan0` is of the kind `can`")),
            ("vcan0",     "slcan", true,   Some("of the kind `slcan`")),
            ("slcan0",    "",      true,   Some("of the kind `hardware`")),
        ];
        for (name, kind, is_up, expected) in cases {
            let checked = check(name, &Link { index: 1, kind: kind.to_owned(), is_up });
            let text = checked.err().map(|error| error.to_string());
            match (text, expected) {
                (None, None) => {}
                (Some(text), Some(expected)) => assert!(text.contains(expected), "{text}"),
                (text, _) => panic!("{name} {kind}: {text:?}"),
            }
        }
    }

    #[test]
    fn an_interface_that_is_missing_or_another_is_named() {
        let error = VirtualBus::open("nocan7").unwrap_err().to_string();
        assert!(error.contains("`nocan7`") && error.contains("type vcan"), "{error}");

        let error = VirtualBus::open("lo").unwrap_err();
        assert!(matches!(error, VirtualBusError::NotVirtual { .. }), "{error}");
    }
}
