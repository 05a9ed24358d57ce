use alphafleet_protocol::ClientFrame;
use serde_json::{Value, json};

use crate::harness::Harness;
use crate::live::publish_round;
use crate::socket::Socket;

#[tokio::test(flavor = "multi_thread")]
async fn open_sockets_are_counted_by_user_and_by_session() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let ann = gateway.researcher(&admin, "ann").await;
    let path = "/api/v1/ws/stats";
    gateway.get(&ann, path).await.problem(403, "permission_denied");
    let empty = gateway.get(&admin, path).await.expect(200);
    assert_eq!((&empty["connections"], &empty["users"]), (&json!(0), &json!([])));
    let (one, two) = (gateway.probe(&admin).await, gateway.probe(&admin).await);
    crate::live::announced(&gateway, one).await;
    crate::live::announced(&gateway, two).await;
    let mut first = Socket::connect(&gateway, &admin).await;
    let mut second = Socket::connect(&gateway, &admin).await;
    let _third = Socket::connect(&gateway, &ann).await;
    first.subscribe(one, None).await;
    second.subscribe(one, None).await;
    second.subscribe(two, None).await;
    publish_round(&gateway, one, 1).await;
    first.seqs(1).await;
    second.seqs(1).await;
    let stats = gateway.get(&admin, path).await.expect(200);
    assert_eq!((&stats["connections"], &stats["subscriptions"]), (&json!(3), &json!(3)));
    assert_eq!((&stats["sessions"], &stats["events_relayed"]), (&json!(2), &json!(2)));
    let me = gateway.get(&admin, "/api/v1/auth/me").await.expect(200)["id"].clone();
    assert_eq!(stats["users"][0], json!({ "user_id": me, "connections": 2 }));
    let followed: Vec<(&Value, &Value)> = stats["followed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| (&session["session_id"], &session["followers"]))
        .collect();
    let (one_id, two_id) = (json!(one), json!(two));
    assert_eq!(followed, [(&one_id, &json!(2)), (&two_id, &json!(1))]);
    first.say(&ClientFrame::UnsubscribeSession { session_id: one }).await;
    first.frame().await;
    let stats = gateway.get(&admin, path).await.expect(200);
    assert_eq!(stats["subscriptions"], 2);
}
