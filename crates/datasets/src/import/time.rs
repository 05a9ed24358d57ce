use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

/// A time as the source writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub local: NaiveDateTime,
    /// From UTC; `None`: the source names no zone.
    pub offset: Option<FixedOffset>,
}

/// A time as text: a date, or a date and time of day, or RFC 3339.
///
/// Only years 1678 to 2261 are taken: later and earlier ones do not fit nanoseconds.
pub(crate) fn parse_time(text: &str) -> Option<Stamp> {
    let text = text.trim();
    let parsed = parse_date(text).map(|date| date.and_time(NaiveTime::MIN));
    let parsed = parsed.or_else(|| parse_local(text)).map(|local| Stamp { local, offset: None });
    let parsed = parsed.or_else(|| {
        let zoned = DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z"));
        let zoned = zoned.ok()?;
        Some(Stamp { local: zoned.naive_local(), offset: Some(*zoned.offset()) })
    });
    parsed.filter(|stamp| in_range(stamp.local))
}

pub(super) fn in_range(time: NaiveDateTime) -> bool {
    (1678..=2261).contains(&time.year())
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
        })
    };
    let (year, month, day) = match bytes {
        [year @ .., b'-' | b'/', _, _, b'-' | b'/', _, _] if year.len() == 4 => {
            (year, &bytes[5..7], &bytes[8..10])
        }
        _ if bytes.len() == 8 => (&bytes[..4], &bytes[4..6], &bytes[6..8]),
        _ => return None,
    };
    NaiveDate::from_ymd_opt(i32::try_from(number(year)?).ok()?, number(month)?, number(day)?)
}

fn parse_local(text: &str) -> Option<NaiveDateTime> {
    const FORMATS: [&str; 5] = [
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y/%m/%d %H:%M:%S%.f",
        "%Y/%m/%d %H:%M",
    ];
    FORMATS.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn times_are_read() {
        let cases = [
            ("2012-12-06", "2012-12-06 00:00:00", None),
            ("2012/12/06", "2012-12-06 00:00:00", None),
            ("20121206", "2012-12-06 00:00:00", None),
            ("2013-04-29 23:59:59", "2013-04-29 23:59:59", None),
            ("2023-03-07T22:05:00", "2023-03-07 22:05:00", None),
            ("2023-03-07 22:05", "2023-03-07 22:05:00", None),
            ("2023-03-07T22:05:00Z", "2023-03-07 22:05:00", Some(0)),
            ("2023-03-07T22:05:00+08:00", "2023-03-07 22:05:00", Some(8)),
            ("2023-03-07 22:05:00-05:00", "2023-03-07 22:05:00", Some(-5)),
        ];
        for (text, local, hours) in cases {
            let stamp = parse_time(text).expect(text);
            let found = stamp.offset.map(|offset| offset.local_minus_utc());
            let expected = (local, hours.map(|hours| hours * 3600));
            assert_eq!((stamp.local.to_string().as_str(), found), expected, "{text}");
        }
        for text in ["", "AAPL", "2012-13-01", "12.5", "0001-01-01", "9999-01-01", "2012-1-é"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
