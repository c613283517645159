// layout-maker [--build-id HEX] [--name TEXT] FILE
//
// Looks up the rows of native/ovs/layout_members.def in the DWARF of FILE (an ovs-vswitchd built with -g, or its debug file) and prints a
// layout (layouts/*.json) on standard output. The build id is FILE's own; --build-id replaces it where FILE is another build of the sources
// of the binary meant, as scripts/layout makes one.
//
// Types are taken from every compilation unit, partial units of dwz and its alternate file included. A structure whose definitions differ
// between units in what is asked is an error: nothing says which of them the reader would meet. Status 0: all required rows found.
//
// A program of its own, so that libdw is never linked into the addon. Single-threaded.
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace {

struct Row {
  const char* owner;
  const char* name;  // null: the structure itself
  bool required;
  bool enumerator;
};

constexpr bool REQUIRED = true;
constexpr bool OPTIONAL = false;
constexpr Row kRows[] = {
#define CTI_STRUCT(structure) {#structure, nullptr, true, false},
#define CTI_MEMBER(structure, member, need) {#structure, #member, need, false},
#define CTI_NESTED(structure, member, inner) {#structure, #member "." #inner, false, false},
#define CTI_ENUMERATOR(enumeration, name) {#enumeration, #name, false, true},
#include "ovs/layout_members.def"
};

struct Place {
  uint64_t offset;
  uint64_t size;
  bool operator==(const Place&) const = default;
};

struct Structure {
  uint64_t size = 0;
  std::map<std::string, Place> members;
  bool operator==(const Structure&) const = default;
};
using Enumeration = std::map<std::string, uint64_t>;

struct Types {
  std::map<std::string, Structure> structures;
  std::map<std::string, Enumeration> enumerations;
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "layout-maker: %s\n", what.c_str());
  std::exit(1);
}

std::optional<uint64_t> number(Dwarf_Die* die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value;
  if (!dwarf_attr_integrate(die, name, &attribute) || dwarf_formudata(&attribute, &value) != 0) return std::nullopt;
  return value;
}

// Where a member lies: a constant, or the expression DW_OP_plus_uconst that old compilers write. A union's members have none: 0.
std::optional<uint64_t> member_offset(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  if (!dwarf_attr_integrate(die, DW_AT_data_member_location, &attribute)) return 0;
  Dwarf_Word value;
  if (dwarf_formudata(&attribute, &value) == 0) return value;
  Dwarf_Op* ops;
  size_t n;
  if (dwarf_getlocation(&attribute, &ops, &n) == 0 && n == 1 && ops[0].atom == DW_OP_plus_uconst) return ops[0].number;
  return std::nullopt;
}

// Adds the members of 'die' at 'base'. Those of a struct or union without a type name count as its own, after the member's name and a dot
// if it has one.
void add_members(Dwarf_Die* die, const std::string& prefix, uint64_t base, int depth, Structure& to) {
  Dwarf_Die child;
  if (depth > 8 || dwarf_child(die, &child) != 0) return;
  do {
    if (dwarf_tag(&child) != DW_TAG_member || dwarf_hasattr(&child, DW_AT_bit_size)) continue;
    auto offset = member_offset(&child);
    Dwarf_Attribute attribute;
    Dwarf_Die type, peeled;
    if (!offset || !dwarf_attr_integrate(&child, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &type)) continue;
    if (dwarf_peel_type(&type, &peeled) != 0) continue;
    const char* name = dwarf_diename(&child);
    if (name) {
      Dwarf_Word size = 0;  // stays 0 for a flexible array
      if (dwarf_aggregate_size(&peeled, &size) != 0) size = 0;
      to.members[prefix + name] = {base + *offset, size};
    }
    const int tag = dwarf_tag(&peeled);
    if ((tag == DW_TAG_structure_type || tag == DW_TAG_union_type) && !dwarf_diename(&peeled))
      add_members(&peeled, name ? prefix + name + "." : prefix, base + *offset, depth + 1, to);
  } while (dwarf_siblingof(&child, &child) == 0);
}

// Only what the rows ask for, so that a difference elsewhere is none of ours.
Structure wanted_of(const std::string& owner, const Structure& all) {
  Structure wanted;
  for (const Row& row : kRows) {
    if (row.enumerator || owner != row.owner) continue;
    if (!row.name) wanted.size = all.size;
    else if (auto at = all.members.find(row.name); at != all.members.end()) wanted.members.insert(*at);
  }
  return wanted;
}

void take_structure(Dwarf_Die* die, const std::string& name, Types& types) {
  if (dwarf_hasattr(die, DW_AT_declaration)) return;
  Structure all;
  all.size = number(die, DW_AT_byte_size).value_or(0);
  add_members(die, "", 0, 0, all);
  Structure structure = wanted_of(name, all);
  auto [at, is_new] = types.structures.try_emplace(name, structure);
  if (!is_new && at->second != structure)
    fail("struct " + name + " is defined differently in two compilation units; this file cannot be used");
}

void take_enumeration(Dwarf_Die* die, const std::string& name, Types& types) {
  Dwarf_Die child;
  if (dwarf_child(die, &child) != 0) return;
  Enumeration& to = types.enumerations[name];
  do {
    auto value = number(&child, DW_AT_const_value);
    if (dwarf_tag(&child) != DW_TAG_enumerator || !value) continue;
    auto [at, is_new] = to.try_emplace(dwarf_diename(&child), *value);
    if (!is_new && at->second != *value) fail("enum " + name + " is defined differently in two compilation units");
  } while (dwarf_siblingof(&child, &child) == 0);
}

void take_unit(Dwarf_Die* unit, const std::set<std::string>& structures, const std::set<std::string>& enumerations, Types& types) {
  Dwarf_Die die;
  if (dwarf_child(unit, &die) != 0) return;
  do {
    int tag = dwarf_tag(&die);
    const char* name = dwarf_diename(&die);
    if (!name) continue;
    if (tag == DW_TAG_structure_type && structures.contains(name)) take_structure(&die, name, types);
    if (tag == DW_TAG_enumeration_type && enumerations.contains(name)) take_enumeration(&die, name, types);
  } while (dwarf_siblingof(&die, &die) == 0);
}

void take_file(Dwarf* dwarf, Types& types) {
  std::set<std::string> structures, enumerations;
  for (const Row& row : kRows) (row.enumerator ? enumerations : structures).insert(row.owner);
  Dwarf_CU* cu = nullptr;
  Dwarf_Half version;
  uint8_t type;
  Dwarf_Die die, sub;
  while (dwarf_get_units(dwarf, cu, &cu, &version, &type, &die, &sub) == 0) {
    take_unit(&die, structures, enumerations, types);
    if (type == DW_UT_skeleton) fail("the file has split debug information (.dwo); link it with dwp or build without -gsplit-dwarf");
  }
}

std::string build_id_of(Dwarf* dwarf) {
  const void* bytes = nullptr;
  ssize_t n = dwelf_elf_gnu_build_id(dwarf_getelf(dwarf), &bytes);
  std::string hex;
  for (ssize_t i = 0; i < n; i++) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", static_cast<const uint8_t*>(bytes)[i]);
    hex += two;
  }
  return hex;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c < 0x20) fail("--name has a control character");
    out += static_cast<char>(c);
  }
  return out + '"';
}

void print(const std::string& build_id, const std::string& name, const Types& types) {
  std::printf("{\n  \"format\": 1,\n  \"build_id\": %s,\n  \"name\": %s,\n  \"structures\": {", quoted(build_id).c_str(), quoted(name).c_str());
  const char* comma = "";
  for (const auto& [owner, structure] : types.structures) {
    std::printf("%s\n    %s: {", comma, quoted(owner).c_str());
    const char* inner = "";
    if (structure.size) {
      std::printf("\"size\": %llu", static_cast<unsigned long long>(structure.size));
      inner = ", ";
    }
    std::printf("%s\"members\": {", inner);
    inner = "";
    for (const auto& [member, place] : structure.members) {
      std::printf("%s\n      %s: [%llu, %llu]", inner, quoted(member).c_str(), static_cast<unsigned long long>(place.offset),
                  static_cast<unsigned long long>(place.size));
      inner = ",";
    }
    std::printf("%s}}", structure.members.empty() ? "" : "\n    ");
    comma = ",";
  }
  std::printf("\n  },\n  \"enumerators\": {");
  comma = "";
  for (const Row& row : kRows) {
    if (!row.enumerator) continue;
    auto owner = types.enumerations.find(row.owner);
    if (owner == types.enumerations.end()) continue;
    auto at = owner->second.find(row.name);
    if (at == owner->second.end()) continue;
    std::printf("%s\n    %s: %llu", comma, quoted(std::string(row.owner) + "." + row.name).c_str(), static_cast<unsigned long long>(at->second));
    comma = ",";
  }
  std::printf("\n  }\n}\n");
}

}  // namespace

int main(int argc, char** argv) {
  std::string build_id, name, file;
  bool options_end = false;
  for (int i = 1; i < argc; i++) {
    std::string arg = argv[i];
    if (!options_end && arg == "--") options_end = true;
    else if (!options_end && (arg == "--build-id" || arg == "--name") && i + 1 < argc) (arg == "--name" ? name : build_id) = argv[++i];
    else if (file.empty() && (options_end || arg[0] != '-')) file = arg;
    else fail("expected [--build-id HEX] [--name TEXT] FILE, received '" + arg + "'");
  }
  if (file.empty()) fail("expected [--build-id HEX] [--name TEXT] FILE");
  int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(file + ": " + std::strerror(errno));
  Dwarf* dwarf = dwarf_begin(fd, DWARF_C_READ);
  if (!dwarf) fail(file + ": expected an ELF file with debug information (.debug_info): " + dwarf_errmsg(-1));

  Types types;
  take_file(dwarf, types);
  if (Dwarf* alternate = dwarf_getalt(dwarf)) take_file(alternate, types);

  if (build_id.empty()) build_id = build_id_of(dwarf);
  if (build_id.empty()) fail(file + ": expected a GNU build id note in the file, or --build-id");
  std::string missing;
  for (const Row& row : kRows) {
    if (!row.required) continue;
    auto at = types.structures.find(row.owner);
    if (at == types.structures.end() || (row.name ? !at->second.members.contains(row.name) : at->second.size == 0))
      missing += std::string(missing.empty() ? "" : ", ") + row.owner + (row.name ? std::string(".") + row.name : "");
  }
  if (!missing.empty()) fail(file + ": not found in its debug information: " + missing + ". This version of Open vSwitch is not supported, or the file is not ovs-vswitchd");
  if (name.empty()) name = file.substr(file.rfind('/') + 1);
  print(build_id, name, types);
  dwarf_end(dwarf);
  close(fd);
  return std::fflush(stdout) == 0 ? 0 : 1;
}
