/** Results of kernel functions that failed: -errno, as the program sees it. The numbers are the ABI's (Linux, asm-generic). */
const NUMBERS = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  E2BIG: 7,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EMFILE: 24,
  ENOSPC: 28,
  ERANGE: 34,
  ENOSYS: 38,
  ELOOP: 40,
  ETIME: 62,
  EPROTO: 71,
  EOVERFLOW: 75,
  ENOTUNIQ: 76,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  ESTALE: 116,
  EDQUOT: 122,
  ECANCELED: 125,
} as const;

export type ErrnoName = keyof typeof NUMBERS;

/** `errno('ENOENT')` is -2 as a 64-bit register has it. */
export const errno = (name: ErrnoName): bigint => BigInt.asUintN(64, -BigInt(NUMBERS[name]));
