import t from 'tap';
import { CtiError, fromNative } from '../lib/errors.js';
import { escapeJson, escapeText } from '../lib/escape.js';

t.test('an error of the addon keeps its code and message, others pass', async (t) => {
  const native = Object.assign(new Error('no pidfile at /x'), { code: 'NO_SWITCH' });
  const error = fromNative(native);
  t.ok(error instanceof CtiError);
  t.match(error, { code: 'NO_SWITCH', message: 'no pidfile at /x', cause: native });
  const foreign = Object.assign(new Error('x'), { code: 'ENOENT' });
  t.equal(fromNative(foreign), foreign);
  t.equal(fromNative(7), 7);
});

t.test('text from outside cannot steer a terminal', async (t) => {
  t.equal(escapeText('br-int \u001b[2Jgone\u0007'), 'br-int \\x1b[2Jgone\\x07');
  t.equal(escapeText('a\u202eb\u200bc\u2028d'), 'a\\u{202e}b\\u{200b}c\\u{2028}d');
  t.equal(escapeText('\u009b31m'), '\\x9b31m', 'C1 CSI');
  t.equal(escapeText('grün-порт-港'), 'grün-порт-港');
  t.equal(escapeText('lone \ud800 half'), 'lone \\u{d800} half');
});

t.test('JSON for a terminal is the same JSON', async (t) => {
  const value = { 'a\u009b': 'x\u202ey\u{e0001}\u001b', n: 1 };
  const json = escapeJson(JSON.stringify(value, null, 1));
  t.same(JSON.parse(json), value);
  t.notMatch(json, /[\u009b\u202e\u{e0001}]/u);
});
