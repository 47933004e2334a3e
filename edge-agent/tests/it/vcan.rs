//! The real program on a real SocketCAN: boots a virtual machine and runs `tests/vcan/test.sh` in it.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;

use crate::car::Car;
use crate::market::Market;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The first lines of a recording.
fn recording(name: &str, lines: usize) -> String {
    let path = Path::new(HERE).join("../../shared/data/logs").join(name);
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().take(lines).fold(String::new(), |mut log, line| {
        writeln!(log, "{line}").unwrap();
        log
    })
}

#[tokio::test]
#[ignore = "boots a virtual machine (Debian's packages, once) and needs the recordings in ../shared/data"]
async fn live_interfaces_are_read_without_loss_and_asked_only_when_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name)
    };
    let classic = write("classic.log", recording("toyota_rav4_2017_comma2k19.log.gz", 10_000));
    let fd = write("fd.log", recording("formats/canfd_from_golden_frames.log.gz", usize::MAX));
    let tests = Path::new(HERE).join("tests/vcan");
    // Enrolled here; in the machine it has no network.
    let market = Market::open().await;
    let car = Car::enrolled(&market, 0).await;
    let settings = "data_dir = \".\"\ndbc = \"car.dbc\"\nmap = \"car.map.toml\"\n";
    let settings = format!("marketplace_url = \"{}\"\n{settings}", market.url);
    std::fs::write(car.data_dir().join("agent.toml"), settings).unwrap();
    let enrolled = folder.path().join("car");
    std::os::unix::fs::symlink(car.data_dir(), &enrolled).unwrap();

    let output = Command::new(tests.join("run"))
        .arg(tests.join("test.sh"))
        .args([env!("CARGO_BIN_EXE_edge-agent").as_ref(), classic.as_path(), &fd, &enrolled])
        .output()
        .unwrap();

    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    println!("{out}");
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
}
