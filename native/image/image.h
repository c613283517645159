// The image: a program that has stopped, as bytes that go on on any host. docs/image-format.md describes them bit by bit.
//
//   Run::save() -> Image -> encode() -> bytes -> decode() -> Image -> check() -> Run::restore()
//
// decode() looks at the form alone: sizes, counts, ranges, order. check() holds what came out of it against the program: what it asks of
// pc, frames, the pending call and memory. Only then is a window made. A program's own section is loaded once for many images
// (program_cache.h).
//
// Thread-safety: plain values and pure functions. An Image has views of the bytes it was decoded from.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "vm/program.h"
#include "vm/saved_run.h"

namespace cti::image {

inline constexpr uint32_t kMagic = 0x4d495443;  // "CTIM"
inline constexpr uint16_t kVersion = 1;
inline constexpr uint64_t kHeaderSize = 16;
// Sets of kernel functions, by the number that images have.
inline constexpr std::string_view kKernelSets[] = {"conformance", "upstream", "ctinspector"};
inline constexpr uint64_t kMaxSize = uint64_t{1} << 30;
inline constexpr uint64_t kMaxMonitors = 256;
inline constexpr uint64_t kMaxText = 1024;

// A section is there if its bit in the header is set; they follow in this order.
enum class Section : uint8_t { program, state, call, memory, tables, regions, control, monitors };
inline constexpr unsigned kNumSections = 8;

enum class FieldType : uint8_t { id, u64, u32, size, boolean, text };
struct ControlField {
  std::string_view name;
  FieldType type;
  bool is_required;
};
// schema/image-control.yaml, in its order.
extern const ControlField kControlFields[];
enum class Control : uint8_t {
#define CTI_CONTROL_FIELD(name, type, is_required) name,
#include "image/generated/control_fields.inc"
#undef CTI_CONTROL_FIELD
  count,
};
inline constexpr unsigned kNumControlFields = static_cast<unsigned>(Control::count);

struct ControlValue {
  uint64_t number = 0;  // of all but id and text
  std::string text;     // of id its 16 bytes
};
using ControlValues = std::array<std::optional<ControlValue>, kNumControlFields>;

// What a program waits for at granted memory (docs/reference/kernel-functions.md).
struct Monitor {
  uint8_t type;  // 0 bigger, 1 less, 2 equal, 3 not equal
  uint32_t address;
  uint64_t value;
  uint64_t tag;
};

struct Image {
  Bytes program;  // its section
  uint64_t program_offset = 0;
  vm::SavedRun run;
  ControlValues control;
  std::vector<Monitor> monitors;
};

// A program's section. 'program' may have data; an image's has none, as what became of it is memory. INVALID_ARGUMENT if it does not fit.
Result<std::vector<uint8_t>> encode_program(const vm::Program& program);
// IMAGE_MALFORMED; the spec has not been checked further than its form.
Result<vm::ProgramSpec> decode_program(Bytes section, uint64_t offset);

// The state section: at most kMaxStateSize bytes at 'to'; how many.
inline constexpr uint64_t kMaxStateSize = 15 + 10 * 8 + 7 * (5 + 4 * 8);
uint64_t encode_state(const vm::State& state, uint64_t call_number, uint8_t* to);
// The inverse; 'offset' is where the section begins in its image. IMAGE_MALFORMED.
Result<void> decode_state(Bytes section, uint64_t offset, vm::State& state, uint64_t& call_number);

// INVALID_ARGUMENT if it is larger than an image can be, or has a name of more than 255 bytes.
Result<std::vector<uint8_t>> encode(const Image& image);
// IMAGE_MALFORMED.
Result<Image> decode(Bytes bytes);

// What check() asks about a program besides what the program knows.
struct ProgramFacts {
  explicit ProgramFacts(const vm::Program& program);
  std::vector<bool> is_start;  // per slot, and one past the end: an instruction starts here
  bool keeps_to_itself;        // no function jumps or runs into another
};
// Whether the program could have come to such a state. IMAGE_MALFORMED.
Result<void> check_state(const vm::State& state, const vm::Program& program, const ProgramFacts& facts);
Result<void> check(const vm::SavedRun& run, const vm::Program& program, const ProgramFacts& facts);

// 'bytes' with other control fields and monitors, else the same.
Result<std::vector<uint8_t>> with_control(Bytes bytes, const ControlValues& control, const std::vector<Monitor>& monitors);

// Writes the right checksum into 'bytes', which have a header: for tests that change them.
void repair_checksum(MutableBytes bytes);

}  // namespace cti::image
