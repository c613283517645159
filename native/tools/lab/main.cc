// lab_traffic: traffic for scripts/lab, from inside the lab's own network namespaces.
//
//   lab_traffic fill --out IF --in IF --count N [--first N] [--shapes N] [--seed N] [--rate N] [--window N]
//                    [--seconds N] [--once]
//   lab_traffic mix --interface IF --mac M --ip4 A --ip6 A --to-mac M --to-ip4 A --to-ip6 A --kinds a,b [--count N] ...
//   lab_traffic talk [--seconds N] <FILE    a conversation a line: tcp|udp CLIENT-NETNS SERVER-NETNS ADDRESS PORT
//                                          SERVER-PORT SIZE
//   lab_traffic no-offload IF...
//
// Prints one line of JSON. Status: 0 done, 1 not all of it arrived, 2 an error (words on standard error).
// All of it is bounded in frames, rate and time.
#include <arpa/inet.h>

#include <charconv>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>

#include "tools/lab/fill.h"
#include "tools/lab/mix.h"
#include "tools/lab/port.h"
#include "tools/lab/talk.h"

namespace cti::lab {
namespace {

using Options = std::map<std::string, std::string>;

// "--name value" pairs; "--once" has no value.
Result<Options> parse(int n, char** args) {
  Options options;
  for (int i = 0; i < n; i++) {
    std::string name = args[i];
    if (name == "--once") {
      options[name] = "1";
    } else if (name.starts_with("--") && i + 1 < n) {
      options[name] = args[++i];
    } else {
      return errorf(ErrorCode::INVALID_ARGUMENT, "Expected '--option value' but received '%s'", name.c_str());
    }
  }
  return options;
}

// Takes the named options out of an Options; what is wrong is kept for the end.
class Reader {
 public:
  explicit Reader(Options options) : options_(std::move(options)) {}

  void text(const char* name, std::string& to) {
    auto found = options_.find(name);
    if (found == options_.end()) return;
    to = found->second;
    options_.erase(found);
  }
  template <typename T>
  void number(const char* name, T& to) {
    std::string value;
    text(name, value);
    if (value.empty()) return;
    T parsed{};
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (error != std::errc{} || end != value.data() + value.size()) return bad(name, "a number", value);
    to = parsed;
  }
  void host(const std::string& prefix, Host& to) {
    std::string mac, ip4, ip6;
    text(("--" + prefix + "mac").c_str(), mac);
    text(("--" + prefix + "ip4").c_str(), ip4);
    text(("--" + prefix + "ip6").c_str(), ip6);
    unsigned b[6];
    if (std::sscanf(mac.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
      return bad(("--" + prefix + "mac").c_str(), "a MAC address", mac);
    for (unsigned byte : b) to.mac = to.mac << 8 | byte;
    in_addr address{};
    if (inet_pton(AF_INET, ip4.c_str(), &address) != 1)
      return bad(("--" + prefix + "ip4").c_str(), "an IPv4 address", ip4);
    to.ip4 = ntohl(address.s_addr);
    if (inet_pton(AF_INET6, ip6.c_str(), to.ip6.data()) != 1)
      return bad(("--" + prefix + "ip6").c_str(), "an IPv6 address", ip6);
  }
  bool flag(const char* name) { return options_.erase(name) > 0; }

  Result<void> done() {
    if (problem_) return *problem_;
    if (options_.empty()) return {};
    return errorf(ErrorCode::INVALID_ARGUMENT, "Unknown option '%s'", options_.begin()->first.c_str());
  }

 private:
  void bad(const char* name, const char* expected, const std::string& received) {
    if (!problem_)
      problem_ = errorf(ErrorCode::INVALID_ARGUMENT, "Expected %s for %s but received '%s'", expected, name,
                        received.c_str());
  }

  Options options_;
  std::optional<Error> problem_;
};

Result<bool> run_fill(Options given) {
  FillOptions options;
  Reader reader(std::move(given));
  reader.text("--out", options.out);
  reader.text("--in", options.in);
  reader.number("--first", options.first);
  reader.number("--count", options.count);
  reader.number("--shapes", options.n_shapes);
  reader.number("--seed", options.seed);
  reader.number("--rate", options.rate);
  reader.number("--window", options.window);
  reader.number("--seconds", options.seconds);
  options.extra_hits = !reader.flag("--once");
  CTI_TRY(reader.done());
  if (options.n_shapes < 1 || options.n_shapes > n_fill_shapes || options.count == 0 || options.window == 0 ||
      uint64_t{options.first} + options.count > uint64_t{1} << 24)
    return errorf(ErrorCode::INVALID_ARGUMENT, "Expected 1 to %u shapes and 1 to 16777216 flows in all", n_fill_shapes);
  auto result = fill(options);
  if (!result) return result.error();
  std::printf(
      "{\"flows\":%u,\"seen\":%u,\"sent\":%llu,\"returned\":%llu,\"rounds\":%u,"
      "\"installSeconds\":%.3f,\"seconds\":%.3f}\n",
      options.count, result->n_seen, static_cast<unsigned long long>(result->n_sent),
      static_cast<unsigned long long>(result->n_returned), result->n_rounds, result->install_seconds,
      result->total_seconds);
  return result->n_seen == options.count;
}

Result<bool> run_mix(Options given) {
  MixOptions options;
  Reader reader(std::move(given));
  std::string kinds;
  reader.text("--interface", options.interface);
  reader.host("", options.from);
  reader.host("to-", options.to);
  reader.text("--kinds", kinds);
  reader.number("--count", options.count);
  reader.number("--vlan", options.vlan);
  reader.number("--seed", options.seed);
  reader.number("--rate", options.rate);
  reader.number("--seconds", options.seconds);
  CTI_TRY(reader.done());
  std::istringstream list(kinds);
  for (std::string kind; std::getline(list, kind, ',');) options.kinds.push_back(kind);
  if (options.kinds.empty()) options.kinds = mix_kinds();
  auto n_sent = mix(options);
  if (!n_sent) return n_sent.error();
  std::printf("{\"sent\":%llu}\n", static_cast<unsigned long long>(*n_sent));
  return true;
}

Result<bool> run_talk(Options given) {
  double seconds = 2;
  Reader reader(std::move(given));
  reader.number("--seconds", seconds);
  CTI_TRY(reader.done());
  std::string results;
  bool all = true;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string protocol;
    Conversation c;
    c.seconds = seconds;
    words >> protocol >> c.client_netns >> c.server_netns >> c.address >> c.port >> c.server_port >> c.size;
    if (!words || (protocol != "tcp" && protocol != "udp"))
      return errorf(ErrorCode::INVALID_ARGUMENT, "Expected a conversation but received '%s'", line.c_str());
    c.tcp = protocol == "tcp";
    auto answered = talk(c);
    if (!answered) return answered.error();
    all = all && *answered;
    results += results.empty() ? "" : ",";
    results += *answered ? "true" : "false";
  }
  std::printf("{\"answered\":[%s]}\n", results.c_str());
  return all;
}

Result<bool> run(int argc, char** argv) {
  std::string command = argc > 1 ? argv[1] : "";
  if (command == "no-offload") {
    for (int i = 2; i < argc; i++) CTI_TRY(finish_checksums_in_software(argv[i]));
    return true;
  }
  auto options = parse(argc - 2, argv + 2);
  if (command == "fill" && options) return run_fill(std::move(*options));
  if (command == "mix" && options) return run_mix(std::move(*options));
  if (command == "talk" && options) return run_talk(std::move(*options));
  if (!options) return options.error();
  return errorf(ErrorCode::INVALID_ARGUMENT, "Expected fill, mix, talk or no-offload but received '%s'",
                command.c_str());
}

}  // namespace
}  // namespace cti::lab

int main(int argc, char** argv) {
  auto done = cti::lab::run(argc, argv);
  if (done) return *done ? 0 : 1;
  std::fprintf(stderr, "lab_traffic: %s\n", done.error().message.c_str());
  return 2;
}
