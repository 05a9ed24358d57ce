use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Harness, METRICS_TOKEN, PASSWORD, SETUP_TOKEN};

#[tokio::test]
async fn the_first_administrator_is_created_once_and_with_the_token_only() {
    let gateway = Harness::start().await;
    let status = gateway.get("", "/api/v1/setup").await.expect(200);
    assert_eq!(status, json!({ "setup_required": true }));
    let setup = |name: &str, password: &str, token: &str| {
        let body = json!({ "username": name, "password": password, "setup_token": token });
        gateway.post("", "/api/v1/setup", body)
    };
    setup("root", PASSWORD, "guessed").await.problem(403, "setup_token_invalid");
    let faults = setup("root", "short", SETUP_TOKEN).await.problem(400, "validation_failed");
    assert_eq!(faults, ["password: out_of_range"]);
    let faults = setup("no spaces", PASSWORD, SETUP_TOKEN).await.problem(400, "validation_failed");
    assert_eq!(faults, ["username: invalid"]);
    let token = setup("root", PASSWORD, SETUP_TOKEN).await.expect(201);
    assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("Bearer"), &json!(43_200)));
    assert_eq!(token["user"]["role"], "admin");
    let me = gateway.get(token["access_token"].as_str().unwrap(), "/api/v1/auth/me").await;
    assert_eq!(me.expect(200)["username"], "root");
    setup("other", PASSWORD, SETUP_TOKEN).await.problem(409, "setup_done");
    let status = gateway.get("", "/api/v1/setup").await.expect(200);
    assert_eq!(status, json!({ "setup_required": false }));
}

#[tokio::test]
async fn without_a_setup_token_nobody_becomes_administrator() {
    let gateway = Harness::with(|settings| settings.setup_token = None).await;
    let body = json!({ "username": "root", "password": PASSWORD, "setup_token": "" });
    gateway.post("", "/api/v1/setup", body).await.problem(403, "setup_token_invalid");
}

#[tokio::test]
async fn tokens_that_are_not_ours_are_refused() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let mut altered = admin.clone();
    let last = if altered.ends_with('A') { "Q" } else { "A" };
    altered.replace_range(altered.len() - 1.., last);
    // The last character of 43 holds only four bits of the signature: alter one in the middle.
    let middle = altered.len() - 20;
    let other = if &altered[middle..=middle] == "x" { "y" } else { "x" };
    altered.replace_range(middle..=middle, other);
    for token in ["garbage", "a.b.c", altered.as_str()] {
        let answer = gateway.get(token, "/api/v1/strategies").await;
        answer.problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    gateway.get("", "/api/v1/strategies").await.problem(401, "unauthorized");
    let basic = gateway.http.get(format!("{}/api/v1/auth/me", gateway.base));
    gateway.send(basic.basic_auth("root", Some(PASSWORD))).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn logins_fail_alike_are_recorded_and_limited() {
    let gateway = Harness::with(|s| s.rates.logins_per_username_per_minute = 4).await;
    let admin = gateway.admin().await;
    let login = |name: &str, password: &str| {
        gateway.post("", "/api/v1/auth/login", json!({ "username": name, "password": password }))
    };
    let wrong = login("root", "not the password").await;
    wrong.problem(401, "invalid_credentials");
    let unknown = login("nobody", "not the password").await;
    unknown.problem(401, "invalid_credentials");
    assert_eq!(wrong.json()["detail"], unknown.json()["detail"]);
    login("root", PASSWORD).await.expect(200);
    let audit = gateway.get(&admin, "/api/v1/audit?limit=10").await.expect(200);
    let actions: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["auth.login", "auth.login_failed", "auth.login_failed", "setup.create"]);
    assert_eq!(audit["items"][0]["source"], "127.0.0.1");
    assert_eq!(audit["items"][1]["details"]["username"], "nobody");
    assert!(!audit.to_string().contains("not the password"));
    // Setting up was a try too.
    login("root", "again").await.problem(401, "invalid_credentials");
    let limited = login("root", PASSWORD).await;
    limited.problem(429, "rate_limited");
    assert!(limited.header("retry-after").parse::<u64>().unwrap() > 0);
    login("nobody", "x").await.problem(401, "invalid_credentials");
}

#[tokio::test]
async fn logins_are_limited_by_address_too() {
    let gateway = Harness::with(|s| s.rates.logins_per_address_per_minute = 2).await;
    let login = |name: String| {
        gateway.post("", "/api/v1/auth/login", json!({ "username": name, "password": "x" }))
    };
    for n in 0..2 {
        login(format!("user{n}")).await.problem(401, "invalid_credentials");
    }
    login("user2".to_owned()).await.problem(429, "rate_limited");
}

#[tokio::test]
async fn only_trusted_proxies_say_where_a_client_is() {
    let login = |gateway: &Harness| {
        let request = gateway.request(Method::POST, "/api/v1/auth/login", "");
        let request = request.header("x-forwarded-for", "6.6.6.6, 203.0.113.9");
        request.json(&json!({ "username": "root", "password": "x" }))
    };
    for (trusted, expected) in [(true, "203.0.113.9"), (false, "127.0.0.1")] {
        let proxies = if trusted { vec![[127, 0, 0, 1].into()] } else { Vec::new() };
        let gateway = Harness::with(|settings| settings.trusted_proxies = proxies).await;
        let admin = gateway.admin().await;
        gateway.send(login(&gateway)).await.problem(401, "invalid_credentials");
        let audit = gateway.get(&admin, "/api/v1/audit?limit=1").await.expect(200);
        assert_eq!(audit["items"][0]["source"], expected);
    }
}

#[tokio::test]
async fn a_user_who_asks_too_often_is_slowed_down_alone() {
    let gateway = Harness::with(|s| s.rates.requests_per_user_per_second = 5).await;
    let admin = gateway.admin().await;
    let researcher = gateway.researcher(&admin, "ann").await;
    let mut limited = 0;
    for _ in 0..40 {
        limited += u32::from(gateway.get(&researcher, "/api/v1/auth/me").await.status == 429);
    }
    assert!(limited > 0);
    gateway.get(&admin, "/api/v1/auth/me").await.expect(200);
}

#[tokio::test]
async fn permissions_decide() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let researcher = gateway.researcher(&admin, "ann").await;
    for path in ["/api/v1/users", "/api/v1/audit", "/api/v1/workers", "/metrics"] {
        gateway.get(&researcher, path).await.problem(403, "permission_denied");
        gateway.get("", path).await.problem(401, "unauthorized");
        assert_eq!(gateway.get(&admin, path).await.status, 200, "{path}");
    }
    let probe = json!({ "spec": { "steps": [{ "step": "echo" }] } });
    gateway.post(&researcher, "/api/v1/probes", probe).await.problem(403, "permission_denied");
    let body = json!({ "username": "eve", "password": PASSWORD });
    gateway.post(&researcher, "/api/v1/users", body).await.problem(403, "permission_denied");
    let text = gateway.get(METRICS_TOKEN, "/metrics").await;
    let text = String::from_utf8(text.bytes).unwrap();
    for line in [
        "alphafleet_http_requests_total{method=\"GET\",route=\"/api/v1/users\",status=\"403\"} 1",
        "alphafleet_jobs{state=\"pending\"} 0",
        "alphafleet_sockets 0",
        "test_figure 7",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn users_are_created_and_change_their_password() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let ann = gateway.researcher(&admin, "ann").await;
    let create = |body: Value| gateway.post(&admin, "/api/v1/users", body);
    create(json!({ "username": "ann", "password": PASSWORD })).await.problem(409, "conflict");
    let faults = create(json!({ "username": "bob", "password": PASSWORD, "role": "king" })).await;
    assert_eq!(faults.problem(400, "validation_failed"), ["role: unknown_value"]);
    let body = json!({ "username": "bob", "password": PASSWORD, "role": "admin", "max_concurrent_sessions": 9 });
    let bob = create(body).await.expect(201);
    assert_eq!((&bob["role"], &bob["max_concurrent_sessions"]), (&json!("admin"), &json!(9)));
    assert_eq!(
        gateway.get(&admin, "/api/v1/users").await.expect(200)["items"].as_array().unwrap().len(),
        3
    );
    let change = |old: &str, new: &str| {
        let body = json!({ "current_password": old, "new_password": new });
        gateway.post(&ann, "/api/v1/auth/password", body)
    };
    let faults = change("wrong", "another long password").await.problem(400, "validation_failed");
    assert_eq!(faults, ["current_password: wrong"]);
    let faults = change(PASSWORD, "short").await.problem(400, "validation_failed");
    assert_eq!(faults, ["new_password: out_of_range"]);
    change(PASSWORD, "another long password").await.expect(204);
    let body = json!({ "username": "ann", "password": PASSWORD });
    gateway.post("", "/api/v1/auth/login", body).await.problem(401, "invalid_credentials");
    let body = json!({ "username": "ann", "password": "another long password" });
    gateway.post("", "/api/v1/auth/login", body).await.expect(200);
}
