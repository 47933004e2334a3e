//! How one marketplace runs: a TOML file, then `AXLE_MARKETPLACE_*` variables on top.
//!
//! **Invariant:** an unknown key is an error, because a misspelt limit must not silently become the
//! default. Every setting has a default, so that an empty file is a working market on one machine.

mod place;
mod retention;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use place::{LakePlace, NotAPlace};
pub use retention::Retention;
use serde::Deserialize;
use telematics::Offer;

/// The variable that names the file with the settings.
pub const FILE_VARIABLE: &str = "AXLE_MARKETPLACE_CONFIG";

/// Beyond a week Delta Lake forgets which files it took out of a table, so they could go too early.
const VACUUM_AFTER_HOURS_MAX: u32 = 7 * 24;

/// A setting that reads, and is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// What a buyer may still get would be gone.
    #[error(
        "vacuum_after_hours = {hours} is too short: a quote holds for quote_valid_seconds = {valid_seconds}, and its \
         order may take deliver_within_seconds = {deliver_seconds}; set at least {hours_min}"
    )]
    VacuumTooEarly {
        /// What is set.
        hours: u32,
        /// How long a quote can be bought.
        valid_seconds: u32,
        /// How long delivery may take.
        deliver_seconds: u32,
        /// What would do.
        hours_min: u64,
    },
    /// Longer than the table remembers.
    #[error(
        "vacuum_after_hours = {hours} is too long: set at most {VACUUM_AFTER_HOURS_MAX}, a week"
    )]
    VacuumTooLate {
        /// What is set.
        hours: u32,
    },
    /// More than are counted.
    #[error(
        "vehicles_min = {vehicles_min} is too much: vehicles that hide one another are counted up to {}",
        Offer::VEHICLES_COUNTED_MAX
    )]
    TooManyToHide {
        /// What is set.
        vehicles_min: u32,
    },
    /// Less than nothing would be given.
    #[error(
        "reward_decay_basis_points_per_year = {decay} is too much: set at most 10000, all of it"
    )]
    DecayTooLarge {
        /// What is set.
        decay: u32,
    },
}

/// Settings of one marketplace.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder for everything that is not configured elsewhere: database, lake, search index, the
    /// certificate authority, delivered files.
    pub data_dir: PathBuf,
    /// `postgres://…`, or the path of an SQLite file. Default: `marketplace.db` in `data_dir`.
    pub database_url: Option<String>,
    /// Where the Delta table of samples is: a folder, or `s3://bucket/prefix`. Default: `lake` in
    /// `data_dir`.
    pub lake: Option<LakePlace>,
    /// Where owners and buyers reach the REST API.
    pub rest_address: SocketAddr,
    /// Where cars reach the gRPC services, over TLS 1.3.
    pub grpc_address: SocketAddr,
    /// Host names and addresses that cars use for `grpc_address`; they go into its certificate.
    pub grpc_host_names: Vec<String>,
    /// How often accepted batches are moved to the lake and datasets are described again.
    pub flush_interval_seconds: u64,
    /// Commits of the lake after which its small files are merged into large ones.
    pub compact_after_commits: u32,
    /// Hours after which a file goes that the newest version of the lake does not name any more.
    pub vacuum_after_hours: u32,
    /// Whether this market delivers and refunds orders. Of several on one database one does: delivered
    /// files are in its `data_dir`, and buyers fetch them from it.
    pub deliver_orders: bool,
    /// How often the root of the open epoch is published, when leaves were added.
    pub root_interval_seconds: u64,
    /// Folder of the verifying keys of proofs: `keys.json` and a `.vk` file for each circuit. Without it
    /// no campaigns can be opened and no proofs are taken.
    pub keys_dir: Option<PathBuf>,
    /// Whether keys for development may be in `keys_dir`. Anyone can forge proofs under them.
    pub allow_dev_keys: bool,
    /// How much cars may send.
    pub ingest: Ingest,
    /// The rules of the market.
    pub rules: Rules,
    /// How long samples are kept.
    pub retention: Retention,
    /// What one question over the lake may cost.
    pub questions: QuestionLimits,
    /// How log lines look.
    pub log_format: LogFormat,
}

/// How much cars may send. What is beyond is refused with the time to wait, and nothing of it is lost: cars
/// keep what was not acknowledged.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ingest {
    /// Cars that stream at the same time.
    pub streams_max: usize,
    /// Payload that is being worked on, of all cars.
    pub waiting_bytes_max: u64,
    /// Payload that one car may send in the long run: about two bytes are a sample.
    pub vehicle_bytes_per_second: u64,
    /// Payload that one car may send at once, after a time without network.
    pub vehicle_burst_bytes: u64,
    /// How often a stream asks whether its vehicle may still come in.
    pub access_check_seconds: u64,
}

/// The rules of the market, published to everyone who trades on it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// The market's share of each sale, in hundredths of a percent.
    pub fee_basis_points: u32,
    /// Vehicles that must be in a dataset before it can be sold, so that nobody stands alone in it.
    pub vehicles_min: u32,
    /// How long a quote can be bought.
    pub quote_valid_seconds: u32,
    /// How long the market may take to deliver before the buyer has his tokens back.
    pub deliver_within_seconds: u32,
    /// Tokens that are given to whoever shared, in each week of the market's first year. 0 gives none.
    pub reward_pool_tokens_per_week: u32,
    /// By how much less that is in each year than in the one before, in hundredths of a percent.
    pub reward_decay_basis_points_per_year: u32,
}

/// What one question over the lake may cost. A question that would cost more is refused with the limit that
/// it breaks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuestionLimits {
    /// Time that it may ask about.
    pub span_days_max: u32,
    /// Vehicles x intervals x signals that it may ask for.
    pub cells_max: u64,
    /// Rows that its answer may have, and segments.
    pub rows_max: u64,
    /// How long it may take.
    pub seconds_max: u64,
    /// Memory that it may take; four times as much may lie in temporary files.
    pub memory_mib_max: u64,
    /// Questions that are answered at the same time; others wait as long as one may take.
    pub at_once_max: u16,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("axle-data/marketplace"),
            database_url: None,
            lake: None,
            rest_address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            grpc_address: SocketAddr::from(([127, 0, 0, 1], 7443)),
            grpc_host_names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            flush_interval_seconds: 2,
            compact_after_commits: 64,
            vacuum_after_hours: 24,
            deliver_orders: true,
            root_interval_seconds: 60,
            keys_dir: None,
            allow_dev_keys: false,
            ingest: Ingest::default(),
            rules: Rules::default(),
            retention: Retention::default(),
            questions: QuestionLimits::default(),
            log_format: LogFormat::Text,
        }
    }
}

impl Default for Ingest {
    fn default() -> Self {
        Self {
            streams_max: 10_000,
            waiting_bytes_max: 256 << 20,
            vehicle_bytes_per_second: 128 << 10,
            vehicle_burst_bytes: 1 << 30,
            access_check_seconds: 30,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            fee_basis_points: 500,
            vehicles_min: 10,
            quote_valid_seconds: 900,
            deliver_within_seconds: 3_600,
            reward_pool_tokens_per_week: 10_000,
            reward_decay_basis_points_per_year: 1_500,
        }
    }
}

impl Default for QuestionLimits {
    fn default() -> Self {
        Self {
            span_days_max: 366,
            cells_max: 200_000,
            rows_max: 100_000,
            seconds_max: 30,
            memory_mib_max: 256,
            at_once_max: 4,
        }
    }
}

impl Config {
    /// Reads `file`, when there is one, and lays the environment over it.
    ///
    /// A nested key has two underscores: `AXLE_MARKETPLACE_RULES__VEHICLES_MIN=12`. Paths in the
    /// file are taken from the working directory.
    ///
    /// # Errors
    /// A file that can not be read, an unknown key, a value of another type and one that is not possible are
    /// refused by name.
    pub fn load(file: Option<&Path>) -> Result<Self, config::ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(file) = file {
            builder = builder.add_source(config::File::from(file));
        }
        // Where the file is can be said in the environment too, and is no setting.
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let settings = variables.filter(|(name, _)| name != FILE_VARIABLE);
        let environment = config::Environment::with_prefix("AXLE_MARKETPLACE")
            .prefix_separator("_")
            .separator("__")
            .try_parsing(true)
            .source(Some(settings.collect()));
        let config: Self = builder.add_source(environment).build()?.try_deserialize()?;
        config.check().map_err(|bad| config::ConfigError::Foreign(Box::new(bad)))?;
        Ok(config)
    }

    /// Refuses what reads and is not possible.
    fn check(&self) -> Result<(), BadSetting> {
        let (hours, rules) = (self.vacuum_after_hours, &self.rules);
        let valid_seconds = rules.quote_valid_seconds;
        let deliver_seconds = rules.deliver_within_seconds;
        let needed = u64::from(valid_seconds).saturating_add(deliver_seconds.into());
        if self.vacuum_after() < Duration::from_secs(needed) {
            let hours_min = needed.div_ceil(3_600);
            return Err(BadSetting::VacuumTooEarly {
                hours,
                valid_seconds,
                deliver_seconds,
                hours_min,
            });
        }
        if hours > VACUUM_AFTER_HOURS_MAX {
            return Err(BadSetting::VacuumTooLate { hours });
        }
        let vehicles_min = rules.vehicles_min;
        if vehicles_min > Offer::VEHICLES_COUNTED_MAX {
            return Err(BadSetting::TooManyToHide { vehicles_min });
        }
        let decay = rules.reward_decay_basis_points_per_year;
        if decay > 10_000 {
            return Err(BadSetting::DecayTooLarge { decay });
        }
        Ok(())
    }

    /// For how long a file is kept that the newest version of the lake does not name any more.
    #[must_use]
    pub fn vacuum_after(&self) -> Duration {
        Duration::from_secs(u64::from(self.vacuum_after_hours).saturating_mul(3_600))
    }

    /// Where the database is.
    #[must_use]
    pub fn database_url(&self) -> String {
        let default = || self.data_dir.join("marketplace.db").to_string_lossy().into_owned();
        self.database_url.clone().unwrap_or_else(default)
    }

    /// Where the Delta table of samples is.
    #[must_use]
    pub fn lake(&self) -> LakePlace {
        self.lake.clone().unwrap_or_else(|| self.data_dir.join("lake").into())
    }

    /// Where delivered files are.
    #[must_use]
    pub fn deliveries_dir(&self) -> PathBuf {
        self.data_dir.join("deliveries")
    }

    /// Where the search index is. It can be deleted at any time.
    #[must_use]
    pub fn search_dir(&self) -> PathBuf {
        self.data_dir.join("search")
    }

    /// Where the certificate authority is.
    #[must_use]
    pub fn authority_dir(&self) -> PathBuf {
        self.data_dir.join("authority")
    }
}

#[cfg(test)]
impl Config {
    /// Settings of a test that keeps its things in `folder`, on the engine that tests run on.
    pub(crate) fn of_test(folder: &Path) -> Self {
        let database_url = Some(crate::engine::database(folder));
        Self { data_dir: folder.to_owned(), database_url, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, config::ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("market.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file))
    }

    #[test]
    fn an_empty_file_is_a_working_market() {
        let config = load("").unwrap();

        assert_eq!(config.rules.vehicles_min, 10);
        assert_eq!(config.lake(), Path::new("axle-data/marketplace/lake").into());
    }

    #[test]
    fn the_shipped_example_says_the_defaults() {
        let example = load(include_str!("../marketplace.example.toml")).unwrap();

        assert_eq!(format!("{example:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn a_lake_in_a_bucket_is_named_by_its_address() {
        let config = load("lake = \"s3://axle/lake\"").unwrap();
        assert_eq!(config.lake().to_string(), "s3://axle/lake");

        let error = load("lake = \"gs://axle/lake\"").unwrap_err().to_string();
        assert!(error.contains("gs://axle/lake") && error.contains("s3://bucket"), "{error}");
    }

    #[test]
    fn what_a_quote_needs_is_not_removed_too_early() {
        let refused = |text: &str| load(text).unwrap_err().to_string();

        let early = refused("vacuum_after_hours = 1");
        assert!(early.contains("quote_valid_seconds = 900"), "{early}");
        assert!(early.contains("at least 2"), "{early}");
        let late = refused("vacuum_after_hours = 169");
        assert!(late.contains("vacuum_after_hours = 169") && late.contains("168"), "{late}");
        load("vacuum_after_hours = 2").unwrap();
        load("vacuum_after_hours = 168").unwrap();
        let rules = "[rules]\nquote_valid_seconds = 3600\ndeliver_within_seconds = 3601";
        assert!(refused(&format!("vacuum_after_hours = 2\n{rules}")).contains("at least 3"));
    }

    #[test]
    fn no_more_vehicles_are_asked_for_than_are_counted() {
        load("[rules]\nvehicles_min = 1000").unwrap();
        let refused = load("[rules]\nvehicles_min = 1001").unwrap_err().to_string();
        assert!(refused.contains("vehicles_min = 1001") && refused.contains("1000"), "{refused}");
    }

    #[test]
    fn a_pool_can_not_fall_by_more_than_all_of_it() {
        let decay =
            |points: u32| load(&format!("[rules]\nreward_decay_basis_points_per_year = {points}"));
        decay(10_000).unwrap();
        let refused = decay(10_001).unwrap_err().to_string();
        assert!(refused.contains("10001 is too much"), "{refused}");
    }

    #[test]
    fn how_long_groups_are_kept_is_said_by_their_names() {
        let config = load("[retention]\nlocation = 365\nmotion = 30").unwrap();
        let kept = config.retention.first_days(telematics::testing::T0);
        assert_eq!(kept.len(), 2);

        for (text, part) in [
            ("places = 365", "unknown signal group `places`"),
            ("location = 0", "nonzero"),
            ("location = -1", "location"),
            ("location = \"long\"", "location"),
        ] {
            let error = load(&format!("[retention]\n{text}")).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_misspelt_key_is_refused_by_name() {
        for text in ["vehicles_min = 3", "[rules]\nvehicle_min = 3", "rest_address = \"here\""] {
            let error = load(text).unwrap_err().to_string();
            assert!(
                error.contains("vehicle")
                    || error.contains("rest_address")
                    || error.contains("socket"),
                "{error}"
            );
        }
    }
}
