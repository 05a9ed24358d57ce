//! Prices and costs of fills.

mod costs;
mod deal_price;
mod slippage;

pub(crate) use costs::Charged;
pub use costs::CostConfig;
pub use deal_price::DealPrice;
pub use slippage::Slippage;
