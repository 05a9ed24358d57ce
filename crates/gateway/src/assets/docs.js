'use strict';
// Renders /api/openapi.json: operations by tag, then the schemas they refer to.

function el(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const nameOf = (reference) => reference.split('/').pop();

// What a schema is, in one line, with links to the schemas it names.
function kind(schema) {
  if (schema === true || !schema) return ['anything'];
  if (schema.$ref) {
    const name = nameOf(schema.$ref);
    return [el('a', { href: `#schema-${name}`, textContent: name })];
  }
  const choices = schema.anyOf || schema.oneOf;
  if (choices) return choices.flatMap((choice, at) => (at ? [' or ', ...kind(choice)] : kind(choice)));
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(' | ')];
  if (schema.type === 'array') return ['list of ', ...kind(schema.items)];
  const types = [].concat(schema.type || 'object').join(' or ');
  return [schema.format ? `${types} (${schema.format})` : types];
}

function bounds(schema) {
  const parts = [];
  const add = (name, sign) => { if (schema[name] !== undefined) parts.push(`${sign} ${schema[name]}`); };
  add('minimum', '≥'); add('exclusiveMinimum', '>'); add('maximum', '≤'); add('exclusiveMaximum', '<');
  add('minLength', 'length ≥'); add('maxLength', 'length ≤'); add('minItems', 'items ≥'); add('maxItems', 'items ≤');
  if (schema.default !== undefined) parts.push(`default ${JSON.stringify(schema.default)}`);
  return parts.join(', ');
}

function table(head, rows) {
  const line = (cell, cells) => el('tr', {}, ...cells.map((content) => el(cell, {}, ...[].concat(content))));
  return el('table', {}, el('thead', {}, line('th', head)), el('tbody', {}, ...rows.map((row) => line('td', row))));
}

function fields(schema) {
  const required = new Set(schema.required || []);
  return table(['Field', 'Type', 'Limits', 'Meaning'], Object.entries(schema.properties).map(([name, field]) => [
    el('code', { textContent: required.has(name) ? name : `${name}?` }), kind(field), bounds(field), field.description || '']));
}

function schemaBody(schema) {
  const parts = [];
  if (schema.description) parts.push(el('p', { textContent: schema.description }));
  if (schema.properties && Object.keys(schema.properties).length) parts.push(fields(schema));
  for (const choice of schema.oneOf || schema.anyOf || []) {
    parts.push(el('div', { className: 'panel' }, ...(choice.properties ? schemaBody(choice) : [el('p', {}, ...kind(choice)), choice.description || ''])));
  }
  if (!parts.length) parts.push(el('p', {}, ...kind(schema)));
  return parts;
}

function contents(content) {
  return Object.entries(content || {}).flatMap(([media, { schema }]) => [el('code', { textContent: media }), ' ', ...kind(schema)]);
}

function operation(method, path, described) {
  const parts = [];
  const guard = described.security.length ? 'Needs an access token' : 'Open to all';
  const permission = described['x-permission'];
  parts.push(el('p', { className: 'soft', textContent: permission ? `${guard} with ${permission}.` : `${guard}.` }));
  if (described.parameters.length) {
    parts.push(table(['Parameter', 'In', 'Meaning'], described.parameters.map((parameter) => [
      el('code', { textContent: parameter.required ? parameter.name : `${parameter.name}?` }), parameter.in, parameter.description || ''])));
  }
  if (described.requestBody) parts.push(el('p', {}, 'Send ', ...contents(described.requestBody.content)));
  for (const [status, answer] of Object.entries(described.responses)) {
    const label = status === 'default' ? 'Else ' : `${status} `;
    parts.push(el('p', {}, el('strong', { textContent: label }), ...(answer.content ? contents(answer.content) : [answer.description])));
  }
  return el('details', { id: described.operationId },
    el('summary', {}, el('span', { className: 'verb mono', textContent: method }), el('code', { textContent: path }), ` ${described.summary}`),
    el('div', { className: 'panel' }, ...parts));
}

function render(description) {
  const byTag = new Map();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, described] of Object.entries(methods)) {
      const tag = described.tags[0];
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push(operation(method, path, described));
    }
  }
  const groups = [...byTag].map(([tag, operations]) =>
    el('section', { className: 'panel', id: `tag-${tag}` }, el('h2', { textContent: tag }), ...operations));
  const schemas = Object.entries(description.components.schemas).map(([name, schema]) =>
    el('details', { id: `schema-${name}` }, el('summary', {}, el('code', { textContent: name })), ...schemaBody(schema)));
  document.getElementById('main').replaceChildren(
    el('h1', { textContent: `${description.info.title} API ${description.info.version}` }),
    el('p', { textContent: description.info.description }),
    ...groups,
    el('section', { className: 'panel', id: 'schemas' }, el('h2', { textContent: 'Schemas' }), ...schemas));
  reveal();
}

// A link to something folded up opens it.
function reveal() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (!target) return;
  if ('open' in target) target.open = true;
  target.scrollIntoView();
}

window.addEventListener('hashchange', reveal);
fetch('/api/openapi.json')
  .then((answer) => answer.json())
  .then(render)
  .catch((error) => { document.getElementById('main').textContent = `The description cannot be read: ${error.message}`; });
