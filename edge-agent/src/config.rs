//! How one agent runs: a TOML file, then `AXLE_AGENT_…` variables on top of it.
//!
//! **Invariant:** an unknown key is an error, in the file and in the environment: a misspelt limit
//! must not silently become the default. Relative paths are relative to the file's folder.

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use telematics::Timestamp;
use telematics::payload::SAMPLES_MAX;

use crate::files;
use crate::metrics::Listen;
use crate::obd::ObdConfig;
use crate::spool::WhenFull;

/// Settings of one agent.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// The marketplace's door for cars, such as `https://market.example:7443`.
    pub marketplace_url: String,
    /// Folder of this agent: identity (made by `edge-agent enroll`), spool and status.
    pub data_dir: PathBuf,
    /// The car's DBC file.
    pub dbc: PathBuf,
    /// The mapping from its signals to VSS.
    pub map: PathBuf,
    /// CAN interface to listen on, such as `can0`. Either this or `replay`.
    pub interface: Option<String>,
    /// Further interfaces of the same car, each with files of its own.
    #[serde(default)]
    pub bus: Vec<BusConfig>,
    /// Whether the car is asked for what it does not say by itself. Off by default: nothing is sent.
    #[serde(default)]
    pub obd: ObdConfig,
    /// Recording to replay instead: a log of candump, Vector (ASC), PEAK (TRC), `SavvyCAN` and others,
    /// plain or gzip.
    pub replay: Option<PathBuf>,
    /// Replays only frames that were recorded on this interface, as the log calls it. All, when left
    /// out.
    pub replay_interface: Option<String>,
    /// Pace of the replay: a multiple of real time, or `flat-out`.
    #[serde(default)]
    pub replay_speed: ReplaySpeed,
    /// Gives the first frame of the replay this time (RFC 3339) and moves the others with it.
    #[serde(default, deserialize_with = "optional_time")]
    pub replay_starts_at: Option<Timestamp>,
    /// A batch is cut at this many samples or at the age below, whichever comes first.
    #[serde(default = "default_batch_samples_max")]
    pub batch_samples_max: NonZeroU32,
    /// Age of a batch, by the time of its samples and by the clock.
    #[serde(default = "default_batch_age_seconds_max")]
    pub batch_age_seconds_max: NonZeroU32,
    /// Disk given to batches that are not acknowledged yet, with what is kept beside each.
    #[serde(default = "default_spool_bytes_max")]
    pub spool_bytes_max: NonZeroU64,
    /// What happens on a live bus when that is full: `drop-oldest` drops the oldest batches that never left
    /// the car, `refuse-newest` stops reading. The marketplace is told what is lost. A replay waits.
    #[serde(default = "default_spool_full")]
    pub spool_full: WhenFull,
    /// A bus without a frame for this long puts the agent to sleep: no connection and no timers, until
    /// there is a frame again.
    #[serde(default = "default_quiet_after_seconds")]
    pub quiet_after_seconds: NonZeroU32,
    /// Days for which what is behind commitments is kept, encrypted, to be proven about. With 0 nothing
    /// is kept and nothing can be proven.
    #[serde(default = "default_proofs_retention_days")]
    pub proofs_retention_days: u32,
    /// Lets the car answer campaigns by itself, with proofs about what is under *prove*.
    #[serde(default)]
    pub answer_campaigns: bool,
    /// Time between two looks at the campaigns.
    #[serde(default = "default_claim_check_seconds")]
    pub claim_check_seconds: NonZeroU32,
    /// A claim is sent after a random part of this, so that its time tells nothing.
    #[serde(default = "default_claim_delay_seconds_max")]
    pub claim_delay_seconds_max: u32,
    /// What a claim was paid is moved to the owner's account after a random part of this: until then nobody knows whose car
    /// answered.
    #[serde(default = "default_sweep_delay_seconds_max")]
    pub sweep_delay_seconds_max: u32,
    /// A campaign is answered only when at least so many cars could have answered it, as far as the marketplace says.
    #[serde(default = "default_claim_vehicles_min")]
    pub claim_vehicles_min: u32,
    /// Folder of proving keys, with its `keys.json`. Needed to answer campaigns.
    pub proving_keys_dir: Option<PathBuf>,
    /// Takes keys that are for development only, with which anyone can forge.
    #[serde(default)]
    pub allow_dev_keys: bool,
    /// Offers metrics for Prometheus. When left out, the agent listens on nothing.
    pub metrics: Option<MetricsConfig>,
    /// Form of the log on standard error.
    #[serde(default)]
    pub log_format: LogFormat,
}

/// Where metrics are offered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// A loopback address, such as `127.0.0.1:9464`, or the path of a Unix socket.
    pub listen: Listen,
}

/// One more bus of the car.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusConfig {
    /// Its interface, such as `can1`.
    pub interface: String,
    /// Its DBC file.
    pub dbc: PathBuf,
    /// The mapping from its signals to VSS.
    pub map: PathBuf,
}

/// How fast a recording is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "SpeedText")]
pub enum ReplaySpeed {
    /// This multiple of the pace at which it was recorded.
    Times(f64),
    /// As fast as the computer can.
    FlatOut,
}

/// Form of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line, for programs.
    Json,
}

/// Where frames come from.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceConfig<'a> {
    /// Live interfaces, of bus 0, 1 and so on.
    Interfaces(Vec<&'a str>),
    /// A recording.
    Replay(&'a Path),
}

/// Why settings can not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Unreadable, malformed, incomplete or with an unknown key.
    #[error("{}: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Neither or both sources.
    #[error("{}: say either `interface = \"can0\"` or `replay = \"drive.log\"`, not both", path.display())]
    Source {
        /// The file.
        path: PathBuf,
    },
    /// A recording has one bus.
    #[error("{}: `[[bus]]` is for live interfaces; a replay has one bus", path.display())]
    BusOfReplay {
        /// The file.
        path: PathBuf,
    },
    /// A recording does not answer.
    #[error("{}: `[obd]` asks a car; a replay can not answer", path.display())]
    AskingReplay {
        /// The file.
        path: PathBuf,
    },
    /// Frames would be read twice.
    #[error("{}: the interface `{interface}` is named twice", path.display())]
    SameInterface {
        /// The file.
        path: PathBuf,
        /// Its name.
        interface: String,
    },
    /// Batches older than they may become.
    #[error("{}: `batch_age_seconds_max` is {actual}, at most {BATCH_AGE_SECONDS_LIMIT} is possible", path.display())]
    BatchTooOld {
        /// The file.
        path: PathBuf,
        /// What it says.
        actual: NonZeroU32,
    },
    /// Values kept for longer than ten years.
    #[error("{}: `proofs_retention_days` is {actual}, at most {RETENTION_DAYS_LIMIT} is possible", path.display())]
    RetentionTooLong {
        /// The file.
        path: PathBuf,
        /// What it says.
        actual: u32,
    },
    /// Campaigns can not be answered without keys.
    #[error("{}: `answer_campaigns` needs `proving_keys_dir`, the folder of the proving keys", path.display())]
    NoProvingKeys {
        /// The file.
        path: PathBuf,
    },
    /// More samples than a batch can have.
    #[error("{}: `batch_samples_max` is {actual}, a batch has at most {SAMPLES_MAX}", path.display())]
    BatchTooLarge {
        /// The file.
        path: PathBuf,
        /// What it says.
        actual: NonZeroU32,
    },
}

/// Longest age of a batch. Keeps a batch within the days that a payload may span, even when the clock
/// is set while it is open.
const BATCH_AGE_SECONDS_LIMIT: u32 = 3_600;
/// Multiples of real time: a time to wait that is divided by any of them is still one.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.001..=1_000_000.0;
/// Ten years: longer than most cars keep their computer.
const RETENTION_DAYS_LIMIT: u32 = 3_650;

impl AgentConfig {
    /// Reads the settings in `path` and the environment.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::read(path, config::Environment::with_prefix("AXLE_AGENT"))
    }

    fn read(path: &Path, environment: config::Environment) -> Result<Self, ConfigError> {
        let refuse = |error: config::ConfigError| ConfigError::Unusable {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let text = files::read_lines(path).map_err(|error| ConfigError::Unusable {
            path: path.to_owned(),
            reason: format!("cannot read it: {error}"),
        })?;
        let file = config::File::from_str(&text, config::FileFormat::Toml);
        let environment = environment.try_parsing(true).prefix_separator("_");
        let settings = config::Config::builder().add_source(file).add_source(environment);
        let read = settings.build().and_then(config::Config::try_deserialize::<Self>);
        read.map_err(refuse)?.checked(path)
    }

    fn checked(mut self, path: &Path) -> Result<Self, ConfigError> {
        if self.interface.is_some() == self.replay.is_some() {
            return Err(ConfigError::Source { path: path.to_owned() });
        }
        self.check_buses(path)?;
        let actual = self.batch_samples_max;
        if usize::try_from(actual.get()).is_ok_and(|samples| samples > SAMPLES_MAX) {
            return Err(ConfigError::BatchTooLarge { path: path.to_owned(), actual });
        }
        let actual = self.batch_age_seconds_max;
        if actual.get() > BATCH_AGE_SECONDS_LIMIT {
            return Err(ConfigError::BatchTooOld { path: path.to_owned(), actual });
        }
        let actual = self.proofs_retention_days;
        if actual > RETENTION_DAYS_LIMIT {
            return Err(ConfigError::RetentionTooLong { path: path.to_owned(), actual });
        }
        if self.answer_campaigns && self.proving_keys_dir.is_none() {
            return Err(ConfigError::NoProvingKeys { path: path.to_owned() });
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let paths = [&mut self.data_dir, &mut self.dbc, &mut self.map];
        let buses = self.bus.iter_mut().flat_map(|bus| [&mut bus.dbc, &mut bus.map]);
        let optional = self.replay.iter_mut().chain(&mut self.proving_keys_dir);
        let optional = optional.chain(&mut self.obd.templates);
        for relative in paths.into_iter().chain(buses).chain(optional) {
            *relative = folder.join(&*relative);
        }
        if let Some(MetricsConfig { listen: Listen::Socket(socket) }) = &mut self.metrics {
            *socket = folder.join(&*socket);
        }
        Ok(self)
    }

    fn check_buses(&self, path: &Path) -> Result<(), ConfigError> {
        if self.replay.is_some() && !self.bus.is_empty() {
            return Err(ConfigError::BusOfReplay { path: path.to_owned() });
        }
        if self.replay.is_some() && self.obd.enabled {
            return Err(ConfigError::AskingReplay { path: path.to_owned() });
        }
        let mut named = BTreeSet::from_iter(&self.interface);
        match self.bus.iter().find(|bus| !named.insert(&bus.interface)) {
            None => Ok(()),
            Some(BusConfig { interface, .. }) => Err(ConfigError::SameInterface {
                path: path.to_owned(),
                interface: interface.clone(),
            }),
        }
    }

    /// Where frames come from.
    #[must_use]
    pub fn source(&self) -> SourceConfig<'_> {
        match (&self.replay, &self.interface) {
            (Some(replay), _) => SourceConfig::Replay(replay),
            (None, first) => {
                let others = self.bus.iter().map(|bus| &bus.interface);
                SourceConfig::Interfaces(first.iter().chain(others).map(String::as_str).collect())
            }
        }
    }
}

impl Default for ReplaySpeed {
    fn default() -> Self {
        Self::Times(1.0)
    }
}

/// A speed as it is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum SpeedText {
    Times(f64),
    Word(String),
}

impl TryFrom<SpeedText> for ReplaySpeed {
    type Error = String;

    fn try_from(text: SpeedText) -> Result<Self, String> {
        match text {
            SpeedText::Times(times) if SPEEDS.contains(&times) => Ok(Self::Times(times)),
            SpeedText::Word(word) if word == "flat-out" => Ok(Self::FlatOut),
            SpeedText::Times(times) => Err(not_a_speed(&times.to_string())),
            SpeedText::Word(word) => Err(not_a_speed(&word)),
        }
    }
}

fn not_a_speed(text: &str) -> String {
    let (least, most) = (SPEEDS.start(), SPEEDS.end());
    format!(
        "`{text}` is not a replay speed; say a multiple of real time from {least} to {most}, or \"flat-out\""
    )
}

fn optional_time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

const fn default_batch_samples_max() -> NonZeroU32 {
    const { NonZeroU32::new(4_000).unwrap() }
}

const fn default_batch_age_seconds_max() -> NonZeroU32 {
    const { NonZeroU32::new(5).unwrap() }
}

const fn default_proofs_retention_days() -> u32 {
    90
}

const fn default_claim_check_seconds() -> NonZeroU32 {
    const { NonZeroU32::new(900).unwrap() }
}

const fn default_claim_delay_seconds_max() -> u32 {
    6 * 3_600
}

/// A week: the claims of many cars are moved meanwhile.
const fn default_sweep_delay_seconds_max() -> u32 {
    7 * 86_400
}

/// As many as a market sells rows of, at least.
const fn default_claim_vehicles_min() -> u32 {
    10
}

/// A week of driving two hours a day.
const fn default_spool_bytes_max() -> NonZeroU64 {
    const { NonZeroU64::new(256 << 20).unwrap() }
}

/// Buyers of live data want the present, and what is a week old was for sale for a week.
const fn default_spool_full() -> WhenFull {
    WhenFull::DropOldest
}

/// Longer than a stop at a level crossing with the engine off, shorter than what a battery notices.
const fn default_quiet_after_seconds() -> NonZeroU32 {
    const { NonZeroU32::new(120).unwrap() }
}

#[cfg(test)]
mod tests;
