/** Numbers as people read them in a footer. */

export const integer = new Intl.NumberFormat('en-US');
export const count = (n: number | bigint, what: string): string =>
  `${integer.format(n)} ${what}${n === 1 || n === 1n ? '' : 's'}`;

export function bytesText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} bytes`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1_000_000)} MB`;
}

export const ms = (value: number): string =>
  value < 10 ? `${value.toFixed(1)} ms` : value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
