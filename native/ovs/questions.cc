#include "ovs/questions.h"

#include "ovs/dpctl.h"

namespace cti::ovs {
namespace {

// A list of datapaths, ports or threads: 16 MiB are hundreds of thousands of ports.
constexpr uint64_t kMaxText = 16 << 20;

}  // namespace

Result<std::string> Questions::ask(const std::string& command, std::vector<std::string> args) {
  RequestCost cost;
  auto text = client_.ask(command, args, kMaxText, patience_, &cost);
  if (text) costs_.push_back(std::move(cost));
  return text;
}

Result<std::vector<std::string>> Questions::datapaths() {
  std::string text;
  const TextSink sink = [&](Bytes piece) -> Result<void> {
    text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  };
  auto reply = client_.request("dpctl/dump-dps", {}, kMaxText, sink, patience_);
  if (!reply) return std::move(reply.error());
  costs_.push_back(reply->cost);
  // Without a datapath OVS 3.1 passes on why the kernel's could not be listed (no module), as an error without words.
  if (reply->refusal && reply->refusal->empty()) return std::vector<std::string>();
  if (reply->refusal) return refused("dpctl/dump-dps", *reply->refusal);
  return parse_dump_dps(text);
}

}  // namespace cti::ovs
