//! Drives as text: the log format of `candump -l`, which the tools of can-utils read.

use std::fmt::{self, Display};
use std::io::{self, Write};

use telematics::time::MICROS_PER_SECOND;

use super::drive::SimFrame;

/// Writes `frames` as they would be logged on `interface`, and returns how many they were.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_candump(
    out: &mut impl Write,
    interface: &str,
    frames: impl IntoIterator<Item = SimFrame>,
) -> io::Result<u64> {
    let mut count = 0;
    for frame in frames {
        writeln!(out, "{}", Line { interface, frame })?;
        count += 1;
    }
    Ok(count)
}

struct Line<'a> {
    interface: &'a str,
    frame: SimFrame,
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.frame.time.as_micros();
        let (seconds, rest) =
            (micros.div_euclid(MICROS_PER_SECOND), micros.rem_euclid(MICROS_PER_SECOND));
        write!(f, "({seconds}.{rest:06}) {} {:03X}#", self.interface, self.frame.id)?;
        self.frame.bytes().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use telematics::Timestamp;

    use super::*;

    #[test]
    fn a_frame_is_a_line_as_candump_writes_it() {
        let frame = SimFrame {
            time: Timestamp::from_micros(1_436_509_052_049_713),
            id: 0x44,
            data: [0x2a, 0x36, 0x6c, 0x2b, 0x0a, 0, 0, 0],
            len: 5,
        };
        let mut out = Vec::new();

        assert_eq!(write_candump(&mut out, "can0", [frame, frame]).unwrap(), 2);
        let line = "(1436509052.049713) can0 044#2A366C2B0A\n";
        assert_eq!(String::from_utf8(out).unwrap(), line.repeat(2));
    }

    #[test]
    fn a_full_disk_is_reported() {
        let frame = SimFrame { time: Timestamp::from_micros(0), id: 1, data: [0; 8], len: 8 };
        let mut full = [0_u8; 10];

        assert!(write_candump(&mut full.as_mut_slice(), "can0", [frame]).is_err());
    }
}
