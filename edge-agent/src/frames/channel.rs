//! One CAN interface: what the kernel hands out, and what it says beside it.
//!
//! With each frame comes the time at which the kernel took it in, and how many frames it has dropped so
//! far because nobody read fast enough (`SO_RXQ_OVFL`). A drop is told with the next frame that arrives.
//!
//! **Invariant:** nothing here can write to a bus.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socketcan::{CanFdSocket, Socket as _, SocketOptions as _};
use telematics::Timestamp;

use super::frame::{CanId, Frame};

/// Seconds of a full bus of 1 Mbit/s, at the kilobyte that the kernel reckons for a frame.
const BUFFER_BYTES: usize = 8 << 20;

const EXTENDED: u32 = 0x8000_0000;
const REMOTE: u32 = 0x4000_0000;
const ERROR: u32 = 0x2000_0000;
/// Flags of CAN FD that were on the bus: switched bit rate, and a sender in trouble.
const FD_FLAGS: u8 = 3;
/// Bytes before the data: identifier, length, flags and two that are reserved.
const HEAD_BYTES: usize = 8;
/// Bytes of the largest frame that the kernel hands out.
const FRAME_BYTES: usize = HEAD_BYTES + Frame::BYTES_MAX;

/// What came out of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// A data frame.
    Data(Frame),
    /// An error frame, with its identifier.
    Error(u32),
    /// A remote frame, which carries nothing, or one of a kind that is not known.
    Other,
}

/// An open interface that never blocks.
#[derive(Debug)]
pub(super) struct Channel {
    socket: CanFdSocket,
    control: Vec<u8>,
    /// The kernel's count when it was last told. It wraps around.
    dropped: u32,
}

impl Channel {
    /// Opens `interface`. One that is down is opened too: its frames come when it is up.
    pub(super) fn open(interface: &str) -> io::Result<Self> {
        let socket = CanFdSocket::open(interface)?;
        socket.set_nonblocking(true)?;
        socket.set_error_filter_accept_all()?;
        setsockopt(&socket.as_fd(), sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket.as_fd(), sockopt::RxqOvfl, &1)?;
        // Beyond the system's limit only with CAP_NET_ADMIN; else as much as the limit gives.
        if setsockopt(&socket.as_fd(), sockopt::RcvBufForce, &BUFFER_BYTES).is_err() {
            setsockopt(&socket.as_fd(), sockopt::RcvBuf, &BUFFER_BYTES)?;
        }
        Ok(Self { socket, control: nix::cmsg_space!(TimeSpec, u32), dropped: 0 })
    }

    /// The next of what waits, and the frames that were dropped since the one before. An error of kind
    /// `WouldBlock` says that nothing waits.
    pub(super) fn receive(&mut self, bus: u8) -> io::Result<(Arrival, u64)> {
        let mut bytes = [0; FRAME_BYTES];
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let socket = self.socket.as_raw_fd();
        let message =
            recvmsg::<()>(socket, &mut parts, Some(&mut self.control), MsgFlags::MSG_DONTWAIT)?;
        let length = message.bytes;
        let (mut time, mut dropped) = (None, self.dropped);
        for control in message.cmsgs()? {
            match control {
                ControlMessageOwned::ScmTimestampns(at) => time = timestamp(at),
                ControlMessageOwned::RxqOvfl(count) => dropped = count,
                _ => {}
            }
        }
        let lost = dropped.wrapping_sub(self.dropped);
        self.dropped = dropped;
        let time = time.unwrap_or_else(crate::clock::now);
        let arrival = bytes.get(..length).and_then(|bytes| arrival(bytes, time, bus));
        Ok((arrival.unwrap_or(Arrival::Other), lost.into()))
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn timestamp(at: TimeSpec) -> Option<Timestamp> {
    let micros = at.tv_sec().checked_mul(1_000_000)?.checked_add(at.tv_nsec() / 1_000)?;
    Some(Timestamp::from_micros(micros))
}

/// Reads `struct can_frame` or `struct canfd_frame`, which begin alike.
fn arrival(bytes: &[u8], time: Timestamp, bus: u8) -> Option<Arrival> {
    let (id, rest) = bytes.split_first_chunk()?;
    let id = u32::from_ne_bytes(*id);
    if id & ERROR != 0 {
        return Some(Arrival::Error(id));
    }
    if id & REMOTE != 0 {
        return Some(Arrival::Other);
    }
    let [length, flags] = *rest.first_chunk()?;
    let length = usize::from(length);
    let data = bytes.get(HEAD_BYTES..)?.get(..length)?;
    let id = if id & EXTENDED != 0 {
        CanId::Extended(id & 0x1FFF_FFFF)
    } else {
        CanId::Standard(u16::try_from(id).ok().filter(|id| *id <= 0x7FF)?)
    };
    let mut frame = Frame::new(time, id, data)?;
    frame.bus = bus;
    frame.fd_flags = (bytes.len() == FRAME_BYTES).then_some(flags & FD_FLAGS);
    Some(Arrival::Data(frame))
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    /// As the kernel has it: 16 bytes, or 72 of CAN FD.
    fn kernel(id: u32, data: &[u8], size: usize) -> Vec<u8> {
        let mut bytes = id.to_ne_bytes().to_vec();
        // Linux marks what it knows to be of CAN FD, whatever was on the bus.
        let flags = if size == 72 { 5 } else { 0 };
        bytes.extend([u8::try_from(data.len()).unwrap(), flags, 0, 0]);
        bytes.extend(data);
        bytes.resize(size.max(bytes.len()), 0);
        bytes
    }

    #[test]
    fn what_the_kernel_hands_out_is_told_apart() {
        let data = |id, bytes: &[u8]| {
            let mut frame = Frame::new(T0, id, bytes).unwrap();
            frame.bus = 3;
            Some(Arrival::Data(frame))
        };
        let fd = |bytes: &[u8]| {
            let Some(Arrival::Data(mut frame)) = data(CanId::Standard(0x123), bytes) else {
                return None;
            };
            frame.fd_flags = Some(1);
            Some(Arrival::Data(frame))
        };
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("11 bits",         kernel(0x123, &[1, 2], 16),            data(CanId::Standard(0x123), &[1, 2])),
            ("29 bits",         kernel(0x8000_0123, &[3], 16),         data(CanId::Extended(0x123), &[3])),
            ("CAN FD",          kernel(0x123, &[7; 64], 72),           fd(&[7; 64])),
            ("CAN FD, short",   kernel(0x123, &[7; 8], 72),            fd(&[7; 8])),
            ("no data",         kernel(0x123, &[], 16),                data(CanId::Standard(0x123), &[])),
            ("error",           kernel(0x2000_0080, &[0; 8], 16),      Some(Arrival::Error(0x2000_0080))),
            ("remote",          kernel(0x4000_0123, &[], 16),          Some(Arrival::Other)),
            ("cut short",       kernel(0x123, &[1], 16)[..8].to_vec(), None),
            ("only half a head", vec![1, 2],                           None),
            ("no identifier",   kernel(0x800, &[1], 16),               None),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(arrival(&bytes, T0, 3), expected, "{name}");
        }
        let mut long = kernel(0x123, &[0; 8], 16);
        long[4] = 9;
        assert_eq!(arrival(&long, T0, 3), None, "longer than its frame");
    }

    #[test]
    fn the_kernels_time_is_counted_in_microseconds() {
        assert_eq!(timestamp(TimeSpec::new(2, 1_999)), Some(Timestamp::from_micros(2_000_001)));
        assert_eq!(timestamp(TimeSpec::new(i64::MAX, 0)), None);
    }
}
