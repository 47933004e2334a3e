//! A [`Session`] with a live bus: what is to be sent goes to a [`Transmitter`].

use std::path::Path;
use std::time::Duration;

use telematics::{Sample, Timestamp};

use super::findings::Findings;
use super::session::Session;
use super::settings::ObdConfig;
use super::template::{TemplateError, Templates};
use super::transmitter::{Sent, TransmitError, Transmitter};
use super::vin::FingerprintKey;
use crate::frames::Frame;

/// Why a car can not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ObdError {
    /// See [`TransmitError`].
    #[error(transparent)]
    Transmit(#[from] TransmitError),
    /// See [`TemplateError`].
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Its answers would not be heard.
    #[error("`[obd]` asks on `{interface}`, which is none of the interfaces that are listened to")]
    Interface {
        /// What the settings say.
        interface: String,
    },
}

/// Asks on one bus.
#[derive(Debug)]
pub struct Asker {
    bus: u8,
    session: Session,
    transmitter: Transmitter,
    /// True while sending fails, so that it is said once.
    failing: bool,
}

impl Asker {
    /// How often [`Self::send`] is called while the bus is awake.
    pub const PERIOD: Duration = Duration::from_millis(25);

    /// Asks as `config` says on one of `interfaces`, or `None` when it is off.
    ///
    /// # Errors
    /// When the interface or the file of templates can not be used.
    pub fn open(
        config: &ObdConfig,
        interfaces: &[&str],
        key: FingerprintKey,
        now: Timestamp,
    ) -> Result<Option<Self>, ObdError> {
        if !config.enabled {
            return Ok(None);
        }
        let first = interfaces.first().copied().unwrap_or_default();
        let interface = config.interface.as_deref().unwrap_or(first);
        let bus = interfaces.iter().position(|other| *other == interface);
        let Some(bus) = bus.and_then(|bus| u8::try_from(bus).ok()) else {
            return Err(ObdError::Interface { interface: interface.to_owned() });
        };
        let load = |path: &std::path::PathBuf| Templates::load(Path::new(path));
        let templates = config.templates.as_ref().map(load).transpose()?.unwrap_or_default();
        let transmitter = Transmitter::open(interface)?;
        let session = Session::new(config, templates, key, now);
        tracing::info!(interface, "asking the car is on");
        Ok(Some(Self { bus, session, transmitter, failing: false }))
    }

    /// The same, that leaves the car alone when it is out of use for so many seconds.
    #[must_use]
    pub fn resting_after(self, seconds: u32) -> Self {
        Self { session: self.session.resting_after(seconds), ..self }
    }

    /// Takes a frame, of any bus, and hands out the samples that it ends. True for a sign of life: see
    /// [`Session::hear`].
    pub fn hear(&mut self, frame: &Frame, take: impl FnMut(Sample)) -> bool {
        if frame.bus == self.bus {
            return self.session.hear(frame, take);
        }
        self.session.hear_elsewhere(frame.time);
        true
    }

    /// Time until [`Self::send`] is to be called, if no frame comes before; never on a bus that sleeps.
    #[must_use]
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        let micros = self.session.next_at(now)?.micros_since(now);
        let wait = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
        Some(wait.max(Self::PERIOD))
    }

    /// Sends what is due.
    pub fn send(&mut self, now: Timestamp) {
        while let Some(frame) = self.session.next(now) {
            match self.transmitter.send(&frame) {
                Ok(Sent::Yes) => self.failing = false,
                Ok(Sent::Busy) => self.session.unsent(now),
                Err(error) => {
                    self.session.unsent(now);
                    if !self.failing {
                        tracing::warn!(error = crate::status::chain_text(&error), "not asked");
                    }
                    self.failing = true;
                }
            }
        }
    }

    /// What the car has said about itself.
    #[must_use]
    pub const fn findings(&self) -> &Findings {
        self.session.findings()
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn nothing_is_opened_while_asking_is_off() {
        let key = FingerprintKey::new(&[1; 32]);
        let config = ObdConfig::default();
        assert!(Asker::open(&config, &["nocan7"], key.clone(), T0).unwrap().is_none());

        let config = ObdConfig { enabled: true, ..config };
        let error = Asker::open(&config, &["nocan7"], key.clone(), T0).unwrap_err().to_string();
        assert!(error.contains("`nocan7`"), "{error}");
        let config = ObdConfig { interface: Some("can3".to_owned()), ..config };
        let error = Asker::open(&config, &["nocan7"], key, T0).unwrap_err().to_string();
        assert!(error.contains("asks on `can3`"), "{error}");
    }
}
