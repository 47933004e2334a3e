//! What a sale costs the ledger: its price goes to escrow, and from there to the market and a hundred owners.
//!
//! Each transaction is committed with an fsync. Many sales in one show what the ledger itself takes, and one in each what a
//! lone buyer waits for.

#![expect(clippy::unwrap_used, reason = "a bench stops when it can not run")]

use std::cell::Cell;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use marketplace::db::{Conn, Db};
use marketplace::ledger::{self, Account, Amount, Entry, EntryKind, LedgerError, Posting};
use telematics::testing::T0;
use telematics::{BuyerId, OwnerId};
use tokio::runtime::Runtime;

const PAYEES: u32 = 100;
/// What each payee gets, in micro-tokens; the market gets as much.
const SHARE: i64 = 1_000;
const PRICE: i64 = SHARE * 101;

struct Market {
    _folder: tempfile::TempDir,
    runtime: Runtime,
    db: Db,
    sales: Cell<u64>,
}

impl Market {
    fn new() -> Self {
        let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
        let db = Db::open_in(folder.path()).unwrap();
        let market = Self { _folder: folder, runtime, db, sales: Cell::new(0) };
        let funds = [
            Posting { account: Account::Issuance, amount: Amount::from_micros(-i64::MAX / 2) },
            Posting { account: buyer(), amount: Amount::from_micros(i64::MAX / 2) },
        ];
        market.post(vec![Entry::new(EntryKind::Deposit, "funds", funds).unwrap()]);
        market
    }

    fn post(&self, entries: Vec<Entry>) {
        let post = move |conn: &mut Conn| ledger::post_linked(conn, &entries, T0);
        self.runtime.block_on(self.db.write::<_, LedgerError, _>(post)).unwrap();
    }

    /// The entries of the next `count` sales.
    fn sales(&self, count: u64) -> Vec<Entry> {
        let first = self.sales.get();
        self.sales.set(first + count);
        (first..first + count).flat_map(sale).collect()
    }
}

fn buyer() -> Account {
    Account::Buyer(BuyerId::new(T0, [1; 10]))
}

/// An owner among more than are paid by one sale.
fn owner(number: u64) -> Account {
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&(number % 5_000).to_be_bytes());
    Account::Owner(OwnerId::new(T0, bytes))
}

fn sale(number: u64) -> [Entry; 2] {
    let escrow = Account::Escrow(u128::from(number).to_be_bytes());
    let line = |account, micros| Posting { account, amount: Amount::from_micros(micros) };
    let purchase = [line(buyer(), -PRICE), line(escrow, PRICE)];
    let payees = (0..u64::from(PAYEES)).map(|payee| line(owner(number * 7 + payee), SHARE));
    let settlement = [line(escrow, -PRICE), line(Account::Fees, SHARE)];
    let settlement = settlement.into_iter().chain(payees);
    [
        Entry::new(EntryKind::Purchase, &format!("purchase/{number}"), purchase).unwrap(),
        Entry::new(EntryKind::Settlement, &format!("settlement/{number}"), settlement).unwrap(),
    ]
}

fn sales(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sales of 100 payees");
    group.sample_size(20);
    for count in [1, 100] {
        let market = Market::new();
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count} a transaction"), |bench| {
            let entries = || market.sales(count);
            bench.iter_batched(entries, |entries| market.post(entries), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, sales);
criterion_main!(benches);
