//! Payloads that are signed as they should be and do not read.

use proto::v1::RefusalReason as Reason;
use telematics::payload::{self, Contents};
use telematics::{SealedBatch, Timestamp};

use crate::cars::Car;
use crate::lake_support::speeds;
use crate::market::Market;

/// A Zstandard frame of one block: `kind` 0 as it is, 1 its first byte `length` times.
fn frame(kind: u32, length: u32, content: &[u8]) -> Vec<u8> {
    let head = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    let block = (length << 3 | kind << 1 | 1).to_le_bytes();
    [&head[..], &block[..3], content].concat()
}

fn stored(body: &[u8]) -> Vec<u8> {
    frame(0, body.len().try_into().unwrap(), body)
}

/// Speeds of which the first was measured at this time.
fn at(micros: i64) -> Vec<u8> {
    let mut contents = speeds(0, 3);
    contents.samples[0].time = Timestamp::from_micros(micros);
    payload::encode(&contents)
}

#[tokio::test]
async fn what_does_not_read_is_refused_by_name_and_the_car_may_go_on() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let whole = payload::encode(&speeds(0, 500));
    let of_2100 = Timestamp::CALENDAR_END.as_micros();
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("cut off",         whole[..whole.len() / 2].to_vec(), "compressed"),
        ("cut off inside",  stored(&[1, 1, 1, 2, 0]),          "cut short"),
        ("no Zstandard",    vec![7; 40],                       "compressed"),
        ("expands",         frame(1, 120_000, &[0]),           "unpacks to more than"),
        ("signal unknown",  stored(&[1, 1, 0, 0, 0]),          "signal"),
        ("before 1970",     at(-1),                            "between 1970 and 2100"),
        ("of 2100",         at(of_2100),                       "between 1970 and 2100"),
        ("other version",   stored(&[9]),                      "format version 9"),
    ];
    for (name, payload, says) in cases {
        let batch = SealedBatch::seal(car.header(), payload, &car.key);

        let answers = car.send(&market, [batch]).await;

        let message = answers.refusal(Reason::BadPayload);
        assert!(message.contains(says), "{name}: {message}");
    }

    let [first, last] = [0, of_2100 - 1].map(at);
    for payload in [first, last] {
        let contents: Contents = payload::decode(&payload).unwrap();
        let batch = car.next_of(&contents);
        assert_eq!(car.send(&market, [batch]).await.receipts().len(), 1, "kept, and scored");
    }
}
