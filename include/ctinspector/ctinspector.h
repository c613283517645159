// Generated from schema/ by `npm run generate`. Do not edit.
/* Everything a program in C needs: docs/programs.md. A program starts at vm_main, with up to five 64-bit arguments. */
#ifndef CTINSPECTOR_H
#define CTINSPECTOR_H

#include "ctinspector/program.h"
#include "ctinspector/table.h"
#include "ctinspector/dp_flows.h"

/* Finds a table and says where its segments lie. One that is open already is answered at once; for others, and stale
 *   ones, the host is asked in a run that can suspend.
 * name: the table's name, not terminated
 * name_size: its length, bytes
 * table: receives where the table's segments are mapped
 * table_size: room at table, bytes; at least sizeof(struct cti_table)
 * Returns 0; -ENOENT no such table in this run, and the host offers none; -ENOSPC the window has no room for it;
 *   -EINVAL table_size too small; -EFAULT not all of name is readable or not all of table writable; -E2BIG table_size
 *   is over 65536 and the host is asked. */
extern int64_t table_open(const char *name, uint64_t name_size, struct cti_table *table, uint64_t table_size);

/* Keeps the capacity largest (key, value) pairs as a heap.
 * list: a bounded list: {u32 capacity, u32 n, struct {u64 key; u64 value;} entries[capacity]}, 8-byte aligned
 * key: larger is kept; for the smallest, offer ~key
 * value: what goes with the key, for example a row number; among equal keys the smaller value is kept
 * Returns the smallest key still kept once the list is full (offers with a smaller key can be left out), else 0; as
 *   u64, -EFAULT list is not writable, -EINVAL list is misaligned, its capacity is 0, or n is larger than it. */
extern uint64_t topk_offer(struct cti_topk *list, uint64_t key, uint64_t value);

/* Sorts pairs.
 * pairs: {u64 key; u64 value;} each
 * n: how many
 * flags: 0: ascending by key; 1: descending by key. Ties go by value, ascending, always
 * Returns 0; -EFAULT not all of pairs is writable; -EINVAL unknown flag; -ENOMEM the host has no memory for a copy. */
extern int64_t pairs_sort(struct cti_pair *pairs, uint64_t n, uint64_t flags);

/* Counts a row into its group. Entries are searched from a hash of the key onwards; the hash is part of this version,
 *   so that a table moves between hosts.
 * groups: a hash table in guest memory: {u32 capacity (a power of two), u32 n, u32 key_size (multiple of 8), u32
 *   lost, entries}; an entry is {u64 count; u64 sum; u8 key[key_size]}; count 0 means free
 * key: the group's key
 * amount: added to the group's sum
 * Returns 0; -ENOSPC the table is 7/8 full and the key is new (lost is counted, up to 2^32 - 1); -EFAULT groups is
 *   not writable or key not readable; -EINVAL capacity is no power of two, key_size no multiple of 8, or n larger
 *   than capacity. */
extern int64_t group_add(struct cti_groups *groups, const void *key, uint64_t amount);

/* Writes text to the run's output, whole or not at all.
 * text: UTF-8, not terminated; no newline is added
 * size: its length, bytes
 * Returns 0; -ENOSPC no room is left in the run's output (1 MiB unless the run was given another limit) until the
 *   host takes it; -EFAULT. */
extern int64_t print(const char *text, uint64_t size);

/* Writes a typed record to the run's output, whole or not at all.
 * type: what the record is, the program's own number
 * record: its bytes
 * size: how many
 * Returns 0; -ENOSPC as for print; -EFAULT. */
extern int64_t emit(uint64_t type, const void *record, uint64_t size);

/* The host's time.
 * clock: 0: since 1970 (CLOCK_REALTIME); 1: since the host started (CLOCK_MONOTONIC)
 * Returns nanoseconds; -EINVAL another clock. */
extern uint64_t time_now(uint64_t clock);

/* Finds a key's value, which the program reads and writes in place.
 * map: a hash table in guest memory, declared with CTI_MAP
 * key: the key
 * Returns the address of the key's value, until the next map_remove; 0 there is none; -EFAULT; -EINVAL the header is
 *   not sane. */
extern void *map_find(const struct cti_map *map, const void *key);

/* Finds a key's value, or adds the key.
 * map: as for map_find
 * key: the key
 * Returns the address of the key's value, new ones are zero; -ENOSPC the map is 7/8 full and the key is new; -EFAULT;
 *   -EINVAL. */
extern void *map_insert(struct cti_map *map, const void *key);

/* Removes a key.
 * map: as for map_find; other entries may move
 * key: the key
 * Returns 0; -ENOENT there is none; -EFAULT; -EINVAL. */
extern int64_t map_remove(struct cti_map *map, const void *key);

/* Goes through a map's entries, in no order.
 * map: as for map_find; must not be changed meanwhile
 * cursor: 0 before the first call; moved past the entry found
 * Returns the address of an entry's key, its value follows; 0 there are no more; -EFAULT; -EINVAL. */
extern void *map_next(const struct cti_map *map, uint64_t *cursor);

/* A value of an array, with its bounds checked.
 * array: values in guest memory, declared with CTI_ARRAY
 * index: from 0
 * Returns the address of the value; 0 index is not below the capacity; -EFAULT. */
extern void *array_at(const struct cti_array *array, uint64_t index);

/* Waits for a time; meanwhile the program uses no CPU. A durable program that comes back after a crash sleeps to the
 *   same end.
 * duration: nanoseconds; the program goes on then or up to about a millisecond later. 0 lets others run
 * Returns 0; -EINVAL duration is over 2^63 - 1. */
extern int64_t sleep(uint64_t duration);

/* A random number. Two forks of a program get different ones.
 * Returns 64 random bits, of the kernel's generator (getrandom). */
extern uint64_t random_u64(void);

/* Random bytes, of the kernel's generator (getrandom).
 * buffer: what is filled
 * size: bytes, at most 256
 * Returns 0; -E2BIG size is over 256; -EFAULT not all of buffer is writable; -EAGAIN the kernel has no random bytes
 *   yet (while the host starts). */
extern int64_t random_bytes(void *buffer, uint64_t size);

/* Makes n copies of the program here, each going on after the call. What is left of forks, fuel and memory is shared
 *   out among parent and children.
 * n: how many children, 1 to 64
 * meeting: receives the meeting, in the parent and in the children
 * Returns 0 in the parent; 1 to n in the children; -EAGAIN forks, fuel or memory do not suffice for n; -ENOSPC the
 *   program has 1024 meetings; -EINVAL n is out of range; -EFAULT. */
extern int64_t fork(uint64_t n, struct cti_meeting *meeting);

/* As fork, with each child on a node of its own.
 * urls: URLs of nodes, one a line, 1 to 64; not terminated
 * urls_size: their length, bytes
 * meeting: receives the meeting, in the parent and in the children
 * Returns 0 in the parent, also if nodes were not reached: their slots have failed; 1 to n in the children, in the
 *   order of the URLs; -EAGAIN forks, fuel or memory do not suffice; -ELOOP no hops are left; -EPERM the program may
 *   not leave this node; -ENOSPC the program has 1024 meetings; -EINVAL a URL is none of a node, or there are none or
 *   too many; -EFAULT. */
extern int64_t fork_to(const char *urls, uint64_t urls_size, struct cti_meeting *meeting);

/* Ends the program, from any depth of calls.
 * result: what the child brings to its meeting
 * Returns not: the program ends with this result. */
extern int64_t fork_return(uint64_t result);

/* Waits for the children of a fork: for all, or a quorum (or until it cannot come about any more), or the deadline. A
 *   quorum leaves slots open; joining again waits for them.
 * meeting: from fork or fork_to, in the parent
 * roster: receives how each child fared, in their order
 * roster_size: room at roster, bytes; at least sizeof(struct cti_slot) a child
 * quorum: how many results suffice; 0: wait until every child has ended
 * deadline_ns: how long to wait at most, nanoseconds, up to an hour; 0: 30 s. Slots that are open then are lost
 * Returns how many children arrived; -ENOENT no such meeting of this program, or all of its ends were told; -EINVAL
 *   roster_size too small, quorum above the number of children, or deadline_ns over an hour; -EFAULT; -E2BIG. */
extern int64_t join_meeting(const struct cti_meeting *meeting, struct cti_slot *roster, uint64_t roster_size, uint64_t quorum, uint64_t deadline_ns);

/* Moves the program to another node, with its meetings.
 * url: the node's URL, for example local://2; not terminated
 * url_size: its length, bytes
 * Returns 0, on that node; on failure it goes on here: -EHOSTUNREACH no answer; -EAGAIN the node has no room; -ELOOP
 *   no hops are left; -EOPNOTSUPP the node refused the image; -ESTALE the node has had a newer one; -ECANCELED an
 *   operator took it back; -EPERM it may not leave this node; -EINVAL not the URL of a node; -EFAULT; -E2BIG. */
extern int64_t migrate_to(const char *url, uint64_t url_size);

/* As fork_to, without a meeting.
 * urls: URLs of nodes, one a line, 1 to 64; not terminated
 * urls_size: their length, bytes
 * reached: receives bit i if the clone of URL i runs; 0 in the clones
 * Returns 0 in the original; 1 to n in the clones; errors as fork_to. */
extern int64_t clone_to(const char *urls, uint64_t urls_size, uint64_t *reached);

/* Says where the program is.
 * url: receives the URL of the node the program is on; not terminated
 * url_size: room at url, bytes; 255 always suffice
 * Returns its length, bytes; -ERANGE url_size too small; -EFAULT; -E2BIG. */
extern int64_t node_url(char *url, uint64_t url_size);

/* Prints a string constant. */
#define print_text(text) print((text), sizeof(text) - 1)

/* Where the segment of an index (enum cti_TABLE_segment) begins; an array of the segment's struct. */
static inline const void *cti_segment(const struct cti_table *table, uint32_t index) {
  return (const void *)table->segments[index].address;
}

/* Opens dp_flows. 0; -CTI_ESTALE: its layout is not the one this program was compiled for; else as table_open. */
static inline int64_t cti_dp_flows_open(struct cti_table *table) {
  int64_t failed = table_open("dp_flows", 8, table, sizeof *table);
  if (failed) return failed;
  return table->schema_hash == CTI_DP_FLOWS_SCHEMA_HASH ? 0 : -CTI_ESTALE;
}

#endif
