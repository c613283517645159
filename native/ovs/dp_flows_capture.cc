#include "ovs/dp_flows_capture.h"

#include "ovs/dpctl.h"
#include "ovs/questions.h"
#include "sys/clock.h"

namespace cti::ovs {
namespace {

class Capture {
 public:
  Capture(Unixctl client, const Patience& patience, DumpReceiver& receiver)
      : client_(std::move(client)), patience_(patience), receiver_(receiver), questions_(client_, patience, facts_.requests) {}

  Result<CaptureFacts> run() {
    facts_.socket_path = client_.address().socket_path;
    facts_.pid = client_.pid();
    RequestCost cost;
    auto version = client_.check_is_switch(patience_, &cost);
    if (!version) return std::move(version.error());
    facts_.version = *std::move(version);
    facts_.requests.push_back(std::move(cost));

    auto names = questions_.datapaths();
    if (!names) return std::move(names.error());
    std::vector<uint32_t> ids;
    for (const std::string& name : *names) {
      auto id = receiver_.add_datapath(name);
      if (!id) return std::move(id.error());
      CTI_TRY(ports(name, *id));
      ids.push_back(*id);
    }
    facts_.begin_ns = sys::clock_ns(CLOCK_REALTIME);
    for (size_t i = 0; i < ids.size(); i++) {
      CTI_TRY(receiver_.begin_datapath(ids[i]));
      CTI_TRY(dump((*names)[i]));
    }
    facts_.end_ns = sys::clock_ns(CLOCK_REALTIME);
    return std::move(facts_);
  }

 private:
  Result<void> ports(const std::string& datapath, uint32_t id) {
    auto text = questions_.ask("dpctl/show", {datapath});
    if (!text) return std::move(text.error());
    auto ports = parse_show(*text, datapath);
    if (!ports) return std::move(ports.error());
    for (const Port& port : *ports) CTI_TRY(receiver_.add_port(id, port.number, port.name, port.type));
    return {};
  }

  Result<void> dump(const std::string& datapath) {
    const std::string args[] = {"-m", datapath};
    auto reply = client_.request("dpctl/dump-flows", args, kMaxDumpText, [&](Bytes piece) { return receiver_.feed(piece); }, patience_);
    if (!reply) return std::move(reply.error());
    facts_.requests.push_back(reply->cost);
    if (reply->refusal) return refused("dpctl/dump-flows -m " + datapath, *reply->refusal);
    return {};
  }

  Unixctl client_;
  const Patience& patience_;
  DumpReceiver& receiver_;
  CaptureFacts facts_;
  Questions questions_;
};

}  // namespace

Result<CaptureFacts> capture_dp_flows(const std::string& rundir, const std::string& target, const Patience& patience,
                                      DumpReceiver& receiver) {
  auto client = Unixctl::connect(rundir, target, patience);
  if (!client) return std::move(client.error());
  return Capture(*std::move(client), patience, receiver).run();
}

}  // namespace cti::ovs
