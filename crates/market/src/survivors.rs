use crate::finding::{Finding, FindingCode};
use crate::panel::Panel;

/// Fewer instruments or bars may well all have lasted.
const LEAST_INSTRUMENTS: usize = 20;
const LEAST_BARS: usize = 250;

/// Says so when the data are of survivors only: of at least 20 instruments over at least 250 bars
/// none ends before the data do. Whoever was delisted in that time is not among them, so that
/// results look better than they would have been (Brown, Goetzmann, Ibbotson and Ross 1992).
pub fn survivors_only(panel: &Panel) -> Option<Finding> {
    let (instruments, bars) = (panel.instruments().len(), panel.calendar().len());
    let lasts = (0..instruments).all(|at| panel.listed(at).end == bars);
    let message = format!(
        "data of survivors only: none of {instruments} instruments ends within {bars} bars, so that \
         those that were delisted are missing and results look better than they would have been"
    );
    (lasts && instruments >= LEAST_INSTRUMENTS && bars >= LEAST_BARS)
        .then(|| Finding::whole(FindingCode::SurvivorsOnly, None, message))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use chrono::NaiveDate;

    use super::*;
    use crate::calendar::business_days;
    use crate::panel::{PanelBuilder, PanelRow};

    /// Instruments that last to the end, and one of so many bars.
    fn panel(lasting: usize, bars: usize, other: usize) -> Panel {
        let days = business_days(NaiveDate::from_ymd_opt(2020, 1, 1).unwrap(), bars);
        let mut builder = PanelBuilder::new(["close"]);
        for at in 0..=lasting {
            let own = if at == lasting { other } else { bars };
            for &time in &days[..own] {
                let instrument = &format!("I{at:02}");
                builder.push(PanelRow { instrument, time, values: &[1.0] }).unwrap();
            }
        }
        builder.build().unwrap()
    }

    #[test]
    fn one_that_ended_is_enough() {
        assert_eq!(survivors_only(&panel(19, 250, 249)), None);
        let found = survivors_only(&panel(19, 250, 250)).unwrap();
        assert_eq!(found.code, FindingCode::SurvivorsOnly);
        assert!(found.message.contains("20 instruments"), "{}", found.message);
    }

    #[test]
    fn of_few_nothing_is_said() {
        assert_eq!(survivors_only(&panel(18, 250, 250)), None);
        assert_eq!(survivors_only(&panel(19, 249, 249)), None);
    }
}
