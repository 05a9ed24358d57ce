use alphafleet_domain::PageRequest;
use serde::Deserialize;

use crate::error::ApiError;

/// `?limit=&offset=`. Kept as text, so that a bad number is named as a field.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Paging {
    limit: Option<String>,
    offset: Option<String>,
}

impl Paging {
    pub fn request(&self) -> Result<PageRequest, ApiError> {
        let limit = bounded("limit", self.limit.as_deref(), PageRequest::MAX_LIMIT, 50)?;
        let offset = match self.offset.as_deref() {
            None => 0,
            Some(text) => match text.parse::<u32>() {
                Ok(offset) => u64::from(offset),
                Err(_) => {
                    let message = "give a whole number from 0 to 4294967295";
                    return Err(ApiError::invalid_field("offset", "out_of_range", message));
                }
            },
        };
        Ok(PageRequest::new(limit, offset))
    }
}

/// A number from 1 to `max`.
pub(crate) fn bounded(
    field: &str,
    text: Option<&str>,
    max: u32,
    default: u32,
) -> Result<u32, ApiError> {
    match text.map(str::parse::<u32>) {
        None => Ok(default),
        Some(Ok(number)) if (1..=max).contains(&number) => Ok(number),
        Some(_) => {
            let message = format!("give a whole number from 1 to {max}");
            Err(ApiError::invalid_field(field, "out_of_range", message))
        }
    }
}
