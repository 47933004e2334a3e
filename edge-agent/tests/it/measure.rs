//! What the agent costs a small computer: the program itself, measured from outside by the kernel's counts.
//!
//! `edge-agent/measure.sh` builds the release binary and runs this on it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use edge_agent::status;

use crate::car::Car;
use crate::market::Market;

/// Pace of the recording that makes 4,000 frames a second of its 900: a full bus of 500 kbit/s.
const PACE: f64 = 4.46;
const FRAMES: f64 = 53_800.0;

/// CPU time and peak memory of a process, as the kernel counts them.
struct Usage {
    cpu_seconds: f64,
    peak_megabytes: f64,
}

fn usage(child: &Child) -> Usage {
    let read =
        |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap();
    let stat = read("stat");
    // Behind the name, which may hold spaces: fields 3 and on. User and system time are 14 and 15.
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 =
        fields.iter().skip(11).take(2).map(|field| field.parse::<f64>().unwrap()).sum();
    let status = read("status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    Usage { cpu_seconds: ticks / 100.0, peak_megabytes: kilobytes / 1_024.0 }
}

fn binary() -> PathBuf {
    std::env::var_os("AXLE_MEASURED_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_edge-agent").into(), PathBuf::from)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the recordings in ../shared/data"]
async fn a_full_bus_costs_two_percent_of_a_core() {
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let data = data.canonicalize().unwrap();
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/vehicles/toyota_rav4_2017.map.toml");
    let market = Market::open().await;
    let car = Car::enrolled(&market, 0).await;
    let config = car.data_dir().join("measure.toml");
    let text = format!(
        "marketplace_url = \"{}\"\ndata_dir = \".\"\nmap = \"{map}\"\n\
         dbc = \"{data}/dbc/opendbc/toyota_new_mc_pt_generated.dbc\"\n\
         replay = \"{data}/logs/toyota_rav4_2017_comma2k19.log.gz\"\n\
         replay_interface = \"can0\"\nreplay_speed = {PACE}\n\
         replay_starts_at = \"2024-01-01T00:00:00Z\"\n",
        market.url,
        data = data.display(),
    );
    std::fs::write(&config, text).unwrap();

    let began = Instant::now();
    let mut child = Command::new(binary()).arg("run").arg("--config").arg(&config).spawn().unwrap();
    // Until the recording is almost over: the process must be there to be asked.
    while status::read(car.data_dir()).map_or(0, |status| status.counters.frames_read) < 50_000 {
        assert!(child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_mins(2));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (used, seconds) = (usage(&child), began.elapsed().as_secs_f64());
    child.kill().unwrap();
    child.wait().unwrap();

    let megabytes =
        f64::from(u32::try_from(std::fs::metadata(binary()).unwrap().len()).unwrap()) / 1e6;
    let status = status::read(car.data_dir()).unwrap();
    let percent = used.cpu_seconds / seconds * 100.0;
    println!(
        "{seconds:.1} s at {:.0} frames/s, {} samples acknowledged of {}: {percent:.2} % of a core, \
         {:.1} MB of memory at most; binary {megabytes:.1} MB",
        FRAMES / (60.0 / PACE),
        status.samples_acknowledged,
        status.counters.samples_shared,
        used.peak_megabytes,
    );
    // A debug build is measured as well, but only promised to work.
    if std::env::var_os("AXLE_MEASURED_BINARY").is_some() {
        assert!(percent <= 2.0, "{percent:.2} % of a core");
        assert!(used.peak_megabytes <= 25.0, "{:.1} MB", used.peak_megabytes);
        assert!(megabytes <= 15.0, "{megabytes:.1} MB");
    }
}

/// Killed at random points, twenty times: every sample arrives once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_killed_twenty_times_sends_every_sample_once() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 30_000).await;
    let config = car.config(&market, "batch_samples_max = 20");
    let text = std::fs::read_to_string(&config).unwrap();
    // 50 minutes of drive in some seconds.
    std::fs::write(&config, text.replace("\"flat-out\"", "500.0")).unwrap();
    let start = || {
        let mut command = Command::new(binary());
        command.args(["run", "--exit-when-done", "--config"]).arg(&config).spawn().unwrap()
    };
    for _ in 0..20 {
        let mut child = start();
        tokio::time::sleep(Duration::from_millis(rand::random_range(20..400))).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    std::fs::write(&config, text).unwrap();
    let mut child = start();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_mins(1), "the last run ends");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    crate::uplink::check_complete(&market, 30_000);
    let seqs: Vec<_> = market.state().accepted.iter().map(|batch| batch.header.seq).collect();
    assert!(seqs.iter().copied().eq(1..=u64::try_from(seqs.len()).unwrap()), "in order");
}
