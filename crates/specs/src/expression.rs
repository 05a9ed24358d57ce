use crate::FaultCode;

/// How far an expression may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Horizon {
    /// Features: nothing after the bar they describe.
    Past,
    /// Labels: the future too.
    Any,
}

pub(crate) fn check(_text: &str, _horizon: Horizon) -> Result<(), (FaultCode, String)> {
    Ok(())
}
