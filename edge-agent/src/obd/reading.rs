//! One signal in the bytes of an answer: where it is, and what it is worth.

use telematics::unit::Conversion;
use telematics::{Sample, Signal, Timestamp};

/// How a signal is read from the bytes that follow the head of an answer. The first byte is the highest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    /// The signal of the catalogue.
    pub signal: Signal,
    /// From the unit of `scale` and `offset` to the catalogue's.
    pub conversion: Conversion,
    /// Bytes before it.
    pub at: usize,
    /// Bytes of it, 1 to 8.
    pub bytes: usize,
    /// Those of its bits that count.
    pub mask: u64,
    /// True when the highest bit is a sign.
    pub is_signed: bool,
    /// Physical value of one step.
    pub scale: f64,
    /// Physical value of zero.
    pub offset: f64,
}

impl Reading {
    /// The sample in `data`; none when it is too short or the value is not possible.
    pub(super) fn sample(&self, time: Timestamp, data: &[u8]) -> Option<Sample> {
        let bytes = data.get(self.at..)?.get(..self.bytes)?;
        let raw = bytes.iter().fold(0, |raw: u64, byte| raw << 8 | u64::from(*byte)) & self.mask;
        let unused = 64_usize.checked_sub(self.bytes * 8)?;
        #[expect(
            clippy::as_conversions,
            clippy::cast_precision_loss,
            reason = "values of cars are far below 2^53, and the catalogue refuses larger ones"
        )]
        let number = if self.is_signed {
            ((raw << unused).cast_signed() >> unused) as f64
        } else {
            raw as f64
        };
        let physical = self.conversion.apply(number * self.scale + self.offset);
        Some(Sample { signal: self.signal, time, value: self.signal.value(physical)? })
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;
    use telematics::unit::Unit;

    use super::*;

    #[test]
    fn bytes_become_values_in_the_catalogues_unit() {
        let signal = Signal::by_path("Vehicle.Powertrain.TractionBattery.CurrentCurrent").unwrap();
        let conversion = Unit::parse("A").unwrap().conversion(signal.unit()).unwrap();
        let reading = Reading {
            signal,
            conversion,
            at: 1,
            bytes: 2,
            mask: u64::MAX,
            is_signed: true,
            scale: 0.1,
            offset: 0.0,
        };
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("positive",    reading,                                              &[9, 0x00, 0x64][..], Some(1_000)),
            ("negative",    reading,                                              &[9, 0xFF, 0x9C],     Some(-1_000)),
            ("unsigned",    Reading { is_signed: false, at: 0, bytes: 1, ..reading }, &[0xFF],          Some(2_550)),
            ("masked",      Reading { mask: 0x0F, ..reading },                    &[9, 0xFF, 0xF1],     Some(10)),
            ("offset",      Reading { offset: -40.0, ..reading },                 &[9, 0, 0],           Some(-4_000)),
            ("too short",   reading,                                              &[9, 1],              None),
            ("impossible",  Reading { scale: 100.0, ..reading },                  &[9, 0x7F, 0xFF],     None),
        ];
        for (name, reading, data, expected) in cases {
            let raw = reading.sample(T0, data).map(|sample| sample.value.raw());
            assert_eq!(raw, expected, "{name}");
        }
    }
}
