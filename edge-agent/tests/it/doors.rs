//! What the real program listens on: nothing, unless the owner wants metrics; and its signal for pause.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use edge_agent::status;
use rustix::process::{Pid, Signal, kill_process};

use crate::car::Car;
use crate::market::Market;

struct Program(Child);

impl Program {
    /// Starts `edge-agent run` as a service manager would.
    async fn start(market: &Market, car: &Car, more: &str) -> Self {
        let manager = car.data_dir().join("notify");
        let child = Command::new(env!("CARGO_BIN_EXE_edge-agent"))
            .args(["run", "--config"])
            .arg(car.config(market, more))
            .env("NOTIFY_SOCKET", &manager)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self(child);
        program.until(car.data_dir(), |status| status.connected).await;
        program
    }

    async fn until(&self, data_dir: &Path, is: impl Fn(&status::Status) -> bool) {
        for _ in 0..200 {
            if status::read(data_dir).is_ok_and(|status| is(&status)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the agent never came so far: {:?}", status::read(data_dir));
    }

    /// Addresses and paths that this process listens on.
    fn listens_on(&self) -> Vec<String> {
        let id = self.0.id();
        let files = std::fs::read_dir(format!("/proc/{id}/fd")).unwrap();
        let links = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
        let sockets: BTreeSet<_> = links
            .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.to_owned()))
            .map(|inode| inode.trim_end_matches(']').to_owned())
            .collect();
        assert!(!sockets.is_empty(), "it is connected, so it has a socket");
        let table = |name: &str| {
            std::fs::read_to_string(format!("/proc/{id}/net/{name}")).unwrap_or_default()
        };
        let mut found = Vec::new();
        for name in ["tcp", "tcp6", "udp", "udp6"] {
            for line in table(name).lines().skip(1) {
                let fields: Vec<_> = line.split_whitespace().collect();
                let open = if name.starts_with("tcp") { fields[3] == "0A" } else { true };
                if open && sockets.contains(fields[9]) {
                    found.push(format!("{name} {}", fields[1]));
                }
            }
        }
        for line in table("unix").lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            if fields[3] == "00010000" && sockets.contains(fields[6]) {
                found.push(format!("unix {}", fields.get(7).unwrap_or(&"")));
            }
        }
        found
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_listens_on_nothing() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 10).await;
    let program = Program::start(&market, &car, "").await;

    assert_eq!(program.listens_on(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_the_one_door_and_only_where_the_owner_wants_them() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 10).await;
    let program = Program::start(&market, &car, "[metrics]\nlisten = \"./metrics.sock\"").await;

    let socket = car.data_dir().join("metrics.sock");
    assert!(socket.exists());
    let doors = program.listens_on();
    assert!(doors.len() == 1 && doors[0].starts_with("unix "), "{doors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_hears_that_it_is_ready_and_that_it_lives() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 10).await;
    let manager = tokio::net::UnixDatagram::bind(car.data_dir().join("notify")).unwrap();
    let _program = Program::start(&market, &car, "").await;

    let mut heard = Vec::new();
    for _ in 0..3 {
        let mut news = [0; 64];
        let waited = tokio::time::timeout(Duration::from_secs(5), manager.recv(&mut news)).await;
        let length = waited.expect("it tells").unwrap();
        heard.push(String::from_utf8(news[..length].to_vec()).unwrap());
    }
    assert_eq!(heard, ["READY=1\n", "WATCHDOG=1\n", "WATCHDOG=1\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_turns_the_pause_around() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 10).await;
    let program = Program::start(&market, &car, "").await;

    program.signal(Signal::USR1);
    program.until(car.data_dir(), |status| status.paused_since.is_some()).await;
    assert!(car.data_dir().join("paused").exists());
    program.signal(Signal::USR1);
    program.until(car.data_dir(), |status| status.paused_since.is_none()).await;
    assert!(!car.data_dir().join("paused").exists());
}
