//! SQL that wants more than it may have. Whatever is tried, it is refused in words, another's rows are not
//! in the answer, nothing is written, and the market goes on answering.

use std::path::Path;

use marketplace::config::QuestionLimits;
use serde_json::json;
use telematics::testing::vehicle;

use crate::questions_support::{Asked, SPEED, series};

/// A value that only the second car has.
const SECRET: f64 = 123.45;

async fn with_secret() -> Asked {
    let mut asked = Asked::with_cars(2).await;
    asked.keep(1, series(SPEED, &[(0, 10.0), (1, 20.0)])).await;
    asked.keep(2, series(SPEED, &[(0, SECRET), (1, 0.0)])).await;
    asked.flush().await;
    asked.keep(1, series(SPEED, &[(2, 30.0)])).await;
    asked.keep(2, series(SPEED, &[(2, SECRET)])).await;
    asked
}

fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

#[actix_web::test]
async fn whatever_is_tried_is_refused_in_words() {
    let asked = with_secret().await;
    let folder = asked.market.app.config.data_dir.display().to_string();
    let lake = asked.market.app.config.lake().to_string();
    #[rustfmt::skip] // a table is read by column
    let attempts = [
        // Other tables, schemas and files.
        ("SELECT * FROM information_schema.tables".to_owned(),                     "information_schema"),
        ("SELECT * FROM information_schema.df_settings".to_owned(),                "information_schema"),
        ("SELECT * FROM pg_catalog.pg_tables".to_owned(),                          "not found"),
        ("SELECT * FROM batches".to_owned(),                                       "not found"),
        ("SELECT * FROM other.public.samples".to_owned(),                          "not found"),
        (format!("SELECT * FROM '{lake}'"),                                        "not found"),
        (format!("SELECT * FROM \"file://{folder}/marketplace.db\""),              "not found"),
        ("SELECT * FROM '/etc/passwd'".to_owned(),                                 "not found"),
        ("SELECT * FROM read_parquet('/etc/passwd')".to_owned(),                   "read_parquet"),
        ("SELECT * FROM read_csv('/etc/passwd')".to_owned(),                       "read_csv"),
        ("SELECT * FROM parquet_metadata('x.parquet')".to_owned(),                 "parquet_metadata"),
        ("SELECT arrival FROM samples".to_owned(),                                 "arrival"),
        ("SELECT __delta_rs_path FROM samples".to_owned(),                         "__delta_rs_path"),
        // Statements that do something.
        (format!("COPY samples TO '{folder}/stolen.csv'"),                         "one SELECT"),
        (format!("COPY (SELECT * FROM samples) TO '{folder}/stolen.parquet'"),     "one SELECT"),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'".to_owned(), "one SELECT"),
        ("CREATE TABLE t AS SELECT * FROM samples".to_owned(),                     "one SELECT"),
        ("CREATE VIEW samples AS SELECT 1".to_owned(),                             "one SELECT"),
        ("CREATE FUNCTION f(DOUBLE) RETURNS DOUBLE RETURN $1".to_owned(),          "one SELECT"),
        ("SELECT * INTO t FROM samples".to_owned(),                                ""),
        ("INSERT INTO samples SELECT * FROM samples".to_owned(),                   "one SELECT"),
        ("DELETE FROM samples".to_owned(),                                         "one SELECT"),
        ("UPDATE samples SET value = 0".to_owned(),                                "one SELECT"),
        ("DROP TABLE samples".to_owned(),                                          "one SELECT"),
        ("TRUNCATE samples".to_owned(),                                            ""),
        ("SET datafusion.catalog.information_schema = true".to_owned(),            "one SELECT"),
        ("RESET datafusion.execution.batch_size".to_owned(),                       ""),
        ("SHOW TABLES".to_owned(),                                                 "one SELECT"),
        ("SHOW ALL".to_owned(),                                                    "one SELECT"),
        ("DESCRIBE samples".to_owned(),                                            "one SELECT"),
        ("EXPLAIN SELECT * FROM samples".to_owned(),                               "one SELECT"),
        ("EXPLAIN ANALYZE SELECT * FROM samples".to_owned(),                       "one SELECT"),
        ("PREPARE p AS SELECT 1".to_owned(),                                       "one SELECT"),
        ("BEGIN".to_owned(),                                                       "one SELECT"),
        ("SELECT 1; DROP TABLE samples".to_owned(),                                ""),
        (String::new(),                                                            ""),
        // Bombs.
        ("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n".to_owned(), "ecursive"),
        ("SELECT * FROM generate_series(1, 1000000000000)".to_owned(),             "generate_series"),
        ("SELECT * FROM range(1000000000000)".to_owned(),                          "range"),
        ("SELECT generate_series(1, 1000000000000)".to_owned(),                    "generate_series"),
        ("SELECT unnest([1, 2, 3])".to_owned(),                                    ""),
        ("SELECT repeat('x', 2000000000)".to_owned(),                              "repeat"),
        ("SELECT lpad('x', 2000000000)".to_owned(),                                "lpad"),
        ("SELECT array_repeat(1, 2000000000)".to_owned(),                          "array_repeat"),
        ("SELECT array_agg(value) FROM samples".to_owned(),                        "array_agg"),
        ("SELECT string_agg(signal, ',') FROM samples".to_owned(),                 "string_agg"),
        ("SELECT signal || signal FROM samples".to_owned(),                        "||"),
        ("SELECT concat(signal, signal) FROM samples".to_owned(),                  "concat"),
        ("SELECT regexp_like(signal, '(a*)*b') FROM samples".to_owned(),           "regexp_like"),
        ("SELECT signal ~ '(a*)*b' FROM samples WHERE signal SIMILAR TO 'x'".to_owned(), ""),
        // What tells about the machine.
        ("SELECT version()".to_owned(),                                            "version"),
        ("SELECT now()".to_owned(),                                                "now"),
        ("SELECT uuid()".to_owned(),                                               "uuid"),
        ("SELECT @@version".to_owned(),                                            ""),
        ("SELECT $1".to_owned(),                                                   ""),
    ];
    assert!(attempts.len() > 50);
    let files = files_below(&asked.market.app.config.data_dir);
    for (sql, reason) in &attempts {
        let answer = asked.sql(asked.owner(1), sql).await;
        let detail = answer.problem(400, "invalid-request");
        assert!(detail.contains(reason) && !detail.is_empty(), "{sql}: {detail}");
        assert!(
            !detail.contains("123.45") && !detail.contains(&vehicle(2).to_string()),
            "{detail}"
        );
    }
    assert_eq!(files_below(&asked.market.app.config.data_dir), files, "nothing was written");
    assert_eq!(asked.rows(asked.owner(1), "SELECT count(*) FROM samples").await, json!([[3]]));
}

#[actix_web::test]
async fn no_condition_reaches_rows_of_others() {
    let asked = with_secret().await;
    let other = vehicle(2).to_string();
    #[rustfmt::skip] // a table is read by column
    let attempts = [
        ("SELECT count(*) FROM samples WHERE true OR vehicle = 'x'".to_owned(),    json!([[3]])),
        (format!("SELECT count(*) FROM samples WHERE vehicle = '{other}'"),        json!([[0]])),
        (format!("SELECT count(*) FROM samples WHERE vehicle IN ('{other}')"),     json!([[0]])),
        (format!("SELECT count(*) FROM samples WHERE NOT vehicle = '{other}'"),    json!([[3]])),
        ("SELECT max(value) FROM samples".to_owned(),                              json!([[30.0]])),
        ("SELECT count(*) FROM (SELECT * FROM samples UNION SELECT * FROM samples) t".to_owned(), json!([[3]])),
        ("WITH samples AS (SELECT * FROM samples) SELECT count(*) FROM samples".to_owned(), json!([[3]])),
        ("SELECT count(*) FROM datafusion.public.samples".to_owned(),              json!([[3]])),
        ("SELECT count(*) FROM samples a FULL JOIN samples b ON a.time = b.time".to_owned(), json!([[3]])),
        ("SELECT count(*) FROM samples a WHERE EXISTS (SELECT 1 FROM samples b WHERE b.value > 100)".to_owned(), json!([[0]])),
        // These would fail on rows of the other car, and by that tell that it has them.
        ("SELECT count(*) FROM samples WHERE 10 / CAST(value AS INT) >= 0".to_owned(), json!([[3]])),
        (format!("SELECT count(*) FROM samples WHERE 1 / (CASE WHEN vehicle = '{other}' THEN 0 ELSE 1 END) = 1"), json!([[3]])),
        (format!("SELECT count(*) FROM samples WHERE CAST(CASE WHEN vehicle = '{other}' THEN 'x' ELSE '1' END AS INT) = 1"), json!([[3]])),
        ("SELECT count(*) FROM samples a JOIN samples b ON 10 / CAST(a.value AS INT) = 10 / CAST(b.value AS INT)".to_owned(), json!([[5]])),
    ];
    for (sql, rows) in &attempts {
        assert_eq!(&asked.rows(asked.owner(1), sql).await, rows, "{sql}");
    }
    let detail = asked.sql(asked.owner(2), "SELECT 1 / CAST(value AS INT) FROM samples").await;
    let detail = detail.problem(400, "invalid-request");
    assert!(detail.contains("ivide by zero"), "his own zero is his own fault: {detail}");
}

#[actix_web::test]
async fn a_statement_that_costs_too_much_is_stopped() {
    let mut asked = with_secret().await;
    let values: Vec<(i64, f64)> = (0..5_000).map(|second| (second, 10.0)).collect();
    asked.keep(1, series(SPEED, &values)).await;
    asked.flush().await;
    let limits =
        QuestionLimits { seconds_max: 20, memory_mib_max: 16, ..QuestionLimits::default() };
    asked.limit(|known| *known = limits);
    let key = asked.owner(1).to_owned();

    let crossed = "SELECT count(*) FROM samples a, samples b, samples c, samples d \
                   WHERE a.value + b.value + c.value + d.value > 1000";
    let held = "SELECT median(a.value + b.value) FROM samples a, samples b";
    let started = std::time::Instant::now();
    let detail = asked.sql(&key, held).await.problem(422, "limit-exceeded");
    assert!(detail.contains("more than 16 MiB"), "{detail}");
    asked.limit(|limits| (limits.seconds_max, limits.memory_mib_max) = (1, 4_096));
    let detail = asked.sql(&key, crossed).await.problem(422, "limit-exceeded");
    assert!(detail.contains("pairs of rows") && detail.contains("join with `=`"), "{detail}");
    let endless = "SELECT count(*), max(a.value + b.value + c.value) FROM samples a JOIN samples b USING (vehicle) \
                   JOIN samples c USING (vehicle)";
    let detail = asked.sql(&key, endless).await.problem(422, "limit-exceeded");
    assert!(detail.contains("within 1 s"), "{detail}");
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());

    let sorted = "SELECT a.vehicle, b.signal, a.time, b.value FROM samples a, samples b, samples c \
                  ORDER BY b.value + a.value, a.time, b.time LIMIT 100000 OFFSET 20000000";
    asked.sql(&key, sorted).await.problem(422, "limit-exceeded");

    #[rustfmt::skip] // a table is read by column
    let large = [
        (format!("SELECT '{}'", "x".repeat(20_000)),                                     "bytes"),
        (format!("SELECT {}1{}", "(".repeat(2_000), ")".repeat(2_000)),                  "words and signs"),
        (format!("SELECT 1{}", "+1".repeat(1_500)),                                      "operators"),
        (format!("SELECT {}1", "NOT ".repeat(1_500)),                                    "operators"),
        (format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(100)),                       "selections"),
        (format!("SELECT 1 WHERE 1 IN ({}1)", "1,".repeat(5_000)),                       "words and signs"),
    ];
    for (sql, reason) in &large {
        let detail = asked.sql(&key, sql).await.problem(422, "limit-exceeded");
        assert!(detail.contains(reason), "{detail}");
    }
    asked.limit(|limits| limits.seconds_max = 30);
    let key = asked.owner(1).to_owned();
    let many = (0..300).map(|n| format!(", samples s{n}")).collect::<Vec<_>>().concat();
    let doubled = (1..12)
        .map(|n| format!(", t{n} AS (SELECT 1 AS x FROM t{m} a, t{m} b, t{m} c)", m = n - 1))
        .collect::<Vec<_>>()
        .concat();
    for sql in [
        format!("SELECT 1 FROM samples{many}"),
        format!("WITH t0 AS (SELECT 1 AS x){doubled} SELECT count(*) FROM t11"),
    ] {
        let answer = asked.sql(&key, &sql).await;
        let detail = answer.problem(422, "limit-exceeded");
        assert!(detail.contains("joins") || detail.contains("beside a WITH"), "{detail}");
    }
    let deep = format!("SELECT {}1{}", "abs(".repeat(23), ")".repeat(23));
    assert_eq!(asked.rows(&key, &deep).await, json!([[1]]));
    let chain = format!("SELECT 1{}", " + 1".repeat(190));
    assert_eq!(asked.rows(&key, &chain).await, json!([[191]]));
}

#[actix_web::test]
async fn a_market_that_is_asked_too_much_goes_on() {
    let mut asked = with_secret().await;
    let values: Vec<(i64, f64)> = (0..5_000).map(|second| (second, 10.0)).collect();
    asked.keep(1, series(SPEED, &values)).await;
    asked.limit(|limits| (limits.seconds_max, limits.at_once_max) = (1, 2));
    let key = asked.owner(1).to_owned();
    let crossed = "SELECT count(*) FROM samples a, samples b, samples c, samples d";
    let many = std::iter::repeat_with(|| asked.sql(&key, crossed)).take(6).collect();
    let statuses: Vec<u16> = join(many).await.iter().map(|answer| answer.status.as_u16()).collect();
    assert!(statuses.iter().all(|status| [422, 503].contains(status)), "{statuses:?}");

    asked.limit(|limits| limits.seconds_max = 30);
    assert_eq!(asked.rows(&key, "SELECT max(value) FROM samples").await, json!([[30.0]]));
}

/// Waits for all of them at the same time.
async fn join<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
    done.into_iter().flatten().collect()
}
