#include "ovs/datapath_texts.h"

#include <algorithm>

#include "ovs/questions.h"
#include "sys/clock.h"

namespace cti::ovs {
namespace {

// dpctl prints EOPNOTSUPP in these words: the datapath's provider does not implement the command (ct_dpif_dump_start of lib/ct-dpif.c).
bool is_not_supported(const std::string& words) { return words.find("(Operation not supported)") != std::string::npos; }

}  // namespace

Result<TextFacts> capture_datapath_texts(const std::string& rundir, const std::string& target, const std::string& command,
                                         const std::vector<std::string>& args, const Patience& patience, TextReceiver& receiver) {
  auto client = Unixctl::connect(rundir, target, patience);
  if (!client) return std::move(client.error());
  TextFacts facts;
  facts.socket_path = client->address().socket_path;
  RequestCost cost;
  auto version = client->check_is_switch(patience, &cost);
  if (!version) return std::move(version.error());
  facts.requests.push_back(std::move(cost));

  Questions questions(*client, patience, facts.requests);
  auto names = questions.datapaths();
  if (!names) return std::move(names.error());
  std::sort(names->begin(), names->end());  // the switch lists them in any order
  facts.begin_ns = sys::clock_ns(CLOCK_REALTIME);
  std::string last;
  for (const std::string& name : *names) {
    CTI_TRY(receiver.begin_datapath(name));
    std::vector<std::string> words = args;
    words.push_back(name);
    auto reply = client->request(command, words, kMaxDumpText, [&](Bytes piece) { return receiver.feed(piece); }, patience);
    if (!reply) return std::move(reply.error());
    facts.requests.push_back(reply->cost);
    if (!reply->refusal) continue;
    last = command + " " + name;
    if (!is_not_supported(*reply->refusal)) return refused(last, *reply->refusal);
    facts.not_supported.push_back({name, *reply->refusal});
  }
  facts.end_ns = sys::clock_ns(CLOCK_REALTIME);
  if (!names->empty() && facts.not_supported.size() == names->size()) return refused(last, facts.not_supported.back().words);
  return facts;
}

}  // namespace cti::ovs
