//! Tests of the settings: what is taken, what is refused, and that the example is both whole and valid.

use telematics::testing::T0;

use super::*;

const LIVE: &str = "marketplace_url = \"https://127.0.0.1:7443\"\ndata_dir = \"data\"\n\
    dbc = \"/car.dbc\"\nmap = \"car.map.toml\"\ninterface = \"can0\"\n";

fn read(text: &str, variables: &[(&str, &str)]) -> Result<AgentConfig, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.toml");
    std::fs::write(&path, text).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let environment = config::Environment::with_prefix("AXLE_AGENT");
    let mut config = AgentConfig::read(&path, environment.source(Some(variables.collect())))?;
    if let Ok(relative) = config.data_dir.strip_prefix(folder.path()) {
        config.data_dir = relative.to_owned();
    }
    Ok(config)
}

#[test]
fn the_shipped_example_is_read() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/axle-agent.example.toml"));
    let environment = config::Environment::with_prefix("AXLE_AGENT").source(Some([].into()));
    let config = AgentConfig::read(path, environment).unwrap();

    assert_eq!(config.source(), SourceConfig::Interfaces(vec!["can0"]));
    assert_eq!(config.obd, ObdConfig::default());
    assert_eq!(config.batch_samples_max, default_batch_samples_max());
    assert_eq!(config.batch_age_seconds_max, default_batch_age_seconds_max());
    assert_eq!(config.spool_bytes_max, default_spool_bytes_max());
    assert_eq!(config.spool_full, WhenFull::DropOldest);
    assert_eq!(config.quiet_after_seconds, default_quiet_after_seconds());
    assert_eq!(config.proofs_retention_days, default_proofs_retention_days());
    assert!(!config.answer_campaigns && !config.allow_dev_keys);
    assert_eq!(config.claim_check_seconds, default_claim_check_seconds());
    assert_eq!(config.claim_delay_seconds_max, default_claim_delay_seconds_max());
    assert_eq!(config.metrics, None, "the agent listens on nothing");
    assert!(config.map.starts_with(env!("CARGO_MANIFEST_DIR")));
}

#[test]
fn defaults_fill_in_and_relative_paths_follow_the_file() {
    let config = read(LIVE, &[]).unwrap();

    assert_eq!(config.data_dir, Path::new("data"));
    assert_eq!(config.dbc, Path::new("/car.dbc"));
    assert_eq!(config.replay_speed, ReplaySpeed::Times(1.0));
}

#[test]
fn further_buses_have_interfaces_and_files_of_their_own() {
    let bus = "[[bus]]\ninterface = \"can1\"\ndbc = \"/chassis.dbc\"\nmap = \"/chassis.toml\"\n";
    let config = read(&format!("{LIVE}{bus}"), &[]).unwrap();

    assert_eq!(config.source(), SourceConfig::Interfaces(vec!["can0", "can1"]));
    assert_eq!(config.bus[0].dbc, Path::new("/chassis.dbc"));
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("twice",         LIVE.to_owned() + &bus.replace("can1", "can0"),                 "`can0` is named twice"),
        ("a replay",      LIVE.replace("interface = \"can0\"", "replay = \"a.log\"") + bus, "a replay has one bus"),
        ("asking a replay", LIVE.replace("interface = \"can0\"", "replay = \"a.log\"") + "[obd]\nenabled = true\n", "a replay can not answer"),
        ("hurry",         LIVE.to_owned() + "[obd]\nrequests_per_second_max = 11\n",     "at most 10"),
        ("an unknown key", LIVE.to_owned() + bus + "speed = 1\n",                        "speed"),
    ];
    for (name, text, expected) in cases {
        let error = read(&text, &[]).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let variables = [
        ("AXLE_AGENT_BATCH_SAMPLES_MAX", "7"),
        ("AXLE_AGENT_LOG_FORMAT", "json"),
        ("AXLE_AGENT_REPLAY_SPEED", "flat-out"),
        ("AXLE_AGENT_REPLAY_STARTS_AT", "2024-01-01T00:00:00Z"),
    ];
    let config = read(LIVE, &variables).unwrap();

    assert_eq!(config.batch_samples_max.get(), 7);
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.replay_speed, ReplaySpeed::FlatOut);
    assert_eq!(config.replay_starts_at, Some(T0));
    let slow = read(LIVE, &[("AXLE_AGENT_REPLAY_SPEED", "2.5")]).unwrap();
    assert_eq!(slow.replay_speed, ReplaySpeed::Times(2.5));
}

#[test]
fn a_hostile_file_is_refused_in_few_words() {
    crate::files::tests::check_hostile_toml(|path| {
        AgentConfig::load(path).map_err(|error| error.to_string())
    });
}

#[test]
fn what_is_wrong_is_refused_by_name() {
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("an unknown key",      "batch_sample_max = 5",                "batch_sample_max"),
        ("both sources",        "replay = \"drive.log\"",              "not both"),
        ("no samples",          "batch_samples_max = 0",               "zero"),
        ("too many samples",    "batch_samples_max = 10001",           "at most 10000"),
        ("batches of a day",    "batch_age_seconds_max = 86400",       "at most 3600"),
        ("a speed of nothing",  "replay_speed = 0.0",                  "`0` is not a replay speed"),
        ("a crawl",             "replay_speed = 1e-300",               "from 0.001 to 1000000"),
        ("a leap",              "replay_speed = inf",                  "`inf` is not a replay speed"),
        ("a policy of none",    "spool_full = \"drop-newest\"",        "drop-newest"),
        ("never awake",         "quiet_after_seconds = 0",             "zero"),
        ("a word for a speed",  "replay_speed = \"fast\"",             "`fast` is not a replay speed"),
        ("eleven years",        "proofs_retention_days = 4000",        "at most 3650"),
        ("answers, no keys",    "answer_campaigns = true",             "`proving_keys_dir`"),
        ("metrics for all",     "[metrics]\nlisten = \"0.0.0.0:9464\"", "reached from outside"),
        ("metrics nowhere",     "[metrics]",                         "listen"),
        ("no time",             "replay_starts_at = \"yesterday\"",    "`yesterday`"),
    ];
    for (name, line, expected) in cases {
        let error = read(&format!("{LIVE}{line}\n"), &[]).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.contains("agent.toml"), "{name}: {error}");
    }
    assert!(read(LIVE, &[("AXLE_AGENT_SPOOL", "1")]).is_err(), "an unknown variable");
    assert!(read(&LIVE.replace("interface", "# "), &[]).is_err(), "no source");
    assert!(AgentConfig::load(Path::new("/nowhere/agent.toml")).is_err());
}
