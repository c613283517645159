/**
 * Stands in for an ovs-vswitchd built with -g where scripts/layout has not made one: a library whose debug information has the structures of
 * a layout, written by a C compiler. What reads it is the real tool; only the structures' other members are missing.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/addon.js';
import type { Layout } from '../../lib/sources/layouts.js';

interface Place {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const at = ({ name, offset, size }: Place): string =>
  `struct { ${offset > 0 ? `char pad_${name}[${offset}]; ` : ''}char ${name}[${size}]; };`;

/** A member of a member without a type name lies at its place from the outer one's begin, which is put at 0. */
function structure(name: string, size: number | undefined, members: readonly Place[]): string {
  const nested = new Map<string, Place[]>();
  const plain: string[] = [];
  for (const member of members) {
    const [outer = '', inner] = member.name.split('.');
    if (inner === undefined) plain.push(at(member));
    else nested.set(outer, [...(nested.get(outer) ?? []), { ...member, name: inner }]);
  }
  const parts = [...nested].map(([outer, inners]) => `struct { union { ${inners.map(at).join(' ')} }; } ${outer};`);
  const whole = size === undefined ? '' : `char whole_[${size}];`;
  return `struct ${name} { union { ${whole} ${[...plain, ...parts].join('\n')} }; };\nstruct ${name} *a_${name};\n`;
}

function sourceOf({ names, numbers }: Layout): string {
  const sizes = new Map<string, number>();
  const members = new Map<string, Place[]>();
  const enums = new Map<string, string[]>();
  for (const [i, name] of names.entries()) {
    const [offset = 0, size = 0] = [numbers[2 * i], numbers[2 * i + 1]];
    const [owner = '', ...rest] = name.split('.');
    const member = rest.join('.');
    if (member === '') sizes.set(owner, size);
    else if (/^[A-Z]/.test(member)) enums.set(owner, [...(enums.get(owner) ?? []), `${member} = ${offset}`]);
    else members.set(owner, [...(members.get(owner) ?? []), { name: member, offset, size }]);
  }
  const owners = new Set([...sizes.keys(), ...members.keys()]);
  return [
    ...[...owners].map((owner) => structure(owner, sizes.get(owner), members.get(owner) ?? [])),
    ...[...enums].map(([name, values]) => `enum ${name} { ${values.join(', ')} };\nenum ${name} e_${name};\n`),
  ].join('');
}

/** A file whose debug information gives `layout`: the real one where it was built, else one made in `dir`. */
export function debugInfoFor(layout: Layout, dir: string): string {
  const real = join(packageRoot, '.build/layout/plain/build/vswitchd/ovs-vswitchd');
  if (existsSync(real)) return real;
  return makeDebugInfo(layout, dir);
}

export function makeDebugInfo(layout: Layout, dir: string): string {
  const [source, library] = [join(dir, 'structures.c'), join(dir, 'structures.so')];
  writeFileSync(source, sourceOf(layout));
  execFileSync('gcc', ['-g', '-shared', '-fPIC', '-fno-eliminate-unused-debug-types', '-o', library, source]);
  return library;
}
