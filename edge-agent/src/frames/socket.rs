//! Live CAN interfaces, classic and FD, through Linux SocketCAN.
//!
//! Each frame carries the time at which the kernel took it in, which a busy computer may read much
//! later, so reading can afford to rest: after everything that waited was read, nothing is asked for a
//! few milliseconds. A full bus then costs a hundred wake-ups a second, not thousands.
//!
//! An interface that goes down is waited for, and one that goes away is opened again when it is back.
//! Error frames are counted by class; remote frames carry no data and are passed over.
//!
//! **Invariant:** reading never writes to a bus. What may be asked of a car is in [`crate::obd`].

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use nix::errno::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

use super::bus_errors::BusErrors;
use super::channel::{Arrival, Channel};
use super::frame::Frame;

/// How long reading rests when everything was read.
const REST: Duration = Duration::from_millis(10);
/// Time between two looks for what arrives without a frame: that an interface is down, away or back.
const LOOK: Duration = Duration::from_secs(1);
/// Interfaces of one car: their number goes into a byte, and no car has more.
const INTERFACES_MAX: usize = 32;

/// Why an interface can not be read.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// There is no such interface, or it is not of CAN.
    #[error(
        "cannot open the CAN interface `{interface}`; `ip link show type can` lists what there is, \
         `ip link set {interface} up type can bitrate 500000 listen-only on` brings one up"
    )]
    Open {
        /// Its name.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// It can not be read, and trying again makes no sense.
    #[error("cannot read from the CAN interface `{interface}`")]
    Read {
        /// Its name.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// More interfaces than a car has.
    #[error("{actual} CAN interfaces are named, from 1 to {INTERFACES_MAX} can be read")]
    Number {
        /// How many were named.
        actual: usize,
    },
}

/// What was met beside data frames since the interfaces were opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mishaps {
    /// Frames that the kernel dropped because they were not read in time.
    pub frames_lost: u64,
    /// Error frames.
    pub error_frames: u64,
    /// The same, by class.
    pub bus_errors: BusErrors,
    /// How often an interface went down or away.
    pub interruptions: u64,
}

/// Open interfaces. Frames of one come in the order in which they arrived.
#[derive(Debug)]
pub struct SocketReader {
    interfaces: Vec<Interface>,
    /// Where to look first, so that a busy bus does not hide a quiet one.
    turn: usize,
    rest_until: Option<Instant>,
    look_at: Instant,
    mishaps: Mishaps,
}

#[derive(Debug)]
struct Interface {
    name: String,
    number: u8,
    state: State,
    /// True until everything that waited was read.
    has_more: bool,
}

#[derive(Debug)]
enum State {
    Open(AsyncFd<Channel>),
    /// It went away.
    Away,
}

impl SocketReader {
    /// Opens `interfaces`, whose frames are of bus 0, 1 and so on.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn open<S: AsRef<str>>(interfaces: &[S]) -> Result<Self, SocketError> {
        let actual = interfaces.len();
        if !(1..=INTERFACES_MAX).contains(&actual) {
            return Err(SocketError::Number { actual });
        }
        let interfaces = (0..).zip(interfaces).map(|(number, name)| {
            let name = name.as_ref().to_owned();
            match open(&name) {
                Ok(fd) => Ok(Interface { name, number, state: State::Open(fd), has_more: true }),
                Err(source) => Err(SocketError::Open { interface: name, source }),
            }
        });
        let interfaces = interfaces.collect::<Result<_, _>>()?;
        let look_at = Instant::now() + LOOK;
        Ok(Self { interfaces, turn: 0, rest_until: None, look_at, mishaps: Mishaps::default() })
    }

    /// What was met beside data frames.
    #[must_use]
    pub const fn mishaps(&self) -> Mishaps {
        self.mishaps
    }

    /// The next data frame. A caller that stops waiting loses nothing.
    ///
    /// # Errors
    /// When an interface can not be read for a reason that does not pass.
    pub async fn next_frame(&mut self) -> Result<Frame, SocketError> {
        // On a bus that is never silent, other tasks get their turn too.
        tokio::task::consume_budget().await;
        loop {
            if let Some(until) = self.rest_until {
                sleep_until(until).await;
                self.rest_until = None;
            }
            if let Some(frame) = self.waiting_frame()? {
                return Ok(frame);
            }
            if self.look_at <= Instant::now() {
                self.look_at = Instant::now() + LOOK;
                self.interfaces.iter_mut().for_each(Interface::look);
                continue;
            }
            let arrives = poll_fn(|context| poll_any(&mut self.interfaces, context));
            tokio::select! {
                () = arrives => self.rest_until = Some(Instant::now() + REST),
                () = sleep_until(self.look_at) => {}
            }
        }
    }

    /// The next data frame that waits, on any interface.
    fn waiting_frame(&mut self) -> Result<Option<Frame>, SocketError> {
        let count = self.interfaces.len();
        for step in 0..count {
            let turn = (self.turn + step) % count;
            let Some(interface) = self.interfaces.get_mut(turn) else { continue };
            if let Some(frame) = interface.waiting_frame(&mut self.mishaps)? {
                self.turn = turn + 1;
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }
}

impl Interface {
    fn waiting_frame(&mut self, mishaps: &mut Mishaps) -> Result<Option<Frame>, SocketError> {
        while self.has_more {
            let State::Open(fd) = &mut self.state else { return Ok(None) };
            match fd.get_mut().receive(self.number) {
                Ok((arrival, lost)) => {
                    mishaps.frames_lost += lost;
                    match arrival {
                        Arrival::Data(frame) => return Ok(Some(frame)),
                        Arrival::Error(id) => {
                            mishaps.error_frames += 1;
                            mishaps.bus_errors.count(id);
                        }
                        Arrival::Other => {}
                    }
                }
                Err(error) => self.meet(error, mishaps)?,
            }
        }
        Ok(None)
    }

    /// Sorts out what kept a frame from being read.
    fn meet(&mut self, error: io::Error, mishaps: &mut Mishaps) -> Result<(), SocketError> {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EAGAIN) => self.has_more = false,
            Some(Errno::EINTR) => {}
            // Said once; frames come again when it is up.
            Some(Errno::ENETDOWN) => {
                mishaps.interruptions += 1;
                tracing::warn!(interface = self.name, "the interface is down; waiting for it");
            }
            Some(Errno::ENODEV | Errno::ENXIO) => {
                mishaps.interruptions += 1;
                tracing::warn!(interface = self.name, "the interface is gone; waiting for it");
                self.state = State::Away;
            }
            _ => return Err(SocketError::Read { interface: self.name.clone(), source: error }),
        }
        Ok(())
    }

    /// Looks whether there is an error to read, or the interface is back.
    fn look(&mut self) {
        self.has_more = true;
        if matches!(self.state, State::Away)
            && let Ok(fd) = open(&self.name)
        {
            tracing::info!(interface = self.name, "the interface is back");
            self.state = State::Open(fd);
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe, for what holds here: a channel keeps its descriptor for life"
)]
fn open(interface: &str) -> io::Result<AsyncFd<Channel>> {
    AsyncFd::with_interest(Channel::open(interface)?, Interest::READABLE)
}

/// Ready when at least one interface has something. Readiness is cleared before anything is read, so
/// what arrives meanwhile makes it ready again.
fn poll_any(interfaces: &mut [Interface], context: &mut Context<'_>) -> Poll<()> {
    let mut poll = Poll::Pending;
    for interface in interfaces {
        let State::Open(fd) = &mut interface.state else { continue };
        if let Poll::Ready(Ok(mut guard)) = fd.poll_read_ready(context) {
            guard.clear_ready();
            interface.has_more = true;
            poll = Poll::Ready(());
        }
    }
    poll
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_interface_that_is_not_there_is_named() {
        let error = SocketReader::open(&["nocan7"]).unwrap_err();

        assert!(error.to_string().contains("`nocan7`"), "{error}");
    }

    #[tokio::test]
    async fn no_interface_and_too_many_are_refused() {
        for count in [0, 33] {
            let error = SocketReader::open(&vec!["can0"; count]).unwrap_err();
            assert!(matches!(error, SocketError::Number { actual } if actual == count), "{error}");
        }
    }
}
