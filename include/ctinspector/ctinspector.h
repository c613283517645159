// Generated from schema/ by `npm run generate`. Do not edit.
/* Everything a program in C needs: docs/programs.md. A program starts at vm_main, with up to five 64-bit arguments. */
#ifndef CTINSPECTOR_H
#define CTINSPECTOR_H

#include "ctinspector/program.h"
#include "ctinspector/table.h"
#include "ctinspector/mapper.h"
#include "ctinspector/ct.h"
#include "ctinspector/dp_flows.h"
#include "ctinspector/of_rules.h"
#include "ctinspector/pmds.h"
#include "ctinspector/ports.h"

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

/* Finds groups, or adds them. Slots are searched from a hash of the key onwards; the hash is part of this version, so
 *   that a table moves between hosts.
 * groups: a hash table whose entries, {key, value}, lie one after the other in the order their keys came; program.h
 *   has the struct
 * keys: keys of groups, one after the other
 * n: how many, at most 256
 * values: the address of each key's value, new ones are zero
 * Returns 0; -ENOSPC there are capacity entries, or no slot is free, and a key is new: those before it are done;
 *   -E2BIG n is over 256; -EFAULT groups, entries, slots or values are not writable, or keys are not readable;
 *   -EINVAL a size is no multiple of 8, a number of slots no power of two, or n larger than capacity. */
extern int64_t group_entries(struct cti_group_table *groups, const void *keys, uint64_t n, uint64_t *values);

/* Maps a region that the operator granted, in the current address space.
 * name: what the region is granted as (`run --map NAME=...`), not terminated
 * name_size: its length, bytes; at most 64
 * access: 0: to read; 1: to read and write
 * size: receives the region's size, bytes
 * Returns the guest address where it begins, a page's start: the granted memory itself, shared with the application;
 *   a region that is mapped already has its address given again; -ENOENT nothing is granted under this name in the
 *   current address space; -EACCES it is granted for reading only, or is mapped already with less; -EMFILE 64 regions
 *   and copies are mapped; -ENOSPC the window has no room; -EFAULT. */
extern void *mmap(const char *name, uint64_t name_size, uint64_t access, uint64_t *size);

/* Unmaps a region, a raw copy or a table.
 * address: where a region, a raw copy or a table's first segment begins
 * Returns 0: its pages are not mapped any more, monitors of them are gone; -EINVAL nothing that can be unmapped
 *   begins there. */
extern int64_t munmap(uint64_t address);

/* Says in which address space mmap looks for names. What is mapped stays mapped.
 * asid: an application's address space, as the operator numbers them; 0 at the start
 * Returns 0; -ENOENT nothing is granted in it on this node (0 is always there). */
extern int64_t switch_to_address_space(uint64_t asid);

/* Maps a table that is not older than told. Programs that ask at about the same time share one reading, and readings
 *   keep a distance of nine times what one takes (100 ms at least), so it may wait.
 * name: the table's name, not terminated
 * name_size: its length, bytes
 * table: receives where the table's segments are mapped; may be that of table_open
 * table_size: room at table, bytes; at least sizeof(struct cti_table)
 * max_age_ms: how old, in milliseconds, the reading may be; 0: a new one
 * Returns 0: the table is mapped, and an older mapping of it is not any more; -ENOENT this node has no such table;
 *   -ENOSPC the window has no room, the older mapping has gone; -ENOMEM the node's snapshots fill its memory; -EIO
 *   the table could not be read, the older mapping stays; -EINVAL table_size too small; -EFAULT. */
extern int64_t table_refresh(const char *name, uint64_t name_size, struct cti_table *table, uint64_t table_size, uint64_t max_age_ms);

/* Says what a region is, without mapping it.
 * name: the region's name, not terminated
 * name_size: its length, bytes; at most 64
 * info: receives size, access and where it is mapped
 * Returns 0; -ENOENT nothing is granted under this name in the current address space; -EFAULT. */
extern int64_t region_info(const char *name, uint64_t name_size, struct cti_region *info);

/* Copies a range of ovs-vswitchd's memory, where the operator allows that. What is copied can be half changed; munmap
 *   gives the pages back.
 * address: an address of ovs-vswitchd's (never of this process)
 * size: bytes, 1 to 1 MiB
 * Returns the guest address of a read-only copy, made at the call; -EPERM the operator has not allowed this program
 *   raw copies (`run --allow-raw`; never for programs from another node); -EACCES outside the ranges allowed; -EINVAL
 *   the size is 0; -E2BIG it is over 1 MiB; -EDQUOT the program has copied all it may; -EFAULT not all of it is
 *   mapped in ovs-vswitchd; -ESRCH ovs-vswitchd has gone; -EMFILE 64 regions and copies are mapped; -ENOSPC. */
extern void *raw_copy(uint64_t address, uint64_t size);

/* Adds a condition for wait_for_address_event. Monitors are part of the image; munmap removes those of its pages.
 * type: enum cti_monitor: 0 larger than value, 1 smaller, 2 equal, 3 not equal, 4 removes the monitor of address (of
 *   address 0: all)
 * address: a 64-bit word in a mapped region, 8-byte aligned
 * value: what it is compared with, unsigned
 * tag: comes back with the event
 * Returns 0; an address has one monitor, a second replaces it; -EFAULT not in a mapped region; -EINVAL misaligned, or
 *   no such type; -ENOSPC there are 64 monitors. */
extern int64_t monitor_address(uint64_t type, uint64_t address, uint64_t value, uint64_t tag);

/* Waits until a monitored word meets its condition; at once if one does. Of several, those that waited longest come
 *   first. Looked at every 10 ms (what came and went between is not seen).
 * timeout_ns: how long to wait at most, nanoseconds; 0: 30 s
 * event: receives the tag, address and value of what came true
 * Returns 0; -ETIMEDOUT; -ENOENT there is no monitor; -ESTALE a monitored region is not there any more; -EFAULT. */
extern int64_t wait_for_address_event(uint64_t timeout_ns, struct cti_address_event *event);

/* Subscribes to events of a hook point. A subscription belongs to the program here: it does not travel, and a fork
 *   has none.
 * what: an event of a hook point: NAME(ARGUMENTS), as docs/hooks.md lists them; not terminated
 * what_size: its length, bytes; at most 4096
 * Returns a number above 0 for event_wait: events from now on are kept for it, at most 1024, and those past that are
 *   counted; -ENOENT this node has no such event; -EINVAL its arguments are wrong (the host's log says how); -ENOSPC
 *   the program has 16 subscriptions, or the node 1024; -E2BIG more is asked for than can be watched; -EIO what it is
 *   about could not be read; -EFAULT. */
extern int64_t event_subscribe(const char *what, uint64_t what_size);

/* Waits for an event.
 * subscription: what event_subscribe returned
 * timeout_ns: how long to wait at most, nanoseconds; 0: 30 s
 * event: receives the oldest event that is kept
 * event_size: room at event, bytes; at least sizeof(struct cti_event)
 * Returns 0; -ETIMEDOUT; -ENOENT no such subscription: subscribe anew; -EIO what it is about can no longer be read,
 *   the subscription has ended; -EINVAL event_size too small; -EFAULT. */
extern int64_t event_wait(uint64_t subscription, uint64_t timeout_ns, struct cti_event *event, uint64_t event_size);

/* Ends a subscription. A program's end does too.
 * subscription: what event_subscribe returned
 * Returns 0; -ENOENT no such subscription. */
extern int64_t event_unsubscribe(uint64_t subscription);

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

/* Finds a megaflow's row by its ufid.
 * ufid: the flow's id, as rows of dp_flows have it
 * generation: of the dp_flows that the program has open (struct cti_table)
 * Returns the row's number in that snapshot; -ENOENT it has no such flow; -ESTALE this node has the snapshot no more:
 *   refresh. */
extern int64_t ovs_flow_row(const struct cti_be128 *ufid, uint64_t generation);

/* A megaflow as text. It is the switch's own: names in it may hold anything, and `print` leaves it to the command
 *   line to make that safe.
 * generation: of the dp_flows that the program has open
 * row: its number
 * text: receives the row as the switch prints it, UTF-8, not terminated, cut to size
 * size: room at text, bytes
 * Returns how long the whole text is, bytes; -EINVAL no such row; -ESTALE this node has the snapshot no more:
 *   refresh; -EFAULT. */
extern int64_t ovs_row_text(uint64_t generation, uint64_t row, char *text, uint64_t size);

/* A port's number in its datapath (dpctl/show, at most a second old).
 * name: the port's name, not terminated
 * name_size: its length, bytes
 * Returns the datapath's number of the port; -ENOENT no datapath has such a port; -EIO the switch did not answer;
 *   -EFAULT. */
extern int64_t ovs_port_number(const char *name, uint64_t name_size);

/* A port's name.
 * number: the datapath's number of the port
 * name: receives its name, not terminated, cut to size
 * size: room at name, bytes
 * Returns the name's length, bytes; -ENOENT no datapath has such a port; -ENOTUNIQ two datapaths have one; -EIO the
 *   switch did not answer; -EFAULT. */
extern int64_t ovs_port_name(uint64_t number, char *name, uint64_t size);

/* What the OpenFlow tables do with a packet. The switch works it out on its main thread, so all programs of a node
 *   share one such call at a time, ten a second.
 * request: what follows `ofproto/trace`: [BRIDGE|DATAPATH] FLOW [--ct-next STATES]...; nothing that has side effects
 *   (-generate, a packet)
 * request_size: its length, bytes; at most 4096
 * text: receives the trace, or the switch's complaint, UTF-8, not terminated, cut to size
 * size: room at text, bytes
 * Returns how long the whole text is, bytes; -EINVAL the switch refused it (text has its words), or it is not of that
 *   form; -EOPNOTSUPP this switch has no ofproto/trace; -EBUSY 32 calls wait for the switch; -EIO it did not answer;
 *   -EFAULT. */
extern int64_t ovs_trace(const char *request, uint64_t request_size, char *text, uint64_t size);

/* Which OpenFlow rules made a megaflow. Shares ovs_trace's turn.
 * ufid: the flow's id
 * text: receives the OpenFlow rules behind the flow, or the switch's complaint, cut to size
 * size: room at text, bytes
 * Returns as ovs_trace; -EOPNOTSUPP also where this version of the switch has no ofproto/detrace. */
extern int64_t ovs_detrace(const struct cti_be128 *ufid, char *text, uint64_t size);

/* How hard packets press on the slow path (dpctl/show, upcall/show, at most a second old).
 * upcalls: receives the figures
 * size: room at upcalls, bytes; at least sizeof(struct cti_ovs_upcalls)
 * Returns 0; -EINVAL size too small; -EIO the switch did not answer; -EFAULT. */
extern int64_t ovs_upcalls(struct cti_ovs_upcalls *upcalls, uint64_t size);

/* Prints a string constant. */
#define print_text(text) print((text), sizeof(text) - 1)

/* Where the segment of an index (enum cti_TABLE_segment) begins; an array of the segment's struct. */
static inline const void *cti_segment(const struct cti_table *table, uint32_t index) {
  return (const void *)table->segments[index].address;
}

/* Opens ct. 0; -CTI_ESTALE: its layout is not the one this program was compiled for; else as table_open. */
static inline int64_t cti_ct_open(struct cti_table *table) {
  int64_t failed = table_open("ct", 2, table, sizeof *table);
  if (failed) return failed;
  return table->schema_hash == CTI_CT_SCHEMA_HASH ? 0 : -CTI_ESTALE;
}

/* Opens dp_flows. 0; -CTI_ESTALE: its layout is not the one this program was compiled for; else as table_open. */
static inline int64_t cti_dp_flows_open(struct cti_table *table) {
  int64_t failed = table_open("dp_flows", 8, table, sizeof *table);
  if (failed) return failed;
  return table->schema_hash == CTI_DP_FLOWS_SCHEMA_HASH ? 0 : -CTI_ESTALE;
}

/* Opens of_rules. 0; -CTI_ESTALE: its layout is not the one this program was compiled for; else as table_open. */
static inline int64_t cti_of_rules_open(struct cti_table *table) {
  int64_t failed = table_open("of_rules", 8, table, sizeof *table);
  if (failed) return failed;
  return table->schema_hash == CTI_OF_RULES_SCHEMA_HASH ? 0 : -CTI_ESTALE;
}

/* Opens pmds. 0; -CTI_ESTALE: its layout is not the one this program was compiled for; else as table_open. */
static inline int64_t cti_pmds_open(struct cti_table *table) {
  int64_t failed = table_open("pmds", 4, table, sizeof *table);
  if (failed) return failed;
  return table->schema_hash == CTI_PMDS_SCHEMA_HASH ? 0 : -CTI_ESTALE;
}

/* Opens ports. 0; -CTI_ESTALE: its layout is not the one this program was compiled for; else as table_open. */
static inline int64_t cti_ports_open(struct cti_table *table) {
  int64_t failed = table_open("ports", 5, table, sizeof *table);
  if (failed) return failed;
  return table->schema_hash == CTI_PORTS_SCHEMA_HASH ? 0 : -CTI_ESTALE;
}

#endif
