//! The point-in-time part of a Qlib folder, as Qlib's `scripts/dump_pit.py` writes it:
//! `financial/{instrument}/{field}.data` has records of (day, period, value, offset of the next
//! revision of that period), `{field}.index` the first year and the offset of the first record of
//! every period from there on. All little-endian, days as yyyymmdd.

mod write;

use std::collections::BTreeMap;
use std::path::Path;

use alphafleet_market::{
    Announcement, AnnouncementRow, Announcements, AnnouncementsBuilder, PeriodLength,
};
use chrono::NaiveDate;

use super::listing::{self, DayEnd};
use super::name;
use super::plain_file::{self, corrupt};
use crate::error::DatasetError;
pub(super) use write::{Financial, check as check_announcements};

const MOST_INSTRUMENTS: u64 = 50_000;
const MOST_FILES: u64 = 8_192;
const DATA_BYTES: u64 = 64 << 20;
/// The first year and the quarters of the years 1900 to 2099.
const INDEX_BYTES: u64 = 4 + 4 * 800;
const LISTING_BYTES: u64 = 64 << 20;
const RECORD_BYTES: usize = 20;
const NONE: u32 = u32::MAX;

/// Reads all announcements of a folder that has `financial/` in it. An instrument is named as
/// `instruments/all.txt` lists it, else in upper case, as Qlib's own are. Of several revisions of a
/// period on one day the last one counts, as in Qlib. A file whose index does not lead to each of
/// its records is refused.
pub(crate) fn read_announcements(folder: &Path) -> Result<Announcements, DatasetError> {
    let root = folder.join("financial");
    if !root.is_dir() {
        let reason = "it has no folder financial/, and so no announcements in Qlib's format";
        return Err(corrupt(folder, reason));
    }
    let symbols = listed(folder)?;
    let mut builder = AnnouncementsBuilder::default();
    let of = |source| DatasetError::Announcement { file: root.display().to_string(), source };
    for instrument in plain_file::entries(&root, MOST_INSTRUMENTS)? {
        let inside = root.join(&instrument);
        if !inside.is_dir() {
            continue;
        }
        let symbol = symbols.get(&instrument).cloned();
        let symbol = symbol.unwrap_or_else(|| name::symbol_of(&instrument));
        for file in plain_file::entries(&inside, MOST_FILES)? {
            let Some(field) = file.strip_suffix(".data") else { continue };
            for record in read_field(&inside, field)? {
                let Announcement { announced, period, value } = record;
                let row = AnnouncementRow { instrument: &symbol, field, announced, period, value };
                builder.push(row).map_err(of)?;
            }
        }
    }
    let announcements = builder.build().map_err(of)?;
    match announcements.is_empty() {
        true => Err(DatasetError::EmptyAnnouncements { file: root.display().to_string() }),
        false => Ok(announcements),
    }
}

/// The instruments of `instruments/all.txt` by their folder; none without that file.
fn listed(folder: &Path) -> Result<BTreeMap<String, String>, DatasetError> {
    let file = folder.join("instruments/all.txt");
    if !file.exists() {
        return Ok(BTreeMap::new());
    }
    let text = String::from_utf8(plain_file::read(&file, LISTING_BYTES)?)
        .map_err(|_| corrupt(&file, "it is not UTF-8"))?;
    let spans = listing::parse(&file.display().to_string(), &text, DayEnd::Whole)?.into_iter();
    let named = |span: listing::Span| Some((name::folder_of(&span.symbol).ok()?, span.symbol));
    Ok(spans.filter_map(named).collect())
}

#[derive(Debug, Clone, Copy)]
struct Record {
    announcement: Announcement,
    next: u32,
}

fn read_field(inside: &Path, field: &str) -> Result<Vec<Announcement>, DatasetError> {
    let data = inside.join(format!("{field}.data"));
    let length = PeriodLength::of_field(field).filter(|_| name::is_field(field));
    let Some(length) = length else {
        return Err(corrupt(&data, "a field's name ends with _q (quarterly) or _a (annual)"));
    };
    let records = records(&plain_file::read(&data, DATA_BYTES)?, length)
        .map_err(|reason| corrupt(&data, reason))?;
    let index = inside.join(format!("{field}.index"));
    check_index(&plain_file::read(&index, INDEX_BYTES)?, &records, length)
        .map_err(|reason| corrupt(&index, reason))?;
    let mut announcements: Vec<Announcement> = Vec::with_capacity(records.len());
    for Record { announcement, .. } in records {
        let day = announcement.announced;
        let same = announcements
            .iter_mut()
            .rev()
            .take_while(|known| known.announced == day)
            .find(|known| known.period == announcement.period);
        match same {
            Some(known) => *known = announcement,
            None => announcements.push(announcement),
        }
    }
    Ok(announcements)
}

fn records(bytes: &[u8], length: PeriodLength) -> Result<Vec<Record>, String> {
    let (chunks, rest) = bytes.as_chunks::<RECORD_BYTES>();
    if !rest.is_empty() {
        return Err(format!("{} bytes are no whole records of {RECORD_BYTES}", bytes.len()));
    }
    let mut records: Vec<Record> = Vec::with_capacity(chunks.len());
    for (at, chunk) in chunks.iter().enumerate() {
        let record = record(chunk, length).map_err(|what| format!("record {}: {what}", at + 1))?;
        let newest = records.last().map(|last| last.announcement.announced);
        if newest.is_some_and(|newest| newest > record.announcement.announced) {
            return Err(format!("record {} was announced before the one ahead of it", at + 1));
        }
        records.push(record);
    }
    Ok(records)
}

fn record(chunk: &[u8; RECORD_BYTES], length: PeriodLength) -> Result<Record, String> {
    let [a, b, c, d, e] = [0, 4, 8, 12, 16].map(|at| word(chunk, at));
    let announced = i32::try_from(a / 10_000)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, a / 100 % 100, a % 100))
        .ok_or_else(|| format!("{a} is no day"))?;
    if length.ordinal(b).is_none() {
        return Err(format!("{b} is not {}", length.describe()));
    }
    let value = f64::from_bits(u64::from(d) << 32 | u64::from(c));
    if value.is_infinite() {
        return Err(format!("the value {value} is not finite"));
    }
    Ok(Record { announcement: Announcement { announced, period: b, value }, next: e })
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let part = bytes.get(at..at + 4).and_then(|part| part.try_into().ok());
    part.map_or(0, u32::from_le_bytes)
}

/// Whether the chains of revisions lead to every record, each once and in the order of the file.
fn check_index(bytes: &[u8], records: &[Record], length: PeriodLength) -> Result<(), String> {
    let (words, rest) = bytes.as_chunks::<4>();
    let [first, begins @ ..] = words else { return Err("it is empty".to_owned()) };
    if !rest.is_empty() {
        return Err(format!("{} bytes are not a multiple of 4", bytes.len()));
    }
    let year = u32::from_le_bytes(*first);
    let period = if length == PeriodLength::Quarter {
        year.saturating_mul(100).saturating_add(1)
    } else {
        year
    };
    let first = length.ordinal(period).ok_or_else(|| format!("its first year is {year}"))?;
    let mut reached = 0;
    for (at, begin) in begins.iter().enumerate() {
        let mut offset = u32::from_le_bytes(*begin);
        let mut former = None;
        while offset != NONE {
            let place = offset as usize / RECORD_BYTES;
            let whole = (offset as usize).is_multiple_of(RECORD_BYTES);
            let Some(record) = records.get(place).filter(|_| whole) else {
                return Err(format!("there is no record at byte {offset} of its data"));
            };
            let ordinal = length.ordinal(record.announcement.period);
            if ordinal != Some(first + at as u32) || former.is_some_and(|former| former >= place) {
                return Err(format!("the record at byte {offset} is out of its place"));
            }
            (former, offset) = (Some(place), record.next);
            reached += 1;
        }
    }
    match records.len() - reached {
        0 => Ok(()),
        lost => Err(format!("it does not lead to {lost} of the {} records", records.len())),
    }
}
