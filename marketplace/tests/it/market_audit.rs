//! The audit finds nothing in a market as it is, and everything that was changed behind its back.

use diesel::connection::SimpleConnection as _;
use marketplace::db::Conn;
use marketplace::ledger::LedgerError;
use serde_json::Value;

use crate::market_support::Market;
use crate::process::{ANY, marketplace};

/// A market that has sold once, and waits to deliver another time.
async fn market() -> Market {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    market.order(&key, &quote, "first").await.expect(201);
    market.settle().await;
    let quote = market.quote(&key).await;
    market.order(&key, &quote, "second").await.expect(201);
    market
}

impl Market {
    pub(crate) async fn tamper(&self, sql: &'static str) {
        let run = move |conn: &mut Conn| Ok::<_, LedgerError>(conn.batch_execute(sql)?);
        self.app.db.write(run).await.unwrap();
    }

    /// The rules that do not hold.
    pub(crate) async fn broken(&self) -> Vec<&'static str> {
        let checks = self.audited.0.audit().await.unwrap();
        let broken = checks.into_iter().filter(|check| !check.findings.is_empty());
        broken.map(|check| check.rule).collect()
    }
}

#[actix_web::test]
async fn what_is_changed_behind_the_market_is_found() {
    let market = market().await;
    assert_eq!(market.broken().await, [""; 0]);

    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("an account has what was posted",
            "UPDATE accounts SET balance = balance + 1 WHERE kind = 'fees'",
            "UPDATE accounts SET balance = balance - 1 WHERE kind = 'fees'"),
        ("all balances together",
            "UPDATE accounts SET balance = balance + 1 WHERE kind = 'owner'",
            "UPDATE accounts SET balance = balance - 1 WHERE kind = 'owner'"),
        ("an order has the price of its quote",
            "UPDATE orders SET price = price + 1, refunded = refunded + 1",
            "UPDATE orders SET price = price - 1, refunded = refunded - 1"),
        ("an order has the price of its quote",
            "UPDATE quote_vehicles SET row_count = row_count + 1",
            "UPDATE quote_vehicles SET row_count = row_count - 1"),
        ("a price is what the price rule makes",
            "UPDATE quotes SET price_inputs = replace(price_inputs, '\"base_micro_tokens\":200', '\"base_micro_tokens\":201')",
            "UPDATE quotes SET price_inputs = replace(price_inputs, '\"base_micro_tokens\":201', '\"base_micro_tokens\":200')"),
        ("pay-outs, fee and refund",
            "UPDATE payouts SET amount = amount + 1",
            "UPDATE payouts SET amount = amount - 1"),
        ("pay-outs, fee and refund",
            "UPDATE orders SET fee = fee + 1, paid_out = paid_out - 1 WHERE status = 'delivered'",
            "UPDATE orders SET fee = fee - 1, paid_out = paid_out + 1 WHERE status = 'delivered'"),
        ("an order is charged once",
            "UPDATE orders SET status = 'paid' WHERE settled_at IS NOT NULL",
            "UPDATE orders SET status = 'delivered' WHERE settled_at IS NOT NULL"),
        ("escrow holds the price",
            "UPDATE orders SET price = price - 1 WHERE status = 'paid'",
            "UPDATE orders SET price = price + 1 WHERE status = 'paid'"),
        ("an order has a version",
            "UPDATE versions SET row_count = row_count + 1",
            "UPDATE versions SET row_count = row_count - 1"),
        ("the file of every version",
            "UPDATE versions SET byte_count = byte_count + 1",
            "UPDATE versions SET byte_count = byte_count - 1"),
        ("the search index",
            "UPDATE datasets SET makes = makes || 'x'",
            "UPDATE datasets SET makes = substr(makes, 1, length(makes) - 1)"),
    ];
    for (rule, change, mend) in cases {
        market.tamper(change).await;
        let broken = market.broken().await;
        assert!(broken.iter().any(|found| found.starts_with(rule)), "{change}: {broken:?}");
        market.tamper(mend).await;
        assert_eq!(market.broken().await, [""; 0], "{mend}");
    }
}

#[actix_web::test]
async fn an_entry_that_was_changed_is_found_even_without_the_triggers() {
    let market = market().await;
    let unguarded = |conn: &mut Conn| {
        let unguard = match conn {
            Conn::Sqlite(_) => "DROP TRIGGER postings_refuse_update",
            Conn::Postgres(_) => "DROP TRIGGER postings_refuse_change ON postings",
        };
        Ok::<_, LedgerError>(conn.batch_execute(unguard)?)
    };
    market.app.db.write(unguarded).await.unwrap();

    market.tamper("UPDATE postings SET amount = amount + 1 WHERE amount > 0").await;

    let broken = market.broken().await;
    assert!(broken.iter().any(|rule| rule.starts_with("every entry is sealed")), "{broken:?}");
    market.tamper("UPDATE postings SET amount = amount - 1 WHERE amount > 0").await;
}

#[actix_web::test]
async fn the_command_says_what_it_looked_at_and_what_it_found() {
    let market = market().await;
    let audit = |arguments: &[&str]| {
        let mut command = marketplace(market.folder.path(), ANY, ANY);
        command.arg("audit").args(arguments).output().unwrap()
    };

    let clean = audit(&["--json"]);
    assert!(clean.status.success(), "{}", String::from_utf8_lossy(&clean.stderr));
    let report: Value = serde_json::from_slice(&clean.stdout).unwrap();
    assert_eq!(report["findings"], 0);
    for check in report["checks"].as_array().unwrap() {
        // Nothing is pending in this market, nobody has proven anything, and its first week is not over.
        let rule = check["rule"].as_str().unwrap();
        let idle = [
            "a pending transfer",
            "each vehicle is paid",
            "a payee has",
            "a week's pool",
            "a share of a week",
        ];
        let is_idle = idle.iter().any(|idle| rule.starts_with(idle));
        assert_eq!(check["examined"] == 0, is_idle, "{check}");
    }

    market.tamper("UPDATE accounts SET balance = balance + 1 WHERE kind = 'fees'").await;
    let found = audit(&[]);
    assert_eq!(found.status.code(), Some(1));
    let (out, error) =
        (String::from_utf8(found.stdout).unwrap(), String::from_utf8(found.stderr).unwrap());
    assert!(out.contains("fees has"), "{out}");
    assert!(error.contains("the audit found 2 things"), "{error}");
    market.tamper("UPDATE accounts SET balance = balance - 1 WHERE kind = 'fees'").await;
}
