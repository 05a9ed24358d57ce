use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alphafleet_bootstrap::{
    Overrides, Process, ProcessError, Role, Settings, cancel_on_signal, telemetry,
};
use alphafleet_datasets::write_panel;
use alphafleet_market::SyntheticMarket;
use alphafleet_protocol::api::{DatasetView, SessionView, StrategyBody};
use alphafleet_specs::TrainingSpec;
use anyhow::Context;
use serde_json::{Value, json};
use uuid::Uuid;

use super::summary::Summary;
use super::{data, results};
use crate::args::{Demo, Global};
use crate::client::{Api, ClientError, IdempotencyKey};
use crate::failure::Usage;
use crate::output;
use crate::watch::{Watch, Watched, watch};

const USER: &str = "demo";

pub async fn run(global: &Global, demo: Demo) -> anyhow::Result<ExitCode> {
    let configuration = configuration(&demo)?;
    let data_dir = match &demo.data_dir {
        Some(folder) => folder.clone(),
        None => tempfile::Builder::new().prefix("alphafleet-demo-").tempdir()?.keep(),
    };
    let out = demo.out.clone().unwrap_or_else(|| data_dir.join("result"));
    std::fs::create_dir_all(&out).map_err(|error| Usage(format!("{}: {error}", out.display())))?;
    if let Some(page) = &demo.at {
        let run = Run { global, demo: &demo, out: &out, data_dir: &data_dir, page };
        return run.to_the_end(configuration).await;
    }
    let fleet = embedded(&data_dir).await?;
    let shutdown = fleet.shutdown_token();
    tokio::spawn(cancel_on_signal(shutdown.clone()));
    let page = format!("http://{}", fleet.address());
    let served = tokio::spawn(fleet.wait());
    let run = Run { global, demo: &demo, out: &out, data_dir: &data_dir, page: &page };
    let ended = tokio::select! {
        ended = run.to_the_end(configuration) => ended,
        () = shutdown.cancelled() => Err(anyhow::anyhow!("interrupted")),
    };
    if ended.is_ok() && demo.keep {
        eprintln!("serving {page} until Ctrl-C");
        shutdown.cancelled().await;
    }
    shutdown.cancel();
    let stopped = served.await?;
    let code = ended?;
    stopped?;
    Ok(code)
}

/// A fleet in this process, on the usual port or, if that is taken, any other.
async fn embedded(data_dir: &Path) -> anyhow::Result<Process> {
    let mut settings = settings(data_dir.to_owned())?;
    telemetry::start(&settings.log)?;
    match Process::start(Role::Standalone, &settings).await {
        Err(ProcessError::Listen { .. }) => {
            settings.server.listen.set_port(0);
            Ok(Process::start(Role::Standalone, &settings).await?)
        }
        started => Ok(started?),
    }
}

/// The embedded defaults in the demo's folder.
fn settings(data_dir: PathBuf) -> anyhow::Result<Settings> {
    let listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8300)));
    let log_level = Some("warn".to_owned());
    let overrides = Overrides { data_dir: Some(data_dir), listen, log_level };
    Ok(Settings::load(None, overrides)?)
}

/// The strategy's configuration: the file's, or LightGBM on Alpha158.
fn configuration(demo: &Demo) -> anyhow::Result<Value> {
    let mut document = match &demo.config {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Usage(format!("{} cannot be read: {error}", file.display())))?;
            alphafleet_specs::StrategyConfig::from_toml(&text)?.to_value()
        }
        None => json!({ "model": { "type": "lightgbm" } }),
    };
    if demo.config.is_none() || demo.seed != 42 {
        document["seed"] = demo.seed.into();
    }
    if demo.threads > 0 {
        document["threads"] = demo.threads.into();
    }
    if demo.features {
        document["outputs"] = json!({ "features": true });
    }
    let mut complete = document.clone();
    complete["dataset"] = json!({ "name": USER });
    TrainingSpec::from_value(&complete)?;
    Ok(document)
}

struct Run<'a> {
    global: &'a Global,
    demo: &'a Demo,
    out: &'a Path,
    data_dir: &'a Path,
    page: &'a str,
}

impl Run<'_> {
    async fn to_the_end(&self, configuration: Value) -> anyhow::Result<ExitCode> {
        let (api, password) = self.log_in().await?;
        self.say(&format!("live page  {}  (user {USER}, password {password})", self.page));
        let dataset = self.import(&api).await?;
        let body = StrategyBody {
            name: format!("demo {}", Uuid::new_v4()),
            description: "Made by alphafleet demo".to_owned(),
            config: configuration,
        };
        let strategy = api.create_strategy(&body).await?;
        let request = json!({ "dataset_name": dataset.name });
        let session = api.train(&strategy, &request, &IdempotencyKey::fresh()).await?;
        let watched = self.follow(&api, &session).await?;
        let session = api.session(session.id).await?;
        results::download(&api, session.id, self.out).await?;
        let summary = Summary::of(&dataset, &session, watched, &api.readiness().await?);
        let file = self.out.join("summary.json");
        std::fs::write(&file, serde_json::to_string_pretty(&summary)? + "\n")
            .with_context(|| format!("{} cannot be written", file.display()))?;
        self.show(&session, &summary)?;
        Ok(results::exit_code(&session))
    }

    /// As the first administrator of a fresh folder, or as the demo's user of an earlier one.
    async fn log_in(&self) -> anyhow::Result<(Api, String)> {
        let api = Api::new(self.page, None)?;
        let kept = self.data_dir.join("demo-password");
        let setup_token = std::fs::read_to_string(self.data_dir.join("setup-token"));
        let (token, password) = match setup_token {
            Ok(setup_token) => {
                let password = Uuid::new_v4().simple().to_string();
                let token = api.setup(USER, &password, setup_token.trim()).await?;
                write_private(&kept, &password)?;
                (token, password)
            }
            Err(_) => {
                let password = std::fs::read_to_string(&kept).map_err(|_| {
                    let folder = self.data_dir.display();
                    Usage(format!("{folder} was not made by the demo: choose another --data-dir"))
                })?;
                (api.login(USER, &password).await?, password)
            }
        };
        Ok((api.with_token(token.access_token), password))
    }

    async fn import(&self, api: &Api) -> anyhow::Result<DatasetView> {
        let dataset = match &self.demo.data {
            Some(file) => {
                let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                let legal = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
                let name = stem.chars().map(legal).take(64).collect::<String>();
                data::upload(api, &name, file, None, self.global.json).await?
            }
            None => self.synthetic(api).await?,
        };
        if !self.global.json {
            data::imported(&dataset);
        }
        Ok(dataset)
    }

    async fn synthetic(&self, api: &Api) -> anyhow::Result<DatasetView> {
        let market = SyntheticMarket {
            instruments: self.demo.instruments as usize,
            bars: self.demo.days as usize,
            seed: self.demo.seed.into(),
            signal: self.demo.signal,
            ..SyntheticMarket::default()
        };
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("synthetic.parquet");
        let target = file.clone();
        tokio::task::spawn_blocking(move || {
            let panel = market.generate().map_err(|error| Usage(error.to_string()))?;
            write_panel(&target, &panel)?;
            anyhow::Ok(())
        })
        .await??;
        data::upload(api, "synthetic", &file, None, self.global.json).await
    }

    async fn follow(&self, api: &Api, session: &SessionView) -> anyhow::Result<Watched> {
        let file = self.out.join("events.ndjson");
        let created = File::create(&file);
        let mut record = BufWriter::new(
            created.with_context(|| format!("{} cannot be written", file.display()))?,
        );
        let shown = Watch { quiet: self.global.json, print: false, record: Some(&mut record) };
        let watched = watch(api, session.id, shown).await?;
        record.flush().map_err(ClientError::File)?;
        Ok(watched)
    }

    fn show(&self, session: &SessionView, summary: &Summary) -> anyhow::Result<()> {
        if self.global.json {
            return output::json(summary);
        }
        results::print(session);
        println!("report     {}", self.out.join("report.html").display());
        println!("all files  {}", self.out.display());
        if self.demo.at.is_none() {
            let folder = self.data_dir.display();
            println!("live page  alphafleet standalone --data-dir {folder}, then {}", self.page);
        }
        Ok(())
    }

    fn say(&self, text: &str) {
        if !self.global.json {
            println!("{text}");
        }
    }
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(file)?.write_all(text.as_bytes())
}
