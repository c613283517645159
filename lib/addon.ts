/**
 * The native addon: loaded once, through node-gyp-build (prebuilt or build/Release), or `bindings` in a plain build tree.
 * A leaf: nothing here knows what the addon offers; each module types the part it uses.
 */
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/** The package's root, from lib/ (tests) and from dist/ (installed) alike. */
export const packageRoot: string = resolve(dirname(fileURLToPath(import.meta.url)), '..');

let loaded: unknown;

function load(): unknown {
  try {
    return (require('node-gyp-build') as (dir: string) => unknown)(packageRoot);
  } catch (first) {
    try {
      return (require('bindings') as (options: object) => unknown)({
        bindings: 'ctinspector',
        module_root: packageRoot,
      });
    } catch {
      throw first;
    }
  }
}

/** The addon's exports; `T` is the part the caller uses. Throws what node-gyp-build throws if the addon was not built. */
export function addon<T>(): T {
  loaded ??= load();
  return loaded as T;
}
