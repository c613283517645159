// CRC-32C (Castagnoli), as iSCSI and ext4 have it: finds damage, not malice.
//
// Thread-safety: pure functions.
#pragma once

#include "base/bytes.h"

namespace cti {

// Of 'bytes' after those that gave 'before'; 0 before the first.
uint32_t crc32c(Bytes bytes, uint32_t before = 0);

}  // namespace cti
