//! Error frames, counted by what went wrong on the bus.
//!
//! A controller reports what it met as a frame whose identifier has one bit for each class
//! (`linux/can/error.h`). One report may have several. They say whether wiring, bit rate or a computer of
//! the car is at fault, so an owner sees them apart.

use serde::{Deserialize, Serialize};

/// How often each class of errors was reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BusErrors {
    /// A transmission took too long.
    pub transmit_timeout: u64,
    /// Another computer's frame went first.
    pub arbitration_lost: u64,
    /// The controller's own state: overflow, warning, passive.
    pub controller: u64,
    /// Bits that break the protocol: mostly wiring or a wrong bit rate.
    pub protocol: u64,
    /// The transceiver: a wire is cut or short.
    pub transceiver: u64,
    /// Nobody acknowledged what was sent.
    pub no_acknowledgement: u64,
    /// The controller went off the bus.
    pub bus_off: u64,
    /// The bus was disturbed.
    pub bus_error: u64,
    /// The controller started again.
    pub restarted: u64,
    /// None of these.
    pub other: u64,
}

impl BusErrors {
    /// Bits of the identifier of an error frame that say what it is about.
    const CLASSES: u32 = 0x1FF;

    /// Counts an error frame by its identifier.
    pub fn count(&mut self, id: u32) {
        let classes = [
            (0x001, &mut self.transmit_timeout),
            (0x002, &mut self.arbitration_lost),
            (0x004, &mut self.controller),
            (0x008, &mut self.protocol),
            (0x010, &mut self.transceiver),
            (0x020, &mut self.no_acknowledgement),
            (0x040, &mut self.bus_off),
            (0x080, &mut self.bus_error),
            (0x100, &mut self.restarted),
        ];
        for (bit, counter) in classes {
            *counter += u64::from(id & bit != 0);
        }
        self.other += u64::from(id & Self::CLASSES == 0);
    }

    /// These and those.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        Self {
            transmit_timeout: self.transmit_timeout + more.transmit_timeout,
            arbitration_lost: self.arbitration_lost + more.arbitration_lost,
            controller: self.controller + more.controller,
            protocol: self.protocol + more.protocol,
            transceiver: self.transceiver + more.transceiver,
            no_acknowledgement: self.no_acknowledgement + more.no_acknowledgement,
            bus_off: self.bus_off + more.bus_off,
            bus_error: self.bus_error + more.bus_error,
            restarted: self.restarted + more.restarted,
            other: self.other + more.other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_frame_counts_in_each_of_its_classes() {
        let mut errors = BusErrors::default();
        for id in [0x2000_0080, 0x2000_0088, 0x2000_0200, 0x2000_0040] {
            errors.count(id);
        }
        let expected =
            BusErrors { bus_error: 2, protocol: 1, bus_off: 1, other: 1, ..BusErrors::default() };

        assert_eq!(errors, expected);
        assert_eq!(errors.plus(expected).bus_error, 4);
    }
}
