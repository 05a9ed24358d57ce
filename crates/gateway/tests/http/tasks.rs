//! `WS /ws/train/{id}` and `WS /training-progress`.

use alphafleet_domain::job::{Completion, Failure, FailureCode, Outcome, ProgressBatch};
use alphafleet_domain::ports::JobStore;
use alphafleet_domain::{EventKind, Job, JobId, JobKind, NewModel};
use alphafleet_protocol::SessionState;
use alphafleet_protocol::api::TaskFrame;
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{DEADLINE, Harness};
use crate::live::publish;
use crate::sessions::{claim, complete};
use crate::socket::Socket;

async fn open(gateway: &Harness, path: &str) -> Socket {
    Socket::open(Socket::request_to(gateway, path)).await
}

/// The next frame, or the code it was closed with.
async fn next(socket: &mut Socket) -> Result<TaskFrame, Option<u16>> {
    loop {
        match timeout(DEADLINE, socket.stream.next()).await.expect("nothing was heard") {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
            Some(Ok(_)) => {}
            None | Some(Err(_)) => return Err(None),
        }
    }
}

async fn says(socket: &mut Socket, status: SessionState, progress: f64) -> TaskFrame {
    let frame = next(socket).await.unwrap();
    assert_eq!((frame.status, frame.progress), (status, progress), "{frame:?}");
    frame
}

async fn state(gateway: &Harness, job: JobId, payload: serde_json::Value) {
    publish(gateway, job, EventKind::State, payload).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_followed_to_its_end() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    crate::live::announced(&gateway, id).await;
    let mut socket = open(&gateway, &format!("/ws/train/task-{id}?token={admin}")).await;
    let first = says(&mut socket, SessionState::Pending, 0.0).await;
    assert_eq!(first.task_id.0, id);
    let job = claim(&gateway, JobKind::Probe).await;
    state(&gateway, id, json!({ "state": "running", "attempt": 1 })).await;
    says(&mut socket, SessionState::Running, 0.0).await;
    let progress = json!({ "percent": 30.0, "stage": "training", "message": "round 3" });
    publish(&gateway, id, EventKind::Progress, progress).await;
    assert_eq!(says(&mut socket, SessionState::Running, 30.0).await.message, "round 3");
    // What is no business of the contract is passed over, and what the client says is, too.
    crate::live::publish_round(&gateway, id, 1).await;
    socket.text("{}".to_owned()).await;
    socket.stream.send(Message::Ping(vec![1].into())).await.unwrap();
    complete(&gateway, &job, Completion::default()).await;
    state(&gateway, id, json!({ "state": "completed", "attempt": 1 })).await;
    says(&mut socket, SessionState::Completed, 100.0).await;
    assert_eq!(next(&mut socket).await, Err(Some(1000)));
    // Whoever comes later hears how it ended.
    let mut late = open(&gateway, &format!("/ws/train/{id}?token={admin}")).await;
    says(&mut late, SessionState::Completed, 100.0).await;
    assert_eq!(next(&mut late).await, Err(Some(1000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_says_why() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    crate::live::announced(&gateway, id).await;
    let mut socket = open(&gateway, &format!("/ws/train/task-{id}?token={admin}")).await;
    says(&mut socket, SessionState::Pending, 0.0).await;
    let job = claim(&gateway, JobKind::Probe).await;
    let failure = Failure::permanent(FailureCode::InvalidData, "no rows are left");
    let outcome = Outcome::Failed(failure);
    gateway.store.settle(job.lease().unwrap(), &outcome, &ProgressBatch::default()).await.unwrap();
    let why = json!({ "code": "invalid_data", "message": "no rows are left", "retryable": false });
    state(&gateway, id, json!({ "state": "failed", "attempt": 1, "failure": why })).await;
    assert_eq!(says(&mut socket, SessionState::Failed, 0.0).await.message, "no rows are left");
    assert_eq!(next(&mut socket).await, Err(Some(1000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_follow_is_told_by_the_code() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let eve = gateway.researcher(&admin, "eve").await;
    let id = gateway.probe(&admin).await;
    let nobody = JobId::new();
    for (path, code) in [
        (format!("/ws/train/task-{id}"), 4001),
        (format!("/ws/train/task-{id}?token=garbage"), 4001),
        (format!("/training-progress?model_id={id}"), 4001),
        (format!("/ws/train/task-{id}?token={eve}"), 4004),
        (format!("/ws/train/task-{nobody}?token={admin}"), 4004),
        (format!("/ws/train/7?token={admin}"), 4004),
        (format!("/training-progress?token={admin}"), 4004),
        (format!("/training-progress?model_id={nobody}&token={admin}"), 4004),
        (format!("/training-progress?model_id={id}&token={eve}"), 4004),
    ] {
        let mut socket = open(&gateway, &path).await;
        assert_eq!(socket.response.status(), 101);
        assert_eq!(next(&mut socket).await, Err(Some(code)), "{path}");
    }
    let ticket = gateway.post(&admin, "/api/v1/ws/ticket", json!({})).await.expect(200);
    let ticket = ticket["ticket"].as_str().unwrap();
    let path = format!("/ws/train/task-{id}?ticket={ticket}");
    says(&mut open(&gateway, &path).await, SessionState::Pending, 0.0).await;
    assert_eq!(next(&mut open(&gateway, &path).await).await, Err(Some(4001)));
    let mut request = Socket::request_to(&gateway, &format!("/ws/train/task-{id}"));
    let offer = format!("bearer, {admin}").parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", offer);
    says(&mut Socket::open(request).await, SessionState::Pending, 0.0).await;
}

/// Ends the job with a model; answers the model's id.
async fn fit(gateway: &Harness, token: &str, job: &Job) -> String {
    let model =
        NewModel { model_type: "lightgbm".to_owned(), sha256: "00".repeat(32), metrics: json!({}) };
    let completion = Completion { model: Some(model), ..Completion::default() };
    complete(gateway, job, completion).await;
    let models = gateway.get(token, "/api/v1/models").await.expect(200);
    models["items"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_found_by_session_and_by_model() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    gateway.dataset(&token, "bars").await;
    let body = json!({ "dataset_name": "bars" });
    let task = gateway.post(&token, "/api/train", body).await.expect(202);
    let id = task["task_id"].as_str().unwrap();
    let session = id.strip_prefix("task-").unwrap();
    for id in [id, session] {
        let path = format!("/training-progress?model_id={id}&token={token}");
        says(&mut open(&gateway, &path).await, SessionState::Pending, 0.0).await;
    }
    let job = claim(&gateway, JobKind::Training).await;
    let model = fit(&gateway, &token, &job).await;
    let path = format!("/training-progress?model_id={model}&token={token}");
    let mut socket = open(&gateway, &path).await;
    let frame = says(&mut socket, SessionState::Completed, 100.0).await;
    assert_eq!(frame.task_id.to_string(), id);
    assert_eq!(next(&mut socket).await, Err(Some(1000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_followed_by_the_database_when_there_are_no_news() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    gateway.events.close();
    let mut socket = open(&gateway, &format!("/ws/train/task-{id}?token={admin}")).await;
    says(&mut socket, SessionState::Pending, 0.0).await;
    let job = claim(&gateway, JobKind::Probe).await;
    complete(&gateway, &job, Completion::default()).await;
    says(&mut socket, SessionState::Completed, 100.0).await;
    assert_eq!(next(&mut socket).await, Err(Some(1000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_answers_no_ping_is_closed() {
    let heartbeat = std::time::Duration::from_millis(200);
    let gateway = Harness::with(|settings| settings.sockets.heartbeat = heartbeat).await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    let mut alive = open(&gateway, &format!("/ws/train/task-{id}?token={admin}")).await;
    says(&mut alive, SessionState::Pending, 0.0).await;
    // Reading answers pings; nothing else is heard.
    let pinged = async { while !alive.stream.next().await.unwrap().unwrap().is_ping() {} };
    timeout(heartbeat * 8, pinged).await.expect("a ping comes");
    assert!(timeout(heartbeat * 8, next(&mut alive)).await.is_err());
    let mut silent = open(&gateway, &format!("/ws/train/task-{id}?token={admin}")).await;
    says(&mut silent, SessionState::Pending, 0.0).await;
    let deadline = tokio::time::Instant::now() + DEADLINE;
    let connections =
        async || gateway.get(&admin, "/api/v1/ws/stats").await.expect(200)["connections"].clone();
    drop(alive);
    while connections().await != 0 {
        assert!(tokio::time::Instant::now() < deadline, "the silent client is still there");
        tokio::time::sleep(heartbeat / 4).await;
    }
    assert_eq!(next(&mut silent).await, Err(Some(4008)));
}
