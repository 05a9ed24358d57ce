'use strict';
// The live page: sessions, their progress and curves. Plain DOM; a router by hash; one socket.

const store = {
  get token() { return sessionStorage.getItem('token'); },
  set token(token) {
    if (token) sessionStorage.setItem('token', token);
    else sessionStorage.removeItem('token');
  },
};
const main = document.getElementById('main');
const ENDED = ['completed', 'failed', 'cancelled'];
const START = { epoch: '0', seq: 0 };
// What leaves a report, and what its steps are.
const REPORTING = ['training', 'backtest', 'factor_evaluation'];
const STEPS = { training: 'Rounds', backtest: 'Bars' };
// Curves that are looked at first; the others follow by name.
const FIRST = ['equity', 'benchmark', 'drawdown'];

function el(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(tag, attributes) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

class Problem extends Error {
  constructor(problem) {
    const faults = (problem.faults || []).map((fault) => `${fault.field}: ${fault.message}`);
    super([problem.detail, ...faults].join('\n'));
    this.code = problem.code;
    this.status = problem.status;
  }
}

async function api(method, path, body) {
  const headers = {};
  if (store.token) headers.authorization = `Bearer ${store.token}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  if (answer.status === 204) return null;
  const type = answer.headers.get('content-type') || '';
  const content = type.includes('json') ? await answer.json() : {};
  if (answer.ok) return content;
  if (answer.status === 401 && store.token) leave();
  throw new Problem({ detail: `The gateway answered ${answer.status}.`, ...content });
}

// --- socket -----------------------------------------------------------------------------------
// One connection for all subscriptions. After a break it comes back with each session's cursor,
// so that what happened meanwhile is replayed.

const live = {
  socket: null, followed: new Map(), delay: 500, timer: null, wanted: false,

  // Without a cursor it goes on from now; from the start, everything comes again.
  follow(id, hear, cursor) {
    this.followed.set(id, { hear, cursor });
    this.wanted = true;
    if (this.socket && this.socket.readyState === WebSocket.OPEN) this.subscribe(id);
    else this.connect();
  },
  unfollow(id) {
    if (!this.followed.delete(id)) return;
    this.say({ type: 'unsubscribe_session', session_id: id });
  },
  subscribe(id) {
    this.say({ type: 'subscribe_session', session_id: id, cursor: this.followed.get(id).cursor });
  },
  say(frame) {
    if (this.socket && this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  },
  async connect() {
    if (this.socket || !this.wanted || !store.token) return;
    this.socket = { readyState: WebSocket.CONNECTING };
    show('connecting …');
    let ticket;
    try {
      ({ ticket } = await api('POST', '/api/v1/ws/ticket'));
    } catch {
      this.socket = null;
      return this.later();
    }
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/ws/connect?ticket=${ticket}`);
    this.socket = socket;
    socket.onopen = () => {
      this.delay = 500;
      show('live');
      for (const id of this.followed.keys()) this.subscribe(id);
    };
    socket.onmessage = (message) => this.hear(JSON.parse(message.data));
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      show(event.code === 4029 ? 'too many connections' : 'offline');
      this.later();
    };
  },
  later() {
    if (!this.wanted || !store.token) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), this.delay);
    this.delay = Math.min(this.delay * 2, 10000);
  },
  hear(frame) {
    if (frame.type === 'ping') return this.say({ type: 'pong' });
    const followed = this.followed.get(frame.session_id);
    if (!followed) return;
    const last = followed.cursor;
    if (frame.cursor) {
      if (last && frame.cursor.epoch === last.epoch && frame.cursor.seq <= last.seq) return;
      followed.cursor = frame.cursor;
    }
    if (frame.type === 'gap') followed.cursor = frame.resume_after;
    followed.hear(frame);
  },
  close() {
    this.wanted = false;
    this.followed.clear();
    clearTimeout(this.timer);
    if (this.socket && this.socket.close) this.socket.close();
    this.socket = null;
    show('');
  },
};

function show(text) { document.getElementById('link').textContent = text; }

// --- pages ------------------------------------------------------------------------------------

let stopPage = () => {};

async function route() {
  stopPage();
  stopPage = () => {};
  main.replaceChildren();
  document.getElementById('logout').hidden = !store.token;
  if (!store.token) return enter();
  const [, page, id] = location.hash.split('/');
  try {
    if (page === 'sessions' && id) await sessionPage(id);
    else await listPage();
  } catch (error) {
    if (store.token) main.replaceChildren(el('p', { className: 'error', textContent: error.message }));
  }
}

function leave() {
  store.token = null;
  live.close();
  document.getElementById('who').textContent = '';
  route();
}

async function enter() {
  let setup = false;
  try {
    setup = (await api('GET', '/api/v1/setup')).setup_required;
  } catch (error) {
    return main.replaceChildren(el('p', { className: 'error', textContent: error.message }));
  }
  const field = (label, name, type, autocomplete) =>
    el('label', {}, label, el('input', { name, type, autocomplete, required: true }));
  const failure = el('p', { className: 'error', role: 'alert' });
  const fields = [
    field('Username', 'username', 'text', 'username'),
    field('Password', 'password', 'password', setup ? 'new-password' : 'current-password'),
  ];
  if (setup) fields.push(field('Setup token', 'setup_token', 'password', 'off'));
  const form = el('form', { className: 'panel narrow' },
    el('h1', { textContent: setup ? 'Create the administrator' : 'Log in' }),
    setup ? el('p', { className: 'soft', textContent: 'The setup token lies in the gateway’s data folder.' }) : null,
    ...fields, failure, el('button', { textContent: setup ? 'Create' : 'Log in' }));
  form.onsubmit = async (event) => {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(form));
    try {
      const path = setup ? '/api/v1/setup' : '/api/v1/auth/login';
      store.token = (await api('POST', path, body)).access_token;
      start();
    } catch (error) {
      failure.textContent = error.message;
    }
  };
  main.replaceChildren(form);
  form.elements.username.focus();
}

function stateBadge(state) {
  return el('span', { className: `state ${state}`, textContent: state });
}

// The strategy of a backtest, the model of a training.
function subject({ config, kind }) {
  if (kind === 'backtest') return config.plan.strategy.type;
  return config.model ? config.model.type : null;
}

// Grouped, with so many digits that count; what is very small or large as a power of ten.
function number(value, digits) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-5 || size >= 1e15)) return value.toPrecision(digits);
  return value.toLocaleString(undefined, { maximumSignificantDigits: size >= 1e3 ? Math.max(digits, Math.floor(Math.log10(size)) + 1) : digits });
}

const time = (text) => (text ? new Date(text).toLocaleString() : '–');

async function listPage() {
  const rows = el('tbody', {});
  const count = el('span', { className: 'soft' });
  main.replaceChildren(
    el('div', { className: 'row' }, el('h1', { textContent: 'Sessions' }), count),
    el('div', { className: 'panel' }, el('table', {},
      el('thead', {}, el('tr', {}, ...['Session', 'State', 'Kind', 'Progress', 'Stage', 'Attempt', 'Created']
        .map((name) => el('th', { textContent: name })))), rows)));
  const shown = new Map();
  let timer = null;
  const load = async () => {
    const list = await api('GET', '/api/v1/strategies/sessions?limit=50');
    count.textContent = `${list.total} in all`;
    const ids = new Set(list.items.map((session) => session.id));
    for (const id of shown.keys()) if (!ids.has(id)) { shown.delete(id); live.unfollow(id); }
    // What has ended makes room for the sessions that go on.
    for (const session of list.items) if (ENDED.includes(session.state)) live.unfollow(session.id);
    rows.replaceChildren(...list.items.map((session) => {
      if (!shown.has(session.id)) shown.set(session.id, sessionRow(session));
      const row = shown.get(session.id);
      row.update(session);
      const active = !ENDED.includes(session.state);
      if (active && !live.followed.has(session.id) && live.followed.size < 40) {
        live.follow(session.id, (frame) => row.hear(frame));
      }
      return row.node;
    }));
    if (!list.items.length) {
      rows.append(el('tr', {}, el('td', { colSpan: 7, className: 'soft', textContent: 'Nothing has been run yet.' })));
    }
  };
  const poll = async () => {
    try { await load(); } catch { /* the next look will tell */ }
    timer = setTimeout(poll, 5000);
  };
  stopPage = () => { clearTimeout(timer); for (const id of shown.keys()) live.unfollow(id); };
  await load();
  timer = setTimeout(poll, 5000);
}

function sessionRow(session) {
  const state = el('td', {}), stage = el('td', {}), attempt = el('td', {});
  const bar = el('progress', { max: 100 });
  const node = el('tr', {},
    el('td', {}, el('a', { className: 'mono', href: `#/sessions/${session.id}`, textContent: session.id.slice(-12) })),
    state,
    el('td', { textContent: [session.kind.replaceAll('_', ' '), subject(session)].filter(Boolean).join(' · ') }),
    el('td', {}, bar), stage, attempt, el('td', { textContent: time(session.created_at) }));
  const paint = (name, progress) => {
    if (name) state.replaceChildren(stateBadge(name));
    if (progress) { bar.value = progress.percent; stage.textContent = progress.stage; }
  };
  return {
    node,
    update(now) { paint(now.state, now.progress); attempt.textContent = now.attempt; },
    hear(frame) {
      const snapshot = frame.snapshot;
      if (snapshot) paint(snapshot.state, snapshot.progress);
      if (frame.attempt) attempt.textContent = frame.attempt;
      paint(frame.state && frame.state.state, frame.progress);
    },
  };
}

async function sessionPage(id) {
  const path = `/api/v1/strategies/sessions/${id}`;
  const [session, status, metrics, logs] = await Promise.all([
    api('GET', path), api('GET', `${path}/status`),
    api('GET', `${path}/metrics?limit=100000`), api('GET', `${path}/logs?limit=500`)]);
  const view = sessionView(session);
  view.state(status.state, status.error);
  view.progress({ percent: status.progress, stage: status.stage, epoch: status.current_epoch, epochs: status.total_epochs, eta_ms: status.eta_ms, message: session.progress.message });
  view.attempt(status.attempt);
  view.points(metrics.items);
  view.lines(logs.items);
  view.result(session.result);
  const ended = async () => {
    try { view.result((await api('GET', path)).result); } catch { /* the next visit will tell */ }
  };
  main.replaceChildren(view.node);
  stopPage = () => live.unfollow(id);
  live.follow(id, async (frame) => {
    if (frame.type === 'gap' || frame.type === 'session_subscribed') {
      view.state(frame.snapshot.state);
      view.progress(frame.snapshot.progress);
      view.points(frame.snapshot.metrics);
      // A snapshot holds the newest points only; the database has them all.
      if (frame.type === 'gap') view.points((await api('GET', `${path}/metrics?limit=100000`)).items);
      return;
    }
    if (frame.attempt) view.attempt(frame.attempt);
    if (frame.state) {
      view.state(frame.state.state, frame.state.failure);
      if (frame.state.state === 'completed') await ended();
    }
    if (frame.progress) view.progress(frame.progress);
    if (frame.points) view.points(frame.points);
    if (frame.lines) view.lines(frame.lines);
  }, START);
}

function sessionView(session) {
  const state = el('span', {}), percent = el('progress', { max: 100, className: 'wide' });
  const facts = {};
  const fact = (label, value) => {
    facts[label] = el('dd', { textContent: value || '–' });
    return el('div', {}, el('dt', { textContent: label }), facts[label]);
  };
  const failure = el('p', { className: 'error', role: 'alert' });
  const stop = el('button', { className: 'bad', textContent: 'Stop', type: 'button' });
  const report = el('button', { className: 'quiet', textContent: 'Report', type: 'button' });
  const predictions = el('button', { className: 'quiet', textContent: 'Predictions', type: 'button' });
  const path = `/api/v1/strategies/sessions/${session.id}`;
  const attempted = (work) => async () => {
    try { await work(); } catch (error) { failure.textContent = error.message; }
  };
  stop.onclick = attempted(async () => {
    stop.disabled = true;
    try {
      await api('POST', `${path}/stop`);
    } catch (error) {
      stop.disabled = false;
      throw error;
    }
  });
  report.onclick = attempted(() => open(`${path}/report?format=html&`, true));
  predictions.onclick = attempted(() => open(`${path}/predictions?`, false));
  const charts = el('div', { className: 'charts' });
  const outcome = el('dl', { className: 'facts' });
  const result = el('div', { className: 'panel', hidden: true }, el('h2', { textContent: 'Result' }), outcome);
  const steps = STEPS[session.kind] || 'Steps';
  const plan = session.config.plan;
  const log = el('pre', { className: 'log' });
  const node = el('div', {},
    el('div', { className: 'row' }, el('h1', {}, 'Session ', el('span', { className: 'mono', textContent: session.id })), state),
    el('div', { className: 'panel' }, percent, el('dl', { className: 'facts' },
      fact('Stage'), fact(steps), fact('Time left'), fact('Attempt'),
      fact(plan ? 'Strategy' : 'Model', subject(session)),
      fact('Data', session.config.dataset && session.config.dataset.name),
      plan ? fact('Period', `${plan.period.start} to ${plan.period.end}`) : null,
      fact('Created', time(session.created_at))),
      failure, el('div', { className: 'row' }, stop, report, predictions)),
    result,
    el('div', { className: 'panel' }, el('h2', { textContent: 'Metrics' }), charts),
    el('div', { className: 'panel' }, el('h2', { textContent: 'Log' }), log),
    el('details', {}, el('summary', { textContent: 'Configuration' }),
      el('pre', { className: 'panel', textContent: JSON.stringify(session.config, null, 2) })));
  const curves = new Map();
  const seen = new Set();
  return {
    node,
    state(name, error) {
      state.replaceChildren(stateBadge(name));
      stop.hidden = ENDED.includes(name);
      report.hidden = name !== 'completed' || !REPORTING.includes(session.kind);
      predictions.hidden = name !== 'completed' || session.kind !== 'training';
      // A snapshot has the state without its error: what is known of a failure stays.
      if (name === 'running' || name === 'completed') failure.textContent = '';
      else if (error) failure.textContent = `${error.code}: ${error.message}`;
    },
    attempt(number) { facts.Attempt.textContent = number; },
    progress({ percent: done, stage, epoch, epochs, eta_ms: eta, message }) {
      percent.value = done;
      facts.Stage.textContent = [stage, message].filter(Boolean).join(' – ') || '–';
      // The last word on an ended session has none: the one before stays.
      if (epoch != null) facts[steps].textContent = `${epoch} of ${epochs == null ? '?' : epochs}`;
      facts['Time left'].textContent = eta == null ? '–' : `${Math.ceil(eta / 1000)} s`;
    },
    points(points) {
      for (const point of points) {
        if (!curves.has(point.name)) {
          curves.set(point.name, curve(point.name));
          const sorted = [...FIRST, ...[...curves.keys()].sort()].filter((name, at, all) => curves.has(name) && all.indexOf(name) === at);
          charts.replaceChildren(...sorted.map((name) => curves.get(name).node));
        }
        curves.get(point.name).add(point.step, point.value);
      }
    },
    result(found) {
      const figures = Object.entries((found && found.metrics) || {}).filter(([, value]) => typeof value === 'number');
      result.hidden = !figures.length;
      outcome.replaceChildren(...figures.map(([name, value]) => el('div', {},
        el('dt', { textContent: name.replaceAll('_', ' ') }), el('dd', { textContent: number(value, 6) }))));
    },
    lines(lines) {
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
      for (const line of lines) {
        // What a replay brings again is here already.
        const key = `${line.at} ${line.message}`;
        if (seen.has(key)) continue;
        seen.add(key);
        log.append(el('span', { className: line.level === 'error' ? 'error' : '', textContent: `${new Date(line.at).toLocaleTimeString()} ${line.message}\n` }));
        if (log.childElementCount > 2000) log.firstElementChild.remove();
      }
      if (atEnd) log.scrollTop = log.scrollHeight;
    },
  };
}

// A link cannot send the token, so it carries a one-time ticket.
async function open(path, inTab) {
  const { ticket } = await api('POST', '/api/v1/ws/ticket');
  const link = el('a', { href: `${path}ticket=${ticket}`, rel: 'noopener' });
  if (inTab) link.target = '_blank';
  link.click();
}

function curve(name) {
  const WIDTH = 320, HEIGHT = 160, EDGE = 6, MOST = 1000;
  const values = new Map();
  const newest = el('span', { className: 'mono' }), range = el('span', { className: 'soft mono' });
  const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': name });
  const line = svg('polyline', { points: '' }), dot = svg('circle', { r: 3, cx: -9, cy: -9 });
  const axis = svg('line', { class: 'axis', x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 });
  picture.append(axis, line, dot);
  const node = el('figure', {}, el('figcaption', {}, el('strong', { textContent: name }), newest), picture, range);
  let waiting = false;
  const paint = () => {
    waiting = false;
    const all = [...values].sort((one, other) => one[0] - other[0]);
    const steps = all.map(([step]) => step), heights = all.map(([, value]) => value);
    const [first, last] = [steps[0], steps[steps.length - 1]];
    const low = heights.reduce((one, other) => Math.min(one, other));
    const high = heights.reduce((one, other) => Math.max(one, other));
    const x = (step) => EDGE + (WIDTH - 2 * EDGE) * (last > first ? (step - first) / (last - first) : 0.5);
    const y = (value) => HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (high > low ? (value - low) / (high - low) : 0.5);
    const every = Math.max(1, Math.ceil(all.length / MOST));
    const drawn = all.filter((_, at) => at % every === 0 || at === all.length - 1);
    line.setAttribute('points', drawn.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(' '));
    const end = all[all.length - 1];
    dot.setAttribute('cx', x(end[0]));
    dot.setAttribute('cy', y(end[1]));
    newest.textContent = number(end[1], 6);
    range.textContent = `${number(low, 4)} … ${number(high, 4)}, step ${end[0]}`;
  };
  return {
    node,
    add(step, value) {
      values.set(step, value);
      if (!waiting) { waiting = true; requestAnimationFrame(paint); }
    },
  };
}

async function start() {
  if (store.token) {
    try {
      document.getElementById('who').textContent = (await api('GET', '/api/v1/auth/me')).username;
    } catch { /* an expired token has brought the login back */ }
  }
  await route();
}

document.getElementById('logout').onclick = leave;
window.addEventListener('hashchange', route);
start();
