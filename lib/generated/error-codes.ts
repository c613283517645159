// Generated from schema/ by `npm run generate`. Do not edit.

/** Code -> what happened and what to do about it. */
export const ERROR_DOCS = {
  INVALID_ARGUMENT: "An option or argument is not of the form expected. The message names it, what was expected and what was received.",
  OUT_OF_MEMORY: "Memory, address space or descriptors ran out. Free some, raise the limit, or ask for less.",
  SYSTEM: "The operating system refused a call; the message has the call and its errno.",
  PROGRAM_MALFORMED: "A program was refused before it ran. The message ends in 'at pc N', the instruction slot concerned. Rebuild the program.",
  OBJECT_MALFORMED: "An object file (ELF) was refused; the message has file, section, offset, what was expected and what was received. Compile it anew with `ctinspector compile`.",
  LINK: "Object files do not make a program: a symbol defined twice, no entry, more than a program's memory holds. The message names symbol and file.",
  PROGRAM_UNRESOLVED: "A program calls a kernel function that the set it is linked against does not have. Link it against another set, or use a function of this one.",
  PROGRAM_TRAPPED: "A program did what its sandbox does not allow and was stopped; the trap says what, the pc, and the guest address.",
  OUT_OF_FUEL: "A program used all the fuel it was given before it ended. Give it more, or look for an endless loop.",
  IMAGE_MALFORMED: "An image of a program was refused before any of it was used; the message has the byte, the field, what was expected and what was received. Get it anew from where it came.",
  WINDOW_FULL: "A mapping does not fit into the program's 4 GiB window. Narrow the question, or read the table in parts.",
  COMPILER: "A C program was not compiled: there is no clang that can make eBPF (the message has the package's name), or it refused the program (its own words are above).",
  NO_SWITCH: "No running ovs-vswitchd was found where one was looked for. Start it, or name its run directory with --rundir or OVS_RUNDIR.",
  SWITCH_STALE: "A pidfile exists but the process it names does not hold its lock: the switch has gone. Start it again.",
  SWITCH_FOREIGN: "The process behind the pidfile is not the ovs-vswitchd expected. Name the right one with --rundir or --target.",
  NO_RIGHTS: "The operating system does not let this user do it. Run as root, or as the user ovs-vswitchd runs as.",
  SWITCH_REFUSED: "ovs-vswitchd answered with an error; the message has its words.",
  SWITCH_CLOSED: "The connection to ovs-vswitchd ended before its reply did: it was killed, restarted, or dropped us. No partial answer is given; ask again.",
  SWITCH_TIMEOUT: "ovs-vswitchd did not answer in time. It may be busy; raise --timeout, or ask less.",
  LAYOUT_UNKNOWN: "No layout says where this build of ovs-vswitchd keeps its tables in memory. Make one from its debug information with `ctinspector layout make --debug-info FILE`; until then questions are answered through its control socket.",
  LAYOUT_MISMATCH: "What was read out of ovs-vswitchd's memory does not agree with what it says itself: the layout does not fit this build, and nothing read with it is used. The message says what differed.",
  PROTOCOL: "A reply was not what the protocol allows. The message says where and what was expected.",
  TEXT_MALFORMED: "A saved dump is not in a form that is known; the message has the line and column.",
  SNAPSHOT_MALFORMED: "A snapshot's segments do not fit its schema.",
  FILE: "A file could not be read; the message has its name and the reason.",
  QUERY_SYNTAX: "A question could not be parsed. The message points at the character, says what was expected and offers the nearest name.",
  QUERY_NAME: "A question uses a name that the table does not have. The nearest names are offered.",
  QUERY_TYPE: "A question compares things that cannot be compared, or asks for what has no exact answer. The message says which and what to write instead.",
  CANCELLED: "Stopped on request (Ctrl-C, a time limit) before it was done.",
  INTERNAL: "A state that should not be reached. Please report it, with the message.",
} as const;

export type ErrorCode = keyof typeof ERROR_DOCS;
