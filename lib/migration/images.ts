/** What lib/migration does with images: reads their control, changes it, and looks at one from another node before it is kept. */
import { KERNEL_FUNCTIONS } from '../generated/kernel-functions.js';
import { decodeImage, type ImageControl, type ImageFacts, withControl } from '../runner/image.js';
import type { Gift } from './handoff.js';
import type { Refusal } from './messages.js';

export { decodeImage, type ImageControl, type ImageFacts, withControl };

/** Calls at which an image may come: whoever sends it answers them, and no others. */
const LEAVING = new Set(['migrate_to', 'clone_to', 'fork_to']);

const refuse = (reason: string, code: Refusal = 'image') => ({ code, reason });

/** Why an image from another node is refused; undefined if it is not. The image is checked wholly, and it has to be what the gift says. */
export function inspectImage(gift: Gift, maxHops: number): { code: Refusal; reason: string } | undefined {
  let facts: ImageFacts;
  try {
    facts = decodeImage(gift.image);
  } catch (error) {
    return refuse((error as Error).message.slice(0, 900));
  }
  if (facts.id !== gift.id) return refuse(`the image is ${facts.id}, the offer said ${gift.id}`);
  if (facts.epoch !== gift.epoch) return refuse(`the image has epoch ${facts.epoch}, the offer said ${gift.epoch}`);
  const call = facts.pending?.name;
  if (call === undefined || !LEAVING.has(call))
    return refuse(`an image waits at ${call ?? 'no call'}, not at one that leaves a node`);
  const hops = facts.hopsLeft ?? 0;
  if (hops > maxHops) return refuse(`the image has ${hops} hops left; at most ${maxHops} are allowed here`, 'hops');
  const stranger = gift.meetings.find(({ owner }) => owner !== facts.id);
  if (stranger) return refuse(`meeting ${stranger.id} is not this image's`);
  const known: Readonly<Record<string, { readonly version: number }>> = KERNEL_FUNCTIONS[facts.set];
  const missing = facts.imports.find(({ name, version }) => known[name]?.version !== version);
  if (missing)
    return refuse(`the program calls ${missing.name}, version ${missing.version}, which this node does not have`);
  return undefined;
}
