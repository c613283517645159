// The guest's side of memory: addresses and where things lie (docs/internals.md, Guest ABI). Constants of the ABI: images and
// compiled programs hold them.
//
// Thread-safety: constants.
#pragma once

#include <cstdint>

namespace cti::window {

// An address in a program's window. Never a host address.
enum class GuestAddr : uint32_t {};
constexpr uint32_t number(GuestAddr address) { return static_cast<uint32_t>(address); }

inline constexpr uint64_t kWindowSize = uint64_t{1} << 32;
inline constexpr uint32_t kGuestPageSize = 4096;
inline constexpr unsigned kGuestPageBits = 12;

inline constexpr unsigned kMaxFrames = 8;
inline constexpr uint32_t kFrameSize = 512;

inline constexpr uint32_t kStackBase = 0x10000000;  // one page: 8 frames, growing down from its end
inline constexpr uint32_t kStackSize = kMaxFrames * kFrameSize;
inline constexpr uint32_t kRodataBase = 0x18000000;
inline constexpr uint32_t kDataBase = 0x20000000;
inline constexpr uint32_t kMemoryBase = 0x30000000;
inline constexpr uint32_t kTablesBase = 0x40000000;

// r10 of the frame at 'depth', 0 being the outermost.
constexpr uint64_t frame_pointer(unsigned depth) { return uint64_t{kStackBase} + kStackSize - uint64_t{depth} * kFrameSize; }

}  // namespace cti::window
