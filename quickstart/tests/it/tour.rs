//! The tour as a newcomer runs it: twice in the same folder.

use std::path::Path;
use std::process::{Command, Output};

#[test]
#[ignore = "needs two minutes"]
fn a_second_start_finds_the_data_of_the_first_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = tour(folder.path());
    let second = tour(folder.path());

    for output in [&first, &second] {
        assert!(output.contains("price less its parts"), "{output}");
        assert!(output.contains("0.000000"), "{output}");
    }
    assert!(samples_sent(&first) >= 200_000, "{first}");
    assert!(samples_sent(&second) >= 2 * 200_000, "{second}");
    assert!(row(&second, "rows") > row(&first, "rows"));
}

#[test]
fn a_recording_without_its_dbc_is_refused() {
    let output = quickstart(&["--once", "--drive", "drive.log"]);

    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--dbc"));
}

fn tour(folder: &Path) -> String {
    let output = quickstart(&["--once", "--data", &folder.to_string_lossy()]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn quickstart(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quickstart")).args(arguments).output().unwrap()
}

/// The sum of the column "samples sent".
fn samples_sent(output: &str) -> u64 {
    let cars = output.lines().filter(|line| line.contains("car-"));
    cars.map(|line| line.split_whitespace().nth(3).unwrap().parse::<u64>().unwrap()).sum()
}

/// The number in a row of the order's table.
fn row(output: &str, name: &str) -> u64 {
    let line = output.lines().find(|line| line.contains(&format!(" {name} "))).unwrap();
    line.split_whitespace().find_map(|word| word.parse().ok()).unwrap()
}
