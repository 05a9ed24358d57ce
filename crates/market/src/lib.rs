//! Market data in memory: a dense panel of bars, instruments by trading calendar.
//!
//! Everything here is pure: no file, socket, clock or global state. Times come in as values,
//! randomness as seeds.

mod adjust;
mod announcements;
mod calendar;
mod checks;
mod columns;
mod finding;
mod index_code;
mod panel;
mod period;
mod survivors;
mod synthetic;

pub use adjust::{Adjustment, PRICE_FIELDS, adjust, adjustment_factor, fill_factors};
pub use announcements::{
    Announcement, AnnouncementError, AnnouncementRow, Announcements, AnnouncementsBuilder,
    MAX_ANNOUNCEMENTS,
};
pub use calendar::{business_days, distinct_times};
pub use checks::{CheckRules, check_panel};
pub use columns::{ColumnError, complete_columns};
pub use finding::{Finding, FindingCode, FindingLog, Severity};
pub use index_code::is_index_code;
pub use panel::{Panel, PanelBuilder, PanelColumns, PanelError, PanelRow};
pub use period::PeriodLength;
pub use survivors::survivors_only;
pub use synthetic::{SyntheticError, SyntheticMarket, planted_signal};
