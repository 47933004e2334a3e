//! The owner's file of UDS requests: what this model of car can be asked beyond OBD.
//!
//! ```toml
//! [[did]]                                      # service 22
//! request = 0x7E4                              # 11 bits, 700 to 7FF; or 29 bits, 0x18DA10F1
//! response = 0x7EC                             # of 29 bits 0x18DAF110, of the computer that was asked
//! did = 0x0101
//! interval_seconds = 10
//!
//! [[did.signal]]
//! path = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current"
//! byte = 4                                     # bytes after the identifier, from 0
//! bytes = 1                                    # 1 to 8, the highest first
//! signed = false                               # as it is when left out
//! scale = 0.5
//! offset = 0.0
//! unit = "percent"
//!
//! [[codes]]                                    # service 19 02
//! request = 0x7E4
//! response = 0x7EC
//! ```
//!
//! **Invariant:** a template names reads only, to identifiers of diagnosis; what else a file says is refused
//! when it is loaded, and nothing of UDS is asked that no file names.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use telematics::Signal;
use telematics::unit::{Incompatible, Unit, UnknownUnit};
use telematics::vss::UnknownSignal;

use super::allowed::{Address, AllowedRequest};
use super::reading::Reading;
use crate::files;
use crate::frames::CanId;

/// Requests in one file.
const REQUESTS_MAX: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    did: Vec<DidEntry>,
    #[serde(default)]
    codes: Vec<CodesEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DidEntry {
    request: u32,
    response: u32,
    did: u16,
    interval_seconds: NonZeroU32,
    signal: Vec<SignalEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CodesEntry {
    request: u32,
    response: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalEntry {
    path: String,
    byte: usize,
    bytes: usize,
    #[serde(default)]
    signed: bool,
    scale: f64,
    #[serde(default)]
    offset: f64,
    unit: String,
}

/// One request of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Template {
    pub request: AllowedRequest,
    /// The identifier of its answer.
    pub response: CanId,
    pub period_seconds: i64,
    pub readings: Vec<Reading>,
}

/// The requests of a file; none by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Templates(Vec<Template>);

/// Why a file can not be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It can not be read.
    #[error("cannot read the UDS requests in {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not TOML of the expected form.
    #[error("{} is no file of UDS requests", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A request can not be used.
    #[error("{}: request {request:03X}: {problem}", path.display())]
    Request {
        /// The file.
        path: PathBuf,
        /// The identifier of the request.
        request: u32,
        /// What is wrong with it.
        problem: TemplateProblem,
    },
    /// More than a car should bear.
    #[error("{} has {actual} requests, at most {REQUESTS_MAX} are possible", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// How many it has.
        actual: usize,
    },
}

/// What is wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateProblem {
    /// The identifier is that of traffic.
    #[error("`{0:03X}` is not an identifier of diagnosis, 700 to 7FF or 18DA00F1 to 18DAFFF1")]
    Identifier(u32),
    /// A computer of 29 bits answers as itself.
    #[error("`response` is {actual:03X}, the computer answers with {expected}")]
    Response {
        /// What the file says.
        actual: u32,
        /// The identifier of its answers.
        expected: CanId,
    },
    /// The answer would be the question.
    #[error("`response` is the identifier of the request")]
    SameIdentifier,
    /// The signal is none.
    #[error(transparent)]
    Path(#[from] UnknownSignal),
    /// The unit is none.
    #[error(transparent)]
    Unit(#[from] UnknownUnit),
    /// The unit measures something else.
    #[error(transparent)]
    Conversion(#[from] Incompatible),
    /// No number has this size.
    #[error("{path}: `bytes = {bytes}`, from 1 to 8 are possible")]
    Bytes {
        /// The signal.
        path: String,
        /// What the file says.
        bytes: usize,
    },
    /// No number to scale with.
    #[error("{path}: `scale` and `offset` are not both finite, or `scale` is 0")]
    Scale {
        /// The signal.
        path: String,
    },
}

impl Templates {
    /// Reads a file.
    ///
    /// # Errors
    /// When it can not be read, or asks what must not be asked.
    pub fn load(path: &Path) -> Result<Self, TemplateError> {
        let refuse = |source| TemplateError::Unreadable { path: path.to_owned(), source };
        Self::parse(path, &files::read_lines(path).map_err(refuse)?)
    }

    /// Reads the content of a file; `path` is for messages only.
    ///
    /// # Errors
    /// When it is malformed, or asks what must not be asked.
    pub fn parse(path: &Path, text: &str) -> Result<Self, TemplateError> {
        let file: File = toml::from_str(text).map_err(|source| TemplateError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let actual = file.did.len() + file.codes.len();
        if actual > REQUESTS_MAX {
            return Err(TemplateError::TooMany { path: path.to_owned(), actual });
        }
        let dids = file.did.iter().map(|entry| (entry.request, did(entry)));
        let codes = file.codes.iter().map(|entry| (entry.request, codes(entry)));
        let refuse =
            |request, problem| TemplateError::Request { path: path.to_owned(), request, problem };
        let templates = dids.chain(codes);
        let templates = templates.map(|(id, made)| made.map_err(|problem| refuse(id, problem)));
        Ok(Self(templates.collect::<Result<_, _>>()?))
    }

    /// The requests.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Template> {
        self.0.iter()
    }

    /// Who it is that answers with `id`.
    pub(super) fn of_answer(&self, id: CanId) -> Option<Address> {
        let template = self.0.iter().find(|template| template.response == id);
        template.map(|template| template.request.to())
    }
}

fn did(entry: &DidEntry) -> Result<Template, TemplateProblem> {
    let (to, response) = addresses(entry.request, entry.response)?;
    let readings = entry.signal.iter().map(reading).collect::<Result<_, _>>()?;
    let request = AllowedRequest::identifier(to, entry.did);
    let period_seconds = entry.interval_seconds.get().into();
    Ok(Template { request, response, period_seconds, readings })
}

fn codes(entry: &CodesEntry) -> Result<Template, TemplateProblem> {
    let (to, response) = addresses(entry.request, entry.response)?;
    let (request, period_seconds) = (AllowedRequest::codes(to), super::session::CODES_SECONDS);
    Ok(Template { request, response, period_seconds, readings: Vec::new() })
}

fn addresses(request: u32, response: u32) -> Result<(Address, CanId), TemplateProblem> {
    if request == response {
        return Err(TemplateProblem::SameIdentifier);
    }
    let address = |id: u32| match u16::try_from(id) {
        Ok(short) => Address::one_11(short).ok_or(TemplateProblem::Identifier(id)),
        Err(_) => Address::one_29(id).ok_or(TemplateProblem::Identifier(id)),
    };
    let to = address(request)?;
    let answers = match to.answer_id() {
        None => address(response)?.id(),
        Some(expected) if expected == CanId::Extended(response) => expected,
        Some(expected) => return Err(TemplateProblem::Response { actual: response, expected }),
    };
    match (to, answers) {
        (Address::One11(_), CanId::Extended(_)) => Err(TemplateProblem::Identifier(response)),
        _ => Ok((to, answers)),
    }
}

fn reading(entry: &SignalEntry) -> Result<Reading, TemplateProblem> {
    let signal = Signal::by_path(&entry.path)?;
    let conversion = Unit::parse(&entry.unit)?.conversion(signal.unit())?;
    if !(1..=8).contains(&entry.bytes) {
        return Err(TemplateProblem::Bytes { path: entry.path.clone(), bytes: entry.bytes });
    }
    let (scale, offset) = (entry.scale, entry.offset);
    if !scale.is_normal() || !offset.is_finite() {
        return Err(TemplateProblem::Scale { path: entry.path.clone() });
    }
    Ok(Reading {
        signal,
        conversion,
        at: entry.byte,
        bytes: entry.bytes,
        mask: u64::MAX,
        is_signed: entry.signed,
        scale,
        offset,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DID: &str = "[[did]]\nrequest = 0x7E4\nresponse = 0x7EC\ndid = 0x0101\n\
        interval_seconds = 10\n[[did.signal]]\n\
        path = \"Vehicle.Powertrain.TractionBattery.StateOfCharge.Current\"\n\
        byte = 4\nbytes = 1\nscale = 0.5\nunit = \"percent\"\n";

    /// The same, of a computer of 29 bits.
    fn long(response: &str) -> String {
        DID.replace("0x7E4", "0x18DA10F1").replace("0x7EC", response)
    }

    fn parse(text: &str) -> Result<Templates, TemplateError> {
        Templates::parse(Path::new("car.obd.toml"), text)
    }

    #[test]
    fn a_hostile_file_is_refused_in_few_words() {
        crate::files::tests::check_hostile_toml(|path| {
            Templates::load(path).map_err(|error| crate::status::chain_text(&error))
        });
    }

    #[test]
    fn a_file_becomes_requests() {
        let codes = "[[codes]]\nrequest = 0x7E0\nresponse = 0x7E8\n";
        let templates = parse(&format!("{DID}{codes}")).unwrap();
        let frames: Vec<_> = templates.iter().map(|template| template.request.frame()).collect();

        assert_eq!(frames[0].data(), [3, 0x22, 1, 1, 0, 0, 0, 0]);
        assert_eq!(frames[1].data(), [3, 0x19, 2, 0x0D, 0, 0, 0, 0]);
        let address = templates.of_answer(CanId::Standard(0x7EC));
        assert_eq!(address.map(Address::id), Some(CanId::Standard(0x7E4)));
        let long = parse(&long("0x18DAF110")).unwrap();
        let frame = long.iter().next().unwrap().request.frame();
        assert_eq!((frame.id(), frame.data()[1]), (CanId::Extended(0x18DA_10F1), 0x22));
        let address = long.of_answer(CanId::Extended(0x18DA_F110));
        assert_eq!(address.map(Address::id), Some(CanId::Extended(0x18DA_10F1)));
        assert_eq!(parse("").unwrap(), Templates::default());
    }

    #[test]
    fn what_must_not_be_asked_is_refused_by_name() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("traffic",         DID.replace("0x7E4", "0x0B4"),                "`0B4` is not an identifier of diagnosis"),
            ("beyond 11 bits",  DID.replace("0x7EC", "0x800"),                "`800` is not an identifier of diagnosis"),
            ("29 bits traffic", DID.replace("0x7E4", "0x18FEF100"),           "`18FEF100` is not an identifier of diagnosis"),
            ("to everybody",    DID.replace("0x7E4", "0x18DB33F1"),           "`18DB33F1` is not an identifier of diagnosis"),
            ("11 asked, 29 answers", DID.replace("0x7EC", "0x18DA10F1"),      "`18DA10F1` is not an identifier of diagnosis"),
            ("another answers", long("0x18DAF111"),                           "answers with 18DAF110"),
            ("11 answers 29",   long("0x7EC"),                                "answers with 18DAF110"),
            ("itself",          DID.replace("0x7EC", "0x7E4"),                "identifier of the request"),
            ("another service", DID.replace("[[did]]", "[[did]]\nservice = 0x2E"), "no file of UDS requests"),
            ("no signal",       DID.replace("StateOfCharge", "Charge"),       "is not a signal"),
            ("no unit",         DID.replace("percent", "parts"),              "parts"),
            ("another unit",    DID.replace("percent", "km"),                 "km can not be converted"),
            ("nine bytes",      DID.replace("bytes = 1", "bytes = 9"),        "`bytes = 9`"),
            ("no scale",        DID.replace("0.5", "nan"),                    "not both finite"),
            ("no interval",     DID.replace("= 10", "= 0"),                   "no file of UDS requests"),
            ("too many",        DID.repeat(65),                               "65 requests, at most 64"),
        ];
        for (name, text, expected) in cases {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
            assert!(error.contains("car.obd.toml"), "{name}: {error}");
        }
        assert!(Templates::load(Path::new("/nowhere/car.obd.toml")).is_err());
    }
}
