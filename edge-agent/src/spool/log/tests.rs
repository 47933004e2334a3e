//! Tests of the log: segments fill, go, and are never appended to behind a failure.

use super::*;
use crate::spool::sim::{Faults, SimDisk};

fn open(disk: &SimDisk, epoch: u32) -> Log {
    let mut log = Log::open(Box::new(disk.segments()), 100).unwrap();
    log.go_on(epoch, 0);
    log
}

fn bodies(log: &mut Log) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    for segment in log.segments() {
        let (found, damaged) = log.scan(segment).unwrap();
        assert_eq!(damaged, 0);
        bodies.extend(found.into_iter().map(|found| found.body));
    }
    bodies
}

#[test]
fn segments_fill_and_go_as_a_whole() {
    let disk = SimDisk::new(1, Faults::default());
    let mut log = open(&disk, 1);
    let places: Vec<_> =
        (0..6_u8).map(|byte| log.append(&[byte; 40], Durable::Now).unwrap().1).collect();
    assert_eq!(log.segments().len(), 3, "two records of 64 bytes each");
    assert_eq!(log.read(places[4]).unwrap(), Some(vec![4; 40]));

    log.keep_only(&[places[2].segment].into()).unwrap();

    assert_eq!(log.segments().len(), 2, "the one that is needed and the open one");
    assert_eq!(bodies(&mut open(&disk, 1)), [2, 3, 4, 5].map(|byte| vec![byte; 40]));
    assert_eq!(log.read(places[0]).unwrap(), None, "gone");
}

#[test]
fn another_epoch_is_not_seen_and_numbers_go_on() {
    let disk = SimDisk::new(1, Faults::default());
    let (first, _) = open(&disk, 1).append(b"old", Durable::Now).unwrap();
    let mut log = open(&disk, 2);

    assert!(bodies(&mut log).is_empty());
    assert_eq!(log.append(b"new", Durable::Now).unwrap().0, first + 1);
    assert_eq!(bodies(&mut open(&disk, 1)), [b"old"]);
}

#[test]
fn nothing_is_appended_behind_a_write_that_failed() {
    let disk = SimDisk::new(1, Faults::default());
    let mut log = open(&disk, 1);
    log.append(b"one", Durable::Now).unwrap();
    disk.fill(true);
    assert!(log.append(b"two", Durable::Now).is_err());
    disk.fill(false);
    let (number, place) = log.append(b"three", Durable::Now).unwrap();

    assert_eq!((number, place.segment), (3, 2));
}
