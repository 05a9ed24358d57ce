use std::cmp::Reverse;

use actix_web::{HttpResponse, web};
use alphafleet_protocol::api::{SessionFollowers, SocketStats, UserSockets};

use crate::access::{Administer, Requires};
use crate::gateway::Gateway;
use crate::request::Answer;

/// The open sockets of this gateway.
pub(crate) async fn stats(gateway: web::Data<Gateway>, _: Requires<Administer>) -> Answer {
    let by_user = gateway.connections.by_user().into_iter();
    let mut users: Vec<UserSockets> =
        by_user.map(|(user_id, open)| UserSockets { user_id, connections: open.into() }).collect();
    users.sort_by_key(|user| (Reverse(user.connections), user.user_id));
    let followers = gateway.hubs.followers().into_iter();
    let mut followed: Vec<SessionFollowers> = followers
        .map(|(session_id, followers)| SessionFollowers { session_id, followers: followers as u64 })
        .collect();
    followed.sort_by_key(|session| (Reverse(session.followers), session.session_id));
    Ok(HttpResponse::Ok().json(SocketStats {
        connections: users.iter().map(|user| user.connections).sum(),
        sessions: followed.len() as u64,
        subscriptions: followed.iter().map(|session| session.followers).sum(),
        events_relayed: gateway.telemetry.events_relayed.get(),
        gaps: gateway.telemetry.gaps.get(),
        users,
        followed,
    }))
}
