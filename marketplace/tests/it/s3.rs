//! Lakes in buckets of a real S3 server: the tests of lakes run again there, and what can not be used is
//! refused in words.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use marketplace::config::LakePlace;

use crate::process::{ANY, marketplace};
use crate::s3_server::{BUCKET, Conditions, Server};

/// The variable that names the lakes of a run, as in `s3://axle`: without a folder.
const LAKES: &str = "AXLE_TEST_LAKES";

/// Tests that open lakes, and what of them is run again with those in a bucket: writers at once, flushes and
/// merges, sales with their deliveries, questions, exports.
const AGAIN: [&str; 4] = ["writers::", "market_purchase::", "questions::", "export::"];

/// How long a test may take that can not end well.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the lake of the market in `folder` is, when lakes are in a bucket.
#[expect(clippy::disallowed_methods, reason = "chooses the lake of tests, which have no settings")]
pub(crate) fn place(folder: &Path) -> Option<LakePlace> {
    let lakes = std::env::var(LAKES).ok()?;
    let name = folder.file_name().unwrap().to_string_lossy().replace('.', "");
    Some(LakePlace::parse(&format!("{lakes}/{name}")).unwrap())
}

/// This program, with lakes in the bucket of `server`.
pub(crate) fn again(server: &Server) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.envs(server.variables()).env(LAKES, format!("s3://{BUCKET}/lakes"));
    command
}

#[test]
fn lakes_in_a_bucket_are_as_those_in_folders() {
    let server = Server::start(Conditions::Honoured);

    let output = again(&server).args(AGAIN).output().unwrap();

    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!shown.contains(" 0 passed"), "{shown}");
    let lakes = std::fs::read_dir(server.bucket().join("lakes")).unwrap().count();
    assert!(lakes > 10, "only {lakes} lakes in the bucket");
}

#[test]
fn writers_at_once_lose_rows_where_commits_are_overwritten() {
    let server = Server::start(Conditions::IgnoredInTheLog);
    let name = "writers::writers_at_once_move_each_batch_once_while_others_merge_and_erase";
    let mut child = again(&server)
        .args(["--exact", name])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();

    // Who loses rows may also wait for them in vain.
    let begun = Instant::now();
    let mut ended = child.try_wait().unwrap();
    while ended.is_none() && begun.elapsed() < PATIENCE {
        thread::park_timeout(Duration::from_millis(100));
        ended = child.try_wait().unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();

    assert!(!ended.is_some_and(|status| status.success()), "the test of writers sees nothing");
}

#[test]
fn a_bucket_that_can_not_be_used_is_refused_at_the_start_in_words() {
    let (good, old) = (Server::start(Conditions::Honoured), Server::start(Conditions::Ignored));
    let nobody = std::net::TcpListener::bind(ANY).unwrap().local_addr().unwrap().to_string();
    let (set, away) = (("", ""), format!("http://{nobody}"));
    #[rustfmt::skip] // a table is read by column
    let cases = [
        // what                  server  lake               changed                                  said
        ("bucket missing",       &good, "s3://nobody/lake", set,                                     ["no bucket", "make it"]),
        ("unknown key",          &good, "s3://axle/lake",   ("AWS_ACCESS_KEY_ID", "STRANGER"),       ["not permitted", "AWS_ACCESS_KEY_ID"]),
        ("wrong secret",         &good, "s3://axle/lake",   ("AWS_SECRET_ACCESS_KEY", "a guess"),    ["not permitted", "AWS_SECRET_ACCESS_KEY"]),
        ("endpoint away",        &good, "s3://axle/lake",   ("AWS_ENDPOINT_URL", away.as_str()),     ["cannot reach", "AWS_ENDPOINT_URL"]),
        ("no leave to be plain", &good, "s3://axle/lake",   ("AWS_ALLOW_HTTP", "false"),             ["cannot", "AWS_"]),
        ("conditions ignored",   &old,  "s3://axle/lake",   set,                                     ["overwrites", "If-None-Match"]),
        ("another kind",         &good, "gs://axle/lake",   set,                                     ["neither a folder", "s3://bucket"]),
    ];
    for (what, server, lake, (variable, value), said) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut command = marketplace(folder.path(), ANY, ANY);
        command.arg("serve").env("AXLE_MARKETPLACE_LAKE", lake).envs(server.variables());
        if !variable.is_empty() {
            command.env(variable, value);
        }

        let output = command.output().unwrap();

        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{what}: {shown}");
        for part in said.into_iter().chain([lake]) {
            assert!(shown.contains(part), "{what}: {part:?} is not in\n{shown}");
        }
    }
}
