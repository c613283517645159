/**
 * Names that are the same wherever and however often they are computed: a call that is made again after a crash, and a frame that is sent
 * again, name the same child, meeting and transfer. A slot's token is the exception: who does not know the node's secret cannot guess it.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';

/** A kernel-function call: image, epoch and the number of the call. */
export interface CallId {
  readonly image: string;
  readonly epoch: bigint;
  readonly call: bigint;
}

/** 128 bits as 32 hex digits. */
export const ID = /^[0-9a-f]{32}$/;

const name = (kind: string, call: CallId, index: number): string =>
  createHash('sha256')
    .update(`ctinspector ${kind}\n${call.image}\n${call.epoch}\n${call.call}\n${index}`)
    .digest('hex')
    .slice(0, 32);

/** The image that this call makes as its child `index`. */
export const childId = (call: CallId, index: number): string => name('child', call, index);
/** The meeting of all children that this call makes. */
export const meetingId = (call: CallId): string => name('meeting', call, 0);
/** The transfer of the image (index 0), or of child `index`, that this call asks for. */
export const transferId = (call: CallId, index: number): string => name('transfer', call, index);

export const newSecret = (): Uint8Array => randomBytes(32);

/** What a child shows to be let into its slot; its siblings, and the nodes they run on, do not know it. */
export const slotToken = (secret: Uint8Array, meeting: string, slot: number): string =>
  createHmac('sha256', secret).update(`slot\n${meeting}\n${slot}`).digest('hex').slice(0, 32);
