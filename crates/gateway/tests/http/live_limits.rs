use std::io::ErrorKind;
use std::time::Duration;

use alphafleet_domain::EventKind;
use alphafleet_protocol::{ClientFrame, ServerFrame};
use chrono::Utc;
use futures::SinkExt;
use serde_json::json;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{DEADLINE, Harness};
use crate::live::{announced, publish};
use crate::socket::{Heard, Socket};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_gets_the_handshake_and_4001() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    for query in ["", "?token=", "?token=garbage", "?ticket=garbage", &format!("?ticket={admin}")] {
        let mut socket = Socket::open(Socket::request(&gateway, query)).await;
        assert_eq!(socket.response.status(), 101);
        assert!(matches!(socket.next().await, Heard::Closed(Some(4001))), "{query}");
    }
    let mut foreign = Socket::request(&gateway, &format!("?token={admin}"));
    foreign.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(Socket::open(foreign).await.closed().await, Some(4001));
    let mut own = Socket::request(&gateway, &format!("?token={admin}"));
    own.headers_mut().insert("origin", gateway.base.parse().unwrap());
    let greeting = Socket::open(own).await.frame().await;
    assert!(matches!(greeting, ServerFrame::ConnectionEstablished { heartbeat_s: 30, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn allowed_origins_may_connect() {
    let origin = "https://lab.example".to_owned();
    let gateway = Harness::with(|settings| settings.allowed_origins = vec![origin.clone()]).await;
    let admin = gateway.admin().await;
    let mut request = Socket::request(&gateway, &format!("?token={admin}"));
    request.headers_mut().insert("origin", origin.parse().unwrap());
    let greeting = Socket::open(request).await.frame().await;
    assert!(matches!(greeting, ServerFrame::ConnectionEstablished { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_come_as_subprotocol() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let mut request = Socket::request(&gateway, "");
    let offer = format!("bearer, {admin}").parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", offer);
    let mut socket = Socket::open(request).await;
    assert_eq!(socket.response.headers()["sec-websocket-protocol"], "bearer");
    assert!(matches!(socket.frame().await, ServerFrame::ConnectionEstablished { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_socket() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let (mut socket, query) = Socket::with_ticket(&gateway, &admin).await;
    assert!(matches!(socket.frame().await, ServerFrame::ConnectionEstablished { .. }));
    let mut again = Socket::open(Socket::request(&gateway, &query)).await;
    assert_eq!(again.closed().await, Some(4001));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_so_many_sockets_and_closing_one_makes_room() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let ann = gateway.researcher(&admin, "ann").await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(Socket::connect(&gateway, &ann).await);
    }
    let query = format!("?token={ann}");
    let refused = Socket::open(Socket::request(&gateway, &query)).await.closed().await;
    assert_eq!(refused, Some(4029));
    Socket::connect(&gateway, &admin).await;
    open.pop().unwrap().stream.close(None).await.unwrap();
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        let mut socket = Socket::open(Socket::request(&gateway, &query)).await;
        match socket.next().await {
            Heard::Frame(_) => break,
            Heard::Closed(code) => assert_eq!(code, Some(4029)),
        }
        assert!(tokio::time::Instant::now() < deadline, "no room was made");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_is_closed_and_one_that_answers_stays() {
    let heartbeat = Duration::from_millis(200);
    let gateway = Harness::with(|settings| settings.sockets.heartbeat = heartbeat).await;
    let admin = gateway.admin().await;
    let mut silent = Socket::connect(&gateway, &admin).await;
    silent.answers = false;
    let mut alive = Socket::connect(&gateway, &admin).await;
    let listening = async {
        // Answers pings as they come, and hears nothing else.
        let heard = tokio::time::timeout(heartbeat * 8, alive.next()).await;
        assert!(heard.is_err(), "{heard:?}");
    };
    let (code, ()) = tokio::join!(silent.closed(), listening);
    assert_eq!(code, Some(4008));
    alive.say(&ClientFrame::Ping {}).await;
    assert_eq!(alive.frame().await, ServerFrame::Pong {});
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_answered_and_the_socket_stays() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let mut socket = Socket::connect(&gateway, &admin).await;
    for text in ["", "{", "{}", "{\"type\":\"dance\"}", "{\"type\":\"subscribe_session\"}", "[1]"] {
        socket.text(text.to_owned()).await;
        assert_eq!(socket.error().await, "bad_frame", "{text}");
    }
    socket.stream.send(Message::Binary(vec![1, 2].into())).await.unwrap();
    assert_eq!(socket.error().await, "bad_frame");
    socket.say(&ClientFrame::Ping {}).await;
    assert_eq!(socket.frame().await, ServerFrame::Pong {});
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_limited_in_size_and_rate() {
    let gateway = Harness::with(|settings| settings.sockets.frames_per_second = 5).await;
    let admin = gateway.admin().await;
    let mut socket = Socket::connect(&gateway, &admin).await;
    socket.text("x".repeat(100_000)).await;
    assert_eq!(socket.closed().await, Some(1009));
    let mut socket = Socket::connect(&gateway, &admin).await;
    for _ in 0..15 {
        socket.say(&ClientFrame::Ping {}).await;
    }
    let (mut pongs, mut limited) = (0, 0);
    while pongs + limited < 15 {
        match socket.frame().await {
            ServerFrame::Pong {} => pongs += 1,
            ServerFrame::Error { code, .. } if code == "rate_limited" => limited += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(limited > 0 && pongs >= 10, "{pongs} {limited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_limited() {
    let gateway = Harness::with(|settings| settings.sockets.max_subscriptions = 1).await;
    let admin = gateway.admin().await;
    let (one, two) = (gateway.probe(&admin).await, gateway.probe(&admin).await);
    let mut socket = Socket::connect(&gateway, &admin).await;
    for _ in 0..2 {
        let subscribed = socket.subscribe(one, None).await;
        assert!(matches!(subscribed, ServerFrame::SessionSubscribed { .. }), "{subscribed:?}");
    }
    let refused = loop {
        socket.say(&ClientFrame::SubscribeSession { session_id: two, cursor: None }).await;
        match socket.frame().await {
            ServerFrame::SessionStatusUpdate { .. } => continue,
            other => break other,
        }
    };
    assert!(matches!(refused, ServerFrame::Error { code, .. } if code == "too_many_subscriptions"));
    socket.say(&ClientFrame::UnsubscribeSession { session_id: one }).await;
    loop {
        if matches!(socket.frame().await, ServerFrame::SessionUnsubscribed { .. }) {
            break;
        }
    }
    let subscribed = socket.subscribe(two, None).await;
    assert!(matches!(subscribed, ServerFrame::SessionSubscribed { .. }), "{subscribed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_talks_and_reads_nothing_is_cut_off() {
    let patience = Duration::from_millis(500);
    let gateway = Harness::with(|settings| settings.sockets.send_timeout = patience).await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    announced(&gateway, id).await;
    let mut socket = Socket::connect(&gateway, &admin).await;
    socket.subscribe(id, None).await;
    let deadline = tokio::time::Instant::now() + DEADLINE;
    let stream = match socket.stream.get_ref() {
        MaybeTlsStream::Plain(stream) => stream,
        _ => unreachable!("it is not secured"),
    };
    loop {
        let line = json!({ "at": Utc::now(), "level": "info", "message": "x".repeat(20_000) });
        publish(&gateway, id, EventKind::Log, json!({ "lines": [line] })).await;
        // A masked pong, until nobody is there to hear it.
        let said = stream.try_write(&[0x8a, 0x80, 0, 0, 0, 0]);
        if said.is_err_and(|error| error.kind() != ErrorKind::WouldBlock) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "the connection stays");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
