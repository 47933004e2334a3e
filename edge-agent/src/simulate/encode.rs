//! From what the car measures to CAN frames, as its DBC says.
//!
//! Ids, bit layouts, units, multiplexing and cycle times are read from the DBC and nowhere else, so
//! whoever decodes with the same file gets back what was measured.
//!
//! **Invariant:** an [`Encoder`] has a quantity for each signal of its DBC.

use std::collections::BTreeSet;

use can_dbc::{AttributeValue, Dbc, Message, MessageId, MultiplexIndicator};
use telematics::unit::{Conversion, Incompatible, Unit, UnknownUnit};

use super::layout::{BeyondFrame, Layout};
use super::signals::{Quantity, quantity};
use super::vehicle::Vehicle;

/// The DBC attribute that says how often a message is sent.
const CYCLE_TIME: &str = "GenMsgCycleTime";

/// Why a DBC can not be spoken by the simulated car.
#[derive(Debug, thiserror::Error)]
pub(super) enum EncodeError {
    /// The text is no DBC.
    #[error("the DBC does not parse: {0:?}")]
    NotADbc(can_dbc::DbcError),
    /// A message with a 29-bit id or more than eight bytes.
    #[error("message {message} is not a classic CAN message with an 11-bit id")]
    NotClassic {
        /// Its name.
        message: String,
    },
    /// Nobody knows when to send it.
    #[error("message {message} has no {CYCLE_TIME} above 0")]
    NoCycleTime {
        /// Its name.
        message: String,
    },
    /// The car does not measure it.
    #[error("the car measures nothing called {signal} in message {message}")]
    UnknownSignal {
        /// Name of the message.
        message: String,
        /// Name of the signal.
        signal: String,
    },
    /// More than one multiplexer decides about it.
    #[error("signal {signal} of message {message} is multiplexed twice")]
    NestedMultiplexer {
        /// Name of the message.
        message: String,
        /// Name of the signal.
        signal: String,
    },
    /// The layout leaves the frame.
    #[error(transparent)]
    BeyondFrame(#[from] BeyondFrame),
    /// The DBC's unit is not one we know.
    #[error(transparent)]
    UnknownUnit(#[from] UnknownUnit),
    /// The DBC's unit is not one for what is measured.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
}

/// Writes the frames of all messages of a DBC.
#[derive(Clone, Debug)]
pub(super) struct Encoder {
    messages: Vec<MessageEncoder>,
}

/// Writes the frames of one message.
#[derive(Clone, Debug)]
pub(super) struct MessageEncoder {
    /// CAN id.
    pub(super) id: u32,
    /// Bytes of a frame.
    pub(super) len: u8,
    /// How often it is sent.
    pub(super) cycle_ms: u32,
    multiplexer: Option<Multiplexer>,
    signals: Vec<SignalEncoder>,
}

/// The signal that says which others are in a frame, and the values that it takes in turn.
#[derive(Clone, Debug)]
struct Multiplexer {
    layout: Layout,
    values: Vec<u32>,
}

#[derive(Clone, Debug)]
struct SignalEncoder {
    layout: Layout,
    quantity: Quantity,
    conversion: Conversion,
    /// The value of the multiplexer with which it is sent; always when there is none.
    only_with: Option<u32>,
}

impl Encoder {
    /// Reads a DBC.
    ///
    /// # Errors
    /// Refused when it does not parse, or has a signal that the car does not measure.
    pub(super) fn from_dbc(text: &str) -> Result<Self, EncodeError> {
        let dbc = Dbc::try_from(text).map_err(EncodeError::NotADbc)?;
        let messages = dbc.messages.iter().map(|message| MessageEncoder::read(&dbc, message));
        Ok(Self { messages: messages.collect::<Result<_, _>>()? })
    }

    /// The messages, in the order of the DBC.
    pub(super) fn messages(&self) -> impl Iterator<Item = &MessageEncoder> {
        self.messages.iter()
    }
}

impl MessageEncoder {
    fn read(dbc: &Dbc, message: &Message) -> Result<Self, EncodeError> {
        let name = || message.name.clone();
        let len = u8::try_from(message.size).ok().filter(|len| *len <= 8);
        let (MessageId::Standard(id), Some(len)) = (message.id, len) else {
            return Err(EncodeError::NotClassic { message: name() });
        };
        let cycle_ms =
            cycle_ms(dbc, message).ok_or_else(|| EncodeError::NoCycleTime { message: name() })?;
        let is_multiplexer = |signal: &&can_dbc::Signal| {
            signal.multiplexer_indicator == MultiplexIndicator::Multiplexor
        };
        let measured = message.signals.iter().filter(|signal| !is_multiplexer(signal));
        let signals = measured
            .map(|signal| SignalEncoder::read(message, signal))
            .collect::<Result<Vec<_>, _>>()?;
        let values: BTreeSet<u32> = signals.iter().filter_map(|signal| signal.only_with).collect();
        let multiplexer = message.signals.iter().find(is_multiplexer).map(|signal| {
            let layout = Layout::of(signal, message.size)?;
            Ok::<_, BeyondFrame>(Multiplexer { layout, values: values.into_iter().collect() })
        });
        let multiplexer = multiplexer.transpose()?;
        Ok(Self { id: id.into(), len, cycle_ms, multiplexer, signals })
    }

    /// Writes the frame number `turn` of this message, counted from 0, of a car in this state.
    #[must_use]
    pub(super) fn encode(&self, car: &Vehicle, turn: u32) -> [u8; 8] {
        let mut data = [0; 8];
        let chosen = self.multiplexer.as_ref().and_then(|multiplexer| {
            let value = *multiplexer.values.iter().cycle().nth(multiplexer.place(turn))?;
            multiplexer.layout.write(value.into(), &mut data);
            Some(value)
        });
        for signal in &self.signals {
            if signal.only_with.is_none() || signal.only_with == chosen {
                let measured = (signal.quantity.measure)(car);
                signal.layout.write(signal.conversion.apply(measured), &mut data);
            }
        }
        data
    }
}

impl Multiplexer {
    /// The place of the value whose turn it is.
    fn place(&self, turn: u32) -> usize {
        usize::try_from(turn).unwrap_or(0).checked_rem(self.values.len()).unwrap_or(0)
    }
}

impl SignalEncoder {
    fn read(message: &Message, signal: &can_dbc::Signal) -> Result<Self, EncodeError> {
        let names = || (message.name.clone(), signal.name.clone());
        let only_with = match signal.multiplexer_indicator {
            MultiplexIndicator::Plain | MultiplexIndicator::Multiplexor => None,
            MultiplexIndicator::MultiplexedSignal(value) => u32::try_from(value).ok(),
            MultiplexIndicator::MultiplexorAndMultiplexedSignal(_) => {
                let (message, signal) = names();
                return Err(EncodeError::NestedMultiplexer { message, signal });
            }
        };
        let quantity = quantity(&message.name, &signal.name).ok_or_else(|| {
            let (message, signal) = names();
            EncodeError::UnknownSignal { message, signal }
        })?;
        Ok(Self {
            layout: Layout::of(signal, message.size)?,
            conversion: Unit::parse(quantity.unit)?.conversion(Unit::parse(&signal.unit)?)?,
            quantity,
            only_with,
        })
    }
}

fn cycle_ms(dbc: &Dbc, message: &Message) -> Option<u32> {
    let millis = match dbc.resolved_message_attribute(message.id, CYCLE_TIME)? {
        AttributeValue::Uint(millis) => u32::try_from(*millis).ok(),
        AttributeValue::Int(millis) => u32::try_from(*millis).ok(),
        AttributeValue::Double(_) | AttributeValue::String(_) => None,
    };
    millis.filter(|millis| *millis > 0)
}

#[cfg(test)]
mod tests {
    use telematics::Timestamp;

    use super::super::profile::DriveProfile;
    use super::super::{DBC, MAP};
    use super::*;

    const HEAD: &str = "VERSION \"\"\nNS_ :\nBS_:\nBU_: A\n";
    const TAIL: &str =
        "BA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 60000;\nBA_DEF_DEF_ \"GenMsgCycleTime\" 100;\n";

    fn car() -> Vehicle {
        Vehicle::parked(&DriveProfile::from_seed(1, Timestamp::from_micros(0), 60))
    }

    fn encoder(messages: &str) -> Result<Encoder, EncodeError> {
        Encoder::from_dbc(&format!("{HEAD}{messages}{TAIL}"))
    }

    #[test]
    fn our_own_dbc_is_spoken_whole() {
        let encoder = Encoder::from_dbc(DBC).unwrap();
        let signals: usize = encoder.messages().map(|message| message.signals.len()).sum();

        assert_eq!(encoder.messages().count(), 13);
        assert_eq!(signals, 43);
    }

    /// The mapping names messages and signals that exist, and VSS paths with units that convert.
    #[test]
    fn our_own_mapping_fits_our_own_dbc_and_the_catalogue() {
        let dbc = Dbc::try_from(DBC).unwrap();
        let map: toml::Table = MAP.parse().unwrap();
        for (path, entry) in &map {
            let message = entry["message"].as_str().unwrap();
            let message = dbc.messages.iter().find(|other| other.name == message).expect(path);
            let signal = entry["signal"].as_str().unwrap();
            let signal = message.signals.iter().find(|other| other.name == signal).expect(path);
            let vss = telematics::Signal::by_path(path).unwrap();

            assert!(Unit::parse(&signal.unit).unwrap().conversion(vss.unit()).is_ok(), "{path}");
        }
        assert_eq!(map.len(), 43);
    }

    #[test]
    fn a_value_is_written_in_the_unit_of_the_dbc() {
        let mut car = car();
        car.speed = 10.0;
        for (unit, raw) in [("m/s", 1_000), ("km/h", 3_600)] {
            let text = format!(
                "BO_ 1 VehicleDynamics: 2 A\n SG_ Speed : 0|16@1+ (0.01,0) [0|0] \"{unit}\" A\n"
            );
            let encoder = encoder(&text).unwrap();
            let data = encoder.messages[0].encode(&car, 0);

            assert_eq!(u16::from_le_bytes([data[0], data[1]]), raw, "{unit}");
        }
    }

    #[test]
    fn multiplexed_signals_take_turns() {
        let encoder = Encoder::from_dbc(DBC).unwrap();
        let tyres = encoder.messages().find(|message| message.id == 1_024).unwrap();
        let car = car();

        let frames: Vec<_> = (0..8).map(|turn| tyres.encode(&car, turn)).collect();

        for (turn, frame) in frames.iter().enumerate() {
            let kpa = car.thermal.tyre_pressures_kpa()[turn % 4];
            assert_eq!(usize::from(frame[0]), turn % 4);
            assert!((f64::from(frame[1]) * 2.0 - kpa).abs() <= 1.0, "{frame:?} {kpa}");
        }
    }

    #[test]
    fn what_the_car_can_not_speak_is_refused() {
        let signal = " SG_ Speed : 0|16@1+ (0.01,0) [0|0] \"m/s\" A\n";
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("BO_ 1 VehicleDynamics: 2 A\n SG_ Colour : 0|8@1+ (1,0) [0|0] \"\" A\n",         "nothing called Colour"),
            ("BO_ 1 VehicleDynamics: 2 A\n SG_ Speed : 0|8@1+ (1,0) [0|0] \"furlong\" A\n",   "unknown unit"),
            ("BO_ 1 VehicleDynamics: 2 A\n SG_ Speed : 0|8@1+ (1,0) [0|0] \"kPa\" A\n",       "can not be converted"),
            ("BO_ 1 VehicleDynamics: 2 A\n SG_ Speed : 9|8@1+ (1,0) [0|0] \"m/s\" A\n",       "do not fit"),
            ("BO_ 1 VehicleDynamics: 2 A\n SG_ Speed m1M : 0|8@1+ (1,0) [0|0] \"m/s\" A\n",   "multiplexed twice"),
        ];
        for (text, expected) in cases {
            let error = encoder(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        for message in ["BO_ 2566844672 VehicleDynamics: 8 A\n", "BO_ 1 VehicleDynamics: 64 A\n"] {
            let error = encoder(&format!("{message}{signal}")).unwrap_err();
            assert!(error.to_string().contains("not a classic"), "{error}");
        }
        let without = format!("{HEAD}BO_ 1 VehicleDynamics: 2 A\n{signal}");
        let error = Encoder::from_dbc(&without).unwrap_err();
        assert!(error.to_string().contains("no GenMsgCycleTime"), "{error}");
        assert!(matches!(Encoder::from_dbc("nonsense"), Err(EncodeError::NotADbc(_))));
    }
}
