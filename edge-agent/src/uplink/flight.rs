//! The batches in flight: sent and not yet answered, in order.
//!
//! **Invariant:** once an answer asks to go back, nothing more is sent until every batch in flight is
//! answered. A batch counts as acknowledged only when its receipt names it by its hash.

use std::collections::VecDeque;

use proto::v1::{RefusalReason, submit_batches_response::Outcome};
use telematics::{BatchHash, LeavesAt};

use super::error::UplinkError;
use crate::answers::words;

/// What an answer asks for, once nothing is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rewind {
    /// Send again from this position.
    Resend(u64),
    /// Fetch the policy and cut anew: what waits was cut under another one.
    Recut,
    /// Fetch the policy and cut anew: what waits is finer than it lets out.
    Coarsen,
}

/// What one answer changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A batch is acknowledged.
    Receipt {
        /// Its position.
        seq: u64,
        /// The consent version in force.
        consent_version: u32,
        /// Where the leaves of its commitments are.
        leaves: Option<LeavesAt>,
    },
    /// Nothing to do before the flight is over.
    Noted,
}

/// Batches sent and not answered.
#[derive(Debug, Default)]
pub(super) struct Flight {
    sent: VecDeque<(u64, BatchHash)>,
    rewind: Option<Rewind>,
    /// A batch was refused as too precise, and none was acknowledged since.
    too_precise: bool,
}

impl Flight {
    pub(super) fn depart(&mut self, seq: u64, hash: BatchHash) {
        self.sent.push_back((seq, hash));
    }

    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    pub(super) fn is_rewinding(&self) -> bool {
        self.rewind.is_some()
    }

    /// What to do now that nothing is in flight.
    pub(super) fn take_rewind(&mut self) -> Option<Rewind> {
        self.sent.is_empty().then(|| self.rewind.take()).flatten()
    }

    /// Takes in the answer to the oldest batch in flight.
    pub(super) fn hear(&mut self, outcome: Outcome) -> Result<Heard, UplinkError> {
        let out_of_turn = |what: String| UplinkError::OutOfTurn { what };
        let expected = self.sent.pop_front();
        let (expected, hash) =
            expected.ok_or_else(|| out_of_turn("nothing was sent".to_owned()))?;
        match outcome {
            Outcome::Receipt(receipt)
                if receipt.seq == expected && receipt.batch_hash != hash.0 =>
            {
                Err(UplinkError::OtherBatch { seq: expected })
            }
            Outcome::Receipt(receipt) if receipt.seq == expected => {
                let leaves = receipt.leaves.map(LeavesAt::try_from).transpose()?;
                self.too_precise = false;
                let consent_version = receipt.consent_version;
                Ok(Heard::Receipt { seq: expected, consent_version, leaves })
            }
            Outcome::Receipt(receipt) => {
                Err(out_of_turn(format!("receipt {} for batch {expected}", receipt.seq)))
            }
            Outcome::Resend(resend) => {
                self.rewind.get_or_insert(Rewind::Resend(resend.from_seq));
                Ok(Heard::Noted)
            }
            Outcome::Refusal(refusal) => {
                let reason = match refusal.reason() {
                    RefusalReason::StaleConsent => {
                        self.rewind = Some(Rewind::Recut);
                        return Ok(Heard::Noted);
                    }
                    // Once: what was cut anew is as coarse as this car can make it.
                    RefusalReason::TooPrecise if !self.too_precise => {
                        self.too_precise = true;
                        self.rewind = Some(Rewind::Coarsen);
                        return Ok(Heard::Noted);
                    }
                    RefusalReason::TooPrecise => "too precise",
                    RefusalReason::WrongVehicle => "wrong vehicle",
                    RefusalReason::BadPayload => "bad payload",
                    RefusalReason::WrongSignature => "wrong signature",
                    RefusalReason::NotConsented => "not consented",
                    RefusalReason::ForkedChain => "forked chain",
                    RefusalReason::Unspecified => "no reason given",
                };
                let message = words(&refusal.message);
                Err(UplinkError::Refused { seq: expected, reason, message })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::v1::{Receipt, Refusal, Resend};

    use super::*;

    fn hash(seq: u64) -> BatchHash {
        BatchHash([u8::try_from(seq).unwrap(); 32])
    }

    fn receipt(seq: u64) -> Outcome {
        let batch_hash = hash(seq).0.to_vec();
        Outcome::Receipt(Receipt { seq, batch_hash, consent_version: 3, ..Receipt::default() })
    }

    fn refusal(reason: RefusalReason) -> Outcome {
        Outcome::Refusal(Refusal { seq: 1, reason: reason.into(), message: "why".to_owned() })
    }

    fn flight(seqs: std::ops::RangeInclusive<u64>) -> Flight {
        let mut flight = Flight::default();
        seqs.for_each(|seq| flight.depart(seq, hash(seq)));
        flight
    }

    #[test]
    fn answers_belong_to_batches_in_order() {
        let mut flight = flight(1..=2);
        let heard = Heard::Receipt { seq: 1, consent_version: 3, leaves: None };
        assert_eq!(flight.hear(receipt(1)).unwrap(), heard);
        assert!(flight.hear(receipt(3)).is_err());
        assert!(flight.hear(receipt(3)).is_err(), "nothing was sent");
    }

    #[test]
    fn a_receipt_for_another_batch_of_that_position_is_final() {
        for batch_hash in [vec![9; 32], hash(1).0[..31].to_vec(), Vec::new()] {
            let receipt = Receipt { seq: 1, batch_hash, ..Receipt::default() };
            let error = flight(1..=2).hear(Outcome::Receipt(receipt)).unwrap_err();

            assert!(error.is_final());
            assert!(error.to_string().contains("another batch 1 than this car sent"), "{error}");
        }
    }

    #[test]
    fn an_endless_stream_of_answers_ends_with_the_first_for_nothing() {
        let mut flight = flight(1..=2);
        let heard =
            std::iter::repeat_with(|| flight.hear(Outcome::Resend(Resend { from_seq: u64::MAX })));
        assert_eq!(heard.take_while(Result::is_ok).count(), 2);
    }

    #[test]
    fn going_back_waits_for_every_answer() {
        let mut flight = flight(1..=3);
        let resend = || Outcome::Resend(Resend { from_seq: 1 });
        flight.hear(refusal(RefusalReason::StaleConsent)).unwrap();
        flight.hear(resend()).unwrap();
        assert!(flight.is_rewinding());
        assert_eq!(flight.take_rewind(), None);
        flight.hear(resend()).unwrap();

        assert_eq!(flight.take_rewind(), Some(Rewind::Recut));
        assert!(!flight.is_rewinding());
    }

    #[test]
    fn what_is_too_precise_is_cut_anew_once() {
        let mut flight = flight(1..=1);
        flight.hear(refusal(RefusalReason::TooPrecise)).unwrap();
        assert_eq!(flight.take_rewind(), Some(Rewind::Coarsen));

        flight.depart(1, hash(1));
        let error = flight.hear(refusal(RefusalReason::TooPrecise)).unwrap_err();
        assert!(error.is_final() && error.to_string().contains("too precise"), "{error}");
    }

    #[test]
    fn a_receipt_allows_to_be_too_precise_again() {
        let mut flight = flight(1..=1);
        flight.hear(refusal(RefusalReason::TooPrecise)).unwrap();
        flight.take_rewind();
        flight.depart(1, hash(1));
        flight.hear(receipt(1)).unwrap();
        flight.depart(2, hash(2));

        flight.hear(refusal(RefusalReason::TooPrecise)).unwrap();
        assert_eq!(flight.take_rewind(), Some(Rewind::Coarsen));
    }

    #[test]
    fn a_refusal_for_good_says_why_and_ends_the_uplink() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (RefusalReason::ForkedChain,    "forked chain"),
            (RefusalReason::WrongSignature, "wrong signature"),
            (RefusalReason::WrongVehicle,   "wrong vehicle"),
            (RefusalReason::BadPayload,     "bad payload"),
            (RefusalReason::NotConsented,   "not consented"),
            (RefusalReason::Unspecified,    "no reason given"),
        ];
        for (reason, word) in cases {
            let error = flight(1..=1).hear(refusal(reason)).unwrap_err();
            assert!(error.is_final(), "{word}");
            assert!(error.to_string().contains(&format!("batch 1 ({word}): why")), "{error}");
        }
    }
}
