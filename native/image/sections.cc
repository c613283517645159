#include "image/sections.h"

#include "base/crc32c.h"
#include "image/reader.h"
#include "image/writer.h"

namespace cti::image {
namespace {

constexpr uint64_t kChecksumAt = 12;
constexpr const char* kNames[kNumSections] = {"program", "state", "call", "memory", "tables", "regions", "control", "monitors"};
constexpr uint16_t kRequired = 1u << static_cast<unsigned>(Section::program) | 1u << static_cast<unsigned>(Section::state);

uint32_t checksum_of(Bytes bytes) {
  return crc32c(bytes.subspan(kHeaderSize), crc32c(bytes.first(kChecksumAt)));
}

}  // namespace

Result<Sections> split(Bytes bytes) {
  Reader reader(bytes);
  reader.number_in<uint32_t>("magic", kMagic, kMagic);
  reader.number_in<uint16_t>("version", kVersion, kVersion);
  auto present = reader.number_in<uint16_t>("sections", 0, (1u << kNumSections) - 1);
  reader.check((present & kRequired) == kRequired, "sections", "program and state among them", present);
  auto size = reader.number<uint32_t>("size");
  reader.check(size == bytes.size(), "size", std::to_string(bytes.size()), size);
  auto checksum = reader.number<uint32_t>("checksum");
  if (!reader.failed()) {
    uint32_t expected = checksum_of(bytes);
    reader.check(checksum == expected, "checksum", std::to_string(expected), checksum);
  }
  Sections sections;
  for (unsigned i = 0; i < kNumSections && !reader.failed(); i++) {
    if (!(present & 1u << i)) continue;
    auto length = reader.number<uint32_t>(kNames[i]);
    reader.check(length > 0 && length <= reader.left(), kNames[i], "1 to " + std::to_string(reader.left()) + " bytes", length);
    sections[i].offset = reader.offset();
    sections[i].bytes = reader.bytes(kNames[i], length);
  }
  reader.end("image");
  if (reader.failed()) return reader.error();
  return sections;
}

Result<std::vector<uint8_t>> assemble(const Sections& sections) {
  uint64_t size = kHeaderSize;
  uint16_t present = 0;
  for (unsigned i = 0; i < kNumSections; i++) {
    if (sections[i].bytes.empty()) continue;
    present = static_cast<uint16_t>(present | 1u << i);
    size += 4 + sections[i].bytes.size();
  }
  if (size > kMaxSize) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "the image would have %" PRIu64 " bytes, at most %" PRIu64 " are possible", size, kMaxSize);
  }
  Writer writer;
  writer.number(kMagic);
  writer.number(kVersion);
  writer.number(present);
  writer.number(static_cast<uint32_t>(size));
  writer.number(uint32_t{0});
  for (const SectionBytes& section : sections) {
    if (section.bytes.empty()) continue;
    writer.number(static_cast<uint32_t>(section.bytes.size()));
    writer.bytes(section.bytes);
  }
  std::vector<uint8_t> bytes = writer.take();
  repair_checksum(bytes);
  return bytes;
}

void repair_checksum(MutableBytes bytes) { store(bytes.data() + kChecksumAt, checksum_of(bytes)); }

}  // namespace cti::image
