//! The operations of the HTTP API, as a table: what the OpenAPI document says and what the gateway
//! serves are both held against it.

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Public,
    /// Anyone logged in; sees only what is their own.
    User,
    /// Needs this permission.
    Permission(&'static str),
    /// Authenticates by `?token=`, `?ticket=` or subprotocol.
    Socket,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }
}

/// What a request or an answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    None,
    /// JSON of this schema.
    Json(&'static str),
    /// Bytes of this media type.
    Bytes(&'static str),
}

/// A query or header parameter; those in the path are read off the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    pub name: &'static str,
    /// `query` or `header`.
    pub place: &'static str,
    pub required: bool,
    pub help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    pub method: Method,
    /// With `{name}` for path parameters.
    pub path: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    pub access: Access,
    pub parameters: &'static [Parameter],
    pub request: Body,
    pub status: u16,
    pub response: Body,
}

const fn query(name: &'static str, help: &'static str) -> Parameter {
    Parameter { name, place: "query", required: false, help }
}

const LIMIT: Parameter = query("limit", "How many at most: 1 to 1000, 50 by default.");
const OFFSET: Parameter = query("offset", "How many to skip; 0 by default.");
const PAGE: &[Parameter] = &[LIMIT, OFFSET];
const TICKET: Parameter = query(
    "ticket",
    "A one-time ticket instead of the access token: for links, which send no headers.",
);
const SOCKET_TICKET: Parameter = query("ticket", "A one-time ticket.");
const SOCKET_TOKEN: Parameter = query("token", "An access token.");
const SOCKET: &[Parameter] = &[SOCKET_TICKET, SOCKET_TOKEN];
const STARTS_WORK: &[Parameter] = &[Parameter {
    name: "Idempotency-Key",
    place: "header",
    required: false,
    help: "1 to 128 visible characters. The same key and body answer with the same session again; \
           the same key with another body is refused with 422.",
}];
const CREATE: Access = Access::Permission("strategy:create");
const EXECUTE: Access = Access::Permission("strategy:execute");
const ADMIN: Access = Access::Permission("admin");

const fn get(
    path: &'static str,
    tag: &'static str,
    summary: &'static str,
    access: Access,
    parameters: &'static [Parameter],
    response: Body,
) -> Operation {
    let request = Body::None;
    Operation {
        method: Method::Get,
        path,
        tag,
        summary,
        access,
        parameters,
        request,
        status: 200,
        response,
    }
}

/// What goes in, the status of success, and what comes out.
struct Exchange(Body, u16, Body);

const fn send(
    method: Method,
    path: &'static str,
    tag: &'static str,
    summary: &'static str,
    access: Access,
    Exchange(request, status, response): Exchange,
) -> Operation {
    Operation { method, path, tag, summary, access, parameters: &[], request, status, response }
}

const fn with(operation: Operation, parameters: &'static [Parameter]) -> Operation {
    Operation { parameters, ..operation }
}

use Body::{Bytes, Json, None};
use Method::{Delete, Post, Put};

/// Every operation, in the order the API page shows them.
#[rustfmt::skip]
pub const OPERATIONS: &[Operation] = &[
    get("/healthz", "system", "The process lives.", Access::Public, &[], Json("Health")),
    get("/readyz", "system", "What the gateway cannot do without answers; else 503. `degraded` when anything else does not.", Access::Public, &[], Json("Readiness")),
    get("/metrics", "system", "Prometheus metrics, for administrators and the metrics token.", ADMIN, &[], Bytes("text/plain")),
    get("/api/openapi.json", "system", "This description.", Access::Public, &[], Bytes("application/json")),
    get("/api/docs", "system", "This description, to read.", Access::Public, &[], Bytes("text/html")),

    get("/api/v1/setup", "users", "Whether the first administrator is still to be created.", Access::Public, &[], Json("SetupStatus")),
    send(Post, "/api/v1/setup", "users", "Creates the first administrator; 409 once there is a user.", Access::Public, Exchange(Json("Setup"), 201, Json("Token"))),
    send(Post, "/api/v1/auth/login", "users", "Trades a password for an access token.", Access::Public, Exchange(Json("Login"), 200, Json("Token"))),
    get("/api/v1/auth/me", "users", "Who the token belongs to.", Access::User, &[], Json("UserView")),
    send(Post, "/api/v1/auth/password", "users", "Changes your password.", Access::User, Exchange(Json("SetPassword"), 204, None)),
    get("/api/v1/auth/webhook-secret", "users", "The secret that callbacks to you are signed with, as Standard Webhooks describes it.", Access::User, &[], Json("WebhookSecret")),
    get("/api/v1/users", "users", "All users.", ADMIN, &[], Json("UserList")),
    send(Post, "/api/v1/users", "users", "Creates a user.", ADMIN, Exchange(Json("CreateUser"), 201, Json("UserView"))),
    get("/api/v1/audit", "users", "The audit log, newest first.", ADMIN, PAGE, Json("AuditList")),

    get("/api/v1/strategies", "strategies", "Your strategies.", Access::User,
        &[query("strategy_type", "Only those of this type: a model's or that of rules."), query("status", "`active`: with pending or running sessions only; `idle`: without."), LIMIT, OFFSET], Json("StrategyList")),
    send(Post, "/api/v1/strategies", "strategies", "Creates a strategy.", CREATE, Exchange(Json("StrategyBody"), 201, Json("StrategyView"))),
    get("/api/v1/strategies/templates", "strategies", "Complete configurations to start from.", Access::User, &[], Json("TemplateList")),
    get("/api/v1/strategies/{id}", "strategies", "One strategy.", Access::User, &[], Json("StrategyView")),
    send(Put, "/api/v1/strategies/{id}", "strategies", "Replaces a strategy.", CREATE, Exchange(Json("StrategyBody"), 200, Json("StrategyView"))),
    send(Delete, "/api/v1/strategies/{id}", "strategies", "Deletes a strategy; its sessions stay. 409 while one is active.", CREATE, Exchange(None, 204, None)),
    with(send(Post, "/api/v1/strategies/{id}/train", "strategies", "Starts a training session.", EXECUTE, Exchange(Json("TrainRequest"), 202, Json("SessionView"))), STARTS_WORK),
    with(send(Post, "/api/v1/strategies/{id}/backtest", "strategies", "Starts a backtest session: over the scores of the strategy's newest completed training, or of the one named.", EXECUTE, Exchange(Json("BacktestRequest"), 202, Json("SessionView"))), STARTS_WORK),
    with(send(Post, "/api/v1/strategies/{id}/sweep", "strategies", "Starts a session of many backtests: every combination of the values given for fields of the plan, ranked, and on request tested walking forward.", EXECUTE, Exchange(Json("BacktestSweepRequest"), 202, Json("SessionView"))), STARTS_WORK),
    get("/api/v1/model-types", "strategies", "The models there are, with their parameters.", Access::User, &[], Json("ModelTypeList")),

    get("/api/v1/strategies/sessions", "sessions", "Your sessions, newest first.", Access::User,
        &[query("strategy_id", "Only those of this strategy."), query("experiment_id", "Only those of this experiment."), query("state", "Only those in this state."), LIMIT, OFFSET], Json("SessionList")),
    get("/api/v1/strategies/sessions/{id}", "sessions", "One session, with its configuration and result.", Access::User, &[], Json("SessionView")),
    get("/api/v1/strategies/sessions/{id}/status", "sessions", "State, progress, newest metrics and stages.", Access::User, &[], Json("SessionStatus")),
    get("/api/v1/strategies/sessions/{id}/children", "sessions", "The parts that the session was split into, in their order; none for most sessions.", Access::User, PAGE, Json("SessionList")),
    send(Post, "/api/v1/strategies/sessions/{id}/stop", "sessions", "Cancels a pending or running session, and its parts with it. A running one is `cancelled` once its process is gone.", EXECUTE, Exchange(None, 202, Json("SessionView"))),
    get("/api/v1/strategies/sessions/{id}/metrics", "sessions", "Time series for charts, oldest first.", Access::User,
        &[query("limit", "The newest how many: 1 to 100000, 100 by default."), query("metric_name", "Only this metric.")], Json("MetricList")),
    get("/api/v1/strategies/sessions/{id}/logs", "sessions", "What the session wrote, oldest first.", Access::User,
        &[query("limit", "The newest how many lines: 1 to 10000, 500 by default."), query("contains", "Only lines with this text.")], Json("LogList")),
    get("/api/v1/strategies/sessions/{id}/resources", "sessions", "What the session's processes used of the machine, oldest first.", Access::User,
        &[query("limit", "The newest how many samples: 1 to 100000, 600 by default.")], Json("ResourceList")),
    get("/api/v1/strategies/sessions/{id}/callback", "sessions", "How the announcement of the session's end to its `callback_url` goes; 404 before the end, or without one.", Access::User, &[], Json("CallbackView")),
    get("/api/v1/strategies/sessions/{id}/artifacts", "sessions", "The files a completed session left.", Access::User, &[], Json("ArtifactList")),
    get("/api/v1/strategies/sessions/{id}/artifacts/{name}", "sessions", "One of the files.", Access::User, &[TICKET], Bytes("application/octet-stream")),
    get("/api/v1/strategies/sessions/{id}/report", "sessions", "The report of a training, a backtest or an evaluation of features: JSON, or one HTML page with `?format=html`.", Access::User,
        &[query("format", "`json` (default) or `html`."), TICKET], Bytes("application/json")),
    get("/api/v1/strategies/sessions/{id}/predictions", "sessions", "Predictions on the test segment, as Parquet.", Access::User, &[TICKET], Bytes("application/vnd.apache.parquet")),
    with(send(Post, "/api/v1/probes", "sessions", "Starts a probe, which exercises the fleet itself.", ADMIN, Exchange(Json("SubmitProbe"), 202, Json("SessionView"))), STARTS_WORK),
    with(send(Post, "/api/v1/probes/batch", "sessions", "Starts 1 to 1000 probes together: all of them or none.", ADMIN, Exchange(Json("SubmitProbes"), 202, Json("SessionBatch"))), STARTS_WORK),

    with(send(Post, "/api/train", "remote", "Takes a training from another platform. The end is announced to `callback_url`, signed.", EXECUTE, Exchange(Json("RemoteTrainRequest"), 202, Json("TaskAccepted"))), STARTS_WORK),
    get("/api/tasks/{id}", "remote", "Where a task stands, with its metrics in `result`. `{id}` is `task-<uuid>` or the bare UUID.", Access::User, &[], Json("TaskView")),
    get("/ws/train/{id}", "remote", "WebSocket: frames of the schema `TaskFrame` from where the task stands to its end; then close code 1000. 4001 when refused, 4004 when there is no such task.", Access::Socket, SOCKET, None),
    get("/training-progress", "remote", "WebSocket: the same frames, by the id of a model or of the session that makes it.", Access::Socket,
        &[Parameter { name: "model_id", place: "query", required: true, help: "Id of a model, a session or a task." }, SOCKET_TICKET, SOCKET_TOKEN], None),

    get("/api/v1/datasets", "data", "Your datasets with their latest versions.", Access::User, PAGE, Json("DatasetList")),
    get("/api/v1/datasets/{name}", "data", "One dataset with its latest version.", Access::User, &[], Json("DatasetView")),
    get("/api/v1/datasets/{name}/versions", "data", "Its versions with their findings, newest first.", Access::User, &[], Json("DatasetVersionList")),
    with(send(Post, "/api/v1/datasets/{name}/versions", "data", "Imports a CSV or Parquet file as a new version.", CREATE, Exchange(Bytes("application/octet-stream"), 201, Json("DatasetView"))),
        &[Parameter { name: "filename", place: "query", required: true, help: "Name of the file, e.g. `bars.parquet`." }, query("mapping", "Columns of layouts that are not recognised: `close=Last,instrument=Ticker`.")]),
    with(send(Put, "/api/v1/datasets/{name}/announcements", "data", "Puts a CSV or Parquet table of announcements (columns instrument, announced, period, field, value) beside the newest version's bars, as a new version. Imports of bars after it carry them on.", CREATE, Exchange(Bytes("application/octet-stream"), 201, Json("DatasetView"))),
        &[Parameter { name: "filename", place: "query", required: true, help: "Name of the file, e.g. `fundamentals.csv`." }]),

    get("/api/v1/features", "features", "Your own features, newest first.", Access::User, PAGE, Json("FeatureList")),
    send(Post, "/api/v1/features", "features", "Creates a feature; a bad formula is refused with the position of the mistake.", CREATE, Exchange(Json("FeatureBody"), 201, Json("FeatureView"))),
    send(Post, "/api/v1/features/validate", "features", "Checks a formula.", Access::User, Exchange(Json("FormulaBody"), 200, Json("FormulaView"))),
    get("/api/v1/features/sets", "features", "The published collections of features.", Access::User, &[], Json("FeatureSetList")),
    get("/api/v1/features/sets/{name}", "features", "One collection with its formulas.", Access::User, &[], Json("FeatureSetDetail")),
    get("/api/v1/features/{id}", "features", "One feature.", Access::User, &[], Json("FeatureView")),
    send(Put, "/api/v1/features/{id}", "features", "Replaces a feature; another formula becomes its next version.", CREATE, Exchange(Json("FeatureBody"), 200, Json("FeatureView"))),
    send(Delete, "/api/v1/features/{id}", "features", "Deletes a feature; what was computed with it stays.", CREATE, Exchange(None, 204, None)),
    get("/api/v1/features/{id}/versions", "features", "Every formula it has had, newest first.", Access::User, &[], Json("FeatureVersionList")),
    with(send(Post, "/api/features/calculate", "features", "Starts the computation of features on a dataset. `feature:NAME` stands for one of your own.", EXECUTE, Exchange(Json("FeatureComputationSpec"), 202, Json("SessionView"))), STARTS_WORK),
    with(send(Post, "/api/v1/features/evaluate", "features", "Starts the evaluation of features: IC, decay, turnover and returns of quantiles over each horizon. `feature:NAME` stands for one of your own.", EXECUTE, Exchange(Json("FactorEvaluationSpec"), 202, Json("SessionView"))), STARTS_WORK),
    get("/api/features/{id}", "feature-values", "Computed values of one instrument, by its code; 409 for what is not computed yet.", Access::User,
        &[Parameter { name: "dataset", place: "query", required: true, help: "Name of your dataset." }, query("version", "Of the dataset; the latest by default."), query("set", "A published collection."),
          query("names", "Names, separated by commas: of the set's features if there is one, else of your own."), query("adjustment", "`none`, `backward` (default) or `forward`."),
          query("from", "First day, e.g. `2020-01-31`."), query("to", "Last day."), query("limit", "The newest how many rows: 1 to 10000, 100 by default.")], Json("FeatureValueList")),
    send(Put, "/api/features/{id}", "feature-values", "Replaces a feature, by its id.", CREATE, Exchange(Json("FeatureBody"), 200, Json("FeatureView"))),

    get("/api/v1/backtests/compare", "results", "Completed backtests side by side: their key figures, and where their configurations differ.", Access::User,
        &[Parameter { name: "ids", place: "query", required: true, help: "2 to 10 sessions of yours, separated by commas." }], Json("BacktestComparison")),
    get("/api/v1/experiments", "results", "Your experiments.", Access::User, PAGE, Json("ExperimentList")),
    get("/api/v1/models", "results", "Your fitted models, newest first.", Access::User, PAGE, Json("ModelList")),
    get("/api/v1/models/{id}", "results", "One model.", Access::User, &[], Json("ModelView")),

    send(Post, "/api/v1/ws/ticket", "live", "A one-time ticket that opens a WebSocket or one download.", Access::User, Exchange(None, 200, Json("SocketTicket"))),
    get("/api/v1/ws/connect", "live", "WebSocket: see the schemas `ClientFrame` and `ServerFrame`. Close code 4001 when refused.", Access::Socket, SOCKET, None),
    get("/api/v1/ws/stats", "live", "The open WebSockets of the gateway that answers.", ADMIN, &[], Json("SocketStats")),

    get("/api/v1/workers", "fleet", "The workers seen lately.", ADMIN, &[], Json("WorkerList")),
];
