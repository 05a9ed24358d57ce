use alphafleet_backtest::plan::{Plan, PlanDraft, PlanFault};
use serde_json::Value;

use crate::reader::Reader;
use crate::{Fault, FaultCode};

/// The sections whose fields the engines' own checks name without them.
const SECTIONS: [&str; 2] = ["strategy", "exchange"];

/// `plan` with its period.
pub(super) fn read_complete(reader: &mut Reader<'_>) -> Option<Plan> {
    let Some((_, document)) = reader.take(&["plan"]) else {
        reader.fault("plan", FaultCode::Required, "is absent; say which strategy to run, and how");
        return None;
    };
    let draft = draft(reader, "plan", document)?;
    let Some(period) = draft.period() else {
        reader.fault("plan.period", FaultCode::Required, "is absent; give start and end");
        return None;
    };
    Some(draft.complete(period))
}

/// The section `backtest` of a strategy's configuration: a plan without period.
pub(crate) fn read_section(reader: &mut Reader<'_>) -> Option<PlanDraft> {
    let (_, document) = reader.take(&["backtest"])?;
    if document.get("period").is_some_and(|period| !period.is_null()) {
        let message = "is chosen when a backtest is started; leave it out";
        reader.fault("backtest.period", FaultCode::NotSupported, message);
        return None;
    }
    draft(reader, "backtest", document)
}

fn draft(reader: &Reader<'_>, at: &str, document: &Value) -> Option<PlanDraft> {
    match PlanDraft::from_value(document) {
        Ok(draft) => Some(draft),
        Err(fault) => {
            let Fault { field, code, message, .. } = plan_fault(fault, document);
            let field = if field == "$" { at.to_owned() } else { format!("{at}.{field}") };
            reader.fault(&field, code, message);
            None
        }
    }
}

/// A fault of a plan as one of ours: where its field stands in the document, and what it is.
pub(super) fn plan_fault(fault: PlanFault, document: &Value) -> Fault {
    let within = |section: &&&str| {
        let first = fault.field.split(['.', '[']).next().unwrap_or_default();
        document.get(first).is_none()
            && document.get(**section).is_some_and(|fields| fields.get(first).is_some())
    };
    let field = match SECTIONS.iter().find(within) {
        Some(section) => format!("{section}.{}", fault.field),
        None => fault.field,
    };
    Fault::new(field, fault_code(fault.code), fault.message)
}

/// What kind of mistake the engines' name of it is.
pub(super) fn fault_code(code: &str) -> FaultCode {
    match code {
        "required" | "incomplete" => FaultCode::Required,
        "wrong_type" => FaultCode::WrongType,
        "unknown_field" => FaultCode::UnknownField,
        "unknown_value" => FaultCode::UnknownValue,
        "out_of_range" => FaultCode::OutOfRange,
        "period_reversed" => FaultCode::InvalidPeriod,
        "not_supported" => FaultCode::NotSupported,
        "conflict" => FaultCode::Conflict,
        "look_ahead" | "feature_looks_ahead" => FaultCode::LookAhead,
        _ => FaultCode::InvalidExpression,
    }
}
