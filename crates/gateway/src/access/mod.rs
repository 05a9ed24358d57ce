//! Who may call: passwords, tokens, permissions, rates.

mod limits;
mod password;
mod rights;
mod tokens;
mod user;

pub use password::{PasswordError, hash_password};

pub(crate) use limits::Limiters;
pub(crate) use password::verify_password;
pub(crate) use rights::{Administer, Create, Execute, Requires};
pub(crate) use tokens::{Claims, Tokens, same_secret};
pub(crate) use user::{Authenticated, Reader, bearer};
