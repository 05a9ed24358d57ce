use std::fs;
use std::io;

/// Ticks a second of the times in `/proc`: Linux shows 100 on every machine we know, whatever the
/// kernel counts in.
pub(super) const TICKS: u64 = 100;

/// What `/proc/{pid}/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub state: char,
    pub group: i32,
    /// Processor time of the process and of the children it has waited for, in [`TICKS`].
    pub ticks: u64,
}

impl Stat {
    /// `None` if there is no such process any more.
    pub fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The text is `pid (name) state ppid pgrp …`; the name may hold anything.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<i64>().ok();
        // utime, stime, cutime, cstime: fields 14 to 17, of which two stand before the rest.
        let ticks = (11..15).map(number).sum::<Option<i64>>()?;
        Some(Self {
            state: fields.first()?.chars().next()?,
            group: i32::try_from(number(2)?).ok()?,
            ticks: u64::try_from(ticks).unwrap_or(0),
        })
    }
}

pub(super) fn process_ids() -> io::Result<impl Iterator<Item = i32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_behind_the_name() {
        let text = "12 (a) b) S 1 77 77 0 -1 4194304 1 2 3 4 10 20 5 6 20 0 1 0 99";
        let expected = Stat { state: 'S', group: 77, ticks: 41 };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse(""), None);
        assert_eq!(Stat::parse("12 (a) S 1"), None);
    }

    #[test]
    fn this_process_is_among_them() {
        let own = i32::try_from(std::process::id()).ok();
        assert!(process_ids().is_ok_and(|mut ids| ids.any(|id| Some(id) == own)));
        assert!(own.and_then(Stat::read).is_some_and(|stat| stat.state != 'Z'));
    }
}
