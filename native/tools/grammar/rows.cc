// Rows but for their match and actions, and how values with masks are written.
#include "tools/grammar/grammar.h"
#include "tools/grammar/key_numbers.h"

namespace cti::grammar {
namespace {

uint64_t ones(unsigned bits) { return bits == 64 ? UINT64_MAX : (1ull << bits) - 1; }

}  // namespace

Row Generator::row(const Options& options) {
  options_ = options;
  row_ = {};
  match_.clear();
  open_ = 0;
  serial_++;
  row_.flow.match.key.attrs = options.more ? 0 : kPlain;
  match();
  if (options.more) {
    use(Production::ufid);
    const uint64_t high = random_(), low = random_();
    row_.match = format("ufid:%08x-%04x-%04x-%04x-%012llx, ", static_cast<unsigned>(high >> 32), static_cast<unsigned>(high >> 16 & 0xffff),
                        static_cast<unsigned>(high & 0xffff), static_cast<unsigned>(low >> 48), static_cast<unsigned long long>(low & 0xffffffffffff));
    row_.flow.rows.ufid = {{__builtin_bswap64(high), __builtin_bswap64(low)}};
    row_.flow.rows.known |= CTI_DP_FLOWS_KNOWN_UFID;
  }
  row_.match += match_;
  counters();
  Attributes tree;
  list(tree, row_.actions, 0);
  row_.tree = std::move(tree.bytes);
  if (one_in(2)) {
    use(Production::extra);
    row_.extra = ", dp-extra-info:miniflow_bits(4,1)";
  }
  return std::move(row_);
}

void Generator::counters() {
  auto& rows = row_.flow.rows;
  rows.packets = random_() >> below(64);
  rows.bytes = random_() >> below(64);
  row_.counters = ", packets:" + std::to_string(rows.packets) + ", bytes:" + std::to_string(rows.bytes) + ", used:";
  if (one_in(3)) {
    use(Production::used_never);
    rows.used_ms = UINT64_MAX;
    row_.counters += "never";
  } else {
    use(Production::used);
    rows.used_ms = random_() % 100'000'000;
    row_.counters += format("%llu.%03llus", static_cast<unsigned long long>(rows.used_ms / 1000), static_cast<unsigned long long>(rows.used_ms % 1000));
  }
  rows.known |= CTI_DP_FLOWS_KNOWN_TCP_FLAGS_SEEN;
  if (one_in(2)) {
    use(Production::flags);
    // OVS's letters, in the order in which it prints them.
    constexpr struct {
      const char* letter;
      uint16_t bit;
    } kLetters[] = {{"S", 2}, {"F", 1}, {"P", 8}, {"R", 4}, {"U", 32}, {".", 16}, {"E", 64}, {"C", 128}, {"N", 256}, {"[200]", 512}, {"[400]", 1024}, {"[800]", 2048}};
    rows.tcp_flags_seen = static_cast<uint16_t>(1 + below(0xfff));
    row_.counters += ", flags:";
    for (const auto& flag : kLetters)
      if (rows.tcp_flags_seen & flag.bit) row_.counters += flag.letter;
  }
  if (one_in(3)) {
    use(Production::offloaded);
    rows.hw = one_in(2) ? CTI_DP_FLOWS_HW_YES : CTI_DP_FLOWS_HW_PARTIAL;
    rows.known |= CTI_DP_FLOWS_KNOWN_HW;
    row_.counters += rows.hw == CTI_DP_FLOWS_HW_YES ? ", offloaded:yes" : ", offloaded:partial";
  }
  if (one_in(2)) {
    use(Production::dp);
    constexpr const char* kLayers[] = {", dp:ovs", ", dp:tc", ", dp:dpdk"};
    rows.layer = static_cast<uint8_t>(below(3));
    rows.known |= CTI_DP_FLOWS_KNOWN_LAYER | CTI_DP_FLOWS_KNOWN_HW;
    row_.counters += kLayers[rows.layer];
  }
  row_.counters += ", actions:";
}

// ---- notations ----

void Generator::decimal(std::string& out, const char* name, Bits v, unsigned bits) {
  if (!options_.more && !v.mask) return;
  out += name;
  out += format("=%llu", static_cast<unsigned long long>(v.key));
  if (v.mask != ones(bits)) out += format("/%#llx", static_cast<unsigned long long>(v.mask));
  out += ',';
}

void Generator::hex(std::string& out, const char* name, Bits v, unsigned bits) {
  if (!options_.more && !v.mask) return;
  out += name;
  out += format("=%#llx", static_cast<unsigned long long>(v.key));
  if (v.mask != ones(bits)) out += format("/%#llx", static_cast<unsigned long long>(v.mask));
  out += ',';
}

void Generator::mac(std::string& out, const char* name, Bits v) {
  if (!options_.more && !v.mask) return;
  out += name + ("=" + mac_text(v.key));
  if (v.mask != ones(48)) out += "/" + mac_text(v.mask);
  out += ',';
}

void Generator::ipv4(std::string& out, const char* name, Bits v) {
  if (!options_.more && !v.mask) return;
  out += name + ("=" + ipv4_text(v.key));
  if (v.mask != ones(32)) out += "/" + ipv4_text(v.mask);
  out += ',';
}

void Generator::ipv6(std::string& out, const char* name, const Bytes16& v) {
  if (!options_.more && v.none()) return;
  out += name + ("=" + ipv6_text(v.key));
  if (!v.exact()) out += "/" + ipv6_text(v.mask);
  out += ',';
}

std::string Generator::single(Bits v, unsigned bits) {
  if (!options_.more && !v.mask) return "";
  std::string text = format("%#llx", static_cast<unsigned long long>(v.key));
  if (v.mask != ones(bits)) text += format("/%#llx", static_cast<unsigned long long>(v.mask));
  return text;
}

// "a|b" if all flags are matched, "+a-b" for those that are, "0/0" for none.
std::string Generator::flags(const std::vector<const char*>& names, Bits v, uint64_t all) {
  std::string text;
  if (v.mask == all) {
    uint64_t rest = v.key;
    for (size_t i = 0; i < names.size(); i++)
      if (v.key >> i & 1) text += names[i], text += '|', rest &= ~(1ull << i);
    if (rest) text += format("%#llx|", static_cast<unsigned long long>(rest));
    if (text.empty()) return "0";
    text.pop_back();
    return text;
  }
  if (!v.mask) return "0/0";
  for (size_t i = 0; i < names.size(); i++)
    if (v.mask >> i & 1) text += v.key >> i & 1 ? '+' : '-', text += names[i];
  return text;
}

}  // namespace cti::grammar
