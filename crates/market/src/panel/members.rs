use super::{Panel, PanelError};

/// Who belongs to a universe that changes.
impl Panel {
    /// The panel with a universe of those instruments that a field says belong to it, bar by bar:
    /// where it is neither 0 nor missing. On a bar that an instrument does not have, it belongs if
    /// it did on the last one it had.
    ///
    /// # Errors
    /// When there is no such field, or nobody ever belongs.
    pub fn with_members(mut self, field: &str) -> Result<Self, PanelError> {
        let Some(values) = self.fields.get(field) else {
            let found = self.field_names().map(str::to_owned).collect();
            return Err(PanelError::NoMembers { field: field.to_owned(), found });
        };
        let bars = self.calendar.len();
        let mut members = Vec::with_capacity(values.len());
        for instrument in 0..self.instruments.len() {
            let mut belongs = false;
            for bar in 0..bars {
                if self.has_bar(instrument, bar) {
                    let value = values[instrument * bars + bar];
                    belongs = value != 0.0 && !value.is_nan();
                }
                members.push(belongs);
            }
        }
        if !members.contains(&true) {
            return Err(PanelError::NeverMembers { field: field.to_owned() });
        }
        self.members = Some(members);
        Ok(self)
    }

    /// Whether an instrument belongs to the universe at a bar.
    ///
    /// # Panics
    /// When there is no such instrument or bar, if the universe changes.
    pub fn is_member(&self, instrument: usize, bar: usize) -> bool {
        let cell = instrument * self.calendar.len() + bar;
        self.members.as_ref().is_none_or(|members| members[cell])
    }

    /// Whether each instrument belongs, one a cell like a field; `None` where all do always.
    pub fn members(&self) -> Option<&[bool]> {
        self.members.as_deref()
    }
}
