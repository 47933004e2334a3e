//! Live CAN interfaces, classic and FD, through Linux SocketCAN.
//!
//! Each frame carries the time at which the kernel took it in, which a busy computer may read much
//! later, so reading can afford to rest: after everything that waited was read, nothing is asked for a
//! few milliseconds. A full bus then costs a hundred wake-ups a second, not thousands.
//!
//! An interface that goes down is waited for, and one that goes away is opened again when it is back; the
//! kernel tells of all three. Error frames are counted by class; remote frames carry no data and are passed
//! over.
//!
//! **Invariant:** reading never writes to a bus. What may be asked of a car is in [`crate::obd`]. On a bus that
//! sleeps, nothing here wakes the computer.

use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use nix::errno::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

use super::bus_errors::BusErrors;
use super::channel::{Arrival, Channel};
use super::frame::Frame;
use super::links::Links;

/// How long reading rests when everything was read.
pub(super) const REST: Duration = Duration::from_millis(10);
/// Frames, and errors: that the interface is down or gone.
const NEWS: Interest = Interest::READABLE.add(Interest::ERROR);
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
    /// Tells when one that is away is back; none while all are there.
    links: Option<Links>,
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
        let mishaps = Mishaps::default();
        Ok(Self { interfaces, turn: 0, rest_until: None, links: None, mishaps })
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
            self.watch_for_absent();
            let back = async {
                match &self.links {
                    Some(links) => links.change().await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = arrival(&mut self.interfaces) => {
                    self.rest_until = Some(Instant::now() + REST);
                }
                () = back => self.interfaces.iter_mut().for_each(Interface::reopen),
            }
        }
    }

    /// Listens for the return of interfaces that are away.
    fn watch_for_absent(&mut self) {
        let is_away = |interface: &Interface| matches!(interface.state, State::Away);
        if !self.interfaces.iter().any(is_away) {
            self.links = None;
        } else if self.links.is_none() {
            self.links = Some(Links::watch());
            // One that is back already is told no more.
            self.interfaces.iter_mut().for_each(Interface::reopen);
        }
    }

    /// The next data frame that waits, on any interface.
    ///
    /// # Errors
    /// When an interface can not be read.
    pub fn waiting_frame(&mut self) -> Result<Option<Frame>, SocketError> {
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

    /// Waits for a frame, or for news such as that it went down.
    async fn arrival(&mut self) {
        let State::Open(fd) = &self.state else { return pending().await };
        match fd.ready(NEWS).await {
            // Cleared before anything is read, so what arrives meanwhile makes it ready again.
            Ok(mut guard) => {
                guard.clear_ready();
                self.has_more = true;
            }
            // The program ends.
            Err(_) => pending().await,
        }
    }

    /// Opens it again, if it was away and is back.
    fn reopen(&mut self) {
        if matches!(self.state, State::Away)
            && let Ok(fd) = open(&self.name)
        {
            tracing::info!(interface = self.name, "the interface is back");
            self.state = State::Open(fd);
            self.has_more = true;
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe, for what holds here: a channel keeps its descriptor for life"
)]
fn open(interface: &str) -> io::Result<AsyncFd<Channel>> {
    AsyncFd::with_interest(Channel::open(interface)?, NEWS)
}

/// Ready when at least one interface has something.
async fn arrival(interfaces: &mut [Interface]) {
    type Wait<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
    let mut waits: Vec<Wait<'_>> = Vec::with_capacity(interfaces.len());
    for interface in interfaces {
        waits.push(Box::pin(interface.arrival()));
    }
    poll_fn(|context| {
        let is_ready = |wait: &mut Wait<'_>| wait.as_mut().poll(context).is_ready();
        if waits.iter_mut().any(is_ready) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
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
