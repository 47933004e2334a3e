//! What the kernel says about interfaces, through netlink: that one changed, and of which kind one is.
//!
//! **Invariant:** nobody who waits for a change is woken by a timer, unless the kernel tells none.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    socket,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Time between two looks where the kernel does not tell.
const LOOK: Duration = Duration::from_secs(1);
/// The kernel's group of those who want to know of interfaces (`RTMGRP_LINK`).
const GROUP: u32 = 1;
/// Bytes of the largest message about an interface, and more.
const MESSAGE_BYTES: usize = 32 << 10;

const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const REQUEST: u16 = 1;
const NAME: u16 = 3;
const LINK_INFO: u16 = 18;
const INFO_KIND: u16 = 1;
const UP: u32 = 1;
/// Bytes of a message's head, and of what is said of every interface.
const HEAD_BYTES: usize = 16;
const ABOUT_BYTES: usize = 16;

/// Tells when an interface comes or goes.
#[derive(Debug)]
pub(super) struct Links(Option<AsyncFd<OwnedFd>>);

impl Links {
    /// Begins to listen. Where that is not possible, [`Self::change`] returns every second.
    pub(super) fn watch() -> Self {
        let links = open().and_then(|fd| {
            bind(fd.as_raw_fd(), &NetlinkAddr::new(0, GROUP))?;
            watched(fd)
        });
        if let Err(error) = &links {
            tracing::debug!(%error, "the kernel does not tell of interfaces");
        }
        Self(links.ok())
    }

    /// Waits for a change.
    pub(super) async fn change(&self) {
        let Some(links) = &self.0 else { return tokio::time::sleep(LOOK).await };
        let Ok(mut guard) = links.readable().await else { return tokio::time::sleep(LOOK).await };
        guard.clear_ready();
        let mut message = vec![0; MESSAGE_BYTES];
        // What the kernel could not queue is a change as well.
        while matches!(
            recv(links.get_ref().as_raw_fd(), &mut message, MsgFlags::MSG_DONTWAIT),
            Ok(_) | Err(Errno::ENOBUFS | Errno::EINTR)
        ) {}
    }
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Of which kind it is, such as `can` and `vcan`; empty for most that are hardware.
    pub kind: String,
    /// False when it is down.
    pub is_up: bool,
}

impl Link {
    /// What the kernel says about `interface`.
    ///
    /// # Errors
    /// When there is none of this name, or the kernel can not be asked.
    pub fn of(interface: &str) -> io::Result<Self> {
        let fd = open()?;
        send(fd.as_raw_fd(), &question(interface), MsgFlags::empty())?;
        let mut message = vec![0; MESSAGE_BYTES];
        // The kernel answers within the call that asks it.
        let length = recv(fd.as_raw_fd(), &mut message, MsgFlags::MSG_DONTWAIT)?;
        message.truncate(length);
        match kind_of_message(&message) {
            Some(NEW_LINK) => {
                Self::parse(&message).ok_or_else(|| io::ErrorKind::InvalidData.into())
            }
            _ => Err(refusal(&message)),
        }
    }

    fn parse(message: &[u8]) -> Option<Self> {
        let about = message.get(HEAD_BYTES..)?;
        let index = u32::from_ne_bytes(*about.get(4..)?.first_chunk()?);
        let flags = u32::from_ne_bytes(*about.get(8..)?.first_chunk()?);
        let info = attribute(about.get(ABOUT_BYTES..)?, LINK_INFO);
        let kind = info.and_then(|info| attribute(info, INFO_KIND)).unwrap_or_default();
        let kind = str::from_utf8(kind).ok()?.trim_end_matches('\0').to_owned();
        Some(Self { index, kind, is_up: flags & UP != 0 })
    }
}

fn open() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let protocol = SockProtocol::NetlinkRoute;
    Ok(socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?)
}

#[expect(
    deprecated,
    reason = "its successor is unsafe, for what holds here: a socket keeps its descriptor for life"
)]
fn watched(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}

/// Asks for the interface of this name.
fn question(interface: &str) -> Vec<u8> {
    let mut about = vec![0; ABOUT_BYTES];
    let name = interface.bytes().chain([0]).collect::<Vec<_>>();
    about.extend(u16::try_from(4 + name.len()).unwrap_or(u16::MAX).to_ne_bytes());
    about.extend(NAME.to_ne_bytes());
    about.extend(name);
    about.resize(about.len().next_multiple_of(4), 0);
    let length = u32::try_from(HEAD_BYTES + about.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend([GET_LINK.to_ne_bytes(), REQUEST.to_ne_bytes()].concat());
    message.extend([0; 8]);
    message.extend(about);
    message
}

fn kind_of_message(message: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(*message.get(4..)?.first_chunk()?))
}

/// What an error message says.
fn refusal(message: &[u8]) -> io::Error {
    let code = message.get(HEAD_BYTES..).and_then(|rest| rest.first_chunk());
    code.map_or(io::ErrorKind::InvalidData.into(), |code| {
        io::Error::from_raw_os_error(i32::from_ne_bytes(*code).saturating_neg())
    })
}

/// The value of the attribute of this kind.
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16::from_ne_bytes(*attributes.first_chunk()?));
        let kind = u16::from_ne_bytes(*attributes.get(2..)?.first_chunk()?) & 0x3FFF;
        let value = attributes.get(4..length)?;
        if kind == wanted {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_the_loopback_and_no_stranger() {
        let loopback = Link::of("lo").unwrap();
        assert_ne!(loopback.kind, "vcan");
        assert!(loopback.index > 0);

        let error = Link::of("nocan7").unwrap_err();
        assert_eq!(error.raw_os_error().map(Errno::from_raw), Some(Errno::ENODEV), "{error}");
    }

    #[test]
    fn the_kind_of_an_interface_is_found_behind_other_attributes() {
        let attribute = |kind: u16, value: &[u8]| {
            let length = u16::try_from(4 + value.len()).unwrap();
            let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let info = attribute(LINK_INFO, &attribute(INFO_KIND, b"vcan\0"));
        let mut message = vec![0; HEAD_BYTES];
        message.extend([0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        message.extend([attribute(NAME, b"x\0"), info].concat());
        let link = Link::parse(&message).unwrap();

        assert_eq!(link, Link { index: 7, kind: "vcan".to_owned(), is_up: true });
        for length in 0..HEAD_BYTES + ABOUT_BYTES {
            assert_eq!(Link::parse(&message[..length]), None, "{length}");
        }
    }
}
