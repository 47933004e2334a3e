//! The status as one screen that goes on.

use std::path::Path;
use std::time::Duration;

use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph, Row, Table, Wrap};
use telematics::{Signal, Timestamp};

use super::{age, alarm, answered, bytes, earned, in_words};
use crate::clock;
use crate::live::{self, LiveSignal};
use crate::status::{self, Status};

/// How often the status is read.
const REFRESH: Duration = Duration::from_millis(500);
/// Facts on the right, and its width; what is left belongs to the live signals.
const FACTS_WIDTH: u16 = 42;

/// Shows the agent in `data_dir` until the owner presses `q`.
pub(super) fn show(data_dir: &Path) -> anyhow::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let shown = loop {
        let status = match status::read(data_dir) {
            Ok(status) => status,
            Err(error) => break Err(error.into()),
        };
        let drawn = terminal.draw(|frame| draw(frame, &status, clock::now()));
        match drawn.and_then(|_| is_over()) {
            Ok(false) => {}
            Ok(true) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    ratatui::try_restore()?;
    shown
}

/// Waits for a key, at most until the next refresh.
fn is_over() -> std::io::Result<bool> {
    Ok(event::poll(REFRESH)? && is_quit(&event::read()?))
}

/// `q`, Escape and Ctrl-C end the screen.
pub(super) fn is_quit(event: &Event) -> bool {
    let Event::Key(KeyEvent { code, modifiers, .. }) = event else { return false };
    match code {
        KeyCode::Char('q') | KeyCode::Esc => true,
        KeyCode::Char('c') => modifiers.contains(KeyModifiers::CONTROL),
        _ => false,
    }
}

/// Draws `status` as it is at `now`.
pub(super) fn draw(frame: &mut Frame<'_>, status: &Status, now: Timestamp) {
    let alarm = alarm(status, now);
    let rows = [
        Constraint::Length(1),
        Constraint::Length(u16::from(alarm.is_some())),
        Constraint::Min(0),
        Constraint::Length(1),
    ];
    let [head, warning, body, foot] = Layout::vertical(rows).areas(frame.area());
    frame.render_widget(header(status), head);
    if let Some(alarm) = alarm {
        let loud = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        frame.render_widget(Paragraph::new(alarm).centered().style(loud), warning);
    }
    let columns = [Constraint::Min(30), Constraint::Length(FACTS_WIDTH)];
    let [left, right] = Layout::horizontal(columns).areas(body);
    draw_live(frame, left, status, now);
    let [groups, facts] =
        Layout::vertical([Constraint::Length(12), Constraint::Min(0)]).areas(right);
    frame.render_widget(group_table(status), groups);
    draw_facts(frame, facts, status, now);
    let keys = " q quits    edge-agent consent: what leaves    edge-agent pause: record nothing";
    frame.render_widget(Line::from(keys).dim(), foot);
}

fn header(status: &Status) -> Paragraph<'static> {
    let link = if status.connected { "connected" } else { "not connected" };
    let consent = status.consent_version;
    let text = format!(" Axle  {}  {link}  consent {consent}", status.vehicle_id);
    Paragraph::new(text).bold()
}

fn draw_live(frame: &mut Frame<'_>, area: Rect, status: &Status, now: Timestamp) {
    let room = usize::from(area.height.saturating_sub(2));
    let hidden = status.live.len().saturating_sub(room);
    let block = Block::bordered().title(" Live signals ");
    let block = match hidden {
        0 => block,
        _ => block.title_bottom(format!(" {hidden} more: --once ")),
    };
    let rows = status.live.iter().take(room).map(|row| live_row(row, now));
    let widths = [Constraint::Fill(1), Constraint::Length(14), Constraint::Length(7)];
    frame.render_widget(Table::new(rows, widths).block(block), area);
}

fn live_row(row: &LiveSignal, now: Timestamp) -> Row<'static> {
    let value = match (Signal::by_path(&row.path), row.value) {
        (Ok(signal), Some(value)) => live::text(signal, value),
        // Values that do not leave the car are never written to a file, also not for this screen.
        _ => in_words(&row.disclosure).to_owned(),
    };
    let name = row.path.strip_prefix("Vehicle.").unwrap_or(&row.path).to_owned();
    let cells = Row::new([name, value, age(&row.seen_at, now)]);
    if row.value.is_none() { cells.dim() } else { cells }
}

fn group_table(status: &Status) -> Table<'static> {
    let row = |count: &live::GroupCount| {
        let cells = [&count.group, in_words(&count.disclosure), &count.samples.to_string()];
        let row = Row::new(cells.map(ToOwned::to_owned));
        match count.disclosure.as_str() {
            "share" => row.bold(),
            "prove" => row,
            _ => row.dim(),
        }
    };
    let widths = [Constraint::Length(13), Constraint::Length(11), Constraint::Fill(1)];
    let rows: Vec<_> = status.groups.iter().map(row).collect();
    Table::new(rows, widths).block(Block::bordered().title(" What leaves the car, samples "))
}

fn draw_facts(frame: &mut Frame<'_>, area: Rect, status: &Status, now: Timestamp) {
    let counters = &status.counters;
    let receipt = status.last_receipt.as_ref();
    let receipt =
        receipt.map_or("none yet".to_owned(), |last| format!("{} ago", age(&last.at, now)));
    let (pending, size) = (status.batches_pending, bytes(status.bytes_pending));
    let lost = [
        (status.batches_lost, "batches"),
        (status.samples_lost, "samples"),
        (counters.frames_lost, "frames"),
        (counters.frames_dropped, "frames dropped"),
        (counters.messages_incomplete, "messages incomplete"),
        (counters.broken_lines, "lines broken"),
    ];
    let lost: Vec<_> =
        lost.iter().filter(|(n, _)| *n > 0).map(|(n, of)| format!("{n} {of}")).collect();
    let lost = if lost.is_empty() { "nothing".to_owned() } else { lost.join(", ") };
    let mut lines = vec![
        Line::from(format!("waiting       {pending} batches, {size}")),
        Line::from(format!("last receipt  {receipt}")),
        Line::from(format!("acknowledged  {} samples", status.samples_acknowledged)),
        Line::from(format!("campaigns     {}", answered(status))),
        Line::from(format!("tokens earned {}", earned(status, now))),
        Line::from(format!("lost          {lost}")),
    ];
    if let Some(error) = &status.last_error {
        lines.push(Line::from(format!("wrong now     {error}")).bold());
    }
    let block = Block::bordered().title(" On its way ");
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }).block(block), area);
}
