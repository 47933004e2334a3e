//! The program as its operator meets it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use marketplace::progress::Job;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::engine;

pub(crate) fn marketplace(folder: &Path, rest: &str, grpc: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketplace"));
    command
        .env("AXLE_MARKETPLACE_DATA_DIR", folder)
        .envs(engine::server().map(|server| {
            ("AXLE_MARKETPLACE_DATABASE_URL", engine::create(&server, folder, engine::EMPTY))
        }))
        .env("AXLE_MARKETPLACE_REST_ADDRESS", rest)
        .env("AXLE_MARKETPLACE_GRPC_ADDRESS", grpc);
    command
}

pub(crate) const ANY: &str = "127.0.0.1:0";

/// Starts serving and waits until both doors are open; the address of the REST API.
fn serve(folder: &Path) -> (Child, String) {
    let (child, rest, _) = serving(&mut marketplace(folder, ANY, ANY));
    (child, rest)
}

/// Starts serving as `command` says and waits until both doors are open; the address of the REST API, and
/// where cars connect to.
pub(crate) fn serving(command: &mut Command) -> (Child, String, String) {
    let mut child =
        command.arg("serve").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let rest = lines.next().unwrap().unwrap();
    let cars = lines.next().unwrap().unwrap();
    let (_, cars) = cars.split_once("https://").unwrap();
    assert!(cars.starts_with("127.0.0.1:"), "{cars}");
    (child, rest.rsplit(' ').next().unwrap().to_owned(), cars.to_owned())
}

pub(crate) fn stop(mut child: Child, signal: Signal) -> Option<i32> {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    child.wait().unwrap().code()
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    marketplace(folder, ANY, ANY).args(arguments).output().unwrap()
}

fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_from_an_empty_folder_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let (child, rest) = serve(folder.path());

    let health = reqwest::get(format!("{rest}/v1/rules")).await.unwrap();
    assert!(health.status().is_success(), "{health:?}");
    let key = folder.path().join("operator.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let key = std::fs::read_to_string(key).unwrap();
    let me = reqwest::Client::new().get(format!("{rest}/v1/me")).bearer_auth(&key);
    assert!(me.send().await.unwrap().status().is_success());
    let unknown = reqwest::get(format!("{rest}/v1/me")).await.unwrap();
    assert_eq!(unknown.status().as_u16(), 401);

    assert_eq!(stop(child, Signal::SIGTERM), Some(0));

    let (child, _) = serve(folder.path());
    assert_eq!(std::fs::read_to_string(folder.path().join("operator.key")).unwrap(), key);
    assert_eq!(stop(child, Signal::SIGINT), Some(0));
}

#[test]
fn a_port_that_is_taken_names_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind(ANY).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (rest, grpc, setting) in
        [(address.as_str(), ANY, "rest_address"), (ANY, address.as_str(), "grpc_address")]
    {
        let output = marketplace(folder.path(), rest, grpc).arg("serve").output().unwrap();

        assert!(!output.status.success());
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(setting) && message.contains(&address), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_what_the_jobs_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (child, rest) = serve(folder);
    let address = rest.strip_prefix("http://").unwrap().to_owned();
    let status = |more: &[&str]| {
        let output = marketplace(folder, &address, ANY).arg("status").args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let jobs = || {
        let told: serde_json::Value = serde_json::from_str(&status(&["--json"])).unwrap();
        assert_eq!((&told["batches"], &told["batches_waiting"]), (&0.into(), &0.into()), "{told}");
        told["jobs"].as_array().unwrap().clone()
    };
    let wait = async {
        while jobs().iter().any(|job| job["last"].is_null()) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), wait).await.expect("all jobs ran");
    let shown = status(&[]);
    let jobs = Job::ALL.map(Job::name);
    for part in jobs.iter().chain(&["0 batches"]) {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }

    assert_eq!(stop(child, Signal::SIGTERM), Some(0));
    let output = marketplace(folder, &address, ANY).arg("status").output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && message.contains("is it running"), "{message}");
}

#[test]
fn accounts_are_opened_filled_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let opened = printed(folder, &["account", "create-buyer", "Acme Motors"]);
    let id = opened.split_whitespace().nth(1).unwrap();

    let deposit = ["account", "deposit", id, "12.5", "--key", "first"];
    assert!(printed(folder, &deposit).contains("has 12.500000 tokens"));
    assert!(printed(folder, &deposit).contains("has 12.500000 tokens"), "credited twice");
    printed(folder, &["account", "create-owner", "Ada"]);
    assert!(printed(folder, &["account", "create-operator"]).contains("key axle_"));

    let list = printed(folder, &["account", "list"]);
    assert!(list.contains(id) && list.contains("Acme Motors") && list.contains("Ada"), "{list}");
}

#[test]
fn what_can_not_be_credited_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = "buyer_0190a5b8c3d27e4f8a9b0c1d2e3f4a5b";
    let owner = "owner_0190a5b8c3d27e4f8a9b0c1d2e3f4a5b";
    for (arguments, message) in [
        (["account", "deposit", nobody, "1"], nobody),
        (["account", "deposit", owner, "1"], "is not an id of the form buyer_"),
        (["account", "deposit", nobody, "many"], "many"),
    ] {
        let output = run(folder.path(), &arguments);
        assert!(!output.status.success());
        let shown = String::from_utf8(output.stderr).unwrap();
        assert!(shown.contains(message), "{shown}");
    }
}

#[test]
fn migrating_twice_does_nothing_the_second_time() {
    let folder = tempfile::tempdir().unwrap();

    assert!(printed(folder.path(), &["migrate"]).contains("applied"));
    assert_eq!(printed(folder.path(), &["migrate"]), "nothing to do\n");
}

#[test]
fn the_file_with_the_settings_can_be_named_in_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("market.toml");
    std::fs::write(&file, "flush_interval_seconds = 3").unwrap();
    let migrate = || {
        let mut command = marketplace(folder.path(), ANY, ANY);
        command.arg("migrate").env("AXLE_MARKETPLACE_CONFIG", &file).output().unwrap()
    };

    assert!(migrate().status.success());
    std::fs::write(&file, "flush_every = 3").unwrap();
    let shown = String::from_utf8(migrate().stderr).unwrap();
    assert!(shown.contains("market.toml") && shown.contains("flush_every"), "{shown}");
}

#[test]
fn settings_that_do_not_read_are_refused_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("market.toml");
    std::fs::write(&file, "vehicle_min = 3").unwrap();

    let output = run(folder.path(), &["serve", "--config", &file.to_string_lossy()]);

    assert!(!output.status.success());
    let shown = String::from_utf8(output.stderr).unwrap();
    assert!(shown.contains("market.toml") && shown.contains("vehicle_min"), "{shown}");
}
