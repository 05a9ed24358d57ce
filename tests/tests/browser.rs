//! What a person sees in a real browser: the reports and the live page.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use alphafleet_market::{PanelBuilder, PanelRow, SyntheticMarket};
use alphafleet_tests::{Browser, Client, Fleet, Page, binary};
use serde_json::{Value, json};

/// An instrument whose name is markup, script and entity.
const HOSTILE: &str = "<img src=x onerror=\"window.broken=1\">&amp;'</td>";

/// Widths of a desk's screen and of a telephone's, in CSS pixels.
const WIDTHS: [u32; 2] = [1280, 390];

/// A synthetic market, one instrument of which is called [`HOSTILE`].
fn market(folder: &Path, instruments: usize, bars: usize) -> PathBuf {
    let market = SyntheticMarket { instruments, bars, ..SyntheticMarket::default() };
    let panel = market.generate().unwrap();
    let fields: Vec<&str> = panel.field_names().collect();
    let mut builder = PanelBuilder::new(fields.iter().copied());
    for (at, name) in panel.instruments().iter().enumerate() {
        let instrument = if at == 1 { HOSTILE } else { name };
        for (bar, &time) in panel.calendar().iter().enumerate() {
            if panel.has_bar(at, bar) {
                let value = |field: &&str| panel.series(field, at).unwrap()[bar];
                let values: Vec<f64> = fields.iter().map(value).collect();
                builder.push(PanelRow { instrument, time, values: &values }).unwrap();
            }
        }
    }
    let file = folder.join("market.parquet");
    alphafleet_datasets::write_panel(&file, &builder.build().unwrap()).unwrap();
    file
}

/// A strategy of rules that deals every instrument, the hostile one too.
fn crossing() -> Value {
    json!({
        "benchmark": HOSTILE,
        "costs": { "open_rate": 0.001, "close_rate": 0.001 },
        "strategy": { "type": "ma_cross", "fast": 5, "slow": 20, "sizing": { "weight": 0.1 } },
    })
}

/// The whole period of a dataset.
async fn period(client: &Client, dataset: &str) -> Value {
    let latest = client.get(&format!("/api/v1/datasets/{dataset}")).await.ok()["latest"].clone();
    let day = |name: &str| latest[name].as_str().unwrap()[..10].to_owned();
    json!({ "start_date": day("start"), "end_date": day("end") })
}

async fn completed(client: &Client, session: &Value) -> String {
    let id = session["id"].as_str().unwrap().to_owned();
    let done = client.until_ended(&id).await;
    assert_eq!(done["state"], "completed", "{done}");
    id
}

/// The address of a session's page for somebody who cannot send a token.
async fn report_url(client: &Client, session: &str) -> String {
    let ticket = client.post("/api/v1/ws/ticket", json!({})).await.ok();
    let ticket = ticket["ticket"].as_str().unwrap();
    let path = format!("/api/v1/strategies/sessions/{session}/report?format=html");
    format!("{}{path}&ticket={ticket}", client.url)
}

/// What a chart of the page shows: the size of what is drawn, and labels that lie on each other.
const CHARTS: &str = "[...document.querySelectorAll('figure svg')].map(svg => {
    const open = svg.closest('details:not([open])');
    if (open) open.open = true;
    const own = svg.getBoundingClientRect();
    const drawn = [...svg.querySelectorAll('.line, .bars, rect')]
        .map(shape => shape.getBoundingClientRect())
        .filter(box => box.width > 1 || box.height > 1).length;
    const texts = [...svg.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0);
    const overlapping = texts.flatMap(([one, a], at) => texts.slice(at + 1)
        .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1
            && a.top < b.bottom - 1 && b.top < a.bottom - 1)
        .map(([other]) => `${one.textContent} on ${other.textContent}`));
    const outside = texts.filter(([, box]) => box.left < 0 || box.right > window.innerWidth)
        .map(([text]) => text.textContent);
    return { title: svg.getAttribute('aria-label'), width: own.width, height: own.height, drawn,
        labels: texts.length, overlapping, outside };
})";

/// Looks at a report in every width: charts that show something, labels that can be read, nothing
/// wider than the screen, nothing from elsewhere, and not a word of complaint.
async fn check_report(page: &mut Page, name: &str, charts_least: usize) {
    for width in WIDTHS {
        page.resize(width, 900).await;
        let charts = page.evaluate(CHARTS).await;
        let charts = charts.as_array().unwrap();
        assert!(charts.len() >= charts_least, "{name}: {charts:?}");
        for chart in charts {
            let at_least = |what: &str, least: f64| chart[what].as_f64().unwrap() >= least;
            let large = at_least("width", 200.0) && at_least("height", 70.0);
            let shows = at_least("drawn", 1.0) && at_least("labels", 3.0);
            assert!(large && shows, "{name} at {width}: {chart}");
            for wrong in ["overlapping", "outside"] {
                assert_eq!(chart[wrong], json!([]), "{name} at {width}: {chart}");
            }
        }
        fits(page, name, width).await;
        page.picture(&format!("{name}-{width}")).await;
    }
    let complaints = page.complaints().await;
    assert!(complaints.is_empty(), "{name}: {complaints:#?}");
    let requests = page.requests();
    assert_eq!(requests.len(), 1, "{name} asks for more than itself: {requests:?}");
    assert_eq!(page.evaluate("performance.getEntriesByType('resource').length").await, 0);
}

/// Fails where the page can be scrolled sideways, and names what is too wide.
async fn fits(page: &mut Page, name: &str, width: u32) {
    let wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
        [...document.querySelectorAll('body *')]
            .filter(node => node.getBoundingClientRect().right > window.innerWidth)
            .map(node => node.outerHTML.slice(0, 120)).slice(0, 5)";
    assert_eq!(page.evaluate(wide).await, json!([]), "{name} at {width}");
}

/// The page has the hostile name as text, and no element or script of it came to be.
async fn stayed_text(page: &mut Page) {
    let broken = "document.querySelectorAll('img, script').length || 'broken' in window";
    assert_eq!(page.evaluate(broken).await, false);
    let cells = "[...document.querySelectorAll('td')].map(cell => cell.textContent)";
    let cells = page.evaluate(cells).await;
    assert!(cells.as_array().unwrap().contains(&json!(HOSTILE)), "{cells}");
}

/// Compares the figures at the head of a page with those that programs read.
async fn check_figures(page: &mut Page, report: &Value, metrics: &Value) {
    let shown = "[...document.querySelectorAll('.figures > div')]
        .map(one => [one.children[0].textContent, one.children[1].textContent])";
    let shown = page.evaluate(shown).await;
    let groups = report["figures"].as_array().unwrap().iter();
    let figures: Vec<&Value> =
        groups.flat_map(|group| group["figures"].as_array().unwrap()).collect();
    let shown = shown.as_array().unwrap();
    assert!(shown.len() >= 12, "{shown:?}");
    for pair in shown {
        let [label, text] = [0, 1].map(|at| pair[at].as_str().unwrap());
        let figure = figures.iter().find(|figure| figure["label"] == label).unwrap();
        let value = &metrics[figure["name"].as_str().unwrap()];
        let Some(value) = value.as_f64() else {
            assert_eq!((value, text), (&Value::Null, "–"), "{label}");
            continue;
        };
        let plain = text.replace('−', "-").replace(',', "");
        let (number, unit) = match plain.strip_suffix(" %") {
            Some(number) => (number, 100.0),
            None => (plain.as_str(), 1.0),
        };
        let places = number.split_once('.').map_or(0, |(_, places)| places.len());
        let half = 0.5 * 10f64.powi(-i32::try_from(places).unwrap()) + 1e-9 * value.abs();
        let read: f64 = number.parse().unwrap();
        assert!((read - value * unit).abs() <= half, "{label}: {text} for {value}");
    }
}

fn json_file(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Runs a program of ours to its success; answers what it printed.
fn alphafleet(home: &Path, args: &[&str]) -> String {
    let output = Command::new(binary()).args(args).env("HOME", home).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_report_of_a_local_backtest_opens_as_a_file() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = market(folder.path(), 20, 500);
    let [plan, out] = ["plan.toml", "out"].map(|name| folder.path().join(name));
    let template = alphafleet(folder.path(), &["backtest", "--template", "ma_cross"]);
    let text = format!("benchmark = {}\n{template}", json!(HOSTILE)).replace("0.01 ", "0.1 ");
    std::fs::write(&plan, text).unwrap();
    let [plan, data, to] = [&plan, &data, &out].map(|path| path.to_str().unwrap());
    alphafleet(folder.path(), &["backtest", "--local", plan, "--data", data, "--out", to]);

    let mut page = browser.page().await;
    page.open(&format!("file://{to}/report.html")).await;
    let title = page.evaluate("document.title").await;
    assert_eq!(title, "Backtest: moving_average_cross on market");
    let [report, metrics] = ["report.json", "metrics.json"].map(|name| json_file(&out.join(name)));
    check_figures(&mut page, &report, &metrics).await;
    stayed_text(&mut page).await;
    check_report(&mut page, "backtest-file", 7).await;
}

#[tokio::test]
async fn reports_open_from_the_gateway_under_its_policy() {
    let Some(browser) = Browser::start() else { return };
    let (fleet, client) = Fleet::start(&[]).await;
    client.import("market", &market(fleet.data_dir(), 20, 500)).await.ok();

    let rules = json!({ "dataset": "market", "backtest": crossing() });
    let strategy = client.strategy("averages", rules).await;
    let backtest = client.backtest(&strategy, period(&client, "market").await).await.ok();
    let factors =
        ["$close/Ref($close, 5) - 1", "Std($close, 20)/$close", "Corr($close, Log($volume+1), 20)"];
    let model = json!({
        "dataset": "market",
        "features": { "expressions": factors },
        "model": { "type": "lightgbm", "rounds": 10, "num_leaves": 7 },
        "threads": 1,
    });
    let strategy = client.strategy("trees", model).await;
    let training = client.train(&strategy, json!({})).await.ok();
    let body = json!({ "dataset": "market", "features": { "expressions": factors } });
    let evaluation = client.post("/api/v1/features/evaluate", body).await.ok();

    for (session, name, charts) in
        [(&backtest, "backtest", 7), (&training, "training", 3), (&evaluation, "effectiveness", 12)]
    {
        let id = completed(&client, session).await;
        let mut page = browser.page().await;
        page.open(&report_url(&client, &id).await).await;
        let policy = page.header("/report", "content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
        assert!(!page.evaluate("document.title").await.as_str().unwrap().is_empty());
        if name == "backtest" {
            let path = format!("/api/v1/strategies/sessions/{id}");
            let file = |of: &str| format!("{path}/{of}");
            let [report, metrics] = [
                client.bytes(&file("report")).await,
                client.bytes(&file("artifacts/metrics.json")).await,
            ]
            .map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap());
            check_figures(&mut page, &report, &metrics).await;
            stayed_text(&mut page).await;
        }
        check_report(&mut page, name, charts).await;
    }
}

/// Keeps every state that the page shows, in order.
const WATCH_STATES: &str = "(() => {
    window.states = [];
    const look = () => {
        const state = document.querySelector('h1 + span .state')?.textContent;
        if (state && state !== window.states.at(-1)) window.states.push(state);
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
    look();
})()";

/// Points of the curve of this name.
fn points_of(curve: &str) -> String {
    let picture = format!("document.querySelector('svg[aria-label={curve}] polyline')");
    format!("({picture}?.points.length ?? 0)")
}

async fn log_in(page: &mut Page, url: &str, (name, password): (&str, &str)) {
    page.open(url).await;
    page.click("input[name=username]").await;
    page.type_text(name).await;
    page.click("input[name=password]").await;
    page.type_text(password).await;
    page.click("form button").await;
    page.until("document.querySelector('h1')?.textContent === 'Sessions'").await;
    page.until(&format!("document.getElementById('who').textContent === '{name}'")).await;
}

#[tokio::test]
async fn a_backtest_is_followed_live_and_its_report_opened() {
    let Some(browser) = Browser::start() else { return };
    let (fleet, client) = Fleet::start(&[("WORKER__BACKTEST_SLOTS", "1")]).await;
    client.import("large", &market(fleet.data_dir(), 300, 600)).await.ok();
    client.import("market", &market(fleet.data_dir(), 20, 1_000)).await.ok();
    // Until they are stopped, what comes behind them waits.
    let weighting = json!({ "mean_variance":
        { "window": 120, "shrinkage": 0.3, "risk_aversion": 10.0, "max_weight": 0.1 } });
    let slow = json!({ "dataset": "large", "backtest": {
        "strategy": { "type": "weights", "weighting": weighting, "every": 1 } } });
    let slow = client.strategy("slow", slow).await;
    let mut before = Vec::new();
    for _ in 0..2 {
        before.push(client.backtest(&slow, period(&client, "large").await).await.ok());
    }
    let rules = json!({ "dataset": "market", "backtest": crossing() });
    let strategy = client.strategy("averages", rules).await;
    let session = client.backtest(&strategy, period(&client, "market").await).await.ok();
    let id = session["id"].as_str().unwrap();

    let mut page = browser.page().await;
    page.resize(1280, 900).await;
    log_in(&mut page, &client.url, Fleet::ADMIN).await;
    page.click(&format!("a[href='#/sessions/{id}']")).await;
    page.until("document.querySelector('h1 + span .state')?.textContent === 'pending'").await;
    page.until("document.getElementById('link').textContent === 'live'").await;
    page.evaluate(WATCH_STATES).await;
    // The one that runs last, so that none takes its place.
    for slow in before.iter().rev() {
        client.stop(slow["id"].as_str().unwrap()).await.ok();
    }
    page.until("window.states.at(-1) === 'completed'").await;
    let states = page.evaluate("window.states").await;
    assert_eq!(states, json!(["pending", "running", "completed"]));
    let done = client.session(id).await;
    let bars = done["result"]["period"]["bars"].as_u64().unwrap();
    for curve in ["equity", "benchmark", "drawdown"] {
        page.until(&format!("{} === {bars}", points_of(curve))).await;
    }
    page.until("document.body.textContent.includes('total return')").await;
    for width in WIDTHS {
        page.resize(width, 900).await;
        fits(&mut page, "session", width).await;
        page.picture(&format!("session-{width}")).await;
    }

    page.resize(1280, 900).await;
    page.click("main .row button:not([hidden])").await;
    let mut report = browser.opened(&format!("{id}/report")).await;
    report.until("document.title === 'Backtest: moving_average_cross on market'").await;
    stayed_text(&mut report).await;
    let complaints = report.complaints().await;
    assert!(complaints.is_empty(), "{complaints:#?}");

    page.show().await;
    page.click("header .brand").await;
    page.until("document.querySelectorAll('tbody tr').length === 3").await;
    for width in WIDTHS {
        page.resize(width, 900).await;
        fits(&mut page, "sessions", width).await;
        page.picture(&format!("sessions-{width}")).await;
    }
    let complaints = page.complaints().await;
    assert!(complaints.is_empty(), "{complaints:#?}");
    let own = client.url.trim_start_matches("http");
    let elsewhere = |url: &String| !url.contains(own) && !url.starts_with("data:");
    assert_eq!(page.requests().into_iter().find(elsewhere), None);
}
