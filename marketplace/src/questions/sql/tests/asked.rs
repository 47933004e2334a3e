//! What is asked of both readers.

use telematics::testing::{T0, vehicle};

use super::{ALTITUDE, SPEED};

/// Conditions that choose files, runs and rows.
fn conditions() -> Vec<String> {
    let at = |seconds| T0.plus_seconds(seconds);
    let first = vehicle(1);
    #[rustfmt::skip] // a list is read by lines
    let conditions = vec![
        "true".to_owned(),
        format!("signal = '{SPEED}'"),
        format!("signal <> '{SPEED}' AND \"group\" = 'location'"),
        format!("signal IN ('{SPEED}', 'Vehicle.None')"),
        "signal LIKE '%Altitude'".to_owned(),
        "signal = 'Vehicle.None'".to_owned(),
        format!("vehicle = '{first}'"),
        format!("vehicle = '{}'", vehicle(3)),
        format!("vehicle <> '{first}' OR value < 5"),
        format!("vehicle = '{first}' OR signal = '{SPEED}'"),
        format!("time >= '{}' AND time < '{}'", at(5), at(11)),
        format!("time = '{}'", at(10)),
        format!("time > '{}'", at(4_100)),
        format!("time < '{}' AND signal = '{SPEED}' AND value > 3", at(7)),
        "day = '2024-01-02'".to_owned(),
        "day > '2024-01-01' AND value BETWEEN 1 AND 3".to_owned(),
        "value > 1e9".to_owned(),
        "\"group\" IS NULL".to_owned(),
        "value / 0 > 1".to_owned(),
    ];
    conditions
}

const GROUPS: [&str; 6] = [
    "vehicle",
    "\"group\", day",
    "date_bin(INTERVAL '7 seconds', time)",
    "vehicle, signal, date_trunc('minute', time)",
    "vehicle, date_bin(INTERVAL '1 month', time)",
    "time",
];

/// Rows about vehicles beside their samples.
fn joins_with_vehicles() -> Vec<String> {
    #[rustfmt::skip] // a list is read by lines
    let questions = vec![
        "SELECT v.fleet, v.weight, s.time, s.signal, s.value FROM samples s JOIN vehicles v USING (vehicle) \
         WHERE s.value < 3".to_owned(),
        "SELECT v.fleet, s.day, count(*), sum(v.weight), round(avg(s.value * v.weight), 6), max(s.value) \
         FROM vehicles v JOIN samples s ON s.vehicle = v.vehicle WHERE s.value > 1 GROUP BY 1, 2".to_owned(),
        "SELECT v.vehicle, date_bin(INTERVAL '1 minute', s.time), round(avg(s.value), 6), avg(v.weight) \
         FROM vehicles v JOIN samples s ON s.vehicle = v.vehicle WHERE v.fleet <> 'East' GROUP BY 1, 2".to_owned(),
        format!("SELECT a.time, b.day, b.signal, a.value, b.value FROM samples a JOIN samples b \
                 ON a.vehicle = b.vehicle AND a.time = b.time \
                 WHERE a.signal = '{SPEED}' AND b.signal = '{ALTITUDE}' AND a.value > 2 AND b.value < 9"),
        format!("SELECT b.vehicle, count(*) FROM samples a JOIN samples b ON a.vehicle = b.vehicle AND a.time = b.time \
                 WHERE a.signal = '{SPEED}' AND b.signal = '{ALTITUDE}' AND a.time > '{}' GROUP BY 1",
                T0.plus_seconds(86_300)),
        format!("SELECT v.fleet, round(avg(a.value), 6), count(b.value), avg(v.weight) FROM samples a \
                 JOIN samples b ON b.vehicle = a.vehicle AND b.time = a.time JOIN vehicles v ON v.vehicle = a.vehicle \
                 WHERE a.signal = '{SPEED}' AND b.signal = '{ALTITUDE}' AND b.value > 1 GROUP BY 1"),
        "SELECT v.fleet, w.fleet, count(*), sum(w.weight) FROM vehicles v JOIN samples s ON s.vehicle = v.vehicle \
         JOIN vehicles w ON w.vehicle = s.vehicle GROUP BY 1, 2".to_owned(),
        "SELECT count(*), avg(s.value) FROM vehicles v JOIN samples s USING (vehicle) WHERE v.fleet = 'None'".to_owned(),
        "SELECT v.fleet, count(s.value) FROM vehicles v LEFT JOIN samples s ON s.vehicle = v.vehicle GROUP BY 1".to_owned(),
        "SELECT count(*) FROM vehicles v JOIN samples s ON s.vehicle = v.vehicle AND s.value > v.weight".to_owned(),
        "SELECT v.fleet, count(*) FROM vehicles v JOIN samples s ON s.signal = v.vehicle GROUP BY 1".to_owned(),
    ];
    questions
}

pub(super) fn questions() -> Vec<String> {
    let measured = "count(*), min(time), max(time), round(sum(value), 3)";
    let filtered = "count(*) FILTER (WHERE value > 7), avg(CASE WHEN value > 3 THEN 1.0 END)";
    #[rustfmt::skip] // a list is read by lines
    let mut questions = vec![
        "SELECT vehicle, signal, \"group\", day, time, value FROM samples".to_owned(),
        "SELECT day, value FROM samples WHERE value < 2".to_owned(),
        "SELECT count(DISTINCT vehicle), count(DISTINCT signal) FROM samples".to_owned(),
        format!("SELECT a.vehicle, count(*), round(sum(a.value - b.value), 3), max(b.time) FROM samples a JOIN samples b \
                 ON a.vehicle = b.vehicle AND a.time = b.time \
                 WHERE a.signal = '{SPEED}' AND b.signal = '{ALTITUDE}' AND a.value > 2 GROUP BY 1"),
        "SELECT count(*), round(sum(a.value * b.value), 2) FROM samples a JOIN samples b USING (vehicle, time)".to_owned(),
        "SELECT b.value FROM samples a JOIN samples b ON b.time = a.time AND b.vehicle = a.vehicle \
         WHERE a.value < 9 ORDER BY 1 LIMIT 5".to_owned(),
        "SELECT count(*), round(sum(b.value), 3) FROM samples a JOIN samples b ON b.time = a.time AND b.vehicle = a.vehicle \
         AND a.value < b.value".to_owned(),
        "SELECT count(*), count(b.value) FROM samples a LEFT JOIN samples b ON b.time = a.time \
         AND b.vehicle = a.vehicle AND b.value < 9".to_owned(),
        "SELECT count(*) FROM samples a JOIN samples b ON a.vehicle = b.vehicle AND a.time = b.time \
         AND a.signal = b.signal".to_owned(),
        "SELECT vehicle, value FROM (SELECT *, row_number() OVER (PARTITION BY vehicle ORDER BY time DESC, signal) AS n \
         FROM samples) WHERE n = 1".to_owned(),
        "SELECT split_part(signal, '.', 2), count(*) FROM samples GROUP BY 1".to_owned(),
        "SELECT vehicle FROM samples UNION SELECT 'none'".to_owned(),
        format!("SELECT s.vehicle, count(*), round(sum(s.value), 3) FROM (VALUES ('{}'), ('{}')) v (vehicle) \
                 JOIN samples s ON s.vehicle = v.vehicle GROUP BY 1", vehicle(2), vehicle(3)),
        format!("SELECT s.day, count(*) FROM samples s JOIN (SELECT DISTINCT vehicle FROM samples \
                 WHERE signal = '{ALTITUDE}' AND day > '2024-01-02') v USING (vehicle) GROUP BY 1"),
        format!("SELECT count(*) FROM samples WHERE vehicle IN (SELECT vehicle FROM samples WHERE time > '{}')",
                T0.plus_seconds(5_000)),
    ];
    questions.extend(joins_with_vehicles());
    for (condition, group) in conditions().iter().zip(GROUPS.iter().cycle()) {
        questions.push(format!("SELECT {measured} FROM samples WHERE {condition}"));
        questions.push(format!(
            "SELECT {group}, {measured}, {filtered} FROM samples WHERE {condition} GROUP BY {group}"
        ));
    }
    questions.extend(GROUPS.map(|group| {
        format!("SELECT {group}, {measured}, max(value) FROM samples GROUP BY {group}")
    }));
    questions
}
