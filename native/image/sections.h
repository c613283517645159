// The outermost form of an image: header, checksum, sections.
//
// Thread-safety: pure functions.
#pragma once

#include "image/image.h"

namespace cti::image {

struct SectionBytes {
  Bytes bytes;          // empty: not there
  uint64_t offset = 0;  // in the image
};
using Sections = std::array<SectionBytes, kNumSections>;

// IMAGE_MALFORMED.
Result<Sections> split(Bytes bytes);
// INVALID_ARGUMENT if they are more than an image can hold.
Result<std::vector<uint8_t>> assemble(const Sections& sections);

std::vector<uint8_t> encode_control(const ControlValues& control);
std::vector<uint8_t> encode_monitors(const std::vector<Monitor>& monitors);

}  // namespace cti::image
