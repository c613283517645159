/* What every benchmark program has: the same source is compiled to BPF and for the host. The memory has N_BYTES: the first half is
 * random input and stays as it is, the second is room to work in. Programs leave the same result however often they run. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef signed long long s64;

#define N_BYTES 65536
#define N_INPUT 32768
#define NOINLINE __attribute__((noinline))

#ifdef __bpf__
static u64 (*const add_one)(u64, u64) = (void *)1;
#else
extern u64 (*volatile add_one)(u64, u64);
#endif

u64 bench(u8 *mem, u64 len);
