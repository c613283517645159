#include "kernel/kernel_types.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace cti::kernel {
namespace {

constexpr const char* kFile = "/sys/kernel/btf/vmlinux";
constexpr uint16_t kMagic = 0xeb9f;
constexpr unsigned kMaxDepth = 8;  // structures without a name in each other

struct Header {
  uint16_t magic;
  uint8_t version, flags;
  uint32_t size, type_offset, type_size, string_offset, string_size;
};

// BTF_KIND_*
enum Kind : uint32_t { kInt = 1, kPtr, kArray, kStruct, kUnion, kEnum, kFwd, kTypedef, kVolatile, kConst, kRestrict, kFunc, kFuncProto, kVar, kDatasec, kFloat,
                       kDeclTag, kTypeTag, kEnum64 };

struct Type {
  uint32_t name, info, size_or_type;
  uint32_t kind() const { return info >> 24 & 0x1f; }
  uint32_t n() const { return info & 0xffff; }
  bool has_bit_sizes() const { return info >> 31; }  // of a structure: its members' offsets have them, too
};

struct StructMember {
  uint32_t name, type, offset;  // in bits
};

// Bytes behind a Type; none: not a kind that is known, so nothing is known of what follows it.
std::optional<uint64_t> size_behind(const Type& type) {
  switch (type.kind()) {
    case kPtr: case kFwd: case kTypedef: case kVolatile: case kConst: case kRestrict: case kFunc: case kFloat: case kTypeTag:
      return 0;
    case kInt: case kVar: case kDeclTag:
      return 4;
    case kArray:
      return 12;
    case kStruct: case kUnion: case kDatasec: case kEnum64:
      return uint64_t{type.n()} * 12;
    case kEnum: case kFuncProto:
      return uint64_t{type.n()} * 8;
    default:
      return std::nullopt;
  }
}

Error malformed(const char* what, uint64_t at) {
  return errorf(ErrorCode::SYSTEM, "%s: expected BTF type information, received %s at byte %llu", kFile, what, static_cast<unsigned long long>(at));
}

}  // namespace

Result<KernelTypes> KernelTypes::read() {
  std::ifstream file(kFile, std::ios::binary);
  if (!file) return system_error(errno, std::string("open ") + kFile);
  // A file of sysfs: its size is known.
  file.seekg(0, std::ios::end);
  const std::streamoff size = file.tellg();
  file.seekg(0);
  std::vector<uint8_t> bytes(size > 0 ? static_cast<size_t>(size) : 0);
  if (bytes.empty() || !file.read(reinterpret_cast<char*>(bytes.data()), size)) return system_error(EIO, std::string("read ") + kFile);
  return of(std::move(bytes));
}

Result<KernelTypes> KernelTypes::of(std::vector<uint8_t> bytes) {
  KernelTypes made;
  made.bytes_ = std::move(bytes);
  const Bytes all(made.bytes_);
  if (all.size() < sizeof(Header)) return malformed("no header", 0);
  const auto header = load<Header>(all.data());
  if (header.magic != kMagic || header.version != 1) return malformed("another magic number or version", 0);
  const uint64_t types = uint64_t{header.size} + header.type_offset, names = uint64_t{header.size} + header.string_offset;
  if (types + header.type_size > all.size()) return malformed("types behind its end", types);
  if (names + header.string_size > all.size() || header.string_size == 0 || all[names + header.string_size - 1] != 0) return malformed("names without an end", names);
  made.names_ = all.subspan(names, header.string_size);
  made.types_.push_back(0);
  const uint64_t end = types + header.type_size;
  for (uint64_t at = types; at < end;) {
    if (end - at < sizeof(Type)) return malformed("half a type", at);
    const auto size = size_behind(load<Type>(&all[at]));
    if (!size) return malformed("a kind of type that is not known", at);
    if (end - at < sizeof(Type) + *size) return malformed("half a type", at);
    made.types_.push_back(static_cast<uint32_t>(at));
    at += sizeof(Type) + *size;
  }
  return made;
}

std::string_view KernelTypes::name_at(uint32_t offset) const {
  // SAFETY: the last byte of names_ is zero.
  return offset < names_.size() ? reinterpret_cast<const char*>(&names_[offset]) : std::string_view();
}

std::optional<uint32_t> KernelTypes::find(uint32_t kind, std::string_view name) const {
  for (uint32_t id = 1; id < types_.size(); id++) {
    const auto type = load<Type>(&bytes_[types_[id]]);
    if (type.kind() == kind && name_at(type.name) == name) return id;
  }
  return std::nullopt;
}

std::optional<uint32_t> KernelTypes::function(std::string_view name) const { return find(kFunc, name); }

std::optional<uint32_t> KernelTypes::offset(std::string_view structure, std::string_view member) const {
  const auto id = find(kStruct, structure);
  return id ? offset_in(*id, member, 0) : std::nullopt;
}

std::optional<uint32_t> KernelTypes::offset_in(uint32_t id, std::string_view member, unsigned depth) const {
  if (id == 0 || id >= types_.size() || depth > kMaxDepth) return std::nullopt;
  const auto type = load<Type>(&bytes_[types_[id]]);
  if (type.kind() != kStruct && type.kind() != kUnion) return std::nullopt;
  for (uint32_t i = 0; i < type.n(); i++) {
    const auto one = load<StructMember>(&bytes_[types_[id] + sizeof(Type) + i * sizeof(StructMember)]);
    const uint32_t bits = type.has_bit_sizes() ? one.offset & 0xffffff : one.offset;
    if (name_at(one.name) == member && !member.empty()) return bits % 8 == 0 ? std::optional(bits / 8) : std::nullopt;
    if (name_at(one.name).empty())
      if (const auto inner = offset_in(one.type, member, depth + 1)) return bits / 8 + *inner;
  }
  return std::nullopt;
}

}  // namespace cti::kernel
