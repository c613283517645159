import t from 'tap';
import { CtiError, fromNative } from '../lib/errors.js';
import { escapeText } from '../lib/escape.js';

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
