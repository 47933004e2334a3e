//! Asking cars that were recorded: what they answered then, they answer again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use edge_agent::frames::{CanId, Frame, LogReader};
use edge_agent::obd::{FingerprintKey, ObdConfig, Session, Templates};
use telematics::{Sample, Timestamp};

const LOGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/logs");

/// What followed each request: frames, and microseconds after it.
type Answers = BTreeMap<Vec<u8>, Vec<(i64, Frame)>>;

fn is_request(frame: &Frame) -> bool {
    matches!(frame.id, CanId::Standard(0x7DF..=0x7E7))
        && (1..=7).contains(frame.data().first().unwrap_or(&0))
}

fn is_answer(frame: &Frame) -> bool {
    matches!(frame.id, CanId::Standard(0x7E8..=0x7EF))
}

fn payload(frame: &Frame) -> Vec<u8> {
    frame.data()[1..=usize::from(frame.data()[0])].to_vec()
}

/// The first answers of a recorded car to each request that it answered.
fn recorded(name: &str) -> Answers {
    let mut log = LogReader::open(&Path::new(LOGS).join(name), None).unwrap();
    let (mut answers, mut asked) = (Answers::new(), None);
    while let Some(frame) = log.next_frame().unwrap() {
        if is_request(&frame) {
            let is_new = answers.get(&payload(&frame)).is_none_or(Vec::is_empty);
            asked = is_new.then(|| (payload(&frame), frame.time));
        } else if is_answer(&frame)
            && let Some((payload, time)) = &asked
        {
            let after = frame.time.micros_since(*time);
            answers.entry(payload.clone()).or_default().push((after, frame));
        }
    }
    answers
}

/// Answers to what the recording's tester knew already: which values there are.
fn with_maps(mut answers: Answers) -> Answers {
    for service in [0x01, 0x09] {
        let known: BTreeSet<u8> = answers
            .keys()
            .filter(|asked| asked.len() == 2 && asked[0] == service)
            .map(|asked| asked[1])
            .collect();
        for page in (0_u8..=0xC0).step_by(0x20) {
            if answers.contains_key(&vec![service, page]) {
                continue;
            }
            let mut map = 0_u32;
            for bit in 0..32 {
                let pid = page + bit + 1;
                let has_more = bit == 31 && known.iter().any(|known| *known > pid);
                map |= u32::from(known.contains(&pid) || has_more) << (31 - bit);
            }
            let [a, b, c, d] = map.to_be_bytes();
            let data = [6, service | 0x40, page, a, b, c, d];
            let id = CanId::Standard(0x7E8);
            let frame = Frame::new(Timestamp::from_micros(0), id, &data).unwrap();
            answers.insert(vec![service, page], vec![(6_000, frame)]);
        }
    }
    answers
}

/// Asks for a while; returns the session, what was asked and what came back.
fn ask(answers: &Answers, seconds: i64) -> (Session, Vec<Vec<u8>>, Vec<Sample>) {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let config = ObdConfig {
        enabled: true,
        requests_per_second_max: 10.try_into().unwrap(),
        ..ObdConfig::default()
    };
    let key = FingerprintKey::new(&[7; 32]);
    let mut session = Session::new(&config, Templates::default(), key, start);
    let (mut asked, mut samples, mut under_way) = (Vec::new(), Vec::new(), VecDeque::new());
    for step in 0..seconds * 200 {
        let now = start.plus_micros(step * 5_000);
        while under_way.front().is_some_and(|frame: &Frame| frame.time <= now) {
            let frame = under_way.pop_front().unwrap();
            session.hear(&frame, |sample| samples.push(sample));
        }
        while let Some(sent) = session.next(now) {
            let echo = Frame::new(now, sent.id(), &sent.data()).unwrap();
            session.hear(&echo, |_| ());
            if !is_request(&echo) {
                continue;
            }
            for (after, answer) in answers.get(&payload(&echo)).into_iter().flatten() {
                let mut answer = *answer;
                answer.time = now.plus_micros(*after);
                under_way.push_back(answer);
            }
            asked.push(payload(&echo));
        }
    }
    (session, asked, samples)
}

#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn a_recorded_skoda_answers_again() {
    let answers = with_maps(recorded("obd2_skoda_request_response.log.gz"));
    let (session, asked, samples) = ask(&answers, 120);

    let findings = session.findings();
    println!("{} requests, {} samples, {findings:?}", asked.len(), samples.len());
    assert!(findings.fingerprint.is_some(), "a VIN of three frames");
    assert!(findings.answered > 100 && findings.answered > 10 * findings.unanswered);
    for path in ["Speed", "EngineSpeed", "CoolantTemperature", "MAP", "ThrottlePosition"] {
        let path = format!("Vehicle.OBD.{path}");
        assert!(samples.iter().any(|sample| sample.signal.path() == path), "{path}");
    }
    let coolant = samples.iter().find(|s| s.signal.path().ends_with("CoolantTemperature"));
    assert_eq!(coolant.unwrap().value.raw(), 210, "the recording has 41 05 3D");
}

#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn several_computers_of_a_recorded_kona_answer_again() {
    let answers = recorded("kona_ev_2021_dcan_car_scanner_obd_uds.log.gz");
    let (session, asked, samples) = ask(&answers, 120);

    let findings = session.findings();
    println!("{} requests, {} samples, {findings:?}", asked.len(), samples.len());
    assert!(findings.computers >= 2, "{findings:?}");
    for service in [vec![3], vec![7], vec![0x0A]] {
        assert!(asked.contains(&service), "{service:02X?}");
    }
}
