use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest};
use alphafleet_domain::{Permission, User};

use super::user::Authenticated;
use crate::error::ApiError;

/// A permission as a type, so that a handler's signature says who may call it.
pub(crate) trait Right: 'static {
    const PERMISSION: Permission;
}

/// `strategy:create`.
pub(crate) struct Create;
/// `strategy:execute`.
pub(crate) struct Execute;
/// `admin`.
pub(crate) struct Administer;

impl Right for Create {
    const PERMISSION: Permission = Permission::StrategyCreate;
}

impl Right for Execute {
    const PERMISSION: Permission = Permission::StrategyExecute;
}

impl Right for Administer {
    const PERMISSION: Permission = Permission::Admin;
}

/// A user who has the right `R`.
pub(crate) struct Requires<R> {
    user: User,
    right: PhantomData<R>,
}

impl<R> Deref for Requires<R> {
    type Target = User;

    fn deref(&self) -> &User {
        &self.user
    }
}

impl<R: Right> FromRequest for Requires<R> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let authenticated = Authenticated::from_request(request, payload);
        Box::pin(async move {
            let user = authenticated.await?.into_user();
            if user.may(R::PERMISSION) {
                return Ok(Self { user, right: PhantomData });
            }
            let detail = format!("You lack the permission {}.", R::PERMISSION.as_str());
            Err(ApiError::new(StatusCode::FORBIDDEN, "permission_denied", detail))
        })
    }
}
