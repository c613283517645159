// A generator of random rows of `dpctl/dump-flows`, written from what OVS's lib/odp-util.c prints and not from the parser's tables:
// each production writes its text and, by hand, what a reader has to make of it. So a row read wrong, or printed wrong, differs.
//
// Thread-safety: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tables/dp_flows_view.h"

namespace cti::grammar {

enum class Production : uint8_t {
#define CTI_PRODUCTION(name, class) name,
#include "tools/grammar/productions.def"
#undef CTI_PRODUCTION
  kCount
};
enum class Class : uint8_t { all, print, later, older, error };
struct ProductionInfo {
  const char* name;
  Class cls;
};
inline constexpr size_t kProductions = static_cast<size_t>(Production::kCount);
extern const std::array<ProductionInfo, kProductions> kProductionInfo;

struct Options {
  bool more = true;      // -m: everything, masks of 0 too, and ufid
  bool names = true;     // ports by name
  bool errors = true;    // class error, and unknown attributes
  bool add_flow = false; // only what add-flow of 3.1 takes and its dump gives back the same
};

// Ports p0 to p7, or 0 to 7 without names; ids of the snapshot if its first row has them as actions in that order.
inline constexpr uint32_t kPorts = 8;

struct Row {
  std::string match, counters, actions, extra;  // the line is match + counters + actions + extra
  tables::DpFlow flow;                          // refs are 0; what they point to is below
  std::string geneve_key, geneve_mask, tunnel_text;
  std::string vlans_key, vlans_mask, mpls_key, mpls_mask;
  std::string unknown;             // parts of the match that are kept as text, comma between
  bool from_fields = true;         // printed from the fields: nothing unknown in the middle
  std::vector<uint8_t> tree;       // of the actions
  uint64_t does = 0, sets = 0;
  uint32_t n_unknown_actions = 0;
  std::vector<uint32_t> out_ports;  // ids, ascending, once each

  std::string line() const { return match + counters + actions + extra; }
};

// Attributes of netlink, written without the reader's own writer.
class Attributes {
 public:
  std::vector<uint8_t> bytes;

  size_t begin(uint16_t type) {
    size_t at = bytes.size();
    number<uint16_t>(0), number<uint16_t>(type);
    return at;
  }
  void end(size_t at) {
    size_t size = bytes.size() - at;
    bytes[at] = static_cast<uint8_t>(size), bytes[at + 1] = static_cast<uint8_t>(size >> 8);
    while (bytes.size() % 4) bytes.push_back(0);
  }
  template <typename T>
  void number(T value) {  // little-endian
    for (size_t i = 0; i < sizeof value; i++) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }
  void network(uint64_t value, size_t size) {
    for (size_t i = size; i-- > 0;) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }
  void raw(std::string_view data) { bytes.insert(bytes.end(), data.begin(), data.end()); }
  void put(uint16_t type, std::string_view data) {
    size_t at = begin(type);
    raw(data);
    end(at);
  }
  template <typename T>
  void put_number(uint16_t type, T value) {
    size_t at = begin(type);
    number(value);
    end(at);
  }
  void flag(uint16_t type) { end(begin(type)); }
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  Row row(const Options& options);
  const std::array<uint64_t, kProductions>& reached() const { return reached_; }

 private:
  struct Bits {
    uint64_t key = 0, mask = 0;
  };
  struct Bytes16 {
    std::string key, mask;
    bool none() const { return mask == std::string(16, '\0'); }
    bool exact() const { return mask == std::string(16, '\xff'); }
  };

  // random.cc: what is drawn
  bool may(Production production);  // counts it, if the options allow it
  void use(Production production) { reached_[static_cast<size_t>(production)]++; }
  uint64_t below(uint64_t n) { return random_() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  Bits number(unsigned bits);
  Bits exact_number(unsigned bits);
  Bytes16 bytes16();
  std::string random_bytes(size_t size);
  std::string hex_pairs(size_t size, std::string_view between);

  // match.cc
  void match();
  void metadata();
  void put_key(unsigned number, const char* name, const std::string& inside, bool keep_empty = false);
  void open_tags();
  void put_type(uint16_t eth_type);
  void network_layer();
  void ip(bool v6);
  void transport(unsigned proto, bool v6);
  void arp();
  void mpls();
  void nsh();
  void opaque_key(const std::string& text, bool with_comma = true);
  // name=value[/mask], and a comma; nothing if it is left out.
  void decimal(std::string& out, const char* name, Bits value, unsigned bits);
  void hex(std::string& out, const char* name, Bits value, unsigned bits);
  void mac(std::string& out, const char* name, Bits value);
  void ipv4(std::string& out, const char* name, Bits value);
  void ipv6(std::string& out, const char* name, const Bytes16& value);
  std::string single(Bits value, unsigned bits);
  static std::string flags(const std::vector<const char*>& names, Bits value, uint64_t all);

  // tunnel.cc
  void tunnel();
  std::string tunnel_options();
  std::string geneve_match();
  std::string geneve_exact(std::string& wire);
  void set_tunnel(Attributes& tree, std::string& text);
  void tunnel_push(Attributes& tree, std::string& text);

  // actions.cc, actions_set.cc
  void list(Attributes& tree, std::string& text, int depth);
  void action(Attributes& tree, std::string& text, int depth);
  void nested(Attributes& tree, uint16_t type, std::string& text, int depth);
  void ct(Attributes& tree, std::string& text);
  void nat(Attributes& tree, std::string& text);
  void userspace(Attributes& tree, std::string& text);
  void push_nsh(Attributes& tree, std::string& text);
  void opaque_action(Attributes& tree, std::string& text, const std::string& what);
  bool error_action(Attributes& tree, std::string& text);
  void set(Attributes& tree, std::string& text);
  void set_struct(Attributes& tree, std::string& text);
  void set_nsh(Attributes& tree, std::string& text);
  uint32_t port(std::string& text);

  void counters();

  std::mt19937_64 random_;
  std::array<uint64_t, kProductions> reached_{};
  Options options_;
  Row row_;
  std::string match_;
  int open_ = 0;  // encap(...) that are to be closed
  uint64_t serial_ = 0;
};

// printf into a string.
std::string format(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string ipv4_text(uint64_t address);
std::string ipv6_text(std::string_view bytes);  // by inet_ntop
std::string mac_text(uint64_t address);
std::string hex_text(std::string_view bytes);   // one number: 0x and no leading zeros, or 0
cti_be128 be128(std::string_view bytes);
void chomp(std::string& text);                  // a last comma

}  // namespace cti::grammar
