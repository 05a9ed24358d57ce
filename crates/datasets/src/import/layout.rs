use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::DatasetError;

/// Names the source column of a field: `close = "Schlusskurs"`. Fields are `instrument`,
/// `datetime`, `open`, `high`, `low`, `close`, `volume`, `vwap`, `amount`, `factor`,
/// `adj_close`, and any further name of lower-case letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ColumnMapping(pub BTreeMap<String, String>);

impl ColumnMapping {
    pub(super) fn check(&self) -> Result<(), DatasetError> {
        for (column, source) in &self.0 {
            if normalise(column) != *column || column.starts_with(|c: char| c.is_ascii_digit()) {
                let reason = "a field is named by lower-case letters, digits and '_'".to_owned();
                return Err(DatasetError::BadMapping { column: column.clone(), reason });
            }
            if let Some((other, _)) =
                self.0.iter().find(|(other, same)| *same == source && *other != column)
            {
                let reason = format!("'{source}' also stands for {other}");
                return Err(DatasetError::BadMapping { column: column.clone(), reason });
            }
        }
        Ok(())
    }
}

/// Synonyms by field, the preferred first. Compared after [`normalise`].
const SYNONYMS: [(&str, &[&str]); 12] = [
    (
        "instrument",
        &[
            "instrument",
            "symbol",
            "ticker",
            "tic",
            "ts_code",
            "stock_code",
            "order_book_id",
            "code",
            "name",
        ],
    ),
    ("datetime", &["datetime", "date", "timestamp", "trade_date", "time", "day"]),
    ("open", &["open", "open_price"]),
    ("high", &["high", "high_price"]),
    ("low", &["low", "low_price"]),
    ("close", &["close", "close_price"]),
    ("volume", &["volume", "vol"]),
    ("vwap", &["vwap"]),
    ("amount", &["amount", "money", "quote_volume"]),
    ("factor", &["factor", "adj_factor", "adjfactor"]),
    ("adj_close", &["adj_close", "adjclose", "adjusted_close", "adjcp"]),
    ("open_interest", &["open_interest", "openinterest", "hold", "oi"]),
];

const REQUIRED: [&str; 5] = ["datetime", "close", "open", "high", "low"];

/// What a column seems to hold, by its type or its first value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Time,
    Number,
    Text,
}

/// Where the fields of a file are, as column indices.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub datetime: usize,
    /// `None`: the file's stem is the instrument.
    pub instrument: Option<usize>,
    pub fields: Vec<Field>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub column: usize,
    pub name: String,
    /// A known or mapped field must hold numbers; another column that does not is left out.
    pub known: bool,
}

pub(super) fn resolve(
    file: &str,
    columns: &[(String, Kind)],
    mapping: &ColumnMapping,
) -> Result<Layout, DatasetError> {
    let found = || columns.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let missing = |column: &str| DatasetError::MissingColumn {
        file: file.to_owned(),
        column: column.to_owned(),
        found: found(),
    };
    let mut bound: BTreeMap<String, usize> = BTreeMap::new();
    for (field, source) in &mapping.0 {
        let column = columns.iter().position(|(name, _)| name == source);
        let column = column.ok_or_else(|| missing(&format!("{source} (mapped to {field})")))?;
        bound.insert(field.clone(), column);
    }
    bind_synonyms(file, columns, &mut bound)?;
    bind_index(columns, &mut bound);
    if let Some(column) = REQUIRED.iter().find(|column| !bound.contains_key(**column)) {
        return Err(missing(column));
    }
    let datetime = bound.remove("datetime").ok_or_else(|| missing("datetime"))?;
    let instrument = bound.remove("instrument");
    let taken: Vec<usize> = bound.values().copied().chain([datetime]).chain(instrument).collect();
    let mut fields: Vec<Field> =
        bound.into_iter().map(|(name, column)| Field { column, name, known: true }).collect();
    for (column, (source, _)) in columns.iter().enumerate() {
        if taken.contains(&column) || is_index(source) {
            continue;
        }
        let mut name = normalise(source);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            name = format!("field_{name}");
        }
        if let Some(same) = fields.iter().find(|field| field.name == name) {
            let sources = vec![columns[same.column].0.clone(), source.clone()];
            return Err(DatasetError::AmbiguousColumn {
                file: file.to_owned(),
                column: name,
                sources,
            });
        }
        fields.push(Field { column, name, known: false });
    }
    fields.sort_by_key(|field| field.column);
    Ok(Layout { datetime, instrument, fields })
}

fn bind_synonyms(
    file: &str,
    columns: &[(String, Kind)],
    bound: &mut BTreeMap<String, usize>,
) -> Result<(), DatasetError> {
    for (field, synonyms) in SYNONYMS {
        if bound.contains_key(field) {
            continue;
        }
        for synonym in synonyms {
            let matches = |(column, (name, _)): (usize, &(String, Kind))| {
                let free = !bound.values().any(|&taken| taken == column);
                (free && normalise(name) == *synonym).then_some(column)
            };
            let found: Vec<usize> = columns.iter().enumerate().filter_map(matches).collect();
            match found[..] {
                [] => continue,
                [column] => bound.insert(field.to_owned(), column),
                _ => {
                    let sources = found.iter().map(|&column| columns[column].0.clone()).collect();
                    return Err(DatasetError::AmbiguousColumn {
                        file: file.to_owned(),
                        column: field.to_owned(),
                        sources,
                    });
                }
            };
            break;
        }
    }
    Ok(())
}

/// A nameless index, as pandas writes it, may hold the time or the instrument.
fn bind_index(columns: &[(String, Kind)], bound: &mut BTreeMap<String, usize>) {
    for (field, wanted) in [("datetime", Kind::Time), ("instrument", Kind::Text)] {
        let column = columns.iter().position(|(name, kind)| is_index(name) && *kind == wanted);
        if let (false, Some(column)) = (bound.contains_key(field), column) {
            bound.insert(field.to_owned(), column);
        }
    }
}

/// Why a field of this name would not be found under it again once a file that has it is imported.
/// `None`: it would.
pub(crate) fn loses_name(name: &str) -> Option<&'static str> {
    if name.is_empty() || normalise(name) != *name || name.starts_with(|c: char| c.is_ascii_digit())
    {
        return Some("a field is named by a lower-case letter and such letters, digits and '_'");
    }
    let taken = SYNONYMS.iter().any(|(_, synonyms)| synonyms.contains(&name));
    (taken || is_index(name)).then_some("a column of that name means something else in a file")
}

fn is_index(name: &str) -> bool {
    let name = normalise(name);
    name.is_empty()
        || name == "index"
        || ["unnamed_", "index_level_", "level_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Lower case, `$` and byte order mark dropped, everything else but letters and digits as `_`.
fn normalise(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.trim_start_matches('\u{feff}').trim().trim_start_matches('$').chars() {
        if c.is_alphanumeric() {
            normal.extend(c.to_lowercase());
        } else if !normal.is_empty() && !normal.ends_with('_') {
            normal.push('_');
        }
    }
    normal.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests;
