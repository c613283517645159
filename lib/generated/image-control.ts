// Generated from schema/ by `npm run generate`. Do not edit.

/** Field -> its type and whether it is always there. */
export const CONTROL_FIELDS = {
  id: { type: 'id', required: true },
  epoch: { type: 'u64', required: true },
  name: { type: 'text', required: true },
  parent: { type: 'id', required: false },
  root: { type: 'id', required: false },
  childIndex: { type: 'u32', required: false },
  hopsLeft: { type: 'u32', required: false },
  fuelLeft: { type: 'u64', required: false },
  fuelUsed: { type: 'u64', required: false },
  memoryLimit: { type: 'size', required: false },
  forksLeft: { type: 'u32', required: false },
  lifetimeLeftNs: { type: 'u64', required: false },
  priority: { type: 'u32', required: false },
  durable: { type: 'bool', required: false },
  meeting: { type: 'id', required: false },
  meetingSlot: { type: 'u32', required: false },
  meetingHome: { type: 'text', required: false },
  home: { type: 'text', required: false },
  addressSpace: { type: 'u32', required: false },
} as const;

export interface ControlFields {
  /** which image it is, wherever it goes (32 hex digits) */
  readonly id: string;
  /** counts the owners of this image; the highest one is right */
  readonly epoch: bigint;
  /** for people */
  readonly name: string;
  /** the image that forked it (32 hex digits) */
  readonly parent?: string | undefined;
  /** the first of its lineage (32 hex digits) */
  readonly root?: string | undefined;
  /** which child of its fork it is */
  readonly childIndex?: number | undefined;
  /** moves to another node that it still has */
  readonly hopsLeft?: number | undefined;
  /** fuel that it may still use */
  readonly fuelLeft?: bigint | undefined;
  /** fuel that it has used */
  readonly fuelUsed?: bigint | undefined;
  /** bytes of memory of its own that it may have */
  readonly memoryLimit?: number | undefined;
  /** forks that it may still make */
  readonly forksLeft?: number | undefined;
  /** nanoseconds that it may still live */
  readonly lifetimeLeftNs?: bigint | undefined;
  /** its share, against those of others */
  readonly priority?: number | undefined;
  /** survives its host's process */
  readonly durable?: boolean | undefined;
  /** the meeting that it takes part in (32 hex digits) */
  readonly meeting?: string | undefined;
  /** its place in that meeting */
  readonly meetingSlot?: number | undefined;
  /** URL of the node that holds the meeting */
  readonly meetingHome?: string | undefined;
  /** URL of the node that it came from */
  readonly home?: string | undefined;
  /** the address space that its mappings mean */
  readonly addressSpace?: number | undefined;
}
