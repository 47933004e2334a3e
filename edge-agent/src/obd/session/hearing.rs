//! What a session makes of what it hears: answers, refusals, and others who ask.

use telematics::time::MICROS_PER_SECOND;
use telematics::{Sample, Timestamp};

use super::Session;
use crate::frames::{CanId, Frame};
use crate::obd::allowed::{Address, AllowedFrame, AllowedRequest};
use crate::obd::codes::FaultCode;
use crate::obd::supported::Supported;

/// How long other computers get to answer after the first one has.
const OTHERS_MICROS: i64 = 50_000;
/// Until the next part of a long answer.
const PART_MICROS: i64 = MICROS_PER_SECOND;
/// What a computer gets that says it needs time: `P2*` of ISO 14229-2.
const PENDING_MICROS: i64 = 5 * MICROS_PER_SECOND;
/// How long another tester is left alone after its last request.
const COURTESY_MICROS: i64 = 10 * MICROS_PER_SECOND;
/// Values that are asked for as they were when a fault was seen.
const FROZEN_PIDS: [u8; 4] = [0x04, 0x05, 0x0C, 0x0D];

impl Session {
    /// Takes a frame of the bus, and hands out the samples that it ends. True for a sign of life: what this
    /// session did not cause itself, or an answer that says that the car is in use.
    pub fn hear(&mut self, frame: &Frame, mut take: impl FnMut(Sample)) -> bool {
        let now = frame.time;
        self.load.hear(now);
        let sender = Address::of_answer(frame.id).or_else(|| self.templates.of_answer(frame.id));
        let Some(sender) = sender else {
            return self.hear_others(frame);
        };
        // A first frame waits for someone to say: go on.
        if let Some(waiting) = &mut self.waiting
            && frame.data().first().is_some_and(|first| matches!(first >> 4, 1 | 2))
        {
            waiting.until = now.plus_micros(PART_MICROS).max(waiting.until);
            if frame.data().first().is_some_and(|first| first >> 4 == 1) {
                self.go_on.push_back(AllowedFrame::go_on(sender));
            }
        }
        let Some(pdu) = self.iso_tp.push(frame) else { return false };
        let payload = pdu.payload.to_vec();
        let (mut rest, mut is_used) = (self.rest, false);
        let mut note = |sample: Sample| {
            is_used |= rest.hear_answer(&sample);
            take(sample);
        };
        match *payload.as_slice() {
            [0x7F, service, reason] => self.refuse(service, reason, now),
            _ => self.answer(frame.id, &payload, now, &mut note),
        }
        self.rest = rest;
        is_used
    }

    /// Takes note of a frame of another bus of the same car: it is awake.
    pub fn hear_elsewhere(&mut self, time: Timestamp) {
        if self.rest.hear_traffic(time) {
            self.hurry(time);
        }
    }

    /// The car has woken up: what it did not answer before says nothing any more.
    fn hurry(&mut self, now: Timestamp) {
        self.slowdown = 0;
        self.next_at = self.next_at.min(now.plus_micros(self.interval));
    }

    /// A request that is not ours is another tester's. True unless it is ours.
    fn hear_others(&mut self, frame: &Frame) -> bool {
        let is_request = match frame.id {
            CanId::Standard(id) => id == 0x7DF || (0x7E0..=0x7E7).contains(&id),
            CanId::Extended(id) => id == 0x18DB_33F1 || id & 0xFFFF_00FF == 0x18DA_00F1,
        };
        let is_echo = |sent: &AllowedFrame| sent.id() == frame.id && sent.data() == *frame.data();
        if let Some(position) = self.echoes.iter().position(is_echo) {
            self.echoes.remove(position);
            return false;
        }
        if is_request {
            self.quiet_until = frame.time.plus_micros(COURTESY_MICROS);
        } else {
            self.hear_elsewhere(frame.time);
        }
        true
    }

    fn refuse(&mut self, service: u8, reason: u8, now: Timestamp) {
        let Some(waiting) = &mut self.waiting else { return };
        if waiting.request.service() != service {
            return;
        }
        match reason {
            0x78 => {
                waiting.until = now.plus_micros(PENDING_MICROS);
                return;
            }
            0x21 => waiting.busy = true,
            // Service or part of it not known, or not in this session, or locked.
            0x11 | 0x12 | 0x31 | 0x33 | 0x7E | 0x7F => waiting.refused = true,
            // As conditions are now: another time.
            _ => waiting.answered = true,
        }
        self.findings.refused += 1;
        self.await_others(now);
    }

    /// Who was asked alone has answered; of many, others may follow.
    fn await_others(&mut self, now: Timestamp) {
        if let Some(waiting) = &mut self.waiting {
            let alone = matches!(waiting.request.to(), Address::One11(_) | Address::One29(_));
            let until = now.plus_micros(if alone { 0 } else { OTHERS_MICROS });
            waiting.until = until;
        }
    }

    fn answer(
        &mut self,
        from: CanId,
        payload: &[u8],
        now: Timestamp,
        take: &mut impl FnMut(Sample),
    ) {
        let Some(request) = self.waiting.as_ref().map(|waiting| waiting.request) else { return };
        let (head, length) = request.answer_head();
        let Some(rest) = head.get(..length).and_then(|head| payload.strip_prefix(head)) else {
            return;
        };
        if let Some(waiting) = &mut self.waiting {
            waiting.answered = true;
        }
        self.await_others(now);
        let [_, pid, _] = head;
        match request.service() {
            service @ (0x01 | 0x09) if Supported::is_page(pid) => {
                if let Some(map) = rest.last_chunk().filter(|_| rest.len() == 4 || service == 9) {
                    self.supported.note(service, from, pid, *map);
                    self.findings.computers = self.supported.computers();
                }
            }
            0x01 => self.read(from, pid, rest, now, take),
            0x02 => self.thaw(pid, rest, now),
            0x03 => self.findings.stored.extend(FaultCode::list(rest)),
            0x07 => self.findings.pending.extend(FaultCode::list(rest)),
            0x0A => self.findings.permanent.extend(FaultCode::list(rest)),
            0x09 if pid == 0x02 => {
                self.findings.fingerprint = self.key.of_answer(rest).or(self.findings.fingerprint);
            }
            0x19 => self.findings.stored.extend(FaultCode::uds_list(rest)),
            0x22 => {
                let template = self.templates.iter().find(|template| template.request == request);
                for reading in template.iter().flat_map(|template| &template.readings) {
                    reading.sample(now, rest).into_iter().for_each(&mut *take);
                }
            }
            _ => {}
        }
    }

    /// The values of service 01, from the one computer that is believed about them.
    fn read(
        &self,
        from: CanId,
        pid: u8,
        rest: &[u8],
        now: Timestamp,
        take: &mut impl FnMut(Sample),
    ) {
        if self.supported.first(0x01, pid) != Some(from) {
            return;
        }
        for known in self.pids.iter().filter(|known| known.number == pid) {
            known.reading.sample(now, rest).into_iter().for_each(&mut *take);
        }
    }

    /// The values of service 02: first for which fault, then what was.
    fn thaw(&mut self, pid: u8, rest: &[u8], now: Timestamp) {
        if pid == 0x02 {
            let code = rest.first_chunk().and_then(|bytes| FaultCode::from_bytes(*bytes));
            if code.is_some() && code != self.findings.frozen_for {
                self.findings.frozen_for = code;
                for pid in FROZEN_PIDS {
                    self.once(AllowedRequest::frozen(self.everyone, pid), now);
                }
            }
            return;
        }
        for known in self.pids.iter().filter(|known| known.number == pid) {
            if let Some(sample) = known.reading.sample(now, rest) {
                self.findings.frozen.insert(sample.signal, sample.value);
            }
        }
    }
}
