/// How long the periods of a field by period are. Qlib tells it by the end of the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeriodLength {
    /// `…_q`; a period is `year * 100 + quarter`, such as 201901.
    Quarter,
    /// `…_a`; a period is the year, such as 2018.
    Year,
}

impl PeriodLength {
    /// Of a field's name; `None` where it ends neither with `_q` nor with `_a`.
    pub fn of_field(field: &str) -> Option<Self> {
        match field.get(field.len().checked_sub(2)?..)? {
            "_q" => Some(Self::Quarter),
            "_a" => Some(Self::Year),
            _ => None,
        }
    }

    /// Consecutive numbers for consecutive periods; `None` for what is no period of this length.
    /// As in Qlib, years are those from 1900 to 2099.
    pub fn ordinal(self, period: u32) -> Option<u32> {
        let (year, within) = match self {
            Self::Quarter => (period / 100, period % 100),
            Self::Year => (period, 1),
        };
        let quarters = if self == Self::Quarter { 4 } else { 1 };
        let known = (1900..=2099).contains(&year) && (1..=quarters).contains(&within);
        known.then(|| year * quarters + within - 1)
    }

    /// What a period looks like, for messages.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Quarter => "a quarter of the years 1900 to 2099, such as 201901",
            Self::Year => "a year from 1900 to 2099, such as 2018",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PeriodLength::{self, Quarter, Year};

    #[test]
    fn names_tell_the_length() {
        let cases = [
            ("roewa_q", Some(Quarter)),
            ("eps_a", Some(Year)),
            ("_q", Some(Quarter)),
            ("q", None),
            ("", None),
            ("roewa_Q", None),
            ("é_", None),
            ("_é", None),
        ];
        for (field, length) in cases {
            assert_eq!(PeriodLength::of_field(field), length, "{field}");
        }
    }

    #[test]
    fn ordinals_follow_each_other() {
        assert_eq!(Quarter.ordinal(201901), Quarter.ordinal(201804).map(|last| last + 1));
        assert_eq!(Year.ordinal(2019), Year.ordinal(2018).map(|last| last + 1));
        for period in [0, 2018, 201800, 201805, 189904, 210001, u32::MAX] {
            assert_eq!(Quarter.ordinal(period), None, "{period}");
        }
        for period in [0, 1899, 2100, 201801, u32::MAX] {
            assert_eq!(Year.ordinal(period), None, "{period}");
        }
    }
}
