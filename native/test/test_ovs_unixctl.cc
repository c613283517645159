// The unixctl client and the capture against a server thread, for the sanitizers: real daemons are in test/sources.test.ts.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "ovs/dp_flows_capture.h"

using namespace cti;

namespace {

// Serves one connection: answers request n with replies[n], then closes. Without replies it accepts none.
class Server {
 public:
  explicit Server(std::vector<std::string> replies) : replies_(std::move(replies)) {
    char dir[] = "/tmp/cti-native-XXXXXX";
    dir_ = ::mkdtemp(dir);
    path_ = dir_ + "/s.ctl";
    fd_ = sys::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path_.c_str());
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd_.get(), 1) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    thread_.join();
    std::filesystem::remove_all(dir_);
  }
  const std::string& path() const { return path_; }
  std::vector<std::string> requests;  // read after the client has gone

 private:
  void serve() {
    if (replies_.empty()) return;
    sys::UniqueFd client(::accept(fd_.get(), nullptr, nullptr));
    for (const std::string& reply : replies_) {
      char request[4096];
      const ssize_t size = ::recv(client.get(), request, sizeof request, 0);
      if (size <= 0) return;
      requests.emplace_back(request, static_cast<size_t>(size));
      for (size_t sent = 0; sent < reply.size();) {
        const ssize_t n = ::send(client.get(), reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += static_cast<size_t>(n);
      }
    }
  }

  std::vector<std::string> replies_;
  std::string dir_, path_;
  sys::UniqueFd fd_;
  std::thread thread_;
};

struct Log : ovs::DumpReceiver {
  std::string text;
  Result<uint32_t> add_datapath(const std::string& name) override {
    text += "datapath " + name + "\n";
    return n_datapaths++;
  }
  Result<void> add_port(uint32_t datapath, uint32_t number, const std::string& name, const std::string& type) override {
    text += "port " + std::to_string(datapath) + " " + std::to_string(number) + " " + name + " " + type + "\n";
    return {};
  }
  Result<void> begin_datapath(uint32_t datapath) override {
    text += "begin " + std::to_string(datapath) + "\n";
    return {};
  }
  Result<void> feed(Bytes piece) override {
    text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  }
  uint32_t n_datapaths = 0;
};

const std::vector<std::string> kReplies = {
    R"({"id":1,"result":"ovs-vswitchd (Open vSwitch) 3.1.0\n","error":null})",
    R"({"id":2,"result":"netdev@a\nsystem@b\n","error":null})",
    R"({"id":3,"result":"netdev@a:\n  flows: 2\n  port 1: x (tap)\n","error":null})",
    R"({"id":4,"result":"system@b:\n  port 2: y\n","error":null})",
    R"({"id":5,"result":"one\ntwo\n","error":null})",
    R"({"id":6,"result":"three\n","error":null})",
};

int open_fds() {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

}  // namespace

TEST_CASE("a capture asks for version, datapaths, ports and flows, in that order") {
  const int fds = open_fds();
  {
    Server server(kReplies);
    Log log;
    auto facts = ovs::capture_dp_flows("/", server.path(), ovs::Patience(std::chrono::seconds(20)), log);
    REQUIRE_MESSAGE(facts, facts.error().message);
    CHECK(log.text ==
          "datapath netdev@a\nport 0 1 x tap\ndatapath system@b\nport 1 2 y system\nbegin 0\none\ntwo\nbegin 1\nthree\n");
    CHECK(server.requests.size() == 6);
    CHECK(server.requests[4] == R"({"id":5,"method":"dpctl/dump-flows","params":["-m","netdev@a"]})");
    CHECK(facts->pid == ::getpid());
    CHECK(facts->requests.size() == 6);
    CHECK(facts->requests[5].reply_bytes == kReplies[5].size());
    CHECK(facts->begin_ns <= facts->end_ns);
  }
  CHECK(open_fds() == fds);
}

TEST_CASE("300 damaged conversations end in an error or a capture, and leave nothing open") {
  const int fds = open_fds();
  std::mt19937 random(7);
  int failed = 0;
  for (int i = 0; i < 300; i++) {
    std::vector<std::string> replies = kReplies;
    std::string& reply = replies[random() % replies.size()];
    const size_t at = random() % reply.size();
    switch (random() % 3) {
      case 0: reply.resize(at); replies.resize(static_cast<size_t>(&reply - replies.data()) + 1); break;
      case 1: reply[at] = static_cast<char>(random()); break;
      case 2: reply.insert(at, reply.substr(random() % reply.size(), random() % 9)); break;
    }
    Server server(replies);
    Log log;
    // A damaged reply can only fail to end, with the connection open, where a byte of its end was changed.
    auto facts = ovs::capture_dp_flows("/", server.path(), ovs::Patience(std::chrono::milliseconds(200)), log);
    if (!facts) failed++;
  }
  CHECK(failed > 150);
  CHECK(open_fds() == fds);
}

TEST_CASE("a capture is cancelled from another thread while the switch is silent") {
  // A listener that accepts nothing: the connection stands in its queue, and no reply comes.
  Server silent(std::vector<std::string>{});
  std::atomic<bool> cancel{false};
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancel = true;
  });
  Log log;
  auto facts = ovs::capture_dp_flows("/", silent.path(), ovs::Patience(std::chrono::seconds(20), &cancel), log);
  later.join();
  REQUIRE_FALSE(facts);
  CHECK(facts.error().code == ErrorCode::CANCELLED);
}
